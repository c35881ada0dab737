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

/// Declares every metric once: its name, its unit, and what it says.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $unit:ident,)+) => {
        /// Every metric that a function emits. The dashboard shows each of them, and a test keeps it so, both ways.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Name {
            $($(#[$doc])* $name,)+
        }

        impl Name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name in CloudWatch.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// Its unit.
            pub fn unit(self) -> Unit {
                match self {
                    $(Self::$name => Unit::$unit,)+
                }
            }
        }
    };
}

names! {
    /// Deliveries of the event hook, refused ones included.
    HookDeliveries: Count,
    /// Deliveries without the hook's secret, answered 401.
    HookUnauthorized: Count,
    /// Deliveries that were not queued through a fault of ours, answered 5xx.
    HookFailed: Count,
    /// How long the oldest event of a batch had waited when it was worked off.
    OldestEventSeconds: Seconds,
    /// An invocation of `reconcile` was refused.
    InvocationFailed: Count,
    /// A run whose lists could not be read whole.
    RunFailed: Count,
    /// A run of which the guard withheld something.
    RunHeld: Count,
    /// A run of which something failed, is pending or could not be read.
    RunPartial: Count,
    /// A run whose time was up before it had done anything: it does not go on by itself.
    RunStopped: Count,
    /// How long a run took.
    RunMilliseconds: Milliseconds,
    /// Actions that changed something.
    Changed: Count,
    /// Actions that were tried, and failed.
    FailedActions: Count,
    /// Actions that were not tried.
    NotAttemptedActions: Count,
    /// Actions that AWS has begun, and is not at its end with.
    PendingActions: Count,
    /// Actions that the guard withheld from one run.
    HeldActions: Count,
    /// Actions on leavers that the guard withheld from one run.
    HeldLeavers: Count,
    /// Actions that wait for a person, whichever run held them.
    OpenHeldActions: Count,
    /// Those of them on leavers.
    OpenHeldLeavers: Count,
    /// What cannot be acted on yet.
    Unresolved: Count,
    /// Requests to Okta.
    OktaCalls: Count,
    /// Requests to Identity Store.
    IdentityStoreCalls: Count,
    /// Requests to sso-admin.
    SsoAdminCalls: Count,
    /// Requests that Okta refused as too many (429).
    OktaThrottled: Count,
    /// Requests that Identity Store, sso-admin, Organizations or the SCIM endpoint refused as too many.
    AwsThrottled: Count,
    /// The time since a full run ended with everything done.
    SecondsSinceCompleteRun: Seconds,
    /// How long runs have been paused; 0 where they are not.
    PausedSeconds: Seconds,
    /// Whether the table could not be reached.
    LedgerUnavailable: Count,
    /// The days until the SCIM token expires, negative after it has; none where the secret does not say when.
    ScimTokenDaysToExpiry: Count,
    /// Changes that were made, and are not on the event bus.
    ChangeEventsLost: Count,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Which metric.
    pub name: Name,
    /// Its value. One that is no finite number is left out: CloudWatch would drop the whole line.
    pub value: f64,
}

impl Metric {
    /// A value of a metric.
    pub fn new(name: Name, value: f64) -> Self {
        Self { name, value }
    }

    /// 1 where something is so, and else 0.
    pub fn flag(name: Name, is_so: bool) -> Self {
        Self::new(name, f64::from(u8::from(is_so)))
    }

    /// A number of things of one run, which is far below 2^52, where f64 is exact.
    #[expect(clippy::cast_precision_loss, reason = "counts of one run")]
    pub fn count(name: Name, count: u64) -> Self {
        Self::new(name, count as f64)
    }
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
                metrics: metrics.iter().map(|metric| Definition { name: metric.name.as_str(), unit: metric.name.unit() }).collect(),
            }],
        },
        function: function.as_str(),
        values: metrics.iter().map(|metric| (metric.name.as_str(), metric.value)).collect(),
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
        let metrics = [Metric::count(Name::HookDeliveries, 3), Metric::new(Name::RunMilliseconds, 12.5)];
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
                        "Metrics": [{"Name": "HookDeliveries", "Unit": "Count"}, {"Name": "RunMilliseconds", "Unit": "Milliseconds"}],
                    }],
                },
                "function": "event-hook",
                "HookDeliveries": 3.0,
                "RunMilliseconds": 12.5,
            })
        );
    }

    #[test]
    fn no_line_holds_more_than_cloudwatch_takes_and_no_value_that_it_would_not() {
        let mut metrics = vec![Metric::count(Name::Changed, 1); MOST_IN_A_LINE + 1];
        assert_eq!(lines(Function::Reconcile, at(), &metrics).len(), 2);
        metrics.truncate(1);
        metrics[0].value = f64::NAN;
        assert!(lines(Function::Reconcile, at(), &metrics).is_empty());
    }
}
