//! From what Okta said to what should be: conflicts, twins, recycled logins and broken records end here.

mod assignments;
mod groups;
mod members;
mod profile;
mod provision;
mod users;

use std::collections::{BTreeMap, BTreeSet};

pub use groups::{GroupFates, group_fates};

use crate::actual::{ActualState, Standing};
use crate::desired::{DesiredGroup, DesiredState};
use crate::ids::{OktaGroupId, OktaUserId, UserId};
use crate::policy::Policy;
use crate::resolve::users::Binding;
use crate::snapshot::{OktaSnapshot, UserSighting};
use crate::unresolved::Unresolved;

/// What should be, and what cannot be acted on yet. Pure, and total: whatever was read, there is an answer.
pub fn resolve(okta: &OktaSnapshot, actual: &ActualState, policy: &Policy) -> (DesiredState, Vec<Unresolved>) {
    let GroupFates { fates, mut unresolved } = group_fates(okta, actual, policy);
    let bindings = users::bind(okta, actual);
    let leavers = members::leavers(okta, actual, policy, &bindings);
    let provision = provision::provision(&provision::Ground { okta, actual, policy, bindings: &bindings, fates: &fates });
    let facts = members::Facts { okta, actual, policy, bindings: &bindings, leavers: &leavers, provision: &provision };
    let vanished = assignments::vanished_rules(actual, policy);
    let mut groups = BTreeMap::new();
    for (id, (label, fate)) in fates {
        let members = members::of_group(&facts, &id, &label, &fate, &mut unresolved);
        let assignments = assignments::of_group(actual, policy, &vanished, (&label, &fate), &mut unresolved);
        groups.insert(id, DesiredGroup { label, fate, members, assignments });
    }
    let (movers, undecided) = (gaining(&groups, actual), undecided(&groups, actual));
    unresolved.sort();
    unresolved.dedup();
    (DesiredState { groups, movers, undecided, users: provision.users }, unresolved)
}

/// Whether groups still have, in accounts where nothing is taken, what only rules say that are there no more.
pub fn has_frozen_orphans(okta: &OktaSnapshot, actual: &ActualState, policy: &Policy) -> bool {
    if assignments::vanished_rules(actual, policy).is_empty() {
        return false;
    }
    let is_frozen = |group: &DesiredGroup| {
        let known = group.fate.group_id().and_then(|id| actual.known_assignments(id));
        let assignments = &group.assignments;
        known.into_iter().flatten().any(|target| assignments.orphaned.contains(target) && assignments.frozen.contains(&target.account))
    };
    resolve(okta, actual, policy).0.groups.values().any(is_frozen)
}

/// The users of Identity Center whose Okta users were read, and are gone or not entitled.
pub fn leavers(okta: &OktaSnapshot, actual: &ActualState, policy: &Policy) -> BTreeSet<UserId> {
    members::leavers(okta, actual, policy, &users::bind(okta, actual)).into_keys().collect()
}

/// The users who are to be disabled or deleted, now or when their grace is over: they are to be remembered until that is done.
pub fn departing(okta: &OktaSnapshot, actual: &ActualState, policy: &Policy) -> BTreeMap<OktaUserId, UserId> {
    let fates = group_fates(okta, actual, policy).fates;
    let bindings = users::bind(okta, actual);
    provision::departing(&provision::Ground { okta, actual, policy, bindings: &bindings, fates: &fates })
}

/// The users who were told by their userName alone: an externalId would tell them for good, and without one this is to be remembered.
pub fn told_by_name(okta: &OktaSnapshot, actual: &ActualState) -> BTreeMap<OktaUserId, UserId> {
    let by_name = |(id, binding): (OktaUserId, Binding)| match binding {
        Binding::Bound(user) => Some((id, user)),
        Binding::NotProvisioned | Binding::Unclear { .. } | Binding::Conflict { .. } => None,
    };
    let nobodys = |user: &UserId| actual.users.get(user).is_some_and(|record| record.external_ids.is_empty());
    let bound = users::bind(okta, actual).into_iter().filter_map(by_name);
    bound.filter(|(id, user)| nobodys(user) && actual.pins.get(id) != Some(user)).collect()
}

/// The users whom Okta listed and whose externalId says who they are. Where they are to be disabled or deleted one day, this is to be
/// remembered: once Okta has deleted them, nothing in Okta says any more that they were ever of this org.
pub fn told_by_external_id(okta: &OktaSnapshot, actual: &ActualState) -> BTreeMap<OktaUserId, UserId> {
    let is_listed = |id: &OktaUserId| matches!(okta.users.get(id), Some(UserSighting::Present(_)));
    let by_label = |(id, binding): (OktaUserId, Binding)| match binding {
        Binding::Bound(user) if is_listed(&id) => Some((id, user)),
        Binding::Bound(_) | Binding::NotProvisioned | Binding::Unclear { .. } | Binding::Conflict { .. } => None,
    };
    let has_it = |id: &OktaUserId, user: &UserId| {
        actual.users.get(user).is_some_and(|record| record.external_ids.iter().any(|external| external == id.as_str()))
    };
    let bound = users::bind(okta, actual).into_iter().filter_map(by_label);
    bound.filter(|(id, user)| has_it(id, user) && actual.pins.get(id) != Some(user)).collect()
}

/// The users who gain a membership that they are known not to have.
fn gaining(groups: &BTreeMap<OktaGroupId, DesiredGroup>, actual: &ActualState) -> BTreeSet<UserId> {
    let gains = |group: &DesiredGroup, user: &UserId| {
        group.fate.group_id().is_none_or(|id| matches!(actual.standing(id, user), Standing::NotMember))
    };
    groups.values().flat_map(|group| group.members.wanted.keys().filter(move |user| gains(group, user))).cloned().collect()
}

/// The users who should be in a group of which it is not known whether they are.
fn undecided(groups: &BTreeMap<OktaGroupId, DesiredGroup>, actual: &ActualState) -> BTreeSet<UserId> {
    let unknown = |group: &DesiredGroup, user: &UserId| {
        group.fate.group_id().is_some_and(|id| matches!(actual.standing(id, user), Standing::Unknown))
    };
    groups.values().flat_map(|group| group.members.wanted.keys().filter(move |user| unknown(group, user))).cloned().collect()
}
