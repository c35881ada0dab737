//! Event hooks: where they go, and how they are delivered.
//!
//! A delivery is a POST of what happened within a window, some time after it was published, with the secret in a header. An answer
//! of 5xx or none within three seconds is tried once more; 4xx is not. Deliveries are made next to each other, so they arrive in
//! any order. Loss, duplicates and shuffling are settings.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use super::error::OktaError;
use super::events::{Event, delivery};
use super::http::Outcome;
use super::state::OktaState;
use super::{FakeOkta, hook_routes};
use crate::time::later;

/// How often the deliverer looks for what is due.
const TICK: Duration = Duration::from_millis(20);

/// A registered event hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its id (`who…`).
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where deliveries go.
    pub uri: String,
    /// The header that carries the secret.
    pub header: String,
    /// The secret.
    pub secret: String,
    /// The event types that are delivered.
    pub items: Vec<String>,
    /// Whether it is active.
    pub active: bool,
    /// Whether the endpoint has answered the challenge.
    pub verified: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub last_updated: Timestamp,
    /// The first event number that has not been delivered yet.
    pub(crate) cursor: u64,
}

/// How deliveries are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliverySettings {
    /// From an event's publication to its delivery, in milliseconds. Measured: 6,000 to 11,000.
    pub lag_ms: u64,
    /// Events that come within so many milliseconds of a first one go with it.
    pub window_ms: u64,
    /// Events in one delivery at most. Okta names no number.
    pub max_events: usize,
    /// The share of deliveries that is made twice, with the same `eventId`.
    pub duplicate: f64,
    /// The share of events that is lost.
    pub lose: f64,
    /// Events are shuffled within a delivery, and deliveries among each other.
    pub shuffle: bool,
    /// How long an answer may take, in milliseconds. Okta's is 3,000.
    pub timeout_ms: u64,
    /// How long after a failure the one retry comes, in milliseconds.
    pub retry_after_ms: u64,
    /// Nothing is delivered by itself, only by a flush.
    pub paused: bool,
    /// What loss, duplicates and shuffling are drawn from.
    pub seed: u64,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        Self {
            lag_ms: 0,
            window_ms: 200,
            max_events: 1000,
            duplicate: 0.0,
            lose: 0.0,
            shuffle: false,
            timeout_ms: 3000,
            retry_after_ms: 100,
            paused: false,
            seed: 1,
        }
    }
}

/// A delivery that was made, or tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// The hook.
    pub hook: String,
    /// The `eventId` of the envelope.
    pub event_id: String,
    /// The uuids of its events, in order.
    pub events: Vec<String>,
    /// 1, or 2 for the retry.
    pub attempt: u32,
    /// The answer's status; 0 where there was none in time.
    pub status: u16,
    /// How long the answer took, in milliseconds.
    pub millis: u64,
}

/// A delivery that is due.
#[derive(Debug, Clone)]
struct Due {
    hook: Hook,
    event_id: String,
    events: Vec<Event>,
    body: String,
}

impl OktaState {
    pub(crate) fn make_hook(&mut self, uri: &str, header: &str, secret: &str, items: Vec<String>) -> String {
        let (id, now) = (self.ids.okta("who"), self.now());
        let hook = Hook {
            id: id.clone(),
            name: "hook".to_owned(),
            uri: uri.to_owned(),
            header: header.to_owned(),
            secret: secret.to_owned(),
            items,
            active: true,
            verified: false,
            created: now,
            last_updated: now,
            cursor: self.next_event,
        };
        self.hooks.insert(id.clone(), hook);
        self.version += 1;
        id
    }

    /// Takes what is due: whatever there is if `all`, else what is old enough and whose window has closed.
    fn take_due(&mut self, all: bool) -> Vec<Due> {
        let ids: Vec<String> = self.hooks.values().filter(|hook| hook.active && hook.verified).map(|hook| hook.id.clone()).collect();
        let mut due: Vec<Due> = ids.iter().flat_map(|id| self.take_due_of(id, all)).collect();
        if self.delivery.shuffle {
            due.shuffle(&mut self.chance);
        }
        due
    }

