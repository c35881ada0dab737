//! The event path on a clock that jumps over waits: bursts, and how long one event takes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use engine::Scope;
use engine::batch::{scope_of, sleep_of};
use engine::ports::Clock;
use sim::Shape;
use sync_core::trigger::{Lane, Target, Trigger, TriggerMessage};
use tokio::time::Instant;

use crate::runs::{Bench, throttles};
use crate::table::{Row, count};

/// What a FIFO queue gives at most.
const BATCH: usize = 10;

/// Three lanes, each with one consumer, and messages of one deduplication id once.
#[derive(Default)]
struct Queue {
    lanes: BTreeMap<Lane, VecDeque<TriggerMessage>>,
    seen: BTreeSet<String>,
}

impl Queue {
    fn send(&mut self, message: TriggerMessage) {
        if self.seen.insert(message.deduplication_id()) {
            self.lanes.entry(message.lane).or_default().push_back(message);
        }
    }

    fn batch(&mut self, lane: Lane) -> Vec<TriggerMessage> {
        let waiting = self.lanes.entry(lane).or_default();
        let n = waiting.len().min(BATCH);
        waiting.drain(..n).collect()
    }
}

fn trigger(bench: &Bench, lane: Lane, user: usize, group: Option<usize>) -> TriggerMessage {
    let id = bench.world.okta_user(user);
    let login = bench.world.okta.peek_user(&id).map(|user| user.login().to_owned());
    let groups = group.map(|group| bench.world.okta_group(group)).into_iter().collect();
    Trigger { lane, target: Target::User(id), groups, login, published: None }.message(bench.world.time.now())
}

/// What a worker does with one batch.
async fn work(bench: &Bench, id: &str, batch: &[TriggerMessage]) -> u64 {
    tokio::time::sleep(sleep_of(batch, bench.world.time.now()).unsigned_abs()).await;
    let report = bench.run(id, Scope::Triggers(scope_of(batch))).await.report;
    report.outcomes.failed + report.outcomes.not_attempted
}

async fn lane_worked_off(bench: &Bench, lane: Lane, mut batches: Vec<Vec<TriggerMessage>>) -> (u64, Duration) {
    let began = Instant::now();
    let mut failed = 0;
    for (number, batch) in batches.drain(..).enumerate() {
        failed += work(bench, &format!("{}-{number:05}", lane.as_str()), &batch).await;
    }
    (failed, began.elapsed())
}

/// S24: a burst that adds users to groups, and a leaver behind it.
pub(crate) async fn burst(quick: bool) -> Vec<Row> {
    let events = if quick { 1_000 } else { 10_000 };
    let groups = 20;
    let shape = Shape { users: events / groups, groups, members: 0, ..Shape::default() };
    let bench = Bench::of(&shape, Duration::from_millis(40), throttles(20.0, false), "").await;
    bench.run("first", Scope::All).await;
    let (leaver, mut queue) = (0, Queue::default());
    for group in 0..groups {
        bench.world.okta.add_member(&bench.world.okta_group(group), &bench.world.okta_user(leaver));
    }
    bench.run("second", Scope::All).await;
    bench.world.aws.clear_log();
    for number in 0..events {
        let (user, group) = (number / groups, number % groups);
        bench.world.okta.add_member(&bench.world.okta_group(group), &bench.world.okta_user(user));
        queue.send(trigger(&bench, Lane::Rest, user, Some(group)));
        tokio::time::advance(Duration::from_millis(u64::try_from(60_000 / events).unwrap_or(1))).await;
    }
    bench.world.okta.suspend(&bench.world.okta_user(leaver));
    queue.send(trigger(&bench, Lane::Leavers, leaver, None));
    let mut taken = |lane| std::iter::from_fn(|| Some(queue.batch(lane)).filter(|batch| !batch.is_empty())).collect::<Vec<_>>();
    let (rest, leavers) = (taken(Lane::Rest), taken(Lane::Leavers));
    let messages = rest.iter().map(Vec::len).sum::<usize>() as u64;
    let ((failed, drained), (late, left)) =
        tokio::join!(lane_worked_off(&bench, Lane::Rest, rest), lane_worked_off(&bench, Lane::Leavers, leavers));
    let missing = bench.world.wanted("AWS-").symmetric_difference(&bench.world.actual()).count() as u64;
    let busiest = bench.busiest();
    vec![
        Row::stated(format!("burst of {events} events in a minute: messages after coalescing"), count(messages), ""),
        Row::at_most("… failed, or not as Okta says afterwards", count(failed + late + missing), 0.0, ""),
        Row::at_most("… drained: wall ÷ (calls of the busiest API ÷ 20)", drained.as_secs_f64() / (busiest / 20.0), 1.25, ""),
        Row::at_most("… a leaver behind it has left after", left.as_secs_f64(), 30.0, "s"),
    ]
}

