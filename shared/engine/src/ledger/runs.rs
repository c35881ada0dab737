//! The history: what each applying run changed, with ids, so that it can be undone.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sync_core::history::Change;

use super::{Ledger, RowKey};
use crate::ports::{Expect, Table, TableError};

const PK: &str = "run";

/// How long a run can be looked up and undone.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Most bytes of changes in one row: a row of the table holds 400 KB, the rest of this one included.
const BYTES_PER_ROW: usize = 300_000;

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
        for (index, changes) in rows_of(&record.changes).into_iter().enumerate() {
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

/// The changes in rows; one row at least. A change takes some 250 bytes, one of a user's attributes as much as these are long.
fn rows_of(changes: &[Change]) -> Vec<Vec<Change>> {
    let (mut rows, mut bytes) = (vec![Vec::new()], 0);
    for change in changes {
        let size = serde_json::to_vec(change).map_or(BYTES_PER_ROW, |json| json.len());
        if bytes > 0 && bytes + size > BYTES_PER_ROW {
            rows.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        rows.last_mut().expect("there is one row at least").push(change.clone());
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_takes_one_row_at_least_and_no_row_more_than_the_table_holds() {
        let change: Change = serde_json::from_str(&format!(r#"{{"action":"update_user","group_name":"{}"}}"#, "x".repeat(1000))).unwrap();
        assert_eq!(rows_of(&[]).len(), 1);
        let changes = vec![change; 1000];
        let rows = rows_of(&changes);
        assert_eq!(rows.concat(), changes);
        assert!(rows.len() == 4 && rows.iter().all(|row| serde_json::to_vec(row).unwrap().len() < 400_000), "{} rows", rows.len());
    }
}
