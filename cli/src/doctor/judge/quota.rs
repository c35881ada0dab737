//! AWS's quotas against the size of the world, and how long things take under the rates that the policy allows.

use std::collections::BTreeMap;

use sync_core::ids::AccountId;

use super::super::estimate::{Estimate, World, span};
use super::{count, listed};
use crate::doctor::facts::{Facts, Read};
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
    let (policy, matched) = (facts.policy()?, facts.matched()?);
    let organization = facts.aws.organization.as_ref().map_err(Clone::clone)?;
    let mut pairs: BTreeMap<(String, AccountId), std::collections::BTreeSet<&str>> = BTreeMap::new();
    for (rule, group) in policy.assignments.iter().flat_map(|rule| matched.iter().map(move |group| (rule, group))) {
        let Some(derived) = rule.derive(&group.name, organization) else { continue };
        for (set, account) in derived.permission_sets.iter().flat_map(|set| derived.accounts.iter().map(move |account| (set, account))) {
            pairs.entry((set.clone(), account.clone())).or_default().insert(group.id.as_str());
        }
    }
    Ok(pairs.into_iter().map(|(pair, groups)| (pair, groups.len())).collect())
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
    let estimate = estimate(facts)?;
    let seconds = estimate.full_run_s() + estimate.first_load_s();
    let seen = format!("at most {} ({})", span(seconds), estimate.writes());
    let mend = "Start it from a terminal, which has no such limit: lockstep backfill --watch";
    Ok(if seconds > LAMBDA_S { Judgement::warn(seen, mend) } else { Judgement::pass(seen) })
}

fn estimate(facts: &Facts) -> Read<Estimate> {
    let (policy, matched, okta) = (facts.policy()?, facts.matched()?, facts.okta()?);
    let there = facts.aws.groups.as_ref().map_err(Clone::clone)?;
    let is_new = |name: &str| !there.iter().any(|(group, _)| group == name);
    let assigns = !policy.assignments.is_empty();
    let world = World {
        okta_groups: okta.groups.given()?.len(),
        managed: matched.iter().map(|group| (group.users_count.unwrap_or_default(), is_new(&group.name))).collect(),
        users: *facts.aws.n_users.as_ref().map_err(Clone::clone)?,
        groups: there.len(),
        accounts: facts.aws.organization.as_ref().map(|organization| organization.accounts.len()).unwrap_or_default(),
        permission_sets: if assigns { facts.aws.permission_sets.as_ref().map(Vec::len).unwrap_or_default() } else { 0 },
        assignments: if assigns { pairs(facts).map(|pairs| pairs.values().sum()).unwrap_or_default() } else { 0 },
        reads_by_group: reads_by_group(facts),
        makes_users: policy.users.managed.is_some(),
    };
    Ok(Estimate::new(world, &policy.limits, policy.transport, okta.groups_per_minute))
}

fn reads_by_group(facts: &Facts) -> bool {
    use identity_center::Found;
    let mut all = facts.aws.accesses.iter().flatten();
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
