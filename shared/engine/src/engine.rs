//! The engine: the ports of one invocation, bound together with the policy.

use std::sync::Arc;

use sync_core::policy::Policy;
use tokio::time::Instant;

use crate::directory::Directory;
use crate::ledger::Ledger;
use crate::ports::TargetCalls;
use crate::ports::{ReadSource, ReadTarget};

/// The ports of one invocation, and what they serve.
#[derive(Debug)]
pub struct Engine<S, T, L, C> {
    /// Okta.
    pub source: S,
    /// Identity Center.
    pub target: T,
    /// What all runs share.
    pub ledger: Ledger<L>,
    /// The time.
    pub clock: C,
    /// The policy.
    pub policy: Arc<Policy>,
    /// What this process remembers of Identity Center between invocations.
    pub directory: Arc<Directory>,
    /// When the invocation must have ended. No call and no wait goes beyond it.
    pub deadline: Instant,
}

/// What a run has cost so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) okta: u64,
    pub(crate) okta_throttled: u64,
    pub(crate) target: TargetCalls,
}

impl<S: ReadSource, T: ReadTarget, L, C> Engine<S, T, L, C> {
    pub(crate) fn spent(&self) -> Spent {
        Spent { okta: self.source.calls(), okta_throttled: self.source.throttled(), target: self.target.calls() }
    }

    /// Whether there is no time left to begin anything.
    pub(crate) fn is_out_of_time(&self) -> bool {
        Instant::now() >= self.deadline
    }
}
