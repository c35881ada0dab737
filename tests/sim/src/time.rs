//! The time in a simulated world: real, moved by hand, or tokio's own (which tests can pause).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::ports::Clock;
use jiff::{SignedDuration, Timestamp};

use crate::lock;

/// A clock that moves only when it is told to.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<Timestamp>>);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves it forwards.
    pub fn advance(&self, by: Duration) {
        let mut now = lock(&self.0);
        *now = later(*now, by);
    }

    /// Moves it to `now`, backwards as well.
    pub fn set(&self, now: Timestamp) {
        *lock(&self.0) = now;
    }
}

impl Default for ManualClock {
    /// A clock at an arbitrary moment, the same in every run.
    fn default() -> Self {
        Self::at(start())
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }
}

/// tokio's clock on an arbitrary date: stands still where a test has paused it, and jumps over sleeps.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    started: tokio::time::Instant,
    at: Timestamp,
}

impl TokioClock {
    /// Starts at the moment at which [`ManualClock::default`] starts.
    pub fn start() -> Self {
        Self { started: tokio::time::Instant::now(), at: start() }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        later(self.at, self.started.elapsed())
    }
}

/// The clock of a simulated world. Everything that shares a world should share one.
#[derive(Debug, Clone)]
pub enum Time {
    /// The machine's own.
    Real,
    /// Moved by hand; a simulated delay moves it, and no one waits.
    Manual(ManualClock),
    /// tokio's; a simulated delay is a sleep.
    Tokio(TokioClock),
}

impl Time {
    /// Lets a simulated delay pass.
    pub(crate) async fn wait(&self, delay: Duration) {
        if delay.is_zero() {
            return;
        }
        match self {
            Self::Manual(clock) => clock.advance(delay),
            Self::Real | Self::Tokio(_) => tokio::time::sleep(delay).await,
        }
    }
}

impl Default for Time {
    fn default() -> Self {
        Self::Manual(ManualClock::default())
    }
}

impl From<ManualClock> for Time {
    fn from(clock: ManualClock) -> Self {
        Self::Manual(clock)
    }
}

impl From<TokioClock> for Time {
    fn from(clock: TokioClock) -> Self {
        Self::Tokio(clock)
    }
}

impl Clock for Time {
    #[expect(clippy::disallowed_methods, reason = "this is where a simulated world takes the real time from")]
    fn now(&self) -> Timestamp {
        match self {
            Self::Real => Timestamp::now(),
            Self::Manual(clock) => clock.now(),
            Self::Tokio(clock) => clock.now(),
        }
    }
}

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("the second is within jiff's range")
}

pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

pub(crate) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// A clock that is so many milliseconds ahead, or behind.
pub(crate) fn skewed(at: Timestamp, by_ms: i64) -> Timestamp {
    let by = Duration::from_millis(by_ms.unsigned_abs());
    if by_ms < 0 { earlier(at, by) } else { later(at, by) }
}
