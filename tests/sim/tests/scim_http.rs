//! The SCIM endpoint as AWS's developer guide describes it, over plain HTTP.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

use std::net::SocketAddr;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use sim::http::{Server, serve_aws};
use sim::identity_center::{ScimThrottle, Throttles};
use sim::{Fault, Shape, Time, What, World};

struct Face {
    world: World,
    server: Server,
    client: Client,
}

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

impl Face {
    async fn new(users: usize, groups: usize, members: usize) -> Self {
        let world = World::of(&Shape { users, groups, members, ..Shape::default() }, Time::Real);
        let server = serve_aws(world.aws.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Self { world, server, client: Client::new() }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}/sim-tenant/scim/v2/{path}", self.server.url());
        let request = self.client.request(method, url).bearer_auth("sim-scim-token").header("content-type", "application/scim+json");
        let request = match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, path, Some(body)).await
    }

    async fn patch(&self, path: &str, operations: Value) -> (u16, Value) {
        self.send(Method::PATCH, path, Some(json!({"schemas": [PATCH], "Operations": operations}))).await
    }
}

fn ada() -> Value {
    json!({
        "schemas": [USER, ENTERPRISE], "userName": "ada@example.com", "externalId": "00u1", "displayName": "Ada",
        "name": {"givenName": "Ada", "familyName": "Lovelace"}, "active": true, "title": "Countess",
        "emails": [{"value": "ada@example.com", "type": "work", "primary": true}],
        "phoneNumbers": [{"value": "+44 1", "type": "work"}],
        "addresses": [{"streetAddress": "St James's Square", "country": "GB"}],
        ENTERPRISE: {"department": "Engines", "manager": {"value": "m-1"}},
    })
}

fn changed(key: &str, value: Value) -> Value {
    let mut user = ada();
    user[key] = value;
    user
}

fn without(key: &str) -> Value {
    let mut user = ada();
    user.as_object_mut().unwrap().remove(key);
    user
}

#[tokio::test]
async fn a_user_is_given_back_as_it_was_made_and_shows_in_the_identity_store() {
    let face = Face::new(0, 0, 0).await;
    let (status, made) = face.post("Users", ada()).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    for (key, value) in ada().as_object().unwrap() {
        assert_eq!(&made[key], value, "{key}");
    }
    assert_eq!(made["meta"]["resourceType"], "User");
    assert_eq!(face.get(&format!("Users/{id}")).await, (200, made));
    let store = face.world.aws.user_named("ada@example.com").unwrap();
    assert_eq!(store.attributes["Name"]["FamilyName"], "Lovelace");
    assert_eq!(store.attributes["Extensions"]["aws:identitystore:enterprise"]["manager"]["value"], "m-1");
    let body = json!({"IdentityStoreId": "d-906756e3ab", "UserId": id});
    let describe = face.client.post(face.server.url()).header("x-amz-target", "AWSIdentityStore.DescribeUser").body(body.to_string());
    let seen: Value = describe.send().await.unwrap().json().await.unwrap();
    assert_eq!(seen["ExternalIds"], json!([{"Issuer": "https://scim.example/sim", "Id": "00u1"}]));
    assert_eq!(seen["UserStatus"], "ENABLED");

    let off = json!([{"op": "replace", "path": "active", "value": "False"}]);
    assert_eq!(face.patch(&format!("Users/{id}"), off).await.0, 200);
    assert!(!face.world.aws.user_named("ada@example.com").unwrap().enabled);
    let mut plain = ada();
    plain.as_object_mut().unwrap().retain(|key, _| ["schemas", "userName", "displayName", "name"].contains(&key.as_str()));
    let (status, put) = face.send(Method::PUT, &format!("Users/{id}"), Some(plain)).await;
    assert_eq!((status, put.get("externalId"), put.get("title"), &put["active"]), (200, None, None, &json!(true)));
    assert_eq!(face.send(Method::DELETE, &format!("Users/{id}"), None).await, (204, Value::Null));
    assert_eq!(face.send(Method::DELETE, &format!("Users/{id}"), None).await.0, 404);
}

