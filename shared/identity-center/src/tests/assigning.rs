//! Assignments made and deleted, and what becomes of conflicts, of limits, of things that are gone, and of answers that were lost.

use std::time::Duration;

use engine::ports::{ReadAssignments, TargetCalls, WriteAssignments};
use serde_json::{Value, json};
use sync_core::error::TargetErrorKind;
use sync_core::records::{Assignment, AssignmentOperation, OperationStatus};
use tokio::time::Instant;

use super::admin::{self, Admin, serve, serve_losing};
use super::fake::{Fake, INSTANCE, Reply};
use super::{SOON, account, group, kind, missing_key, missing_something, permission_set};

fn assignment() -> Assignment {
    Assignment { group: group("g0"), account: account(&admin::account(0)), permission_set: permission_set(&admin::set(0)) }
}

fn assigned() -> Admin {
    Admin { assignments: vec![("g0".to_owned(), admin::account(0), admin::set(0))], ..Admin::empty() }
}

fn conflict() -> Reply {
    Reply::Error(400, "ConflictException", json!({}))
}

fn throttled() -> Reply {
    Reply::Error(400, "ThrottlingException", json!({"Message": "There are too many requests processing. Please try again later."}))
}

#[tokio::test]
async fn an_assignment_is_begun_looked_at_and_taken_away_again() {
    let (fake, admin) = serve(Admin::empty()).await;
    let target = fake.target().await;
    let begun = target.create_assignment(&assignment()).await.unwrap();
    assert_eq!((begun.id.as_str(), &begun.status, &begun.assignment), ("request-0", &OperationStatus::InProgress, &Some(assignment())));
    assert_eq!(target.requests_in_progress(AssignmentOperation::Create).await.unwrap()[0].id, begun.id);
    let ended = target.request(AssignmentOperation::Create, &begun.id).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.assignment), (OperationStatus::Succeeded, Some(assignment())));
    assert_eq!(target.assignments_of_group(&group("g0")).await.unwrap(), [assignment()]);

    let begun = target.delete_assignment(&assignment()).await.unwrap();
    assert_eq!((begun.id.as_str(), &begun.status, &begun.assignment), ("request-1", &OperationStatus::InProgress, &Some(assignment())));
    target.request(AssignmentOperation::Delete, &begun.id).await.unwrap();
    assert!(admin.lock().unwrap().assignments.is_empty());
    assert_eq!(target.aws.calls(), TargetCalls { sso_admin: 6, ..TargetCalls::default() });
}

