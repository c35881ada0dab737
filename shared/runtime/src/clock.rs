//! The system's clock, and the only place that reads it.

use jiff::Timestamp;

/// The clock of this machine. Everything that decides takes the time as an argument; the binaries take it from here.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl SystemClock {
    /// Now.
    pub fn now(self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that owns the clock")]
        Timestamp::now()
    }
}

#[cfg(feature = "engine")]
impl engine::ports::Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Self::now(*self)
    }
}
