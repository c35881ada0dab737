//! A report as one HTML page that needs nothing else: no script, no font, no picture from anywhere. Everything that comes from outside is
//! escaped, so a group called `<script>` is text.

mod charts;
mod sections;
mod style;

use std::fmt::Write;

use super::document::{Direction, Document};
use super::markdown::scope_words;

/// What a page shows beside the report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Surroundings {
    /// When the run ended, where that is known, as people write it.
    pub ended: Option<String>,
    /// How fast calls may go, for the chart of time.
    pub rates: Rates,
}

/// Calls a second that the policy allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Identity Store, per API.
    pub identity_store: f64,
    /// sso-admin, all APIs together.
    pub sso_admin: f64,
}

impl Default for Rates {
    /// AWS's own: 20 each.
    fn default() -> Self {
        Self { identity_store: 20.0, sso_admin: 20.0 }
    }
}

/// The page.
pub fn page(document: &Document, surroundings: &Surroundings) -> String {
    let mut body = header(document, surroundings);
    body.push_str(&tiles(document));
    body.push_str(&sections::held(document));
    body.push_str(&sections::failures(document));
    body.push_str(&sections::people(document, Direction::Lose));
    body.push_str(&sections::people(document, Direction::Gain));
    body.push_str(&sections::groups(document));
    body.push_str(&sections::unresolved(document));
    body.push_str(&charts::section(document, surroundings.rates));
    body.push_str(&sections::notes(document));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>Lockstep: {status}, run {run}</title>\n<style>{style}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        status = escape(&document.status),
        run = escape(&document.run_id),
        style = style::CSS,
    )
}

/// Text as HTML takes it, in an element as in an attribute. Control characters are shown as such, and do not turn the text around.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other if is_misleading(other) => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Characters that do something to a line instead of standing in it: controls, and those that turn the direction of the text.
pub fn is_misleading(character: char) -> bool {
    character.is_control() || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn header(document: &Document, surroundings: &Surroundings) -> String {
    let mut facts = String::new();
    let mut fact = |name: &str, value: &str| {
        let _ = write!(facts, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(value));
    };
    fact("Run", &document.run_id);
    fact("Mode", if document.mode == "apply" { "apply" } else { "dry run" });
    fact("Scope", &scope_words(&document.scope));
    surroundings.ended.iter().for_each(|ended| fact("Ended", ended));
    if document.duration_ms > 0 {
        fact("Took", &duration(document.duration_ms));
    }
    format!(
        "<header>\n<p class=\"brand\">Lockstep <span>Okta → IAM Identity Center</span></p>\n\
         <h1><span class=\"pill {class}\">{status}</span> {headline}</h1>\n<dl class=\"facts\">{facts}</dl>\n</header>\n",
        class = tone(&document.status),
        status = escape(&document.status),
        headline = headline(document),
    )
}

/// One sentence that says how it is.
fn headline(document: &Document) -> String {
    let actions = document.plan.len() + document.plan_cut.unwrap_or_default();
    let held: usize = document.held.iter().map(|held| held.actions).sum();
    match document.status.as_str() {
        "converged" => "Both sides agree".to_owned(),
        "failed" => "Nothing could be decided, and nothing was written".to_owned(),
        "planned" => format!("{} would be made", counted(actions, "change")),
        "held" if document.mode == "apply" => {
            format!("{} held back, {} made", counted(held, "change"), counted_u64(document.outcomes.changed, "change"))
        }
        "held" => format!("{} of {} would be held back", held, counted(actions, "change")),
        "partial" => format!("{} made, not all that was wanted", counted_u64(document.outcomes.changed, "change")),
        _ => format!("{} made", counted_u64(document.outcomes.changed, "change")),
    }
}

fn tone(status: &str) -> &'static str {
    match status {
        "converged" | "applied" => "good",
        "planned" => "info",
        "held" | "partial" => "warn",
        _ => "bad",
    }
}

fn tiles(document: &Document) -> String {
    let count = |direction| document.plan.iter().filter(|entry| entry.direction() == direction).count();
    let held: usize = document.held.iter().map(|held| held.actions.max(1)).sum();
    let tile = |class: &str, number: usize, label: &str, anchor: &str| {
        let class = if number == 0 { "none" } else { class };
        format!("<a class=\"tile {class}\" href=\"#{anchor}\"><b>{number}</b><span>{label}</span></a>\n")
    };
    format!(
        "<nav class=\"tiles\" aria-label=\"Summary\">\n{}{}{}{}{}{}</nav>\n",
        tile("bad", count(Direction::Lose), "losses", "lose"),
        tile("good", count(Direction::Gain), "gains", "gain"),
        tile("info", count(Direction::Change), "group changes", "groups"),
        tile("warn", held, "held", "held"),
        tile("warn", document.unresolved.len(), "unresolved", "unresolved"),
        tile("bad", document.failures.len(), "failures", "failures"),
    )
}

pub(super) fn counted(count: usize, what: &str) -> String {
    counted_u64(u64::try_from(count).unwrap_or(u64::MAX), what)
}

fn counted_u64(count: u64, what: &str) -> String {
    let number = grouped(count);
    if count == 1 { format!("{number} {what}") } else { format!("{number} {what}s") }
}

/// A number with its thousands set apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A time as people say it.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..=59 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests;
