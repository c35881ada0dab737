//! What a run changed, in ids, and how it is undone.

mod users;

use serde::{Deserialize, Serialize};

use crate::action::{
    Action, AdoptedBy, AssignmentRemovalReason, AssignmentTarget, DisposalReason, GroupEdit, GroupLabel, GroupRef, Phase, RemovalReason,
    RemoveMembership, UserLabel, UserRef,
};
use crate::actual::{ActualState, Standing, Target};
use crate::ids::{GroupId, OktaGroupId, OktaUserId, UserId};
use crate::mark::Mark;
use crate::plan::Plan;
use crate::policy::ManagedUsers;

pub use users::UserEdit;

/// One change that a run made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The contract's name of the action.
    pub action: String,
    /// The Okta group; none where the change was to a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub okta_group: Option<OktaGroupId>,
    /// The group's name after the change.
    #[serde(default)]
    pub group_name: String,
    /// The group in Identity Center; none where the same run made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// The Okta user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub okta_user: Option<OktaUserId>,
    /// The user in Identity Center.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// What the group was given, or lost, where the change was to an assignment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// What the group was before, where the change was to the group itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<GroupBefore>,
    /// What an update changed of a user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<UserEdit>,
}

/// What a group was before it was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupBefore {
    /// Its `DisplayName`.
    pub display_name: String,
    /// Its Description.
    pub description: String,
}

impl Change {
    /// The change that an action made.
    pub fn of(action: &Action) -> Self {
        let before = match action {
            Action::RenameGroup(edit)
            | Action::AdoptGroup { edit, .. }
            | Action::ReleaseGroup { edit, .. }
            | Action::DeleteGroup { edit, .. } => {
                Some(GroupBefore { display_name: edit.display_name.clone(), description: edit.description.clone() })
            }
            Action::CreateGroup { .. }
            | Action::AddMembership { .. }
            | Action::RemoveMembership(_)
            | Action::CreateUser(_)
            | Action::UpdateUser(_)
            | Action::DisableUser(_)
            | Action::DeleteUser(_)
            | Action::CreateAssignment { .. }
            | Action::DeleteAssignment { .. } => None,
        };
        Self {
            action: action.name().to_owned(),
            okta_group: action.group().map(|group| group.okta_id.clone()),
            group_name: action.group().map(|group| group.name.clone()).unwrap_or_default(),
            group: action.group_id().cloned(),
            okta_user: action.user().and_then(|user| user.okta_id.clone()),
            user: action.user_id().cloned(),
            target: action
                .assignment()
                .map(|target| Target { account: target.account.clone(), permission_set: target.permission_set.clone() }),
            before,
            edits: if let Action::UpdateUser(update) = action { users::edits(update) } else { Vec::new() },
        }
    }

    /// The user of the change: by their id, or where the same run made them, by their externalId or the ledger's pin.
    pub fn user_in(&self, actual: &ActualState) -> Option<UserId> {
        let okta_id = self.okta_user.as_ref();
        let is_theirs = |id: &String| Some(id.as_str()) == okta_id.map(OktaUserId::as_str);
        let known = || actual.users.values().find(|user| user.external_ids.iter().any(is_theirs));
        let pinned = || actual.pins.get(okta_id?).cloned();
        self.user.clone().or_else(|| known().map(|user| user.id.clone())).or_else(pinned)
    }
}

