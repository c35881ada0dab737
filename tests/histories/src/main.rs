//! Runs many histories, or one.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use histories::{History, run, shrunk};

/// Runs seeded random histories of simulated worlds against the reference model.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many histories.
    #[arg(long, default_value_t = 10_000)]
    count: u64,
    /// The first seed; without --count, the only one.
    #[arg(long)]
    seed: Option<u64>,
    /// How many at a time.
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// How many failing seeds to look for before it ends.
    #[arg(long, default_value_t = 1)]
    failures: u64,
    /// Runs the history of this file.
    #[arg(long)]
    replay: Option<PathBuf>,
}

#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program for people at a terminal")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let started = Instant::now();
    let (next, failed, changes, stop) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let first = arguments.seed.unwrap_or(0);
    let count = if arguments.seed.is_some() && arguments.count == 10_000 { 1 } else { arguments.count };
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let history = History::of(first + number);
                    match run(&history) {
                        Ok(seen) => drop(changes.fetch_add(seen, Ordering::Relaxed)),
                        Err(_) => {
                            if let Some((short, broken)) = shrunk(&history) {
                                println!("seed {}: {broken}\n{:?}", history.seed, short.setup);
                                for step in &short.steps {
                                    println!("  +{} ms {:?}", step.after_ms, step.op);
                                }
                                println!("{}", serde_json::to_string(&short).unwrap_or_default());
                            }
                            if failed.fetch_add(1, Ordering::Relaxed) + 1 >= arguments.failures {
                                stop.store(true, Ordering::Relaxed);
                            }
                        }
                    }
                }
            });
        }
    });
    let done = next.load(Ordering::Relaxed).min(count);
    let seconds = started.elapsed().max(Duration::from_millis(1)).as_secs_f64();
    println!("{done} histories, {} changes, {} failed, {seconds:.1} s", changes.load(Ordering::Relaxed), failed.load(Ordering::Relaxed));
    if failed.load(Ordering::Relaxed) == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
