//! AWS's quotas against the size of the world, and how long things take under the rates that the policy allows.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::ids::AccountId;
use sync_core::records::OktaGroup;

use super::super::estimate::{Estimate, Managed, World, span};
use super::{count, listed};
use crate::doctor::facts::{AwsFacts, Facts, PresentGroup, Read};
use crate::doctor::verdict::Judgement;

/// Users in an identity store, by AWS's quota page; it can be raised.
const MAX_USERS: usize = 200_000;

/// Groups in an identity store, likewise.
const MAX_GROUPS: usize = 100_000;

/// Groups that one permission set can be assigned to in one account; it cannot be raised.
const MAX_GROUPS_PER_SET: usize = 100;

/// A Lambda function may run for so many seconds.
const LAMBDA_S: f64 = 900.0;

/// From this share of a limit on it is worth a word.
const NOTABLE: f64 = 0.7;

/// Users and groups fit the identity store.
pub(crate) fn directory(facts: &Facts) -> Read<Judgement> {
    let users = *facts.aws.n_users.as_ref().map_err(Clone::clone)?;
    let there = facts.aws.groups.as_ref().map_err(Clone::clone)?;
    let new = facts.matched()?.iter().filter(|group| !there.iter().any(|(name, _)| *name == group.name)).count();
    let groups = there.len() + new;
    let seen = format!("{users} of {MAX_USERS} users, {groups} of {MAX_GROUPS} groups ({new} of them to be made)");
    let mend = "Ask for more: AWS console > Service Quotas > IAM Identity Center. A quota that was raised is not seen here";
    let share = share(users, MAX_USERS).max(share(groups, MAX_GROUPS));
    Ok(graded(share, seen, mend))
}

/// No permission set goes to more groups on one account than AWS allows.
pub(crate) fn assignments(facts: &Facts) -> Read<Judgement> {
    let policy = facts.policy()?;
    if policy.assignments.is_empty() {
        return Ok(Judgement::skipped("the policy has no rules of assignments"));
    }
    let pairs = pairs(facts)?;
    let most = pairs.values().copied().max().unwrap_or_default();
    let full: Vec<String> =
        pairs.iter().filter(|(_, n)| **n > MAX_GROUPS_PER_SET).map(|((set, account), n)| format!("{n} on {set} in {account}")).collect();
    let mend = "AWS does not raise this: give the groups' members one group in common, or split the permission set in two";
    Ok(if full.is_empty() {
        graded(share(most, MAX_GROUPS_PER_SET), format!("at most {most} of {MAX_GROUPS_PER_SET}"), mend)
    } else {
        Judgement::fail(format!("more than {MAX_GROUPS_PER_SET} groups: {}", listed(&full)), mend)
    })
}

/// How many groups the rules give each permission set on each account.
fn pairs(facts: &Facts) -> Read<BTreeMap<(String, AccountId), usize>> {
    let mut pairs = BTreeMap::new();
    for pair in facts.matched()?.into_iter().map(|group| given(facts, group)).collect::<Read<Vec<_>>>()?.into_iter().flatten() {
        *pairs.entry(pair).or_default() += 1;
    }
    Ok(pairs)
}

/// What the rules give a group.
fn given(facts: &Facts, group: &OktaGroup) -> Read<BTreeSet<(String, AccountId)>> {
    let policy = facts.policy()?;
    let organization = facts.aws.organization.as_ref().map_err(Clone::clone)?;
    let mut given = BTreeSet::new();
    for derived in policy.assignments.iter().filter_map(|rule| rule.derive(&group.name, organization)) {
        let on_all = |set: &String| derived.accounts.iter().map(|account| (set.clone(), account.clone())).collect::<Vec<_>>();
        given.extend(derived.permission_sets.iter().flat_map(on_all));
    }
    Ok(given)
}