#[tokio::test]
async fn what_aws_does_not_take_of_a_user_is_400_and_changes_nothing() {
    let face = Face::new(0, 0, 0).await;
    let email = |value: &str| json!({"value": value, "primary": true});
    for bad in [
        without("userName"),
        without("displayName"),
        without("name"),
        without("schemas"),
        changed("name", json!({"givenName": "Ada"})),
        changed("name", json!({"givenName": "A<b>", "familyName": "L"})),
        changed("displayName", json!("50%")),
        changed("displayName", json!("")),
        changed("title", json!("")),
        changed("title", Value::Null),
        changed("title", json!("x".repeat(1025))),
        changed("userName", json!("a b")),
        changed("userName", json!("u".repeat(129))),
        changed("userName", json!("Administrator")),
        changed("externalId", json!("e".repeat(257))),
        changed("emails", json!([email("a@x"), email("b@x")])),
        changed("emails", json!([{"value": "a@x"}])),
        changed("emails", json!([{"value": "a@x", "primary": true, "display": "A"}])),
        changed("phoneNumbers", json!([{"value": "1"}, {"value": "2"}])),
        changed("password", json!("hunter2")),
        changed("groups", json!([])),
        changed("photos", json!([])),
        changed("active", json!(7)),
        json!([]),
        json!("x"),
    ] {
        let (status, body) = face.post("Users", bad.clone()).await;
        assert_eq!((status, &body["status"], &body["schema"]), (400, &json!("400"), &json!([ERROR])), "{bad}");
        assert!(body["exceptionRequestId"].is_string() && body["detail"].is_string());
    }
    assert!(face.world.aws.all_users().is_empty());
}

#[tokio::test]
async fn names_externalids_and_addresses_are_given_once() {
    let face = Face::new(0, 0, 0).await;
    assert_eq!(face.post("Users", ada()).await.0, 201);
    let other = |key: &str, value: &str| {
        let mut user = changed("emails", json!([{"value": "o@x", "primary": true}]));
        (user["userName"], user["externalId"]) = (json!("other"), json!("00u2"));
        user[key] = value.into();
        user
    };
    assert_eq!(face.post("Users", other("userName", "ADA@example.com")).await.0, 409);
    assert_eq!(face.post("Users", other("externalId", "00u1")).await.0, 409);
    let mut same_mail = other("title", "x");
    same_mail["emails"] = ada()["emails"].clone();
    assert_eq!(face.post("Users", same_mail).await.0, 409);
    let (status, made) = face.post("Users", other("title", "x")).await;
    assert_eq!(status, 201);
    let take = json!([{"op": "replace", "path": "userName", "value": "ada@example.com"}]);
    assert_eq!(face.patch(&format!("Users/{}", made["id"].as_str().unwrap()), take).await.0, 409);
    let group = json!({"schemas": [GROUP], "displayName": "AWS-a", "externalId": "00g1"});
    assert_eq!(face.post("Groups", group.clone()).await.0, 201);
    assert_eq!(face.post("Groups", group).await.0, 409);
}

#[tokio::test]
async fn users_are_patched_as_the_guide_allows() {
    let face = Face::new(0, 0, 0).await;
    let id = face.post("Users", ada()).await.1["id"].as_str().unwrap().to_owned();
    let path = format!("Users/{id}");
    let (status, user) = face
        .patch(
            &path,
            json!([
                {"op": "add", "path": "name.middleName", "value": "King"},
                {"op": "replace", "value": {"nickName": "Al", "userName": "al@example.com"}},
                {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "al@example.com"},
                {"op": "remove", "path": "title"},
                {"op": "add", "path": format!("{ENTERPRISE}:costCenter"), "value": "42"},
            ]),
        )
        .await;
    assert_eq!(status, 200, "{user}");
    assert_eq!((&user["name"]["middleName"], &user["nickName"], user.get("title")), (&json!("King"), &json!("Al"), None));
    assert_eq!((&user["userName"], &user["emails"][0]["value"]), (&json!("al@example.com"), &json!("al@example.com")));
    assert_eq!(user[ENTERPRISE], json!({"department": "Engines", "costCenter": "42", "manager": {"value": "m-1"}}));
    for bad in [
        json!([{"op": "remove", "path": "userName"}]),
        json!([{"op": "remove", "path": "name.givenName"}]),
        json!([{"op": "add", "path": "emails", "value": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}]),
        json!([{"op": "add", "path": "groups", "value": []}]),
        json!([{"op": "replace", "path": "title", "value": ""}]),
    ] {
        assert_eq!(face.patch(&path, bad.clone()).await.0, 400, "{bad}");
    }
    assert_eq!(face.get(&path).await.1, user, "nothing of what was refused is kept");
}

