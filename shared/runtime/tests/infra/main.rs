//! The templates and the example policy against the code that they are for.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failure here is the failure of a test")]

mod metrics;
mod permissions;
mod wiring;
mod yaml;
