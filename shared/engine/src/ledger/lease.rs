//! The lease: one writer at a time. It is short, renewed while it is used, and its number grows with every holder.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Ledger, RowKey, resting_on};
use crate::ports::{Expect, Table, TableError};

const PK: &str = "lease";
const SK: &str = "writer";

/// How long a lease lasts: as long as a crashed holder keeps the others waiting.
const TERM: SignedDuration = SignedDuration::from_secs(15);

/// How much of the term must be left for a write to begin; a call takes at most 10 s before it is given up.
const MARGIN: SignedDuration = SignedDuration::from_secs(11);

/// A lease that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    holder: String,
    version: u64,
    until: Timestamp,
}

impl Lease {
    /// Whether a write may begin under it without being renewed first.
    pub fn covers(&self, now: Timestamp) -> bool {
        now + MARGIN <= self.until
    }
}

/// Why there is no lease.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// Another run holds it, until this moment at the latest.
    #[error("another run ({holder}) is writing, until {until} at the latest")]
    Taken {
        /// The other run.
        holder: String,
        /// When it ends, unless it is renewed.
        until: Timestamp,
    },
    /// The ledger cannot be used.
    #[error("the lease cannot be had")]
    Table(#[from] TableError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    holder: String,
    until: Timestamp,
}

impl<T: Table> Ledger<T> {
    /// Takes the lease if nobody has it, or if its term is over.
    pub async fn take_lease(&self, holder: &str, now: Timestamp) -> Result<Lease, LeaseError> {
        let read = self.read::<Body>(PK, SK, now).await?;
        if let Some(body) = read.as_ref().and_then(|read| read.body.as_ref())
            && body.until > now
            && body.holder != holder
        {
            return Err(LeaseError::Taken { holder: body.holder.clone(), until: body.until });
        }
        match self.write_lease(holder, resting_on(read.as_ref()), now).await {
            Err(TableError::Conflict { .. }) => Err(LeaseError::Taken { holder: "one that was faster".to_owned(), until: now + TERM }),
            other => Ok(other?),
        }
    }

    /// Lengthens the lease; fails if it was lost in the meantime.
    pub async fn renew_lease(&self, lease: &Lease, now: Timestamp) -> Result<Lease, LeaseError> {
        match self.write_lease(&lease.holder, Expect::Version(lease.version), now).await {
            Err(TableError::Conflict { .. }) => Err(LeaseError::Taken { holder: "another".to_owned(), until: now + TERM }),
            other => Ok(other?),
        }
    }

    /// Gives the lease back, by ending it: the row stays, so that its version goes on growing and nobody who held it earlier can take
    /// theirs for valid. One that was lost already stays with whoever has it.
    pub async fn give_back_lease(&self, lease: &Lease, now: Timestamp) {
        let ended = Body { holder: lease.holder.clone(), until: now };
        match self.write(RowKey::lasting(PK, SK), &ended, Expect::Version(lease.version), now).await {
            Ok(_) | Err(TableError::Conflict { .. }) => {}
            Err(error) => tracing::warn!(event = "lease_not_given_back", error = %error, "it ends by itself"),
        }
    }

    async fn write_lease(&self, holder: &str, expect: Expect, now: Timestamp) -> Result<Lease, TableError> {
        let until = now + TERM;
        let version = self.write(RowKey::lasting(PK, SK), &Body { holder: holder.to_owned(), until }, expect, now).await?;
        Ok(Lease { holder: holder.to_owned(), version, until })
    }
}
