//! Model-based tests: seeded random histories of simulated worlds, in process and on a clock that jumps, held against a reference model.
//!
//! A history ([`history`]) is a world and a list of things that happen: joins, leaves, moves, renames, suspensions, deletions, recreations, events
//! that are doubled, lost and reordered, changes by hand in Identity Center, calls that go wrong, reads that are late, a ledger that is out
//! of reach or lost, and runs that begin side by side and may be killed at any call. `model` is the reference: it is told each change
//! by name, remembers what was so at every moment, and shares no deciding code with the engine.
//!
//! # What is held against the model
//! - whenever a run makes a membership: it should have been at some moment since the oldest run under way began (`watch`);
//! - whenever a run takes one away: it should not have been at some such moment; the small budget is kept; with the ledger out of reach
//!   nothing goes; and, as long as nothing goes wrong, whoever should be in some group all the time is in one all the time;
//! - groups that are not ours, and what they give, stay as people left them, at the end of every history (`last`) and at every write;
//! - at the end (`heal`) everything goes right, and a few runs, with approvals of what the guard holds, bring every group to where the
//!   model wants it: its name, its members, what it gives; the last of them writes nothing; in every fifth history a dry run before
//!   that writes nothing either, and its plan is that of the run that follows.
//!
//! # What is not
//! - A run that an operator asks for, for single groups, does not look where its members went: whoever moved out of its sight has a gap until the
//!   next event or full run. (A group's own removal event does look, which `tests/scenarios` shows.)
//! - Whoever was deleted in Okta before Lockstep's first run is left in place; and where a member cannot be told by name, members
//!   without an externalId are spared.
//! - Where memberships outlive their users ([`history::Habits`]), nobody takes them away: they give nobody anything.
//! - Lists that lie are looked through where there is a second source: a list of a user's groups has none, and is not made to lie; a list
//!   of Identity Center's does not lie twice in a row.
//! - Without externalIds the ledger alone knows who is who: there it is not lost, and logins change only after a run has written it down.
//!
//! # Which breakages it catches
//! `docs/testing.md` lists those that were made by hand.

#![expect(clippy::wildcard_enum_match_arm, reason = "each part of the stage does the operations that are its own, and there are forty")]

mod drive;
mod generate;
mod habits;
mod heal;
pub mod history;
mod last;
mod model;
mod policies;
mod shrink;
mod stage;
mod watch;

pub use history::History;
pub use shrink::shrunk;

use drive::Drive;

/// One history in so many looks with a dry run at what is to be done, before it is done.
const DRY_RUN_IN: u64 = 5;

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
            drive.heal(history.seed.is_multiple_of(DRY_RUN_IN)).await?;
            Ok(drive.watch.changes)
        })
    });
    caught.unwrap_or_else(|_| Err("something panicked".to_owned()))
}