/// A full run ends within the time that a function has.
pub(crate) fn full_run(facts: &Facts) -> Read<Judgement> {
    let estimate = estimate(facts)?;
    let seconds = estimate.full_run_s();
    let seen = format!("about {} ({})", span(seconds), estimate.calls());
    let mend = "A run that is cut short goes on at the next schedule, but never sees everything at once: raise limits.okta_rate_share or Okta's \
         rate limit for this token (Security > API > Tokens), or manage fewer groups with one deployment";
    Ok(graded(seconds / LAMBDA_S, seen, mend))
}

/// A first load ends within the time that a function has; else a person should watch it.
pub(crate) fn first_load(facts: &Facts) -> Read<Judgement> {
    facts.present.as_ref().map_err(Clone::clone)?;
    let estimate = estimate(facts)?;
    let seconds = estimate.full_run_s() + estimate.first_load_s();
    let seen = format!("about {} ({})", span(seconds), estimate.writes());
    let mend = "Start it from a terminal, which has no such limit: lockstep backfill --watch";
    Ok(if seconds > LAMBDA_S { Judgement::warn(seen, mend) } else { Judgement::pass(seen) })
}

fn estimate(facts: &Facts) -> Read<Estimate> {
    let (policy, matched, okta) = (facts.policy()?, facts.matched()?, facts.okta()?);
    let assigns = !policy.assignments.is_empty();
    let world = World {
        okta_groups: okta.groups.given()?.len(),
        managed: matched.iter().map(|group| managed(facts, group)).collect::<Read<_>>()?,
        users: *facts.aws.n_users.as_ref().map_err(Clone::clone)?,
        groups: facts.aws.groups.as_ref().map_err(Clone::clone)?.len(),
        accounts: facts.aws.organization.as_ref().map(|organization| organization.accounts.len()).unwrap_or_default(),
        permission_sets: if assigns { facts.aws.permission_sets.as_ref().map(Vec::len).unwrap_or_default() } else { 0 },
        reads_by_group: reads_by_group(&facts.aws),
        users_to_make: policy.users.managed.as_ref().and(facts.present.as_ref().ok()).map(|present| present.n_absent_users),
    };
    Ok(Estimate::new(world, &policy.limits, policy.transport, okta.groups_per_minute))
}

/// A managed group in numbers. Where nobody could look at what it has, one that is there by its name counts as complete.
fn managed(facts: &Facts, group: &OktaGroup) -> Read<Managed> {
    let there = facts.aws.groups.as_ref().map_err(Clone::clone)?;
    let (members, given) = (group.users_count.unwrap_or_default(), given(facts, group).unwrap_or_default().len());
    let present = match &facts.present {
        Ok(present) => present.groups.get(&group.id).copied(),
        Err(_) => there.iter().any(|(name, _)| *name == group.name).then_some(PresentGroup { members, assignments: given }),
    };
    let has = present.unwrap_or_default();
    Ok(Managed {
        members,
        is_new: present.is_none(),
        members_to_add: members.saturating_sub(has.members),
        assignments_to_make: given.saturating_sub(has.assignments),
    })
}

/// Whether AWS gives the assignments of a group to these credentials.
pub(crate) fn reads_by_group(aws: &AwsFacts) -> bool {
    use identity_center::Found;
    let mut all = aws.accesses.iter().flatten();
    all.any(|access| access.operation == "ListAccountAssignmentsForPrincipal" && access.found == Found::Allowed)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of users and groups are far below the precision of f64")]
fn share(used: usize, limit: usize) -> f64 {
    used as f64 / limit as f64
}

fn graded(share: f64, seen: String, mend: &str) -> Judgement {
    if share > 1.0 {
        Judgement::fail(seen, mend)
    } else if share > NOTABLE {
        Judgement::warn(seen, mend)
    } else {
        Judgement::pass(seen)
    }
}

/// The number of things, for the estimate's words.
pub(crate) fn counted(n: usize, one: &str) -> String {
    count(n, one)
}