/// The plan that undoes these changes, as far as they are still in effect, and what cannot be undone. Users are undone as far as `managed`
/// lets Lockstep write to them.
pub fn inverse(changes: &[Change], managed: Option<&ManagedUsers>, actual: &ActualState) -> (Plan, Vec<String>) {
    let mut notes = Vec::new();
    let given = users::given(changes, actual);
    let each = |change: &Change| match &change.okta_group {
        Some(okta_group) => inverse_of(change, okta_group, actual, &mut notes),
        None => users::inverse_of(change, managed, actual, &given, &mut notes),
    };
    let actions: Vec<(Phase, Action)> = changes.iter().flat_map(each).collect();
    let grants = actions.iter().filter(|(phase, _)| *phase == Phase::Grant);
    let gaining: Vec<UserId> = grants.filter_map(|(_, action)| action.user_id().cloned()).collect();
    let given = |(_, action): &(Phase, Action)| {
        if let Action::CreateAssignment { group, .. } = action { Some(group.okta_id.clone()) } else { None }
    };
    let gaining_groups: Vec<OktaGroupId> = actions.iter().filter_map(given).collect();
    let is_moved = |action: &Action| {
        if let Action::DeleteAssignment { group, .. } = action {
            return gaining_groups.contains(&group.okta_id);
        }
        action.user_id().is_some_and(|user| gaining.contains(user))
    };
    let last = |(phase, action): (Phase, Action)| {
        let phase = if phase == Phase::Revoke && is_moved(&action) { Phase::RevokeMoved } else { phase };
        (phase, action)
    };
    (actions.into_iter().map(last).collect(), notes)
}

fn inverse_of(change: &Change, okta_group: &OktaGroupId, actual: &ActualState, notes: &mut Vec<String>) -> Vec<(Phase, Action)> {
    let Some(id) = group_of(change, actual) else {
        notes.push(format!("{} of group {} ({okta_group}) cannot be undone: the group does not exist", change.action, change.group_name));
        return Vec::new();
    };
    let undone = match change.action.as_str() {
        "add_membership" => remove(change, &id, actual),
        "remove_membership" => add(change, &id, actual),
        "create_assignment" => delete_assignment(change, &id, actual),
        "delete_assignment" => create_assignment(change, &id, actual),
        "create_group" => delete(change, &id, actual),
        "rename_group" => rename_back(change, &id, actual),
        "adopt_group" => return [rename_back(change, &id, actual), release(change, &id, actual)].into_iter().flatten().collect(),
        "release_group" => mark_again(change, &id, actual),
        other => {
            notes.push(format!("{other} of group {} ({okta_group}) cannot be undone", change.group_name));
            None
        }
    };
    undone.into_iter().collect()
}

/// The group of a change: by its id, or where the same run made it, by its mark.
fn group_of(change: &Change, actual: &ActualState) -> Option<GroupId> {
    let marked =
        || actual.groups.keys().find(|id| actual.mark(id).is_some_and(|mark| change.okta_group.as_ref() == Some(&mark.group))).cloned();
    change.group.clone().or_else(marked).filter(|id| actual.groups.contains_key(id))
}

fn label(change: &Change, okta_id: &OktaGroupId) -> GroupLabel {
    GroupLabel { okta_id: okta_id.clone(), name: change.group_name.clone() }
}

fn user(change: &Change, id: &UserId) -> UserLabel {
    UserLabel { okta_id: change.okta_user.clone(), name: id.to_string() }
}

fn remove(change: &Change, group: &GroupId, actual: &ActualState) -> Option<(Phase, Action)> {
    let user_id = change.user_in(actual)?;
    let Standing::Member(membership) = actual.standing(group, &user_id) else { return None };
    let removal = RemoveMembership {
        group: label(change, change.okta_group.as_ref()?),
        user: user(change, &user_id),
        group_id: group.clone(),
        membership_id: membership.clone(),
        user_id,
        reason: RemovalReason::Undone,
        weakness: None,
    };
    Some((Phase::Revoke, Action::RemoveMembership(removal)))
}

fn add(change: &Change, group: &GroupId, actual: &ActualState) -> Option<(Phase, Action)> {
    let user_id = change.user_in(actual)?;
    let Standing::NotMember = actual.standing(group, &user_id) else { return None };
    let (user, group_ref) = (user(change, &user_id), GroupRef::Existing(group.clone()));
    let (group, user_ref) = (label(change, change.okta_group.as_ref()?), UserRef::Existing(user_id));
    Some((Phase::Grant, Action::AddMembership { group, user, group_ref, user_ref }))
}

