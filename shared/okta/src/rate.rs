//! Okta's rate limits: when the next request of a bucket may go out. Pure; time is an argument, counted from any fixed moment.
//!
//! Okta counts requests per bucket in windows of a minute that are not aligned to the clock, and every answer says how many
//! are left and when the window ends. Only differences between two of Okta's own times are used, so no clock of ours matters.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{DATE, HeaderMap};

/// A bucket: the class of addresses whose requests Okta counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bucket {
    /// The list of groups, and the members of a group.
    Groups,
    /// One group by id.
    Group,
    /// The list of users, and the groups of a user.
    Users,
    /// One user by id or login.
    User,
    /// Apps, and the groups of an app.
    Apps,
}

impl Bucket {
    /// Okta's own words for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Groups => "/api/v1/groups*",
            Self::Group => "/api/v1/groups/{id}",
            Self::Users => "/api/v1/users",
            Self::User => "/api/v1/users/{id}",
            Self::Apps => "/api/v1/apps*",
        }
    }
}

/// What an answer says about the window of its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateHeaders {
    /// `None` where it is not told; the window's end is worth knowing without it, after a 429 most of all.
    limit: Option<u64>,
    remaining: Option<u64>,
    /// When the window ends, in seconds of Okta's clock: what tells one window from the next.
    reset: u64,
    resets_in: Duration,
}

/// `Date` is cut down to whole seconds, so a window may end up to this much later than the difference says.
const ROUNDING: Duration = Duration::from_secs(1);

/// Length of a window, where none was told.
const WINDOW: Duration = Duration::from_secs(60);

/// The limit of a bucket that never told one: none that is ever reached.
const UNTOLD: u64 = u64::MAX;

/// Longest time to the end of a window that is believed: five windows. A header that is wrong must not stop a client for ever.
const LONGEST_WINDOW: Duration = Duration::from_secs(300);

impl RateHeaders {
    /// Reads the headers; `None` if the end of the window is not told or odd. Of a repeated one the smallest value counts.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let reset = smallest(headers, "x-rate-limit-reset")?;
        let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
        let date = date.duration_since(std::time::UNIX_EPOCH).ok()?;
        let resets_in = Duration::from_secs(reset).saturating_sub(date) + ROUNDING;
        Some(Self {
            limit: smallest(headers, "x-rate-limit-limit"),
            remaining: smallest(headers, "x-rate-limit-remaining"),
            reset,
            resets_in: resets_in.min(LONGEST_WINDOW),
        })
    }

    /// How long it is to the end of the window.
    pub(crate) fn resets_in(&self) -> Duration {
        self.resets_in
    }

    /// Whether a 429 with these headers means too many requests at one time, and not too many in the window.
    pub(crate) fn is_about_concurrency(&self) -> bool {
        self.limit == Some(0)
    }
}

fn smallest(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()?.trim().parse().ok()).min()
}

/// Whether a request may go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Now; its place is reserved.
    Now,
    /// After this time, when the window has ended.
    After(Duration),
    /// After another request of the bucket was answered: nothing is known of the bucket yet, and its limit may be small.
    AfterAnswer,
}

/// All the buckets, and the share of their limits that is used.
#[derive(Debug)]
pub(crate) struct Buckets {
    share: f64,
    states: BTreeMap<Bucket, State>,
}

#[derive(Debug, Default)]
struct State {
    in_flight: u64,
    heard: bool,
    window: Option<Window>,
}

#[derive(Debug)]
struct Window {
    /// `None` where it is ours, begun because the last one has ended and not yet confirmed by an answer.
    reset: Option<u64>,
    limit: u64,
    /// Requests left in it for everyone, those that are reserved taken off.
    left: u64,
    ends: Duration,
}

impl Buckets {
    /// At most `share` (above 0, at most 1) of each limit is used in a window.
    pub(crate) fn new(share: f64) -> Self {
        Self { share, states: BTreeMap::new() }
    }

    /// Reserves a place for a request, or says when to ask again.
    pub(crate) fn take(&mut self, bucket: Bucket, now: Duration) -> Turn {
        let share = self.share;
        let state = self.states.entry(bucket).or_default();
        if !state.heard && state.in_flight > 0 {
            return Turn::AfterAnswer;
        }
        if let Some(window) = &mut state.window {
            if now >= window.ends {
                *window =
                    Window { reset: None, limit: window.limit, left: window.limit.saturating_sub(state.in_flight), ends: now + WINDOW };
            }
            if window.left <= kept_back(window.limit, share) {
                return Turn::After(window.ends - now);
            }
            window.left -= 1;
        }
        state.in_flight += 1;
        Turn::Now
    }

