//! Okta's HTTP face: authentication, pages, rate limits, errors, faults.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use sim::http::{Server, serve_okta};
use sim::okta::{Limits, LinkStyle};
use sim::{Fault, Shape, Time, What, World};

struct Face {
    world: World,
    server: Server,
    client: Client,
}

impl Face {
    async fn new(users: usize, groups: usize, members: usize) -> Self {
        let world = World::of(&Shape { users, groups, members, ..Shape::default() }, Time::Real);
        let server = serve_okta(world.okta.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Self { world, server, client: Client::new() }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> reqwest::Result<Response> {
        let request = self.client.request(method, format!("{}{path}", self.server.url())).header("authorization", "SSWS sim-token");
        match body {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        }
    }

    async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, None).await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }
}

/// The links of an answer: one for each header line, or more in one line.
fn links(response: &Response) -> Vec<String> {
    let lines = response.headers().get_all("link").iter().map(|line| line.to_str().unwrap());
    lines.flat_map(|line| line.split(", ")).map(str::to_owned).collect()
}

fn next(response: &Response) -> Option<String> {
    let next = links(response).into_iter().find(|link| link.ends_with("rel=\"next\""))?;
    Some(next.split_once('<').unwrap().1.split_once('>').unwrap().0.to_owned())
}

async fn all_pages(face: &Face, path: &str) -> (Vec<Value>, usize) {
    let (mut items, mut pages) = (Vec::new(), 0);
    let mut path = path.to_owned();
    loop {
        let response = face.get(&path).await;
        pages += 1;
        let next = next(&response);
        items.extend(response.json::<Vec<Value>>().await.unwrap());
        match next {
            Some(next) => path = next.strip_prefix(&face.server.url()).expect("the link stays on the org's host").to_owned(),
            None => return (items, pages),
        }
    }
}

