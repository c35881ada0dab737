//! A report as Markdown, for a pull request or a chat.

use std::fmt::Write;

use super::document::{Direction, Document, Entry, meaning_of_rule};

/// Most actions of one table: what takes more is not read by a person, and GitHub refuses comments above 64 KB.
const MOST_ROWS: usize = 200;

impl Document {
    /// The document as Markdown. Names are escaped: one that holds Markdown is text.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "## Lockstep: {}\n", self.status);
        let _ = writeln!(text, "Run `{}`, mode `{}`, scope {}\n", self.run_id, self.mode, cell(&scope_words(&self.scope)));
        self.held_section(&mut text);
        for (title, direction) in [("Gains", Direction::Gain), ("Losses", Direction::Lose), ("Other changes", Direction::Change)] {
            self.table(&mut text, title, direction);
        }
        list(&mut text, "Unresolved", self.unresolved.iter().map(|open| format!("`{}` {}: {}", open.kind, open.name, open.reason)));
        list(&mut text, "Failures", self.failures.iter().map(|failed| format!("{}: {}", failed.action, failed.error)));
        list(&mut text, "Notes", self.notes.iter().cloned());
        let _ = writeln!(text, "Plan hash `{}`", self.plan_hash);
        text
    }

    fn held_section(&self, text: &mut String) {
        if self.held.is_empty() {
            return;
        }
        let _ = writeln!(text, "### Held\n\n| rule | actions | would be | limit | why |\n|---|---|---|---|---|");
        for held in &self.held {
            let (rule, why) = (&held.rule, meaning_of_rule(&held.rule));
            let _ = writeln!(text, "| `{rule}` | {} | {} | {} | {why} |", held.actions, held.actual, held.limit);
        }
        if let Some(command) = self.approve_command() {
            let _ = writeln!(text, "\nIf it is right:\n\n```sh\n{command}\n```");
        }
        text.push('\n');
    }

    fn table(&self, text: &mut String, title: &str, direction: Direction) {
        let entries: Vec<&Entry> = self.plan.iter().filter(|entry| entry.direction() == direction).collect();
        if entries.is_empty() {
            return;
        }
        let _ = writeln!(text, "### {title} ({})\n\n| who | what | why | |\n|---|---|---|---|", entries.len());
        for entry in entries.iter().take(MOST_ROWS) {
            let held = entry.held.as_ref().map(|rule| format!("held: `{rule}`")).unwrap_or_default();
            let _ = writeln!(text, "| {} | {} | {} | {held} |", cell(&entry.who()), cell(&entry.what()), cell(&entry.reason));
        }
        if let Some(more) = entries.len().checked_sub(MOST_ROWS).filter(|more| *more > 0) {
            let _ = writeln!(text, "\n… and {more} more.");
        }
        text.push('\n');
    }
}

fn list(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if !lines.is_empty() {
        let _ = writeln!(text, "### {title} ({})\n", lines.len());
        for line in &lines {
            let _ = writeln!(text, "- {}", cell(line));
        }
        text.push('\n');
    }
}

/// The scope in words.
pub fn scope_words(scope: &serde_json::Value) -> String {
    let Some(fields) = scope.as_object() else { return scope.as_str().map_or_else(|| scope.to_string(), ToOwned::to_owned) };
    let words = |value: &serde_json::Value| match value.as_array() {
        Some(names) => names.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", "),
        None => value.as_str().unwrap_or_default().to_owned(),
    };
    fields.iter().map(|(key, value)| format!("{} {}", key.replace('_', " "), words(value))).collect::<Vec<_>>().join("; ")
}

/// Text that Markdown takes as text, on one line.
fn cell(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\n' | '\r' => escaped.push(' '),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                escaped.push('\\');
                escaped.push(character);
            }
            // A zero-width space keeps a name from calling upon people.
            '@' => escaped.push_str("@\u{200b}"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_markdown_in_it_is_text() {
        assert_eq!(cell("a|b\n<script>[x](y)"), r"a\|b &lt;script>\[x\](y)");
        assert_eq!(cell("@everyone"), "@\u{200b}everyone");
    }

    #[test]
    fn a_scope_is_said_in_words() {
        assert_eq!(scope_words(&serde_json::json!("all")), "all");
        assert_eq!(scope_words(&serde_json::json!({"groups": ["a", "b"]})), "groups a, b");
        assert_eq!(scope_words(&serde_json::json!({"changed_since": "last"})), "changed since last");
    }
}
