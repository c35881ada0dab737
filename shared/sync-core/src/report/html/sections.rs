//! The sections of the page: tables of who, what and why.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{counted, escape};
use crate::report::document::{Direction, Document, Entry, HeldBy, Name, meaning, meaning_of_rule};

fn section(id: &str, title: &str, body: &str) -> String {
    format!("<section id=\"{id}\">\n<h2>{title}</h2>\n{body}</section>\n")
}

/// What the guard withheld, and how to let it through.
pub(super) fn held(document: &Document) -> String {
    if document.held.is_empty() {
        return String::new();
    }
    let mut body: String = document.held.iter().map(rule).collect();
    match document.approve_command() {
        Some(command) => {
            let _ = write!(
                body,
                "<div class=\"approve\"><p>If this is right, approve exactly these actions. Where the set is another by then, it is \
                 refused and nothing of it is done.</p>\n<pre><code>{}</code></pre></div>\n",
                escape(&command)
            );
        }
        None => {
            body.push_str(
                "<p class=\"approve\">This cannot be approved by its hash from here: what stands above says what mends it.</p>\n",
            );
        }
    }
    section("held", "Held back", &body)
}

fn rule(held: &HeldBy) -> String {
    let groups = held.groups.iter().map(|group| format!("<li>{}</li>", named(group))).collect::<String>();
    let groups = if groups.is_empty() { String::new() } else { format!("<ul class=\"names\">{groups}</ul>") };
    let (share, limit) = shares(held.actual, held.limit);
    let unit = if held.rule.contains("percent") { " %" } else { "" };
    format!(
        "<article class=\"rule\"><h3><code>{rule}</code> <small>{actions}</small></h3><p>{why}.</p>\n\
         <svg class=\"gauge\" viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{actual} where the limit is {allowed}\">\
         <rect class=\"track\" width=\"100\" height=\"6\"/><rect class=\"over\" width=\"{share}\" height=\"6\"/>\
         <rect class=\"within\" width=\"{limit}\" height=\"6\"/></svg>\n\
         <p class=\"scale\"><b>{actual}{unit}</b> where the limit is <b>{allowed}{unit}</b></p>{groups}</article>\n",
        rule = escape(&held.rule),
        actions = counted(held.actions, "action"),
        why = meaning_of_rule(&held.rule),
        actual = held.actual,
        allowed = held.limit,
    )
}

/// How long the bars of what it would be and of the limit are, of 100.
fn shares(actual: u64, limit: u64) -> (u64, u64) {
    let most = actual.max(limit).max(1);
    (actual.saturating_mul(100) / most, limit.saturating_mul(100) / most)
}

/// Who gains what, or who loses what: one row for each person or group, and what it is about beside them.
pub(super) fn people(document: &Document, direction: Direction) -> String {
    // People come first, and then groups.
    let mut rows: BTreeMap<(bool, String, String), Vec<&Entry>> = BTreeMap::new();
    for entry in document.plan.iter().filter(|entry| entry.direction() == direction) {
        let id = entry.user.as_ref().or(entry.group.as_ref()).map(|name| name.okta_id.clone()).unwrap_or_default();
        rows.entry((entry.user.is_none(), entry.who(), id)).or_default().push(entry);
    }
    if rows.is_empty() {
        return String::new();
    }
    let (id, title, sign) = match direction {
        Direction::Gain => ("gain", "Who gains what", "+"),
        Direction::Lose => ("lose", "Who loses what", "−"),
        Direction::Change => ("change", "What changes", "~"),
    };
    let rows: String = rows.iter().map(|((_, name, id), entries)| row(name, id, entries, sign)).collect();
    let table =
        format!("<table class=\"{id}\"><thead><tr><th>Who</th><th>What, and why</th></tr></thead>\n<tbody>{rows}</tbody></table>\n");
    section(id, title, &table)
}

