//! Logs: one JSON object a line on standard output, and errors and panics in the same form.

use std::error::Error;
use std::io;
use std::panic::PanicHookInfo;
use std::sync::Once;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

/// The crates whose lines follow the level that was asked for. Everyone else's are shown from `warn` up, whatever the level: at
/// `trace` the HTTP crates write requests with their headers, and lambda_runtime writes whole payloads.
const OURS: &[&str] =
    &["assembly", "engine", "event_hook", "event_worker", "identity_center", "ledger", "okta", "reconcile", "runtime", "sync_core"];

/// Where lambda_runtime logs a handler's error once more, in its `Debug` form. Each function logs its own errors, with the chain; and
/// panics go through the hook that is set here.
const HANDLER_ERRORS: &str = "lambda_runtime::layers::panic";

/// The longest message of a panic that is logged. A longer one holds data.
const LONGEST_PANIC: usize = 300;

/// Sets logging up for this process, once; `level` is as [`crate::config::log_level`] gives it.
///
/// lambda_runtime does the same only when its own `init_default_subscriber` is called, which no function here does. What lambda_runtime
/// says about a handler's error is left out, so a handler must log its errors itself, once, by [`error_chain`].
pub fn init(level: Option<&str>) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // A subscriber that is there already stays: a test harness may have set one.
        let _ = tracing::subscriber::set_global_default(subscriber(parse_level(level), io::stdout));
        std::panic::set_hook(Box::new(log_panic));
    });
}

/// The whole chain of an error on one line. A link that its forerunner has quoted already is not repeated.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut link = error.source();
    while let Some(source) = link {
        let next = source.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        link = source.source();
    }
    text
}

/// The span list is written because Lambda's request id is a field of the outermost span, which lambda_runtime makes.
fn subscriber<W>(level: Level, writer: W) -> impl tracing::Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_target(true)
        .with_writer(writer);
    tracing_subscriber::registry().with(targets(level)).with(layer)
}

fn targets(level: Level) -> Targets {
    Targets::new()
        .with_default(LevelFilter::WARN)
        // lambda_runtime puts the request id into a span at `info`, and writes no event at that level.
        .with_target("lambda_runtime", LevelFilter::INFO)
        .with_target(HANDLER_ERRORS, LevelFilter::OFF)
        .with_targets(OURS.iter().map(|name| (*name, level)))
}

/// A level that is none is `info`: a function must not refuse to start, or fall silent, for the sake of its log.
fn parse_level(level: Option<&str>) -> Level {
    match level.map(str::to_ascii_lowercase).as_deref() {
        Some("trace") => Level::TRACE,
        Some("debug") => Level::DEBUG,
        Some("warn") => Level::WARN,
        Some("error" | "fatal") => Level::ERROR,
        _ => Level::INFO,
    }
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, panic = panic_message(info.payload_as_str()), "a defect in Lockstep: the function panicked");
}

/// The first line of a panic's message, and no more than a sentence of it: the rest is the `Debug` form of some value.
fn panic_message(payload: Option<&str>) -> String {
    let first = payload.and_then(|text| text.lines().next()).unwrap_or("without a message");
    first.chars().take(LONGEST_PANIC).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the queue cannot be reached")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("connection refused")]
    struct Inner;

    #[derive(Debug, thiserror::Error)]
    #[error("failed: {0}")]
    struct Quoting(#[source] Inner);

    #[test]
    fn a_chain_is_printed_once() {
        assert_eq!(error_chain(&Outer(Inner)), "the queue cannot be reached: connection refused");
        assert_eq!(error_chain(&Quoting(Inner)), "failed: connection refused");
    }

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, run: impl FnOnce()) -> Vec<Value> {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        tracing::subscriber::with_default(subscriber(parse_level(Some(level)), move || writer.clone()), run);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_is_one_flat_object_with_the_request_id_of_lambdas_span() {
        let lines = logged("info", || {
            let span = tracing::info_span!(target: "lambda_runtime::layers::trace", "Lambda runtime invoke", requestId = "r-1");
            span.in_scope(|| tracing::info!(target: "event_hook", triggers = 3, "queued"));
        });
        assert_eq!(lines.len(), 1);
        assert_eq!((&lines[0]["level"], &lines[0]["message"], &lines[0]["triggers"]), (&"INFO".into(), &"queued".into(), &3.into()));
        assert_eq!(lines[0]["spans"][0]["requestId"], "r-1");
        assert!(lines[0]["timestamp"].is_string());
    }

    #[test]
    fn s54_at_trace_only_our_own_lines_are_more() {
        let lines = logged("trace", || {
            tracing::trace!(target: "engine::reconcile", "ours");
            for target in ["lambda_runtime::requests", "hyper::proto", "aws_smithy_runtime::client", "reqwest::connect"] {
                tracing::trace!(target: "lambda_runtime", payload = "hunter2", "theirs, {target}");
                tracing::debug!(target: "hyper", header = "hunter2", "theirs, {target}");
            }
        });
        assert_eq!(lines.iter().map(|line| &line["message"]).collect::<Vec<_>>(), ["ours"]);
    }

    #[test]
    fn the_lines_of_every_crate_that_is_deployed_follow_the_level() {
        let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml")).unwrap();
        let member = |line: &str| line.trim().trim_matches([',', '"']).to_owned();
        let deployed = manifest.lines().map(member).filter_map(|member| {
            let name = member.strip_prefix("shared/").or_else(|| member.strip_prefix("functions/"))?;
            Some(name.replace('-', "_"))
        });
        assert_eq!(deployed.collect::<std::collections::BTreeSet<_>>(), OURS.iter().map(ToString::to_string).collect());
    }

    #[test]
    fn an_error_of_a_handler_is_not_logged_a_second_time() {
        let lines = logged("info", || {
            tracing::error!(target: "lambda_runtime::layers::panic", "NotQueued(Unreachable)");
            tracing::error!(target: "lambda_runtime::layers::api_client", "the Runtime API is gone");
        });
        assert_eq!(lines.iter().map(|line| &line["message"]).collect::<Vec<_>>(), ["the Runtime API is gone"]);
    }

    #[test]
    fn a_level_that_is_none_is_info() {
        assert_eq!(parse_level(Some("loud")), Level::INFO);
        assert_eq!(parse_level(None), Level::INFO);
        assert_eq!(parse_level(Some("FATAL")), Level::ERROR);
    }

    #[test]
    fn s54_a_panic_is_logged_by_its_first_line_only() {
        assert_eq!(panic_message(Some("no room\nhunter2")), "no room");
        assert_eq!(panic_message(Some(&"x".repeat(1000))).len(), LONGEST_PANIC);
        assert_eq!(panic_message(None), "without a message");
    }
}
