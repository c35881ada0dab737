//! The shapes of our answers against recorded ones. `LOCKSTEP_RECORDINGS` names the folder of the recordings.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;
use sim::http::serve_okta;
use sim::{Shape, Time, World};

#[expect(clippy::disallowed_methods, reason = "where the recordings are is for whoever runs the tests to say")]
fn recordings() -> Option<PathBuf> {
    let folder = std::env::var("LOCKSTEP_RECORDINGS").ok().map(PathBuf::from);
    if folder.is_none() {
        // Past the harness, which keeps what a passing test prints to itself.
        let words = "SKIPPED: LOCKSTEP_RECORDINGS is not set, so no shapes were compared with recorded ones";
        std::io::stderr().write_all(format!("{words}\n").as_bytes()).unwrap();
    }
    folder
}

fn recorded(folder: &std::path::Path, name: &str) -> Value {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn recorded_body(folder: &std::path::Path, name: &str) -> Value {
    let exchange = recorded(&folder.join("okta-http"), name);
    serde_json::from_str(exchange["response"]["body"].as_str().unwrap()).unwrap()
}

/// Every path of keys in a value, with `[]` for the elements of lists.
fn paths(value: &Value) -> BTreeSet<String> {
    let below = |key: &str, value: &Value| paths(value).into_iter().map(|path| format!("{key}.{path}")).chain([key.to_owned()]).collect();
    match value {
        Value::Object(object) => object.iter().flat_map(|(key, value)| -> BTreeSet<String> { below(key, value) }).collect(),
        Value::Array(list) => list.iter().flat_map(|value| -> BTreeSet<String> { below("[]", value) }).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => BTreeSet::new(),
    }
}

/// Our keys must be recorded ones; what only a recording has is not asked for.
fn assert_known(ours: &Value, theirs: &[Value]) {
    let known: BTreeSet<String> = theirs.iter().flat_map(paths).collect();
    let unknown: Vec<String> = paths(ours).into_iter().filter(|path| !known.contains(path)).collect();
    assert!(unknown.is_empty(), "no recording has {unknown:?}");
}

#[tokio::test]
async fn the_keys_of_our_records_and_errors_are_recorded_ones() {
    let Some(folder) = recordings() else { return };
    let world = World::of(&Shape { users: 2, groups: 1, members: 2, ..Shape::default() }, Time::Real);
    let app = world.okta.add_app("amazon_aws_sso", "IAM Identity Center");
    world.okta.assign_group(&app, &world.okta_group(0));
    let server = serve_okta(world.okta.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let get = async |path: &str| -> Value {
        let request = reqwest::Client::new().get(format!("{}/api/v1{path}", server.url())).header("authorization", "SSWS sim-token");
        request.send().await.unwrap().json().await.unwrap()
    };
    let (group, user) = (world.okta_group(0), world.okta_user(0));
    let body = |name: &str| recorded_body(&folder, name);
    assert_known(&get(&format!("/groups/{group}")).await, &[body("17-group-get-by-id.json")]);
    assert_known(&get("/groups").await, &[body("13-groups-list-default-limit.json")]);
    assert_known(&get(&format!("/groups/{group}/users")).await, &[body("18-group-users-one-member.json")]);
    assert_known(&get(&format!("/users/{user}")).await, &[body("04-user-get-by-id.json")]);
    assert_known(&get(&format!("/users/{user}/groups")).await, &[body("12-user-groups.json")]);
    assert_known(&get(&format!("/apps/{app}/groups")).await, &[body("23-app-groups.json")]);
    assert_known(&get("/apps").await, &[body("25-apps-list-next.json"), body("22-group-apps.json")]);
    assert_known(&get(&format!("/apps/{app}/users")).await, &[body("28-app-users-pagination-page1.json")]);
    assert_known(&get("/users/00unobody").await, &[body("06-user-get-404.json")]);
    assert_known(&get("/apps?after=x").await, &[body("26-apps-bad-cursor-400.json")]);
}

#[test]
fn the_keys_of_our_events_are_recorded_ones() {
    let Some(folder) = recordings() else { return };
    let world = World::disjoint(2, 1, 1);
    world.okta.add_member(&world.okta_group(0), &world.okta_user(1));
    world.okta.suspend(&world.okta_user(1));
    let events = world.okta.events();
    let ours = sim::okta::delivery("https://acme.okta.com", "who1", "id", &events, events[0].published);
    let hook = |name: &str| recorded(&folder.join("okta-events"), name);
    let theirs = [
        hook("hook-07-okta-docs-sample-2023.json"),
        hook("derived-01-user-lifecycle-activate.json"),
        hook("hook-01-group-membership-add-job-2020-04.json"),
    ];
    assert_known(&ours, &theirs);
}
