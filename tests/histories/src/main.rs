//! Runs many histories, or one.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use histories::{History, run, shrunk};

/// Worlds are a great many small things, which the system's own allocator is slow with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs seeded random histories of simulated worlds against the reference model.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many histories; by default ten thousand, or with --seed that one.
    #[arg(long)]
    count: Option<u64>,
    /// The first seed.
    #[arg(long)]
    seed: Option<u64>,
    /// How many at a time.
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// How many failing seeds to look for before it ends.
    #[arg(long, default_value_t = 1)]
    failures: u64,
    /// Runs the history of this file instead.
    #[arg(long)]
    replay: Option<PathBuf>,
}

/// What was done so far, by all threads.
#[derive(Debug, Default)]
struct Tally {
    begun: AtomicU64,
    failed: AtomicU64,
    changes: AtomicU64,
}

/// A line of progress after so many histories.
const PROGRESS: u64 = 10_000;

#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program for people at a terminal")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(path) = &arguments.replay {
        return replay(path);
    }
    let (started, tally) = (Instant::now(), Tally::default());
    let count = arguments.count.unwrap_or(if arguments.seed.is_some() { 1 } else { 10_000 });
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| work(&arguments, count, &tally));
        }
    });
    let done = tally.begun.load(Ordering::Relaxed).min(count);
    let seconds = started.elapsed().max(Duration::from_millis(1)).as_secs_f64();
    let (changes, failed) = (tally.changes.load(Ordering::Relaxed), tally.failed.load(Ordering::Relaxed));
    println!("{done} histories, {changes} memberships changed, {failed} failed, {seconds:.1} s");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stderr, reason = "a program for people at a terminal")]
fn work(arguments: &Arguments, count: u64, tally: &Tally) {
    while tally.failed.load(Ordering::Relaxed) < arguments.failures {
        let number = tally.begun.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return;
        }
        if number > 0 && number.is_multiple_of(PROGRESS) {
            eprintln!("{number} of {count}");
        }
        let history = History::of(arguments.seed.unwrap_or(0) + number);
        match run(&history) {
            Ok(changes) => drop(tally.changes.fetch_add(changes, Ordering::Relaxed)),
            Err(_) => {
                tell(&history);
                tally.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// What broke, the shortest way to it, and how to see it again.
#[expect(clippy::print_stdout, reason = "a program for people at a terminal")]
fn tell(history: &History) {
    let Some((short, broken)) = shrunk(history) else { return };
    println!("seed {}: {broken}\n{:?}", history.seed, short.setup);
    for step in &short.steps {
        println!("  after {} ms: {:?}", step.after_ms, step.op);
    }
    println!("again: cargo run --release -p histories -- --seed {}", history.seed);
    println!("the steps above, for --replay: {}", serde_json::to_string(&short).unwrap_or_default());
}

#[expect(clippy::print_stdout, reason = "a program for people at a terminal")]
fn replay(path: &std::path::Path) -> ExitCode {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let result =
        text.and_then(|text| serde_json::from_str::<History>(&text).map_err(|error| error.to_string())).and_then(|history| run(&history));
    match result {
        Ok(changes) => {
            println!("nothing broke; {changes} memberships changed");
            ExitCode::SUCCESS
        }
        Err(broken) => {
            println!("{}: {broken}", path.display());
            ExitCode::FAILURE
        }
    }
}
