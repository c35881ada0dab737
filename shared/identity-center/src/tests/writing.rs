//! Writes, and what they make of conflicts, of things that are gone, and of answers that were lost.

use engine::ports::{Effect, GroupChange, WriteTarget};
use serde_json::{Value, json};
use sync_core::error::TargetErrorKind;
use sync_core::ids::Revision;

use super::directory::{Directory, missing, serve, serve_losing};
use super::fake::{Fake, Reply};
use super::{group, kind, membership, user};

fn conflict(members: Value) -> Reply {
    Reply::Error(409, "ConflictException", members)
}

fn internal() -> Reply {
    Reply::Error(500, "InternalServerException", json!({}))
}

fn renamed(name: &str) -> GroupChange {
    GroupChange { display_name: Some(name.to_owned()), description: None }
}

#[tokio::test]
async fn each_write_sends_what_aws_wants() {
    let ids = json!({"GroupId": "g1", "MembershipId": "m1", "IdentityStoreId": "d-test"});
    let fake = Fake::replies([Reply::Ok(ids)]).await;
    let target = fake.target().await;
    assert_eq!(target.create_group("A", "text").await.unwrap(), group("g1"));
    target.create_group("A", "").await.unwrap();
    assert_eq!(target.create_membership(&group("g1"), &user("u1")).await.unwrap(), Effect::Changed);
    assert_eq!(target.delete_membership(&membership("m1")).await.unwrap(), Effect::Changed);
    assert_eq!(target.delete_group(&group("g1"), Some(&Revision::new("r1").unwrap())).await.unwrap(), Effect::Changed);
    assert_eq!(target.delete_group(&group("g1"), None).await.unwrap(), Effect::Changed);
    let bodies: Vec<Value> = fake.requests().into_iter().map(|request| request.body).collect();
    let store = |mut body: Value| {
        body["IdentityStoreId"] = json!("d-test");
        body
    };
    let expected = [
        json!({"DisplayName": "A", "Description": "text"}),
        json!({"DisplayName": "A"}),
        json!({"GroupId": "g1", "MemberId": {"UserId": "u1"}}),
        json!({"MembershipId": "m1"}),
        json!({"GroupId": "g1", "Revision": "r1"}),
        json!({"GroupId": "g1"}),
    ];
    assert_eq!(bodies, expected.map(store));
}

#[tokio::test]
async fn an_update_sends_what_changes_and_null_for_what_goes() {
    let fake = Fake::replies([Reply::Ok(json!({}))]).await;
    let target = fake.target().await;
    let change = GroupChange { display_name: Some("B".to_owned()), description: Some(String::new()) };
    target.update_group(&group("g1"), &change, Some(&Revision::new("r1").unwrap())).await.unwrap();
    target.update_group(&group("g1"), &renamed("C"), None).await.unwrap();
    target.update_group(&group("g1"), &GroupChange::default(), None).await.unwrap();
    let bodies: Vec<Value> = fake.requests().into_iter().map(|request| request.body).collect();
    let both = json!([{"AttributePath": "displayName", "AttributeValue": "B"}, {"AttributePath": "description", "AttributeValue": null}]);
    let name = json!([{"AttributePath": "displayName", "AttributeValue": "C"}]);
    let expected = [
        json!({"IdentityStoreId": "d-test", "GroupId": "g1", "Operations": both, "Revision": "r1"}),
        json!({"IdentityStoreId": "d-test", "GroupId": "g1", "Operations": name}),
    ];
    assert_eq!(bodies, expected);
}

