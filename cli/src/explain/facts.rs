//! Facts that several explanations share, and how they are said.

use std::collections::BTreeSet;
use std::fmt::Write;

use engine::Evidence;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sync_core::actual::Target;
use sync_core::ids::{AccountId, GroupId, OktaGroupId};
use sync_core::policy::{GroupVerdict, Policy};
use sync_core::records::OktaGroup;

use super::{History, Past, Pending};
use crate::output::{Paint, Tone};
use crate::show::plain;

/// A permission set on an account that a group gives, or should give.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Given {
    pub(super) account: String,
    pub(super) account_name: String,
    pub(super) permission_set: String,
    /// The rule that says so, from 1; none where no rule does.
    pub(super) rule: Option<usize>,
    /// Whether it is so in AWS; none where that was not read.
    pub(super) in_effect: Option<bool>,
    /// How long a session of it lasts, as AWS writes it.
    pub(super) session: Option<String>,
}

/// What a group gives and should give.
pub(super) fn given(evidence: &Evidence, okta_id: &OktaGroupId, group: Option<&GroupId>) -> Vec<Given> {
    let empty = std::collections::BTreeMap::new();
    let wanted = evidence.desired.groups.get(okta_id).map_or(&empty, |group| &group.assignments.wanted);
    let known = group.and_then(|group| evidence.actual.known_assignments(group));
    let is_new = group.is_none();
    let targets: BTreeSet<&Target> = wanted.keys().chain(known.into_iter().flatten()).collect();
    let say = |target: &Target| Given {
        account: target.account.to_string(),
        account_name: account_name(evidence, &target.account),
        permission_set: evidence.actual.permission_set_name(&target.permission_set),
        rule: wanted.get(target).copied(),
        in_effect: if is_new { Some(false) } else { known.map(|known| known.contains(target)) },
        session: None,
    };
    targets.into_iter().map(say).collect()
}

pub(super) fn account_name(evidence: &Evidence, account: &AccountId) -> String {
    evidence.actual.organization.accounts.get(account).map(|facts| facts.name.clone()).unwrap_or_default()
}

/// Why the policy manages a group, or does not.
pub(super) fn verdict(policy: &Policy, evidence: &Evidence, group: &OktaGroup) -> (bool, String) {
    match policy.groups.verdict(group) {
        GroupVerdict::Managed(_) if evidence.okta.assigned.as_ref().is_some_and(|assigned| !assigned.contains(&group.id)) => {
            (false, "not managed: it is not assigned to the app that groups.app_id names".to_owned())
        }
        GroupVerdict::Managed(pattern) => (true, format!("managed: groups.match has {pattern:?}")),
        GroupVerdict::NoMatch => (false, "not managed: no pattern of groups.match fits".to_owned()),
        GroupVerdict::Excluded(pattern) => (false, format!("not managed: groups.exclude has {pattern:?}")),
        GroupVerdict::OtherType => (false, format!("not managed: its type {} is none of groups.types", group.kind.as_str())),
    }
}

/// `yes`, `no`, or that nobody looked.
pub(super) fn word(known: Option<bool>) -> &'static str {
    match known {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not read",
    }
}

/// An assignment in one line.
pub(super) fn given_line(given: &Given, paint: Paint) -> String {
    let name = if given.account_name.is_empty() { String::new() } else { format!(" ({})", plain(&given.account_name)) };
    let rule = given.rule.map_or_else(|| "by no rule".to_owned(), |rule| format!("by rule {rule}"));
    let (tone, state) = match (given.in_effect, given.rule) {
        (Some(true), Some(_)) => (Tone::Good, "in effect"),
        (Some(true), None) => (Tone::Warning, "in effect, and no rule of the policy gives it"),
        (Some(false), _) => (Tone::Warning, "not in effect yet"),
        (None, _) => (Tone::Faint, "whether it is in effect was not read"),
    };
    format!("{} on {}{name}: {rule}, {}", plain(&given.permission_set), given.account, paint.tone(tone, state))
}

/// How long a session lasts that is open already, where AWS said it.
pub(super) fn sessions(text: &mut String, given: &[&Given]) {
    if given.iter().any(|each| each.in_effect == Some(true)) {
        let how_long = how_long(given);
        let _ = writeln!(
            text,
            "Sessions: taking any of this away ends no session that is open already. Those last {how_long}; docs/operations.md says how to end them."
        );
    }
}

/// The longest that AWS lets a session of a permission set last.
const LONGEST_SESSION: SignedDuration = SignedDuration::from_hours(12);

