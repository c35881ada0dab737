//! Charts of actions, calls and time, as SVG in the page.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Rates, duration, grouped};
use crate::report::document::{Direction, Document};

/// One bar.
struct Bar {
    label: String,
    value: f64,
    shown: String,
    class: &'static str,
}

const LABEL_WIDTH: u32 = 170;
const BAR_WIDTH: u32 = 330;
const VALUE_WIDTH: u32 = 140;
const ROW: u32 = 26;

/// The charts, each where it has something to show.
pub(super) fn section(document: &Document, rates: Rates) -> String {
    let charts = [chart("Actions", &actions(document)), chart("Calls", &calls(document)), chart("Time", &time(document, rates))];
    let charts: String = charts.into_iter().flatten().collect();
    if charts.is_empty() {
        return String::new();
    }
    let note = "<p class=\"scale\">Time compares the run with the least that its calls take at the rate the policy allows: Identity Store \
                counts each API by itself, so a run may be quicker than its bar.</p>\n";
    format!("<section id=\"charts\">\n<h2>What it took</h2>\n<div class=\"charts\">{charts}</div>\n{note}</section>\n")
}

fn actions(document: &Document) -> Vec<Bar> {
    let mut counts: BTreeMap<(Direction, &str), u32> = BTreeMap::new();
    for entry in &document.plan {
        *counts.entry((entry.direction(), &entry.action)).or_default() += 1;
    }
    let bar = |((direction, action), count): ((Direction, &str), u32)| Bar {
        label: action.replace('_', " "),
        value: f64::from(count),
        shown: grouped(u64::from(count)),
        class: match direction {
            Direction::Gain => "good",
            Direction::Lose => "bad",
            Direction::Change => "info",
        },
    };
    counts.into_iter().map(bar).collect()
}

fn calls(document: &Document) -> Vec<Bar> {
    let calls = &document.calls;
    let each = [
        ("Okta", calls.okta),
        ("Identity Store", calls.identity_store),
        ("SCIM", calls.scim),
        ("sso-admin", calls.sso_admin),
        ("Organizations", calls.organizations),
    ];
    let bar = |(label, count): (&str, u64)| Bar { label: label.to_owned(), value: as_f64(count), shown: grouped(count), class: "info" };
    each.into_iter().filter(|(_, count)| *count > 0).map(bar).collect()
}

fn time(document: &Document, rates: Rates) -> Vec<Bar> {
    if document.duration_ms == 0 {
        return Vec::new();
    }
    let bar = |label: &str, milliseconds: f64, class| Bar {
        label: label.to_owned(),
        value: milliseconds,
        shown: duration(whole(milliseconds)),
        class,
    };
    let least = |label: &str, count: u64, rate: f64| (count > 0 && rate > 0.0).then(|| bar(label, as_f64(count) * 1000.0 / rate, "info"));
    let run = bar("the run", as_f64(document.duration_ms), "strong");
    let store = least("Identity Store, least", document.calls.identity_store, rates.identity_store);
    let admin = least("sso-admin, least", document.calls.sso_admin, rates.sso_admin);
    [Some(run), store, admin].into_iter().flatten().collect()
}

fn chart(title: &str, bars: &[Bar]) -> Option<String> {
    let most = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let height = ROW * u32::try_from(bars.len()).unwrap_or(u32::MAX / ROW);
    let mut rows = String::new();
    for (index, bar) in bars.iter().enumerate() {
        let top = ROW * u32::try_from(index).unwrap_or_default();
        let width = (bar.value / most * f64::from(BAR_WIDTH)).max(2.0);
        let _ = write!(
            rows,
            "<text x=\"{label_end}\" y=\"{text}\" class=\"label\">{label}</text>\
             <rect x=\"{LABEL_WIDTH}\" y=\"{rect}\" width=\"{width:.1}\" height=\"16\" rx=\"3\" class=\"{class}\"/>\
             <text x=\"{value_start:.1}\" y=\"{text}\" class=\"value\">{shown}</text>",
            label_end = LABEL_WIDTH - 10,
            text = top + 17,
            label = super::escape(&bar.label),
            rect = top + 5,
            class = bar.class,
            value_start = f64::from(LABEL_WIDTH) + width + 8.0,
            shown = super::escape(&bar.shown),
        );
    }
    let told: Vec<String> = bars.iter().map(|bar| format!("{}: {}", bar.label, bar.shown)).collect();
    Some(format!(
        "<figure><figcaption>{title}</figcaption><svg class=\"chart\" viewBox=\"0 0 {total} {height}\" role=\"img\" aria-label=\"{title}: {told}\">\
         {rows}</svg></figure>\n",
        total = LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH,
        told = super::escape(&told.join(", ")),
    ))
}

/// Counts and times of one run, far below 2^52, where f64 is exact.
#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds of one run")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds of one run: positive, and far below 2^52")]
fn whole(milliseconds: f64) -> u64 {
    milliseconds.round() as u64
}
