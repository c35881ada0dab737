//! Okta's rate limits: a bucket for each family of paths, counted in windows.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::quota::{Rate, Window};

/// A family of paths that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bucket {
    /// `/api/v1/groups*`: the list of groups, and the members of each.
    Groups,
    /// `/api/v1/groups/{id}`.
    Group,
    /// `/api/v1/users`, and the groups of a user.
    Users,
    /// `/api/v1/users/{id or login}`.
    User,
    /// `/api/v1/apps*`.
    Apps,
    /// Everything else.
    Rest,
}

impl Bucket {
    /// The bucket of an operation.
    pub(crate) fn of(operation: &str) -> Self {
        let (method, path) = operation.split_once(' ').unwrap_or_default();
        match path.strip_prefix("/api/v1/").unwrap_or_default() {
            "groups/{id}" if method == "GET" => Self::Group,
            "users/{id}" if method == "GET" => Self::User,
            rest if rest.starts_with("groups") => Self::Groups,
            rest if rest.starts_with("users") => Self::Users,
            rest if rest.starts_with("apps") => Self::Apps,
            _ => Self::Rest,
        }
    }
}

/// How many calls a window allows. What is not named has [`Limits::others`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// By bucket.
    pub limits: BTreeMap<Bucket, u64>,
    /// Of every other bucket.
    pub others: u64,
    /// Length of a window in milliseconds; Okta's is 60,000.
    pub window_ms: u64,
}

impl Limits {
    /// What one token of a Workforce org may use: half of the last table that Okta published.
    pub fn workforce() -> Self {
        Self::of([250, 500, 300, 1000, 50], 600)
    }

    /// What one token of an Integrator org may use.
    pub fn integrator() -> Self {
        Self::of([50, 50, 50, 50, 10], 50)
    }

    /// The same number for every bucket.
    pub fn all(limit: u64) -> Self {
        Self { limits: BTreeMap::new(), others: limit, window_ms: 60_000 }
    }

    /// With windows of this length.
    #[must_use]
    pub fn window(mut self, length: Duration) -> Self {
        self.window_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        self
    }

    fn of([groups, group, users, user, apps]: [u64; 5], others: u64) -> Self {
        let named = [(Bucket::Groups, groups), (Bucket::Group, group), (Bucket::Users, users), (Bucket::User, user), (Bucket::Apps, apps)];
        Self { limits: BTreeMap::from(named), others, window_ms: 60_000 }
    }
}

impl Default for Limits {
    /// So many that no test meets them by accident.
    fn default() -> Self {
        Self::all(1_000_000)
    }
}

/// The windows as they stand.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    pub(crate) limits: Limits,
    windows: BTreeMap<Bucket, Window>,
}

impl Quota {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, windows: BTreeMap::new() }
    }

    /// Counts a call at `now`, by Okta's clock.
    pub(crate) fn take(&mut self, operation: &str, now: Timestamp) -> (Rate, bool) {
        let bucket = Bucket::of(operation);
        let limit = self.limits.limits.get(&bucket).copied().unwrap_or(self.limits.others);
        self.windows.entry(bucket).or_default().take(limit, Duration::from_millis(self.limits.window_ms), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_draw_on_the_bucket_of_the_list_and_one_group_on_its_own() {
        assert_eq!(Bucket::of("GET /api/v1/groups/{id}/users"), Bucket::Groups);
        assert_eq!(Bucket::of("GET /api/v1/groups/{id}"), Bucket::Group);
        assert_eq!(Bucket::of("GET /api/v1/users/{id}/groups"), Bucket::Users);
        assert_eq!(Bucket::of("GET /api/v1/users/{id}"), Bucket::User);
        assert_eq!(Bucket::of("GET /api/v1/apps/{id}/groups"), Bucket::Apps);
        assert_eq!(Bucket::of("POST /api/v1/eventHooks"), Bucket::Rest);
    }
}