fn row(name: &str, id: &str, entries: &[&Entry], sign: &str) -> String {
    let is_user = entries.first().is_some_and(|entry| entry.user.is_some());
    let kind = if is_user { "" } else { "<small>group</small> " };
    let mut items = String::new();
    for entry in entries {
        let _ = write!(
            items,
            "<li><span class=\"sign\">{sign}</span><span>{what} <small>{reason}</small>{marks}</span></li>",
            what = escape(&entry.what()),
            reason = escape(&entry.reason),
            marks = marks(entry),
        );
    }
    format!(
        "<tr><th scope=\"row\">{kind}<span title=\"{}\">{}</span></th><td><ul class=\"what\">{items}</ul></td></tr>\n",
        escape(id),
        escape(name)
    )
}

fn marks(entry: &Entry) -> String {
    let held = entry.held.as_ref().map(|rule| format!(" <span class=\"tag warn\">held: {}</span>", escape(rule)));
    let tone = if entry.fate.as_deref() == Some("failed") { "bad" } else { "info" };
    let fate = entry.mishap().map(|fate| format!(" <span class=\"tag {tone}\">{}</span>", escape(&fate)));
    held.into_iter().chain(fate).collect()
}

/// Groups that are made, renamed, taken over or released.
pub(super) fn groups(document: &Document) -> String {
    let entries: Vec<&Entry> = document.plan.iter().filter(|entry| entry.direction() == Direction::Change).collect();
    if entries.is_empty() {
        return String::new();
    }
    let mut rows = String::new();
    for entry in entries {
        let _ = writeln!(
            rows,
            "<tr><th scope=\"row\">{}</th><td>{} <small>{}</small>{}</td></tr>",
            escape(&entry.who()),
            escape(&entry.action.replace('_', " ")),
            escape(&entry.reason),
            marks(entry)
        );
    }
    section(
        "groups",
        "Groups and users themselves",
        &format!("<table><thead><tr><th>Which</th><th>What, and why</th></tr></thead>\n<tbody>{rows}</tbody></table>\n"),
    )
}

/// What cannot be acted on yet, by kind.
pub(super) fn unresolved(document: &Document) -> String {
    if document.unresolved.is_empty() {
        return String::new();
    }
    let mut kinds: BTreeMap<&str, String> = BTreeMap::new();
    for open in &document.unresolved {
        let name = Name { okta_id: open.okta_id.clone(), name: open.name.clone() };
        let reason = if open.reason == meaning(&open.kind) { String::new() } else { format!(" <small>{}</small>", escape(&open.reason)) };
        let _ = write!(kinds.entry(&open.kind).or_default(), "<li>{}{reason}</li>", named(&name));
    }
    let mut body = String::from("<p>Nothing is done about these until they are mended. They stop nothing else.</p>\n");
    for (kind, items) in kinds {
        let _ =
            writeln!(body, "<article><h3><code>{}</code></h3><p>{}.</p><ul>{items}</ul></article>", escape(kind), escape(meaning(kind)));
    }
    section("unresolved", "Unresolved", &body)
}

/// What failed, and what was not attempted.
pub(super) fn failures(document: &Document) -> String {
    if document.failures.is_empty() {
        return String::new();
    }
    let rows: String = document
        .failures
        .iter()
        .map(|failed| format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escape(&failed.action), escape(&failed.error)))
        .collect();
    section("failures", "Failures", &format!("<table><thead><tr><th>What</th><th>Why</th></tr></thead>\n<tbody>{rows}</tbody></table>\n"))
}

/// What a reader should know beside that.
pub(super) fn notes(document: &Document) -> String {
    let cut =
        document.plan_cut.map(|cut| format!("{} of the plan are left out here; the log of the run has it whole", counted(cut, "action")));
    let items: String = document.notes.iter().chain(cut.iter()).map(|note| format!("<li>{}</li>", escape(note))).collect();
    let hash = format!("<p class=\"hash\">Plan hash <code>{}</code></p>\n", escape(&document.plan_hash));
    let list = if items.is_empty() { String::new() } else { format!("<ul>{items}</ul>\n") };
    section("notes", if items.is_empty() { "Identity of this plan" } else { "Notes" }, &format!("{list}{hash}"))
}

fn named(name: &Name) -> String {
    let id =
        if name.name.is_empty() || name.okta_id.is_empty() { String::new() } else { format!(" <small>{}</small>", escape(&name.okta_id)) };
    let shown = if name.shown().is_empty() { "—" } else { name.shown() };
    format!("{}{id}", escape(shown))
}
