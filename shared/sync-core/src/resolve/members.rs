//! Who should be in a group, who should not, and of whom nothing may be concluded.

use std::collections::BTreeMap;

use super::users::Binding;
use crate::action::{DisposalReason, GroupLabel, RemovalReason, UserLabel, Weakness};
use crate::actual::ActualState;
use crate::desired::{DesiredMembers, Fate, Others};
use crate::ids::{OktaGroupId, OktaUserId, UserId};
use crate::policy::{Entitlement, Policy};
use crate::reading::Reading;
use crate::records::OktaUser;
use crate::snapshot::{GroupSighting, MemberList, OktaSnapshot, UserSighting};
use crate::unresolved::{Unresolved, UnresolvedKind};

/// All that a decision on members rests on.
pub(super) struct Facts<'a> {
    pub(super) okta: &'a OktaSnapshot,
    pub(super) actual: &'a ActualState,
    pub(super) policy: &'a Policy,
    pub(super) bindings: &'a BTreeMap<OktaUserId, Binding>,
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
        Fate::Keep { .. } | Fate::Create { .. } => draft.read_lists(label),
        Fate::Empty { reason, weakness, .. } => {
            let reason = match reason {
                DisposalReason::Gone => RemovalReason::GroupGone,
                DisposalReason::Unmatched => RemovalReason::GroupUnmatched,
            };
            draft.members.others = Others::Remove { reason, weakness: *weakness };
        }
        Fate::Delete { .. } | Fate::Release { .. } => {}
    }
    draft.leavers(fate);
    draft.members
}

struct Draft<'a, 'u> {
    facts: &'a Facts<'a>,
    group: &'a OktaGroupId,
    members: DesiredMembers,
    unresolved: &'u mut Vec<Unresolved>,
}

impl Draft<'_, '_> {
    fn read_lists(&mut self, label: &GroupLabel) {
        match self.facts.okta.member_lists.get(self.group) {
            Some(Reading::Known(list)) => self.read_member_list(list),
            Some(Reading::Unknown(reason)) => {
                let (okta_id, name) = (Some(self.group.to_string()), label.name.clone());
                let reason = reason.clone();
                self.unresolved.push(Unresolved { kind: UnresolvedKind::Unreadable, okta_id, name, reason });
            }
            None => {}
        }
        self.read_user_lists();
    }

    fn read_member_list(&mut self, list: &MemberList) {
        for user in &list.members {
            self.listed(user);
        }
        if list.nameless > 0 {
            let reason = format!("{} of its members are no records, and have no id: nobody is removed from it", list.nameless);
            let (kind, okta_id) = (UnresolvedKind::BadRecord, Some(self.group.to_string()));
            self.unresolved.push(Unresolved { kind, okta_id, name: String::new(), reason });
        } else {
            let weakness = list.shorter_than.map(|_| Weakness::ShortList);
            self.members.others = Others::Remove { reason: RemovalReason::NotMember, weakness };
        }
    }

    /// What the lists of groups by user say of this group.
    fn read_user_lists(&mut self) {
        for (user, groups) in &self.facts.okta.user_groups {
            let Reading::Known(groups) = groups else { continue };
            if groups.contains(self.group) {
                self.listed(user);
            } else if self.is_visible() && !self.is_listed_as_member(user) {
                self.unlisted(user);
            }
        }
    }

    /// A group that is missing from a user's groups proves something only if the group itself can be seen.
    fn is_visible(&self) -> bool {
        matches!(self.facts.okta.groups.get(self.group), Some(GroupSighting::Present(_)))
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
            Entitlement::NotEntitled => self.revoke(user),
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
            }
            Some(Binding::Conflict { reason, .. }) => self.unclear(&user.id, UnresolvedKind::IdentityConflict, name, reason),
            Some(Binding::NotProvisioned) | None => {
                let reason = format!("Identity Center has no user {name:?} with this externalId or userName yet");
                self.unclear(&user.id, UnresolvedKind::UserNotProvisioned, name, &reason);
            }
        }
    }

    fn revoke(&mut self, user: &OktaUser) {
        match self.facts.bindings.get(&user.id) {
            Some(Binding::Bound(bound)) => {
                let label = self.label(&user.id, bound);
                self.members.unwanted.insert(bound.clone(), (label, RemovalReason::NotEntitled(user.status.clone())));
            }
            Some(Binding::Conflict { reason, .. }) => self.unclear(&user.id, UnresolvedKind::IdentityConflict, &user.login, reason),
            Some(Binding::NotProvisioned) | None => {}
        }
    }

    /// Users who are proved to have left lose every membership of a group that is ours, whether Okta still lists it or not.
    fn leavers(&mut self, fate: &Fate) {
        if fate.group_id().is_none() {
            return;
        }
        for user in self.facts.okta.user_groups.keys() {
            let Some(Binding::Bound(bound)) = self.facts.bindings.get(user) else { continue };
            let reason = match self.facts.okta.users.get(user) {
                Some(UserSighting::Gone) => RemovalReason::UserGone,
                Some(UserSighting::Present(record)) if self.facts.policy.users.entitlement(&record.status) == Entitlement::NotEntitled => {
                    RemovalReason::NotEntitled(record.status.clone())
                }
                _ => continue,
            };
            let label = self.label(user, bound);
            self.members.wanted.remove(bound);
            self.members.unwanted.insert(bound.clone(), (label, reason));
        }
    }

    fn unclear(&mut self, id: &OktaUserId, kind: UnresolvedKind, name: &str, reason: &str) {
        self.shield(id);
        let (okta_id, name, reason) = (Some(id.to_string()), name.to_owned(), reason.to_owned());
        self.unresolved.push(Unresolved { kind, okta_id, name, reason });
    }

    fn shield(&mut self, id: &OktaUserId) {
        let involved = self.facts.bindings.get(id).map(Binding::involved).unwrap_or_default();
        self.members.shielded.extend(involved);
    }

    fn label(&self, okta_id: &OktaUserId, user: &UserId) -> UserLabel {
        let name = match self.facts.okta.users.get(okta_id) {
            Some(UserSighting::Present(record)) if !record.login.is_empty() => record.login.clone(),
            _ => self.facts.actual.users.get(user).map(|record| record.user_name.clone()).unwrap_or_default(),
        };
        UserLabel { okta_id: Some(okta_id.clone()), name }
    }
}
