//! The difference in what a group gives.

use super::diff::Differ;
use crate::action::{Action, AssignmentRemovalReason, AssignmentTarget, GroupRef, Phase};
use crate::actual::Target;
use crate::desired::{DesiredGroup, OtherAssignments};
use crate::ids::GroupId;

impl Differ<'_> {
    /// Assignments to be made and deleted. Where both are, the deletions come last, so that nobody has a gap.
    pub(super) fn assignments(&self, group: &DesiredGroup) -> Vec<(Phase, Action)> {
        let grants = self.assignments_to_make(group);
        let phase = if grants.is_empty() { Phase::Revoke } else { Phase::RevokeMoved };
        let deletions = group.fate.group_id().map(|id| self.assignments_to_delete(group, id)).unwrap_or_default();
        let grants = grants.into_iter().map(|action| (Phase::Grant, action));
        grants.chain(deletions.into_iter().map(|action| (phase, action))).collect()
    }

    fn assignments_to_make(&self, group: &DesiredGroup) -> Vec<Action> {
        let (group_ref, known) = match group.fate.group_id() {
            None => (GroupRef::New(group.label.okta_id.clone()), None),
            Some(id) => match self.actual.known_assignments(id) {
                Some(known) => (GroupRef::Existing(id.clone()), Some(known)),
                None => return Vec::new(),
            },
        };
        let missing = group.assignments.wanted.iter().filter(|(target, _)| known.is_none_or(|known| !known.contains(target)));
        let make = |(target, rule): (&Target, &usize)| Action::CreateAssignment {
            group: group.label.clone(),
            group_ref: group_ref.clone(),
            target: self.named(target),
            rule: *rule,
            is_full: false,
        };
        missing.map(make).collect()
    }

    fn assignments_to_delete(&self, group: &DesiredGroup, id: &GroupId) -> Vec<Action> {
        let Some(known) = self.actual.known_assignments(id) else { return Vec::new() };
        let delete = |target: &Target| {
            let reason = reason_to_delete(group, target)?;
            let (group, group_id) = (group.label.clone(), id.clone());
            Some(Action::DeleteAssignment { group, group_id, target: self.named(target), reason })
        };
        known.iter().filter_map(delete).collect()
    }

    pub(super) fn named(&self, target: &Target) -> AssignmentTarget {
        let facts = self.actual.organization.accounts.get(&target.account);
        AssignmentTarget {
            account: target.account.clone(),
            account_name: facts.map(|facts| facts.name.clone()).unwrap_or_default(),
            permission_set_name: self.actual.permission_set_name(&target.permission_set),
            permission_set: target.permission_set.clone(),
        }
    }
}

fn reason_to_delete(group: &DesiredGroup, target: &Target) -> Option<AssignmentRemovalReason> {
    let desired = &group.assignments;
    if desired.wanted.contains_key(target) || desired.frozen.contains(&target.account) {
        return None;
    }
    match desired.others {
        OtherAssignments::GroupDeleted => Some(AssignmentRemovalReason::GroupDeleted),
        OtherAssignments::Keep | OtherAssignments::NotByRule if desired.orphaned.contains(target) => {
            Some(AssignmentRemovalReason::OrphanedRule)
        }
        OtherAssignments::NotByRule => Some(AssignmentRemovalReason::NotByRule),
        OtherAssignments::Keep => None,
    }
}
