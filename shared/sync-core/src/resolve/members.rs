//! Who should be in a group, who should not, and of whom nothing may be concluded.

use std::collections::BTreeMap;

use super::provision::Provision;
use super::users::Binding;
use crate::action::{DisposalReason, GroupLabel, RemovalReason, UserLabel, Weakness};
use crate::actual::ActualState;
use crate::desired::{DesiredMembers, Fate, Others, UserFate};
use crate::ids::{OktaGroupId, OktaUserId, UserId};
use crate::policy::{Entitlement, Policy};
use crate::reading::Reading;
use crate::records::OktaUser;
use crate::snapshot::{MemberList, OktaSnapshot, UserSighting};
use crate::unresolved::{Unresolved, UnresolvedKind};

/// All that a decision on members rests on.
pub(super) struct Facts<'a> {
    pub(super) okta: &'a OktaSnapshot,
    pub(super) actual: &'a ActualState,
    pub(super) policy: &'a Policy,
    pub(super) bindings: &'a BTreeMap<OktaUserId, Binding>,
    pub(super) leavers: &'a Leavers,
    pub(super) provision: &'a Provision,
}

/// Users who are proved to have left, or not to be entitled, with the reason.
pub(super) type Leavers = BTreeMap<UserId, (UserLabel, RemovalReason)>;

/// The users of whom it was read that they are gone or not entitled.
pub(super) fn leavers(okta: &OktaSnapshot, actual: &ActualState, policy: &Policy, bindings: &BTreeMap<OktaUserId, Binding>) -> Leavers {
    let leaver = |(id, sighting): (&OktaUserId, &UserSighting)| {
        let reason = match sighting {
            UserSighting::Gone => RemovalReason::UserGone,
            UserSighting::Present(user) if policy.users.entitlement(&user.status) == Entitlement::NotEntitled => {
                RemovalReason::NotEntitled(user.status.clone())
            }
            UserSighting::Present(_) | UserSighting::StatusUnread | UserSighting::Broken(_) | UserSighting::Unknown(_) => return None,
        };
        match bindings.get(id) {
            Some(Binding::Bound(user)) => Some((user.clone(), (label(okta, actual, id, user), reason))),
            Some(Binding::NotProvisioned | Binding::Unclear { .. } | Binding::Conflict { .. }) | None => None,
        }
    };
    okta.users.iter().filter_map(leaver).collect()
}

pub(super) fn label(okta: &OktaSnapshot, actual: &ActualState, okta_id: &OktaUserId, user: &UserId) -> UserLabel {
    let name = match okta.users.get(okta_id) {
        Some(UserSighting::Present(record)) if !record.login.is_empty() => record.login.clone(),
        _ => actual.users.get(user).map(|record| record.user_name.clone()).unwrap_or_default(),
    };
    UserLabel { okta_id: Some(okta_id.clone()), name }
}

/// Who should be in a group.
pub(super) fn of_group(
    facts: &Facts<'_>,
    id: &OktaGroupId,
    label: &GroupLabel,
    fate: &Fate,
    unresolved: &mut Vec<Unresolved>,
) -> DesiredMembers {
    let mut draft = Draft { facts, group: id, members: DesiredMembers::default(), unresolved };
    match fate {
        Fate::Keep { .. } | Fate::Create { .. } => draft.read_lists(label, fate),
        Fate::Empty { reason, weakness, .. } => {
            let reason = match reason {
                DisposalReason::Gone => RemovalReason::GroupGone,
                DisposalReason::Unmatched => RemovalReason::GroupUnmatched,
                DisposalReason::Undone => RemovalReason::Undone,
            };
            draft.members.others = Others::Remove { reason, weakness: *weakness };
        }
        Fate::AsIs { .. } | Fate::Delete { .. } | Fate::Release { .. } => {}
    }
    draft.take_from_leavers(fate);
    draft.members
}

struct Draft<'a, 'u> {
    facts: &'a Facts<'a>,
    group: &'a OktaGroupId,
    members: DesiredMembers,
    unresolved: &'u mut Vec<Unresolved>,
}

