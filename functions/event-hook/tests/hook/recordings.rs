//! Every recorded payload, through the handler.

use std::path::PathBuf;

use crate::support::{answer, delivery, hook, invoke, post, queued};
use serde_json::{Value, json};

/// The folder of the recordings; `None`, said aloud, where there is none.
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "the recordings are outside of the project, and only tests read them")]
fn recordings() -> Option<PathBuf> {
    let Ok(root) = std::env::var("LOCKSTEP_RECORDINGS") else {
        eprintln!("SKIPPED: LOCKSTEP_RECORDINGS is not set, so no recording went through the handler");
        return None;
    };
    Some(PathBuf::from(root).join("okta-events"))
}

/// Recordings that ask for nothing: a preview without targets, and types that are of no interest.
const OF_NO_INTEREST: [&str; 4] = [
    "hook-04-group-membership-add-PREVIEW-null-target-2022",
    "hook-07-okta-docs-sample-2023",
    "log-09-user-session-clear-2023",
    "log-12-concurrency-limit-violation-okta-docs",
];

#[tokio::test]
async fn s25_every_recorded_payload_is_answered_and_queued_as_it_asks() {
    let Some(folder) = recordings() else { return };
    let mut n_seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let recording: Value = serde_json::from_str(&text).unwrap();
        let is_of_interest = !OF_NO_INTEREST.contains(&name.as_str());
        let (body, event) = if recording["data"].is_object() {
            (text, recording["data"]["events"][0].clone())
        } else {
            (delivery(std::slice::from_ref(&recording)), recording)
        };

        let by_http = hook();
        let response = answer(&by_http, &post(&body)).await;
        assert_eq!(response.status_code, if is_of_interest { 204 } else { 200 }, "{name}");
        assert_eq!(!queued(&by_http).is_empty(), is_of_interest, "{name}");

        let by_event = hook();
        let payload = json!({ "source": "aws.partner/okta.com/acme/lockstep", "detail": event });
        assert!(invoke(&by_event, &payload).await.unwrap().is_none(), "{name}");
        assert_eq!(!queued(&by_event).is_empty(), is_of_interest, "{name}");
        n_seen += 1;
    }
    assert!(n_seen > OF_NO_INTEREST.len(), "the folder of the recordings is as good as empty");
}
