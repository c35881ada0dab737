//! The SCIM endpoint of the simulated Identity Center, on the same state as its other faces: what AWS's developer guide says of it, its
//! deviations from the standard included.
//!
//! `users` and `groups` are the rules, without HTTP: each takes the JSON of a request and changes the store, or refuses. `face` is HTTP.

mod discovery;
mod document;
mod face;
mod filter;
mod groups;
mod patch;
mod render;
mod settings;
mod users;

pub use settings::ScimSettings;

pub(super) use face::{answer, is_called};