    /// A request was answered. Says whether the bucket is now closed until its window ends, because it was `throttled`.
    pub(crate) fn answered(&mut self, bucket: Bucket, headers: Option<RateHeaders>, throttled: bool, now: Duration) -> bool {
        let state = self.states.entry(bucket).or_default();
        state.in_flight = state.in_flight.saturating_sub(1);
        state.heard = true;
        let Some(headers) = headers.filter(|headers| !headers.is_about_concurrency()) else { return false };
        let RateHeaders { limit, remaining, reset, resets_in } = headers;
        let limit = limit.or_else(|| state.window.as_ref().map(|window| window.limit)).unwrap_or(UNTOLD);
        let (left, ends) = (if throttled { 0 } else { remaining.unwrap_or(limit) }, now + resets_in);
        match &mut state.window {
            Some(window) if window.reset > Some(reset) => return false,
            Some(window) if window.reset == Some(reset) => {
                window.limit = limit;
                window.left = window.left.min(left);
                window.ends = window.ends.min(ends);
            }
            // Those still in flight may be counted in the new window.
            window => *window = Some(Window { reset: Some(reset), limit, left: left.saturating_sub(state.in_flight), ends }),
        }
        throttled
    }

    /// A request has no answer, or was given up. What it has reserved stays so: Okta may have counted it.
    pub(crate) fn unanswered(&mut self, bucket: Bucket) {
        let state = self.states.entry(bucket).or_default();
        state.in_flight = state.in_flight.saturating_sub(1);
    }
}

