//! The history: what each applying run changed, with ids, so that it can be undone.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sync_core::history::Change;

use super::{Ledger, RowKey};
use crate::ports::{Expect, Table, TableError};

const PK: &str = "run";

/// How long a run can be looked up and undone.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Most changes in one row: a row of the table holds 400 KB, and a change takes some 250 bytes.
const CHANGES_PER_ROW: usize = 1000;

/// What one run changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// The run.
    pub run_id: String,
    /// When it ended.
    pub ended: Timestamp,
    /// How it ended.
    pub status: String,
    /// Its changes.
    pub changes: Vec<Change>,
}

impl<T: Table> Ledger<T> {
    /// Records a run. One with many changes takes several rows.
    pub async fn record_run(&self, record: &RunRecord, now: Timestamp) -> Result<(), TableError> {
        let parts = record.changes.chunks(CHANGES_PER_ROW).map(<[Change]>::to_vec);
        let parts: Vec<Vec<Change>> = if record.changes.is_empty() { vec![Vec::new()] } else { parts.collect() };
        for (index, changes) in parts.into_iter().enumerate() {
            let part = RunRecord { changes, ..record.clone() };
            let sk = format!("{}#{index:05}", record.run_id);
            self.write(RowKey::until(PK, &sk, now + KEPT), &part, Expect::Anything, now).await?;
        }
        Ok(())
    }

    /// The record of a run, if it is still kept.
    pub async fn run(&self, run_id: &str, now: Timestamp) -> Result<Option<RunRecord>, TableError> {
        let mut whole: Option<RunRecord> = None;
        for index in 0.. {
            let Some(part) = self.recall::<RunRecord>(PK, &format!("{run_id}#{index:05}"), now).await? else { break };
            match &mut whole {
                None => whole = Some(part),
                Some(record) => record.changes.extend(part.changes),
            }
        }
        Ok(whole)
    }
}
