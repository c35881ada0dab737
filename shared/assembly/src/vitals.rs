//! Signs of life: what every invocation says about the whole, one that failed included. Silence is an alarm.

use engine::ledger::Ledger;
use engine::ports::Table;
use jiff::Timestamp;
use runtime::metrics::{Metric, Unit};

/// How long ago the last complete full run was, and how long runs have been paused. Where the ledger cannot be reached, that is said
/// instead: an alarm on missing data sees it too.
pub async fn vitals<T: Table>(ledger: &Ledger<T>, now: Timestamp) -> Vec<Metric> {
    let seconds = |name, value: f64| Metric { name, value, unit: Unit::Seconds };
    let reachable = |value| Metric { name: "LedgerUnavailable", value, unit: Unit::Count };
    match (ledger.since_complete(now).await, ledger.pause(now).await) {
        (Ok(complete), Ok(pause)) => {
            let paused = pause.map_or(0.0, |pause| now.duration_since(pause.since).as_secs_f64());
            let complete = complete.map(|complete| seconds("SecondsSinceCompleteRun", complete.as_secs_f64()));
            complete.into_iter().chain([seconds("PausedSeconds", paused), reachable(0.0)]).collect()
        }
        _ => vec![reachable(1.0)],
    }
}