#[tokio::test]
async fn a_group_never_tells_its_members_and_takes_a_hundred_changes() {
    let face = Face::new(102, 1, 0).await;
    let path = format!("Groups/{}", face.world.group(0));
    let list = |range: std::ops::Range<usize>| -> Value { range.map(|n| json!({"value": face.world.user(n).as_str()})).collect() };
    let add = |range| json!([{"op": "add", "path": "members", "value": list(range)}]);
    assert_eq!(face.patch(&path, add(0..101)).await.0, 400);
    assert_eq!(face.patch(&path, add(0..100)).await, (204, Value::Null));
    assert_eq!(face.patch(&path, add(0..3)).await.0, 204, "who is a member already changes nothing");
    assert_eq!(face.world.aws.member_ids(&face.world.group(0)).len(), 100);
    assert_eq!(face.get(&path).await.1["members"], json!([]));
    assert_eq!(face.get("Groups").await.1["Resources"][0]["members"], json!([]));
    let both = json!([
        {"op": "add", "path": "members", "value": list(100..102)},
        {"op": "remove", "path": "members", "value": list(0..50)},
        {"op": "remove", "path": format!("members[value eq \"{}\"]", face.world.user(50))},
        {"op": "replace", "value": {"displayName": "AWS-new", "externalId": "00g9"}},
    ]);
    assert_eq!(face.patch(&path, both).await.0, 204);
    let group = face.world.aws.peek_group(&face.world.group(0)).unwrap();
    assert_eq!((group.display_name.as_str(), group.external_ids[0].id.as_str()), ("AWS-new", "00g9"));
    assert_eq!(face.world.aws.member_ids(&group.id).len(), 51);
    for bad in [
        json!([{"op": "replace", "path": "members", "value": list(0..1)}]),
        json!([{"op": "remove", "path": "members"}]),
        json!([{"op": "replace", "path": "description", "value": "x"}]),
        json!([{"op": "remove", "path": "displayName"}]),
    ] {
        assert_eq!(face.patch(&path, bad.clone()).await.0, 400, "{bad}");
    }
    let unknown = json!([{"op": "add", "path": "members", "value": [{"value": face.world.user(60).as_str()}, {"value": "9067-none"}]}]);
    assert_eq!(face.patch(&path, unknown).await.0, 404);
    assert_eq!(face.world.aws.member_ids(&group.id).len(), 51);
    assert_eq!(face.send(Method::PUT, &path, Some(json!({"schemas": [GROUP], "displayName": "x"}))).await.0, 400);
    let new = |n| json!({"schemas": [GROUP], "displayName": "AWS-made", "members": list(0..n)});
    assert_eq!(face.post("Groups", new(101)).await.0, 400);
    let (status, made) = face.post("Groups", new(100)).await;
    assert_eq!((status, &made["members"]), (201, &json!([])));
    assert_eq!(face.world.aws.member_ids(&face.world.aws.group_named("AWS-made").unwrap().id).len(), 100);
}

#[tokio::test]
async fn lists_filter_by_eq_and_page_by_cursor() {
    let face = Face::new(7, 3, 2).await;
    let (user, group) = (face.world.user(0), face.world.group(0));
    let count = async |path: &str| {
        let (status, list) = face.get(path).await;
        (status, list["Resources"].as_array().map(Vec::len))
    };
    for (path, n) in [
        ("Users?filter=userName eq \"USER0@example.com\"".to_owned(), 1),
        (format!("Users?filter=id eq \"{user}\""), 1),
        (format!("Users?filter=groups.value eq \"{group}\""), 2),
        (format!("Users?filter=externalId eq \"{}\"", face.world.okta_user(3)), 1),
        ("Users?filter=externalId eq \"nobody\"".to_owned(), 0),
        ("Groups?filter=displayName eq \"AWS-000\"".to_owned(), 1),
        (format!("Groups?filter=members.value eq \"{user}\""), 1),
        (format!("Groups?filter=id eq \"{group}\" and members eq \"{user}\""), 1),
        ("Users?count=3".to_owned(), 3),
    ] {
        assert_eq!(count(&path).await, (200, Some(n)), "{path}");
    }
    for bad in
        ["Users?filter=userName co \"a\"", "Users?filter=title eq \"x\"", "Users?count=0", "Users?count=101", "Users?cursor=nonsense"]
    {
        assert_eq!(face.get(bad).await.0, 400, "{bad}");
    }
    let (_, plain) = face.get("Users?count=3").await;
    assert_eq!((&plain["totalResults"], &plain["startIndex"], plain.get("nextCursor")), (&json!(7), &json!(1), None));
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let (_, page) = face.get(&format!("Users?count=3&cursor={cursor}")).await;
        assert!(page.get("totalResults").is_none());
        seen.extend(page["Resources"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned()));
        match page.get("nextCursor") {
            Some(next) => next.as_str().unwrap().clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen.len(), 7);
}

