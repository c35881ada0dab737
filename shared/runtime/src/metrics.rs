//! Metrics: one line of JSON in CloudWatch's embedded metric format, which CloudWatch takes out of the log by itself.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use crate::config::Function;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Lockstep";

/// CloudWatch takes at most so many metrics from one line.
const MOST_IN_A_LINE: usize = 100;

/// The unit of a metric, in CloudWatch's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its value. One that is no finite number is left out: CloudWatch would drop the whole line.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
}

/// The lines for these metrics, with the dimension `function`.
pub fn lines(function: Function, at: Timestamp, metrics: &[Metric]) -> Vec<String> {
    let finite: Vec<Metric> = metrics.iter().copied().filter(|metric| metric.value.is_finite()).collect();
    finite.chunks(MOST_IN_A_LINE).map(|chunk| line(function, at, chunk)).collect()
}

/// Writes the metrics to standard output, which is the function's log. A log that cannot be written is no reason to fail.
pub fn emit(function: Function, at: Timestamp, metrics: &[Metric]) {
    let mut text = lines(function, at, metrics).join("\n");
    if !text.is_empty() {
        text.push('\n');
        let _ = io::stdout().lock().write_all(text.as_bytes());
    }
}

#[derive(Serialize)]
struct Line {
    #[serde(rename = "_aws")]
    aws: Header,
    function: &'static str,
    #[serde(flatten)]
    values: BTreeMap<&'static str, f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Header {
    timestamp: i64,
    cloud_watch_metrics: [Directive; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: [[&'static str; 1]; 1],
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: Unit,
}

fn line(function: Function, at: Timestamp, metrics: &[Metric]) -> String {
    let line = Line {
        aws: Header {
            timestamp: at.as_millisecond(),
            cloud_watch_metrics: [Directive {
                namespace: NAMESPACE,
                dimensions: [["function"]],
                metrics: metrics.iter().map(|metric| Definition { name: metric.name, unit: metric.unit }).collect(),
            }],
        },
        function: function.as_str(),
        values: metrics.iter().map(|metric| (metric.name, metric.value)).collect(),
    };
    serde_json::to_string(&line).expect("text keys and finite numbers are always JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at() -> Timestamp {
        "2026-11-24T10:00:00.5Z".parse().unwrap()
    }

    #[test]
    fn a_line_is_in_cloudwatchs_embedded_format() {
        let metrics = [
            Metric { name: "Triggers", value: 3.0, unit: Unit::Count },
            Metric { name: "Duration", value: 12.5, unit: Unit::Milliseconds },
        ];
        let [line] = &lines(Function::EventHook, at(), &metrics)[..] else { panic!("one line") };
        assert!(!line.contains('\n'));
        assert_eq!(
            serde_json::from_str::<Value>(line).unwrap(),
            json!({
                "_aws": {
                    "Timestamp": 1_795_514_400_500_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Lockstep",
                        "Dimensions": [["function"]],
                        "Metrics": [{"Name": "Triggers", "Unit": "Count"}, {"Name": "Duration", "Unit": "Milliseconds"}],
                    }],
                },
                "function": "event-hook",
                "Triggers": 3.0,
                "Duration": 12.5,
            })
        );
    }

    #[test]
    fn no_line_holds_more_than_cloudwatch_takes_and_no_value_that_it_would_not() {
        let name = |index: usize| -> &'static str { Box::leak(format!("M{index}").into_boxed_str()) };
        let mut metrics: Vec<Metric> = (0..101).map(|index| Metric { name: name(index), value: 1.0, unit: Unit::Count }).collect();
        assert_eq!(lines(Function::Reconcile, at(), &metrics).len(), 2);
        metrics.truncate(1);
        metrics[0].value = f64::NAN;
        assert!(lines(Function::Reconcile, at(), &metrics).is_empty());
    }
}
