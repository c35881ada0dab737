//! What is remembered of assignments: operations that were not at their end, those that failed, and the rules that were followed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sync_core::assignments::RuleText;
use sync_core::ids::{AccountId, GroupId, PermissionSetArn, RequestId};

use super::{Ledger, RowKey, not_understood};
use crate::ports::{Expect, Table, TableError};

const PK: &str = "assignment";
const STATE: &str = "state";
const RULES: &str = "rules";

/// How long an operation is remembered: longer than the longest pause before it is tried again.
const KEPT: SignedDuration = SignedDuration::from_hours(72);

/// The pause after the first failure; it doubles, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: SignedDuration = SignedDuration::from_mins(15);

/// The longest pause between two tries.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// Which assignment a note is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssignmentKey {
    /// The group.
    pub group: GroupId,
    /// The account.
    pub account: AccountId,
    /// The permission set.
    pub permission_set: PermissionSetArn,
}

impl AssignmentKey {
    /// As the table's sort key.
    pub(crate) fn sk(&self) -> String {
        format!("{} {} {}", self.group, self.account, self.permission_set)
    }
}

/// What is remembered of one assignment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignmentNote {
    /// Whether it is being deleted, and not made.
    pub is_deletion: bool,
    /// The operation that was not at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// How often it failed.
    #[serde(default)]
    pub failures: u32,
    /// It is not tried again before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

impl AssignmentNote {
    /// The note after one more failure.
    #[must_use]
    pub fn after_failure(&self, is_deletion: bool, now: Timestamp) -> Self {
        let failures = if self.is_deletion == is_deletion { self.failures.saturating_add(1) } else { 1 };
        let pause = (1..failures.min(10)).fold(FIRST_PAUSE, |pause, _| pause.saturating_add(pause)).min(LONGEST_PAUSE);
        Self { is_deletion, request: None, failures, not_before: Some(now + pause) }
    }
}

impl<T: Table> Ledger<T> {
    /// Everything that is remembered of assignments, by what [`AssignmentKey`] is written as.
    pub(crate) async fn assignment_notes(&self, now: Timestamp) -> Result<BTreeMap<String, AssignmentNote>, TableError> {
        let rows = self.table.query(PK, now).await?;
        Ok(rows.into_iter().filter_map(|row| Some((row.sk.clone(), serde_json::from_str(&row.body).ok()?))).collect())
    }

    /// The note of one assignment among those.
    pub(crate) fn note_of(notes: &BTreeMap<String, AssignmentNote>, key: &AssignmentKey) -> Option<AssignmentNote> {
        notes.get(&key.sk()).cloned()
    }

    /// Remembers an assignment.
    pub(crate) async fn set_assignment_note(&self, key: &AssignmentKey, note: &AssignmentNote, now: Timestamp) -> Result<(), TableError> {
        self.write(RowKey::until(PK, &key.sk(), now + KEPT), note, Expect::Anything, now).await.map(drop)
    }

    /// Forgets an assignment: it is as it should be.
    pub(crate) async fn forget_assignment(&self, key: &AssignmentKey) -> Result<(), TableError> {
        self.table.delete(PK, &key.sk(), Expect::Anything).await
    }

    /// The rules that earlier runs followed, as far as their assignments may still be there. Where the row is not understood, there are none
    /// to rely on: what a rule gave that is there no more would be taken for what no rule gives.
    pub async fn former_rules(&self, now: Timestamp) -> Result<Vec<RuleText>, TableError> {
        let row = self.read(STATE, RULES, now).await?;
        row.map_or(Ok(Vec::new()), |read| read.body.ok_or_else(not_understood))
    }

    /// Remembers the rules that were followed.
    pub async fn set_former_rules(&self, rules: &[RuleText], now: Timestamp) -> Result<(), TableError> {
        self.write(RowKey::lasting(STATE, RULES), &rules, Expect::Anything, now).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s38_the_pause_doubles_from_a_quarter_of_an_hour_to_a_day() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let mut note = AssignmentNote::default();
        let mut pauses = Vec::new();
        for _ in 0..9 {
            note = note.after_failure(false, now);
            pauses.push(note.not_before.unwrap().duration_since(now).as_secs() / 60);
        }
        assert_eq!(pauses, [15, 30, 60, 120, 240, 480, 960, 1440, 1440]);
        assert_eq!(note.after_failure(true, now).failures, 1, "another operation begins anew");
    }
}
