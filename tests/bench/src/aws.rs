//! As much of AWS as `event-hook` needs: a secret, and a queue that keeps what it is sent.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Json, Router};
use serde_json::{Value, json};
use sync_core::ids::OktaUserId;
use sync_core::trigger::{Target, TriggerMessage};
use tokio::net::TcpListener;

/// The secret that deliveries carry.
pub(crate) const HOOK_SECRET: &str = "a secret of the bench alone";

/// Secrets Manager and SQS at one address, for as long as the program runs.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    pub(crate) url: String,
    state: Arc<Queued>,
}

#[derive(Debug)]
struct Queued {
    latency: Duration,
    users: Mutex<BTreeSet<OktaUserId>>,
}

impl Aws {
    /// Answers each call after `latency`.
    pub(crate) async fn start(latency: Duration) -> io::Result<Self> {
        let state = Arc::new(Queued { latency, users: Mutex::default() });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(call).with_state(Arc::clone(&state));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, state })
    }

    /// The variables by which a function finds it.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.url.clone()),
            ("LOCKSTEP_QUEUE_URL", format!("{}/000000000000/triggers.fifo", self.url)),
            ("LOCKSTEP_HOOK_SECRET", "hook".to_owned()),
            ("LOCKSTEP_OKTA_SECRET", "okta".to_owned()),
            ("LOCKSTEP_TABLE", "lockstep".to_owned()),
        ]
    }

    /// The users that the queue has triggers for.
    pub(crate) fn queued(&self) -> BTreeSet<OktaUserId> {
        self.state.users.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn call(State(state): State<Arc<Queued>>, headers: HeaderMap, body: Bytes) -> Json<Value> {
    let request = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    tokio::time::sleep(state.latency).await;
    let operation = headers.get("x-amz-target").and_then(|target| target.to_str().ok()?.rsplit('.').next()).unwrap_or_default();
    Json(match operation {
        "GetSecretValue" => {
            json!({ "ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:hook", "Name": "hook",
                    "SecretString": json!({ "current": HOOK_SECRET }).to_string() })
        }
        "SendMessageBatch" => state.keep(&request),
        _ => json!({ "MessageId": "1" }),
    })
}

impl Queued {
    fn keep(&self, request: &Value) -> Value {
        let entries = request.get("Entries").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let triggers = entries.iter().filter_map(|entry| TriggerMessage::parse(entry.get("MessageBody")?.as_str()?).ok());
        let users = triggers.filter_map(|trigger| match trigger.target {
            Target::User(id) => Some(id),
            Target::Group(_) => None,
        });
        self.users.lock().unwrap_or_else(PoisonError::into_inner).extend(users);
        let taken = entries.iter().map(|entry| json!({ "Id": entry.get("Id"), "MessageId": "1", "MD5OfMessageBody": "" }));
        json!({ "Successful": taken.collect::<Vec<_>>(), "Failed": [] })
    }
}
