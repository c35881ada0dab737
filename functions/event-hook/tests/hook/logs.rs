//! What a delivery leaves in the log.

use std::cell::RefCell;
use std::io;
use std::sync::Once;

use serde_json::{Value, json};

use crate::support::{Hook, SECRET, answer, delivery, event, hook, hook_with_secrets, invoke, post, request};

thread_local! {
    /// What this thread has logged. A test is one thread.
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct OfThisThread;

impl io::Write for OfThisThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Listens at the most talkative level, from before the first line of any test on: what was logged once while nobody listened may never be heard.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let format = tracing_subscriber::fmt().json().flatten_event(true).with_max_level(tracing::Level::TRACE);
        tracing::subscriber::set_global_default(format.with_writer(|| OfThisThread).finish()).unwrap();
    });
}

/// The lines that these invocations leave.
async fn logged(invocations: &[(&Hook, Value)]) -> Vec<Value> {
    LOGGED.take();
    for (hook, payload) in invocations {
        let _ = invoke(hook, payload).await;
    }
    String::from_utf8(LOGGED.take()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_delivery_is_one_line_of_ids_numbers_and_lanes() {
    let events = [event("user.lifecycle.suspend", "00u1", "00g1"), event("group.user_membership.add", "00u2", "00g1"), json!({})];
    let lines = logged(&[(&hook(), post(&delivery(&events)))]).await;
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let fields = ["level", "request_id", "event_id", "events", "ignored", "triggers", "lanes", "status"].map(|name| line[name].clone());
    assert_eq!(json!(fields), json!(["INFO", "r-1", "d-1", 3, 1, 2, "leavers rest", 204]));
    assert!(line["ms"].is_u64());
}

#[tokio::test]
async fn s54_no_secret_and_no_e_mail_address_is_logged_whatever_happens() {
    let body = delivery(&[event("user.lifecycle.suspend", "00u1", "00g1")]);
    let down = hook();
    down.queue.failures.store(9, std::sync::atomic::Ordering::SeqCst);
    let no_secret = hook_with_secrets(None, None);
    let event_of = |detail: Value| json!({ "source": "aws.partner/okta.com/acme/lockstep", "detail": detail });
    let fine = hook();
    let lines = logged(&[
        (&fine, post(&body)),
        (&fine, post(&format!("{body}{SECRET}"))),
        (&fine, request("POST", &[("authorization", "wrong secret")], Some(&body))),
        (&fine, request("GET", &[("x-okta-verification-challenge", "a challenge"), ("authorization", SECRET)], None)),
        (&fine, request("PUT", &[("authorization", SECRET)], Some(&body))),
        (&down, post(&body)),
        (&no_secret, post(&body)),
        (&fine, event_of(event("user.lifecycle.suspend", "00u1", "00g1"))),
        (&down, event_of(event("user.lifecycle.suspend", "00u1", "00g1"))),
        (&fine, event_of(json!({ "eventType": 1, "actor": "ada@example.com" }))),
    ])
    .await;
    assert_eq!(lines.len(), 10, "each invocation is one line: {lines:?}");
    let text = json!(lines).to_string();
    for secret in [SECRET, "wrong secret", "a challenge", "ada@example.com"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn a_failure_of_ours_is_an_error_with_its_cause_and_a_bad_request_is_a_warning() {
    let down = hook();
    down.queue.failures.store(1, std::sync::atomic::Ordering::SeqCst);
    let body = delivery(&[event("user.lifecycle.suspend", "00u1", "00g1")]);
    let lines = logged(&[(&down, post(&body)), (&down, post("{"))]).await;
    assert_eq!((&lines[0]["level"], &lines[0]["status"]), (&json!("ERROR"), &json!(503)));
    assert!(lines[0]["error"].as_str().unwrap().ends_with("ServiceUnavailable: words of SQS"), "{}", lines[0]);
    assert_eq!((&lines[1]["level"], &lines[1]["status"]), (&json!("WARN"), &json!(400)));
    assert_eq!(answer(&down, &post("{")).await.status_code, 400);
}
