//! What a person asks of Okta, against the simulated org: answers are handed on as they are.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

use std::net::SocketAddr;
use std::sync::Arc;

use okta::OktaConfig;
use okta::admin::{Admin, AdminError, Method};
use okta::auth::SswsToken;
use serde_json::json;
use sim::http::{Server, serve_okta};
use sim::okta::Limits;
use sim::{Fault, Shape, Time, What, World};
use sync_core::policy::UserNameFrom;

async fn admin(world: &World, token: &str) -> (Admin, Server) {
    let server = serve_okta(world.okta.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let config = OktaConfig::new(&server.url().parse().unwrap(), UserNameFrom::Login).unwrap();
    (Admin::new(&config, Arc::new(SswsToken::new(&token.to_owned().into()))).unwrap(), server)
}

fn world() -> World {
    World::of(&Shape { users: 3, groups: 5, members: 1, ..Shape::default() }, Time::Real)
}

#[tokio::test]
async fn a_list_is_read_to_its_last_page() {
    let world = world();
    let (admin, _server) = admin(&world, "sim-token").await;
    let groups = admin.list(&["groups"], &[("limit", "2")]).await.unwrap().unwrap();
    assert_eq!(groups.len(), 6, "Everyone and five");
    assert_eq!(world.okta.counts()["GET /api/v1/groups"], 3);
}

#[tokio::test]
async fn an_error_is_an_answer_with_its_code_and_the_time() {
    let (admin, _server) = admin(&world(), "another-token").await;
    let answer = admin.get(&["users"], &[]).await.unwrap();
    assert_eq!((answer.status, answer.code.as_deref(), answer.is_success()), (401, Some("E0000011"), false));
    assert!(answer.date.is_some() && answer.words.starts_with("Okta answered 401 E0000011"));
    let refused = admin.list(&["groups"], &[]).await.unwrap().unwrap_err();
    assert_eq!(refused.status, 401);
}

#[tokio::test]
async fn what_anyone_may_know_is_asked_without_a_credential() {
    let (admin, _server) = admin(&world(), "another-token").await;
    let answer = admin.get_public(&[".well-known", "okta-organization"]).await.unwrap();
    assert!(answer.is_success() && answer.json()["id"].as_str().is_some_and(|id| id.starts_with("00o")));
}

#[tokio::test]
async fn over_the_rate_limit_the_next_window_is_waited_for() {
    let world = world();
    world.okta.limit(Limits::all(1).window(std::time::Duration::from_secs(1)));
    let (admin, _server) = admin(&world, "sim-token").await;
    for _ in 0..2 {
        let answer = admin.get(&["groups"], &[("limit", "1")]).await.unwrap();
        assert_eq!((answer.status, answer.rate_limit), (200, Some(1)));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_said_and_no_answer_is_made_up() {
    let world = world();
    world.okta.inject(Fault::on("GET /api/v1/groups", What::DropBefore).always());
    let (admin, _server) = admin(&world, "sim-token").await;
    assert!(matches!(admin.get(&["groups"], &[]).await, Err(AdminError::NoAnswer(_))));
}

#[tokio::test]
async fn a_hook_is_made_and_changed_and_no_answer_shows_its_secret() {
    let (admin, _server) = admin(&world(), "sim-token").await;
    let scheme = json!({"type": "HEADER", "key": "Authorization", "value": "hunter2"});
    let channel = json!({"type": "HTTP", "version": "1.0.0", "config": {"uri": "https://hook.example/", "authScheme": scheme}});
    let mut hook = json!({"name": "Lockstep", "events": {"type": "EVENT_TYPE", "items": ["group.lifecycle.create"]}, "channel": channel});
    let made = admin.change(Method::POST, &["eventHooks"], Some(&hook)).await.unwrap();
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!((made.status, &made.json()["verificationStatus"]), (200, &json!("UNVERIFIED")));
    hook["events"]["items"] = json!(["group.lifecycle.create", "group.lifecycle.delete"]);
    let changed = admin.change(Method::PUT, &["eventHooks", &id], Some(&hook)).await.unwrap();
    assert_eq!(changed.json()["events"]["items"].as_array().unwrap().len(), 2);
    assert!(!format!("{made:?} {changed:?} {admin:?}").contains("hunter2"));
}
