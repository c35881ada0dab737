//! What is held until somebody decides. The run that met it says so once; the ledger says it until a run finds it held no more.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Ledger, RowKey};
use crate::ports::{Expect, Table, TableError};

const PK: &str = "state";
const SK: &str = "held";

/// How much is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenHeld {
    /// Actions, or one for a rule that holds none and only does not believe something.
    pub actions: u64,
    /// Those of them that are leavers' removals.
    pub leavers: u64,
}

impl OpenHeld {
    /// Whether anything is.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    fn or_more(self, other: Self) -> Self {
        Self { actions: self.actions.max(other.actions), leavers: self.leavers.max(other.leavers) }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    held: OpenHeld,
    at: Timestamp,
}

impl<T: Table> Ledger<T> {
    /// What is held for all that is known.
    pub async fn open_held(&self, now: Timestamp) -> Result<OpenHeld, TableError> {
        Ok(self.recall::<Body>(PK, SK, now).await?.map(|body| body.held).unwrap_or_default())
    }

    /// Says that this is held, beside what was held before: a run of a part does not see the rest.
    pub async fn add_held(&self, held: OpenHeld, now: Timestamp) -> Result<(), TableError> {
        if held.is_nothing() {
            return Ok(());
        }
        let held = held.or_more(self.open_held(now).await?);
        self.write(RowKey::lasting(PK, SK), &Body { held, at: now }, Expect::Anything, now).await.map(drop)
    }

    /// Says that this and nothing else is held, for a run that saw everything. What others came to hold since it `began` stays.
    pub async fn replace_held(&self, held: OpenHeld, began: Timestamp, now: Timestamp) -> Result<(), TableError> {
        match self.recall::<Body>(PK, SK, now).await? {
            None => self.add_held(held, now).await,
            Some(before) if before.at >= began => self.add_held(held, now).await,
            Some(before) if before.held == held => Ok(()),
            Some(_) => self.write(RowKey::lasting(PK, SK), &Body { held, at: now }, Expect::Anything, now).await.map(drop),
        }
    }
}
