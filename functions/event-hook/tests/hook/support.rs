//! A hook over fakes, and the invocations that it gets.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use event_hook::http::Response;
use event_hook::ports::{Clock, Queue, Secrets};
use event_hook::{EventError, EventHook};
use jiff::Timestamp;
use runtime::aws::AwsError;
use runtime::queue::QueueError;
use runtime::secrets::{HookSecret, SecretError};
use secrecy::SecretString;
use serde_json::{Value, json};
use sync_core::trigger::TriggerMessage;

/// What Okta sends in `Authorization`.
pub(crate) const SECRET: &str = "s3cret of the hook";

/// The secret in Secrets Manager: the first text until it is read again, then the second; `None` is an outage.
pub(crate) struct FakeSecrets {
    pub(crate) first: Option<&'static str>,
    pub(crate) again: Option<&'static str>,
    /// Whether the ration of readings is used up.
    pub(crate) is_rationed: bool,
    pub(crate) n_current: AtomicUsize,
    pub(crate) n_again: AtomicUsize,
}

fn secret(text: Option<&str>) -> Result<HookSecret, SecretError> {
    match text {
        None => Err(SecretError::Binary { id: "lockstep/hook".to_owned() }),
        Some(text) => HookSecret::parse("lockstep/hook", &SecretString::from(text)),
    }
}

impl Secrets for FakeSecrets {
    async fn current(&self) -> Result<HookSecret, SecretError> {
        self.n_current.fetch_add(1, Ordering::SeqCst);
        secret(self.first)
    }

    async fn again(&self) -> Result<Option<HookSecret>, SecretError> {
        self.n_again.fetch_add(1, Ordering::SeqCst);
        if self.is_rationed { Ok(None) } else { secret(self.again).map(Some) }
    }
}

/// Keeps what is queued; fails so many times first.
#[derive(Default)]
pub(crate) struct FakeQueue {
    pub(crate) failures: AtomicUsize,
    pub(crate) sent: Mutex<Vec<TriggerMessage>>,
    pub(crate) n_calls: AtomicUsize,
}

impl Queue for FakeQueue {
    async fn send_all(&self, messages: &[TriggerMessage]) -> Result<(), QueueError> {
        self.n_calls.fetch_add(1, Ordering::SeqCst);
        if self.failures.load(Ordering::SeqCst) > 0 {
            self.failures.fetch_sub(1, Ordering::SeqCst);
            return Err(outage());
        }
        self.sent.lock().unwrap().extend_from_slice(messages);
        Ok(())
    }
}

fn outage() -> QueueError {
    let source = AwsError::of_answer("ServiceUnavailable", Some("words of SQS"));
    QueueError::Unreachable { url: "https://sqs.eu-west-1.amazonaws.com/111122223333/triggers.fifo".to_owned(), source }
}

/// A clock that stands still.
pub(crate) struct FakeClock;

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        "2026-11-24T10:00:00Z".parse().unwrap()
    }
}

pub(crate) type Hook = EventHook<FakeSecrets, FakeQueue, FakeClock>;

/// A hook whose secret is [`SECRET`].
pub(crate) fn hook() -> Hook {
    crate::logs::listen();
    let text = Some(r#"{"current":"s3cret of the hook"}"#);
    let secrets = FakeSecrets { first: text, again: text, is_rationed: false, n_current: 0.into(), n_again: 0.into() };
    EventHook { secrets, queue: FakeQueue::default(), clock: FakeClock }
}

/// The secret's text is replaced before the next reading.
pub(crate) fn hook_with_secrets(first: Option<&'static str>, again: Option<&'static str>) -> Hook {
    let mut hook = hook();
    hook.secrets.first = first;
    hook.secrets.again = again;
    hook
}

/// What a function URL and an HTTP API send for a request.
pub(crate) fn request(method: &str, headers: &[(&str, &str)], body: Option<&str>) -> Value {
    let headers: Value = headers.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>().into();
    let mut payload = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "domainName": "abc.lambda-url.eu-west-1.on.aws",
            "domainPrefix": "abc",
            "http": { "method": method, "path": "/", "protocol": "HTTP/1.1", "sourceIp": "198.51.100.7", "userAgent": "x" },
            "requestId": "r-1",
            "routeKey": "$default",
            "stage": "$default",
            "time": "24/Nov/2026:10:00:00 +0000",
            "timeEpoch": 1_795_514_400_000_i64,
        },
        "isBase64Encoded": false,
    });
    if let Some(body) = body {
        payload["body"] = json!(body);
    }
    payload
}

/// A POST with the right secret.
pub(crate) fn post(body: &str) -> Value {
    request("POST", &[("authorization", SECRET), ("content-type", "application/json")], Some(body))
}

/// Invokes the hook as Lambda does, from JSON to JSON.
pub(crate) async fn invoke(hook: &Hook, payload: &Value) -> Result<Option<Response>, EventError> {
    let payload = serde_json::from_str(&payload.to_string()).unwrap();
    hook.handle(payload, "r-1").await
}

/// Invokes the hook with an HTTP request.
pub(crate) async fn answer(hook: &Hook, payload: &Value) -> Response {
    invoke(hook, payload).await.unwrap().unwrap()
}

/// What is in the queue.
pub(crate) fn queued(hook: &Hook) -> Vec<TriggerMessage> {
    hook.queue.sent.lock().unwrap().clone()
}

/// One event of a delivery.
pub(crate) fn event(event_type: &str, user: &str, group: &str) -> Value {
    json!({
        "uuid": "u-1",
        "published": "2026-11-24T09:59:53Z",
        "eventType": event_type,
        "outcome": { "result": "SUCCESS" },
        "target": [
            { "id": user, "type": "User", "alternateId": "ada@example.com", "displayName": "Ada" },
            { "id": group, "type": "UserGroup", "alternateId": "unknown", "displayName": "AWS-Admins" },
        ],
    })
}

/// The body of a delivery.
pub(crate) fn delivery(events: &[Value]) -> String {
    json!({ "eventType": "com.okta.event_hook", "eventId": "d-1", "data": { "events": events } }).to_string()
}