#[tokio::test]
async fn s35_a_membership_that_exists_is_in_effect() {
    let fake = Fake::replies([conflict(json!({"Reason": "UNIQUENESS_CONSTRAINT_VIOLATION"}))]).await;
    let target = fake.target().await;
    assert_eq!(target.create_membership(&group("g"), &user("u")).await.unwrap(), Effect::AlreadyInEffect);
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn s35_a_conflict_over_a_membership_without_a_reason_is_looked_into() {
    let result = |exists: bool| json!({"Results": [{"GroupId": "g", "MemberId": {"UserId": "u"}, "MembershipExists": exists}]});
    let fake = Fake::replies([conflict(json!({})), Reply::Ok(result(true))]).await;
    let answer = fake.target().await.create_membership(&group("g"), &user("u")).await;
    assert_eq!(answer.unwrap(), Effect::AlreadyInEffect);
    assert_eq!(fake.operations(), ["CreateGroupMembership", "IsMemberInGroups"]);

    let members = json!({"GroupMemberships": [{"MembershipId": "m", "GroupId": "g", "MemberId": {"UserId": "u"}}]});
    let fake = Fake::replies([conflict(json!({})), Reply::Error(400, "UnknownOperationException", json!({})), Reply::Ok(members)]).await;
    let answer = fake.target().await.create_membership(&group("g"), &user("u")).await;
    assert_eq!(answer.unwrap(), Effect::AlreadyInEffect, "the list answers where the question is not known");

    let fake = Fake::replies([conflict(json!({"Reason": "NEW_REASON"})), Reply::Ok(result(false))]).await;
    let answer = fake.target().await.create_membership(&group("g"), &user("u")).await;
    assert_eq!(kind(answer), TargetErrorKind::ConcurrentModification);

    let fake = Fake::replies([conflict(json!({"Reason": "CONCURRENT_MODIFICATION"}))]).await;
    let answer = fake.target().await.create_membership(&group("g"), &user("u")).await;
    assert_eq!((kind(answer), fake.requests().len()), (TargetErrorKind::ConcurrentModification, 1));
}

#[tokio::test]
async fn s35_what_is_gone_already_is_deleted() {
    let fake = Fake::replies([missing("GROUP_MEMBERSHIP"), missing("GROUP")]).await;
    let target = fake.target().await;
    assert_eq!(target.delete_membership(&membership("m")).await.unwrap(), Effect::AlreadyInEffect);
    assert_eq!(target.delete_group(&group("g"), None).await.unwrap(), Effect::AlreadyInEffect);
    let unspecified = Reply::Error(400, "ResourceNotFoundException", json!({}));
    let target = Fake::replies([unspecified]).await.target().await;
    assert_eq!(target.delete_membership(&membership("m")).await.unwrap(), Effect::AlreadyInEffect);
}

#[tokio::test]
async fn s35_a_missing_store_is_no_deletion_and_a_missing_group_is_no_membership() {
    let fake = Fake::replies([missing("IDENTITY_STORE")]).await;
    let target = fake.target().await;
    assert_eq!(kind(target.delete_membership(&membership("m")).await), TargetErrorKind::NotFound);
    assert_eq!(kind(target.delete_group(&group("g"), None).await), TargetErrorKind::NotFound);
    let target = Fake::replies([missing("GROUP")]).await.target().await;
    assert_eq!(kind(target.create_membership(&group("g"), &user("u")).await), TargetErrorKind::NotFound);
    assert_eq!(kind(target.update_group(&group("g"), &renamed("B"), None).await), TargetErrorKind::NotFound);
}

#[tokio::test]
async fn s35_a_name_that_is_taken_is_said_to_be() {
    for reason in [json!({"Reason": "UNIQUENESS_CONSTRAINT_VIOLATION"}), json!({})] {
        let target = Fake::replies([conflict(reason)]).await.target().await;
        assert_eq!(kind(target.create_group("A", "").await), TargetErrorKind::NameTaken);
    }
    let target = Fake::replies([conflict(json!({"Reason": "UNIQUENESS_CONSTRAINT_VIOLATION"}))]).await.target().await;
    assert_eq!(kind(target.update_group(&group("g"), &renamed("B"), None).await), TargetErrorKind::NameTaken);
}

#[tokio::test]
async fn a_group_that_someone_else_changed_is_a_concurrent_modification() {
    let (fake, _) = serve(Directory::of(0, 1, 0)).await;
    let old = Revision::new("an older name").unwrap();
    let answer = fake.target().await.update_group(&group("g0"), &renamed("B"), Some(&old)).await;
    assert_eq!(kind(answer), TargetErrorKind::ConcurrentModification);
    assert_eq!(fake.operations(), ["UpdateGroup", "DescribeGroup"]);
}

#[tokio::test]
async fn an_update_whose_answer_was_lost_is_found_done() {
    let (fake, directory) = serve_losing(Directory::of(0, 1, 0), &[0], internal()).await;
    let revision = Revision::new("AWS-0").unwrap();
    fake.target().await.update_group(&group("g0"), &renamed("AWS-B"), Some(&revision)).await.unwrap();
    assert_eq!(fake.operations(), ["UpdateGroup", "UpdateGroup", "DescribeGroup"]);
    assert_eq!(directory.lock().unwrap().groups[0].1, "AWS-B");
}

#[tokio::test]
async fn memberships_and_deletions_whose_answers_were_lost_are_found_done() {
    for error in [internal(), Reply::Broken, Reply::Raw(502, "text/html", "<html>".to_owned())] {
        let (fake, directory) = serve_losing(Directory::of(1, 1, 0), &[0, 2, 4], error).await;
        let target = fake.target().await;
        assert_eq!(target.create_membership(&group("g0"), &user("u0")).await.unwrap(), Effect::AlreadyInEffect);
        let id = directory.lock().unwrap().memberships[0].0.clone();
        assert_eq!(directory.lock().unwrap().memberships.len(), 1);
        assert_eq!(target.delete_membership(&membership(&id)).await.unwrap(), Effect::AlreadyInEffect);
        assert_eq!(target.delete_group(&group("g0"), None).await.unwrap(), Effect::AlreadyInEffect);
        assert!(directory.lock().unwrap().groups.is_empty() && directory.lock().unwrap().memberships.is_empty());
    }
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_a_name_that_is_taken() {
    let (fake, directory) = serve_losing(Directory::of(0, 0, 0), &[0], internal()).await;
    assert_eq!(kind(fake.target().await.create_group("A", "").await), TargetErrorKind::NameTaken);
    assert_eq!(directory.lock().unwrap().groups.len(), 1, "one group, which the caller now finds by its name");
}

#[tokio::test]
async fn a_new_group_without_a_usable_id_is_malformed() {
    let target = Fake::replies([Reply::Ok(json!({}))]).await.target().await;
    assert_eq!(kind(target.create_group("A", "").await), TargetErrorKind::Malformed);
}
