//! The real client, as an app of the simulated org.

use std::time::Duration;

use engine::ports::ReadSource;
use futures::future::join_all;
use serde_json::json;
use sim::okta::Staleness;
use sim::{Fault, What};
use sync_core::error::SourceErrorKind;

use super::*;

#[tokio::test]
async fn an_app_reads_with_rs256_and_with_es256() {
    for key in [rsa(), p256()] {
        let stage = Stage::with(app_with(&key)).await;
        let client = stage.client(&key.private);
        assert_eq!(client.list_groups(None).await.unwrap().items.len(), 4);
        assert_eq!(client.members(&stage.world.okta_group(0)).await.unwrap().unwrap().items.len(), 4);
        assert!(client.user("user1@example.com").await.unwrap().is_some());
        assert_eq!((stage.token_calls(), client.calls()), (1, 3));
    }
}

#[tokio::test]
async fn an_app_that_must_prove_possession_reads_without_being_told_so() {
    for key in [rsa(), p256()] {
        let stage = Stage::with(app_with(&key).with_dpop()).await;
        let client = stage.client(&key.private);
        assert_eq!(client.list_groups(None).await.unwrap().items.len(), 4);
        assert!(client.user("user1+a/b@example.com").await.unwrap().is_none(), "whose path is encoded");
        assert!(client.user("user1@example.com").await.unwrap().is_some());
        assert_eq!(stage.token_errors(), ["invalid_dpop_proof", "use_dpop_nonce"]);
        assert_eq!(stage.token_calls(), 3);
    }
}

#[tokio::test]
async fn s29_pages_are_followed_with_a_proof_for_each() {
    let stage = Stage::with(app_with(&p256()).with_dpop()).await;
    for n in 0..201 {
        stage.okta().add_group(&format!("more-{n}"));
    }
    let client = stage.client(&p256().private);
    assert_eq!((client.list_groups(None).await.unwrap().items.len(), client.calls()), (205, 2));
}

#[tokio::test]
async fn s32_a_token_is_renewed_before_it_ends() {
    for app in [app_with(&p256()), app_with(&p256()).with_dpop()] {
        let stage = Stage::with(app).await;
        let client = stage.client(&p256().private);
        client.list_groups(None).await.unwrap();
        let first = stage.token_calls();
        for (advance, more) in [(3_539, 0), (1, 1), (3_539, 1), (1, 2)] {
            stage.clock.advance(Duration::from_secs(advance));
            client.list_groups(None).await.unwrap();
            assert_eq!(stage.token_calls() - first, more, "{advance}");
        }
        assert!(stage.okta().log().iter().all(|call| call.status != 401));
    }
}

#[tokio::test]
async fn s32_a_token_that_ends_sooner_than_it_said_is_renewed_once() {
    for app in [app_with(&p256()), app_with(&p256()).with_dpop()] {
        let stage = Stage::with(app).await;
        let client = stage.client(&p256().private);
        client.list_groups(None).await.unwrap();
        let (calls, reads) = (stage.token_calls(), client.calls());
        stage.okta().revoke_access_tokens();
        assert_eq!(client.list_groups(None).await.unwrap().items.len(), 4);
        assert_eq!((stage.token_calls() - calls, client.calls() - reads), (1, 2));
    }
}

#[tokio::test]
async fn s32_a_changed_nonce_is_followed() {
    let stage = Stage::with(app_with(&p256()).with_dpop()).await;
    let client = stage.client(&p256().private);
    client.list_groups(None).await.unwrap();
    stage.okta().clear_log();
    stage.okta().rotate_dpop_nonce();
    stage.clock.advance(Duration::from_secs(3_600));
    client.list_groups(None).await.unwrap();
    assert_eq!((stage.token_errors(), stage.token_calls()), (vec!["use_dpop_nonce".to_owned()], 2));
}

#[tokio::test]
async fn s32_an_app_that_is_deactivated_midway_stops_the_run() {
    let stage = Stage::with(app_with(&p256())).await;
    let client = stage.client(&p256().private);
    client.list_groups(None).await.unwrap();
    stage.okta().edit_oauth_client(CLIENT_ID, |client| client.is_active = false);
    let error = client.list_groups(None).await.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (SourceErrorKind::Unauthorized, TOKEN_CALL));
    assert!(error.detail.contains("invalid_client"), "{error}");
}

#[tokio::test]
async fn thirty_reads_at_one_time_ask_for_one_token() {
    for (app, asked) in [(app_with(&p256()), 1), (app_with(&p256()).with_dpop(), 3)] {
        let stage = Stage::with(app).await;
        let client = stage.client(&p256().private);
        let group = stage.world.okta_group(0);
        for result in join_all((0..30).map(|_| client.members(&group))).await {
            assert_eq!(result.unwrap().unwrap().items.len(), 4);
        }
        assert_eq!((stage.token_calls(), client.calls()), (asked, 30));
    }
}