#[tokio::test]
async fn the_token_and_the_tenant_are_checked_and_there_is_no_bulk() {
    let face = Face::new(0, 0, 0).await;
    let status = async |path: &str, token: &str| {
        let request = face.client.get(format!("{}{path}", face.server.url())).bearer_auth(token);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("/sim-tenant/scim/v2/Users", "sim-scim-token").await, 200);
    assert_eq!(status("/sim-tenant/scim/v2/Users", "other").await, 401);
    assert_eq!(status("/other-tenant/scim/v2/Users", "sim-scim-token").await, 401);
    for path in ["Bulk", "Me", ".search"] {
        assert_eq!(face.post(path, json!({})).await.0, 404, "{path}");
    }
    assert_eq!(face.get("ServiceProviderConfig").await.1["bulk"]["supported"], false);
    assert_eq!(face.get("ResourceTypes").await.1["totalResults"], 2);
    assert_eq!(face.get(&format!("Schemas/{GROUP}")).await.1["name"], "Group");
    assert_eq!(face.get("Schemas/none").await.0, 404);
}

#[tokio::test]
async fn each_api_has_its_own_limit_and_memberships_one_of_their_own() {
    let face = Face::new(9, 1, 0).await;
    let throttle = ScimThrottle { writes_per_second: 0.001, reads_per_second: 2.0, memberships_per_second: 0.001, memberships_burst: 3.0 };
    let full = ScimThrottle { writes_per_second: 2.0, ..throttle };
    face.world.aws.throttle(Throttles { scim: Some(full), ..Throttles::default() });
    let path = format!("Groups/{}", face.world.group(0));
    let add = |range: std::ops::Range<usize>| {
        let list: Value = range.map(|n| json!({"value": face.world.user(n).as_str()})).collect();
        json!([{"op": "add", "path": "members", "value": list}])
    };
    assert_eq!(face.patch(&path, add(0..3)).await.0, 204);
    assert_eq!(face.patch(&path, add(3..4)).await.0, 429, "of memberships, not of calls");
    assert_eq!(face.send(Method::DELETE, &format!("Users/{}", face.world.user(8)), None).await.0, 204, "another API");
    let settings = json!({"throttles": {"scim": {"writes_per_second": 1.0, "reads_per_second": 1.0, "memberships_per_second": 1.0, "memberships_burst": 1.0}}});
    let url = format!("{}/_sim/settings", face.server.url());
    assert_eq!(face.client.post(url).json(&settings).send().await.unwrap().status().as_u16(), 200);
    assert_eq!(face.get("Users").await.0, 200);
    assert_eq!(face.get("Users").await.0, 429);
}

#[tokio::test]
async fn faults_strike_the_endpoint_like_every_other() {
    let face = Face::new(1, 0, 0).await;
    let path = format!("Users/{}", face.world.user(0));
    face.world.aws.inject(Fault::on("ScimGetUser", What::Throttle { seconds: 7 }));
    let url = format!("{}/sim-tenant/scim/v2/{path}", face.server.url());
    let throttled = face.client.get(&url).bearer_auth("sim-scim-token").send().await.unwrap();
    assert_eq!((throttled.status().as_u16(), throttled.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    face.world.aws.inject(Fault::on("ScimGetUser", What::Status { status: 502, code: None }));
    assert_eq!(face.get(&path).await.0, 502);
    face.world.aws.inject(Fault::on("ScimDeleteUser", What::DropAfter));
    assert!(face.client.delete(&url).bearer_auth("sim-scim-token").send().await.is_err());
    assert!(face.world.aws.all_users().is_empty());
    let log = face.world.aws.log();
    assert_eq!(log.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>(), ["ScimGetUser", "ScimGetUser", "ScimDeleteUser"]);
}
