//! Makes a failing history short.

use crate::history::History;
use crate::run;

/// The history without the steps that it fails without as well, and with what it breaks.
pub fn shrunk(history: &History) -> Option<(History, String)> {
    let mut broken = run(history).err()?;
    let mut shortest = history.clone();
    let mut size = shortest.steps.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < shortest.steps.len() {
            let mut shorter = shortest.clone();
            shorter.steps.drain(at..(at + size).min(shortest.steps.len()));
            match run(&shorter) {
                Err(now) => (shortest, broken) = (shorter, now),
                Ok(_) => at += size,
            }
        }
        size /= 2;
    }
    Some((shortest, broken))
}
