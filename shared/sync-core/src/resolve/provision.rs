//! Which users Lockstep makes, changes, disables and deletes, where the policy manages users.

use std::collections::{BTreeMap, BTreeSet};

use super::profile::{Profile, profile_of, shared};
use super::users::Binding;
use crate::action::{RemovalReason, UserLabel};
use crate::actual::{ActualState, Grace};
use crate::desired::{DesiredUser, Fate, UserFate};
use crate::ids::{OktaGroupId, OktaUserId, UserId};
use crate::names::NameKey;
use crate::policy::{Entitlement, Farewell, ManagedUsers, Policy};
use crate::profile::Attribute;
use crate::reading::Reading;
use crate::records::{OktaUser, UserStatus};
use crate::snapshot::{OktaSnapshot, UserSighting};
use crate::unresolved::UnresolvedKind;

/// What is to be done to users, and of whom nothing can be made.
#[derive(Debug, Default)]
pub(super) struct Provision {
    pub(super) users: BTreeMap<OktaUserId, DesiredUser>,
    /// Why a user who is entitled is not made or changed.
    pub(super) refused: BTreeMap<OktaUserId, (UnresolvedKind, String)>,
}

/// All that a decision on users rests on.
pub(super) struct Ground<'a> {
    pub(super) okta: &'a OktaSnapshot,
    pub(super) actual: &'a ActualState,
    pub(super) policy: &'a Policy,
    pub(super) bindings: &'a BTreeMap<OktaUserId, Binding>,
    /// The Identity Center groups that are ours, by Okta group.
    pub(super) fates: &'a BTreeMap<OktaGroupId, (crate::action::GroupLabel, Fate)>,
}

/// What becomes of the users that were seen. Nothing, where someone else provisions them.
pub(super) fn provision(ground: &Ground<'_>) -> Provision {
    let Some(managed) = &ground.policy.users.managed else { return Provision::default() };
    let listed = ground.listed();
    let mut provision = Provision::default();
    for (id, sighting) in &ground.okta.users {
        let groups = listed.get(id).cloned().unwrap_or_default();
        match sighting {
            UserSighting::Present(user) => match ground.policy.users.entitlement(&user.status) {
                Entitlement::Entitled if !groups.is_empty() => ground.entitled(user, groups, managed, &mut provision),
                Entitlement::NotEntitled => ground.leaving(id, Some(&user.status), groups, &mut provision),
                Entitlement::Entitled | Entitlement::Unknown => {}
            },
            UserSighting::Gone => ground.leaving(id, None, groups, &mut provision),
            UserSighting::StatusUnread | UserSighting::Broken(_) | UserSighting::Unknown(_) => {}
        }
    }
    part_namesakes(&mut provision);
    part_with_shared_addresses(ground.actual, &mut provision);
    provision
}

/// The users who are to be disabled or deleted, now or when their grace is over: they are to be remembered until that is done.
pub(super) fn departing(ground: &Ground<'_>) -> BTreeMap<OktaUserId, UserId> {
    if ground.policy.users.managed.is_none() {
        return BTreeMap::new();
    }
    let listed = ground.listed();
    let departs = |(id, sighting): (&OktaUserId, &UserSighting)| {
        let status = match sighting {
            UserSighting::Present(user) if ground.policy.users.entitlement(&user.status) == Entitlement::NotEntitled => Some(&user.status),
            UserSighting::Gone => None,
            UserSighting::Present(_) | UserSighting::StatusUnread | UserSighting::Broken(_) | UserSighting::Unknown(_) => return None,
        };
        let groups = listed.get(id).cloned().unwrap_or_default();
        ground.departure(id, status, groups).map(|(_, user, _)| (id.clone(), user))
    };
    ground.okta.users.iter().filter_map(departs).collect()
}

