//! A run's turn at writing: the lease, taken, renewed and given back.

use std::time::Duration;

use sync_core::outcome::NotAttempted;
use tokio::time::{Instant, sleep};

use crate::engine::Engine;
use crate::ledger::{Lease, LeaseError};
use crate::ports::{Clock, Table};

/// How long to wait before the lease is asked for again. Two calls to the table a second are cheap, and a turn is at most some seconds.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// How a run writes.
#[derive(Debug)]
pub(crate) struct Turn {
    run: String,
    lease: Option<Lease>,
    /// Whether the lease goes back after every slice, so that a worker can get in between.
    in_slices: bool,
}

impl Turn {
    /// For a long run: the lease is taken for each slice.
    pub(crate) fn in_slices(run: &str) -> Self {
        Self { run: run.to_owned(), lease: None, in_slices: true }
    }

    /// For a short run: the lease is held from the first read to the last write.
    pub(crate) fn whole(run: &str) -> Self {
        Self { run: run.to_owned(), lease: None, in_slices: false }
    }

    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    pub(crate) fn is_in_slices(&self) -> bool {
        self.in_slices
    }

    /// Takes or renews the lease, and waits for it up to the deadline. Where the ledger cannot be reached there is no lease to be had:
    /// removals are held then, and grants go on.
    pub(crate) async fn ready<S, T, L: Table, C: Clock>(&mut self, engine: &Engine<S, T, L, C>) -> Result<(), NotAttempted> {
        let now = engine.clock.now();
        if self.lease.as_ref().is_some_and(|lease| lease.covers(now)) {
            return Ok(());
        }
        if let Some(lease) = self.lease.take()
            && let Ok(renewed) = engine.ledger.renew_lease(&lease, now).await
        {
            self.lease = Some(renewed);
            return Ok(());
        }
        self.take(engine).await
    }

    async fn take<S, T, L: Table, C: Clock>(&mut self, engine: &Engine<S, T, L, C>) -> Result<(), NotAttempted> {
        loop {
            match engine.ledger.take_lease(&self.run, engine.clock.now()).await {
                Ok(lease) => {
                    self.lease = Some(lease);
                    return Ok(());
                }
                Err(LeaseError::Table(error)) => {
                    tracing::error!(event = "lease_unavailable", error = %error, "only grants go on until the ledger can be reached");
                    return Ok(());
                }
                Err(LeaseError::Taken { holder, until }) => {
                    tracing::debug!(event = "lease_taken", holder, until = %until);
                    if Instant::now() + AGAIN_AFTER >= engine.deadline {
                        return Err(NotAttempted::LeaseTaken);
                    }
                    sleep(AGAIN_AFTER).await;
                }
            }
        }
    }

    /// A slice is over.
    pub(crate) async fn slice_over<S, T, L: Table, C: Clock>(&mut self, engine: &Engine<S, T, L, C>) {
        if self.in_slices {
            self.end(engine).await;
        }
    }

    /// Gives the lease back.
    pub(crate) async fn end<S, T, L: Table, C: Clock>(&mut self, engine: &Engine<S, T, L, C>) {
        if let Some(lease) = self.lease.take() {
            engine.ledger.give_back_lease(&lease, engine.clock.now()).await;
        }
    }
}
