//! The contract of the event hook, from Lambda's payload to its answer, over a fake secret and a fake queue.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure here is the failure of a test")]

mod logs;
mod recordings;
mod support;
mod template;

use std::sync::atomic::Ordering;

use event_hook::EventError;
use serde_json::{Value, json};
use support::{SECRET, answer, delivery, event, hook, hook_with_secrets, invoke, post, queued, request};

fn error_of(body: &str) -> String {
    serde_json::from_str::<Value>(body).unwrap()["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn s25_the_challenge_is_echoed_in_any_case_of_the_header_and_without_a_secret() {
    let hook = hook_with_secrets(None, None);
    for name in ["x-okta-verification-challenge", "X-Okta-Verification-Challenge"] {
        let response = answer(&hook, &request("GET", &[(name, "a\"b</ü")], None)).await;
        assert_eq!((response.status_code, response.body.as_str()), (200, r#"{"verification":"a\"b</ü"}"#));
        assert_eq!(response.headers["content-type"], "application/json");
    }
    assert_eq!(hook.secrets.n_current.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn s25_a_get_without_a_usable_challenge_is_400() {
    let long = "x".repeat(100_000);
    for headers in [&[][..], &[("x-okta-verification-challenge", "")], &[("x-okta-verification-challenge", long.as_str())]] {
        let response = answer(&hook(), &request("GET", headers, None)).await;
        assert_eq!(response.status_code, 400);
        assert!(error_of(&response.body).contains("x-okta-verification-challenge"), "{}", response.body);
    }
}

#[tokio::test]
async fn s25_other_methods_are_405_and_say_which_are_allowed() {
    for method in ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "post", "BREW /"] {
        let hook = hook();
        let payload = request(method, &[("authorization", SECRET)], Some(&delivery(&[event("group.user_membership.add", "00u1", "00g1")])));
        let response = answer(&hook, &payload).await;
        assert_eq!((response.status_code, response.headers.get("allow")), (405, Some(&"GET, POST")), "{method}");
        assert!(queued(&hook).is_empty());
    }
}

#[tokio::test]
async fn s25_a_delivery_is_queued_and_answered_with_204() {
    let hook = hook();
    let body = delivery(&[event("group.user_membership.remove", "00u1", "00g1"), event("user.lifecycle.suspend", "00u2", "00g1")]);
    let response = answer(&hook, &post(&body)).await;
    assert_eq!((response.status_code, response.body.as_str()), (204, ""));
    let messages = serde_json::to_value(queued(&hook)).unwrap();
    assert_eq!(
        messages,
        json!([
            {"v": 1, "lane": "leavers", "target": {"user": "00u2"}, "login": "ada@example.com", "arrived": "2026-11-24T10:00:00Z",
             "not_before": "2026-11-24T10:00:05Z", "attempt": 0},
            {"v": 1, "lane": "removals", "target": {"user": "00u1"}, "groups": ["00g1"], "login": "ada@example.com",
             "arrived": "2026-11-24T10:00:00Z", "not_before": "2026-11-24T10:00:05Z", "attempt": 0},
        ])
    );
    assert_eq!((hook.secrets.n_again.load(Ordering::SeqCst), hook.queue.n_calls.load(Ordering::SeqCst)), (0, 1));
}

#[tokio::test]
async fn s25_a_wrong_or_missing_secret_is_401_and_nothing_is_queued() {
    let body = delivery(&[event("group.user_membership.add", "00u1", "00g1")]);
    let prefixed = format!("Bearer {SECRET}");
    let twice = format!("{SECRET},{SECRET}");
    for given in ["", "wrong", "s3cret of the hoo", prefixed.as_str(), twice.as_str(), "\u{fffd}"] {
        let hook = hook();
        let response = answer(&hook, &request("POST", &[("Authorization", given)], Some(&body))).await;
        assert_eq!(response.status_code, 401, "{given:?}");
        assert!(queued(&hook).is_empty() && !response.body.contains(SECRET), "{}", response.body);
    }
    let missing = answer(&hook(), &request("POST", &[], Some(&body))).await;
    assert_eq!((missing.status_code, error_of(&missing.body).as_str()), (401, "the Authorization header is missing"));
}

#[tokio::test]
async fn s25_the_secret_is_asked_for_before_the_body_is_looked_at() {
    for body in ["", "{", "[[[["] {
        assert_eq!(answer(&hook(), &request("POST", &[("authorization", "wrong")], Some(body))).await.status_code, 401);
    }
    let mut payload = request("POST", &[("authorization", "wrong")], Some("not base64!"));
    payload["isBase64Encoded"] = json!(true);
    assert_eq!(answer(&hook(), &payload).await.status_code, 401);
    assert_eq!(answer(&hook_with_secrets(None, None), &post("{")).await.status_code, 503);
}

#[tokio::test]
async fn s25_current_and_previous_secret_are_accepted_and_a_rotation_is_seen_at_once() {
    let body = delivery(&[event("group.user_membership.add", "00u1", "00g1")]);
    let rotating = hook_with_secrets(Some(r#"{"current":"new","previous":"s3cret of the hook"}"#), None);
    assert_eq!(answer(&rotating, &post(&body)).await.status_code, 204);
    let rotated = hook_with_secrets(Some(r#"{"current":"old"}"#), Some(r#"{"current":"s3cret of the hook"}"#));
    assert_eq!(answer(&rotated, &post(&body)).await.status_code, 204);
    assert_eq!(rotated.secrets.n_again.load(Ordering::SeqCst), 1);
    let mut rationed = hook_with_secrets(Some(r#"{"current":"old"}"#), Some(r#"{"current":"s3cret of the hook"}"#));
    rationed.secrets.is_rationed = true;
    assert_eq!(answer(&rationed, &post(&body)).await.status_code, 401);
}

#[tokio::test]
async fn s25_a_body_that_is_no_delivery_is_400_and_says_why() {
    let large = format!(r#"{{"data":{{"events":["{}"]}}}}"#, "x".repeat(5 * 1024 * 1024));
    let deep = format!(r#"{{"data":{{"events":[{}{}]}}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for (body, expected) in [
        ("", "the body is not JSON"),
        ("not json", "the body is not JSON"),
        ("[]", "the body is a list"),
        ("{}", "`data` is missing"),
        (r#"{"data":{"events":{}}}"#, "`data.events` is an object"),
        (large.as_str(), "at most 5242880 are taken"),
        (deep.as_str(), "nested deeper than 64"),
    ] {
        let hook = hook();
        let response = answer(&hook, &post(body)).await;
        assert_eq!(response.status_code, 400, "{expected}");
        assert!(error_of(&response.body).contains(expected), "{}", response.body);
        assert!(queued(&hook).is_empty());
    }
    let without_body = answer(&hook(), &request("POST", &[("authorization", SECRET)], None)).await;
    assert_eq!(without_body.status_code, 400);
}

fn base64_post(bytes: &[u8]) -> Value {
    use base64::Engine as _;
    let mut payload = post(&base64::engine::general_purpose::STANDARD.encode(bytes));
    payload["isBase64Encoded"] = json!(true);
    payload
}

#[tokio::test]
async fn s25_base64_bodies_are_taken_as_what_they_hold() {
    let hook = hook();
    let body = delivery(&[event("group.user_membership.add", "00u1", "00g1")]);
    assert_eq!(answer(&hook, &base64_post(body.as_bytes())).await.status_code, 204);
    assert_eq!(queued(&hook).len(), 1);
    let not_text = answer(&hook, &base64_post(b"{\"data\":\"\xff\"}")).await;
    assert_eq!((not_text.status_code, error_of(&not_text.body).as_str()), (400, "the body is not UTF-8 at byte 9"));
    let large = answer(&hook, &base64_post(&vec![b' '; 5 * 1024 * 1024 + 1])).await;
    assert_eq!((large.status_code, error_of(&large.body).contains("at most 5242880 are taken")), (400, true));
    let mut broken = post("{}");
    broken["isBase64Encoded"] = json!(true);
    assert_eq!(answer(&hook, &broken).await.status_code, 400);
}

#[tokio::test]
async fn s25_the_longest_body_that_is_allowed_is_taken_in_both_forms() {
    let frame = delivery(&[event("group.user_membership.add", "00u1", "00g1")]);
    let full = frame.replacen('{', &format!("{{{}", " ".repeat(5 * 1024 * 1024 - frame.len())), 1);
    assert_eq!(full.len(), 5 * 1024 * 1024);
    assert_eq!(answer(&hook(), &post(&full)).await.status_code, 204);
    assert_eq!(answer(&hook(), &base64_post(full.as_bytes())).await.status_code, 204);
}

#[tokio::test]
async fn s25_what_is_of_no_interest_is_200_without_a_call_to_the_queue() {
    let mut without_targets = event("group.user_membership.add", "00u1", "00g1");
    without_targets["target"] = Value::Null;
    for events in [&[][..], &[event("user.session.start", "00u1", "00g1")], &[without_targets], &[json!(null), json!({}), json!(7)]] {
        let hook = hook();
        let response = answer(&hook, &post(&delivery(events))).await;
        assert_eq!((response.status_code, response.body.as_str()), (200, ""));
        assert_eq!(hook.queue.n_calls.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn s26_a_queue_that_is_down_is_503_and_the_second_try_queues_once() {
    let hook = hook();
    hook.queue.failures.store(1, Ordering::SeqCst);
    let payload = post(&delivery(&[event("group.user_membership.add", "00u1", "00g1")]));
    let first = answer(&hook, &payload).await;
    assert_eq!((first.status_code, queued(&hook).len()), (503, 0));
    assert_eq!(error_of(&first.body), "the triggers cannot be queued; the function's log says why");
    assert_eq!(answer(&hook, &payload).await.status_code, 204);
    assert_eq!(queued(&hook).len(), 1);
}

#[tokio::test]
async fn s20_the_same_delivery_five_times_is_one_message_to_the_queue() {
    let hook = hook();
    for _ in 0..5 {
        answer(&hook, &post(&delivery(&[event("group.user_membership.add", "00u1", "00g1")]))).await;
    }
    let mut ids: Vec<String> = queued(&hook).iter().map(sync_core::trigger::TriggerMessage::deduplication_id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn s26_a_secret_that_cannot_be_read_is_503_and_not_401() {
    let body = delivery(&[event("group.user_membership.add", "00u1", "00g1")]);
    let never_read = hook_with_secrets(None, None);
    let lost_while_rotating = hook_with_secrets(Some(r#"{"current":"old"}"#), None);
    let not_as_it_should_be = hook_with_secrets(Some(r#"{"curent":"s3cret of the hook"}"#), None);
    for hook in [never_read, lost_while_rotating, not_as_it_should_be] {
        let response = answer(&hook, &post(&body)).await;
        assert_eq!((response.status_code, queued(&hook).len()), (503, 0));
        assert_eq!(error_of(&response.body), "the hook's secret cannot be read; the function's log says why");
    }
}

#[tokio::test]
async fn an_event_off_the_partner_bus_is_queued_without_a_secret() {
    for source in ["aws.partner/okta.com/acme/lockstep", "lockstep.test"] {
        let hook = hook_with_secrets(None, None);
        let payload = json!({ "version": "0", "id": "e-1", "source": source, "detail-type": "SystemLog", "resources": [],
            "detail": event("user.lifecycle.deactivate", "00u1", "00g1") });
        assert!(invoke(&hook, &payload).await.unwrap().is_none());
        assert_eq!(queued(&hook).len(), 1);
    }
}

#[tokio::test]
async fn s26_an_event_that_cannot_be_queued_fails_the_invocation_so_that_it_comes_again() {
    let hook = hook();
    hook.queue.failures.store(1, Ordering::SeqCst);
    let payload = json!({ "source": "aws.partner/okta.com/acme/lockstep", "detail": event("user.lifecycle.suspend", "00u1", "00g1") });
    assert!(matches!(invoke(&hook, &payload).await, Err(EventError::NotQueued(_))));
    assert!(invoke(&hook, &payload).await.unwrap().is_none());
    assert_eq!(queued(&hook).len(), 1);
}

#[tokio::test]
async fn an_event_of_no_interest_is_done_and_what_is_no_event_fails() {
    let hook = hook();
    let source = "aws.partner/okta.com/acme/lockstep";
    assert!(invoke(&hook, &json!({ "source": source, "detail": event("user.session.start", "00u1", "00g1") })).await.unwrap().is_none());
    for detail in [json!({}), json!(null), json!([]), json!({ "eventType": 7 })] {
        let result = invoke(&hook, &json!({ "source": source, "detail": detail })).await;
        assert!(matches!(result, Err(EventError::NoSystemLogEvent(_) | EventError::Unknown)), "{detail}");
    }
    let payload = json!({ "headers": { "Authorization": SECRET }, "body": "{}" });
    let error = lambda_runtime::Diagnostic::from(invoke(&hook, &payload).await.unwrap_err());
    assert_eq!(error.error_type, "UnknownPayload");
    assert!(error.error_message.contains("payload format 2.0 or 1.0") && !error.error_message.contains(SECRET));
    assert!(queued(&hook).is_empty());
}

#[tokio::test]
async fn an_event_without_its_envelope_is_taken_as_well() {
    let hook = hook();
    assert!(invoke(&hook, &event("user.lifecycle.deactivate", "00u1", "00g1")).await.unwrap().is_none());
    let failed =
        json!({ "eventType": "user.lifecycle.suspend", "outcome": { "result": "FAILURE" }, "target": [{ "id": "00u2", "type": "User" }] });
    assert!(invoke(&hook, &failed).await.unwrap().is_none());
    assert_eq!(queued(&hook).iter().map(|message| message.lane.as_str()).collect::<Vec<_>>(), ["leavers"]);
}

#[tokio::test]
async fn s25_a_rest_api_asks_for_the_same_secret() {
    let body = delivery(&[event("group.user_membership.add", "00u1", "00g1")]);
    for (secret, status, n_queued) in [(SECRET, 204, 1), ("wrong", 401, 0)] {
        let hook = hook();
        let payload = json!({ "httpMethod": "POST", "path": "/", "headers": { "Authorization": secret }, "multiValueHeaders": { "Authorization": [secret] },
            "requestContext": { "httpMethod": "POST", "stage": "prod" }, "body": body, "isBase64Encoded": false });
        assert_eq!((answer(&hook, &payload).await.status_code, queued(&hook).len()), (status, n_queued));
    }
    let challenge =
        json!({ "httpMethod": "GET", "headers": { "X-Okta-Verification-Challenge": "c-1" }, "requestContext": {}, "body": null });
    let response = answer(&hook(), &challenge).await;
    assert_eq!((response.status_code, response.body.as_str()), (200, r#"{"verification":"c-1"}"#));
}

/// The HTTP form goes first: a request cannot pose as an event, which needs no secret.
#[tokio::test]
async fn s25_a_request_that_poses_as_an_event_is_still_asked_for_the_secret() {
    let hook = hook();
    let mut payload = request("POST", &[], Some("{}"));
    payload["source"] = json!("aws.partner/okta.com/acme/lockstep");
    payload["detail"] = event("user.lifecycle.deactivate", "00u1", "00g1");
    assert_eq!(answer(&hook, &payload).await.status_code, 401);
    assert!(queued(&hook).is_empty());
}
