//! What never reaches an error or the log.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use engine::ports::ReadSource;
use serde_json::json;
use sync_core::error::SourceErrorKind;

use super::*;
use crate::auth::SswsToken;

const LOGIN: &str = "ada.lovelace@example.com";

thread_local! {
    /// The log of the test that runs on this thread.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Begins a log of everything. It is one for all threads, because what is of interest is remembered for all of them.
pub(super) fn begin_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false).with_writer(|| Log).init());
    LOG.with_borrow_mut(Vec::clear);
}

pub(super) fn log_text() -> String {
    LOG.with_borrow(|log| String::from_utf8(log.clone()).unwrap())
}

fn refusals() -> Vec<Result<Answer, NoAnswer>> {
    let words = json!({ "errorCode": "E0000001", "errorSummary": format!("no {LOGIN} here") }).to_string();
    let with_cookie = [("set-cookie", "sid=COOKIE"), ("x-okta-request-id", "r1")];
    [400, 401, 403, 404, 429, 500]
        .map(|status| Ok(answer(status, &words, &with_cookie)))
        .into_iter()
        .chain([Err(NoAnswer::TimedOut)])
        .collect()
}

#[tokio::test(start_paused = true)]
async fn s54_no_token_cookie_or_login_is_in_an_error_or_in_the_log() {
    begin_log();
    let mut errors = String::new();
    for refusal in refusals() {
        let client = Org::giving(vec![refusal]).client();
        let error = client.user(LOGIN).await.unwrap_err();
        errors.push_str(&format!("{error} {error:?} {client:?}\n"));
    }
    let log = log_text();
    assert!(log.contains("GET /api/v1/users/{login}") && log.contains("status=500"), "{log}");
    for secret in [TOKEN, "SSWS", "COOKIE", LOGIN, "ada.lovelace"] {
        assert!(!errors.contains(secret), "{secret} in {errors}");
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_is_one_line_of_the_log() {
    begin_log();
    let org = Org::giving(vec![fails_with(503, "E0000009", &[("x-okta-request-id", "r1")]), ok(&json!([]))]);
    org.client().list_groups(None).await.unwrap();
    let log = log_text();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert!(
        lines[0].contains("DEBUG") && lines[0].contains("operation=\"GET /api/v1/groups\" status=503 attempt=1 ms=0 request_id=\"r1\""),
        "{log}"
    );
    assert!(lines[1].contains("WARN") && lines[1].contains("kind=Unavailable attempt=1 pause_ms="), "{log}");
    assert!(lines[2].contains("status=200 attempt=2"), "{log}");
}

#[tokio::test(start_paused = true)]
async fn s54_a_token_that_no_header_can_carry_is_refused_without_being_repeated() {
    let org = Org::giving(vec![ok(&json!([]))]);
    let client = org.client_with(&config(), Arc::new(SswsToken::new(&format!("{TOKEN}\nX-Evil: 1").into())));
    let error = client.list_groups(None).await.unwrap_err();
    assert_eq!((error.kind, org.seen().len()), (SourceErrorKind::Unauthorized, 0));
    assert!(!format!("{error} {error:?}").contains(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn a_token_with_white_space_around_it_is_sent_without() {
    let org = Org::giving(vec![ok(&json!([]))]);
    let token = SswsToken::new(&format!(" {TOKEN}\n").into());
    assert_eq!(format!("{token:?}"), "SswsToken(..)");
    org.client_with(&config(), Arc::new(token)).list_groups(None).await.unwrap();
    assert_eq!(org.seen()[0].header("authorization").unwrap(), format!("SSWS {TOKEN}"));
}
