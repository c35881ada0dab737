//! Finding the instance of an identity store of which only the id was given.

use std::time::Duration;

use engine::ports::{ReadAssignments, TargetCalls};
use serde_json::{Value, json};
use sync_core::error::TargetErrorKind;
use sync_core::records::AssignmentOperation;
use tokio::time::Instant;

use super::fake::{Fake, Reply, Request};
use super::{SOON, group, kind};
use crate::{IdentityCenter, Location};

fn store_only(id: &str) -> Location {
    Location { identity_store_id: id.to_owned(), instance_arn: None }
}

fn instances() -> Value {
    json!([
        {"InstanceArn": "arn:other", "IdentityStoreId": "d-other", "Status": "ACTIVE"},
        {"InstanceArn": "arn:dying", "IdentityStoreId": "d-test", "Status": "DELETE_IN_PROGRESS"},
        {"InstanceArn": "arn:ours", "IdentityStoreId": "d-test", "Status": "ACTIVE"},
    ])
}

async fn fake() -> Fake {
    let script = |request: &Request| match request.operation.as_str() {
        "ListInstances" => Reply::Ok(json!({"Instances": instances()})),
        _ => Reply::Ok(json!({"PermissionSets": [], "AccountAssignments": []})),
    };
    Fake::start(script).await
}

#[tokio::test]
async fn the_instance_is_looked_up_once_for_all_runs_of_a_process() {
    let fake = fake().await;
    let connection = fake.connection().await;
    let first = IdentityCenter::new(&connection, &store_only("d-test"));
    let members = group("g0");
    let (sets, of_group, requests) = tokio::join!(
        first.permission_sets(),
        first.assignments_of_group(&members),
        first.requests_in_progress(AssignmentOperation::Create)
    );
    assert!(sets.is_ok() && of_group.is_ok() && requests.is_ok());
    let second = IdentityCenter::new(&connection, &store_only("d-test")).until(Instant::now() + Duration::from_secs(60));
    second.permission_sets().await.unwrap();
    IdentityCenter::new(&connection, &store_only("d-other")).permission_sets().await.unwrap();

    let (looks, calls): (Vec<Request>, Vec<Request>) =
        fake.requests().into_iter().partition(|request| request.operation == "ListInstances");
    assert_eq!(looks.len(), 2, "one for each store");
    let arns: Vec<&str> = calls.iter().map(|call| call.body["InstanceArn"].as_str().unwrap()).collect();
    assert_eq!(arns, ["arn:ours", "arn:ours", "arn:ours", "arn:ours", "arn:other"]);
    assert_eq!(connection.calls(), TargetCalls { sso_admin: 7, ..TargetCalls::default() });
}

#[tokio::test]
async fn an_instance_that_is_not_to_be_seen_is_asked_for_in_the_policy() {
    let fake = fake().await;
    let target = IdentityCenter::new(&fake.connection().await, &store_only("d-unseen"));
    let error = target.permission_sets().await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Invalid);
    for part in ["d-unseen", "arn:other", "arn:ours", "set `[identity_center] instance_arn`"] {
        assert!(error.detail.contains(part), "{part} in {error}");
    }
    target.permission_sets().await.unwrap_err();
    assert_eq!(fake.operations(), ["ListInstances"; 2], "what was not found is looked for again");
}

#[tokio::test]
async fn a_refused_look_says_how_to_do_without_it() {
    let fake = Fake::replies([Reply::Error(400, "AccessDeniedException", json!({}))]).await;
    let error = IdentityCenter::new(&fake.connection().await, &store_only("d-test")).permission_sets().await.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (TargetErrorKind::Denied, "ListInstances"));
    for part in ["sso:ListInstances", "set `[identity_center] instance_arn`"] {
        assert!(error.detail.contains(part), "{part} in {error}");
    }
}

#[tokio::test]
async fn the_look_of_one_run_does_not_hold_another_past_its_deadline() {
    let fake = Fake::replies([Reply::Never]).await;
    let target = IdentityCenter::new(&fake.connection().await, &store_only("d-test"));
    let slow = target.until(Instant::now() + Duration::from_secs(600));
    let asking = async {
        // Behind the other one.
        tokio::time::sleep(Duration::from_millis(50)).await;
        target.until(Instant::now() + SOON).permission_sets().await
    };
    let quick = tokio::select! {
        biased;
        slow = slow.permission_sets() => panic!("the slow one ended first: {slow:?}"),
        quick = asking => quick,
    };
    assert_eq!(kind(quick), TargetErrorKind::OutOfTime);
    assert_eq!(fake.requests().len(), 1);
}