fn assignment(target: &Target, actual: &ActualState) -> AssignmentTarget {
    AssignmentTarget {
        account: target.account.clone(),
        account_name: String::new(),
        permission_set_name: actual.permission_set_name(&target.permission_set),
        permission_set: target.permission_set.clone(),
    }
}

fn delete_assignment(change: &Change, group: &GroupId, actual: &ActualState) -> Option<(Phase, Action)> {
    let target = change.target.as_ref().filter(|target| actual.known_assignments(group).is_some_and(|known| known.contains(target)))?;
    let (target, reason) = (assignment(target, actual), AssignmentRemovalReason::Undone);
    Some((
        Phase::Revoke,
        Action::DeleteAssignment { group: label(change, change.okta_group.as_ref()?), group_id: group.clone(), target, reason },
    ))
}

fn create_assignment(change: &Change, group: &GroupId, actual: &ActualState) -> Option<(Phase, Action)> {
    let target = change.target.as_ref().filter(|target| actual.known_assignments(group).is_some_and(|known| !known.contains(target)))?;
    let (target, group_ref) = (assignment(target, actual), GroupRef::Existing(group.clone()));
    Some((
        Phase::Grant,
        Action::CreateAssignment { group: label(change, change.okta_group.as_ref()?), group_ref, target, rule: 0, is_full: false },
    ))
}

fn edit(change: &Change, group: &GroupId, actual: &ActualState, name: &str) -> Option<GroupEdit> {
    let record = actual.groups.get(group)?;
    Some(GroupEdit {
        group: GroupLabel { okta_id: change.okta_group.clone()?, name: name.to_owned() },
        group_id: group.clone(),
        display_name: record.display_name.clone(),
        description: record.description.to_string(),
        revision: record.revision.clone(),
    })
}

fn delete(change: &Change, group: &GroupId, actual: &ActualState) -> Option<(Phase, Action)> {
    let edit = edit(change, group, actual, &change.group_name)?;
    let members = u64::try_from(actual.size(group)?).unwrap_or(u64::MAX);
    let ours = actual.mark(group).is_some_and(|mark| change.okta_group.as_ref() == Some(&mark.group));
    ours.then_some((Phase::DeleteGroup, Action::DeleteGroup { edit, members, reason: DisposalReason::Undone, weakness: None }))
}

fn rename_back(change: &Change, group: &GroupId, actual: &ActualState) -> Option<(Phase, Action)> {
    let before = change.before.as_ref()?;
    let edit = edit(change, group, actual, &before.display_name)?;
    let is_in_effect = edit.display_name == change.group_name && before.display_name != change.group_name;
    is_in_effect.then_some((Phase::EnsureGroup, Action::RenameGroup(edit)))
}

fn release(change: &Change, group: &GroupId, actual: &ActualState) -> Option<(Phase, Action)> {
    let before = change.before.as_ref()?;
    let edit = edit(change, group, actual, &before.display_name)?;
    let ours = actual.mark(group).is_some_and(|mark| change.okta_group.as_ref() == Some(&mark.group));
    let unmarked = before.description.clone();
    ours.then_some((Phase::DeleteGroup, Action::ReleaseGroup { edit, unmarked, reason: DisposalReason::Undone, weakness: None }))
}

fn mark_again(change: &Change, group: &GroupId, actual: &ActualState) -> Option<(Phase, Action)> {
    let before = change.before.as_ref()?;
    let name = actual.groups.get(group)?.display_name.clone();
    let edit = edit(change, group, actual, &name)?;
    let is_released = Mark::read(&edit.description).is_none() && Mark::read(&before.description).is_some();
    is_released.then_some((Phase::EnsureGroup, Action::AdoptGroup { edit, by: AdoptedBy::Undone, marked: before.description.clone() }))
}
