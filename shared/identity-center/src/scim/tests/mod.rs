//! The client against a scripted endpoint.
