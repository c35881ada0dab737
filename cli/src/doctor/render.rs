//! The findings, for people and for programs.

use serde_json::{Value, json};

use super::facts::Facts;
use super::verdict::{Finding, Verdict};
use crate::output::{Paint, Tone};

/// Columns of the lines under a finding.
const INDENT: &str = "        ";

/// Width at which lines are broken.
const WIDTH: usize = 120;

/// The table for people: what failed stands out, and says what to do.
pub(super) fn table(findings: &[Finding], paint: Paint) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    let mut text = String::new();
    for finding in findings {
        let word = paint.tone(tone(finding.verdict), &format!("{:<7}", word(finding.verdict)));
        text.push_str(&format!("{word} {:<width$}  {}\n", finding.check, paint.tone(Tone::Strong, finding.title)));
        text.push_str(&block("", &finding.seen));
        if let Some(mend) = &finding.mend {
            text.push_str(&block("→ ", mend));
        }
    }
    text.push_str(&format!("\n{}\n", summary(findings)));
    text
}

/// The same for programs.
pub(super) fn json(facts: &Facts, findings: &[Finding]) -> String {
    let worst = findings.iter().map(|finding| finding.verdict).filter(|verdict| *verdict != Verdict::Skipped).max();
    let counts: Value = [Verdict::Pass, Verdict::Warn, Verdict::Fail, Verdict::Skipped]
        .into_iter()
        .map(|verdict| (json!(verdict).as_str().unwrap_or_default().to_owned(), json!(n_of(findings, verdict))))
        .collect();
    let whole = json!({"checked_at": facts.now, "verdict": worst.unwrap_or(Verdict::Skipped), "counts": counts, "checks": findings});
    format!("{whole:#}")
}

fn summary(findings: &[Finding]) -> String {
    let n = |verdict| n_of(findings, verdict);
    format!(
        "{} passed, {} with a warning, {} failed, {} not looked at. Each is explained in docs/doctor.md.",
        n(Verdict::Pass),
        n(Verdict::Warn),
        n(Verdict::Fail),
        n(Verdict::Skipped)
    )
}

fn n_of(findings: &[Finding], verdict: Verdict) -> usize {
    findings.iter().filter(|finding| finding.verdict == verdict).count()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Warn => "warn",
        Verdict::Fail => "FAIL",
        Verdict::Skipped => "skipped",
    }
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Warn => Tone::Warning,
        Verdict::Fail => Tone::Bad,
        Verdict::Skipped => Tone::Faint,
    }
}

/// A text broken into indented lines, the first with a sign before it.
pub(super) fn block(sign: &str, text: &str) -> String {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        if !line.is_empty() && INDENT.len() + line.chars().count() + word.chars().count() >= WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    let rest = " ".repeat(sign.chars().count());
    let signed = |(number, line): (usize, &String)| format!("{INDENT}{}{line}\n", if number == 0 { sign } else { &rest });
    lines.iter().enumerate().map(signed).collect()
}
