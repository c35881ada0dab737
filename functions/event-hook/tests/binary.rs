//! The real binary, against a Lambda Runtime API and an AWS on the loopback address: the wiring, and what it costs in calls.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure here is the failure of a test")]

use std::collections::VecDeque;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

const SECRET: &str = "s3cret of the hook";

#[derive(Clone)]
struct World {
    invocations: Arc<Mutex<VecDeque<Value>>>,
    answers: mpsc::UnboundedSender<(String, Value)>,
    calls: Arc<Mutex<Vec<String>>>,
}

async fn next(State(world): State<World>) -> impl IntoResponse {
    let invocation = world.invocations.lock().unwrap().pop_front();
    let Some(payload) = invocation else { return std::future::pending().await };
    let headers = [
        ("lambda-runtime-aws-request-id", "r-1"),
        ("lambda-runtime-deadline-ms", "9999999999999"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:111122223333:function:event-hook"),
    ];
    (headers, payload.to_string())
}

async fn done(State(world): State<World>, Path((_, kind)): Path<(String, String)>, body: String) -> &'static str {
    world.answers.send((kind, serde_json::from_str(&body).unwrap())).unwrap();
    "{}"
}

async fn aws(State(world): State<World>, headers: HeaderMap, body: String) -> String {
    let operation = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
    world.calls.lock().unwrap().push(operation.clone());
    if operation == "GetSecretValue" {
        return json!({ "SecretString": json!({ "current": SECRET }).to_string() }).to_string();
    }
    let request: Value = serde_json::from_str(&body).unwrap();
    let sent: Vec<Value> =
        request["Entries"].as_array().unwrap().iter().map(|entry| json!({ "Id": entry["Id"], "MessageId": "m" })).collect();
    json!({ "Successful": sent, "Failed": [] }).to_string()
}

/// The binary with its environment; what it prints is kept.
fn start(address: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_event-hook"))
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "event-hook")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "key")
        .env("AWS_ENDPOINT_URL", format!("http://{address}"))
        .env("LOCKSTEP_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/111122223333/triggers.fifo")
        .env("LOCKSTEP_HOOK_SECRET", "lockstep/hook")
        .env("LOCKSTEP_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

struct Run {
    answers: Vec<(String, Value)>,
    calls: Vec<String>,
    printed: String,
}

/// Gives the binary these invocations one after the other.
async fn run(invocations: Vec<Value>) -> Run {
    let (sender, mut answers) = mpsc::unbounded_channel();
    let n_invocations = invocations.len();
    let world = World { invocations: Arc::new(Mutex::new(invocations.into())), answers: sender, calls: Arc::default() };
    let app = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(done))
        .route("/", post(aws))
        .with_state(world.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut child = start(&listener.local_addr().unwrap().to_string());
    tokio::spawn(async move { axum::serve(listener, app).await });

    let mut given = Vec::new();
    while given.len() < n_invocations {
        given.push(tokio::time::timeout(Duration::from_secs(20), answers.recv()).await.expect("an answer").unwrap());
    }
    child.start_kill().unwrap();
    let output = child.wait_with_output().await.unwrap();
    let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    let calls = world.calls.lock().unwrap().clone();
    Run { answers: given, calls, printed }
}

fn request(method: &str, headers: &Value, body: &str) -> Value {
    json!({ "version": "2.0", "headers": headers, "body": body, "isBase64Encoded": false, "requestContext": { "http": { "method": method } } })
}

fn delivery() -> Value {
    let targets = json!([{ "id": "00u1", "type": "User", "alternateId": "ada@example.com" }, { "id": "00g1", "type": "UserGroup" }]);
    let event = json!({ "eventType": "group.user_membership.add", "outcome": { "result": "SUCCESS" }, "target": targets });
    request("POST", &json!({ "authorization": SECRET }), &json!({ "eventId": "d-1", "data": { "events": [event] } }).to_string())
}

#[tokio::test]
async fn s25_a_verification_makes_no_call_a_cold_delivery_two_and_a_warm_one_one() {
    let challenge = request("GET", &json!({ "x-okta-verification-challenge": "c-1" }), "");
    let run = run(vec![challenge, delivery(), delivery(), json!({ "source": "aws.events", "detail": {} })]).await;
    let given: Vec<(&str, &Value)> = run.answers.iter().map(|(kind, answer)| (kind.as_str(), &answer["statusCode"])).collect();
    assert_eq!(given, [("response", &json!(200)), ("response", &json!(204)), ("response", &json!(204)), ("error", &Value::Null)]);
    assert_eq!(run.answers[0].1["body"], r#"{"verification":"c-1"}"#);
    assert_eq!(run.answers[3].1["errorType"], "NoSystemLogEvent");
    assert_eq!(run.calls, ["GetSecretValue", "SendMessageBatch", "SendMessageBatch"]);
    let printed: Vec<Value> = run.printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (metrics, log): (Vec<&Value>, Vec<&Value>) = printed.iter().partition(|line| line["_aws"].is_object());
    assert!(log.len() == 4 && log.iter().all(|line| line["request_id"] == "r-1"), "{}", run.printed);
    assert!(metrics.len() == 2 && metrics.iter().all(|line| line["HookDeliveries"] == 1.0), "each delivery counts: {}", run.printed);
    for secret in [SECRET, "ada@example.com", "AKIDEXAMPLE", "c-1"] {
        assert!(!run.printed.contains(secret), "S54: {}", run.printed);
    }
}

#[tokio::test]
async fn without_its_variables_it_does_not_start_and_names_them() {
    let output = Command::new(env!("CARGO_BIN_EXE_event-hook")).env_clear().output().await.unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success());
    assert!(printed.contains("LOCKSTEP_QUEUE_URL is not set") && printed.contains("LOCKSTEP_HOOK_SECRET is not set"), "{printed}");
}
