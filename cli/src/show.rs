//! A report as text for a terminal. Names come from outside: nothing in them moves the cursor or turns the line around.

use std::fmt::Write;

use sync_core::report::document::{Direction, Document, Entry, HeldBy, Name, meaning_of_rule};
use sync_core::report::html::{duration, is_misleading};
use sync_core::report::scope_words;

use crate::output::{Paint, Tone};

/// The widest that a column of names is filled up to.
const WIDEST: usize = 44;

/// The report.
pub(crate) fn report(document: &Document, paint: Paint) -> String {
    let mut text = String::new();
    plan(&mut text, document, paint);
    held(&mut text, document, paint);
    let open = document.unresolved.iter().map(|open| {
        let name = Name { okta_id: open.okta_id.clone(), name: open.name.clone() };
        format!("{}: {}: {}", open.kind, name.shown(), open.reason)
    });
    list(&mut text, "Unresolved", open, Tone::Warning, paint);
    list(&mut text, "Failures", document.failures.iter().map(|failed| format!("{}: {}", failed.action, failed.error)), Tone::Bad, paint);
    list(&mut text, "Notes", document.notes.iter().cloned(), Tone::Strong, paint);
    let _ = writeln!(text, "{}", summary(document, paint));
    let _ = writeln!(text, "{}", paint.tone(Tone::Faint, &cost(document)));
    text
}

fn plan(text: &mut String, document: &Document, paint: Paint) {
    if document.plan.is_empty() {
        return;
    }
    let rows: Vec<(String, String)> = document.plan.iter().map(|entry| (plain(&entry.who()), plain(&entry.what()))).collect();
    let width =
        |column: fn(&(String, String)) -> &String| rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0).min(WIDEST);
    let (first, second) = (width(|row| &row.0), width(|row| &row.1));
    for (entry, (who, what)) in document.plan.iter().zip(&rows) {
        let (sign, tone) = sign(entry);
        let held = entry.held.as_ref().map(|rule| paint.tone(Tone::Warning, &format!("  [held: {rule}]"))).unwrap_or_default();
        let fate = entry.mishap().map(|fate| paint.tone(Tone::Warning, &format!("  [{fate}]"))).unwrap_or_default();
        let _ = writeln!(
            text,
            "  {} {who:<first$}  {what:<second$}  {}{held}{fate}",
            paint.tone(tone, sign),
            paint.tone(Tone::Faint, &plain(&entry.reason)),
        );
    }
    if let Some(cut) = document.plan_cut {
        let _ = writeln!(text, "  … and {cut} more");
    }
    text.push('\n');
}

fn sign(entry: &Entry) -> (&'static str, Tone) {
    match entry.direction() {
        Direction::Gain => ("+", Tone::Good),
        Direction::Lose => ("-", Tone::Bad),
        Direction::Change => ("~", Tone::Strong),
    }
}

fn held(text: &mut String, document: &Document, paint: Paint) {
    if document.held.is_empty() {
        return;
    }
    let line = |held: &HeldBy| {
        let groups: Vec<&str> = held.groups.iter().map(Name::shown).collect();
        let of = if groups.is_empty() { String::new() } else { format!(" ({})", groups.join(", ")) };
        format!(
            "{}: {} actions; {} where the limit is {}{of}. {}",
            held.rule,
            held.actions,
            held.actual,
            held.limit,
            meaning_of_rule(&held.rule)
        )
    };
    list(text, "Held", document.held.iter().map(line), Tone::Warning, paint);
    if let Some(command) = document.approve_command() {
        let _ = writeln!(text, "To let exactly this through, if it is right:\n  {}\n", paint.tone(Tone::Strong, &command));
    }
}

fn list(text: &mut String, title: &str, lines: impl Iterator<Item = String>, tone: Tone, paint: Paint) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}", paint.tone(tone, &format!("{title} ({})", lines.len())));
    for line in lines {
        let _ = writeln!(text, "  {}", plain(&line));
    }
    text.push('\n');
}

/// One line that says how it is.
pub(crate) fn summary(document: &Document, paint: Paint) -> String {
    let count = |direction| document.plan.iter().filter(|entry| entry.direction() == direction).count();
    let tone = match document.status.as_str() {
        "converged" | "applied" => Tone::Good,
        "failed" => Tone::Bad,
        _ => Tone::Warning,
    };
    let (gains, losses, changes) = (count(Direction::Gain), count(Direction::Lose), count(Direction::Change));
    let held: usize = document.held.iter().map(|held| held.actions).sum();
    format!(
        "{}: {gains} to gain, {losses} to lose, {changes} other; {held} held, {} unresolved, {} failures",
        paint.tone(tone, &document.status),
        document.unresolved.len(),
        document.failures.len()
    )
}

fn cost(document: &Document) -> String {
    let calls = &document.calls;
    let aws = calls.identity_store + calls.scim + calls.sso_admin + calls.organizations;
    let took = duration(document.duration_ms);
    format!("run {}, scope {}: {} calls to Okta, {aws} to AWS, {took}", document.run_id, plain(&scope_words(&document.scope)), calls.okta)
}

/// Text that stands in a line and does nothing to it.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|character| if is_misleading(character) { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Document {
        let group = json!({"okta_id": "00g1", "name": "AWS-A\u{1b}[2J"});
        Document::from_json(&json!({
            "run_id": "r1", "mode": "dry_run", "scope": "all", "status": "held", "plan_hash": "ab",
            "plan": [
                {"action": "add_membership", "group": group, "user": {"okta_id": "00u1", "name": "ada@x"}, "reason": "a member in Okta"},
                {"action": "delete_assignment", "group": group, "account": {"id": "000000000001", "name": "prod"},
                 "permission_set": "Admin", "reason": "no rule", "held": "max_assignment_removals"},
                {"action": "rename_group", "group": group, "reason": "renamed"},
            ],
            "outcomes": {"changed": 0, "already_in_effect": 0, "pending": 0, "failed": 0, "not_attempted": 0},
            "held": [{"rule": "max_assignment_removals", "limit": 0, "actual": 1, "actions": 1}],
            "unresolved": [], "failures": [{"action": "read", "error": "403"}],
            "calls": {"okta": 2, "identity_store": 3, "scim": 0, "sso_admin": 1, "organizations": 0}, "duration_ms": 1500, "notes": ["a note"],
        }))
        .unwrap()
    }

    #[test]
    fn text_shows_who_what_why_and_nothing_that_moves_the_cursor() {
        let text = report(&document(), Paint::PLAIN);
        for part in [
            "+ ada@x",
            "- AWS-A\u{fffd}[2J",
            "Admin on 000000000001 (prod)",
            "[held: max_assignment_removals]",
            "lockstep approve ab",
            "read: 403",
            "a note",
            "held: 1 to gain, 1 to lose, 1 other; 1 held, 0 unresolved, 1 failures",
            "2 calls to Okta, 4 to AWS, 1.5 s",
        ] {
            assert!(text.contains(part), "{part:?} is not in:\n{text}");
        }
        assert!(!text.contains('\u{1b}'));
        assert!(report(&document(), Paint::COLORED).contains("\u{1b}[32m+\u{1b}[0m"));
    }
}
