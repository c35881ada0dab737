//! Runs on simulated worlds, on a clock that jumps over waits: what they cost in calls, and how long the limits make them take.

use std::sync::Arc;
use std::time::Duration;

use engine::ledger::Ledger;
use engine::{Completed, Engine, Request, Scope};
use identity_center::{IdentityCenter, Settings};
use sim::identity_center::{Throttle, Throttles};
use sim::okta::FakeOkta;
use sim::{MemoryTable, Shape, Time, TokioClock, World};
use sync_core::policy::Policy;
use sync_core::report::{Mode, Status};
use tokio::time::Instant;

use crate::table::{Row, count};
use crate::wire;

/// A world, and a process that works on it with the real client of Identity Center.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) target: IdentityCenter,
    policy: Arc<Policy>,
    directory: Arc<engine::directory::Directory>,
}

/// A limit of AWS.
pub(crate) fn throttles(per_second: f64, together: bool) -> Throttles {
    let limit = Throttle { per_second, burst: per_second, together };
    Throttles { identity_store: Some(limit), sso_admin: Some(Throttle { together: true, ..limit }), ..Throttles::default() }
}

fn settings(policy: &Policy) -> Settings {
    let limit = &policy.limits;
    Settings { identity_store_tps: limit.identity_store_tps, sso_admin_tps: limit.sso_admin_tps, ..Settings::default() }
}

impl Bench {
    /// A world of this shape whose calls take `latency`, under a policy with this much below `[groups] match`.
    pub(crate) async fn of(shape: &Shape, latency: Duration, limits: Throttles, policy: &str) -> Self {
        let world = World::of(shape, TokioClock::start());
        let text = format!("[okta]\norg_url = \"https://{}\"\n[groups]\nmatch = ['^AWS-']\n{policy}", world.org);
        let policy = Policy::parse(&text).unwrap_or_else(|error| unreachable!("the policy is right: {error}"));
        world.aws.set_latency(latency);
        world.okta.set_latency(latency);
        let target = wire::client(&world.aws, settings(&policy)).await;
        world.aws.throttle(limits);
        Self { world, target, policy: Arc::new(policy), directory: Arc::default() }
    }

    /// Another process on the same world, which shares nothing with this one but the ledger's table, and keeps to the limits by itself.
    pub(crate) async fn another_process(&self) -> Self {
        let (world, policy) = (self.world.clone(), Arc::clone(&self.policy));
        let target = wire::client(&world.aws, settings(&policy)).await;
        Self { world, target, policy, directory: Arc::default() }
    }

    /// One run that applies.
    pub(crate) async fn run(&self, id: &str, scope: Scope) -> Completed {
        let engine: Engine<FakeOkta, IdentityCenter, MemoryTable, Time> = Engine {
            source: self.world.okta.clone(),
            target: self.target.clone(),
            ledger: Ledger::new(self.world.table.clone()),
            clock: self.world.time.clone(),
            policy: Arc::clone(&self.policy),
            directory: Arc::clone(&self.directory),
            deadline: Instant::now() + Duration::from_secs(3600 * 12),
        };
        let request = Request { run_id: id.to_owned(), mode: Mode::Apply, scope, approve: None };
        Box::pin(engine.reconcile(&request)).await.unwrap_or_else(|error| unreachable!("the run can be begun: {error}"))
    }

    /// The most calls of one API.
    pub(crate) fn busiest(&self) -> f64 {
        count(self.world.aws.counts().into_values().max().unwrap_or_default())
    }
}

/// How a cold load went.
struct Load {
    seconds: f64,
    busiest: f64,
    refused: f64,
    undone: f64,
}

async fn load(shape: &Shape, latency: Duration, limits: Throttles, policy: &str) -> Load {
    let bench = Bench::of(shape, latency, limits, policy).await;
    let began = Instant::now();
    let report = bench.run("load", Scope::All).await.report;
    let seconds = began.elapsed().as_secs_f64();
    let missing = bench.world.wanted("AWS-").difference(&bench.world.actual()).count() as u64;
    let undone = report.outcomes.failed + report.outcomes.not_attempted + missing;
    Load { seconds, busiest: bench.busiest(), refused: count(bench.world.aws.throttled().len() as u64), undone: count(undone) }
}

fn cold(seed: u64) -> Shape {
    Shape { users: 500, groups: 100, members: 20, in_sync: false, seed, ..Shape::default() }
}

