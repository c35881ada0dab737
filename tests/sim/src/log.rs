//! What was called, and what came of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde::Serialize;

/// Orders the calls of all sides of all worlds of a process.
static ORDER: AtomicU64 = AtomicU64::new(0);

/// One call that reached a simulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Grows with every call to any simulator in this process, so that calls to two sides can be put in order.
    pub order: u64,
    /// When its answer was made, by the simulator's clock.
    pub at: Timestamp,
    /// `GET /api/v1/groups/{id}`, `CreateGroupMembership`, …
    pub operation: String,
    /// Path and query, or the parameters.
    pub target: String,
    /// HTTP status of the answer; 0 where there was none.
    pub status: u16,
    /// `errorCode`, or the exception's name.
    pub error: Option<String>,
    /// Whether it is an operation that writes, whatever came of it.
    pub writing: bool,
    /// Whether it changed the world.
    pub mutated: bool,
    /// The injected fault that it met.
    pub fault: Option<String>,
}

/// The calls of one side.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    calls: Vec<Call>,
    /// Whether nobody wants to know.
    is_off: bool,
}

impl CallLog {
    pub(crate) fn push(&mut self, mut call: Call) {
        call.order = ORDER.fetch_add(1, Ordering::SeqCst);
        self.calls.push(call);
    }

    /// Whether calls are not written down.
    pub(crate) fn is_off(&self) -> bool {
        self.is_off
    }

    pub(crate) fn turn(&mut self, on: bool) {
        self.is_off = !on;
    }

    pub(crate) fn all(&self) -> &[Call] {
        &self.calls
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for call in &self.calls {
            *counts.entry(call.operation.clone()).or_default() += 1;
        }
        counts
    }

    pub(crate) fn clear(&mut self) {
        self.calls.clear();
    }
}
