//! The plan: the ordered changes from actual to desired.

mod assignments;
mod diff;
mod full;
mod scope;
mod users;

use std::collections::BTreeSet;

use serde::Serialize;
use sha2::{Digest, Sha256};

pub use diff::plan;
pub use full::{GROUPS_AT_MOST, mark_full, places_in_question};
pub use scope::Restriction;

use crate::action::{Action, Phase, UserLabel, UserRef};
use crate::actual::ActualState;
use crate::ids::{OktaGroupId, OktaUserId};

/// Ordered, deduplicated changes. Empty where nothing differs: there is no action that does nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    actions: BTreeSet<(Phase, Action)>,
}

/// 64 hex digits that stand for exactly one set of actions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PlanHash(String);

impl PlanHash {
    /// Reads a hash as a report gave it; `None` if it is not 64 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        (text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(Self(text))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Plan {
    /// The actions in the order of their execution.
    pub fn actions(&self) -> impl Iterator<Item = (Phase, &Action)> {
        self.actions.iter().map(|(phase, action)| (*phase, action))
    }

    /// How many actions it has.
    pub fn len(&self) -> usize {
        self.actions.len()
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// Those actions that `keep` keeps, and the others.
    pub fn partition(self, keep: impl Fn(&Action) -> bool) -> (Self, Self) {
        let (kept, rest) = self.actions.into_iter().partition(|(_, action)| keep(action));
        (Self { actions: kept }, Self { actions: rest })
    }

    /// Who loses a membership without having left: those who are taken out of a group, and the members of groups that are deleted. Only
    /// those whose Okta id is known.
    pub fn losers(&self, actual: &ActualState) -> BTreeSet<OktaUserId> {
        let of_action = |(_, action): (Phase, &Action)| -> Vec<OktaUserId> {
            if let Action::DeleteGroup { edit, .. } = action {
                return actual.known_members(&edit.group_id).keys().filter_map(|user| actual.okta_id(user)).collect();
            }
            let is_taken_out = matches!(action, Action::RemoveMembership(removal) if !removal.reason.is_leaver());
            okta_user(action).filter(|_| is_taken_out).into_iter().cloned().collect()
        };
        self.actions().flat_map(of_action).collect()
    }

    /// With what another plan has and this one has not.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.actions.extend(other.actions);
        self
    }

    /// Only what these users gain, with the groups that are made or taken over for it.
    #[must_use]
    pub fn given_to(&self, users: &BTreeSet<OktaUserId>) -> Self {
        if users.is_empty() {
            return Self::default();
        }
        let is_given =
            |action: &Action| matches!(action, Action::AddMembership { .. }) && okta_user(action).is_some_and(|id| users.contains(id));
        let (given, others) = self.clone().partition(is_given);
        let groups: BTreeSet<OktaGroupId> = given.actions().flat_map(|(_, action)| action.groups()).cloned().collect();
        let makes = |action: &Action| matches!(action, Action::CreateGroup { .. } | Action::AdoptGroup { .. }) && action.is_of_any(&groups);
        given.and(others.partition(makes).0)
    }

    /// Only what these users lose because they left: their status is proof enough of it.
    #[must_use]
    pub fn of_leavers(self, leavers: &BTreeSet<OktaUserId>) -> Self {
        self.partition(|action| is_of_leaver(action) && okta_user(action).is_some_and(|user| leavers.contains(user))).0
    }

    /// What stands for exactly these actions: equal for equal plans, whatever people are called, and whatever else of the plan that they come
    /// from was done in the meantime: that moves actions to other phases, makes the groups that they speak of, and tells who their users are.
    pub fn hash(&self) -> PlanHash {
        let identities: BTreeSet<String> = self.actions.iter().map(|(_, action)| identity(action)).collect();
        let mut hasher = Sha256::new();
        for identity in identities {
            hasher.update(identity.as_bytes());
            hasher.update(b"\n");
        }
        PlanHash(hex::encode(hasher.finalize()))
    }

    /// Without what a trigger that only grants may not do.
    #[must_use]
    pub fn grants_and(self, may_remove: &MayRemove) -> Self {
        match may_remove {
            MayRemove::Everything => self,
            MayRemove::LeaversOnly => self.partition(|action| !action.is_removal() || is_of_leaver(action)).0,
            MayRemove::Only { users, groups } => {
                let allowed = |action: &Action| action.is_of_any(groups) || okta_user(action).is_some_and(|user| users.contains(user));
                self.partition(|action| !action.is_removal() || allowed(action)).0
            }
        }
    }
}

impl FromIterator<(Phase, Action)> for Plan {
    fn from_iter<I: IntoIterator<Item = (Phase, Action)>>(actions: I) -> Self {
        Self { actions: actions.into_iter().collect() }
    }
}

/// What a run may take away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MayRemove {
    /// Whatever the plan says.
    Everything,
    /// Only what leavers have: their status is proof enough.
    LeaversOnly,
    /// Only from these users, and from these groups.
    Only {
        /// Users.
        users: BTreeSet<OktaUserId>,
        /// Groups.
        groups: BTreeSet<OktaGroupId>,
    },
}

/// Whether the status of one user is proof enough of it.
fn is_of_leaver(action: &Action) -> bool {
    let of_membership = || matches!(action, Action::RemoveMembership(removal) if removal.reason.is_leaver());
    action.departure().map_or_else(of_membership, |departure| departure.reason.is_leaver())
}

fn okta_user(action: &Action) -> Option<&OktaUserId> {
    action.user()?.okta_id.as_ref()
}

/// The change itself, in ids. What is granted goes by Okta's: they are the same before the group or the user is made and after.
fn identity(action: &Action) -> String {
    let name = action.name();
    match action {
        Action::RenameGroup(edit) => format!("{name} {} {:?}", edit.group_id, edit.group.name),
        Action::AdoptGroup { edit, marked, .. } => format!("{name} {} {:?} {marked:?}", edit.group_id, edit.group.name),
        Action::CreateGroup { group, .. } => format!("{name} {} {:?}", group.okta_id, group.name),
        Action::AddMembership { group, user, user_ref, .. } => format!("{name} {} {}", group.okta_id, user_key(user, user_ref)),
        Action::RemoveMembership(removal) => format!("{name} {} {} {}", removal.group_id, removal.user_id, removal.membership_id),
        Action::CreateAssignment { group, target, .. } => format!("{name} {} {} {}", group.okta_id, target.account, target.permission_set),
        Action::DeleteAssignment { group_id, target, .. } => format!("{name} {group_id} {} {}", target.account, target.permission_set),
        Action::ReleaseGroup { edit, .. } | Action::DeleteGroup { edit, .. } => format!("{name} {}", edit.group_id),
        Action::CreateUser(creation) => format!("{name} {}", creation.okta_id),
        Action::UpdateUser(update) => format!("{name} {} {:?}", update.user_id, update.to),
        Action::DisableUser(departure) | Action::DeleteUser(departure) => format!("{name} {}", departure.user_id),
    }
}

/// An undo puts back users whose Okta id nobody knows: they exist.
fn user_key<'a>(user: &'a UserLabel, user_ref: &'a UserRef) -> &'a str {
    match (&user.okta_id, user_ref) {
        (Some(okta_id), _) | (None, UserRef::New(okta_id)) => okta_id.as_str(),
        (None, UserRef::Existing(user_id)) => user_id.as_str(),
    }
}
