//! Signs of life: what every invocation says about the whole, one that failed included. Silence is an alarm.

use engine::ledger::{Ledger, OpenHeld, Pause};
use engine::ports::{Table, TableError};
use jiff::{SignedDuration, Timestamp};
use runtime::metrics::{Metric, Name};

/// What the ledger says about the whole.
struct State {
    since_complete: Option<SignedDuration>,
    pause: Option<Pause>,
    held: OpenHeld,
}

/// How long ago the last complete full run was, how long runs have been paused, and what is held. Where the ledger cannot be reached, that
/// is said instead: an alarm on missing data sees it too.
pub async fn vitals<T: Table>(ledger: &Ledger<T>, now: Timestamp) -> Vec<Metric> {
    read(ledger, now).await.map_or_else(|_| vec![Metric::flag(Name::LedgerUnavailable, true)], |state| said(&state, now))
}

async fn read<T: Table>(ledger: &Ledger<T>, now: Timestamp) -> Result<State, TableError> {
    let (since_complete, pause) = (ledger.since_complete(now).await?, ledger.pause(now).await?);
    Ok(State { since_complete, pause, held: ledger.open_held(now).await? })
}

fn said(state: &State, now: Timestamp) -> Vec<Metric> {
    let paused = state.pause.as_ref().map_or(0.0, |pause| now.duration_since(pause.since).as_secs_f64());
    let complete = state.since_complete.map(|complete| Metric::new(Name::SecondsSinceCompleteRun, complete.as_secs_f64()));
    let always = [
        Metric::new(Name::PausedSeconds, paused),
        Metric::count(Name::OpenHeldActions, state.held.actions),
        Metric::count(Name::OpenHeldLeavers, state.held.leavers),
        Metric::flag(Name::LedgerUnavailable, false),
    ];
    complete.into_iter().chain(always).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_said_by_every_invocation_and_so_is_that_nothing_is() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let of = |held| said(&State { since_complete: None, pause: None, held }, now);
        let value = |metrics: &[Metric], name| metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value);
        let metrics = of(OpenHeld { actions: 7, leavers: 3 });
        assert_eq!((value(&metrics, Name::OpenHeldActions), value(&metrics, Name::OpenHeldLeavers)), (Some(7.0), Some(3.0)));
        let metrics = of(OpenHeld::default());
        assert_eq!((value(&metrics, Name::OpenHeldActions), value(&metrics, Name::OpenHeldLeavers)), (Some(0.0), Some(0.0)));
        assert_eq!(value(&metrics, Name::SecondsSinceCompleteRun), None, "no run is no complete one");
    }
}
