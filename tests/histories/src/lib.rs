//! Model-based tests.

mod drive;
mod generate;
mod heal;
pub mod history;
mod last;
mod model;
mod policies;
mod shrink;
mod stage;
mod watch;
mod worker;

pub use history::History;
pub use shrink::shrunk;

use drive::Drive;

/// What a history broke, in words.
pub type Broken = String;

/// Runs a history to its end, and beyond.
///
/// # Errors
/// The first thing that was not as it must be.
pub fn run(history: &History) -> Result<u64, Broken> {
    let caught = std::panic::catch_unwind(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.map_err(|error| format!("there is no runtime: {error}"))?;
        runtime.block_on(async {
            let mut drive = Drive::new(history);
            drive.through(history).await?;
            drive.heal().await?;
            Ok(drive.watch.changes)
        })
    });
    caught.unwrap_or_else(|_| Err("something panicked".to_owned()))
}
