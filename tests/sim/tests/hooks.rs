//! Deliveries of event hooks: what they carry, and how they are retried, doubled, lost and shuffled.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use sim::http::{Server, serve_okta};
use sim::{Shape, Time, World};
use tokio::time::Instant;

/// An endpoint that takes deliveries, and answers with the statuses that it was given, then 204.
#[derive(Clone, Default)]
struct Endpoint {
    deliveries: Arc<Mutex<Vec<(String, Value)>>>,
    statuses: Arc<Mutex<Vec<u16>>>,
    delay: Arc<Mutex<Duration>>,
}

impl Endpoint {
    async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        url
    }

    fn bodies(&self) -> Vec<Value> {
        self.deliveries.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }

    /// Waits until it has taken so many deliveries.
    async fn has_taken(&self, deliveries: usize) {
        let taken = async {
            while self.bodies().len() < deliveries {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), taken).await.unwrap();
    }

    /// The users whom the deliveries' events name, in order.
    fn users(&self) -> Vec<String> {
        let events = self.bodies().into_iter().flat_map(|body| body["data"]["events"].as_array().unwrap().clone());
        events.map(|event| event["target"][0]["id"].as_str().unwrap().to_owned()).collect()
    }
}

async fn take(State(endpoint): State<Endpoint>, method: Method, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    if method == Method::GET {
        let challenge = headers["x-okta-verification-challenge"].to_str().unwrap();
        return (StatusCode::OK, json!({"verification": challenge}).to_string());
    }
    let secret = headers["authorization"].to_str().unwrap().to_owned();
    endpoint.deliveries.lock().unwrap().push((secret, serde_json::from_slice(&body).unwrap()));
    let delay = *endpoint.delay.lock().unwrap();
    tokio::time::sleep(delay).await;
    let mut statuses = endpoint.statuses.lock().unwrap();
    let status = if statuses.is_empty() { 204 } else { statuses.remove(0) };
    (StatusCode::from_u16(status).unwrap(), String::new())
}

const MEMBERSHIPS: [&str; 2] = ["group.user_membership.add", "group.user_membership.remove"];

/// A world whose hook delivers nothing by itself, and its endpoint.
async fn world() -> (World, Endpoint, String) {
    let world = World::of(&Shape { users: 10, groups: 1, members: 0, ..Shape::default() }, Time::Real);
    world.okta.configure_delivery(|delivery| delivery.paused = true);
    let endpoint = Endpoint::default();
    let hook = world.okta.add_hook(&endpoint.listen().await, "s3cret", &MEMBERSHIPS);
    (world, endpoint, hook)
}

fn add(world: &World, user: usize) {
    assert!(world.okta.add_member(&world.okta_group(0), &world.okta_user(user)));
}

#[tokio::test]
async fn a_delivery_carries_the_events_of_its_types_and_the_secret() {
    let (world, endpoint, hook) = world().await;
    add(&world, 0);
    world.okta.rename_group(&world.okta_group(0), "AWS-renamed");
    world.okta.remove_member(&world.okta_group(0), &world.okta_user(0));
    assert_eq!(world.okta.flush_hooks().await, 1);
    assert_eq!(world.okta.flush_hooks().await, 0, "what was delivered is not delivered again");
    let (secret, body) = endpoint.deliveries.lock().unwrap()[0].clone();
    assert_eq!(secret, "s3cret");
    assert_eq!(body["source"], format!("https://acme.okta.com/api/v1/eventHooks/{hook}"));
    let events = body["data"]["events"].as_array().unwrap();
    let types: Vec<&str> = events.iter().map(|event| event["eventType"].as_str().unwrap()).collect();
    assert_eq!(types, MEMBERSHIPS);
    let targets = &events[0]["target"];
    assert_eq!((&targets[0]["type"], &targets[1]["type"]), (&json!("User"), &json!("UserGroup")));
    assert_eq!((&targets[0]["alternateId"], &targets[1]["alternateId"]), (&json!("user0@example.com"), &json!("unknown")));
    assert_eq!(events[0]["debugContext"]["debugData"]["targetEventHookIds"], hook.as_str());
}

#[tokio::test]
async fn s26_a_failure_is_tried_once_more_and_a_refusal_is_not() {
    let (world, endpoint, _) = world().await;
    for (answers, tried) in [(vec![503], 2), (vec![503, 503, 503], 2), (vec![400], 1), (vec![401], 1), (vec![], 1)] {
        endpoint.deliveries.lock().unwrap().clear();
        *endpoint.statuses.lock().unwrap() = answers.clone();
        add(&world, 0);
        world.okta.flush_hooks().await;
        let ids: Vec<Value> = endpoint.bodies().iter().map(|body| body["eventId"].clone()).collect();
        assert_eq!(ids.len(), tried, "{answers:?}");
        assert!(ids.iter().all(|id| *id == ids[0]), "a retry has the eventId of the first try");
        world.okta.remove_member(&world.okta_group(0), &world.okta_user(0));
        endpoint.statuses.lock().unwrap().clear();
        world.okta.flush_hooks().await;
    }
}