    fn take_due_of(&mut self, id: &str, all: bool) -> Vec<Due> {
        let Some(hook) = self.hooks.get(id).cloned() else { return Vec::new() };
        let open: Vec<&Event> = self.events.iter().filter(|event| event.number >= hook.cursor).collect();
        let Some(first) = open.first() else { return Vec::new() };
        let (lag, window) = (Duration::from_millis(self.delivery.lag_ms), Duration::from_millis(self.delivery.window_ms));
        let closes = later(first.published, lag + window);
        if !all && self.now() < closes {
            return Vec::new();
        }
        let ready = open.into_iter().filter(|event| all || later(event.published, lag) <= closes);
        let ready: Vec<Event> = ready.cloned().collect();
        let cursor = ready.last().map_or(hook.cursor, |event| event.number + 1);
        if let Some(hook) = self.hooks.get_mut(id) {
            hook.cursor = cursor;
        }
        let items: BTreeSet<&str> = hook.items.iter().map(String::as_str).collect();
        let kept: Vec<Event> = ready.into_iter().filter(|event| items.contains(event.event_type) && !self.is_lost()).collect();
        kept.chunks(self.delivery.max_events.max(1)).flat_map(|events| self.pack(&hook, events)).collect()
    }

    fn is_lost(&mut self) -> bool {
        let lose = self.delivery.lose.clamp(0.0, 1.0);
        self.chance.random_bool(lose)
    }

    fn pack(&mut self, hook: &Hook, events: &[Event]) -> Vec<Due> {
        let mut events = events.to_vec();
        if self.delivery.shuffle {
            events.shuffle(&mut self.chance);
        }
        let event_id = self.ids.uuid();
        let body = delivery(&self.settings.org_url, &hook.id, &event_id, &events, self.now()).to_string();
        let due = Due { hook: hook.clone(), event_id, events, body };
        let duplicate = self.delivery.duplicate.clamp(0.0, 1.0);
        if self.chance.random_bool(duplicate) { vec![due.clone(), due] } else { vec![due] }
    }
}

/// A source of chance that is the same in every run.
pub(crate) fn chance(seed: u64) -> rand::rngs::StdRng {
    rand::rngs::StdRng::seed_from_u64(seed)
}

/// Event hooks.
impl FakeOkta {
    /// Registers an event hook for these event types, with the secret in `Authorization`, as if its endpoint had been verified.
    pub fn add_hook(&self, uri: &str, secret: &str, items: &[&str]) -> String {
        let mut state = self.lock();
        let id = state.make_hook(uri, "Authorization", secret, items.iter().map(|item| (*item).to_owned()).collect());
        if let Some(hook) = state.hooks.get_mut(&id) {
            hook.verified = true;
        }
        id
    }

    /// A hook.
    pub fn hook(&self, id: &str) -> Option<Hook> {
        self.lock().hooks.get(id).cloned()
    }

    /// Changes how deliveries are made.
    pub fn configure_delivery(&self, change: impl FnOnce(&mut DeliverySettings)) {
        let mut state = self.lock();
        let seed = state.delivery.seed;
        change(&mut state.delivery);
        if state.delivery.seed != seed {
            state.chance = chance(state.delivery.seed);
        }
    }

