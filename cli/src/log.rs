//! What the engine has to say while it works: warnings as lines on standard error, and how far it has got.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// The crates of Lockstep, whose lines follow `--verbose`. Everyone else is heard from `warn` up.
const OURS: &[&str] = &["assembly", "engine", "identity_center", "ledger", "okta", "runtime", "sync_core", "cli"];

/// How far the applying of a plan has got.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Actions whose turn is over, and all of them; none where nothing is applied yet.
    pub(crate) fn read(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }

    /// Begins anew, for another run.
    pub(crate) fn reset(&self) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(0, Ordering::Relaxed);
    }
}

/// Sets the log up for this process, once. `verbosity` is how often `--verbose` was given.
pub(crate) fn init(verbosity: u8) -> Arc<Progress> {
    let progress = Arc::new(Progress::default());
    let level = match verbosity {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    let targets = |level| Targets::new().with_default(LevelFilter::WARN).with_targets(OURS.iter().map(|name| (*name, level)));
    let subscriber = tracing_subscriber::registry()
        .with(Lines.with_filter(targets(level)))
        .with(Meter(Arc::clone(&progress)).with_filter(Targets::new().with_target("engine", LevelFilter::DEBUG)));
    // One that is there already stays: tests run several commands in one process.
    let _ = tracing::subscriber::set_global_default(subscriber);
    progress
}

/// Writes a line for each event.
struct Lines;

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if fields.event.as_deref() == Some("progress") {
            return;
        }
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warning",
            Level::INFO => "info",
            _ => "debug",
        };
        let name = fields.event.unwrap_or_default().replace('_', " ");
        let parts: Vec<&str> =
            [name.as_str(), fields.message.as_str(), fields.rest.trim()].into_iter().filter(|part| !part.is_empty()).collect();
        let _ = writeln!(io::stderr().lock(), "{level}: {}", crate::show::plain(&parts.join(": ")));
    }
}

/// Notes how far the engine has got.
struct Meter(Arc<Progress>);

impl<S: Subscriber> Layer<S> for Meter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if fields.event.as_deref() == Some("progress") {
            self.0.done.store(fields.done, Ordering::Relaxed);
            self.0.total.store(fields.total, Ordering::Relaxed);
        }
    }
}

#[derive(Default)]
struct Fields {
    event: Option<String>,
    message: String,
    rest: String,
    done: u64,
    total: u64,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "event" => self.event = Some(value.to_owned()),
            "message" | "advice" => self.message.push_str(value),
            name => {
                let _ = write!(self.rest, "{name}={value} ");
            }
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "done" => self.done = value,
            "total" => self.total = value,
            name => {
                let _ = write!(self.rest, "{name}={value} ");
            }
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" | "advice" => {
                let _ = write!(self.message, "{value:?}");
            }
            name => {
                let _ = write!(self.rest, "{name}={value:?} ");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_follows_the_engines_progress() {
        let progress = Arc::new(Progress::default());
        let subscriber = tracing_subscriber::registry().with(Meter(Arc::clone(&progress)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(event = "progress", done = 3_usize, total = 9_usize);
            tracing::debug!(event = "something_else", done = 5_usize);
        });
        assert_eq!(progress.read(), (3, 9));
        progress.reset();
        assert_eq!(progress.read(), (0, 0));
    }
}
