//! A run's turn at writing: the lease, taken, renewed and given back.

use std::pin::pin;
use std::time::Duration;

use sync_core::outcome::NotAttempted;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::engine::Engine;
use crate::ledger::{Lease, LeaseError};
use crate::ports::{Clock, Table};

/// How long to wait before the lease is asked for again. Two calls to the table a second are cheap, and a turn is at most some seconds.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// How often the lease is looked at while a write is under way: a call that AWS throttles is sent again and again for longer than the term.
const WHILE_WRITING: Duration = Duration::from_secs(3);

/// The urgency of a run that nobody waits for.
pub(crate) const LEAST_URGENT: u8 = 3;

/// How a run writes.
#[derive(Debug)]
pub(crate) struct Turn {
    run: String,
    /// Whether the lease goes back after every slice, so that a worker can get in between.
    in_slices: bool,
    /// How urgent it is; 0 is the most. Whoever is less urgent lets it go first.
    urgency: u8,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lease: Option<Lease>,
    /// Whether another run may have had the lease since this one's reads: then what was read may not be so any more.
    was_lost: bool,
    /// Whether the ledger could not be reached when the lease was asked for.
    is_without_ledger: bool,
}

/// Whether a run may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// It is the one writer.
    Held,
    /// Nobody can say, because the ledger cannot be reached: it may grant.
    WithoutLedger,
    /// Another run is the one writer by now.
    Lost,
}

impl Turn {
    /// For a long run: the lease is taken for each slice.
    pub(crate) fn in_slices(run: &str) -> Self {
        Self { run: run.to_owned(), in_slices: true, urgency: LEAST_URGENT, state: Mutex::default() }
    }

    /// For a short run: the lease is held from the first read to the last write.
    pub(crate) fn whole(run: &str, urgency: u8) -> Self {
        Self { run: run.to_owned(), in_slices: false, urgency, state: Mutex::default() }
    }

    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    pub(crate) fn is_in_slices(&self) -> bool {
        self.in_slices
    }

    /// Whether other runs may have written since this one's reads.
    pub(crate) async fn may_have_been_overtaken(&self) -> bool {
        self.in_slices || self.state.lock().await.was_lost
    }

    /// Takes or renews the lease, and waits for it up to the deadline.
    pub(crate) async fn ready<S, T, L: Table, C: Clock>(&self, engine: &Engine<S, T, L, C>) -> Result<Hold, NotAttempted> {
        let mut state = self.state.lock().await;
        match renewed(&mut state, engine).await {
            Hold::Lost => self.take(&mut state, engine).await,
            hold @ (Hold::Held | Hold::WithoutLedger) => Ok(hold),
        }
    }

    /// Whether a write may begin now; the lease is renewed where its end comes near.
    pub(crate) async fn hold<S, T, L: Table, C: Clock>(&self, engine: &Engine<S, T, L, C>) -> Hold {
        let mut state = self.state.lock().await;
        if state.lease.is_none() && state.is_without_ledger {
            return Hold::WithoutLedger;
        }
        renewed(&mut state, engine).await
    }

    /// What a write comes to, with the lease renewed as long as it takes; `None` where another run has the lease by then, or nobody can say. The
    /// write is given up, so that it does not come after what the other one decides; whether it took effect is not known.
    pub(crate) async fn held_during<S, T, L: Table, C: Clock, O>(
        &self,
        engine: &Engine<S, T, L, C>,
        write: impl Future<Output = O> + Send,
    ) -> Option<O> {
        let mut write = pin!(write);
        let is_held = !self.state.lock().await.is_without_ledger;
        loop {
            match tokio::time::timeout(WHILE_WRITING, write.as_mut()).await {
                Ok(outcome) => return Some(outcome),
                Err(_) if is_held && self.hold(engine).await == Hold::Lost => return None,
                Err(_) => {}
            }
        }
    }

    async fn take<S, T, L: Table, C: Clock>(&self, state: &mut State, engine: &Engine<S, T, L, C>) -> Result<Hold, NotAttempted> {
        loop {
            if self.lets_another_go_first(engine).await {
                self.wait(engine).await?;
                continue;
            }
            match engine.ledger.take_lease(&self.run, engine.clock.now()).await {
                Ok(lease) => {
                    state.lease = Some(lease);
                    state.is_without_ledger = false;
                    return Ok(Hold::Held);
                }
                Err(LeaseError::Table(error)) => {
                    tracing::error!(event = "lease_unavailable", error = %error, "only grants go on until the ledger can be reached");
                    state.is_without_ledger = true;
                    return Ok(Hold::WithoutLedger);
                }
                Err(LeaseError::Taken { holder, until }) => {
                    tracing::debug!(event = "lease_taken", holder, until = %until);
                    self.say_that_it_waits(engine).await;
                    self.wait(engine).await?;
                }
            }
        }
    }

    /// Runs follow one another without a gap behind a backlog, so the lease is never found free by chance.
    async fn lets_another_go_first<S, T, L: Table, C: Clock>(&self, engine: &Engine<S, T, L, C>) -> bool {
        self.urgency > 0
            && matches!(engine.ledger.lease_wanted(engine.clock.now()).await, Ok(Some(wanted)) if wanted.urgency < self.urgency)
    }

    async fn say_that_it_waits<S, T, L: Table, C: Clock>(&self, engine: &Engine<S, T, L, C>) {
        if self.urgency < LEAST_URGENT
            && let Err(error) = engine.ledger.want_lease(&self.run, self.urgency, engine.clock.now()).await
        {
            tracing::warn!(event = "lease_not_wanted", error = %error, "it waits for a gap");
        }
    }

    async fn wait<S, T, L, C>(&self, engine: &Engine<S, T, L, C>) -> Result<(), NotAttempted> {
        if Instant::now() + AGAIN_AFTER >= engine.deadline {
            return Err(NotAttempted::LeaseTaken);
        }
        sleep(AGAIN_AFTER).await;
        Ok(())
    }

    /// A slice is over.
    pub(crate) async fn slice_over<S, T, L: Table, C: Clock>(&self, engine: &Engine<S, T, L, C>) {
        if self.in_slices {
            self.end(engine).await;
        }
    }

    /// Gives the lease back in the middle of a slice.
    pub(crate) async fn give_way<S, T, L: Table, C: Clock>(&self, engine: &Engine<S, T, L, C>) {
        self.end(engine).await;
        self.state.lock().await.was_lost = true;
    }

    /// Gives the lease back.
    pub(crate) async fn end<S, T, L: Table, C: Clock>(&self, engine: &Engine<S, T, L, C>) {
        if let Some(lease) = self.state.lock().await.lease.take() {
            engine.ledger.give_back_lease(&lease, engine.clock.now()).await;
        }
    }
}

/// The lease as it is, or renewed where its end comes near. `Lost` where there is none, or another run has it.
async fn renewed<S, T, L: Table, C: Clock>(state: &mut State, engine: &Engine<S, T, L, C>) -> Hold {
    let now = engine.clock.now();
    let Some(lease) = &state.lease else { return Hold::Lost };
    if lease.covers(now) {
        return Hold::Held;
    }
    match engine.ledger.renew_lease(lease, now).await {
        Ok(lease) => {
            state.lease = Some(lease);
            Hold::Held
        }
        Err(LeaseError::Table(error)) => {
            tracing::error!(event = "lease_not_renewed", error = %error, "only grants go on until the ledger can be reached");
            Hold::WithoutLedger
        }
        Err(LeaseError::Taken { .. }) => {
            state.lease = None;
            state.was_lost = true;
            Hold::Lost
        }
    }
}
