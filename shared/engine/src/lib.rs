//! The engine: the ports to the outside, the one orchestrator (`reconcile`) and the one executor (`apply`).

mod apply;
pub mod batch;
pub mod continuation;
pub mod directory;
mod engine;
pub mod ledger;
pub mod ports;
mod read;

pub use engine::Engine;
mod reconcile;
mod request;

pub use read::{Evidence, LookFailed, UserQuery, organization};
pub use reconcile::{Completed, ReconcileError};
pub use request::{Request, Scope, Since, TriggerScope};
