//! The event hook: answers Okta's verification, authenticates deliveries, decodes them, queues what they ask for. Nothing else.
//!
//! A delivery is answered within the 3 s that Okta waits: one call to AWS when warm (the queue), two one after the other when cold
//! (the secret, then the queue). A 2xx says that everything is queued. A failure of ours is a 503, because Okta tries again
//! after a 5xx, once, and never after a 4xx.
//!
//! **Architecture Invariant:** no client of Identity Center, DynamoDB or Okta's API is linked into this function: its address is
//! public.

pub mod http;
pub mod ports;

use std::collections::BTreeSet;

use jiff::Timestamp;
use lambda_runtime::Diagnostic;
use okta::hook::{CHALLENGE_HEADER, Delivery, HookError, decode_delivery, decode_system_log_event, is_authorized, verification_answer};
use runtime::config::Function;
use runtime::metrics::{Metric, Name};
use runtime::queue::QueueError;
use runtime::secrets::{HookSecret, SecretError};
use runtime::telemetry::error_chain;
use tokio::time::Instant;

use crate::http::{BodyError, Invocation, Payload, Request, Response};
use crate::ports::{Clock, Queue, Secrets};

/// The handler, over what it needs from outside.
pub struct EventHook<S, Q, C> {
    /// The hook's shared secret.
    pub secrets: S,
    /// The queue of triggers.
    pub queue: Q,
    /// The time.
    pub clock: C,
}

