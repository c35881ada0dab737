//! Stateful simulators of Okta and of AWS IAM Identity Center, for tests.
//!
//! They keep a world that can be changed as people and other systems change it, with the quotas, the staleness and the failures
//! of the real ones. The engine's ports are implemented directly on that state, so that tests run thousands of histories a
//! second, and HTTP faces stand over the same state, for tests of the real clients and programs.

mod call;
mod fault;
pub mod http;
pub mod identity_center;
mod ids;
mod kill;
mod log;
pub mod okta;
mod program;
mod quota;
mod seed;
mod table;
mod time;
mod world;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use fault::{Fault, What};
pub use kill::KillSwitch;
pub use log::Call;
pub use program::run;
pub use seed::{Seed, SeedError};
pub use table::MemoryTable;
pub use time::{ManualClock, Time, TokioClock};
pub use world::{OrganizationShape, Shape, World};

/// Locks; a test that panicked while it held the lock has failed already.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
