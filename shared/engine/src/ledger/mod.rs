//! The ledger: what all runs share. Its rows are meaningless to the table, and only ever read and written here.

mod assignments;
mod budget;
mod departing;
mod held;
mod history;
mod lease;
mod members;
mod rows;
mod runs;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use assignments::{AssignmentKey, AssignmentNote};
pub use budget::Reserved;
pub use held::OpenHeld;
pub use history::PastRun;
pub use lease::{Lease, LeaseError};
pub(crate) use members::{NewlyRead, RecordsBefore};
pub(crate) use rows::Touches;
pub use rows::{KnownSizes, Pause, Touched};
pub use runs::RunRecord;

use crate::ports::{Expect, Row, Table, TableError};

/// The ledger over its table.
#[derive(Debug, Clone)]
pub struct Ledger<T> {
    table: T,
}

/// A row, with the version that a write may rest on.
struct Read<B> {
    /// `None` where nobody understands it.
    body: Option<B>,
    version: u64,
}

/// What to do about a row that is not understood.
const ADVICE: &str = "a row of the ledger is not understood; if no other version of these functions is deployed, delete it";

impl<T: Table> Ledger<T> {
    /// The ledger over this table.
    pub fn new(table: T) -> Self {
        Self { table }
    }

    /// Reads a row. One that nobody understands (corrupted, or of another version) is said so, and left where it is.
    async fn read<B: DeserializeOwned>(&self, pk: &str, sk: &str, now: Timestamp) -> Result<Option<Read<B>>, TableError> {
        let Some(row) = self.table.get(pk, sk, now).await? else { return Ok(None) };
        let version = row.version;
        match serde_json::from_str(&row.body) {
            Ok(body) => Ok(Some(Read { body: Some(body), version })),
            Err(error) => {
                tracing::error!(event = "ledger_row_unreadable", pk, sk, line = error.line(), column = error.column(), advice = ADVICE);
                Ok(Some(Read { body: None, version }))
            }
        }
    }

    /// Reads a row that is only remembered, and can be found again: one that nobody understands counts as absent.
    async fn recall<B: DeserializeOwned>(&self, pk: &str, sk: &str, now: Timestamp) -> Result<Option<B>, TableError> {
        Ok(self.read(pk, sk, now).await?.and_then(|read| read.body))
    }

    async fn write<B: Serialize + Sync>(&self, row: RowKey<'_>, body: &B, expect: Expect, now: Timestamp) -> Result<u64, TableError> {
        self.table.put(&row.with(body), expect, now).await
    }
}

/// Where a row stands, and how long it lives.
#[derive(Clone, Copy)]
struct RowKey<'a> {
    pk: &'a str,
    sk: &'a str,
    expires_at: Option<Timestamp>,
}

impl<'a> RowKey<'a> {
    fn lasting(pk: &'a str, sk: &'a str) -> Self {
        Self { pk, sk, expires_at: None }
    }

    /// The row with its body, to be written.
    fn with<B: Serialize>(self, body: &B) -> Row {
        let body = serde_json::to_string(body).expect("rows of strings and numbers are always JSON");
        Row { pk: self.pk.to_owned(), sk: self.sk.to_owned(), version: 0, body, expires_at: self.expires_at }
    }

    fn until(pk: &'a str, sk: &'a str, expires_at: Timestamp) -> Self {
        Self { pk, sk, expires_at: Some(expires_at) }
    }
}

/// A row that must be understood and is not: as good as a ledger that cannot be reached.
fn not_understood() -> TableError {
    TableError::Unavailable { operation: "GetItem", detail: "a row is not understood".to_owned() }
}

/// What a conditional write rests on after a read.
fn resting_on<B>(read: Option<&Read<B>>) -> Expect {
    read.map_or(Expect::Absent, |read| Expect::Version(read.version))
}