/// How many of a limit are left alone; never all of them.
fn kept_back(limit: u64, share: f64) -> u64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "limits are small, shares at most 1"
    )]
    let used = (limit as f64 * share) as u64;
    limit.saturating_sub(used.max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2015-10-21 07:28:00 UTC, in seconds.
    const EPOCH: u64 = 1_445_412_480;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn told(limit: u64, remaining: u64, reset: u64, resets_in: u64) -> Option<RateHeaders> {
        Some(RateHeaders { limit: Some(limit), remaining: Some(remaining), reset, resets_in: secs(resets_in) })
    }

    #[test]
    fn s31_only_the_difference_of_oktas_own_times_counts() {
        let reset = (EPOCH + 48).to_string();
        let lines = [
            ("date", "Wed, 21 Oct 2015 07:28:00 GMT"),
            ("x-rate-limit-reset", &reset),
            ("x-rate-limit-limit", "10"),
            ("X-Rate-Limit-Remaining", "0"),
        ];
        assert_eq!(RateHeaders::read(&headers(&lines)), told(10, 0, EPOCH + 48, 49));
        let past = [("date", "Wed, 21 Oct 2015 07:28:50 GMT"), lines[1], lines[2], lines[3]];
        assert_eq!(RateHeaders::read(&headers(&past)), told(10, 0, EPOCH + 48, 1), "a reset that is over");
        for missing in 0..2 {
            let rest: Vec<_> = lines.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, line)| *line).collect();
            assert_eq!(RateHeaders::read(&headers(&rest)), None, "without {}", lines[missing].0);
        }
    }

    #[test]
    fn odd_headers_are_none_repeated_ones_the_smallest_and_a_far_reset_is_not_believed() {
        let (date, limit) = (("date", "Wed, 21 Oct 2015 07:28:00 GMT"), ("x-rate-limit-limit", "600"));
        let remaining = ("x-rate-limit-remaining", "5");
        assert_eq!(RateHeaders::read(&headers(&[date, limit, remaining, ("x-rate-limit-reset", "soon")])), None);
        assert_eq!(RateHeaders::read(&headers(&[("date", "x"), limit, remaining, ("x-rate-limit-reset", "1")])), None);
        let milliseconds = (EPOCH * 1000).to_string();
        assert_eq!(
            RateHeaders::read(&headers(&[date, limit, remaining, ("x-rate-limit-reset", &milliseconds)])),
            told(600, 5, EPOCH * 1000, 300)
        );
        let (near, far) = ((EPOCH + 5).to_string(), (EPOCH + 55).to_string());
        let repeated = [date, limit, remaining, ("x-rate-limit-reset", far.as_str()), ("x-rate-limit-reset", near.as_str())];
        assert_eq!(RateHeaders::read(&headers(&repeated)), told(600, 5, EPOCH + 5, 6));
    }

    #[test]
    fn an_unknown_bucket_is_asked_once_before_it_is_asked_at_large() {
        let mut buckets = Buckets::new(0.8);
        assert_eq!(buckets.take(Bucket::Apps, secs(0)), Turn::Now);
        assert_eq!(buckets.take(Bucket::Apps, secs(0)), Turn::AfterAnswer);
        assert_eq!(buckets.take(Bucket::User, secs(0)), Turn::Now, "another bucket");
        buckets.unanswered(Bucket::Apps);
        assert_eq!(buckets.take(Bucket::Apps, secs(0)), Turn::Now);
        buckets.answered(Bucket::Apps, None, false, secs(0));
        for _ in 0..100 {
            assert_eq!(buckets.take(Bucket::Apps, secs(0)), Turn::Now, "a server that tells no limit");
        }
    }

    #[test]
    fn s31_the_share_is_kept_and_the_next_window_is_open() {
        let mut buckets = Buckets::new(0.8);
        assert_eq!(buckets.take(Bucket::Apps, secs(0)), Turn::Now);
        buckets.answered(Bucket::Apps, told(10, 9, 100, 31), false, secs(0));
        for _ in 0..7 {
            assert_eq!(buckets.take(Bucket::Apps, secs(1)), Turn::Now);
        }
        assert_eq!(buckets.take(Bucket::Apps, secs(1)), Turn::After(secs(30)));
        (2..=8).rev().for_each(|remaining| {
            buckets.answered(Bucket::Apps, told(10, remaining, 100, 31), false, secs(2));
        });
        assert_eq!(buckets.take(Bucket::Apps, secs(30)), Turn::After(secs(1)));
        for _ in 0..8 {
            assert_eq!(buckets.take(Bucket::Apps, secs(31)), Turn::Now);
        }
        assert_eq!(buckets.take(Bucket::Apps, secs(31)), Turn::After(secs(60)));
    }

    #[test]
    fn what_others_use_of_the_window_is_not_ours() {
        let mut buckets = Buckets::new(0.8);
        buckets.take(Bucket::Groups, secs(0));
        buckets.answered(Bucket::Groups, told(600, 121, 100, 20), false, secs(0));
        assert_eq!(buckets.take(Bucket::Groups, secs(0)), Turn::Now);
        assert_eq!(buckets.take(Bucket::Groups, secs(0)), Turn::After(secs(20)));
    }

    #[test]
    fn a_throttled_bucket_is_closed_for_everyone_until_its_window_ends() {
        let mut buckets = Buckets::new(0.8);
        buckets.take(Bucket::Groups, secs(0));
        assert!(buckets.answered(Bucket::Groups, told(600, 300, 100, 49), true, secs(5)));
        assert_eq!(buckets.take(Bucket::Groups, secs(6)), Turn::After(secs(48)));
        assert_eq!(buckets.take(Bucket::Group, secs(6)), Turn::Now);
    }

    #[test]
    fn s29_a_429_that_tells_nothing_but_the_end_of_the_window_is_waited_out() {
        let read =
            RateHeaders::read(&headers(&[("date", "Wed, 21 Oct 2015 07:28:00 GMT"), ("x-rate-limit-reset", &(EPOCH + 20).to_string())]));
        let mut buckets = Buckets::new(0.8);
        buckets.take(Bucket::Groups, secs(0));
        assert!(buckets.answered(Bucket::Groups, read, true, secs(0)));
        assert_eq!(buckets.take(Bucket::Groups, secs(1)), Turn::After(secs(20)));
        for _ in 0..1000 {
            assert_eq!(buckets.take(Bucket::Groups, secs(21)), Turn::Now, "no limit was told, so none is kept to");
        }
    }

    #[test]
    fn what_a_429_does_not_tell_stays_known() {
        let mut buckets = Buckets::new(0.5);
        buckets.take(Bucket::Groups, secs(0));
        buckets.answered(Bucket::Groups, told(4, 3, 100, 40), false, secs(0));
        buckets.take(Bucket::Groups, secs(0));
        let bare = Some(RateHeaders { limit: None, remaining: None, reset: 100, resets_in: secs(40) });
        assert!(buckets.answered(Bucket::Groups, bare, true, secs(0)));
        assert_eq!([40, 40, 40].map(|second| buckets.take(Bucket::Groups, secs(second)) == Turn::Now), [true, true, false]);
    }

    #[test]
    fn a_429_about_concurrency_says_nothing_of_the_window() {
        let mut buckets = Buckets::new(0.8);
        buckets.take(Bucket::Groups, secs(0));
        assert!(!buckets.answered(Bucket::Groups, told(0, 0, 100, 60), true, secs(0)));
        assert_eq!(buckets.take(Bucket::Groups, secs(0)), Turn::Now);
    }

    #[test]
    fn a_late_answer_of_the_last_window_does_not_open_or_close_this_one() {
        let mut buckets = Buckets::new(0.5);
        for _ in 0..2 {
            buckets.states.entry(Bucket::Group).or_default().heard = true;
            buckets.take(Bucket::Group, secs(0));
        }
        buckets.answered(Bucket::Group, told(10, 9, 160, 60), false, secs(0));
        assert!(!buckets.answered(Bucket::Group, told(10, 0, 100, 1), true, secs(0)));
        for _ in 0..3 {
            assert_eq!(buckets.take(Bucket::Group, secs(0)), Turn::Now, "9 left, 1 of them in flight, 5 kept back");
        }
        assert_eq!(buckets.take(Bucket::Group, secs(0)), Turn::After(secs(60)));
    }

    #[test]
    fn a_limit_of_one_is_not_nothing() {
        assert_eq!((kept_back(1, 0.8), kept_back(10, 0.8), kept_back(10, 1.0), kept_back(0, 0.8)), (0, 2, 0, 0));
    }

    #[test]
    fn the_end_of_a_window_is_known_better_after_a_quick_answer() {
        let mut buckets = Buckets::new(0.5);
        buckets.take(Bucket::Group, secs(0));
        buckets.answered(Bucket::Group, told(4, 3, 100, 40), false, secs(20));
        buckets.take(Bucket::Group, secs(20));
        buckets.answered(Bucket::Group, told(4, 2, 100, 21), false, secs(20));
        assert_eq!(
            buckets.take(Bucket::Group, secs(20)),
            Turn::After(secs(21)),
            "the first answer took 20 s, and told its time at the start"
        );
    }

    /// A request in flight, and what the server said of it once it has looked at it.
    type Flight = Option<RateHeaders>;

    /// A server that counts in windows of 60 s, whose first ends `offset` s before a minute of ours.
    struct Server {
        limit: u64,
        offset: u64,
        counts: BTreeMap<u64, u64>,
    }

    impl Server {
        fn count(&mut self, now: u64) -> Flight {
            let time = now + self.offset;
            let used = self.counts.entry(time / 60).or_default();
            *used += 1;
            let reset = (time / 60 + 1) * 60;
            told(self.limit, self.limit.saturating_sub(*used), reset, reset - time + 1)
        }
    }

    proptest! {
        /// Requests reach the server late, and answers come back late and in any order.
        #[test]
        fn s31_no_window_of_the_server_sees_more_than_the_share(
            limit in 1_u64..50,
            share in 0.1_f64..=1.0,
            offset in 0_u64..60,
            steps in proptest::collection::vec((0_u8..6, 0_u64..20), 1..600),
        ) {
            let (mut buckets, mut server) = (Buckets::new(share), Server { limit, offset, counts: BTreeMap::new() });
            let (mut now, mut flights): (u64, Vec<Flight>) = (0, Vec::new());
            for (kind, number) in steps {
                let chosen = usize::try_from(number).unwrap() % flights.len().max(1);
                if kind == 0 {
                    now += number;
                } else if kind == 1 && let Some(flight) = flights.get_mut(chosen) {
                    *flight = flight.take().or_else(|| server.count(now));
                } else if kind == 2 && !flights.is_empty() {
                    let headers = flights.swap_remove(chosen).or_else(|| server.count(now));
                    buckets.answered(Bucket::Users, headers, false, secs(now));
                } else if flights.len() < 8 && buckets.take(Bucket::Users, secs(now)) == Turn::Now {
                    flights.push(None);
                }
            }
            let allowed = limit - kept_back(limit, share);
            for used in server.counts.values() {
                prop_assert!(*used <= allowed, "{used} of {allowed} in a window of {limit}");
            }
        }
    }
}
