//! Measures what Lockstep costs, and prints a table with the bound beside each figure. Fails where a bound is broken.
//!
//! Runs and events are measured on tokio's paused clock, in which only simulated latency and limits take time: the figures are the same on every
//! machine. The core is measured in processor time.
#![recursion_limit = "256"] // the SDK's futures inside one another
#![expect(clippy::print_stdout, reason = "a table for a person is what this program is for")]

mod core;
mod events;
mod runs;
mod table;
mod wire;

use std::process::ExitCode;

use clap::Parser;
use table::Row;

/// Measures what Lockstep costs.
#[derive(Debug, Parser)]
struct Options {
    /// Smaller worlds and fewer seeds: a minute instead of ten.
    #[arg(long)]
    quick: bool,
}

/// A clock that jumps over waits: one measurement each, so that none sees the waits of another.
fn on_paused_clock<F: Future<Output = Vec<Row>>>(measurement: F) -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without input and output always starts").block_on(measurement)
}

fn main() -> ExitCode {
    let Options { quick } = Options::parse();
    // First, while nothing else has used memory yet.
    let core = core::planning(quick);
    let mut rows = on_paused_clock(runs::no_ops());
    rows.extend(on_paused_clock(runs::cold_loads(quick)));
    rows.extend(on_paused_clock(runs::raised_quota()));
    rows.extend(on_paused_clock(events::burst(quick)));
    rows.extend(on_paused_clock(events::steady(quick)));
    rows.extend(core);
    println!("{}", table::markdown(&rows));
    if rows.iter().all(Row::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