    /// The deliveries so far, in the order in which they were answered.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.lock().deliveries.clone()
    }

    /// Delivers everything that has happened, at once, and waits for the answers. Says how many deliveries were made.
    pub async fn flush_hooks(&self) -> usize {
        let due = self.lock().take_due(true);
        let count = due.len();
        futures::future::join_all(due.into_iter().map(|due| self.deliver(due))).await;
        count
    }

    /// Makes deliveries in the background until it is told to stop.
    pub(crate) fn deliver_until(&self, stopped: watch::Receiver<bool>) {
        let okta = self.clone();
        tokio::spawn(async move {
            let deliver = async {
                loop {
                    tokio::time::sleep(TICK).await;
                    let due = if okta.lock().delivery.paused { Vec::new() } else { okta.lock().take_due(false) };
                    for due in due {
                        let okta = okta.clone();
                        tokio::spawn(async move { okta.deliver(due).await });
                    }
                }
            };
            tokio::select! {
                () = deliver => {}
                () = crate::http::until(stopped) => {}
            }
        });
    }

    /// Makes deliveries in the background for as long as the answer is kept.
    pub fn start_delivering(&self) -> watch::Sender<bool> {
        let (stop, stopped) = watch::channel(false);
        self.deliver_until(stopped);
        stop
    }

    async fn deliver(&self, due: Due) {
        let (timeout, pause) = {
            let state = self.lock();
            (Duration::from_millis(state.delivery.timeout_ms), Duration::from_millis(state.delivery.retry_after_ms))
        };
        for attempt in 1..=2 {
            let started = tokio::time::Instant::now();
            let status = post(&due, timeout).await;
            let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let events = due.events.iter().map(|event| event.uuid().to_owned()).collect();
            let made = Delivery { hook: due.hook.id.clone(), event_id: due.event_id.clone(), events, attempt, status, millis };
            self.lock().deliveries.push(made);
            if status != 0 && status < 500 {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Asks the hook's endpoint to answer a challenge, as `lifecycle/verify` does: one GET, one retry, three seconds each.
    pub(crate) async fn verify_hook(&self, id: &str) -> Result<Outcome, OktaError> {
        let (hook, challenge, timeout) = {
            let mut state = self.lock();
            let hook = state.hooks.get(id).cloned().ok_or_else(|| OktaError::not_found(id, "EventHook"))?;
            (hook, state.ids.uuid(), Duration::from_millis(state.delivery.timeout_ms))
        };
        let mut verified = false;
        for _ in 0..2 {
            verified = verified || answers_challenge(&hook.uri, &challenge, timeout).await;
        }
        if !verified {
            return Err(OktaError::invalid("uri", "The endpoint did not answer the verification challenge"));
        }
        let mut state = self.lock();
        let now = state.now();
        let next_event = state.next_event;
        if let Some(hook) = state.hooks.get_mut(id).filter(|hook| !hook.verified) {
            // What happened before is delivered to no one.
            (hook.verified, hook.last_updated, hook.cursor) = (true, now, next_event);
        }
        hook_routes::shown(&state, id)
    }

    /// Verifies a hook's endpoint; says whether it answered the challenge.
    pub async fn verify(&self, id: &str) -> bool {
        self.verify_hook(id).await.is_ok()
    }
}

/// One for the process, as making it takes longer than a delivery. It keeps no connections, which would belong to the runtime of
/// whichever test opened them.
static CLIENT: LazyLock<Option<reqwest::Client>> = LazyLock::new(|| {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().pool_max_idle_per_host(0);
    builder.build().inspect_err(|error| tracing::error!(%error, "no hook can be delivered")).ok()
});

/// The status of the answer, 0 for none.
async fn post(due: &Due, timeout: Duration) -> u16 {
    let Some(client) = CLIENT.as_ref() else { return 0 };
    let request = client
        .post(&due.hook.uri)
        .timeout(timeout)
        .header("accept", "application/json")
        .header("content-type", "application/json")
        .header(due.hook.header.as_str(), due.hook.secret.as_str())
        .body(due.body.clone());
    request.send().await.map_or(0, |response| response.status().as_u16())
}

async fn answers_challenge(uri: &str, challenge: &str, timeout: Duration) -> bool {
    let Some(client) = CLIENT.as_ref() else { return false };
    let Ok(response) = client.get(uri).timeout(timeout).header("x-okta-verification-challenge", challenge).send().await else {
        return false;
    };
    if response.status() != reqwest::StatusCode::OK {
        return false;
    }
    let body = response.json::<Value>().await.unwrap_or_default();
    body.get("verification").and_then(Value::as_str) == Some(challenge)
}