/// The groups that were lost within the longest session before `now`, by name.
pub(super) fn lost_lately(history: &History, now: Timestamp) -> BTreeSet<&str> {
    let is_removal = |past: &&Past| past.action == "remove_membership" && past.fate == "changed";
    let is_late = |past: &&Past| now.duration_since(past.at) < LONGEST_SESSION;
    history.episodes.iter().filter(is_removal).filter(is_late).map(|past| past.about.as_str()).collect()
}

/// That whoever lost these groups may be signed in still. `given` is what is known of what they give.
pub(super) fn lost_sessions(text: &mut String, lost: &BTreeSet<&str>, given: &[&Given]) {
    if lost.is_empty() {
        return;
    }
    let names = plain(&lost.iter().copied().collect::<Vec<_>>().join(", "));
    let (how_long, hours) = (how_long(given), LONGEST_SESSION.as_hours());
    let _ = writeln!(
        text,
        "Sessions: losing {names} within the last {hours} h ended no session that was open then. Those last {how_long}, and never more than {hours} h; \
         docs/operations.md says how to end them (Someone must lose access now)."
    );
}

fn how_long(given: &[&Given]) -> String {
    let known: BTreeSet<(String, String)> =
        given.iter().filter_map(|each| Some((each.permission_set.clone(), in_words(each.session.as_deref()?)))).collect();
    let each: Vec<String> = known.iter().map(|(set, lasts)| format!("{lasts} with {}", plain(set))).collect();
    if each.is_empty() { "up to the permission set's session duration".to_owned() } else { format!("up to {}", each.join(", ")) }
}

fn in_words(duration: &str) -> String {
    duration.parse::<SignedDuration>().map_or_else(|_| duration.to_owned(), |lasts| format!("{lasts:#}"))
}

pub(super) fn pending_lines(text: &mut String, pending: &[Pending], paint: Paint) {
    if pending.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}", paint.tone(Tone::Strong, "The next run would"));
    for each in pending {
        let held = each.held.as_ref().map(|rule| paint.tone(Tone::Warning, &format!("  [held: {rule}]"))).unwrap_or_default();
        let _ = writeln!(text, "  {} {}: {}{held}", each.action.replace('_', " "), plain(&each.about), plain(&each.reason));
    }
}

pub(super) fn list(text: &mut String, title: &str, lines: &[String], paint: Paint) {
    if !lines.is_empty() {
        let _ = writeln!(text, "{}", paint.tone(Tone::Strong, title));
        lines.iter().for_each(|line| text.push_str(&format!("  {}\n", plain(line))));
    }
}

pub(super) fn history_lines(text: &mut String, history: &History, paint: Paint) {
    if !history.is_known {
        let _ = writeln!(text, "{}", paint.tone(Tone::Faint, "History: not known without the ledger (--table)"));
        return;
    }
    if let Some(since) = &history.paused_since {
        let _ = writeln!(text, "{}", paint.tone(Tone::Warning, &format!("Runs are paused since {since}: nothing is written")));
    }
    match &history.last_run {
        Some(last) => drop(writeln!(text, "Last full run: {} at {}: {}", last.run_id, last.ended, last.status).is_ok()),
        None => text.push_str("Last full run: none in these days\n"),
    }
    if history.episodes.is_empty() {
        text.push_str("Last outcome: no run of these days did anything about this\n");
    }
    for past in &history.episodes {
        let _ = writeln!(
            text,
            "  {}  {} {}{}: {} (run {})",
            past.ended,
            past.action.replace('_', " "),
            plain(&past.about),
            past.name.as_ref().map(|name| format!(" ({})", plain(name))).unwrap_or_default(),
            past.fate.replace('_', " "),
            past.run_id
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_durations_are_said_in_words() {
        assert_eq!(in_words("PT1H"), "1h");
        assert_eq!(in_words("PT12H"), "12h");
        assert_eq!(in_words("nonsense"), "nonsense");
    }

    #[test]
    fn an_assignment_says_its_rule_and_whether_it_is_in_effect() {
        let given = |rule, in_effect| Given {
            account: "000000000001".to_owned(),
            account_name: "prod".to_owned(),
            permission_set: "Admin".to_owned(),
            rule,
            in_effect,
            session: None,
        };
        let line = |rule, in_effect| given_line(&given(rule, in_effect), Paint::PLAIN);
        assert_eq!(line(Some(2), Some(true)), "Admin on 000000000001 (prod): by rule 2, in effect");
        assert_eq!(line(None, Some(true)), "Admin on 000000000001 (prod): by no rule, in effect, and no rule of the policy gives it");
        assert_eq!(line(Some(1), Some(false)), "Admin on 000000000001 (prod): by rule 1, not in effect yet");
    }
}
