//! From the file as written to a policy: every value checked, every error with its line.

use std::ops::Range;

use regex::Regex;
use toml::Spanned;
use url::Url;

use super::place::key_at;
use super::raw::{self, Text};
use super::{GroupsPolicy, GuardPolicy, IdentityCenterPolicy, LimitsPolicy, OktaPolicy, Policy, PolicyError, users};
use crate::address::is_safe;
use crate::assignments::{AssignmentRule, RuleText};
use crate::mark::OrgHost;
use crate::records::GroupType;

/// The text of the file, to find the line of what is wrong in it.
pub(super) struct Lines<'a>(&'a str);

impl Lines<'_> {
    pub(super) fn error(&self, span: Range<usize>, problem: impl Into<String>) -> PolicyError {
        let before = self.0.get(..span.start).unwrap_or_default();
        PolicyError { line: before.matches('\n').count() + 1, problem: short(problem.into()) }
    }

    fn regexes(&self, key: &str, patterns: &[Text]) -> Result<Vec<Regex>, PolicyError> {
        let compile = |pattern: &Text| {
            Regex::new(pattern.get_ref())
                .map_err(|error| self.error(pattern.span(), format!("{key}: {:?} is no regular expression: {error}", pattern.get_ref())))
        };
        patterns.iter().map(compile).collect()
    }

    fn ranged(&self, key: &str, value: &Spanned<f64>, range: Range<f64>) -> Result<f64, PolicyError> {
        let number = *value.get_ref();
        if number > range.start && number <= range.end {
            Ok(number)
        } else {
            Err(self.error(value.span(), format!("{key}: {number} is not above {} and at most {}", range.start, range.end)))
        }
    }

    fn percent(&self, key: &str, value: &Spanned<f64>) -> Result<f64, PolicyError> {
        let number = *value.get_ref();
        if (0.0..=100.0).contains(&number) {
            Ok(number)
        } else {
            Err(self.error(value.span(), format!("{key}: {number} is not a percentage from 0 to 100")))
        }
    }
}

/// Longest problem, in characters: it may repeat a value of the file, twice where the value is a regular expression.
const LONGEST_PROBLEM: usize = 1000;

fn short(problem: String) -> String {
    match problem.char_indices().nth(LONGEST_PROBLEM) {
        Some((end, _)) => format!("{}…", problem.get(..end).unwrap_or_default()),
        None => problem,
    }
}

/// The line, key and message of what the TOML parser found. What is no TOML has no keys.
pub(super) fn from_toml(text: &str, error: &toml::de::Error) -> PolicyError {
    let span = error.span().unwrap_or(0..0);
    let problem = match key_at(text, &span) {
        Some(key) => format!("{key}: {}", error.message()),
        None => error.message().to_owned(),
    };
    Lines(text).error(span, problem)
}

pub(super) fn checked(text: &str, file: raw::File, hash: String) -> Result<Policy, PolicyError> {
    let lines = Lines(text);
    let transport = file.writes.transport.as_ref().map(|transport| *transport.get_ref()).unwrap_or_default();
    Ok(Policy {
        okta: okta(&lines, &file.okta)?,
        groups: groups(&lines, &file.groups)?,
        identity_center: identity_center(file.identity_center),
        users: users::checked(&lines, &file.users, transport)?,
        write_mode: file.writes.mode,
        transport,
        guard: guard(&lines, &file.guard)?,
        assignments: assignments(&lines, &file.assignment)?,
        limits: limits(&lines, &file.limits)?,
        hash,
    })
}

fn okta(lines: &Lines<'_>, okta: &raw::Okta) -> Result<OktaPolicy, PolicyError> {
    let fail = |problem: &str| lines.error(okta.org_url.span(), format!("okta.org_url: {:?} {problem}", okta.org_url.get_ref()));
    let url = Url::parse(okta.org_url.get_ref()).map_err(|error| fail(&format!("is no URL: {error}")))?;
    let host = OrgHost::of(&url).ok_or_else(|| fail("has no host"))?;
    if !is_safe(&url) {
        return Err(fail("must be https (http is taken for a loopback address only)"));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err(fail("must be the org's address alone, such as https://acme.okta.com"));
    }
    let former_hosts = okta.former_hosts.iter().map(|host| former_host(lines, host)).collect::<Result<_, _>>()?;
    Ok(OktaPolicy { org_url: url, host, former_hosts })
}

/// Marks say a host as an address does: whatever else is written would be none's.
fn former_host(lines: &Lines<'_>, text: &Text) -> Result<OrgHost, PolicyError> {
    let host = OrgHost::named(text.get_ref());
    let of_address = Url::parse(&format!("https://{host}")).ok().and_then(|url| OrgHost::of(&url));
    if of_address.as_ref() == Some(&host) {
        return Ok(host);
    }
    let problem = format!("okta.former_hosts: {:?} is not a host, such as \"old.okta.com\", or a host and its port", text.get_ref());
    Err(lines.error(text.span(), problem))
}

fn groups(lines: &Lines<'_>, groups: &raw::Groups) -> Result<GroupsPolicy, PolicyError> {
    if groups.matching.get_ref().is_empty() {
        return Err(lines.error(groups.matching.span(), "groups.match: at least one regular expression is needed"));
    }
    Ok(GroupsPolicy {
        matching: lines.regexes("groups.match", groups.matching.get_ref())?,
        exclude: lines.regexes("groups.exclude", &groups.exclude)?,
        types: group_types(lines, groups.types.as_ref())?,
        app_id: app_id(lines, groups.app_id.as_ref())?,
        adopt: groups.adopt,
        on_deleted_in_okta: groups.on_deleted_in_okta,
        on_unmatched: groups.on_unmatched,
    })
}

