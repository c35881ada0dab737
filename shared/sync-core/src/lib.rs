//! The pure core of Lockstep: what was read, what should be, the plan between the two, and the guard over it.
//!
//! Nothing here waits, reads a clock, or talks to anything: every function is synchronous, and time is an argument.
//! The way of a run is `resolve` → `plan` → `approve`; the engine applies what was approved and fills in the `report`.

pub mod action;
pub mod actual;
pub mod address;
pub mod assignments;
pub mod desired;
pub mod error;
pub mod evidence;
pub mod guard;
pub mod history;
pub mod ids;
pub mod mark;
pub mod names;
pub mod outcome;
pub mod pacing;
pub mod plan;
pub mod policy;
pub mod profile;
pub mod reading;
pub mod records;
pub mod remembered;
pub mod report;
pub mod resolve;
pub mod snapshot;
pub mod trigger;
pub mod unresolved;
