//! What is remembered of runs for people: how each ended, what it was about, and what became of every action. Ids and group names; nobody's
//! name.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sync_core::report::document::{Document, Entry};

use super::{Ledger, RowKey};
use crate::ports::{Expect, Table, TableError};

/// How long a run is remembered: as long as it can be undone.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Most actions of one row: a row of the table holds 400 KB, and an action takes some 300 bytes.
const ENTRIES_PER_ROW: usize = 1000;

/// Most unresolved and most failures that are remembered of one run: some 150 bytes each, beside the rest of the row.
const MOST_FINDINGS: usize = 500;

/// How a run ended. Its plan is in rows of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastRun {
    /// When it ended.
    pub ended: Timestamp,
    /// How many actions its plan had.
    pub actions: usize,
    /// The report, without its plan.
    pub report: Document,
}

impl<T: Table> Ledger<T> {
    /// Remembers a run.
    pub async fn record_past_run(&self, mut report: Document, now: Timestamp) -> Result<(), TableError> {
        let plan = std::mem::take(&mut report.plan);
        report.unresolved.truncate(MOST_FINDINGS);
        report.failures.truncate(MOST_FINDINGS);
        let expires = now + KEPT;
        let pk = plan_pk(&report.run_id);
        for (index, entries) in plan.chunks(ENTRIES_PER_ROW).enumerate() {
            let sk = format!("{index:05}");
            self.write(RowKey::until(&pk, &sk, expires), &entries, Expect::Anything, now).await?;
        }
        let (pk, sk) = (day_pk(&report.run_id), report.run_id.clone());
        let past = PastRun { ended: now, actions: plan.len(), report };
        self.write(RowKey::until(&pk, &sk, expires), &past, Expect::Anything, now).await.map(drop)
    }

    /// The runs of one day (UTC, `20261124`), the latest first, without their plans. A row that nobody understands is left out.
    pub async fn past_runs(&self, day: &str, now: Timestamp) -> Result<Vec<PastRun>, TableError> {
        let rows = self.table.query(&format!("report/{day}"), now).await?;
        let mut runs: Vec<PastRun> = rows.iter().filter_map(|row| serde_json::from_str(&row.body).ok()).collect();
        runs.reverse();
        Ok(runs)
    }

    /// One run with its plan, if it is still remembered.
    pub async fn past_run(&self, run_id: &str, now: Timestamp) -> Result<Option<PastRun>, TableError> {
        let Some(mut past) = self.recall::<PastRun>(&day_pk(run_id), run_id, now).await? else { return Ok(None) };
        past.report.plan = self.past_plan(run_id, now).await?;
        Ok(Some(past))
    }

    /// The plan of a run.
    pub async fn past_plan(&self, run_id: &str, now: Timestamp) -> Result<Vec<Entry>, TableError> {
        let rows = self.table.query(&plan_pk(run_id), now).await?;
        Ok(rows.iter().filter_map(|row| serde_json::from_str::<Vec<Entry>>(&row.body).ok()).flatten().collect())
    }
}

/// Runs are kept by the day on which they began, which their id tells, so that the latest are found without reading them all.
fn day_pk(run_id: &str) -> String {
    match run_id.get(..8).filter(|day| day.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(day) => format!("report/{day}"),
        None => "report/other".to_owned(),
    }
}

fn plan_pk(run_id: &str) -> String {
    format!("plan/{run_id}")
}