impl Ground<'_> {
    /// The managed groups that list each user.
    fn listed(&self) -> BTreeMap<OktaUserId, BTreeSet<OktaGroupId>> {
        let mut listed: BTreeMap<OktaUserId, BTreeSet<OktaGroupId>> = BTreeMap::new();
        let is_kept = |fate: &Fate| matches!(fate, Fate::Keep { .. } | Fate::Create { .. });
        for (group, _) in self.fates.iter().filter(|(_, (_, fate))| is_kept(fate)) {
            let members = self.okta.member_lists.get(group).and_then(Reading::known).into_iter().flat_map(|list| &list.members);
            let by_user = self.okta.user_groups.iter().filter(|(_, groups)| groups.known().is_some_and(|groups| groups.contains(group)));
            let seen = self.okta.members_seen.get(group).into_iter().flatten();
            for user in members.chain(seen).chain(by_user.map(|(user, _)| user)) {
                listed.entry(user.clone()).or_default().insert(group.clone());
            }
        }
        listed
    }

    fn entitled(&self, user: &OktaUser, groups: BTreeSet<OktaGroupId>, managed: &ManagedUsers, provision: &mut Provision) {
        let Some(name) = user.user_name.as_deref() else { return };
        let bound = match self.bindings.get(&user.id) {
            Some(Binding::Bound(id)) => Some(id.clone()),
            Some(Binding::NotProvisioned) if self.is_known_to_be_absent(&user.id) => None,
            Some(Binding::NotProvisioned | Binding::Unclear { .. } | Binding::Conflict { .. }) | None => return,
        };
        match profile_of(user, name, managed) {
            Ok(Profile { mut record, unset }) => {
                // No Identity Store API is known to change a userName: there it stays as it was made.
                if let Some(read) = bound.as_ref().filter(|_| !managed.over_scim).and_then(|id| self.actual.users.get(id)) {
                    record.user_name.clone_from(&read.user_name);
                }
                let label = UserLabel { okta_id: Some(user.id.clone()), name: user.login.clone() };
                let fate = match bound {
                    Some(id) => UserFate::Keep { id, record, unset },
                    None => UserFate::Create(record),
                };
                provision.users.insert(user.id.clone(), DesiredUser { label, groups, fate });
            }
            Err(problem) => drop(provision.refused.insert(user.id.clone(), (UnresolvedKind::BadRecord, problem))),
        }
    }

    /// Absence is evidence only where the user was looked for by every way in which they may be found.
    fn is_known_to_be_absent(&self, id: &OktaUserId) -> bool {
        (self.actual.lists_all_users || self.actual.sought.contains(id)) && !self.actual.pins_unread
    }

    fn leaving(&self, id: &OktaUserId, status: Option<&UserStatus>, listed: BTreeSet<OktaGroupId>, provision: &mut Provision) {
        let Some((farewell, user, groups)) = self.departure(id, status, listed) else { return };
        let has_grace = self.policy.users.managed.as_ref().is_some_and(|managed| managed.grace_hours > 0);
        if has_grace && self.actual.departing.get(id) != Some(&Grace::Over) {
            return;
        }
        let reason = status.map_or(RemovalReason::UserGone, |status| RemovalReason::NotEntitled(status.clone()));
        let label = super::members::label(self.okta, self.actual, id, &user);
        let fate = match farewell {
            Farewell::Nothing => return,
            Farewell::Disable => UserFate::Disable { id: user, reason },
            Farewell::Delete => UserFate::Delete { id: user, reason },
        };
        provision.users.insert(id.clone(), DesiredUser { label, groups, fate });
    }

    /// What becomes of a user who is not entitled, if they are one of those that our groups listed or hold, and that is not so yet.
    fn departure(
        &self,
        id: &OktaUserId,
        status: Option<&UserStatus>,
        mut groups: BTreeSet<OktaGroupId>,
    ) -> Option<(Farewell, UserId, BTreeSet<OktaGroupId>)> {
        let farewell = self.policy.users.managed.as_ref()?.farewell(status);
        let Some(Binding::Bound(user)) = self.bindings.get(id) else { return None };
        let read = self.actual.users.get(user)?;
        let holds = |fate: &Fate| fate.group_id().is_some_and(|group| self.actual.known_members(group).contains_key(user));
        groups.extend(self.fates.iter().filter(|(_, (_, fate))| holds(fate)).map(|(group, _)| group.clone()));
        // That they depart was written down of the user that they were then, and not of a namesake of whoever is gone by now.
        let is_labelled = read.external_ids.iter().any(|external| external == id.as_str());
        let is_another = !is_labelled && self.actual.pins.get(id).is_some_and(|pinned| pinned != user);
        let is_ours = !groups.is_empty() || (self.actual.departing.contains_key(id) && !is_another);
        let is_disabled = read.details.as_ref().is_some_and(|details| details.is_enabled == Some(false));
        let is_done = match farewell {
            Farewell::Nothing => true,
            Farewell::Disable => is_disabled,
            Farewell::Delete => false,
        };
        (is_ours && !is_done).then(|| (farewell, user.clone(), groups))
    }
}

