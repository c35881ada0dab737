//! Rate limits: AWS's token bucket, and Okta's windows.

use std::time::Duration;

use jiff::Timestamp;

use crate::time::later;

/// A token bucket.
#[derive(Debug, Clone)]
pub(crate) struct TokenBucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    filled: Option<Timestamp>,
}

impl TokenBucket {
    pub(crate) fn new(rate: f64, burst: f64) -> Self {
        Self { rate, burst, tokens: burst, filled: None }
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        self.take_many(1, now)
    }

    /// Takes so many tokens, if there are as many.
    pub(crate) fn take_many(&mut self, n: usize, now: Timestamp) -> bool {
        let wanted = f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let idle = self.filled.map_or(0.0, |filled| now.duration_since(filled).as_secs_f64().max(0.0));
        self.filled = Some(now);
        self.tokens = (self.tokens + idle * self.rate).min(self.burst);
        let has_enough = self.tokens >= wanted;
        if has_enough {
            self.tokens -= wanted;
        }
        has_enough
    }
}

/// A window of so many calls, which begins with the first call after the last one's end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    ends: Option<Timestamp>,
    used: u64,
}

/// What an answer says about a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Seconds since the epoch.
    pub(crate) reset: i64,
}

impl Window {
    /// Counts a call; says whether it is within the limit.
    pub(crate) fn take(&mut self, limit: u64, length: Duration, now: Timestamp) -> (Rate, bool) {
        let ends = match self.ends {
            Some(ends) if ends > now => ends,
            Some(_) | None => {
                self.used = 0;
                later(now, length)
            }
        };
        self.ends = Some(ends);
        let within = self.used < limit;
        if within {
            self.used += 1;
        }
        (Rate { limit, remaining: limit - self.used.min(limit), reset: ceil_second(ends) }, within)
    }
}

/// Seconds since the epoch, rounded up, so that no one comes back too early.
pub(crate) fn ceil_second(at: Timestamp) -> i64 {
    at.as_second() + i64::from(at.subsec_nanosecond() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        later(Timestamp::UNIX_EPOCH, Duration::from_secs_f64(seconds))
    }

    #[test]
    fn a_bucket_of_twenty_a_second_gives_its_burst_and_then_its_rate() {
        let mut bucket = TokenBucket::new(20.0, 20.0);
        assert_eq!((0..30).filter(|_| bucket.take(at(0.0))).count(), 20);
        assert_eq!((0..30).filter(|_| bucket.take(at(0.5))).count(), 10);
        assert_eq!((0..30).filter(|_| bucket.take(at(60.0))).count(), 20);
    }

    #[test]
    fn a_window_says_what_is_left_and_when_it_ends() {
        let mut window = Window::default();
        assert_eq!(window.take(2, Duration::from_secs(60), at(0.5)), (Rate { limit: 2, remaining: 1, reset: 61 }, true));
        assert!(window.take(2, Duration::from_secs(60), at(1.0)).1);
        assert_eq!(window.take(2, Duration::from_secs(60), at(60.4)), (Rate { limit: 2, remaining: 0, reset: 61 }, false));
        assert!(window.take(2, Duration::from_secs(60), at(60.5)).1);
    }
}
