//! Texts with `${capture}` in them.

use regex::{Captures, Regex};

/// A text with captures of a rule's pattern in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Capture(String),
}

impl Template {
    /// Reads a text, whose captures must be those of the pattern.
    pub(super) fn parse(text: &str, pattern: &Regex) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                return Err(format!("{text:?} has a \"${{\" without its \"}}\""));
            };
            if !pattern.capture_names().flatten().any(|known| known == name) {
                return Err(format!("{text:?} names the capture {name:?}, which the pattern does not have"));
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Capture(name.to_owned()));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self(parts))
    }

    /// The text itself, if nothing in it depends on the group.
    pub(super) fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text for a group; `None` if a capture took no part in the match.
    pub(super) fn fill(&self, captures: &Captures<'_>) -> Option<String> {
        let part = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            Part::Capture(name) => captures.name(name).map(|capture| capture.as_str().to_owned()),
        };
        self.0.iter().map(part).collect()
    }
}
