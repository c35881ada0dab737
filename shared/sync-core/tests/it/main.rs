//! The core's integration tests, as one program: one link serves them all.

mod assigning;
mod guarding;
mod managed_worlds;
mod managing;
mod planning;
mod plans;
mod properties;
mod reporting;
mod resolving;
mod world;