/// Two users to be made who would have one userName are a conflict, both of them.
fn part_namesakes(provision: &mut Provision) {
    let mut namesakes: BTreeMap<NameKey, Vec<OktaUserId>> = BTreeMap::new();
    for (id, user) in &provision.users {
        if let UserFate::Create(record) = &user.fate {
            namesakes.entry(NameKey::of(&record.user_name)).or_default().push(id.clone());
        }
    }
    for (name, ids) in namesakes.into_iter().filter(|(_, ids)| ids.len() > 1) {
        let list = ids.iter().map(OktaUserId::as_str).collect::<Vec<_>>().join(", ");
        let reason = format!("each of the Okta users {list} would have the userName {name:?}; rename all but one of them");
        for id in ids {
            provision.users.remove(&id);
            provision.refused.insert(id, (UnresolvedKind::IdentityConflict, reason.clone()));
        }
    }
}

/// Identity Center keeps an e-mail address to one user: of several who would have one, none is made or changed to it.
fn part_with_shared_addresses(actual: &ActualState, provision: &mut Provision) {
    let address = |user: &DesiredUser| match &user.fate {
        UserFate::Create(record) | UserFate::Keep { record, .. } => record.attributes.get(&Attribute::Email).cloned(),
        UserFate::Disable { .. } | UserFate::Delete { .. } => None,
    };
    let ours: BTreeSet<&UserId> = provision.users.values().filter_map(|user| user.fate.user_id()).collect();
    let others = actual.users.values().filter(|user| !ours.contains(&user.id));
    let theirs = others.filter_map(|user| user.details.as_ref()?.attributes.get(&Attribute::Email).cloned());
    let all: Vec<String> = provision.users.values().filter_map(address).chain(theirs).collect();
    let shared = shared(all.iter().map(String::as_str));
    let has_it =
        |user: &DesiredUser| address(user).is_some_and(|email| shared.contains(&email.to_lowercase())) && !has_it_already(user, actual);
    let parted: Vec<OktaUserId> = provision.users.iter().filter(|(_, user)| has_it(user)).map(|(id, _)| id.clone()).collect();
    for id in parted {
        provision.users.remove(&id);
        let problem = "another user has the same e-mail address, and Identity Center keeps each to one".to_owned();
        provision.refused.insert(id, (UnresolvedKind::BadRecord, problem));
    }
}

/// Whoever has the address in Identity Center already keeps it.
fn has_it_already(user: &DesiredUser, actual: &ActualState) -> bool {
    let UserFate::Keep { id, record, .. } = &user.fate else { return false };
    let Some(wanted) = record.attributes.get(&Attribute::Email) else { return false };
    let has = actual.users.get(id).and_then(|read| read.details.as_ref()?.attributes.get(&Attribute::Email));
    has.is_some_and(|is| Attribute::Email.same(is, wanted))
}
