//! The event path on a clock that jumps over waits: bursts, and how long one event takes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use engine::Scope;
use engine::batch::{scope_of, sleep_of};
use engine::ports::Clock;
use jiff::{SignedDuration, Timestamp};
use sim::Shape;
use sync_core::trigger::{Lane, Target, Trigger, TriggerMessage};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use crate::runs::{Bench, throttles};
use crate::table::{Row, count};

/// What a FIFO queue gives at most.
const BATCH: usize = 10;

/// `DelaySeconds` of the template's queue.
const QUEUE_DELAY: SignedDuration = SignedDuration::from_secs(4);

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

/// One event a second, anywhere in its bucket: from its POST to the membership, with the queue's delay, the wait for Okta's lists to be fresh,
/// and what other events hold up.
pub(crate) async fn steady(quick: bool) -> Vec<Row> {
    let events = if quick { 60 } else { 600 };
    let shape = Shape { users: events, groups: 10, members: 0, ..Shape::default() };
    let bench = Bench::of(&shape, Duration::from_millis(40), throttles(20.0, false), "").await;
    bench.run("first", Scope::All).await;
    let (sender, receiver) = unbounded_channel();
    let ((), done) = tokio::join!(one_a_second(&bench, events, sender), worked_off(&bench, receiver));
    let since = |from: fn(&TriggerMessage) -> Timestamp| p99(done.iter().map(|(message, at)| seconds(from(message), *at)).collect());
    let missing = bench.world.wanted("AWS-").symmetric_difference(&bench.world.actual()).count() as u64;
    vec![
        Row::at_most("one event a second, 40 ms a call: p99 from its POST to the membership", since(|message| message.arrived), 6.0, "s"),
        Row::at_most("… p99 from the end of the staleness wait to the membership", since(|message| message.not_before), 2.0, "s"),
        Row::at_most("… not as Okta says afterwards", count(missing), 0.0, ""),
    ]
}

async fn one_a_second(bench: &Bench, events: usize, queue: UnboundedSender<TriggerMessage>) {
    let began = Instant::now();
    for number in 0..events {
        // So that events come at every tenth of a second of a bucket.
        let within = Duration::from_millis(370 * number as u64 % 1_000);
        tokio::time::sleep_until(began + Duration::from_secs(number as u64) + within).await;
        bench.world.okta.add_member(&bench.world.okta_group(number % 10), &bench.world.okta_user(number));
        queue.send(trigger(bench, Lane::Rest, number, Some(number % 10))).unwrap_or_else(|_| unreachable!("the worker reads to the end"));
    }
}

/// The lane's one worker: it gets what the queue shows, in batches; when each message was done.
async fn worked_off(bench: &Bench, mut queue: UnboundedReceiver<TriggerMessage>) -> Vec<(TriggerMessage, Timestamp)> {
    let (mut done, mut waiting) = (Vec::new(), VecDeque::new());
    let hidden = |message: &TriggerMessage| {
        let rest = (message.arrived + QUEUE_DELAY).duration_since(bench.world.time.now());
        rest.max(SignedDuration::ZERO).unsigned_abs()
    };
    loop {
        let Some(first) = (if waiting.is_empty() { queue.recv().await } else { waiting.pop_front() }) else { return done };
        tokio::time::sleep(hidden(&first)).await;
        waiting.extend(std::iter::from_fn(|| queue.try_recv().ok()));
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Some(message) = waiting.pop_front_if(|message| hidden(message).is_zero())
        {
            batch.push(message);
        }
        work(bench, &format!("steady-{:05}", done.len()), &batch).await;
        let now = bench.world.time.now();
        done.extend(batch.into_iter().map(|message| (message, now)));
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

fn p99(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() * 99 / 100).or(figures.last()).copied().unwrap_or(f64::INFINITY)
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
