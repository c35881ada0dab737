//! AWS's HTTP face: operations, exceptions, paging, revisions, throttling.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

use std::net::SocketAddr;

use reqwest::Client;
use serde_json::{Value, json};
use sim::http::{Server, serve_aws};
use sim::identity_center::{ExternalId, Throttle, Throttles};
use sim::{Fault, Shape, Time, What, World};

struct Face {
    world: World,
    server: Server,
    client: Client,
}

impl Face {
    async fn new(users: usize, groups: usize, members: usize) -> Self {
        let world = World::of(&Shape { users, groups, members, ..Shape::default() }, Time::Real);
        let server = serve_aws(world.aws.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        Self { world, server, client: Client::new() }
    }

    async fn send(&self, target: &str, body: &Value) -> reqwest::Result<(u16, Value)> {
        let request =
            self.client.post(self.server.url()).header("x-amz-target", target).header("content-type", "application/x-amz-json-1.1");
        let response = request.body(body.to_string()).send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    async fn call(&self, operation: &str, mut body: Value) -> Value {
        body["IdentityStoreId"] = "d-906756e3ab".into();
        let (status, answer) = self.send(&format!("AWSIdentityStore.{operation}"), &body).await.unwrap();
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    /// The exception's name, and its `Reason` or `ResourceType`.
    async fn refused(&self, operation: &str, mut body: Value) -> (String, String) {
        body["IdentityStoreId"] = "d-906756e3ab".into();
        let (status, answer) = self.send(&format!("AWSIdentityStore.{operation}"), &body).await.unwrap();
        assert!(status >= 400, "{operation}: {answer}");
        assert!(answer["RequestId"].is_string());
        let detail = answer.get("Reason").or(answer.get("ResourceType")).and_then(Value::as_str).unwrap_or_default();
        (answer["__type"].as_str().unwrap().to_owned(), detail.to_owned())
    }
}

fn pair(one: &str, other: &str) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

const NOT_UNIQUE: &str = "UNIQUENESS_CONSTRAINT_VIOLATION";

#[tokio::test]
async fn a_user_lives_and_dies() {
    let face = Face::new(0, 0, 0).await;
    let new = json!({
        "UserName": "ada@example.com", "DisplayName": "Ada", "Name": {"GivenName": "Ada", "FamilyName": "L"},
        "Emails": [{"Value": "ada@example.com", "Primary": true}],
    });
    let id = face.call("CreateUser", new.clone()).await["UserId"].clone();
    assert_eq!(face.refused("CreateUser", new.clone()).await, pair("ConflictException", NOT_UNIQUE));
    let mut same_mail = new.clone();
    same_mail["UserName"] = "other".into();
    assert_eq!(face.refused("CreateUser", same_mail).await, pair("ConflictException", NOT_UNIQUE));
    assert_eq!(face.refused("CreateUser", json!({"UserName": "x"})).await.0, "ValidationException");
    let user = face.call("DescribeUser", json!({"UserId": id})).await;
    assert_eq!((&user["UserStatus"], &user["Name"]["GivenName"]), (&json!("ENABLED"), &json!("Ada")));
    assert!(user.get("ExternalIds").is_none() && user["CreatedAt"].is_f64());
    let operations = json!([
        {"AttributePath": "displayName", "AttributeValue": "Ada L"},
        {"AttributePath": "name.familyName", "AttributeValue": "Lovelace"},
        {"AttributePath": "emails", "AttributeValue": [{"value": "al@example.com", "primary": true}]},
    ]);
    face.call("UpdateUser", json!({"UserId": id, "Operations": operations, "Revision": user["Revision"]})).await;
    let changed = face.call("DescribeUser", json!({"UserId": id})).await;
    assert_eq!(changed["Name"], json!({"GivenName": "Ada", "FamilyName": "Lovelace"}));
    assert_eq!(changed["Emails"], json!([{"Value": "al@example.com", "Primary": true}]));
    let stale = json!({"UserId": id, "Operations": operations, "Revision": user["Revision"]});
    assert_eq!(face.refused("UpdateUser", stale).await, pair("ConflictException", "CONCURRENT_MODIFICATION"));
    let rename = json!({"UserId": id, "Operations": [{"AttributePath": "userName", "AttributeValue": "x"}]});
    assert_eq!(face.refused("UpdateUser", rename).await.0, "ValidationException");
    let look_up =
        |path: &str, value: &str| json!({"AlternateIdentifier": {"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}}});
    assert_eq!(face.call("GetUserId", look_up("userName", "ADA@example.com")).await["UserId"], id);
    assert_eq!(face.call("GetUserId", look_up("emails.value", "al@example.com")).await["UserId"], id);
    assert_eq!(face.refused("GetUserId", look_up("displayName", "Ada L")).await.0, "ValidationException");
    face.call("DeleteUser", json!({"UserId": id})).await;
    assert_eq!(face.refused("DeleteUser", json!({"UserId": id})).await, pair("ResourceNotFoundException", "USER"));
}

#[tokio::test]
async fn a_group_lives_and_dies() {
    let face = Face::new(0, 0, 0).await;
    let made = face.call("CreateGroup", json!({"DisplayName": "AWS-a", "Description": "d"})).await;
    let id = &made["GroupId"];
    assert_eq!(face.refused("CreateGroup", json!({"DisplayName": "aws-A"})).await, pair("ConflictException", NOT_UNIQUE));
    for bad in [json!({}), json!({"DisplayName": "AWSAdministrators"}), json!({"DisplayName": "x", "Description": ""})] {
        assert_eq!(face.refused("CreateGroup", bad).await.0, "ValidationException");
    }
    let rename = |value: Value| json!({"GroupId": id, "Operations": [{"AttributePath": "displayName", "AttributeValue": value}]});
    let mut at_revision = rename("AWS-b".into());
    at_revision["Revision"] = made["Revision"].clone();
    let revision = face.call("UpdateGroup", at_revision.clone()).await["Revision"].clone();
    assert_ne!(revision, made["Revision"]);
    assert_eq!(face.refused("UpdateGroup", at_revision).await, pair("ConflictException", "CONCURRENT_MODIFICATION"));
    let unset = json!({"GroupId": id, "Operations": [{"AttributePath": "description"}]});
    face.call("UpdateGroup", unset).await;
    let group = face.call("DescribeGroup", json!({"GroupId": id})).await;
    assert_eq!((&group["DisplayName"], group.get("Description")), (&json!("AWS-b"), None));
    let named = json!({"Filters": [{"AttributePath": "DisplayName", "AttributeValue": "AWS-b"}]});
    assert_eq!(face.call("ListGroups", named).await["Groups"].as_array().unwrap().len(), 1);
    let odd = json!({"Filters": [{"AttributePath": "externalId", "AttributeValue": "x"}]});
    assert_eq!(face.refused("ListGroups", odd).await.0, "ValidationException");
    let stale = json!({"GroupId": id, "Revision": revision});
    assert_eq!(face.refused("DeleteGroup", stale).await, pair("ConflictException", "CONCURRENT_MODIFICATION"));
    face.call("DeleteGroup", json!({"GroupId": id})).await;
    assert_eq!(face.refused("DescribeGroup", json!({"GroupId": id})).await, pair("ResourceNotFoundException", "GROUP"));
}

#[tokio::test]
async fn an_external_id_finds_what_carries_it() {
    let face = Face::new(1, 1, 1).await;
    face.world.aws.set_group_external_ids(&face.world.group(0), &[ExternalId { issuer: "i".to_owned(), id: "00g1".to_owned() }]);
    let by = |issuer: &str, id: &str| json!({"AlternateIdentifier": {"ExternalId": {"Issuer": issuer, "Id": id}}});
    assert_eq!(face.call("GetGroupId", by("i", "00g1")).await["GroupId"], face.world.group(0).as_str());
    assert_eq!(face.refused("GetGroupId", by("j", "00g1")).await.0, "ResourceNotFoundException");
    let user = face.call("DescribeUser", json!({"UserId": face.world.user(0).as_str()})).await;
    assert_eq!(user["ExternalIds"][0]["Id"], face.world.okta_user(0).as_str());
    assert_eq!(
        face.call("GetUserId", by(user["ExternalIds"][0]["Issuer"].as_str().unwrap(), face.world.okta_user(0).as_str())).await["UserId"],
        face.world.user(0).as_str()
    );
}

#[tokio::test]
async fn a_membership_is_unique_and_is_deleted_by_its_id() {
    let face = Face::new(2, 1, 1).await;
    let (group, user) = (face.world.group(0), face.world.user(1));
    let wanted = json!({"GroupId": group.as_str(), "MemberId": {"UserId": user.as_str()}});
    let id = face.call("CreateGroupMembership", wanted.clone()).await["MembershipId"].clone();
    assert_eq!(face.refused("CreateGroupMembership", wanted.clone()).await, pair("ConflictException", NOT_UNIQUE));
    assert_eq!(face.call("GetGroupMembershipId", wanted.clone()).await["MembershipId"], id);
    assert_eq!(face.call("DescribeGroupMembership", json!({"MembershipId": id})).await["MemberId"], wanted["MemberId"]);
    let asked = json!({"MemberId": wanted["MemberId"], "GroupIds": [group.as_str(), "906756e3ab-0"]});
    let answers = face.call("IsMemberInGroups", asked).await["Results"].clone();
    assert_eq!((&answers[0]["MembershipExists"], &answers[1]["MembershipExists"]), (&json!(true), &json!(false)));
    let of_member = face.call("ListGroupMembershipsForMember", json!({"MemberId": wanted["MemberId"]})).await;
    assert_eq!(of_member["GroupMemberships"][0]["MembershipId"], id);
    face.call("DeleteGroupMembership", json!({"MembershipId": id})).await;
    let again = face.refused("DeleteGroupMembership", json!({"MembershipId": id})).await;
    assert_eq!(again, pair("ResourceNotFoundException", "GROUP_MEMBERSHIP"));
    assert_eq!(face.refused("GetGroupMembershipId", wanted.clone()).await.1, "GROUP_MEMBERSHIP");
    let nobody = json!({"GroupId": group.as_str(), "MemberId": {"UserId": "906756e3ab-0"}});
    assert_eq!(face.refused("CreateGroupMembership", nobody).await, pair("ResourceNotFoundException", "USER"));
    assert_eq!(face.refused("ListGroupMemberships", json!({"GroupId": "906756e3ab-0"})).await.1, "GROUP");
}

async fn all_users(face: &Face, size: Option<u64>) -> (usize, usize) {
    let (mut users, mut pages, mut token) = (0, 0, Value::Null);
    loop {
        let mut body = json!({"MaxResults": size});
        if !token.is_null() {
            body["NextToken"] = token;
        }
        let page = face.call("ListUsers", body).await;
        users += page["Users"].as_array().unwrap().len();
        pages += 1;
        token = page["NextToken"].clone();
        if token.is_null() {
            return (users, pages);
        }
    }
}

#[tokio::test]
async fn s34_lists_come_in_pages_of_a_hundred_at_most() {
    for (users, pages) in [(100, 1), (101, 2), (201, 3)] {
        assert_eq!(all_users(&Face::new(users, 0, 0).await, None).await, (users, pages));
    }
    let face = Face::new(3, 0, 0).await;
    assert_eq!(all_users(&face, Some(2)).await, (3, 2));
    face.world.aws.configure(|settings| (settings.page_size, settings.empty_pages) = (1, true));
    assert_eq!(all_users(&face, None).await, (3, 6));
    assert_eq!(face.refused("ListUsers", json!({"MaxResults": 101})).await.0, "ValidationException");
    assert_eq!(face.refused("ListUsers", json!({"NextToken": "nonsense"})).await.0, "ValidationException");
}

#[tokio::test]
async fn each_api_has_a_bucket_or_all_have_one() {
    let face = Face::new(1, 1, 1).await;
    let slow = Throttle { per_second: 0.001, burst: 2.0, together: false };
    face.world.aws.throttle(Throttles { identity_store: Some(slow), ..Throttles::default() });
    for _ in 0..2 {
        face.call("ListUsers", json!({})).await;
        face.call("ListGroups", json!({})).await;
    }
    assert_eq!(face.refused("ListUsers", json!({})).await.0, "ThrottlingException");
    assert_eq!(face.world.aws.throttled().len(), 1);
    face.world.aws.throttle(Throttles { identity_store: Some(Throttle { together: true, ..slow }), ..Throttles::default() });
    face.call("ListUsers", json!({})).await;
    face.call("ListGroups", json!({})).await;
    assert_eq!(face.refused("DescribeIdentityStore", json!({})).await.0, "ThrottlingException");
    let (status, _) = face.send("SWBExternalService.ListInstances", &json!({})).await.unwrap();
    assert_eq!(status, 200, "sso-admin has a limit of its own");
}

#[tokio::test]
async fn the_store_is_found_and_another_one_is_not_there() {
    let face = Face::new(0, 0, 0).await;
    face.world.aws.configure(|settings| settings.instances = 2);
    let (_, found) = face.send("SWBExternalService.ListInstances", &json!({})).await.unwrap();
    let instances = found["Instances"].as_array().unwrap();
    assert_eq!((instances.len(), &instances[0]["IdentityStoreId"]), (2, &json!("d-906756e3ab")));
    let arn = json!({"InstanceArn": instances[0]["InstanceArn"]});
    let (_, described) = face.send("SWBExternalService.DescribeInstance", &arn).await.unwrap();
    assert_eq!(described["PermissionSetsEnabled"], true);
    let stores = face.call("ListIdentityStores", json!({})).await;
    assert_eq!(stores["IdentityStores"][0]["IdentityStoreId"], "d-906756e3ab");
    let (status, error) = face.send("AWSIdentityStore.ListUsers", &json!({"IdentityStoreId": "d-0000000000"})).await.unwrap();
    assert_eq!((status, &error["ResourceType"]), (400, &json!("IDENTITY_STORE")));
    for target in ["AWSIdentityStore.Nonsense", "Nonsense.ListUsers", ""] {
        assert_eq!(face.send(target, &json!({})).await.unwrap().1["__type"], "UnknownOperationException");
    }
}

#[tokio::test]
async fn faults_arrive_as_exceptions_or_as_nothing_at_all() {
    let face = Face::new(2, 1, 1).await;
    let strike = |what| face.world.aws.inject(Fault::on("CreateGroupMembership", what));
    let wanted = json!({"GroupId": face.world.group(0).as_str(), "MemberId": {"UserId": face.world.user(1).as_str()}});
    strike(What::Exception { name: "ConflictException".to_owned(), reason: Some("CONCURRENT_MODIFICATION".to_owned()) });
    assert_eq!(face.refused("CreateGroupMembership", wanted.clone()).await.1, "CONCURRENT_MODIFICATION");
    strike(What::Status { status: 403, code: None });
    assert_eq!(face.refused("CreateGroupMembership", wanted.clone()).await.0, "AccessDeniedException");
    strike(What::Status { status: 500, code: None });
    assert_eq!(face.refused("CreateGroupMembership", wanted.clone()).await.0, "InternalServerException");
    let mut body = wanted.clone();
    body["IdentityStoreId"] = "d-906756e3ab".into();
    for (what, members) in [(What::DropBefore, 1), (What::DropAfter, 2)] {
        strike(what);
        assert!(face.send("AWSIdentityStore.CreateGroupMembership", &body).await.is_err());
        assert_eq!(face.world.aws.member_ids(&face.world.group(0)).len(), members);
    }
    let log = face.world.aws.log();
    assert_eq!(log.iter().filter(|call| call.mutated).count(), 1);
    assert!(log[0].target.contains(&format!("UserId={}", face.world.user(1))), "{}", log[0].target);
}

#[tokio::test]
async fn the_control_plane_changes_the_store() {
    let face = Face::new(1, 1, 1).await;
    let post = async |path: &str, body: Value| -> (u16, Value) {
        let response = face.client.post(format!("{}/_sim/{path}", face.server.url())).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    };
    let changes = json!([
        {"op": "add_user", "user_name": "hand@example.com"},
        {"op": "add_member", "group": "AWS-000", "user": "hand@example.com"},
        {"op": "remove_member", "group": "AWS-000", "user": "user0@example.com"},
    ]);
    assert_eq!(post("changes", changes).await.0, 200);
    let members = face.world.aws.members_by_name();
    assert_eq!(members["AWS-000"].iter().map(String::as_str).collect::<Vec<_>>(), ["hand@example.com"]);
    let taken = post("changes", json!({"op": "add_group", "display_name": "aws-000"})).await;
    assert_eq!(taken.0, 400);
    let throttles = json!({"throttles": {"identity_store": {"per_second": 0.001, "burst": 1, "together": true}}, "latency_ms": 1});
    assert_eq!(post("settings", throttles).await.0, 200);
    face.call("ListUsers", json!({})).await;
    assert_eq!(face.refused("ListUsers", json!({})).await.0, "ThrottlingException");
}
