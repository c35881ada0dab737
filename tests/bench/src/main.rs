//! Measures what Lockstep costs, and prints a table with the bound beside each figure. Fails where a bound is broken.
//!
//! Runs and events are measured on tokio's paused clock, in which only simulated latency and limits take time: the figures are the same on every
//! machine. The core is measured in processor time, and the functions' starts beside that of a hello world.
#![recursion_limit = "256"] // the SDK's futures inside one another
#![expect(clippy::print_stdout, reason = "a table for a person is what this program is for")]

mod aws;
mod core;
mod events;
mod function;
mod runs;
mod starts;
mod table;
mod wire;

use std::io;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use peak_alloc::PeakAlloc;
use table::Row;

/// Counts the bytes that are allocated.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Measures what Lockstep costs.
#[derive(Debug, Parser)]
struct Options {
    /// Smaller worlds and fewer seeds: a minute instead of ten.
    #[arg(long)]
    quick: bool,
    /// Only these parts; without it all of them.
    #[arg(long, value_enum)]
    only: Vec<Part>,
}

/// A part of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Planning, and what it holds in memory.
    Core,
    /// Runs: what they cost in calls and in time.
    Runs,
    /// Many events at once.
    Burst,
    /// One event after the other.
    Steady,
    /// Events while another process loads everything.
    Beside,
    /// How the functions start, as processes.
    Starts,
    /// Deliveries to the real `event-hook`.
    Deliveries,
}

impl Part {
    fn measured(self, quick: bool) -> Vec<Row> {
        match self {
            Self::Core => core::planning(quick),
            Self::Runs => {
                let mut rows = on_paused_clock(runs::no_ops());
                rows.extend(on_paused_clock(runs::cold_loads(quick)));
                rows.extend(on_paused_clock(runs::raised_quota()));
                rows.extend(on_paused_clock(runs::refused()));
                rows
            }
            Self::Burst => on_paused_clock(events::burst(quick)),
            Self::Steady => on_paused_clock(events::steady(quick)),
            Self::Beside => [false, true].into_iter().flat_map(|together| on_paused_clock(events::beside_a_load(together))).collect(),
            Self::Starts => with_processes("the functions' starts", starts::cold(quick)),
            Self::Deliveries => with_processes("deliveries", starts::deliveries(quick)),
        }
    }
}

/// A clock that jumps over waits: one measurement each, so that none sees the waits of another.
fn on_paused_clock<F: Future<Output = Vec<Row>>>(measurement: F) -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without input and output always starts").block_on(measurement)
}

/// The real clock, and real connections to processes.
fn with_processes(what: &str, measurement: impl Future<Output = io::Result<Vec<Row>>>) -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let rows = runtime.and_then(|runtime| runtime.block_on(measurement));
    rows.unwrap_or_else(|error| vec![Row::not_measured(what, &error)])
}

fn main() -> ExitCode {
    let Options { quick, only } = Options::parse();
    let parts = Part::value_variants().iter().filter(|part| only.is_empty() || only.contains(part));
    let rows: Vec<Row> = parts.flat_map(|part| part.measured(quick)).collect();
    println!("{}", table::markdown(&rows));
    if rows.iter().all(Row::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
