//! The policy, against what there is.

use std::collections::BTreeSet;

use super::{count, listed};
use crate::doctor::facts::{Facts, Read};
use crate::doctor::verdict::Judgement;

/// It was read and understood whole.
pub(crate) fn file(facts: &Facts) -> Read<Judgement> {
    Ok(match &facts.policy {
        Ok(policy) => Judgement::pass(format!("{} and {}", policy.okta.org_url, count(policy.assignments.len(), "rule"))),
        Err(why) => Judgement::fail(
            why.to_string(),
            "Correct the file that --policy (LOCKSTEP_POLICY) names; `lockstep policy schema` shows its form",
        ),
    })
}

/// Every pattern in `groups.match` matches a group, and so does every rule.
pub(crate) fn matches(facts: &Facts) -> Read<Judgement> {
    let (policy, matched) = (facts.policy()?, facts.matched()?);
    if matched.is_empty() {
        let mend = "Correct groups.match and groups.types, or make the groups in Okta. A run with this policy would be held (source_empty), and \
             remove nothing";
        return Ok(Judgement::fail(format!("none of {} groups is matched", facts.okta()?.groups.given()?.len()), mend));
    }
    let idle_patterns = policy.groups.patterns().iter().filter(|pattern| !matched.iter().any(|group| pattern.is_match(&group.name)));
    let idle_rules = policy.assignments.iter().filter(|rule| !matched.iter().any(|group| rule.matches(&group.name)));
    let idle: Vec<String> = idle_patterns
        .map(|pattern| format!("groups.match {:?}", pattern.as_str()))
        .chain(idle_rules.map(|rule| format!("rule {} ({:?})", rule.position, rule.text.group)))
        .collect();
    let names = matched.iter().map(|group| &group.name);
    Ok(if idle.is_empty() {
        Judgement::pass(format!("{}: {}", count(matched.len(), "managed group"), listed(names)))
    } else {
        Judgement::warn(
            format!("matches no group: {}", listed(&idle)),
            "Correct the pattern, or take it out: `lockstep policy check` shows all",
        )
    })
}

/// What the rules name exists.
pub(crate) fn rules(facts: &Facts) -> Read<Judgement> {
    let (policy, matched) = (facts.policy()?, facts.matched()?);
    if policy.assignments.is_empty() {
        return Ok(Judgement::skipped("the policy has no rules of assignments"));
    }
    let sets: BTreeSet<&str> = facts.aws.permission_sets.as_ref().map_err(Clone::clone)?.iter().map(String::as_str).collect();
    let organization = facts.aws.organization.as_ref().map_err(Clone::clone)?;
    let (mut missing, mut n_given) = (BTreeSet::new(), 0);
    for (rule, group) in policy.assignments.iter().flat_map(|rule| matched.iter().map(move |group| (rule, group))) {
        let Some(derived) = rule.derive(&group.name, organization) else { continue };
        n_given += derived.permission_sets.len() * derived.accounts.len();
        missing.extend(derived.problems.into_iter().map(|problem| format!("{} ({})", problem.name, problem.reason)));
        let unknown = derived.permission_sets.iter().filter(|name| !sets.contains(name.as_str()));
        missing.extend(unknown.map(|name| format!("permission set {name} (rule {})", rule.position)));
    }
    Ok(if missing.is_empty() {
        Judgement::pass(format!("{} by {}", count(n_given, "assignment"), count(policy.assignments.len(), "rule")))
    } else {
        let mend = "Make the permission set (IAM Identity Center console > Permission sets) or correct the rule or the group's name. Until then \
             nothing of that rule is removed";
        Judgement::fail(format!("there is no {}", listed(&missing)), mend)
    })
}