fn group_types(lines: &Lines<'_>, words: Option<&Spanned<Vec<Text>>>) -> Result<Vec<GroupType>, PolicyError> {
    let Some(words) = words else { return Ok(vec![GroupType::OktaGroup]) };
    if words.get_ref().is_empty() {
        return Err(lines.error(words.span(), "groups.types: at least one of OKTA_GROUP and APP_GROUP is needed"));
    }
    words.get_ref().iter().map(|word| group_type(lines, word)).collect()
}

fn group_type(lines: &Lines<'_>, word: &Text) -> Result<GroupType, PolicyError> {
    match GroupType::parse(word.get_ref()) {
        kind @ (GroupType::OktaGroup | GroupType::AppGroup) => Ok(kind),
        GroupType::BuiltIn => Err(lines.error(word.span(), "groups.types: BUILT_IN groups are never managed")),
        GroupType::Other(name) => Err(lines.error(word.span(), format!("groups.types: {name:?} is not OKTA_GROUP or APP_GROUP"))),
    }
}

fn app_id(lines: &Lines<'_>, id: Option<&Text>) -> Result<Option<String>, PolicyError> {
    match id {
        Some(id) if !id.get_ref().chars().all(|c| c.is_ascii_alphanumeric()) => {
            Err(lines.error(id.span(), format!("groups.app_id: {:?} is no id of an Okta app", id.get_ref())))
        }
        Some(id) if !id.get_ref().is_empty() => Ok(Some(id.get_ref().clone())),
        _ => Ok(None),
    }
}

fn identity_center(raw: raw::IdentityCenter) -> IdentityCenterPolicy {
    let raw::IdentityCenter { region, instance_arn, identity_store_id, assume_role_arn } = raw;
    IdentityCenterPolicy { region, instance_arn, identity_store_id, assume_role_arn }
}

fn guard(lines: &Lines<'_>, guard: &raw::Guard) -> Result<GuardPolicy, PolicyError> {
    let window_hours = *guard.window_hours.get_ref();
    if !(1..=MAX_WINDOW_HOURS).contains(&window_hours) {
        let problem = format!("guard.window_hours: {window_hours} is not from 1 to {MAX_WINDOW_HOURS}");
        return Err(lines.error(guard.window_hours.span(), problem));
    }
    Ok(GuardPolicy {
        window_hours,
        max_membership_removals: guard.max_membership_removals,
        max_assignment_removals: guard.max_assignment_removals,
        max_group_deletions: guard.max_group_deletions,
        max_user_removals: guard.max_user_removals,
        max_leavers: guard.max_leavers,
        max_percent: lines.percent("guard.max_percent", &guard.max_percent)?,
        max_percent_of_group: lines.percent("guard.max_percent_of_group", &guard.max_percent_of_group)?,
        min_population: guard.min_population,
        max_assignment_additions: guard.max_assignment_additions,
        sensitive_permission_sets: guard.sensitive_permission_sets.iter().cloned().collect(),
        protected_groups: lines.regexes("guard.protected_groups", &guard.protected_groups)?,
    })
}

fn assignments(lines: &Lines<'_>, rules: &[Spanned<RuleText>]) -> Result<Vec<AssignmentRule>, PolicyError> {
    let parse = |(index, rule): (usize, &Spanned<RuleText>)| {
        AssignmentRule::parse(index + 1, rule.get_ref()).map_err(|error| lines.error(rule.span(), error.to_string()))
    };
    rules.iter().enumerate().map(parse).collect()
}

/// Thirty days: the budget of the window is one row of the ledger, and must stay one.
const MAX_WINDOW_HOURS: u32 = 720;

/// More calls a second than AWS grants to anyone; a greater number is a slip of the pen.
const MAX_TPS: f64 = 1000.0;

fn limits(lines: &Lines<'_>, limits: &raw::Limits) -> Result<LimitsPolicy, PolicyError> {
    let in_flight = *limits.max_assignments_in_flight.get_ref();
    if in_flight == 0 {
        return Err(lines.error(limits.max_assignments_in_flight.span(), "limits.max_assignments_in_flight: 0 would allow none"));
    }
    Ok(LimitsPolicy {
        identity_store_tps: lines.ranged("limits.identity_store_tps", &limits.identity_store_tps, 0.0..MAX_TPS)?,
        sso_admin_tps: lines.ranged("limits.sso_admin_tps", &limits.sso_admin_tps, 0.0..MAX_TPS)?,
        scim_tps: lines.ranged("limits.scim_tps", &limits.scim_tps, 0.0..MAX_TPS)?,
        max_assignments_in_flight: in_flight,
        okta_rate_share: lines.ranged("limits.okta_rate_share", &limits.okta_rate_share, 0.0..1.0)?,
    })
}

/// The hosts whose marks are ours, for a test of the rest of the crate.
#[cfg(test)]
pub(super) fn hosts(policy: &Policy) -> std::collections::BTreeSet<OrgHost> {
    policy.okta.former_hosts.iter().cloned().chain([policy.okta.host.clone()]).collect()
}
