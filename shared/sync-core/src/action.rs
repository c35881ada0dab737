//! Room kept.
