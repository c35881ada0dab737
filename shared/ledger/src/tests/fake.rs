//! A DynamoDB whose answers a test scripts.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use serde_json::{Value, json};

use crate::DynamoTable;

/// Status and body of an answer.
pub(crate) type Reply = (u16, Value);

type Script = Box<dyn FnMut(&Value) -> Reply + Send>;

/// The server.
pub(crate) struct Fake {
    pub(crate) url: String,
    serving: Serving,
}

#[derive(Clone)]
struct Serving {
    script: Arc<Mutex<Script>>,
    seen: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Fake {
    pub(crate) async fn start(script: impl FnMut(&Value) -> Reply + Send + 'static) -> Self {
        let serving = Serving { script: Arc::new(Mutex::new(Box::new(script))), seen: Arc::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(serving.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, serving }
    }

    /// A server that gives these answers, one after the other, and the last of them from then on.
    pub(crate) async fn replies(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut replies: Vec<Reply> = replies.into_iter().collect();
        replies.reverse();
        Self::start(move |_| if replies.len() > 1 { replies.pop().unwrap() } else { replies[0].clone() }).await
    }

    pub(crate) fn table(&self) -> DynamoTable {
        DynamoTable::new(&config(&self.url), "ledger-test")
    }

    /// The operations and bodies of the requests so far.
    pub(crate) fn requests(&self) -> Vec<(String, Value)> {
        self.serving.seen.lock().unwrap().clone()
    }
}

pub(crate) fn config(url: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIATEST", "not-a-secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(url)
        .build()
}

pub(crate) fn error(code: &str) -> Reply {
    (400, json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "in AWS's words"}))
}

async fn answer(State(serving): State<Serving>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let target = headers["x-amz-target"].to_str().unwrap();
    let operation = target.rsplit('.').next().unwrap().to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap();
    serving.seen.lock().unwrap().push((operation, body.clone()));
    let (status, reply) = (serving.script.lock().unwrap())(&body);
    let text = reply.as_str().map_or_else(|| reply.to_string(), str::to_owned);
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    response.header("x-amzn-requestid", "req-1").body(Body::from(text)).unwrap()
}