#[tokio::test]
async fn each_write_of_an_assignment_sends_what_aws_wants() {
    let (fake, _) = serve(assigned()).await;
    let target = fake.target().await;
    target.delete_assignment(&assignment()).await.unwrap();
    let other = Assignment { group: group("g1"), ..assignment() };
    target.create_assignment(&other).await.unwrap();
    let sent: Vec<(String, Value)> = fake.requests().into_iter().map(|request| (request.operation, request.body)).collect();
    let body = |group: &str| {
        json!({
            "InstanceArn": INSTANCE, "TargetType": "AWS_ACCOUNT", "TargetId": admin::account(0), "PrincipalType": "GROUP",
            "PrincipalId": group, "PermissionSetArn": admin::set(0),
        })
    };
    let expected = [("DeleteAccountAssignment".to_owned(), body("g0")), ("CreateAccountAssignment".to_owned(), body("g1"))];
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn an_end_that_comes_with_the_answer_is_taken_for_one() {
    let status = |status: &str| json!({"RequestId": "r1", "Status": status, "FailureReason": "role quota"});
    let answer =
        |word: &str| Reply::Ok(json!({"AccountAssignmentCreationStatus": status(word), "AccountAssignmentDeletionStatus": status(word)}));
    let target = Fake::replies([answer("SUCCEEDED")]).await.target().await;
    let created = target.create_assignment(&assignment()).await.unwrap();
    assert_eq!((created.status, created.assignment), (OperationStatus::Succeeded, Some(assignment())));
    let target = Fake::replies([answer("FAILED")]).await.target().await;
    let deleted = target.delete_assignment(&assignment()).await.unwrap();
    assert_eq!(deleted.status, OperationStatus::Failed("role quota".to_owned()));
}

#[tokio::test]
async fn s35_a_conflict_over_an_assignment_is_handed_on_at_once() {
    let fake = Fake::replies([conflict()]).await;
    let target = fake.target().await;
    assert_eq!(kind(target.create_assignment(&assignment()).await), TargetErrorKind::ConcurrentModification);
    assert_eq!(kind(target.delete_assignment(&assignment()).await), TargetErrorKind::ConcurrentModification);
    assert_eq!(fake.requests().len(), 2, "whoever waits for the other operation asks again");

    let (fake, _) = serve(assigned()).await;
    let target = fake.target().await;
    target.delete_assignment(&assignment()).await.unwrap();
    assert_eq!(kind(target.create_assignment(&assignment()).await), TargetErrorKind::ConcurrentModification);
}

#[tokio::test]
async fn s37_too_many_at_once_is_throttled_after_a_few_attempts() {
    let fake = Fake::replies([throttled()]).await;
    let target = fake.target().await;
    let start = Instant::now();
    let (created, deleted) = (target.create_assignment(&assignment()).await, target.delete_assignment(&assignment()).await);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(fake.requests().len(), 8);
    for error in [created.unwrap_err(), deleted.unwrap_err()] {
        assert_eq!(error.kind, TargetErrorKind::Throttled);
        assert!(error.detail.contains("as AWS allows at a time"), "{error}");
    }
}

#[tokio::test]
async fn s37_a_place_that_becomes_free_is_taken() {
    let begun = Reply::Ok(json!({"AccountAssignmentCreationStatus": {"RequestId": "r1", "Status": "IN_PROGRESS"}}));
    let fake = Fake::replies([throttled(), throttled(), begun]).await;
    let target = fake.target().await;
    assert_eq!(target.create_assignment(&assignment()).await.unwrap().id.as_str(), "r1");
    assert_eq!(target.aws.calls().sso_admin, 3);
}

#[tokio::test]
async fn an_assignment_whose_answer_was_lost_is_made_once() {
    let internal = Reply::Error(500, "InternalServerException", json!({}));
    for error in [internal, Reply::Broken, Reply::Raw(502, "text/html", "<html>".to_owned())] {
        let (fake, admin) = serve_losing(Admin::empty(), &[0], error).await;
        let target = fake.target().await;
        let begun = target.create_assignment(&assignment()).await.unwrap();
        assert_eq!((begun.id.as_str(), admin.lock().unwrap().operations.len()), ("request-0", 1));
        assert_eq!(fake.operations(), ["CreateAccountAssignment"; 2]);
    }
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_and_that_conflicts_with_itself_is_a_conflict() {
    let fake = Fake::replies([Reply::Error(500, "InternalServerException", json!({})), conflict()]).await;
    assert_eq!(kind(fake.target().await.create_assignment(&assignment()).await), TargetErrorKind::ConcurrentModification);
}

#[tokio::test]
async fn a_deletion_whose_answer_was_lost_is_met_under_way_or_found_done() {
    let internal = || Reply::Error(500, "InternalServerException", json!({}));
    let (fake, admin) = serve_losing(assigned(), &[0], internal()).await;
    assert_eq!(fake.target().await.delete_assignment(&assignment()).await.unwrap().id.as_str(), "request-0");
    assert_eq!(admin.lock().unwrap().operations.len(), 1);

    // Done before it is asked for again.
    let fake = Fake::replies([internal(), missing_something(), Reply::Ok(json!({"AccountAssignments": []}))]).await;
    let gone = fake.target().await.delete_assignment(&assignment()).await.unwrap();
    assert_eq!((gone.id.as_str(), gone.status), ("already-gone", OperationStatus::Succeeded));
}

#[tokio::test]
async fn s35_an_assignment_that_is_not_in_its_list_is_gone_already() {
    let (fake, _) = serve(Admin { assignments: vec![("g1".to_owned(), admin::account(0), admin::set(0))], ..Admin::empty() }).await;
    let gone = fake.target().await.delete_assignment(&assignment()).await.unwrap();
    assert_eq!((gone.id.as_str(), gone.status, gone.assignment), ("already-gone", OperationStatus::Succeeded, Some(assignment())));
    assert_eq!(fake.operations(), ["DeleteAccountAssignment", "ListAccountAssignments"]);
}

#[tokio::test]
async fn s42_what_is_missing_is_not_the_assignment_unless_its_list_says_so() {
    let row = json!({"PrincipalType": "GROUP", "PrincipalId": "g0", "AccountId": admin::account(0), "PermissionSetArn": admin::set(0)});
    let denied = Reply::Error(400, "AccessDeniedException", json!({}));
    let cases = [
        (vec![missing_something(), Reply::Ok(json!({"AccountAssignments": [row]}))], TargetErrorKind::NotFound, 2),
        (vec![missing_something(), missing_something()], TargetErrorKind::NotFound, 2),
        (vec![missing_something(), denied], TargetErrorKind::Denied, 2),
        (vec![missing_key()], TargetErrorKind::NotFound, 1),
    ];
    for (replies, expected, requests) in cases {
        let shown = format!("{replies:?}");
        let fake = Fake::replies(replies).await;
        assert_eq!(kind(fake.target().await.delete_assignment(&assignment()).await), expected, "{shown}");
        assert_eq!(fake.requests().len(), requests, "{shown}");
    }
    let target = Fake::replies([missing_something()]).await.target().await;
    assert_eq!(kind(target.create_assignment(&assignment()).await), TargetErrorKind::NotFound);
}

#[tokio::test]
async fn s41_a_delegated_administrator_is_told_what_it_cannot_change() {
    let fake = Fake::replies([Reply::Error(400, "AccessDeniedException", json!({}))]).await;
    let target = fake.target().await;
    let errors = [
        ("sso:CreateAccountAssignment", target.create_assignment(&assignment()).await.unwrap_err()),
        ("sso:DeleteAccountAssignment", target.delete_assignment(&assignment()).await.unwrap_err()),
    ];
    for (action, error) in errors {
        assert_eq!(error.kind, TargetErrorKind::Denied);
        for part in [action, "delegated administrator", "management account"] {
            assert!(error.detail.contains(part), "{part} in {error}");
        }
    }
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test]
async fn a_quota_of_assignments_is_said_to_be_one() {
    let target = Fake::replies([Reply::Error(400, "ServiceQuotaExceededException", json!({}))]).await.target().await;
    assert_eq!(kind(target.create_assignment(&assignment()).await), TargetErrorKind::QuotaExceeded);
}

#[tokio::test]
async fn what_was_begun_is_what_was_asked_for() {
    let begun = |changes: Value| {
        let mut status = json!({"RequestId": "r1", "Status": "IN_PROGRESS", "PrincipalType": "GROUP", "PrincipalId": "g0",
            "TargetId": admin::account(0), "PermissionSetArn": admin::set(0)});
        status.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        Reply::Ok(json!({"AccountAssignmentCreationStatus": status, "AccountAssignmentDeletionStatus": status}))
    };
    let odd = [
        begun(json!({"PrincipalId": "g1"})),
        begun(json!({"TargetId": admin::account(1)})),
        begun(json!({"PermissionSetArn": admin::set(1)})),
        begun(json!({"RequestId": null})),
        begun(json!({"Status": null})),
        Reply::Ok(json!({})),
    ];
    for odd in odd {
        let target = Fake::replies([odd.clone()]).await.target().await;
        assert_eq!(kind(target.create_assignment(&assignment()).await), TargetErrorKind::Malformed, "{odd:?}");
        assert_eq!(kind(target.delete_assignment(&assignment()).await), TargetErrorKind::Malformed, "{odd:?}");
    }
}

#[tokio::test]
async fn a_write_that_is_not_answered_is_left_at_the_deadline() {
    let fake = Fake::replies([Reply::Never]).await;
    let target = fake.target().await.until(Instant::now() + SOON);
    assert_eq!(kind(target.create_assignment(&assignment()).await), TargetErrorKind::OutOfTime);
    assert_eq!(kind(target.delete_assignment(&assignment()).await), TargetErrorKind::OutOfTime);
    assert_eq!(fake.operations(), ["CreateAccountAssignment"]);
}
