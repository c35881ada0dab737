//! Okta: hook deliveries decoded into triggers (`hook`), and a `ReadSource` over its API (feature `client`).
//!
//! **Architecture Invariant:** without the feature `client` no HTTP client is linked in, which is how event-hook uses it.

pub mod hook;
