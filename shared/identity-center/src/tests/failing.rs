//! What the answers of AWS that are errors become, and how often they are asked for.

use std::sync::Arc;
use std::time::Duration;

use engine::ports::ReadTarget;
use futures::future::join_all;
use serde_json::json;
use sync_core::error::{TargetError, TargetErrorKind};
use tokio::time::Instant;

use super::directory::Directory;
use super::fake::{Fake, Reply, config, location};
use super::{SOON, group};
use crate::{Connection, IdentityCenter, Settings};

const JSON: &str = "application/x-amz-json-1.1";

fn raw(status: u16, kind: &'static str, body: &str) -> Reply {
    Reply::Raw(status, kind, body.to_owned())
}

/// The error of `ListGroups` where every answer is `reply`, and how many requests it took.
async fn error_of(reply: Reply) -> (TargetError, usize) {
    let fake = Fake::replies([reply]).await;
    let error = fake.target().await.list_groups().await.unwrap_err();
    (error, fake.requests().len())
}

#[tokio::test]
async fn every_code_has_its_kind() {
    use TargetErrorKind as Kind;
    let coded = |status, code| Reply::Error(status, code, json!({}));
    let cases = [
        (coded(400, "AccessDeniedException"), Kind::Denied, 1),
        (coded(403, "AccessDeniedException"), Kind::Denied, 1),
        (coded(400, "UnrecognizedClientException"), Kind::Denied, 1),
        (coded(400, "ExpiredTokenException"), Kind::Denied, 1),
        (coded(400, "ValidationException"), Kind::Invalid, 1),
        (coded(400, "ServiceQuotaExceededException"), Kind::QuotaExceeded, 1),
        (coded(400, "ResourceNotFoundException"), Kind::NotFound, 1),
        (coded(400, "SomethingNewException"), Kind::Invalid, 1),
        (coded(500, "SomethingNewException"), Kind::Unavailable, 4),
        (coded(429, "SomethingNewException"), Kind::Throttled, 10),
        (coded(500, "InternalServerException"), Kind::Unavailable, 4),
        (raw(500, "text/html", "<html>NotImplementedError</html>"), Kind::Unavailable, 4),
        (raw(503, "text/plain", ""), Kind::Unavailable, 4),
        (raw(403, "text/html", "<html>Forbidden</html>"), Kind::Denied, 1),
        (raw(404, "text/html", "<html>Not Found</html>"), Kind::Malformed, 1),
        (raw(400, JSON, "{}"), Kind::Malformed, 1),
        (raw(200, "text/html", "<html>Sign in to the hotel's network</html>"), Kind::Malformed, 4),
        (raw(200, JSON, "{\"Groups\":[{\"GroupId\":\"g"), Kind::Malformed, 4),
        (raw(200, JSON, "{\"Groups\":[17]}"), Kind::Malformed, 4),
        (Reply::Broken, Kind::Malformed, 4),
    ];
    for (reply, kind, requests) in cases {
        let shown = format!("{reply:?}");
        let (error, sent) = error_of(reply).await;
        assert_eq!((error.kind, sent), (kind, requests), "{shown}: {error}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_iam_action_and_carries_aws_words_and_the_request() {
    let denied = Reply::Error(400, "AccessDeniedException", json!({"Message": "User x is not authorized", "Reason": "KMS_ACCESS_DENIED"}));
    let (error, _) = error_of(denied).await;
    let shown = error.to_string();
    for part in
        ["ListGroups: ", "AccessDeniedException", "User x is not authorized", "req-1", "identitystore:ListGroups", "KMS_ACCESS_DENIED"]
    {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[tokio::test]
async fn s54_no_error_repeats_a_body_or_a_credential() {
    for reply in [raw(500, "text/html", "<b>s3cret</b>"), raw(200, JSON, "{\"Groups\":[{\"GroupId\":\"s3cret"), raw(418, JSON, "s3cret")] {
        let (error, _) = error_of(reply).await;
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("not-a-secret") && !shown.contains("AKIA"), "{shown}");
    }
}

#[tokio::test]
async fn a_fault_that_passes_is_not_seen() {
    let groups = || Reply::Ok(json!({"Groups": [{"GroupId": "g1"}]}));
    let throttled = || Reply::Error(400, "ThrottlingException", json!({}));
    for fault in [throttled(), raw(500, "text/html", "<html>"), raw(429, "text/html", "slow"), Reply::Broken] {
        let fake = Fake::replies([fault, groups()]).await;
        let target = fake.target().await;
        assert_eq!(target.list_groups().await.unwrap().items.len(), 1);
        assert_eq!(target.calls().identity_store, 2, "every attempt is counted");
    }
}

#[tokio::test]
async fn aws_says_how_long_to_wait() {
    let body = Reply::Error(400, "ThrottlingException", json!({"RetryAfterSeconds": 1}));
    let fake = Fake::replies([body, Reply::Ok(json!({"Groups": []}))]).await;
    let start = Instant::now();
    fake.target().await.list_groups().await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let connection = Connection::new(&config(&url), &Settings::default()).await;
    let target = IdentityCenter::new(&connection, &location());
    let error = target.list_groups().await.unwrap_err();
    assert_eq!((error.kind, target.calls().identity_store), (TargetErrorKind::Unavailable, 4), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_left_at_the_deadline() {
    let fake = Fake::replies([Reply::Never]).await;
    let start = Instant::now();
    let target = fake.target().await.until(start + SOON);
    let error = target.list_groups().await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::OutOfTime);
    assert!(start.elapsed() < SOON * 5, "{:?}", start.elapsed());
    let error = target.group(&group("g")).await.unwrap_err();
    assert_eq!((error.kind, fake.requests().len()), (TargetErrorKind::OutOfTime, 1), "nothing is sent after the deadline");
}

/// Sixteen tasks and 80 calls against a bucket of twenty a second, through the SDK and its HTTP stack. The longer runs of this
/// are made in paused time, beside the loop itself.
#[tokio::test]
async fn s36_twenty_a_second_loses_no_call_over_http() {
    let mut directory = Directory::of(1, 1, 0);
    let (mut tokens, mut last) = (20.0_f64, Instant::now());
    let script = move |request: &super::fake::Request| {
        tokens = (tokens + last.elapsed().as_secs_f64() * 20.0).min(20.0);
        last = Instant::now();
        if tokens < 1.0 {
            return Reply::Error(400, "ThrottlingException", json!({}));
        }
        tokens -= 1.0;
        directory.answer(request)
    };
    let fake = Fake::start(script).await;
    let connection = Connection::new(&fake.config(), &Settings::default()).await;
    let target = Arc::new(IdentityCenter::new(&connection, &location()));
    let task = async |n: usize| {
        for _ in 0..5 {
            // Two APIs: as much again as one limit for both allows.
            if n.is_multiple_of(2) { target.list_users().await.map(drop).unwrap() } else { target.list_groups().await.map(drop).unwrap() }
        }
    };
    join_all((0..16).map(task)).await;
    assert!(connection.calls().identity_store >= 80);
}
