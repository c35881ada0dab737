//! The difference of desired and actual state, as actions.

use super::Plan;
use crate::action::{Action, GroupEdit, GroupLabel, GroupRef, Phase, RemovalReason, RemoveMembership, UserLabel, UserRef, Weakness};
use crate::actual::{ActualState, Standing};
use crate::desired::{DesiredGroup, DesiredMembers, DesiredState, Fate, Others};
use crate::ids::{GroupId, MembershipId, UserId};
use crate::mark::Mark;

/// The changes that lead from `actual` to `desired`. Pure and total; what is not known is not touched.
pub fn plan(desired: &DesiredState, actual: &ActualState) -> Plan {
    let differ = Differ { desired, actual };
    let on_users = desired.users.iter().filter_map(|(id, user)| differ.of_user(id, user));
    desired.groups.values().flat_map(|group| differ.of_group(group)).chain(on_users).collect()
}

pub(super) struct Differ<'a> {
    desired: &'a DesiredState,
    pub(super) actual: &'a ActualState,
}

impl Differ<'_> {
    fn of_group(&self, group: &DesiredGroup) -> Vec<(Phase, Action)> {
        let mut actions: Vec<(Phase, Action)> = self.on_the_group(group).into_iter().collect();
        actions.extend(self.grants(group));
        actions.extend(self.removals(group));
        actions.extend(self.assignments(group));
        actions
    }

    fn on_the_group(&self, group: &DesiredGroup) -> Option<(Phase, Action)> {
        match &group.fate {
            Fate::Create { mark, text } => {
                Some((Phase::EnsureGroup, Action::CreateGroup { group: group.label.clone(), description: mark.write(text) }))
            }
            Fate::Keep { id, display_name, mark, adopted_by } => {
                let edit = self.edit(&group.label, id, display_name)?;
                match adopted_by {
                    Some(by) => {
                        let marked = mark.write(&edit.description);
                        Some((Phase::EnsureGroup, Action::AdoptGroup { edit, by: *by, marked }))
                    }
                    None => (edit.display_name != *display_name).then_some((Phase::EnsureGroup, Action::RenameGroup(edit))),
                }
            }
            Fate::Release { id, reason, weakness } => {
                let edit = self.edit(&group.label, id, &group.label.name)?;
                let unmarked = Mark::strip(&edit.description).to_owned();
                Some((Phase::DeleteGroup, Action::ReleaseGroup { edit, unmarked, reason: *reason, weakness: *weakness }))
            }
            Fate::Delete { id, reason, weakness } => {
                let edit = self.edit(&group.label, id, &group.label.name)?;
                let members = u64::try_from(self.actual.size(id)?).unwrap_or(u64::MAX);
                self.actual.known_assignments(id)?;
                Some((Phase::DeleteGroup, Action::DeleteGroup { edit, members, reason: *reason, weakness: *weakness }))
            }
            Fate::Empty { .. } | Fate::AsIs { .. } => None,
        }
    }

    /// A group as it was read, labelled with the name that it shall have.
    fn edit(&self, label: &GroupLabel, id: &GroupId, name: &str) -> Option<GroupEdit> {
        let record = self.actual.groups.get(id)?;
        Some(GroupEdit {
            group: GroupLabel { okta_id: label.okta_id.clone(), name: name.to_owned() },
            group_id: id.clone(),
            display_name: record.display_name.clone(),
            description: record.description.to_string(),
            revision: record.revision.clone(),
        })
    }

    fn grants(&self, group: &DesiredGroup) -> Vec<(Phase, Action)> {
        let grant = |(user_id, user): (&UserId, &UserLabel)| {
            let group_ref = match group.fate.group_id() {
                None => GroupRef::New(group.label.okta_id.clone()),
                Some(id) if matches!(self.actual.standing(id, user_id), Standing::NotMember) => GroupRef::Existing(id.clone()),
                Some(_) => return None,
            };
            let (group, user, user_ref) = (group.label.clone(), user.clone(), UserRef::Existing(user_id.clone()));
            Some((Phase::Grant, Action::AddMembership { group, user, group_ref, user_ref }))
        };
        group.members.wanted.iter().filter_map(grant).chain(newcomers(group)).collect()
    }

    fn removals(&self, group: &DesiredGroup) -> Vec<(Phase, Action)> {
        let Some(id) = group.fate.group_id() else { return Vec::new() };
        let removal = |(user, membership): (&UserId, &MembershipId)| {
            let (label, reason, weakness) = self.reason_to_remove(group, user)?;
            let phase = self.phase(group, user, &reason);
            let removal = RemoveMembership {
                group: group.label.clone(),
                user: label,
                group_id: id.clone(),
                user_id: user.clone(),
                membership_id: membership.clone(),
                reason,
                weakness,
            };
            Some((phase, Action::RemoveMembership(removal)))
        };
        self.actual.known_members(id).into_iter().filter_map(removal).collect()
    }

    fn reason_to_remove(&self, group: &DesiredGroup, user: &UserId) -> Option<(UserLabel, RemovalReason, Option<Weakness>)> {
        let members = &group.members;
        if let Some((label, reason)) = members.unwanted.get(user)
            && (reason.is_leaver() || !self.desired.undecided.contains(user))
        {
            return Some((label.clone(), reason.clone(), None));
        }
        if members.wanted.contains_key(user) || members.shielded.contains(user) {
            return None;
        }
        if self.may_be_anyone(members, user) || self.desired.undecided.contains(user) {
            return None;
        }
        match &members.others {
            Others::Keep => None,
            Others::Remove { reason, weakness } => Some((self.label(user), reason.clone(), *weakness)),
        }
    }

    /// Whether a member without an externalId may be one of those of whom nobody can say who they are.
    fn may_be_anyone(&self, members: &DesiredMembers, user: &UserId) -> bool {
        let is_nameless = self.actual.users.get(user).is_none_or(|record| record.external_ids.is_empty());
        is_nameless && (members.anyone_nameless || self.actual.pins_unread)
    }

    /// From a group that is not ours yet nothing is taken before it is.
    fn phase(&self, group: &DesiredGroup, user: &UserId, reason: &RemovalReason) -> Phase {
        if matches!(group.fate, Fate::Keep { adopted_by: Some(_), .. }) {
            Phase::RevokeMoved
        } else if reason.is_leaver() {
            Phase::RevokeLeaver
        } else if self.desired.movers.contains(user) {
            Phase::RevokeMoved
        } else {
            Phase::Revoke
        }
    }

    /// A member whom Okta did not name, as Identity Center knows them.
    fn label(&self, user: &UserId) -> UserLabel {
        let record = self.actual.users.get(user);
        UserLabel { okta_id: self.actual.okta_id(user), name: record.map_or_else(|| user.to_string(), |record| record.user_name.clone()) }
    }
}

/// What is granted to those who are made in the same plan.
fn newcomers(group: &DesiredGroup) -> impl Iterator<Item = (Phase, Action)> {
    group.members.newcomers.iter().map(|(okta_id, user)| {
        let group_ref =
            group.fate.group_id().map_or_else(|| GroupRef::New(group.label.okta_id.clone()), |id| GroupRef::Existing(id.clone()));
        let (group, user, user_ref) = (group.label.clone(), user.clone(), UserRef::New(okta_id.clone()));
        (Phase::Grant, Action::AddMembership { group, user, group_ref, user_ref })
    })
}
