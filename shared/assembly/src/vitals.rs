//! Signs of life: what every invocation says about the whole, one that failed included. Silence is an alarm.

use engine::ledger::Ledger;
use engine::ports::Table;
use jiff::Timestamp;
use runtime::metrics::{Metric, Name};

/// How long ago the last complete full run was, and how long runs have been paused. Where the ledger cannot be reached, that is said
/// instead: an alarm on missing data sees it too.
pub async fn vitals<T: Table>(ledger: &Ledger<T>, now: Timestamp) -> Vec<Metric> {
    match (ledger.since_complete(now).await, ledger.pause(now).await) {
        (Ok(complete), Ok(pause)) => {
            let paused = pause.map_or(0.0, |pause| now.duration_since(pause.since).as_secs_f64());
            let complete = complete.map(|complete| Metric::new(Name::SecondsSinceCompleteRun, complete.as_secs_f64()));
            let always = [Metric::new(Name::PausedSeconds, paused), Metric::flag(Name::LedgerUnavailable, false)];
            complete.into_iter().chain(always).collect()
        }
        _ => vec![Metric::flag(Name::LedgerUnavailable, true)],
    }
}
