//! Who is not entitled any more, and since when: until they are disabled or deleted, or entitled again.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sync_core::ids::OktaUserId;

use super::{Ledger, RowKey};
use crate::ports::{Expect, Table, TableError};

const PK: &str = "departing";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Departing {
    since: Timestamp,
}

impl<T: Table> Ledger<T> {
    /// Who departs, and since when. A row that is not understood is left out: its user's grace begins anew.
    pub async fn departing(&self, now: Timestamp) -> Result<BTreeMap<OktaUserId, Timestamp>, TableError> {
        let rows = self.table.query(PK, now).await?;
        let read =
            |row: crate::ports::Row| Some((OktaUserId::new(&row.sk).ok()?, serde_json::from_str::<Departing>(&row.body).ok()?.since));
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Says that a user departs since now, unless it was said before.
    pub async fn set_departing(&self, id: &OktaUserId, now: Timestamp) -> Result<(), TableError> {
        match self.write(RowKey::lasting(PK, id.as_str()), &Departing { since: now }, Expect::Absent, now).await {
            Ok(_) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Says that a user departs no more: they are gone already, or entitled again.
    pub async fn forget_departing(&self, id: &OktaUserId) -> Result<(), TableError> {
        self.table.delete(PK, id.as_str(), Expect::Anything).await
    }
}
