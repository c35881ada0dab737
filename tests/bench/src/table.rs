//! The table: what was measured, what it came to, and the bound that it must keep.

use std::fmt::Write;

/// One figure.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    figure: String,
    bound: String,
    holds: bool,
}

impl Row {
    /// A figure that must be at most `bound`.
    pub(crate) fn at_most(what: impl Into<String>, figure: f64, bound: f64, unit: &str) -> Self {
        Self { what: what.into(), figure: shown(figure, unit), bound: format!("≤ {}", shown(bound, unit)), holds: figure <= bound }
    }

    /// A figure that must be at least `bound`.
    pub(crate) fn at_least(what: impl Into<String>, figure: f64, bound: f64, unit: &str) -> Self {
        Self { what: what.into(), figure: shown(figure, unit), bound: format!("≥ {}", shown(bound, unit)), holds: figure >= bound }
    }

    /// A figure that has no bound, to be known.
    pub(crate) fn stated(what: impl Into<String>, figure: f64, unit: &str) -> Self {
        Self { what: what.into(), figure: shown(figure, unit), bound: "–".to_owned(), holds: true }
    }

    /// What could not be measured: it counts as a bound that is broken.
    pub(crate) fn not_measured(what: impl Into<String>, error: &std::io::Error) -> Self {
        Self { what: what.into(), figure: format!("not measured: {error}"), bound: "–".to_owned(), holds: false }
    }

    /// Whether it keeps its bound.
    pub(crate) fn holds(&self) -> bool {
        self.holds
    }
}

fn shown(figure: f64, unit: &str) -> String {
    let number = if figure.fract() == 0.0 { format!("{figure}") } else { format!("{figure:.2}") };
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}

/// The table in Markdown.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = "| what | figure | bound | |\n|---|---:|---:|---|\n".to_owned();
    for row in rows {
        let verdict = if row.holds { "holds" } else { "BROKEN" };
        writeln!(text, "| {} | {} | {} | {verdict} |", row.what, row.figure, row.bound).expect("a String takes everything");
    }
    text
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts of calls are far below 2^52")]
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}
