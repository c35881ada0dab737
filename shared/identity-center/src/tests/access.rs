//! Trying what AWS allows.

use jiff::Timestamp;
use serde_json::json;

use super::fake::{Fake, Reply};
use crate::api::Api;
use crate::{Access, Found, Purpose, Tried};

/// The clock of the tests: the machine's, as the fake's `Date` header shows it.
#[expect(clippy::disallowed_methods, reason = "the fake's answers carry the machine's time")]
fn now() -> Timestamp {
    Timestamp::now()
}

async fn tried(code: &'static str, on: &'static str) -> (Tried, Vec<String>) {
    let fake = Fake::start(move |request| match request.operation.as_str() {
        operation if operation == on => Reply::Error(400, code, json!({})),
        _ => Reply::Error(400, "ResourceNotFoundException", json!({})),
    });
    let fake = fake.await;
    let tried = fake.target().await.try_all(now).await;
    (tried, fake.operations())
}

fn of<'a>(tried: &'a Tried, operation: &str) -> &'a Access {
    tried.accesses.iter().find(|access| access.operation == operation).unwrap()
}

#[tokio::test]
async fn every_operation_of_the_aws_api_is_tried_once() {
    let (tried, sent) = tried("", "").await;
    let all: Vec<&str> = Api::ALL.iter().map(|api| api.name()).filter(|name| !name.starts_with("SCIM ")).collect();
    assert_eq!(tried.accesses.iter().map(|access| access.operation).collect::<Vec<_>>(), all);
    assert_eq!(sent, all, "one request each, and nothing else");
    assert!(tried.accesses.iter().all(|access| access.found == Found::Allowed), "{tried:?}");
    assert!(tried.clock_ahead_s.is_some_and(|ahead| ahead.abs() <= 2), "{:?}", tried.clock_ahead_s);
}

#[tokio::test]
async fn what_is_denied_is_named_with_its_action_and_what_it_is_for() {
    for (operation, action, purpose) in [
        ("DeleteGroupMembership", "identitystore:DeleteGroupMembership", Purpose::Directory),
        ("CreateAccountAssignment", "sso:CreateAccountAssignment", Purpose::Assignments),
        ("ListAccounts", "organizations:ListAccounts", Purpose::Organization),
        ("ListTagsForResource", "organizations:ListTagsForResource", Purpose::Tags),
    ] {
        let (tried, _) = tried("AccessDeniedException", operation).await;
        let denied: Vec<&Access> = tried.accesses.iter().filter(|access| matches!(access.found, Found::Denied(_))).collect();
        assert_eq!(denied, [of(&tried, operation)], "{operation}");
        assert_eq!((denied[0].iam_action.as_str(), denied[0].purpose), (action, purpose));
    }
}

#[tokio::test]
async fn an_answer_that_tells_nothing_about_permissions_is_no_permission() {
    let (tried, _) = tried("ServiceQuotaExceededException", "CreateGroup").await;
    assert!(matches!(of(&tried, "CreateGroup").found, Found::Unclear(_)));
}

#[tokio::test]
async fn nothing_that_is_tried_could_come_true() {
    let fake = Fake::replies([Reply::Error(400, "ValidationException", json!({}))]).await;
    fake.target().await.try_all(now).await;
    let writes = ["Create", "Update", "Delete"];
    for request in fake.requests().iter().filter(|request| writes.iter().any(|verb| request.operation.starts_with(verb))) {
        let body = request.body.to_string();
        let names_nothing = body.contains("ps-0000000000000000") || has_random_id(&request.body);
        let is_refused_by_name = request.body["DisplayName"] == "Administrator";
        assert!(names_nothing || is_refused_by_name, "{}: {body}", request.operation);
    }
}

#[tokio::test]
async fn a_group_that_is_made_against_what_aws_says_does_not_stay() {
    let fake = Fake::start(|request| match request.operation.as_str() {
        "CreateGroup" => Reply::Ok(json!({"GroupId": "g-made", "IdentityStoreId": "d-test"})),
        _ => Reply::Error(400, "ResourceNotFoundException", json!({})),
    });
    let fake = fake.await;
    fake.target().await.try_all(now).await;
    let deleted = fake.requests().into_iter().filter(|request| request.operation == "DeleteGroup");
    assert!(deleted.into_iter().any(|request| request.body["GroupId"] == "g-made"));
}

#[tokio::test]
async fn what_a_store_that_refuses_nothing_makes_is_undone_at_once_by_what_it_returned() {
    let fake = Fake::start(|request| match request.operation.as_str() {
        "CreateGroup" => Reply::Ok(json!({"GroupId": "g-made", "IdentityStoreId": "d-test"})),
        "CreateUser" => Reply::Ok(json!({"UserId": "u-made", "IdentityStoreId": "d-test"})),
        "CreateGroupMembership" => Reply::Ok(json!({"MembershipId": "m-made", "IdentityStoreId": "d-test"})),
        operation if operation.starts_with("Create") || operation.starts_with("Delete") => Reply::Ok(json!({})),
        _ => Reply::Error(400, "ResourceNotFoundException", json!({})),
    });
    let fake = fake.await;
    let tried = fake.target().await.try_all(now).await;
    let sent = fake.requests();
    let after = |operation: &str| {
        let at = sent.iter().position(|request| request.operation == operation).unwrap();
        (&sent[at], &sent[at + 1])
    };
    for (create, delete, key, id) in [
        ("CreateGroup", "DeleteGroup", "GroupId", "g-made"),
        ("CreateUser", "DeleteUser", "UserId", "u-made"),
        ("CreateGroupMembership", "DeleteGroupMembership", "MembershipId", "m-made"),
    ] {
        let (_, next) = after(create);
        assert_eq!((next.operation.as_str(), &next.body[key]), (delete, &json!(id)));
    }
    let (assigned, next) = after("CreateAccountAssignment");
    assert_eq!((next.operation.as_str(), &next.body), ("DeleteAccountAssignment", &assigned.body));
    assert_eq!(of(&tried, "CreateAccountAssignment").found, Found::Allowed);
}

fn has_random_id(body: &serde_json::Value) -> bool {
    ["GroupId", "UserId", "MembershipId"].iter().any(|key| body[*key].as_str().is_some_and(|id| uuid::Uuid::parse_str(id).is_ok()))
}
