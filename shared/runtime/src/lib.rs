//! What every function needs around its handler: configuration, AWS clients, secrets, the queues, logs and metrics, the clock.
//!
//! **Architecture Invariant:** nothing here knows the ledger's table or an admin API of Identity Center, because event-hook,
//! which anyone on the internet can call, links this crate.

pub mod aws;
#[cfg(feature = "change-events")]
pub mod change_events;
pub mod clock;
pub mod config;
pub mod metrics;
pub mod policy_file;
pub mod prepared;
pub mod queue;
pub mod report_log;
pub mod secrets;
pub mod telemetry;