/// One event a second: from its arrival to the membership, beyond the wait for Okta's lists to be fresh.
pub(crate) async fn steady(quick: bool) -> Vec<Row> {
    let events = if quick { 60 } else { 600 };
    let shape = Shape { users: events, groups: 10, members: 0, ..Shape::default() };
    let bench = Bench::of(&shape, Duration::from_millis(40), throttles(20.0, false), "").await;
    bench.run("first", Scope::All).await;
    let mut beyond = Vec::new();
    let mut queue: VecDeque<TriggerMessage> = VecDeque::new();
    for number in 0..events {
        bench.world.okta.add_member(&bench.world.okta_group(number % 10), &bench.world.okta_user(number));
        queue.push_back(trigger(&bench, Lane::Rest, number, Some(number % 10)));
        tokio::time::advance(Duration::from_secs(1)).await;
        while let Some(message) = queue.pop_front_if(|message| message.not_before <= bench.world.time.now()) {
            work(&bench, &format!("steady-{number:05}-{}", queue.len()), std::slice::from_ref(&message)).await;
            beyond.push(bench.world.time.now().duration_since(message.not_before).as_secs_f64());
        }
    }
    beyond.sort_by(f64::total_cmp);
    let p99 = beyond.get(beyond.len() * 99 / 100).or(beyond.last()).copied().unwrap_or(f64::INFINITY);
    vec![Row::at_most("one event a second, 40 ms a call: p99 from the end of the staleness wait to the membership", p99, 2.0, "s")]
}

/// Events while another process loads everything: what is left of the quota for them. The loader takes the lease slice by slice, and lets
/// whoever is more urgent go first.
pub(crate) async fn beside_a_load(together: bool) -> Vec<Row> {
    let shape = Shape { users: 500, groups: 100, members: 20, in_sync: false, ..Shape::default() };
    let loader = Bench::of(&shape, Duration::from_millis(40), throttles(20.0, together), "").await;
    let worker = loader.another_process().await;
    let mut beyond = Vec::new();
    let events = async {
        for number in 0..10 {
            tokio::time::sleep(Duration::from_secs(5)).await;
            worker.world.okta.add_member(&worker.world.okta_group(number), &worker.world.okta_user(400 + number));
            let message = trigger(&worker, Lane::Rest, 400 + number, Some(number));
            let failed = work(&worker, &format!("beside-{number:05}"), std::slice::from_ref(&message)).await;
            beyond.push((worker.world.time.now().duration_since(message.not_before).as_secs_f64(), failed));
        }
    };
    let (load, ()) = tokio::join!(loader.run("load", Scope::All), events);
    let (outcomes, left) = (load.report.outcomes, undone(&loader));
    loader.run("next", Scope::All).await;
    let failed = outcomes.failed + undone(&loader) + beyond.iter().map(|(_, failed)| failed).sum::<u64>();
    let slowest = beyond.iter().map(|(seconds, _)| *seconds).fold(0.0, f64::max);
    let how = if together { "all together" } else { "per API" };
    let throttled = loader.world.aws.throttled().len();
    vec![
        Row::at_most(
            format!("ten events during a cold load by another process, AWS counts {how}: failed, or undone after one more run"),
            count(failed),
            0.0,
            "",
        ),
        Row::at_most("… slowest from the end of the staleness wait to the membership", slowest, 15.0, "s"),
        Row::stated(
            format!("… memberships of groups that events kept changing, left to the next run ({throttled} calls refused in all)"),
            count(left),
            "",
        ),
    ]
}

fn undone(bench: &Bench) -> u64 {
    bench.world.wanted("AWS-").symmetric_difference(&bench.world.actual()).count() as u64
}