/// Why an invocation that is no HTTP request failed. Lambda tries such an invocation again, and then keeps it or raises an alarm.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// It is no event.
    #[error(
        "the payload is neither an HTTP request (payload format 2.0 or 1.0, of a function URL or an API) nor an EventBridge event with a \
         System Log event as its detail"
    )]
    Unknown,
    /// It is no System Log event.
    #[error("the event's detail is no System Log event: let the rule match Okta's partner event source only")]
    NoSystemLogEvent(#[source] HookError),
    /// The queue.
    #[error("the event's triggers are not queued")]
    NotQueued(#[source] QueueError),
}

impl From<EventError> for Diagnostic {
    fn from(error: EventError) -> Self {
        let error_type = match error {
            EventError::Unknown => "UnknownPayload",
            EventError::NoSystemLogEvent(_) => "NoSystemLogEvent",
            EventError::NotQueued(_) => "NotQueued",
        };
        Self { error_type: error_type.to_owned(), error_message: error_chain(&error) }
    }
}

/// Why a delivery is refused. The text is what the sender is told; the chain is for the log.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the Authorization header is missing")]
    NoAuthorization,
    #[error("the Authorization header does not hold the hook's secret")]
    WrongAuthorization,
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the hook's secret cannot be read; the function's log says why")]
    Secret(#[from] SecretError),
    #[error("the triggers cannot be queued; the function's log says why")]
    Queue(#[from] QueueError),
}

impl Refusal {
    fn status(&self) -> u16 {
        match self {
            Self::NoAuthorization | Self::WrongAuthorization => 401,
            Self::Body(_) => 400,
            Self::Secret(_) | Self::Queue(_) => 503,
        }
    }
}

impl<S: Secrets, Q: Queue, C: Clock> EventHook<S, Q, C> {
    /// Handles an invocation: an HTTP request is always answered, an event gives `None`.
    ///
    /// # Errors
    /// [`EventError`], for events only.
    pub async fn handle(&self, payload: Payload, request_id: &str) -> Result<Option<Response>, EventError> {
        let log = Log { request_id, started: Instant::now() };
        let result = match Invocation::from(payload) {
            Invocation::Request(request) => return Ok(Some(self.answer(&request, &log).await)),
            Invocation::Event(detail) => self.event(&detail, &log).await,
            Invocation::Unknown => Err(EventError::Unknown),
        };
        result.map(|()| None).inspect_err(|error| log.failed(error))
    }

    async fn answer(&self, request: &Request, log: &Log<'_>) -> Response {
        match request.method.as_str() {
            "GET" => log.answered(verify(request)),
            "POST" => self.post(request, log).await,
            _ => log.answered(Response::error(405, "only GET and POST are answered here").with_header("allow", "GET, POST")),
        }
    }

    async fn post(&self, request: &Request, log: &Log<'_>) -> Response {
        let arrived = self.clock.now();
        let response = match self.deliver(request, arrived).await {
            Ok(delivery) => {
                let response = Response::empty(if delivery.triggers.is_empty() { 200 } else { 204 });
                log.delivered(&delivery, Some(response.status_code));
                response
            }
            Err(refusal) => {
                log.refused(&refusal);
                Response::error(refusal.status(), &refusal.to_string())
            }
        };
        runtime::metrics::emit(Function::EventHook, arrived, &metrics(response.status_code));
        response
    }

    async fn deliver(&self, request: &Request, arrived: Timestamp) -> Result<Delivery, Refusal> {
        self.authenticate(request.header("authorization")).await?;
        let delivery = decode_delivery(&request.body()?).map_err(BodyError::from)?;
        self.enqueue(&delivery, arrived).await?;
        Ok(delivery)
    }

    /// On a mismatch the secret may have been rotated, so it is read again, as often as that is allowed.
    async fn authenticate(&self, authorization: Option<&str>) -> Result<(), Refusal> {
        let authorization = authorization.ok_or(Refusal::NoAuthorization)?;
        let holds = |secret: &HookSecret| is_authorized(Some(authorization.as_bytes()), &secret.current, secret.previous.as_ref());
        let is_right = holds(&self.secrets.current().await?) || self.secrets.again().await?.as_ref().is_some_and(holds);
        if is_right { Ok(()) } else { Err(Refusal::WrongAuthorization) }
    }

    async fn event(&self, detail: &serde_json::Value, log: &Log<'_>) -> Result<(), EventError> {
        let delivery = decode_system_log_event(detail).map_err(EventError::NoSystemLogEvent)?;
        self.enqueue(&delivery, self.clock.now()).await.map_err(EventError::NotQueued)?;
        log.delivered(&delivery, None);
        Ok(())
    }

    async fn enqueue(&self, delivery: &Delivery, arrived: Timestamp) -> Result<(), QueueError> {
        let messages: Vec<_> = delivery.triggers.iter().map(|trigger| trigger.message(arrived)).collect();
        if messages.is_empty() { Ok(()) } else { self.queue.send_all(&messages).await }
    }
}

/// Okta's one-time verification. No secret is asked for: whether Okta sends one is not documented, and an echo gives nothing away.
fn verify(request: &Request) -> Response {
    match request.header(CHALLENGE_HEADER).and_then(verification_answer) {
        Some(answer) => Response::json(200, &answer),
        None => Response::error(400, "the header x-okta-verification-challenge is missing, empty or too long"),
    }
}

/// What a delivery adds to the metrics, by how it was answered.
fn metrics(status: u16) -> [Metric; 3] {
    [
        Metric::count(Name::HookDeliveries, 1),
        Metric::flag(Name::HookUnauthorized, status == 401),
        Metric::flag(Name::HookFailed, status >= 500),
    ]
}

/// One line for each invocation. Ids, numbers and lanes only: what a delivery names has e-mail addresses in it.
struct Log<'a> {
    request_id: &'a str,
    started: Instant,
}

impl Log<'_> {
    fn ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn answered(&self, response: Response) -> Response {
        tracing::info!(request_id = self.request_id, status = response.status_code, ms = self.ms(), "no delivery");
        response
    }

    fn delivered(&self, delivery: &Delivery, status: Option<u16>) {
        let lanes: BTreeSet<&str> = delivery.triggers.iter().map(|trigger| trigger.lane.as_str()).collect();
        tracing::info!(
            request_id = self.request_id,
            event_id = delivery.event_id.as_deref(),
            events = delivery.events,
            ignored = delivery.ignored,
            triggers = delivery.triggers.len(),
            lanes = lanes.into_iter().collect::<Vec<_>>().join(" "),
            status,
            ms = self.ms(),
            "delivery"
        );
    }

    fn failed(&self, error: &EventError) {
        tracing::error!(request_id = self.request_id, ms = self.ms(), error = error_chain(error), "event failed: Lambda tries it again");
    }

    fn refused(&self, refusal: &Refusal) {
        let (request_id, status, ms, error) = (self.request_id, refusal.status(), self.ms(), error_chain(refusal));
        if status >= 500 {
            tracing::error!(request_id, status, ms, error, "delivery refused: Okta sends it once more");
        } else {
            tracing::warn!(request_id, status, ms, error, "delivery refused");
        }
    }
}
