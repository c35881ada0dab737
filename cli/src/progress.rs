//! How far a long run has got: done and total, rate, time left, and how much of the quota it uses.

use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::time::Duration;

use engine::ports::{ReadSource, ReadTarget};
use indicatif::{ProgressBar, ProgressStyle};
use sync_core::policy::LimitsPolicy;
use sync_core::report::html::duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::log::Progress;
use crate::output::Output;
use crate::session::CliEngine;

/// How often a terminal's line is drawn anew.
const TICK: Duration = Duration::from_secs(1);

/// Where nobody sees it move, a line is written after so many ticks.
const TICKS_A_LINE: u64 = 5;

/// What is known at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    done: u64,
    total: u64,
    /// Since the applying began, in seconds.
    seconds: f64,
    okta_calls: u64,
    aws_calls: u64,
    /// Calls a second, lately.
    identity_store: f64,
    sso_admin: f64,
}

/// Watches a run until it is dropped.
pub(crate) struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Shows how far the run of this engine gets: a line that moves on a terminal, a plain line now and then elsewhere.
pub(crate) fn watch(engine: &CliEngine, progress: Arc<Progress>, output: Output) -> Watch {
    let (source, target, limits) = (engine.source.clone(), engine.target.clone(), engine.policy.limits);
    let face = Face::new(output);
    Watch(tokio::spawn(async move {
        let (mut before, mut at) = (target.calls(), Instant::now());
        let mut began: Option<Instant> = None;
        for tick in 1.. {
            sleep(TICK).await;
            let (calls, now) = (target.calls(), Instant::now());
            let passed = (now - at).as_secs_f64().max(0.001);
            let rate = |after: u64, before: u64| as_f64(after.saturating_sub(before)) / passed;
            let (done, total) = progress.read();
            if total > 0 {
                began.get_or_insert(now);
            }
            let sample = Sample {
                done,
                total,
                seconds: began.map_or(0.0, |began| (now - began).as_secs_f64()),
                okta_calls: source.calls(),
                aws_calls: calls.identity_store + calls.scim + calls.sso_admin + calls.organizations,
                identity_store: rate(calls.identity_store, before.identity_store),
                sso_admin: rate(calls.sso_admin, before.sso_admin),
            };
            face.show(tick, &sample, &limits);
            (before, at) = (calls, now);
        }
    }))
}

/// Where it is shown.
enum Face {
    Bar(ProgressBar),
    Lines(Output),
}

impl Face {
    fn new(output: Output) -> Self {
        if !stderr().is_terminal() {
            return Self::Lines(output);
        }
        let bar = ProgressBar::no_length();
        let style = ProgressStyle::with_template("[{bar:24}] {msg}").expect("the template is right");
        bar.set_style(style.progress_chars("=> "));
        Self::Bar(bar)
    }

    fn show(&self, tick: u64, sample: &Sample, limits: &LimitsPolicy) {
        let text = line(sample, limits);
        match self {
            Self::Bar(bar) => {
                bar.set_length(sample.total.max(1));
                bar.set_position(sample.done);
                bar.set_message(text);
            }
            Self::Lines(output) if tick % TICKS_A_LINE == 1 => output.message(&text),
            Self::Lines(_) => {}
        }
    }
}

fn line(sample: &Sample, limits: &LimitsPolicy) -> String {
    let quota = format!(
        "Identity Store {:.1} of {} calls/s, sso-admin {:.1} of {}",
        sample.identity_store, limits.identity_store_tps, sample.sso_admin, limits.sso_admin_tps
    );
    if sample.total == 0 {
        return format!("reading: {} calls to Okta, {} to AWS; {quota}", sample.okta_calls, sample.aws_calls);
    }
    let percent = sample.done * 100 / sample.total;
    let pace = pace(sample).map(|(rate, left)| format!(", {rate:.1}/s, {left} left")).unwrap_or_default();
    format!("applying: {} of {} ({percent} %){pace}; {quota}", sample.done, sample.total)
}

/// Actions a second, and how long the rest takes at that rate; `None` as long as nothing is done.
fn pace(sample: &Sample) -> Option<(f64, String)> {
    let rate = as_f64(sample.done) / sample.seconds;
    if sample.done == 0 || !rate.is_finite() || rate <= 0.0 {
        return None;
    }
    let left = Duration::try_from_secs_f64(as_f64(sample.total.saturating_sub(sample.done)) / rate).ok()?;
    Some((rate, duration(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))))
}

/// Counts of one run, far below 2^52, where f64 is exact.
#[expect(clippy::cast_precision_loss, reason = "counts of one run")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of a policy that says nothing of limits.
    fn limits() -> LimitsPolicy {
        let text = "[okta]\norg_url = \"https://acme.okta.com\"\n[groups]\nmatch = ['^AWS-']\n";
        sync_core::policy::Policy::parse(text).unwrap().limits
    }

    fn sample(done: u64, total: u64, seconds: f64) -> Sample {
        Sample { done, total, seconds, okta_calls: 7, aws_calls: 40, identity_store: 18.62, sso_admin: 0.0 }
    }

    #[test]
    fn the_line_says_done_total_rate_time_left_and_quota() {
        assert_eq!(
            line(&sample(190, 1330, 10.0), &limits()),
            "applying: 190 of 1330 (14 %), 19.0/s, 1 min 0 s left; Identity Store 18.6 of 19 calls/s, sso-admin 0.0 of 19"
        );
    }

    #[test]
    fn before_anything_is_done_there_is_no_rate() {
        assert!(line(&sample(0, 0, 0.0), &limits()).starts_with("reading: 7 calls to Okta, 40 to AWS"));
        assert!(line(&sample(0, 10, 0.0), &limits()).starts_with("applying: 0 of 10 (0 %); "));
    }
}
