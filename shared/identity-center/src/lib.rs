//! AWS IAM Identity Center: [`engine::ports::ReadTarget`] and [`engine::ports::WriteTarget`] over the Identity Store API.
//!
//! The way in: a [`Connection`] holds the clients, the pacers and the counts, and lives as long as the process; a [`Locator`] finds
//! the identity store once; an [`IdentityCenter`] is cheap and made for each run, with that run's deadline.
//!
//! Every request goes through one loop (`call`), which waits for its place (`pace`), counts, sends once, and sorts the answer
//! (`errors`). Nothing else in this crate waits or repeats.

mod api;
mod call;
mod connection;
mod errors;
mod locate;
mod pace;
mod paging;
mod reads;
mod records;
mod whole;
mod writes;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use aws_sdk_identitystore::Client;
use tokio::time::Instant;

pub use connection::{Connection, Settings};
pub use locate::{Location, Locator};

use call::Caller;

/// One identity store, read and written through its API. Cheap to clone; clones share pacers and counts.
#[derive(Debug, Clone)]
pub struct IdentityCenter {
    sdk: Client,
    store: Arc<str>,
    caller: Caller,
}

impl IdentityCenter {
    /// The identity store at `location`, over the clients, pacers and deadline of `connection`.
    pub fn new(connection: &Connection, location: &Location) -> Self {
        Self {
            sdk: connection.identity_store.clone(),
            store: location.identity_store_id.as_str().into(),
            caller: connection.caller.clone(),
        }
    }

    /// The same store for a run that must end at `deadline`: a call that is not answered by then fails with `OutOfTime` instead of
    /// waiting longer. A write that was under way at that moment may have taken effect.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self { caller: self.caller.until(deadline), ..self.clone() }
    }
}
