//! What was read of Okta's members: rows that save reads, and that nobody misses when they are lost.
//!
//! A group's members are one row, or several for a large group; the records of the users are spread over a few rows by their ids. Every
//! row stands for itself, so that two runs that write at the same time do no harm. A row holds 400 KB.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::records::OktaUser;
use sync_core::remembered::{Memory, RememberedMembers, spread};

use super::{Ledger, RowKey};
use crate::ports::{Expect, Row, Table, TableError};

const GROUPS: &str = "members";
const USERS: &str = "member_records";

/// Grows with the form of these rows; those of another form are as good as lost.
const FORM: u8 = 1;

/// Most members in one row: some 23 bytes each.
const MEMBERS_PER_ROW: usize = 10_000;

/// Records in one row on average: some 150 bytes each, and up to 2 KB with a profile.
const RECORDS_PER_ROW: usize = 100;

/// A row of records that did not change is written anew after this time, so that the list of what changed since stays short.
const RENEWED_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// How long a row of records is kept: as long as a group's members may stand.
const RECORDS_LIVE: SignedDuration = SignedDuration::from_hours(24);

/// Rows written at the same time.
const CONCURRENCY: usize = 16;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupRow {
    form: u8,
    policy: String,
    group: OktaGroupId,
    rows: usize,
    read_at: Timestamp,
    changed_at: Timestamp,
    count: Option<u64>,
    members: Vec<OktaUserId>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UsersRow {
    form: u8,
    policy: String,
    as_of: Timestamp,
    users: Vec<OktaUser>,
}

/// What a run read anew, to be remembered.
#[derive(Debug, Default)]
pub(crate) struct NewlyRead {
    /// The groups whose members were read.
    pub(crate) groups: BTreeMap<OktaGroupId, RememberedMembers>,
    /// The records of all members, of those groups and of others.
    pub(crate) users: BTreeMap<OktaUserId, OktaUser>,
    /// Since when a change of a record may not be in `users`.
    pub(crate) as_of: Timestamp,
}

impl<T: Table> Ledger<T> {
    /// What runs under this policy remember of Okta's members. Rows that are not understood count as lost.
    pub(crate) async fn members(&self, policy: &str, now: Timestamp) -> Result<Memory, TableError> {
        let groups = self.table.query(GROUPS, now).await?;
        if groups.is_empty() {
            return Ok(Memory::default());
        }
        let users = self.table.query(USERS, now).await?;
        let mut memory = Memory { groups: whole_groups(understood(groups), policy), ..Memory::default() };
        let mut rows: Vec<UsersRow> = understood(users);
        rows.retain(|row| row.form == FORM && row.policy == policy);
        rows.sort_by_key(|row| row.as_of);
        memory.users_as_of = rows.first().map(|row| row.as_of);
        memory.users.extend(rows.into_iter().flat_map(|row| row.users).map(|user| (user.id.clone(), user)));
        Ok(memory)
    }

    /// Remembers what was read. `before` is what was remembered, with the changes of records since; what is the same is not written again
    /// unless `changed` says that many records had changed, or it is old.
    pub(crate) async fn remember_members(
        &self,
        policy: &str,
        new: &NewlyRead,
        before: &RecordsBefore,
        now: Timestamp,
    ) -> Result<(), TableError> {
        // The records first: members without them are of no use.
        let records = record_rows(policy, new, before, now);
        let groups = new.groups.iter().flat_map(|(group, members)| group_rows(policy, group, members));
        self.write_rows(records, now).await?;
        self.write_rows(groups.collect(), now).await
    }

    async fn write_rows(&self, rows: Vec<Row>, now: Timestamp) -> Result<(), TableError> {
        let write = |row: Row| async move { self.table.put(&row, Expect::Anything, now).await };
        stream::iter(rows).map(write).buffer_unordered(CONCURRENCY).try_for_each(|_| async { Ok(()) }).await
    }
}

/// What was remembered of records before a run.
#[derive(Debug, Default)]
pub(crate) struct RecordsBefore {
    /// The records as they are in the rows.
    pub(crate) users: BTreeMap<OktaUserId, OktaUser>,
    /// As of when the oldest row is.
    pub(crate) as_of: Option<Timestamp>,
    /// Whether so many records have changed since that the list of them takes more than a page.
    pub(crate) many_changed: bool,
}

fn understood<B: serde::de::DeserializeOwned>(rows: Vec<Row>) -> Vec<B> {
    let (all, mut bodies) = (rows.len(), Vec::new());
    bodies.extend(rows.into_iter().filter_map(|row| serde_json::from_str(&row.body).ok()));
    if bodies.len() < all {
        tracing::warn!(event = "memory_not_understood", rows = all - bodies.len(), "what they remembered is read again");
    }
    bodies
}

/// The groups of which every row is there.
fn whole_groups(rows: Vec<GroupRow>, policy: &str) -> BTreeMap<OktaGroupId, RememberedMembers> {
    let mut parts: BTreeMap<(OktaGroupId, Timestamp), (usize, usize, RememberedMembers)> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.form == FORM && row.policy == policy) {
        let GroupRow { group, rows, read_at, changed_at, count, members, .. } = row;
        let empty = || (0, rows, RememberedMembers { members: BTreeSet::new(), read_at, changed_at, count });
        let (seen, _, whole) = parts.entry((group, read_at)).or_insert_with(empty);
        *seen += 1;
        whole.members.extend(members);
    }
    // The newest reading of a group comes last.
    parts.into_iter().filter(|(_, (seen, rows, _))| seen == rows).map(|((group, _), (_, _, whole))| (group, whole)).collect()
}

