//! AWS allows so many groups for one permission set on one account. What would be one too many is marked, and not tried.

use std::collections::{BTreeMap, BTreeSet};

use super::Plan;
use crate::action::{Action, AssignmentTarget};
use crate::actual::{ActualState, Target};
use crate::reading::Reading;

/// Groups that AWS allows for one permission set on one account; not adjustable (IAM Identity Center quotas).
pub const GROUPS_AT_MOST: usize = 100;

/// Marks the grants that would be one group too many. This looks at everything that is granted in one place, so that, like the
/// guard and unlike the plan, it is not the same for a part.
#[must_use]
pub fn mark_full(plan: Plan, actual: &ActualState) -> Plan {
    let mut room: BTreeMap<Target, usize> = BTreeMap::new();
    let marked = plan.actions.into_iter().map(|(phase, mut action)| {
        if let Action::CreateAssignment { target, is_full, .. } = &mut action {
            let left = room.entry(place(target)).or_insert_with_key(|place| GROUPS_AT_MOST.saturating_sub(crowd(actual, place)));
            *is_full = *left == 0;
            *left = left.saturating_sub(1);
        }
        (phase, action)
    });
    Plan { actions: marked.collect() }
}

/// Where something is granted and groups that are not ours may decide whether there is room: where our own are too many, they do not.
pub fn places_in_question(plan: &Plan, actual: &ActualState) -> BTreeSet<Target> {
    let mut ours: BTreeMap<Target, usize> = BTreeMap::new();
    for (_, action) in plan.actions() {
        if let Action::CreateAssignment { target, .. } = action {
            *ours.entry(place(target)).or_default() += 1;
        }
    }
    let is_open = |(place, granted): (Target, usize)| {
        let is_read = actual.crowds.contains_key(&place);
        (!is_read && granted + crowd(actual, &place) <= GROUPS_AT_MOST).then_some(place)
    };
    ours.into_iter().filter_map(is_open).collect()
}

/// How many groups have it, as far as that is known.
fn crowd(actual: &ActualState, place: &Target) -> usize {
    let ours = || actual.assignments.values().filter_map(Reading::known).filter(|given| given.contains(place)).count();
    actual.crowds.get(place).copied().unwrap_or_else(ours)
}

fn place(target: &AssignmentTarget) -> Target {
    Target { account: target.account.clone(), permission_set: target.permission_set.clone() }
}
