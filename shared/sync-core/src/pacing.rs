//! Pacing: when the next call may go out. Pure; time is an argument, counted from any fixed moment.

use std::collections::VecDeque;
use std::time::Duration;

/// A pacer for one limit of calls a second. Calls are spaced evenly; it lowers itself when throttled, and recovers. After a rest it catches
/// up, and still no window of a second holds more calls than one above the rate.
#[derive(Debug, Clone)]
pub struct Pacer {
    ceiling: f64,
    rate: f64,
    next_free: Duration,
    /// The last second's starts, as many as one second may hold.
    starts: VecDeque<Duration>,
    last_cut: Option<Duration>,
}

/// What is left of the rate after a throttled call.
const CUT: f64 = 0.7;

/// The rate never falls below this share of its ceiling.
const FLOOR: f64 = 0.1;

/// Throttled calls that were in flight together are one event.
const CUT_INTERVAL: Duration = Duration::from_secs(1);

/// The time whose places are kept when they were not used: who reads and writes by turns would otherwise lose some with every turn. Reads
/// between writes take two or three calls one after the other, so about as long. Longer would be a burst of most of a second's calls at
/// once, and nobody knows how AWS takes that.
const KEPT: Duration = Duration::from_millis(250);

/// The window by which AWS counts.
const WINDOW: Duration = Duration::from_secs(1);

/// How much of the ceiling comes back with every call that was not throttled.
const RECOVERY: f64 = 0.01;

impl Pacer {
    /// A pacer of at most `calls_per_second`, which must be above 0; what is not counts as one call a second.
    pub fn new(calls_per_second: f64) -> Self {
        let ceiling = if calls_per_second.is_finite() && calls_per_second > 0.0 { calls_per_second } else { 1.0 };
        Self { ceiling, rate: ceiling, next_free: Duration::ZERO, starts: VecDeque::new(), last_cut: None }
    }

    /// Takes the next place, and says how long to wait for it. Places of the last quarter of a second that were not used are kept, and at
    /// least one.
    pub fn take(&mut self, now: Duration) -> Duration {
        let between = Duration::from_secs_f64(1.0 / self.rate);
        let place = self.next_free.max(now.saturating_sub(KEPT.max(between)));
        self.next_free = place + between;
        let start = place.max(now).max(self.first_in_window());
        self.starts.push_back(start);
        start.saturating_sub(now)
    }

    /// The earliest start that leaves no more calls in any window of a second than one above the rate.
    fn first_in_window(&mut self) -> Duration {
        let most = most_in_a_window(self.rate);
        while self.starts.len() > most {
            self.starts.pop_front();
        }
        if self.starts.len() < most { Duration::ZERO } else { self.starts.front().map_or(Duration::ZERO, |first| *first + WINDOW) }
    }

    /// A call was throttled at `now`: slower from here on, and nothing for `pause`.
    pub fn throttled(&mut self, now: Duration, pause: Duration) {
        if self.last_cut.is_none_or(|cut| now.saturating_sub(cut) >= CUT_INTERVAL) {
            self.rate = (self.rate * CUT).max(self.ceiling * FLOOR);
            self.last_cut = Some(now);
        }
        self.next_free = self.next_free.max(now + pause);
    }

    /// A call was not throttled.
    pub fn succeeded(&mut self) {
        self.rate = (self.rate + self.ceiling * RECOVERY).min(self.ceiling);
    }

    /// Calls a second at this moment.
    pub fn rate(&self) -> f64 {
        self.rate
    }
}

/// The calls that one second may hold: one above the rate, which is one below AWS's limit. With less there would be nothing to catch up with.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is above 0, and a cast of what is too large gives the largest"
)]
fn most_in_a_window(rate: f64) -> usize {
    rate.ceil() as usize + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most calls that fall into any window of one second.
    fn most_in_a_second(starts: &[Duration]) -> usize {
        starts
            .iter()
            .map(|first| starts.iter().filter(|at| **at >= *first && **at < *first + Duration::from_secs(1)).count())
            .max()
            .unwrap()
    }

    #[test]
    fn s36_no_window_of_a_second_holds_more_than_the_limit() {
        let mut pacer = Pacer::new(19.0);
        let starts: Vec<Duration> = (0..200).map(|_| pacer.take(Duration::ZERO)).collect();
        assert_eq!(most_in_a_second(&starts), 20 - 1);
        assert!(*starts.last().unwrap() < Duration::from_secs(11), "200 calls at 19 a second are no more than 10.5 s");
    }

    #[test]
    fn an_idle_pacer_keeps_the_places_of_a_quarter_of_a_second_and_no_more() {
        let mut pacer = Pacer::new(10.0);
        let waits: Vec<Duration> = (0..4).map(|_| pacer.take(Duration::from_secs(60))).collect();
        assert_eq!(waits, [0, 0, 0, 50].map(Duration::from_millis));
        let mut slow = Pacer::new(1.0);
        let waits: Vec<Duration> = (0..3).map(|_| slow.take(Duration::from_secs(60))).collect();
        assert_eq!(waits, [0, 0, 1].map(Duration::from_secs), "one place is kept in any case");
    }

    #[test]
    fn s36_who_rests_between_calls_loses_nothing_and_no_window_of_a_second_holds_more_than_one_above_the_rate() {
        let mut pacer = Pacer::new(19.0);
        let mut now = Duration::from_secs(60);
        let mut starts = Vec::new();
        for call in 0..400 {
            // A rest of a fifth of a second after every tenth call, as between batches.
            now += if call % 10 == 0 { Duration::from_millis(200) } else { Duration::ZERO };
            now += pacer.take(now);
            starts.push(now);
        }
        assert!(most_in_a_second(&starts) <= 20, "{}", most_in_a_second(&starts));
        let took = (now - Duration::from_secs(60)).as_secs_f64();
        assert!(took < 400.0 / 19.0 * 1.02, "{took}");
    }

    #[test]
    fn after_a_throttled_call_nothing_that_was_kept_is_used() {
        let mut pacer = Pacer::new(20.0);
        pacer.throttled(Duration::from_secs(60), Duration::ZERO);
        let waits: Vec<Duration> = (0..3).map(|_| pacer.take(Duration::from_secs(60))).collect();
        assert_eq!(waits.first(), Some(&Duration::ZERO));
        assert!(waits.windows(2).all(|pair| pair[1] - pair[0] > Duration::from_millis(70)), "{waits:?}");
    }

    #[test]
    fn throttling_lowers_the_rate_once_for_calls_in_flight_together_and_it_recovers() {
        let mut pacer = Pacer::new(20.0);
        pacer.throttled(Duration::from_secs(5), Duration::from_secs(1));
        pacer.throttled(Duration::from_secs(5), Duration::from_secs(1));
        assert!((pacer.rate() - 14.0).abs() < 1e-9);
        assert_eq!(pacer.take(Duration::from_secs(5)), Duration::from_secs(1));
        (0..100).for_each(|_| pacer.succeeded());
        assert!((pacer.rate() - 20.0).abs() < 1e-9);
    }

    #[test]
    fn the_rate_has_a_floor_and_a_nonsense_limit_is_slow_rather_than_none() {
        let mut pacer = Pacer::new(20.0);
        (0..100).for_each(|second| pacer.throttled(Duration::from_secs(2 * second), Duration::ZERO));
        assert!((pacer.rate() - 2.0).abs() < 1e-9);
        assert!((Pacer::new(f64::NAN).rate() - 1.0).abs() < 1e-9);
    }
}
