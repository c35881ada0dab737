//! Okta: hook deliveries decoded into triggers (`hook`), and a `ReadSource` over its API (feature `client`).
//!
//! **Architecture Invariant:** without the feature `client` no HTTP client is linked in, which is how event-hook uses it.
//! **Architecture Invariant:** without the feature `admin`, which the command line alone switches on, nothing here writes to Okta: the only method
//! sent is GET, and POST to the token endpoint alone.

pub mod hook;

#[cfg(feature = "admin")]
pub mod admin;
#[cfg(feature = "client")]
pub mod auth;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod config;
#[cfg(feature = "client")]
mod errors;
#[cfg(all(fuzzing, feature = "client"))]
pub mod fuzzing;
#[cfg(feature = "client")]
mod gate;
#[cfg(feature = "client")]
mod link;
#[cfg(feature = "client")]
pub mod oauth;
#[cfg(feature = "client")]
mod pages;
#[cfg(feature = "client")]
mod rate;
#[cfg(feature = "client")]
mod records;
#[cfg(feature = "client")]
mod request;
#[cfg(feature = "client")]
mod sender;
#[cfg(feature = "client")]
mod transport;
#[cfg(feature = "client")]
mod verdict;

#[cfg(test)]
#[cfg(feature = "client")]
mod tests;

#[cfg(feature = "client")]
pub use client::OktaClient;
#[cfg(feature = "client")]
pub use config::{ConfigError, OktaConfig};
