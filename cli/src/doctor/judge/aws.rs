//! The instance, what AWS allows there, and from which account.

use std::collections::BTreeSet;

use identity_center::{Access, Found, Purpose};
use sync_core::policy::Policy;

use super::{count, listed};
use crate::doctor::facts::{Facts, Read, Unread};
use crate::doctor::verdict::Judgement;

/// The operation that only the management account may be given.
const BY_PRINCIPAL: &str = "ListAccountAssignmentsForPrincipal";

/// One instance is meant, and it was found.
pub(crate) fn instance(facts: &Facts) -> Read<Judgement> {
    facts.policy()?;
    Ok(match &facts.aws.location {
        Ok(location) => {
            let arn = location.instance_arn.as_deref().unwrap_or("an instance that nobody had to look for");
            Judgement::pass(format!("{arn}, identity store {}", location.identity_store_id))
        }
        Err(why) => {
            let mend = "Use credentials of the management account or of a delegated administrator, in the region of IAM Identity Center; where \
                 there is more than one instance, name it: [identity_center] instance_arn and region (IAM Identity Center console > Settings)";
            Judgement::fail(why.to_string(), mend)
        }
    })
}

/// What the policy needs operations for.
fn needed(policy: &Policy) -> BTreeSet<Purpose> {
    let rules = &policy.assignments;
    let mut purposes = BTreeSet::from([Purpose::Directory]);
    if policy.users.managed.is_some() {
        purposes.insert(Purpose::Users);
    }
    if !rules.is_empty() {
        purposes.insert(Purpose::Assignments);
    }
    if rules.iter().any(sync_core::assignments::AssignmentRule::needs_organization) {
        purposes.insert(Purpose::Organization);
    }
    if rules.iter().any(sync_core::assignments::AssignmentRule::needs_tags) {
        purposes.insert(Purpose::Tags);
    }
    purposes
}

/// Every operation that this policy needs is allowed.
pub(crate) fn permissions(facts: &Facts) -> Read<Judgement> {
    let needed = needed(facts.policy()?);
    let accesses = facts.aws.accesses.as_ref().map_err(Clone::clone)?;
    let concerned: Vec<&Access> = accesses.iter().filter(|access| needed.contains(&access.purpose)).collect();
    let denied = |access: &&&Access| matches!(access.found, Found::Denied(_)) && access.operation != BY_PRINCIPAL;
    let denied: Vec<&str> = concerned.iter().filter(denied).map(|access| access.iam_action.as_str()).collect();
    if !denied.is_empty() {
        let first = concerned.iter().find_map(|access| match &access.found {
            Found::Denied(words) if access.operation != BY_PRINCIPAL => Some(words.as_str()),
            Found::Denied(_) | Found::Allowed | Found::Unclear(_) => None,
        });
        let seen = format!("denied: {}. {}", denied.join(", "), first.unwrap_or_default());
        let mend =
            "Allow these actions in the policy of the role whose credentials these are (the functions' roles are in infra/template.yaml)";
        return Ok(Judgement::fail(seen, mend));
    }
    let unclear = concerned.iter().filter_map(|access| match &access.found {
        Found::Unclear(words) => Some(format!("{} ({words})", access.operation)),
        Found::Allowed | Found::Denied(_) => None,
    });
    let unclear: Vec<String> = unclear.collect();
    Ok(if unclear.is_empty() {
        let rest = accesses.len() - concerned.len();
        let others = if rest == 0 { String::new() } else { format!("; {rest} that this policy does not need") };
        Judgement::pass(format!("{} allowed{others}", count(concerned.len(), "operation")))
    } else {
        Judgement::warn(format!("no answer that tells: {}", listed(&unclear)), "Try again; if it stays so, look at AWS's health dashboard")
    })
}

/// From which account assignments are managed, and what that costs.
pub(crate) fn account(facts: &Facts) -> Read<Judgement> {
    let policy = facts.policy()?;
    let account = facts.aws.account.as_ref().map_err(Clone::clone)?;
    if policy.assignments.is_empty() {
        return Ok(Judgement::pass(format!("account {account}; the policy has no rules of assignments, so it does not matter")));
    }
    facts.aws.location.as_ref().map_err(|_| Unread::because("no instance was found (see aws.instance)"))?;
    let management = match &facts.aws.management {
        Ok(management) => management,
        Err(why) => {
            let mend = "Use an account of the organization that is its management account or a delegated administrator of IAM Identity Center \
                 (IAM Identity Center console of the management account > Settings > Management > Delegated administrator)";
            return Ok(Judgement::fail(format!("the organization cannot be read from account {account}: {why}"), mend));
        }
    };
    if management.as_str() == account {
        return Ok(Judgement::pass(format!(
            "{account} is the management account: assignments are read by group, and all accounts can be managed"
        )));
    }
    let by_principal = facts.aws.accesses.as_ref().ok().and_then(|all| all.iter().find(|access| access.operation == BY_PRINCIPAL));
    let reads = match by_principal.map(|access| &access.found) {
        Some(Found::Allowed) => "assignments are read by group here".to_owned(),
        Some(Found::Denied(_) | Found::Unclear(_)) | None => {
            let calls = matrix(facts);
            format!(
                "assignments are read for each account and permission set{calls}, which takes longer, and groups are emptied and never deleted"
            )
        }
    };
    let seen =
        format!("{account} is no management account: {reads}; what is assigned in the management account {management} is out of reach");
    let mend = "Nothing, where that is meant: AWS recommends a delegated administrator. Leave the management account out of the rules, and give \
         it permission sets of its own";
    Ok(Judgement::warn(seen, mend))
}

fn matrix(facts: &Facts) -> String {
    match (&facts.aws.organization, &facts.aws.permission_sets) {
        (Ok(organization), Ok(sets)) if organization.is_whole => {
            format!(" ({} × {} calls)", organization.accounts.len(), sets.len())
        }
        _ => String::new(),
    }
}
