//! What all runs together took away in the window.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{GroupId, UserId};

/// What was used of the limits in the window that ends now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Memberships, those of deleted groups among them.
    pub memberships: u64,
    /// Groups deleted or released.
    pub groups: u64,
    /// Assignments deleted.
    pub assignment_removals: u64,
    /// Assignments made.
    pub assignment_additions: u64,
    /// Memberships by group.
    pub by_group: BTreeMap<GroupId, u64>,
    /// Leavers: a user counts once, however often a run comes back to them.
    pub leavers: BTreeSet<UserId>,
    /// Users disabled or deleted: each counts once.
    pub users: BTreeSet<UserId>,
}

/// What one run takes of the limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spend {
    /// Memberships removed one by one, by group.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub memberships: BTreeMap<GroupId, u64>,
    /// Members of deleted groups.
    #[serde(default)]
    pub members_of_deleted: u64,
    /// Groups deleted or released.
    #[serde(default)]
    pub groups: u64,
    /// Assignments deleted.
    #[serde(default)]
    pub assignment_removals: u64,
    /// Assignments made.
    #[serde(default)]
    pub assignment_additions: u64,
    /// Leavers.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub leavers: BTreeSet<UserId>,
    /// Users disabled or deleted.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub users: BTreeSet<UserId>,
}

impl Spend {
    /// Whether nothing is taken.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    run: String,
    at: Timestamp,
    spend: Spend,
}

/// The ledger's row of the removal budget: who took what, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowBook {
    entries: Vec<Entry>,
}

impl WindowBook {
    /// Reads the row.
    ///
    /// # Errors
    /// If it is not in this form, which means that it was corrupted or written by another version.
    pub fn parse(body: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(body)
    }

    /// The row.
    pub fn body(&self) -> String {
        serde_json::to_string(self).expect("a book of strings and numbers is always JSON")
    }

    /// What was used in the `window_hours` before `now`.
    pub fn usage(&self, now: Timestamp, window_hours: u32) -> Usage {
        let mut usage = Usage::default();
        for entry in self.entries.iter().filter(|entry| within(entry, now, window_hours)) {
            usage.groups += entry.spend.groups;
            usage.assignment_removals += entry.spend.assignment_removals;
            usage.assignment_additions += entry.spend.assignment_additions;
            usage.memberships += entry.spend.members_of_deleted;
            for (group, count) in &entry.spend.memberships {
                usage.memberships += count;
                *usage.by_group.entry(group.clone()).or_default() += count;
            }
            usage.leavers.extend(entry.spend.leavers.iter().cloned());
            usage.users.extend(entry.spend.users.iter().cloned());
        }
        usage
    }

    /// Books what a run takes, and forgets what has left the window.
    pub fn book(&mut self, run: &str, spend: &Spend, now: Timestamp, window_hours: u32) {
        self.entries.retain(|entry| within(entry, now, window_hours));
        if !spend.is_empty() {
            self.entries.push(Entry { run: run.to_owned(), at: now, spend: spend.clone() });
        }
    }

    /// Gives back what a run reserved and did not use: of all its bookings only `used` stays.
    pub fn settle(&mut self, run: &str, used: &Spend) {
        let Some(first) = self.entries.iter().find(|entry| entry.run == run).map(|entry| entry.at) else { return };
        self.entries.retain(|entry| entry.run != run);
        if !used.is_empty() {
            self.entries.push(Entry { run: run.to_owned(), at: first, spend: used.clone() });
        }
    }
}

fn within(entry: &Entry, now: Timestamp, window_hours: u32) -> bool {
    now.duration_since(entry.at) < SignedDuration::from_hours(i64::from(window_hours))
}
