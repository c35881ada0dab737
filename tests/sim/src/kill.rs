//! The end of a process in the middle of its work.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::lock;

/// Ends a simulated process after so many calls to the outside: from then on none of its calls goes out.
///
/// It belongs to the handles that one process uses (`with_kill`), so that one of two processes on the same world can die.
#[derive(Debug, Clone)]
pub struct KillSwitch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    allowed: AtomicU64,
    loses_answer: AtomicBool,
    made: AtomicU64,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It goes out and is answered.
    Go,
    /// It goes out and takes effect, and the process dies before the answer.
    LoseAnswer,
    /// The process is gone.
    Dead,
}

impl KillSwitch {
    /// Lets everything through, and counts.
    pub fn never() -> Self {
        Self::after(u64::MAX)
    }

    /// Lets `calls` calls through; the next one never goes out.
    pub fn after(calls: u64) -> Self {
        let inner = Inner { allowed: AtomicU64::new(calls), loses_answer: AtomicBool::new(false), made: AtomicU64::new(0) };
        Self(Arc::new(inner))
    }

    /// Lets `calls` calls through; the next one takes effect, but the process dies before its answer.
    pub fn after_losing_the_answer(calls: u64) -> Self {
        let switch = Self::after(calls);
        switch.0.loses_answer.store(true, Ordering::SeqCst);
        switch
    }

    /// Lets `calls` more calls through from now on.
    pub fn allow(&self, calls: u64) {
        self.0.allowed.store(self.0.made.load(Ordering::SeqCst).saturating_add(calls), Ordering::SeqCst);
    }

    /// Calls tried so far, those of the dead process included.
    pub fn calls(&self) -> u64 {
        self.0.made.load(Ordering::SeqCst)
    }

    /// Whether it has struck.
    pub fn has_struck(&self) -> bool {
        self.calls() > self.0.allowed.load(Ordering::SeqCst)
    }

    pub(crate) fn step(&self) -> Step {
        let before = self.0.made.fetch_add(1, Ordering::SeqCst);
        let allowed = self.0.allowed.load(Ordering::SeqCst);
        if before < allowed {
            Step::Go
        } else if before == allowed && self.0.loses_answer.load(Ordering::SeqCst) {
            Step::LoseAnswer
        } else {
            Step::Dead
        }
    }
}

impl Default for KillSwitch {
    fn default() -> Self {
        Self::never()
    }
}

/// One process's side of a connection: its count of calls, and its end.
#[derive(Debug, Default)]
pub(crate) struct Client {
    /// By operation.
    calls: Mutex<BTreeMap<&'static str, u64>>,
    kill: KillSwitch,
}

impl Client {
    pub(crate) fn with_kill(kill: &KillSwitch) -> Self {
        Self { calls: Mutex::default(), kill: kill.clone() }
    }

    pub(crate) fn step(&self, operation: &'static str) -> Step {
        let step = self.kill.step();
        if step != Step::Dead {
            *lock(&self.calls).entry(operation).or_default() += 1;
        }
        step
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls_of(|_| true)
    }

    /// The calls of these operations.
    pub(crate) fn calls_of(&self, is_meant: impl Fn(&str) -> bool) -> u64 {
        lock(&self.calls).iter().filter(|(operation, _)| is_meant(operation)).map(|(_, calls)| calls).sum()
    }

    pub(crate) fn kill(&self) -> &KillSwitch {
        &self.kill
    }
}