#[tokio::test]
async fn an_endpoint_that_is_too_slow_is_tried_once_more() {
    let (world, endpoint, _) = world().await;
    world.okta.configure_delivery(|delivery| delivery.timeout_ms = 1_000);
    *endpoint.delay.lock().unwrap() = Duration::from_secs(4);
    add(&world, 0);
    world.okta.flush_hooks().await;
    assert_eq!(endpoint.bodies().len(), 2);
    let made = world.okta.deliveries();
    assert_eq!(made.iter().map(|made| (made.attempt, made.status)).collect::<Vec<_>>(), [(1, 0), (2, 0)]);
}

#[tokio::test]
async fn deliveries_can_be_doubled_lost_and_shuffled() {
    let (world, endpoint, _) = world().await;
    world.okta.configure_delivery(|delivery| delivery.duplicate = 1.0);
    add(&world, 0);
    assert_eq!(world.okta.flush_hooks().await, 2);
    assert_eq!(endpoint.bodies()[0], endpoint.bodies()[1]);
    world.okta.configure_delivery(|delivery| (delivery.duplicate, delivery.lose) = (0.0, 1.0));
    add(&world, 1);
    assert_eq!(world.okta.flush_hooks().await, 0);
    world.okta.configure_delivery(|delivery| (delivery.lose, delivery.shuffle, delivery.seed) = (0.0, true, 7));
    (2..10).for_each(|user| add(&world, user));
    endpoint.deliveries.lock().unwrap().clear();
    assert_eq!(world.okta.flush_hooks().await, 1);
    let named = endpoint.users();
    let in_order: Vec<String> = (2..10).map(|user| world.okta_user(user).to_string()).collect();
    let mut sorted = (named.clone(), in_order.clone());
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1);
    assert_ne!(named, in_order);
}

#[tokio::test]
async fn events_of_one_window_go_together_after_the_lag() {
    let (world, endpoint, _) = world().await;
    world.okta.configure_delivery(|delivery| (delivery.paused, delivery.lag_ms, delivery.window_ms) = (false, 3_000, 2_000));
    let _delivering = world.okta.start_delivering();
    let began = Instant::now();
    add(&world, 0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    add(&world, 1);
    endpoint.has_taken(1).await;
    assert!(began.elapsed() >= Duration::from_secs(3), "nothing comes before the lag is over: {:?}", began.elapsed());
    assert_eq!(endpoint.users().len(), 2);
    add(&world, 2);
    endpoint.has_taken(2).await;
    assert_eq!(endpoint.users().len(), 3);
}

async fn hook_api(okta: &Server, method: reqwest::Method, path: &str, body: Value) -> (u16, Value) {
    let request = reqwest::Client::new().request(method, format!("{}/api/v1/eventHooks{path}", okta.url()));
    let response = request.header("authorization", "SSWS sim-token").json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn a_hook_delivers_once_its_endpoint_has_answered_the_challenge() {
    let world = World::of(&Shape { users: 1, groups: 1, members: 0, ..Shape::default() }, Time::Real);
    world.okta.configure_delivery(|delivery| (delivery.paused, delivery.timeout_ms) = (true, 500));
    let okta = serve_okta(world.okta.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let endpoint = Endpoint::default();
    let wanted = |uri: &str| {
        json!({
            "name": "lockstep", "events": {"type": "EVENT_TYPE", "items": MEMBERSHIPS},
            "channel": {"type": "HTTP", "version": "1.0.0", "config": {
                "uri": uri, "authScheme": {"type": "HEADER", "key": "Authorization", "value": "s3cret"},
            }},
        })
    };
    let uri = endpoint.listen().await;
    let (_, made) = hook_api(&okta, reqwest::Method::POST, "", wanted(&uri)).await;
    assert_eq!((&made["status"], &made["verificationStatus"]), (&json!("ACTIVE"), &json!("UNVERIFIED")));
    assert!(!made.to_string().contains("s3cret"));
    add(&world, 0);
    assert_eq!(world.okta.flush_hooks().await, 0);
    let path = format!("/{}", made["id"].as_str().unwrap());
    let (status, verified) = hook_api(&okta, reqwest::Method::POST, &format!("{path}/lifecycle/verify"), Value::Null).await;
    assert_eq!((status, &verified["verificationStatus"]), (200, &json!("VERIFIED")));
    assert_eq!(world.okta.flush_hooks().await, 0, "what happened before the verification is lost");
    world.okta.remove_member(&world.okta_group(0), &world.okta_user(0));
    assert_eq!(world.okta.flush_hooks().await, 1);
    let (_, moved) = hook_api(&okta, reqwest::Method::PUT, &path, wanted("http://127.0.0.1:9/nowhere")).await;
    assert_eq!(moved["verificationStatus"], "UNVERIFIED");
    let (status, refused) = hook_api(&okta, reqwest::Method::POST, &format!("{path}/lifecycle/verify"), Value::Null).await;
    assert_eq!((status, &refused["errorCode"]), (400, &json!("E0000001")));
    let (_, stopped) = hook_api(&okta, reqwest::Method::POST, &format!("{path}/lifecycle/deactivate"), Value::Null).await;
    assert_eq!(stopped["status"], "INACTIVE");
    assert_eq!(hook_api(&okta, reqwest::Method::DELETE, &path, Value::Null).await.0, 204);
    assert_eq!(hook_api(&okta, reqwest::Method::GET, &path, Value::Null).await.0, 404);
}