impl Draft<'_, '_> {
    fn read_lists(&mut self, label: &GroupLabel, fate: &Fate) {
        match self.facts.okta.member_lists.get(self.group) {
            Some(Reading::Known(list)) => self.read_member_list(list, fate),
            Some(Reading::Unknown(reason)) => {
                let (okta_id, name) = (Some(self.group.to_string()), label.name.clone());
                let reason = reason.clone();
                self.unresolved.push(Unresolved { kind: UnresolvedKind::Unreadable, okta_id, name, reason });
            }
            None => {}
        }
        for user in self.facts.okta.members_seen.get(self.group).into_iter().flatten() {
            self.listed(user);
        }
        self.read_user_lists();
    }

    fn read_member_list(&mut self, list: &MemberList, fate: &Fate) {
        for user in &list.members {
            self.listed(user);
        }
        self.spare_the_unknown(fate);
        if list.nameless > 0 {
            let reason = format!("{} of its members are no records, and have no id: nobody is removed from it", list.nameless);
            let (kind, okta_id) = (UnresolvedKind::BadRecord, Some(self.group.to_string()));
            self.unresolved.push(Unresolved { kind, okta_id, name: String::new(), reason });
        } else {
            let weakness = list.shorter_than.map(|_| Weakness::ShortList);
            self.members.others = Others::Remove { reason: RemovalReason::NotMember, weakness };
        }
    }

    /// A member in Identity Center whose record was not read may be anyone whom Okta lists.
    fn spare_the_unknown(&mut self, fate: &Fate) {
        let Some(group) = fate.group_id() else { return };
        let members = self.facts.actual.known_members(group).into_keys();
        let unknown: Vec<&UserId> = members.filter(|user| !self.facts.actual.users.contains_key(user)).collect();
        if let Some(first) = unknown.first() {
            let (kind, okta_id) = (UnresolvedKind::Unreadable, Some(self.group.to_string()));
            let reason =
                format!("{} of its members in Identity Center, {first} among them, could not be identified: they stay", unknown.len());
            self.unresolved.push(Unresolved { kind, okta_id, name: String::new(), reason });
        }
        self.members.shielded.extend(unknown.into_iter().cloned());
    }

    /// What the lists of groups by user say of this group. That it is missing from one proves something because the group itself was seen, as
    /// every group that is kept or made was.
    fn read_user_lists(&mut self) {
        for (user, groups) in &self.facts.okta.user_groups {
            let Reading::Known(groups) = groups else { continue };
            if groups.contains(self.group) {
                self.listed(user);
            } else if !self.is_listed_as_member(user) {
                self.unlisted(user);
            }
        }
    }

    fn is_listed_as_member(&self, user: &OktaUserId) -> bool {
        let list = self.facts.okta.member_lists.get(self.group).and_then(Reading::known);
        list.is_some_and(|list| list.members.contains(user))
    }

    fn unlisted(&mut self, user: &OktaUserId) {
        if let Some(Binding::Bound(bound)) = self.facts.bindings.get(user) {
            let label = self.label(user, bound);
            self.members.unwanted.entry(bound.clone()).or_insert((label, RemovalReason::NotMember));
        }
    }

    fn listed(&mut self, id: &OktaUserId) {
        match self.facts.okta.users.get(id) {
            Some(UserSighting::Present(user)) => self.listed_user(user),
            Some(UserSighting::Broken(problem)) => self.unclear(id, UnresolvedKind::BadRecord, "", problem),
            Some(UserSighting::Unknown(reason)) => self.unclear(id, UnresolvedKind::Unreadable, "", reason),
            Some(UserSighting::StatusUnread | UserSighting::Gone) | None => self.shield(id),
        }
    }

