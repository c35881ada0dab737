//! Lets another run go on where the time was up: a message to the function itself, over the queue for later.

use std::time::Duration;

use engine::continuation::{Continuation, Next};
use engine::ledger::Ledger;
use engine::ports::Table;
use engine::{Completed, Request};
use jiff::Timestamp;
use runtime::queue::{Later, TriggerQueue};
use runtime::telemetry::error_chain;

/// The next run does not begin while this one still writes its report.
const PAUSE: Duration = Duration::from_secs(2);

/// What became of the rest of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// There is none, or another run does it.
    Covered,
    /// Its time was up before it had done anything, and nobody goes on before the schedule does. This is an alarm.
    Stopped,
}

/// Hands over to the next run, if there is anything left.
pub async fn hand_over<T: Table>(
    queue: &TriggerQueue,
    ledger: &Ledger<T>,
    (request, completed): (&Request, &Completed),
    before: Option<&Continuation>,
    now: Timestamp,
) -> Rest {
    let scope = request.scope.to_json().to_string();
    let continued = match Continuation::after(request, completed, before) {
        Next::Nothing => {
            end_chain(ledger, before, now).await;
            return Rest::Covered;
        }
        Next::Stop => {
            end_chain(ledger, before, now).await;
            let advice = "the run's time was up before it had done anything: give it more time, or look for what keeps it waiting";
            tracing::error!(event = "run_stopped", run_id = request.run_id, advice);
            return Rest::Stopped;
        }
        Next::GoOn(continuation) => continuation,
    };
    if !ledger.lead_chain(&scope, &continued.chain, now).await {
        tracing::info!(event = "run_not_continued", run_id = request.run_id, "another chain of runs with this scope is under way");
        return Rest::Covered;
    }
    match queue.go_on_later(&continued.to_json(), PAUSE).await {
        Ok(Later::Queued) => {
            tracing::info!(event = "run_continues", run_id = request.run_id, chain = continued.chain, runs = continued.runs);
            return Rest::Covered;
        }
        Ok(Later::LeftToSchedule) => tracing::info!(event = "left_to_schedule", run_id = request.run_id, "there is no queue for later"),
        Err(error) => tracing::error!(event = "run_not_continued", error = error_chain(&error), "the schedule goes on"),
    }
    end_chain(ledger, Some(&continued), now).await;
    Rest::Covered
}

/// A chain that does not go on is at its end: another may begin.
pub async fn end_chain<T: Table>(ledger: &Ledger<T>, chain: Option<&Continuation>, now: Timestamp) {
    if let Some(continuation) = chain {
        let scope = continuation.request(String::new()).scope.to_json().to_string();
        ledger.end_chain(&scope, &continuation.chain, now).await;
    }
}
