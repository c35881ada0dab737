//! When an invocation must be over, and what its run is called.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

/// What is kept back of the time for the report: a twentieth, from 1 to 15 seconds.
const LEAST_MARGIN: Duration = Duration::from_secs(1);
const MOST_MARGIN: Duration = Duration::from_secs(15);

/// The longest that Lambda lets a function run.
const LONGEST: Duration = Duration::from_secs(900);

/// The moment at which a run has to stop, so that it can still say what is left. `deadline_ms` is Lambda's, in milliseconds
/// since the epoch; one that is 0 was not given, and means the longest time there is.
pub fn deadline(deadline_ms: u64, now: Timestamp) -> Instant {
    Instant::now() + working_time(deadline_ms, now)
}

fn left(deadline_ms: u64, now: Timestamp) -> Duration {
    match deadline_ms {
        0 => LONGEST,
        end => Duration::from_millis(end.saturating_sub(u64::try_from(now.as_millisecond()).unwrap_or_default())),
    }
}

fn working_time(deadline_ms: u64, now: Timestamp) -> Duration {
    let left = left(deadline_ms, now);
    left.saturating_sub((left / 20).clamp(LEAST_MARGIN, MOST_MARGIN))
}

/// The moment at which an invocation has to answer, whatever is still to be told: half of the least margin before Lambda's end.
pub fn closing(deadline_ms: u64, now: Timestamp) -> Instant {
    Instant::now() + left(deadline_ms, now).saturating_sub(LEAST_MARGIN / 2)
}

/// A run's id: the time, by which runs sort, and eight digits that tell apart those of one second.
pub fn run_id(now: Timestamp) -> String {
    let tail = Uuid::new_v4().simple().to_string();
    format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), tail.get(..8).unwrap_or(&tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_stops_a_twentieth_before_lambda_does() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let end = |seconds: u64| u64::try_from(now.as_millisecond()).unwrap() + seconds * 1000;
        assert_eq!(working_time(end(900), now), Duration::from_secs(885));
        assert_eq!(working_time(end(60), now), Duration::from_secs(57));
        assert_eq!(working_time(end(3), now), Duration::from_secs(2));
        assert_eq!(working_time(end(0), now), Duration::ZERO);
        assert_eq!(working_time(0, now), Duration::from_secs(885));
    }

    #[test]
    fn run_ids_sort_by_time_and_are_used_once() {
        let (first, later): (Timestamp, Timestamp) = ("2026-11-24T10:00:00Z".parse().unwrap(), "2026-11-24T10:00:01Z".parse().unwrap());
        assert!(run_id(first) < run_id(later));
        assert_ne!(run_id(first), run_id(first));
        assert!(run_id(first).starts_with("20261124T100000Z-"), "{}", run_id(first));
    }
}