    fn listed_user(&mut self, user: &OktaUser) {
        let Some(name) = user.user_name.as_deref() else {
            return self.unclear(&user.id, UnresolvedKind::BadRecord, &user.login, "the record has nothing to be the userName");
        };
        match self.facts.policy.users.entitlement(&user.status) {
            Entitlement::Entitled => self.want(user, name),
            Entitlement::NotEntitled => self.not_entitled(user),
            Entitlement::Unknown => {
                let reason = format!("status {} is not known: nothing is granted and nothing is taken", user.status.as_str());
                self.unclear(&user.id, UnresolvedKind::UnknownStatus, &user.login, &reason);
            }
        }
    }

    fn want(&mut self, user: &OktaUser, name: &str) {
        match self.facts.bindings.get(&user.id) {
            Some(Binding::Bound(bound)) => {
                let label = self.label(&user.id, bound);
                self.members.wanted.insert(bound.clone(), label);
                if let Some((kind, problem)) = self.facts.provision.refused.get(&user.id) {
                    self.say(&user.id, *kind, name, &format!("{problem}; the user stays as it is"));
                }
            }
            Some(Binding::Conflict { reason, .. }) => self.unclear(&user.id, UnresolvedKind::IdentityConflict, name, reason),
            Some(Binding::Unclear { .. }) => {
                let reason = "without the ledger nobody can say whether this userName was someone else's before";
                self.unclear(&user.id, UnresolvedKind::Unreadable, name, reason);
            }
            Some(Binding::NotProvisioned) | None if self.is_made(&user.id) => {
                let label = UserLabel { okta_id: Some(user.id.clone()), name: user.login.clone() };
                self.members.newcomers.insert(user.id.clone(), label);
            }
            Some(Binding::NotProvisioned) | None => {
                if let Some((kind, problem)) = self.facts.provision.refused.get(&user.id) {
                    return self.say(&user.id, *kind, name, &format!("{problem}; the user is not made"));
                }
                let reason = format!("Identity Center has no user {name:?} with this externalId or userName yet");
                self.say(&user.id, UnresolvedKind::UserNotProvisioned, name, &reason);
            }
        }
    }

    fn is_made(&self, id: &OktaUserId) -> bool {
        self.facts.provision.users.get(id).is_some_and(|user| matches!(user.fate, UserFate::Create(_)))
    }

    /// A member who is not entitled is a leaver, unless nobody can say which user they are.
    fn not_entitled(&mut self, user: &OktaUser) {
        if let Some(Binding::Conflict { reason, .. }) = self.facts.bindings.get(&user.id) {
            self.unclear(&user.id, UnresolvedKind::IdentityConflict, &user.login, reason);
        }
    }

    /// Users who are proved to have left lose every membership of a group that is ours, whether Okta still lists it or not.
    fn take_from_leavers(&mut self, fate: &Fate) {
        let Some(group) = fate.group_id() else { return };
        for user in self.facts.actual.known_members(group).into_keys() {
            if let Some(leaver) = self.facts.leavers.get(user) {
                self.members.wanted.remove(user);
                self.members.unwanted.insert(user.clone(), leaver.clone());
            }
        }
    }

    /// Nothing is concluded of the user; and where nobody can say who they are in Identity Center, of nobody who may be them.
    fn unclear(&mut self, id: &OktaUserId, kind: UnresolvedKind, name: &str, reason: &str) {
        self.shield(id);
        self.say(id, kind, name, reason);
    }

    fn say(&mut self, id: &OktaUserId, kind: UnresolvedKind, name: &str, reason: &str) {
        let (okta_id, name, reason) = (Some(id.to_string()), name.to_owned(), reason.to_owned());
        self.unresolved.push(Unresolved { kind, okta_id, name, reason });
    }

    fn shield(&mut self, id: &OktaUserId) {
        let involved = self.facts.bindings.get(id).map(Binding::involved).unwrap_or_default();
        self.members.anyone_nameless |= involved.is_empty();
        self.members.shielded.extend(involved);
    }

    fn label(&self, okta_id: &OktaUserId, user: &UserId) -> UserLabel {
        label(self.facts.okta, self.facts.actual, okta_id, user)
    }
}
