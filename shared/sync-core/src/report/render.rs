//! The report as text, for a person at a terminal or a reader of a log.

use std::fmt::{self, Display, Formatter, Write};

use super::{HeldEntry, PlanEntry, Report};

impl Report {
    /// The report as text.
    pub fn to_text(&self) -> String {
        Text(self).to_string()
    }
}

struct Text<'a>(&'a Report);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        writeln!(f, "run {}: {} ({} actions, scope {})", report.run_id, report.status.as_str(), actions(report), report.scope)?;
        section(f, "plan", &report.plan, plan_line)?;
        if let Some(cut) = report.plan_cut {
            writeln!(f, "  … and {cut} more, whole in the log")?;
        }
        section(f, "held", &report.held, held_line)?;
        section(f, "unresolved", &report.unresolved, |entry| {
            format!("{}: {} ({}) {}", entry.kind, entry.name, entry.okta_id, entry.reason)
        })?;
        section(f, "failures", &report.failures, |entry| format!("{}: {}", entry.action, entry.error))?;
        section(f, "notes", &report.notes, Clone::clone)?;
        let outcomes = &report.outcomes;
        writeln!(
            f,
            "outcomes: {} changed, {} already in effect, {} pending, {} failed, {} not attempted",
            outcomes.changed, outcomes.already_in_effect, outcomes.pending, outcomes.failed, outcomes.not_attempted
        )?;
        let calls = &report.calls;
        writeln!(
            f,
            "calls: {} okta, {} identity_store, {} scim, {} sso_admin; {} ms",
            calls.okta, calls.identity_store, calls.scim, calls.sso_admin, report.duration_ms
        )?;
        write!(f, "plan hash: {}", report.plan_hash)
    }
}

fn actions(report: &Report) -> usize {
    report.plan.len() + report.plan_cut.unwrap_or_default()
}

fn section<T>(f: &mut Formatter<'_>, title: &str, entries: &[T], line: impl Fn(&T) -> String) -> fmt::Result {
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(f, "{title}:")?;
    entries.iter().try_for_each(|entry| writeln!(f, "  {}", line(entry)))
}

fn plan_line(entry: &PlanEntry) -> String {
    let mut line = entry.action.to_owned();
    if let Some(group) = &entry.group {
        let _ = write!(line, " {}", group.name);
    }
    if let Some(user) = &entry.user {
        let _ = write!(line, " {}", user.name);
    }
    if let (Some(account), Some(set)) = (&entry.account, &entry.permission_set) {
        let _ = write!(line, " {set} on {} {}", account.id, account.name);
    }
    let _ = write!(line, ": {}", entry.reason);
    if let Some(rule) = entry.held {
        let _ = write!(line, " [held: {rule}]");
    }
    line
}

fn held_line(entry: &HeldEntry) -> String {
    let groups = entry.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>().join(", ");
    format!("{}: {} actions, {} where the limit is {} ({groups})", entry.rule, entry.actions, entry.actual, entry.limit)
}