/// S36: cold loads of 500 users, 100 groups and 2,000 memberships under 20 calls a second.
pub(crate) async fn cold_loads(quick: bool) -> Vec<Row> {
    let seeds = if quick { 2 } else { 20 };
    let mut rows = Vec::new();
    for (how, together) in [("per API", false), ("all together", true)] {
        let (mut worst, mut undone, mut refused) = (0.0_f64, 0.0, 0.0);
        for seed in 1..=seeds {
            let load = load(&cold(seed), Duration::from_millis(20), throttles(20.0, together), "").await;
            worst = worst.max(load.seconds / (load.busiest / 20.0));
            undone += load.undone;
            refused += load.refused;
        }
        rows.push(Row::at_most(format!("cold load, {seeds} seeds, 20 ms, AWS counts {how}: failed or undone"), undone, 0.0, ""));
        let what = format!("… wall ÷ (calls of the busiest API ÷ 20), worst seed ({refused} calls refused in all)");
        rows.push(if together { Row::stated(what, worst, "") } else { Row::at_most(what, worst, 1.15, "") });
    }
    let slow = load(&cold(1), Duration::from_millis(200), throttles(20.0, false), "").await;
    rows.push(Row::at_most("cold load at 200 ms a call: the same ratio", slow.seconds / (slow.busiest / 20.0), 1.25, ""));
    rows
}

/// Raising a quota: the same load with twice the limits on both sides.
pub(crate) async fn raised_quota() -> Vec<Row> {
    let latency = Duration::from_millis(20);
    let once = load(&cold(1), latency, throttles(20.0, false), "[limits]\nidentity_store_tps = 19\n").await;
    let twice = load(&cold(1), latency, throttles(40.0, false), "[limits]\nidentity_store_tps = 38\n").await;
    let share = twice.seconds / once.seconds;
    vec![
        Row::at_most("cold load with identity_store_tps = 38 instead of 19: share of the time", share, 0.55, ""),
        Row::at_most("… failed or undone", once.undone + twice.undone, 0.0, ""),
    ]
}

/// What a full run costs that finds nothing to do.
pub(crate) async fn no_ops() -> Vec<Row> {
    let shape = Shape { users: 2000, groups: 300, members: 30, ..Shape::default() };
    let bench = Bench::of(&shape, Duration::from_millis(20), throttles(20.0, false), "").await;
    bench.run("first", Scope::All).await;
    tokio::time::advance(Duration::from_secs(3600)).await;
    bench.world.aws.clear_log();
    let began = Instant::now();
    let report = bench.run("second", Scope::All).await.report;
    let seconds = began.elapsed().as_secs_f64();
    let okta = bench.world.okta.clone();
    okta.clear_log();
    bench.world.aws.remove_member(&bench.world.group(0), &bench.world.user(0));
    let drift = bench.run("third", Scope::All).await.report;
    vec![
        Row::at_most("no-op full run, U2000 G300 P9000: calls to Okta", count(report.calls.okta), 5.0, ""),
        Row::at_most("… calls to Identity Store", count(report.calls.identity_store), 323.0, ""),
        Row::at_most("… writes, or not converged", count(u64::from(report.status != Status::Converged)), 0.0, ""),
        Row::at_most("… wall ÷ (calls of the busiest API ÷ 20)", seconds / (300.0 / 20.0), 1.15, ""),
        Row::at_most("… and with a membership lost in AWS: calls to Okta", count(drift.calls.okta), 10.0, ""),
        Row::at_most("… memberships missing afterwards", 1.0 - count(drift.outcomes.changed), 0.0, ""),
    ]
}

/// S36: two full runs at once, each of which keeps to the limit by itself, so that AWS refuses what is too much; it counts all APIs together.
pub(crate) async fn refused() -> Vec<Row> {
    let shape = Shape { users: 2000, groups: 300, members: 30, ..Shape::default() };
    let bench = Bench::of(&shape, Duration::from_millis(20), throttles(20.0, true), "").await;
    let another = bench.another_process().await;
    bench.world.aws.remove_member(&bench.world.group(0), &bench.world.user(0));
    let (one, other) = tokio::join!(bench.run("one", Scope::All), another.run("other", Scope::All));
    let refused = count(bench.world.aws.throttled().len() as u64);
    let missing = bench.world.wanted("AWS-").symmetric_difference(&bench.world.actual()).count() as u64;
    let lost = |run: &Completed| {
        let is_done = matches!(run.report.status, Status::Applied | Status::Converged);
        run.report.outcomes.failed + run.report.outcomes.not_attempted + u64::from(!is_done)
    };
    vec![
        Row::at_least("two full runs at once, U2000 G300 P9000, AWS counts all together: calls refused", refused, 1.0, ""),
        Row::at_most("… lists not read whole, failed or undone", count(lost(&one) + lost(&other) + missing), 0.0, ""),
    ]
}