fn group_rows(policy: &str, group: &OktaGroupId, remembered: &RememberedMembers) -> Vec<Row> {
    let all: Vec<OktaUserId> = remembered.members.iter().cloned().collect();
    let chunks: Vec<&[OktaUserId]> = if all.is_empty() { vec![&[]] } else { all.chunks(MEMBERS_PER_ROW).collect() };
    let row = |(index, members): (usize, &&[OktaUserId])| {
        let body = GroupRow {
            form: FORM,
            policy: policy.to_owned(),
            group: group.clone(),
            rows: chunks.len(),
            read_at: remembered.read_at,
            changed_at: remembered.changed_at,
            count: remembered.count,
            members: members.to_vec(),
        };
        RowKey::until(GROUPS, &format!("{group}#{index:03}"), remembered.ends(group)).with(&body)
    };
    chunks.iter().enumerate().map(row).collect()
}

/// The rows of records that are to be written.
fn record_rows(policy: &str, new: &NewlyRead, before: &RecordsBefore, now: Timestamp) -> Vec<Row> {
    let n_rows = rows_for(new.users.len());
    let is_old = before.as_of.is_none_or(|as_of| now.duration_since(as_of) >= RENEWED_AFTER);
    let all = is_old || before.many_changed || n_rows != rows_for(before.users.len());
    let row_of = |id: &OktaUserId| spread(id.as_str()) as usize % n_rows;
    let changed: BTreeSet<usize> =
        new.users.iter().filter(|(id, user)| before.users.get(*id) != Some(*user)).map(|(id, _)| row_of(id)).collect();
    let mut rows: BTreeMap<usize, Vec<OktaUser>> = BTreeMap::new();
    for (id, user) in &new.users {
        rows.entry(row_of(id)).or_default().push(user.clone());
    }
    let written = rows.into_iter().filter(|(index, _)| all || changed.contains(index));
    let row = |(index, users)| {
        let body = UsersRow { form: FORM, policy: policy.to_owned(), as_of: new.as_of, users };
        RowKey::until(USERS, &format!("{index:05}"), new.as_of + RECORDS_LIVE).with(&body)
    };
    written.map(row).collect()
}

/// A number of rows that seldom changes with the number of records.
fn rows_for(records: usize) -> usize {
    (records / RECORDS_PER_ROW + 1).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use sync_core::records::UserStatus;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn users(range: std::ops::Range<usize>) -> BTreeMap<OktaUserId, OktaUser> {
        let user = |number| {
            let (id, login) = (OktaUserId::new(&format!("00u{number:017}")).unwrap(), format!("user{number}@example.com"));
            (id.clone(), OktaUser { id, status: UserStatus::Active, user_name: Some(login.clone()), login, profile: BTreeMap::new() })
        };
        range.map(user).collect()
    }

    fn remembered(members: usize) -> RememberedMembers {
        let (read_at, changed_at) = (now(), now() - SignedDuration::from_hours(1));
        RememberedMembers { members: users(0..members).into_keys().collect(), read_at, changed_at, count: Some(members as u64) }
    }

    fn group_id() -> OktaGroupId {
        OktaGroupId::new("00g1").unwrap()
    }

    #[test]
    fn a_group_of_21000_members_fits_into_the_table_and_comes_back_whole() {
        let rows = group_rows("p", &group_id(), &remembered(21_000));
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|row| row.body.len() < 350 * 1024), "DynamoDB takes 400 KB");
        let back = whole_groups(understood(rows.clone()), "p");
        assert_eq!(back, BTreeMap::from([(group_id(), remembered(21_000))]));
        assert!(whole_groups(understood(rows.clone()[1..].to_vec()), "p").is_empty(), "a row is missing");
        assert!(whole_groups(understood(rows), "another policy").is_empty());
        assert_eq!(group_rows("p", &group_id(), &remembered(0)).len(), 1, "an empty group is one that was read");
    }

    #[test]
    fn records_that_did_not_change_are_not_written_again_for_hours() {
        let new = |users| NewlyRead { groups: BTreeMap::new(), users, as_of: now() };
        let before = |as_of| RecordsBefore { users: users(0..1000), as_of: Some(as_of), many_changed: false };
        let written = |new: &NewlyRead, before: &RecordsBefore| record_rows("p", new, before, now()).len();
        assert_eq!(written(&new(users(0..1000)), &RecordsBefore::default()), 16);
        assert_eq!(written(&new(users(0..1000)), &before(now() - SignedDuration::from_hours(1))), 0);
        assert_eq!(written(&new(users(0..1001)), &before(now() - SignedDuration::from_hours(1))), 1);
        assert_eq!(written(&new(users(0..1000)), &before(now() - SignedDuration::from_hours(6))), 16);
        assert_eq!(written(&new(users(0..1000)), &RecordsBefore { many_changed: true, ..before(now()) }), 16);
    }
}