async fn error_code(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["errorCode"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_token_is_asked_for_and_a_wrong_one_is_e0000011() {
    let face = Face::new(1, 1, 1).await;
    let path = format!("{}/api/v1/groups", face.server.url());
    for authorization in [None, Some("SSWS other"), Some("Bearer sim-token")] {
        let request = face.client.get(&path);
        let request = authorization.into_iter().fold(request, |request, value| request.header("authorization", value));
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["www-authenticate"], "SSWS");
        assert!(response.headers().contains_key("x-rate-limit-reset"));
        assert_eq!(error_code(response).await, (401, "E0000011".to_owned()));
    }
    face.world.okta.configure(|settings| settings.tokens.extend(["other".to_owned()]));
    let response = face.client.get(&path).header("authorization", "SSWS other").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn pages_follow_the_link_whatever_its_style() {
    let face = Face::new(11, 1, 11).await;
    let path = format!("/api/v1/groups/{}/users?limit=5", face.world.okta_group(0));
    for style in [LinkStyle::Lines, LinkStyle::Joined, LinkStyle::NextFirst] {
        face.world.okta.configure(|settings| settings.links = style);
        let (members, pages) = all_pages(&face, &path).await;
        assert_eq!((members.len(), pages), (11, 3), "{style:?}");
    }
    let response = face.get(&path).await;
    assert_eq!(response.headers().get_all("link").iter().count(), 2);
    assert!(links(&response)[0].ends_with("rel=\"next\""));
}

#[tokio::test]
async fn a_next_link_keeps_the_filter() {
    let face = Face::new(2, 5, 2).await;
    let (groups, pages) = all_pages(&face, "/api/v1/groups?limit=2&filter=type+eq+%22OKTA_GROUP%22&expand=stats").await;
    assert_eq!((groups.len(), pages), (5, 3));
    assert!(groups.iter().all(|group| group["_embedded"]["stats"]["usersCount"] == 2));
}

#[tokio::test]
async fn a_cursor_of_another_list_is_e0000029() {
    let face = Face::new(3, 2, 3).await;
    let other = next(&face.get(&format!("/api/v1/groups/{}/users?limit=1", face.world.okta_group(0))).await).unwrap();
    let cursor = other.split("after=").nth(1).unwrap().split('&').next().unwrap();
    for after in [cursor, "nonsense"] {
        assert_eq!(error_code(face.get(&format!("/api/v1/groups?after={after}")).await).await, (400, "E0000029".to_owned()));
    }
}

#[tokio::test]
async fn a_user_is_found_by_id_and_by_login_and_not_once_deleted() {
    let face = Face::new(2, 1, 2).await;
    let id = face.world.okta_user(0);
    face.world.okta.set_login(&id, "ada+test@example.com");
    for name in [id.as_str(), "ada%2Btest%40example.com", "ada+test@example.com"] {
        assert_eq!(face.json(&format!("/api/v1/users/{name}")).await["id"], id.as_str());
    }
    let delete = async || face.send(Method::DELETE, &format!("/api/v1/users/{id}"), None).await.unwrap().status();
    assert_eq!(delete().await, StatusCode::NO_CONTENT);
    assert_eq!(face.json(&format!("/api/v1/users/{id}")).await["status"], "DEPROVISIONED");
    assert_eq!(face.json("/api/v1/users").await.as_array().unwrap().len(), 1, "the plain list omits the deactivated");
    assert_eq!(face.json("/api/v1/users?filter=status+eq+%22DEPROVISIONED%22").await[0]["id"], id.as_str());
    assert_eq!(delete().await, StatusCode::NO_CONTENT);
    assert_eq!(error_code(face.get(&format!("/api/v1/users/{id}")).await).await, (404, "E0000007".to_owned()));
}

#[tokio::test]
async fn the_groups_of_a_user_have_everyone_among_them() {
    let face = Face::new(4, 2, 2).await;
    let groups = face.json(&format!("/api/v1/users/{}/groups", face.world.okta_user(0))).await;
    let mut types: Vec<&str> = groups.as_array().unwrap().iter().map(|group| group["type"].as_str().unwrap()).collect();
    types.sort_unstable();
    assert_eq!(types, ["BUILT_IN", "OKTA_GROUP"]);
}

#[tokio::test]
async fn the_groups_of_an_app_have_no_names_and_come_in_pages_of_twenty() {
    let face = Face::new(1, 21, 1).await;
    let app = face.world.okta.add_app("amazon_aws_sso", "IAM Identity Center");
    for group in face.world.okta.group_ids() {
        face.world.okta.assign_group(&app, &group);
    }
    let (groups, pages) = all_pages(&face, &format!("/api/v1/apps/{app}/groups")).await;
    assert_eq!((groups.len(), pages), (21, 2));
    assert_eq!(groups[0]["profile"], json!({}));
    assert_eq!(face.json("/api/v1/apps?filter=name+eq+%22amazon_aws_sso%22").await[0]["id"], app.as_str());
    assert_eq!(face.json(&format!("/api/v1/apps/{app}/users")).await.as_array().unwrap().len(), 1);
    assert_eq!(error_code(face.get("/api/v1/apps/0oanone/groups").await).await, (404, "E0000007".to_owned()));
}

#[tokio::test]
async fn writes_over_http_are_the_changes_of_the_world() {
    let face = Face::new(2, 1, 1).await;
    let (group, user) = (face.world.okta_group(0), face.world.okta_user(1));
    let member = format!("/api/v1/groups/{group}/users/{user}");
    for _ in 0..2 {
        assert_eq!(face.send(Method::PUT, &member, None).await.unwrap().status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(face.world.okta.member_ids(&group).len(), 2);
    face.send(Method::DELETE, &member, None).await.unwrap();
    let everyone = format!("/api/v1/groups/{}/users/{user}", face.world.okta.everyone());
    assert_eq!(face.send(Method::DELETE, &everyone, None).await.unwrap().status(), StatusCode::FORBIDDEN);
    let made: Value = face
        .send(Method::POST, "/api/v1/groups", Some(json!({"profile": {"name": "new", "description": "d"}})))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let path = format!("/api/v1/groups/{}", made["id"].as_str().unwrap());
    face.send(Method::PUT, &path, Some(json!({"profile": {"name": "newer", "description": null}}))).await.unwrap();
    assert_eq!(face.json(&path).await["profile"], json!({"name": "newer", "description": null}));
    face.send(Method::DELETE, &path, None).await.unwrap();
    assert_eq!(face.get(&path).await.status(), StatusCode::NOT_FOUND);
    let suspend = format!("/api/v1/users/{user}/lifecycle/suspend");
    assert_eq!(face.send(Method::POST, &suspend, None).await.unwrap().status(), StatusCode::OK);
    assert_eq!(error_code(face.send(Method::POST, &suspend, None).await.unwrap()).await, (403, "E0000038".to_owned()));
    let types: Vec<&str> = face.world.okta.events().iter().map(|event| event.event_type).collect();
    assert_eq!(
        types,
        [
            "group.user_membership.add",
            "group.user_membership.remove",
            "group.lifecycle.create",
            "group.profile.update",
            "group.lifecycle.delete",
            "user.lifecycle.suspend",
        ]
    );
    let made = face.world.okta.log().iter().filter(|call| call.mutated).count();
    assert_eq!(made, 6, "the second PUT and the second suspension changed nothing");
}

#[tokio::test]
async fn over_the_limit_is_429_until_the_reset_by_oktas_own_clock() {
    let face = Face::new(1, 1, 1).await;
    face.world.okta.limit(Limits::all(2).window(Duration::from_millis(1500)));
    face.world.okta.configure(|settings| settings.skew_ms = 3_600_000);
    let path = format!("/api/v1/groups/{}", face.world.okta_group(0));
    let number = |response: &Response, name: &str| -> i64 { response.headers()[name].to_str().unwrap().parse().unwrap() };
    let first = face.get(&path).await;
    assert_eq!((number(&first, "x-rate-limit-limit"), number(&first, "x-rate-limit-remaining")), (2, 1));
    face.get(&path).await;
    let refused = face.get(&path).await;
    let date = httpdate::parse_http_date(refused.headers()["date"].to_str().unwrap()).unwrap();
    let date = i64::try_from(date.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let wait = number(&refused, "x-rate-limit-reset") - date;
    assert!((1..=3).contains(&wait), "the reset is {wait} s ahead of Okta's Date");
    assert!(refused.headers().get("retry-after").is_none());
    assert_eq!(error_code(refused).await, (429, "E0000047".to_owned()));
    tokio::time::sleep(Duration::from_millis(1600)).await;
    assert_eq!(face.get(&path).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn faults_arrive_as_the_wire_shows_them() {
    let face = Face::new(3, 1, 3).await;
    let path = format!("/api/v1/groups/{}/users", face.world.okta_group(0));
    let strike = |what| face.world.okta.inject(Fault::on("GET /api/v1/groups/{id}/users", what));
    strike(What::Status { status: 503, code: None });
    assert_eq!(error_code(face.get(&path).await).await, (503, "E0000010".to_owned()));
    strike(What::Html { status: 502 });
    let page = face.get(&path).await;
    assert_eq!((page.status().as_u16(), page.headers()["content-type"].to_str().unwrap()), (502, "text/html"));
    strike(What::Truncated);
    let half = face.get(&path).await;
    assert_eq!(half.status(), StatusCode::OK);
    assert!(half.json::<Value>().await.unwrap_err().is_decode());
    strike(What::Empty);
    assert_eq!(face.json(&path).await, json!([]));
    strike(What::CutOff);
    let half = face.get(&path).await;
    assert_eq!(half.status(), StatusCode::OK);
    assert!(half.bytes().await.is_err(), "the connection broke in the middle of the body");
    strike(What::TooManyAtOnce { seconds: 1 });
    let refused = face.get(&path).await;
    let headers = ["x-rate-limit-limit", "x-rate-limit-remaining"].map(|name| refused.headers()[name].to_str().unwrap().to_owned());
    assert_eq!((refused.status().as_u16(), headers), (429, ["0".to_owned(), "0".to_owned()]));
    strike(What::DropBefore);
    assert!(face.send(Method::GET, &path, None).await.is_err());
    strike(What::EndlessCursor);
    assert!(next(&face.get(&path).await).is_some());
    assert_eq!(face.json(&path).await.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_lost_answer_leaves_its_effect() {
    let face = Face::new(2, 1, 1).await;
    face.world.okta.inject(Fault::on("PUT /api/v1/groups/{id}/users/{id}", What::DropAfter));
    let path = format!("/api/v1/groups/{}/users/{}", face.world.okta_group(0), face.world.okta_user(1));
    assert!(face.send(Method::PUT, &path, None).await.is_err());
    assert_eq!(face.world.okta.member_ids(&face.world.okta_group(0)).len(), 2);
    let call = face.world.okta.log().pop().unwrap();
    assert_eq!((call.status, call.mutated), (0, true));
}

#[tokio::test]
async fn a_path_that_does_not_exist_is_e0000008_and_a_bad_body_e0000003() {
    let face = Face::new(1, 1, 1).await;
    assert_eq!(error_code(face.get("/api/v1/nonsense").await).await, (404, "E0000008".to_owned()));
    let deletion = face.send(Method::DELETE, "/api/v1/groups", None).await.unwrap();
    assert_eq!(error_code(deletion).await, (405, "E0000022".to_owned()));
    let request = face.client.post(format!("{}/api/v1/groups", face.server.url())).header("authorization", "SSWS sim-token");
    assert_eq!(error_code(request.body("{").send().await.unwrap()).await, (400, "E0000003".to_owned()));
    assert_eq!(error_code(face.get("/api/v1/groups?filter=name+foo").await).await, (400, "E0000031".to_owned()));
}

#[tokio::test]
async fn the_control_plane_changes_the_world_and_shows_the_calls() {
    let face = Face::new(2, 1, 1).await;
    let control = async |method: Method, path: &str, body: Value| -> (u16, Value) {
        let url = format!("{}/_sim/{path}", face.server.url());
        let response = face.client.request(method, url).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    };
    let changes = json!([
        {"op": "add_group", "name": "AWS-new"},
        {"op": "add_member", "group": "AWS-new", "user": "user0@example.com"},
        {"op": "suspend", "user": "user0"},
    ]);
    let (status, made) = control(Method::POST, "changes", changes).await;
    assert_eq!((status, &made["results"][2]), (200, &json!({"changed": true})));
    let (status, error) = control(Method::POST, "changes", json!({"op": "suspend", "user": "nobody"})).await;
    assert_eq!((status, error["error"].as_str().unwrap().ends_with("there is no user nobody")), (400, true));
    let (_, state) = control(Method::GET, "state", Value::Null).await;
    let group = state["groups"].as_array().unwrap().iter().find(|group| group["name"] == "AWS-new").unwrap();
    assert_eq!(group["members"].as_array().unwrap().len(), 1);
    let fault = json!({"on": "GET /api/v1/groups", "what": {"kind": "status", "status": 500}, "times": 1});
    assert_eq!(control(Method::POST, "faults", fault).await.0, 200);
    assert_eq!(face.get("/api/v1/groups").await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let (_, calls) = control(Method::GET, "calls", Value::Null).await;
    assert_eq!((&calls["total"], &calls["counts"]["GET /api/v1/groups"]), (&json!(1), &json!(1)));
    assert_eq!(control(Method::DELETE, "calls", Value::Null).await.0, 200);
    let settings = json!({"staleness": {"added_ms": 60000}, "kill_after": 1});
    assert_eq!(control(Method::POST, "settings", settings).await.0, 200);
    face.get("/api/v1/groups").await;
    assert!(face.send(Method::GET, "/api/v1/groups", None).await.is_err(), "the process was killed after one call");
    assert_eq!(control(Method::POST, "settings", json!({"page_sise": 1})).await.0, 400);
}
