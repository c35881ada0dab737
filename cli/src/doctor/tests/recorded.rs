//! What is read of Okta's records, with recorded ones. `LOCKSTEP_RECORDINGS` names their folder.

use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

use super::super::gather::{app_record, hook, metadata, of_identity_center};

/// A recorded body; `None`, said aloud, where there are no recordings.
#[expect(clippy::disallowed_methods, reason = "where the recordings are is for whoever runs the tests to say")]
fn recorded(name: &str) -> Option<String> {
    let Ok(root) = std::env::var("LOCKSTEP_RECORDINGS") else {
        let words = "SKIPPED: LOCKSTEP_RECORDINGS is not set, so no recorded record was read\n";
        std::io::stderr().write_all(words.as_bytes()).unwrap();
        return None;
    };
    let text = std::fs::read_to_string(PathBuf::from(root).join("okta-http").join(format!("{name}.json"))).unwrap();
    let exchange: Value = serde_json::from_str(&text).unwrap();
    Some(exchange["response"]["body"].as_str().unwrap().to_owned())
}

fn record(name: &str) -> Option<Value> {
    recorded(name).map(|body| serde_json::from_str(&body).unwrap())
}

#[test]
fn a_hook_is_active_and_unverified_after_its_creation_and_verified_after_its_challenge() {
    let (Some(made), Some(verified)) = (record("49-event-hook-create"), record("50-event-hook-verify")) else { return };
    let (made, verified) = (hook(&made), hook(&verified));
    assert_eq!((made.is_active, made.is_verified, made.has_filter, made.header.as_str()), (true, false, false, "Authorization"));
    assert_eq!(made.event_types, ["user.lifecycle.create", "user.lifecycle.delete.initiated"]);
    assert!(made.id.starts_with("who") && made.uri.starts_with("https://"));
    assert_eq!((verified.id, verified.is_verified), (made.id, true));
}

#[test]
fn an_app_says_its_sign_on_mode_and_its_user_name() {
    let Some(apps) = record("25-apps-list-next") else { return };
    let app = app_record(&apps[0]);
    assert_eq!((app.sign_on_mode.as_str(), app.user_name_template.as_str(), app.is_active), ("OPENID_CONNECT", "${source.login}", true));
    assert!(app.id.starts_with("0oa") && app.name_id_template.is_none());
}

#[test]
fn of_an_unfiltered_list_only_identity_centers_apps_are_taken() {
    let records = ["amazon_aws_sso", "amazon_aws", "oidc_client"].map(|name| serde_json::json!({"id": "0oa1", "name": name}));
    let taken: Vec<Value> = records.iter().filter_map(of_identity_center).collect();
    assert_eq!(taken, records[..1]);
}

#[test]
fn the_metadata_of_an_app_is_whole() {
    let Some(document) = recorded("52-saml-metadata") else { return };
    let metadata = metadata(document.as_bytes());
    assert!(metadata.is_whole && metadata.entity_id.starts_with("http://www.okta.com/exk"), "{}", metadata.entity_id);
}
