//! The ledger's table, or none: a plan can be made without one.

use engine::ports::{Expect, Row, Table, TableError};
use jiff::Timestamp;
use ledger::DynamoTable;

/// The table that `--table` names, or one in which nothing is and nothing can be written.
#[derive(Debug, Clone)]
pub(crate) enum LedgerTable {
    Given(DynamoTable),
    None,
}

fn refused(operation: &'static str) -> TableError {
    TableError::Unavailable { operation, detail: "no table is given (--table, or LOCKSTEP_TABLE)".to_owned() }
}

impl Table for LedgerTable {
    async fn get(&self, pk: &str, sk: &str, now: Timestamp) -> Result<Option<Row>, TableError> {
        match self {
            Self::Given(table) => table.get(pk, sk, now).await,
            Self::None => Ok(None),
        }
    }

    async fn put(&self, row: &Row, expect: Expect, now: Timestamp) -> Result<u64, TableError> {
        match self {
            Self::Given(table) => table.put(row, expect, now).await,
            Self::None => Err(refused("PutItem")),
        }
    }

    async fn delete(&self, pk: &str, sk: &str, expect: Expect) -> Result<(), TableError> {
        match self {
            Self::Given(table) => table.delete(pk, sk, expect).await,
            Self::None => Err(refused("DeleteItem")),
        }
    }

    async fn query(&self, pk: &str, now: Timestamp) -> Result<Vec<Row>, TableError> {
        match self {
            Self::Given(table) => table.query(pk, now).await,
            Self::None => Ok(Vec::new()),
        }
    }
}
