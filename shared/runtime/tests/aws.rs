//! Queue and secrets over the real AWS SDK, against a server on the loopback address that answers as scripted.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure here is the failure of a test")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use runtime::aws::Patience;
use runtime::queue::{Later, QueueError, TriggerQueue};
use runtime::secrets::{SecretError, SecretStore, SecretsManager};
use runtime::telemetry::error_chain;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sync_core::ids::OktaUserId;
use sync_core::trigger::{Lane, Target, Trigger, TriggerMessage};

const FIFO: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/triggers.fifo";
const LATER: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/later";
const DEAD: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/malformed";

/// What the server answers next; `Hang` is no answer at all.
enum Answer {
    Is(u16, Value),
    AllSent,
    Hang,
}

#[derive(Clone, Default)]
struct Aws {
    script: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Aws {
    /// Starts a server that gives these answers, and then `AllSent`.
    async fn start(script: Vec<Answer>) -> (Self, SdkConfig) {
        let aws = Self { script: Arc::new(Mutex::new(script.into())), ..Self::default() };
        let app = Router::new().fallback(answer).with_state(aws.clone());
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let config = config(listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (aws, config)
    }

    fn seen(&self) -> Vec<(String, Value)> {
        self.seen.lock().unwrap().clone()
    }
}

fn config(address: SocketAddr) -> SdkConfig {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret-key", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(format!("http://{address}"))
        .timeout_config(Patience::Delivery.timeouts())
        .retry_config(Patience::Delivery.retries())
        .build()
}

async fn answer(State(aws): State<Aws>, headers: HeaderMap, body: String) -> (StatusCode, String) {
    let request: Value = serde_json::from_str(&body).unwrap();
    let target = headers["x-amz-target"].to_str().unwrap().to_owned();
    let all_sent = sent(&request);
    aws.seen.lock().unwrap().push((target, request));
    let next = aws.script.lock().unwrap().pop_front().unwrap_or(Answer::AllSent);
    match next {
        Answer::Is(status, body) => (StatusCode::from_u16(status).unwrap(), body.to_string()),
        Answer::AllSent => (StatusCode::OK, all_sent.to_string()),
        Answer::Hang => std::future::pending().await,
    }
}

fn sent(request: &Value) -> Value {
    let entries = request["Entries"].as_array().cloned().unwrap_or_default();
    let ids: Vec<Value> = entries.iter().map(|entry| json!({ "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "x" })).collect();
    json!({ "Successful": ids, "Failed": [], "MessageId": "m", "MD5OfMessageBody": "x" })
}

fn failed(id: &str, sender_fault: bool, code: &str) -> Answer {
    let failed = json!([{ "Id": id, "SenderFault": sender_fault, "Code": code, "Message": "words of SQS" }]);
    Answer::Is(200, json!({ "Successful": [{ "Id": "0", "MessageId": "m", "MD5OfMessageBody": "x" }], "Failed": failed }))
}

fn error(status: u16, code: &str) -> Answer {
    Answer::Is(status, json!({ "__type": code, "message": "words of AWS" }))
}

fn messages(n_users: usize) -> Vec<TriggerMessage> {
    let message = |user: usize| {
        let target = Target::User(OktaUserId::new(&format!("00u{user}")).unwrap());
        let trigger = Trigger { lane: Lane::Rest, target, groups: [].into(), login: None, published: None };
        trigger.message("2026-11-24T10:00:00Z".parse().unwrap())
    };
    (0..n_users).map(message).collect()
}

fn queue(config: &SdkConfig) -> TriggerQueue {
    TriggerQueue::new(config, FIFO.to_owned())
}

#[tokio::test]
async fn every_message_is_sent_once_in_batches_of_ten() {
    let (aws, config) = Aws::start(vec![]).await;
    queue(&config).send_all(&messages(25)).await.unwrap();
    let mut users = Vec::new();
    for (target, request) in aws.seen() {
        assert_eq!((target.as_str(), &request["QueueUrl"]), ("AmazonSQS.SendMessageBatch", &json!(FIFO)));
        for entry in request["Entries"].as_array().unwrap() {
            assert_eq!(entry["MessageGroupId"], "rest");
            users.push(TriggerMessage::parse(entry["MessageBody"].as_str().unwrap()).unwrap());
        }
    }
    users.sort_by_key(|message| message.target.clone());
    let mut expected = messages(25);
    expected.sort_by_key(|message| message.target.clone());
    assert_eq!((users, aws.seen().len()), (expected, 3));
}

#[tokio::test]
async fn s26_what_sqs_failed_on_is_sent_once_more_and_nothing_else() {
    let (aws, config) = Aws::start(vec![failed("1", false, "InternalError")]).await;
    queue(&config).send_all(&messages(2)).await.unwrap();
    let seen = aws.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].1["Entries"].as_array().unwrap().len(), 1);
    assert_eq!(seen[1].1["Entries"][0], seen[0].1["Entries"][1]);
}

#[tokio::test]
async fn s26_a_message_that_fails_twice_or_is_left_out_of_the_answer_is_an_error() {
    let (aws, config) = Aws::start(vec![failed("1", false, "InternalError"), failed("1", false, "InternalError")]).await;
    let error = queue(&config).send_all(&messages(2)).await.unwrap_err();
    assert!(matches!(error, QueueError::Unreachable { .. }));
    assert!(error_chain(&error).ends_with("InternalError: words of SQS"), "{}", error_chain(&error));
    assert_eq!(aws.seen().len(), 2);
    let left_out = || Answer::Is(200, json!({ "Successful": [], "Failed": [] }));
    let (_, config) = Aws::start(vec![left_out(), left_out()]).await;
    assert!(matches!(queue(&config).send_all(&messages(1)).await, Err(QueueError::Unreachable { .. })));
}

#[tokio::test]
async fn a_message_that_is_our_fault_is_not_sent_again() {
    let (aws, config) = Aws::start(vec![failed("1", true, "InvalidMessageContents")]).await;
    assert!(matches!(queue(&config).send_all(&messages(2)).await, Err(QueueError::Refused { .. })));
    assert_eq!(aws.seen().len(), 1);
}

#[tokio::test]
async fn s26_an_error_of_sqs_says_what_to_do() {
    for (status, code, expected) in [
        (400, "com.amazonaws.sqs#QueueDoesNotExist", "correct the variable that names it: QueueDoesNotExist: words of AWS"),
        (403, "AccessDeniedException", "give the function's role sqs:SendMessage on it"),
        (503, "ServiceUnavailable", "cannot be reached for now"),
    ] {
        let (_, config) = Aws::start((0..2).map(|_| error(status, code)).collect()).await;
        let error = queue(&config).send_all(&messages(1)).await.unwrap_err();
        let chain = error_chain(&error);
        assert!(chain.contains(FIFO) && chain.contains(expected), "{chain}");
    }
}

#[tokio::test]
async fn s26_a_queue_that_hangs_is_an_error_within_the_three_seconds_of_okta() {
    let (aws, config) = Aws::start(vec![Answer::Hang, Answer::Hang]).await;
    let started = tokio::time::Instant::now();
    let error = queue(&config).send_all(&messages(1)).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(error_chain(&error).ends_with("AWS did not answer in time"), "{}", error_chain(&error));
    assert_eq!(aws.seen().len(), 2, "a call that hangs is tried once more");
}

#[tokio::test]
async fn nobody_at_the_address_is_said_so() {
    let config = config("127.0.0.1:1".parse().unwrap());
    let error = queue(&config).send_all(&messages(1)).await.unwrap_err();
    assert!(error_chain(&error).contains("no connection to AWS"), "{}", error_chain(&error));
}

#[tokio::test]
async fn s15_what_is_put_off_comes_back_counted_up_and_at_most_a_quarter_of_an_hour_later() {
    let (aws, config) = Aws::start(vec![]).await;
    let queue = queue(&config).with_later(Some(LATER.to_owned()));
    let message = &messages(1)[0];
    assert_eq!(queue.later(message, Duration::from_secs(30)).await.unwrap(), Later::Queued);
    queue.later(message, Duration::from_secs(5_000)).await.unwrap();
    let seen = aws.seen();
    assert_eq!((&seen[0].1["DelaySeconds"], &seen[1].1["DelaySeconds"]), (&json!(30), &json!(900)));
    assert_eq!((&seen[0].1["QueueUrl"], &seen[0].1["MessageGroupId"]), (&json!(LATER), &Value::Null));
    let back = TriggerMessage::parse(seen[0].1["MessageBody"].as_str().unwrap()).unwrap();
    assert_eq!(back, TriggerMessage { attempt: 1, ..message.clone() });
}

#[tokio::test]
async fn without_queues_for_them_nothing_is_put_off_or_sent_away() {
    let (aws, config) = Aws::start(vec![]).await;
    assert_eq!(queue(&config).later(&messages(1)[0], Duration::ZERO).await.unwrap(), Later::LeftToSchedule);
    queue(&config).dead_letter("{", "no JSON").await.unwrap();
    assert!(aws.seen().is_empty());
}

#[tokio::test]
async fn a_malformed_message_is_kept_whole_with_the_reason() {
    let (aws, config) = Aws::start(vec![]).await;
    queue(&config).with_dead_letters(Some(DEAD.to_owned())).dead_letter("{\"v\":9}", "line 1\nversion 9").await.unwrap();
    let request = &aws.seen()[0].1;
    assert_eq!((&request["QueueUrl"], &request["MessageBody"]), (&json!(DEAD), &json!("{\"v\":9}")));
    assert_eq!(request["MessageAttributes"]["reason"]["StringValue"], "line 1version 9");
}

#[tokio::test]
async fn a_malformed_message_goes_to_a_fifo_queue_with_what_such_a_queue_demands() {
    let (aws, config) = Aws::start(vec![]).await;
    queue(&config).with_dead_letters(Some(format!("{DEAD}.fifo"))).dead_letter("{}", "no trigger").await.unwrap();
    queue(&config).with_dead_letters(Some(DEAD.to_owned())).dead_letter("{}", "no trigger").await.unwrap();
    let [(_, fifo), (_, standard)] = &aws.seen()[..] else { panic!("each is sent once") };
    let sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!((&fifo["MessageGroupId"], &fifo["MessageDeduplicationId"]), (&json!("dead_letters"), &json!(sha256)));
    assert!(standard["MessageGroupId"].is_null() && standard["MessageDeduplicationId"].is_null());
}

#[tokio::test]
async fn a_secret_is_read_by_its_id_once() {
    let (aws, config) = Aws::start(vec![Answer::Is(200, json!({ "SecretString": "{\"current\":\"s\"}" }))]).await;
    let store = SecretStore::new(SecretsManager::new(&config));
    for _ in 0..3 {
        assert_eq!(store.read("lockstep/hook").await.unwrap().expose_secret(), "{\"current\":\"s\"}");
    }
    assert_eq!(aws.seen(), [("secretsmanager.GetSecretValue".to_owned(), json!({ "SecretId": "lockstep/hook" }))]);
}

#[tokio::test]
async fn a_secret_whose_text_is_kept_as_bytes_is_read_too() {
    let (_, config) = Aws::start(vec![Answer::Is(200, json!({ "SecretBinary": "eyJjdXJyZW50IjoicyJ9" }))]).await;
    let text = SecretStore::new(SecretsManager::new(&config)).read("lockstep/hook").await.unwrap();
    assert_eq!(text.expose_secret(), "{\"current\":\"s\"}");
}

#[tokio::test]
async fn s54_each_way_to_have_no_secret_says_what_to_do_and_shows_nothing() {
    let binary = || Answer::Is(200, json!({ "SecretBinary": "aHVudGVyMv8=" }));
    let cut_short = || Answer::Is(200, json!({ "SecretString": ["hunter2"] }));
    for (answer, expected) in [
        (error(400, "ResourceNotFoundException"), "there is no secret lockstep/hook in this account and region: create it"),
        (error(400, "AccessDeniedException"), "give the function's role secretsmanager:GetSecretValue on it"),
        (error(400, "DecryptionFailure"), "kms:Decrypt on its key"),
        (error(400, "InvalidRequestException"), "Secrets Manager does not give out the secret lockstep/hook"),
        (binary(), "the secret lockstep/hook is binary"),
        (cut_short(), "cannot be read for now"),
    ] {
        let (_, config) = Aws::start(vec![answer]).await;
        let error = SecretStore::new(SecretsManager::new(&config)).read("lockstep/hook").await.unwrap_err();
        let chain = error_chain(&error);
        assert!(chain.contains(expected), "{chain}");
        assert!(!format!("{chain} {error:?}").contains("hunter2") && !chain.contains("aHVudGVyM"), "{error:?}");
    }
}

#[tokio::test]
async fn an_outage_of_secrets_manager_is_told_apart_from_a_missing_secret() {
    let (aws, config) = Aws::start((0..2).map(|_| error(500, "InternalServiceError")).collect()).await;
    let error = SecretStore::new(SecretsManager::new(&config)).read("lockstep/hook").await.unwrap_err();
    assert!(matches!(error, SecretError::Unreachable { .. }), "{error:?}");
    assert_eq!(aws.seen().len(), 2, "tried once more");
}
