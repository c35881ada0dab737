//! The functions as processes: how soon they are ready beside a hello world, how soon the first delivery is answered, what they need; and
//! a burst of deliveries.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::aws::{Aws, HOOK_SECRET};
use crate::function::{Function, binary};
use crate::table::{Row, count};

/// What a call to SQS or Secrets Manager takes in a function's region, as AWS's users report it.
const CALL: Duration = Duration::from_millis(20);

/// `HookConcurrency` of the template.
const HOOKS: usize = 10;

const HELLO: &str = "hello";
const HELLO_AWS: &str = "hello-aws";
const HOOK: &str = "event-hook";
const FUNCTIONS: [&str; 3] = [HOOK, "event-worker", "reconcile"];

/// A delivery of one event, which puts this user into a group, as a function URL gives it.
fn delivery(user: &str) -> String {
    let target =
        json!([{ "id": user, "type": "User", "alternateId": "ada@example.com" }, { "id": "00g00000000000000001", "type": "UserGroup" }]);
    let event = json!({ "uuid": user, "published": "2026-11-24T10:00:00.000Z", "eventType": "group.user_membership.add",
                        "outcome": { "result": "SUCCESS" }, "target": target });
    let body = json!({ "eventType": "com.okta.event_hook", "eventId": user, "data": { "events": [event] } });
    let payload = json!({ "version": "2.0", "requestContext": { "http": { "method": "POST" } }, "isBase64Encoded": false,
                          "headers": { "authorization": HOOK_SECRET, "content-type": "application/json" }, "body": body.to_string() });
    payload.to_string()
}

fn user(number: usize) -> String {
    format!("00u{number:017}")
}

/// How one start went.
struct Start {
    ready: f64,
    peak_bytes: u64,
}

fn ms(from: Instant, to: Instant) -> f64 {
    to.duration_since(from).as_secs_f64() * 1000.0
}

async fn start(name: &str, variables: &[(&str, String)]) -> io::Result<(Function, Start)> {
    let mut function = Function::start(name, variables).await?;
    let ready = ms(function.began, function.ready().await?);
    let peak_bytes = function.peak_bytes()?;
    Ok((function, Start { ready, peak_bytes }))
}

/// The first answer of a process that was just executed, in milliseconds from there, and what it has needed by then.
async fn first_answer(name: &str, variables: &[(&str, String)]) -> io::Result<Start> {
    let mut function = Function::start(name, variables).await?;
    let (answered, body) = function.invoke(delivery(&user(0))).await?;
    if status(&body) != Some(204) {
        return Err(io::Error::other(format!("{name} answered {body}")));
    }
    Ok(Start { ready: ms(function.began, answered), peak_bytes: function.peak_bytes()? })
}

fn status(body: &str) -> Option<u64> {
    serde_json::from_str::<Value>(body).ok()?.get("statusCode")?.as_u64()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::INFINITY)
}

/// Starts by turns, so that whatever else the machine does meets all of them alike.
pub(crate) async fn cold(quick: bool) -> io::Result<Vec<Row>> {
    let rounds = if quick { 20 } else { 100 };
    let aws = Aws::start(CALL).await?;
    let variables = aws.variables();
    let (mut ready, mut answered) = (BTreeMap::<&str, Vec<Start>>::new(), BTreeMap::<&str, Vec<Start>>::new());
    for _ in 0..rounds {
        for name in [HELLO].iter().chain(&FUNCTIONS) {
            ready.entry(name).or_default().push(start(name, &variables).await?.1);
        }
        for name in [HELLO_AWS, HOOK] {
            answered.entry(name).or_default().push(first_answer(name, &variables).await?);
        }
    }
    let took =
        |starts: &BTreeMap<&str, Vec<Start>>, name: &str| median(starts.get(name).into_iter().flatten().map(|start| start.ready).collect());
    let mut rows = vec![Row::stated(format!("exec to the first `next`, median of {rounds}: hello world"), took(&ready, HELLO), "ms")];
    for name in FUNCTIONS {
        rows.push(Row::at_most(format!("… {name} ÷ hello world"), took(&ready, name) / took(&ready, HELLO), 1.5, ""));
    }
    let hello = took(&answered, HELLO_AWS);
    rows.push(Row::stated("exec to the first answer: hello world with two calls to AWS of 20 ms", hello, "ms"));
    rows.push(Row::at_most("… event-hook's first 204 ÷ that", took(&answered, HOOK) / hello, 1.1, ""));
    for (name, starts) in FUNCTIONS.iter().filter_map(|name| Some((name, answered.get(name).or_else(|| ready.get(name))?))) {
        let peak = median(starts.iter().map(|start| count(start.peak_bytes)).collect());
        let when = if answered.contains_key(name) { "its first 204" } else { "its first `next`" };
        rows.push(Row::stated(format!("most memory of {name} until {when}"), peak / 1e6, "MB"));
    }
    rows.extend(
        FUNCTIONS.iter().filter_map(|name| Some(Row::stated(format!("zip of {name}, profile `release`"), zip_megabytes(name)?, "MB"))),
    );
    Ok(rows)
}

/// What `bin/package` has packed.
fn zip_megabytes(name: &str) -> Option<f64> {
    let zip = binary(name).ok()?.parent()?.parent()?.join("lambda").join(format!("{name}.zip"));
    Some(count(zip.metadata().ok()?.len()) / 1e6)
}

/// S24: deliveries of one event each, evenly over a minute, to as many processes as there may be.
pub(crate) async fn deliveries(quick: bool) -> io::Result<Vec<Row>> {
    let (events, span) = if quick { (1_000, Duration::from_secs(6)) } else { (10_000, Duration::from_secs(60)) };
    let aws = Aws::start(CALL).await?;
    let (sender, due) = unbounded_channel();
    let due = Arc::new(Mutex::new(due));
    let mut hooks = JoinSet::new();
    for _ in 0..HOOKS {
        let function = Function::start(HOOK, &aws.variables()).await?;
        hooks.spawn(answered_by(function, Arc::clone(&due)));
    }
    let began = Instant::now();
    for number in 0..events {
        let at = began + span.mul_f64(count(number as u64) / count(events as u64));
        tokio::time::sleep_until(at).await;
        sender.send((at, delivery(&user(number)))).map_err(io::Error::other)?;
    }
    drop(sender);
    let mut waits = Vec::new();
    while let Some(hook) = hooks.join_next().await {
        waits.extend(hook.map_err(io::Error::other)??);
    }
    let queued = count(aws.queued().len() as u64);
    let slowest = waits.iter().copied().fold(0.0, f64::max);
    Ok(vec![
        Row::at_most(
            format!("{events} deliveries in {} s to {HOOKS} event-hooks: not answered 204", span.as_secs()),
            count((events - waits.len()) as u64),
            0.0,
            "",
        ),
        Row::at_most("… lost: no trigger in the queue", count(events as u64) - queued, 0.0, ""),
        Row::stated("… from arrival to the 204, median", median(waits) / 1000.0, "s"),
        Row::at_most("… the slowest", slowest / 1000.0, 3.0, "s"),
    ])
}

/// How long each took that was answered 204, in milliseconds from its arrival.
async fn answered_by(mut function: Function, due: Arc<Mutex<UnboundedReceiver<(Instant, String)>>>) -> io::Result<Vec<f64>> {
    let mut waits = Vec::new();
    loop {
        let next = due.lock().await.recv().await;
        let Some((arrived, payload)) = next else { return Ok(waits) };
        let (answered, body) = function.invoke(payload).await?;
        if status(&body) == Some(204) {
            waits.push(ms(arrived, answered));
        }
    }
}
