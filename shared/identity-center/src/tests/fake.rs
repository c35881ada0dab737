//! An AWS JSON 1.1 server whose answers a test scripts.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_identitystore::config::{Credentials, SharedCredentialsProvider};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::{Connection, IdentityCenter, Location, Settings};

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The operation; empty where there is no `X-Amz-Target`, as with STS.
    pub(crate) operation: String,
    pub(crate) body: Value,
    pub(crate) authorization: String,
}

/// What the server answers.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Ok(Value),
    /// Status, code, and further members.
    Error(u16, &'static str, Value),
    /// Status, content type, body.
    Raw(u16, &'static str, String),
    /// The connection ends in the middle of the answer.
    Broken,
    /// No answer.
    Never,
}

type Script = Box<dyn FnMut(&Request) -> Reply + Send>;

/// The server.
pub(crate) struct Fake {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

#[derive(Clone)]
struct Serving {
    script: Arc<Mutex<Script>>,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Fake {
    pub(crate) async fn start(script: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let serving = Serving { script: Arc::new(Mutex::new(Box::new(script))), seen: Arc::clone(&seen) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(answer).with_state(serving);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, seen }
    }

    /// A server that gives these answers, one after the other, and the last of them from then on.
    pub(crate) async fn replies(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut replies: Vec<Reply> = replies.into_iter().collect();
        replies.reverse();
        Self::start(move |_| if replies.len() > 1 { replies.pop().unwrap() } else { replies[0].clone() }).await
    }

    pub(crate) async fn connection(&self) -> Connection {
        Connection::new(&self.config(), &Settings { identity_store_tps: 1000.0, sso_admin_tps: 1000.0, ..Settings::default() }).await
    }

    pub(crate) async fn target(&self) -> IdentityCenter {
        IdentityCenter::new(&self.connection().await, &location())
    }

    pub(crate) fn config(&self) -> SdkConfig {
        config(&self.url)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn operations(&self) -> Vec<String> {
        self.requests().into_iter().map(|request| request.operation).collect()
    }
}

pub(crate) const INSTANCE: &str = "arn:aws:sso:::instance/ssoins-1";

pub(crate) fn location() -> Location {
    Location { identity_store_id: "d-test".to_owned(), instance_arn: Some(INSTANCE.to_owned()) }
}

pub(crate) fn config(url: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials()))
        .endpoint_url(url)
        .build()
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new("AKIATEST", "not-a-secret", None, None, "test")
}

async fn answer(State(serving): State<Serving>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let header = |name: &str| headers.get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned());
    let operation = header("x-amz-target").rsplit('.').next().unwrap_or_default().to_owned();
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
    let request = Request { operation, body, authorization: header("authorization") };
    serving.seen.lock().unwrap().push(request.clone());
    let reply = (serving.script.lock().unwrap())(&request);
    respond(reply).await
}

async fn respond(reply: Reply) -> Response<Body> {
    let response = |status: u16, kind: &str, body: Body| {
        Response::builder().status(status).header("content-type", kind).header("x-amzn-requestid", "req-1").body(body).unwrap()
    };
    match reply {
        Reply::Ok(body) => response(200, "application/x-amz-json-1.1", Body::from(body.to_string())),
        Reply::Error(status, code, members) => {
            let mut body = json!({"__type": format!("com.amazonaws.identitystore#{code}"), "Message": "in AWS's words"});
            body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            response(status, "application/x-amz-json-1.1", Body::from(body.to_string()))
        }
        Reply::Raw(status, kind, body) => response(status, kind, Body::from(body)),
        Reply::Broken => {
            let begun = futures::stream::iter([Ok("{\"Groups\":[".to_owned())]);
            // Late enough for the beginning to be on its way.
            let cut = futures::stream::once(async {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                Err(std::io::Error::other("cut"))
            });
            response(200, "application/x-amz-json-1.1", Body::from_stream(begun.chain(cut)))
        }
        Reply::Never => std::future::pending().await,
    }
}
