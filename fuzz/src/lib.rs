//! What every target asks of what it calls: that errors name something and stay short, and that what comes out is no larger than what
//! went in allows. That nothing panics, and that memory is bounded, libFuzzer watches itself (`bin/fuzz` sets the limits).

use std::fmt::{Debug, Display};

/// Longest error, in bytes, whatever the input was: it goes into a log line, and to whoever invoked the function.
const LONGEST_ERROR: usize = 4096;

/// An error says something, on one screen.
///
/// # Panics
/// Where it does not.
pub fn check_error(error: &impl Display) {
    let text = error.to_string();
    assert!(!text.trim().is_empty(), "an error says nothing");
    assert!(text.len() <= LONGEST_ERROR, "an error has {} bytes: {:.200}", text.len(), text);
}

/// What was decoded is at most `factor` times as large as its input, and a constant: nothing small unfolds into something large.
///
/// # Panics
/// Where it does.
pub fn check_size(decoded: &impl Debug, input: usize, factor: usize) {
    let size = format!("{decoded:?}").len();
    assert!(size <= 4096 + factor * input, "{input} bytes became {size}");
}