#[tokio::test]
async fn refusals_say_what_is_missing() {
    let stage = Stage::with(app_with(&p256())).await;
    let app =
        ServiceApp { client_id: CLIENT_ID.to_owned(), private_key: p256().private.into(), key_id: KEY_ID.to_owned(), reads_apps: true };
    let other = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let other = ServiceApp { private_key: pem("PRIVATE KEY", other.as_ref()).into(), ..app.clone() };
    let unknown = ServiceApp { client_id: "0oaNONE".to_owned(), ..app.clone() };
    let renamed = ServiceApp { key_id: "kid-2".to_owned(), ..app.clone() };
    let together = "client_id, key_id and private_key of the Okta secret do not belong together";
    for (app, words, advice) in [
        (&other, "invalid_client: The client_assertion signature is invalid.", together),
        (&unknown, "invalid_client: Invalid value for 'client_id' parameter.", together),
        (&renamed, "invalid_client: The client_assertion JWT kid is invalid.", together),
    ] {
        let error = stage.client_of(app).list_groups(None).await.unwrap_err();
        assert_eq!(error.kind, SourceErrorKind::Unauthorized, "{error}");
        assert!(error.detail.contains(words) && error.detail.contains(advice), "{error}");
    }
    stage.okta().edit_oauth_client(CLIENT_ID, |client| {
        client.scopes.remove("okta.apps.read");
    });
    let error = stage.client_of(&app).list_groups(None).await.unwrap_err();
    assert!(error.detail.contains("invalid_scope") && error.detail.contains("okta.users.read okta.apps.read"), "{error}");
    stage.okta().edit_oauth_client(CLIENT_ID, |client| client.has_admin_role = false);
    let error = stage.client(&p256().private).list_groups(None).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Forbidden);
    assert!(error.detail.contains("E0000006") && error.detail.contains("a role of its own"), "{error}");
}

#[tokio::test]
async fn a_token_endpoint_that_is_away_for_a_moment_is_asked_again() {
    let stage = Stage::with(app_with(&p256()).with_dpop()).await;
    let status = |status| What::Status { status, code: None };
    for what in [status(503), What::Html { status: 502 }, What::Truncated, What::CutOff, What::DropBefore, What::DropAfter] {
        stage.okta().inject(Fault::on(TOKEN_CALL, what));
        assert_eq!(stage.client(&p256().private).list_groups(None).await.unwrap().items.len(), 4);
    }
    let code = |code: &str| What::Status { status: 401, code: Some(code.to_owned()) };
    stage.okta().inject(Fault::on("GET /api/v1/groups", code("E0000011")));
    assert_eq!(stage.client(&p256().private).list_groups(None).await.unwrap().items.len(), 4);
}

#[tokio::test]
async fn tokens_are_no_change_of_the_world() {
    let stage = Stage::with(app_with(&p256()).with_dpop()).await;
    stage.okta().configure(|settings| settings.staleness = Staleness::default());
    stage.client(&p256().private).list_groups(None).await.unwrap();
    assert!(stage.okta().writes().is_empty());
}

#[tokio::test]
async fn the_control_plane_makes_apps_and_changes_them() {
    let stage = Stage::with(app_with(&p256())).await;
    let send = async |what: &str, body: serde_json::Value| {
        let answer = reqwest::Client::new().post(format!("{}/_sim/{what}", stage.server.url())).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let new = json!({
        "op": "add_oauth_client", "client_id": "0oaNEW", "key_id": "k", "public_key": rsa().public,
        "scopes": ["okta.groups.read", "okta.users.read"], "dpop_required": true,
    });
    assert_eq!(send("changes", new).await, (200, json!({"results": [{"id": "0oaNEW"}]})));
    assert_eq!(send("settings", json!({"access_token_seconds": 100})).await.0, 200);
    let app = ServiceApp { client_id: "0oaNEW".to_owned(), private_key: rsa().private.into(), key_id: "k".to_owned(), reads_apps: false };
    let client = stage.client_of(&app);
    client.list_groups(None).await.unwrap();
    assert_eq!(stage.token_calls(), 3);
    stage.clock.advance(Duration::from_secs(80));
    assert_eq!(send("changes", json!([{"op": "rotate_dpop_nonce"}, {"op": "revoke_access_tokens"}])).await.0, 200);
    client.list_groups(None).await.unwrap();
    assert_eq!(stage.token_calls(), 5);
    let change = json!({"op": "edit_oauth_client", "client_id": "0oaNEW", "admin_role": false});
    assert_eq!(send("changes", change).await, (200, json!({"results": [{"changed": true}]})));
    assert_eq!(client.list_groups(None).await.unwrap_err().kind, SourceErrorKind::Forbidden);
    let shown = stage.okta().settings().access_token_seconds;
    assert_eq!(shown, 100);
    for wrong in [
        json!({"op": "add_oauth_client", "client_id": "x", "key_id": "k"}),
        json!({"op": "add_oauth_client", "client_id": "x", "key_id": "k", "public_key": "none"}),
        json!({"op": "edit_oauth_client", "client_id": "0oaNEW", "dpop": true}),
    ] {
        assert_eq!(send("changes", wrong.clone()).await.0, 400, "{wrong}");
    }
}
