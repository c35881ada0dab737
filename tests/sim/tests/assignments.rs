//! Account assignments in process: what is accepted, when it takes effect, what fails, and what it costs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

use std::collections::BTreeSet;
use std::time::Duration;

use engine::ports::{ReadAssignments, ReadTarget, WriteAssignments};
use sim::identity_center::{Fate, FateOperation, Principal, StoreAssignment, Throttles};
use sim::{Fault, KillSwitch, ManualClock, OrganizationShape, Shape, What, World};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{AccountId, PermissionSetArn};
use sync_core::records::{Assignment, AssignmentOperation, AssignmentRequest, OperationStatus};

const CREATE: AssignmentOperation = AssignmentOperation::Create;
const DELETE: AssignmentOperation = AssignmentOperation::Delete;

fn world_of(accounts: u32, groups: usize) -> (World, ManualClock) {
    let clock = ManualClock::default();
    let organization = Some(OrganizationShape { accounts, ..OrganizationShape::default() });
    (World::of(&Shape { groups, organization, ..Shape::default() }, clock.clone()), clock)
}

/// A world in which a request takes three seconds.
fn slow_world(accounts: u32) -> (World, ManualClock) {
    let (world, clock) = world_of(accounts, 3);
    world.aws.configure(|settings| settings.assignments.delay_ms = 3000);
    (world, clock)
}

fn wanted(world: &World, group: usize, account: u32, set: &str) -> Assignment {
    world.assignment(group, account, set).record().unwrap()
}

async fn create(world: &World, group: usize, account: u32, set: &str) -> Result<AssignmentRequest, TargetError> {
    world.aws.create_assignment(&wanted(world, group, account, set)).await
}

async fn delete(world: &World, group: usize, account: u32, set: &str) -> Result<AssignmentRequest, TargetError> {
    world.aws.delete_assignment(&wanted(world, group, account, set)).await
}

async fn status(world: &World, operation: AssignmentOperation, request: &AssignmentRequest) -> OperationStatus {
    world.aws.request(operation, &request.id).await.unwrap().unwrap().status
}

fn kind<T>(result: Result<T, TargetError>) -> Option<TargetErrorKind> {
    result.err().map(|error| error.kind)
}

#[tokio::test]
async fn an_assignment_takes_effect_after_its_delay() {
    let (world, clock) = slow_world(2);
    let begun = create(&world, 0, 1, "Admin").await.unwrap();
    assert_eq!((&begun.status, begun.assignment.clone()), (&OperationStatus::InProgress, Some(wanted(&world, 0, 1, "Admin"))));
    clock.advance(Duration::from_millis(2999));
    assert_eq!(status(&world, CREATE, &begun).await, OperationStatus::InProgress);
    assert!(world.assignments().is_empty());
    let under_way = world.aws.requests_in_progress(CREATE).await.unwrap();
    assert_eq!(under_way, [AssignmentRequest { assignment: None, ..begun.clone() }], "a list does not say what is made");
    assert!(world.aws.requests_in_progress(DELETE).await.unwrap().is_empty());
    clock.advance(Duration::from_millis(1));
    assert_eq!(world.assignments(), BTreeSet::from([(world.okta_group(0), world.account(1), "Admin".to_owned())]));
    assert_eq!(status(&world, CREATE, &begun).await, OperationStatus::Succeeded);
    assert!(world.aws.requests_in_progress(CREATE).await.unwrap().is_empty());
    let ended = delete(&world, 0, 1, "Admin").await.unwrap();
    assert_eq!(world.aws.request(CREATE, &ended.id).await.unwrap(), None, "a deletion is no creation");
    assert_eq!(world.assignments().len(), 1);
    clock.advance(Duration::from_secs(3));
    assert_eq!(status(&world, DELETE, &ended).await, OperationStatus::Succeeded);
    assert!(world.assignments().is_empty());
    assert_eq!(world.aws.writes().len(), 2, "what takes effect by itself is no one's call");
}

#[tokio::test]
async fn what_is_there_already_is_made_again_without_an_error_and_what_is_gone_is_gone() {
    let (world, _) = world_of(1, 1);
    for _ in 0..2 {
        let begun = create(&world, 0, 1, "Admin").await.unwrap();
        assert_eq!(status(&world, CREATE, &begun).await, OperationStatus::Succeeded);
    }
    assert_eq!((world.assignments().len(), world.aws.writes().len(), world.aws.write_attempts().len()), (1, 1, 2));
    assert_eq!(delete(&world, 0, 1, "Admin").await.unwrap().status, OperationStatus::InProgress);
    assert_eq!(delete(&world, 0, 1, "Admin").await.unwrap().status, OperationStatus::Succeeded);
    let log = world.aws.log();
    let last: Vec<_> = log.iter().rev().take(2).map(|call| (call.operation.as_str(), call.error.as_deref())).collect();
    let gone = ("DeleteAccountAssignment", Some("ResourceNotFoundException"));
    assert_eq!(last, [("ListAccountAssignments", None), gone], "not found is believed where the list says so too");
}

#[tokio::test]
async fn what_no_one_knows_is_not_found() {
    let (world, _) = world_of(1, 1);
    let known = wanted(&world, 0, 1, "Admin");
    let no_account = Assignment { account: AccountId::new("999999999999").unwrap(), ..known.clone() };
    let no_set =
        Assignment { permission_set: PermissionSetArn::new("arn:aws:sso:::permissionSet/ssoins-0/ps-0").unwrap(), ..known.clone() };
    world.aws.remove_group(&known.group);
    for unknown in [&no_account, &no_set, &known] {
        assert_eq!(kind(world.aws.create_assignment(unknown).await), Some(TargetErrorKind::NotFound), "{unknown:?}");
    }
    for unknown in [&no_account, &no_set] {
        assert_eq!(kind(world.aws.delete_assignment(unknown).await), Some(TargetErrorKind::NotFound), "{unknown:?}");
    }
    assert_eq!(kind(world.aws.assignments_on(&no_account.account, &known.permission_set).await), Some(TargetErrorKind::NotFound));
    assert_eq!(world.aws.permission_set_name(&no_set.permission_set).await.unwrap(), None);
    assert!(world.aws.all_requests().is_empty());
}

#[tokio::test]
async fn s35_a_second_request_for_the_same_permission_set_on_an_account_is_a_conflict() {
    let (world, clock) = slow_world(2);
    create(&world, 0, 1, "Admin").await.unwrap();
    assert_eq!(kind(create(&world, 1, 1, "Admin").await), Some(TargetErrorKind::ConcurrentModification));
    assert_eq!(kind(delete(&world, 0, 1, "Admin").await), Some(TargetErrorKind::ConcurrentModification));
    create(&world, 1, 1, "ReadOnly").await.unwrap();
    create(&world, 1, 2, "Admin").await.unwrap();
    clock.advance(Duration::from_secs(3));
    create(&world, 1, 1, "Admin").await.unwrap();
    world.aws.configure(|settings| settings.assignments.one_per_account = true);
    assert_eq!(kind(create(&world, 2, 1, "PowerUser").await), Some(TargetErrorKind::ConcurrentModification));
    world.aws.finish_requests();
    create(&world, 2, 1, "PowerUser").await.unwrap();
    assert_eq!(world.assignments().len(), 4);
}

#[tokio::test]
async fn s37_the_sixteenth_request_under_way_is_one_too_many() {
    let (world, clock) = slow_world(16);
    for account in 1..=15 {
        create(&world, 0, account, "Admin").await.unwrap();
    }
    let error = create(&world, 0, 16, "Admin").await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::Throttled);
    assert!(error.detail.contains("too many requests processing"), "{error}");
    clock.advance(Duration::from_secs(3));
    create(&world, 0, 16, "Admin").await.unwrap();
    assert_eq!((world.aws.most_in_flight(), world.aws.throttled().len(), world.assignments().len()), (15, 1, 15));
}

#[tokio::test]
async fn requests_fail_or_take_long_by_account_permission_set_and_operation() {
    let (world, clock) = slow_world(4);
    world.aws.decide(Fate::fails_on(&world.account(1), "IAM role quota").times(1));
    world.aws.decide(Fate::delays_on(&world.account(2), 60_000));
    let on_set = Fate { permission_set: Some("Admin".to_owned()), operation: Some(FateOperation::Create), ..Fate::default() };
    world.aws.decide(Fate { failure: Some("no".to_owned()), ..on_set });
    let mut begun = Vec::new();
    for (account, set) in [(1, "ReadOnly"), (2, "ReadOnly"), (3, "Admin"), (4, "ReadOnly")] {
        begun.push(create(&world, 0, account, set).await.unwrap());
    }
    assert!(begun.iter().all(|request| request.status == OperationStatus::InProgress));
    clock.advance(Duration::from_secs(3));
    let mut ends = Vec::new();
    for request in &begun {
        ends.push(status(&world, CREATE, request).await);
    }
    let failed = |reason: &str| OperationStatus::Failed(reason.to_owned());
    assert_eq!(ends, [failed("IAM role quota"), OperationStatus::InProgress, failed("no"), OperationStatus::Succeeded]);
    let again = create(&world, 0, 1, "ReadOnly").await.unwrap();
    clock.advance(Duration::from_secs(57));
    assert_eq!(status(&world, CREATE, &again).await, OperationStatus::Succeeded);
    assert_eq!(status(&world, CREATE, &begun[1]).await, OperationStatus::Succeeded);
}

#[tokio::test]
async fn s40_a_request_for_a_suspended_account_fails_and_succeeds_when_it_is_active_again() {
    let (world, _) = world_of(1, 1);
    world.aws.set_account_state(&world.account(1), "SUSPENDED");
    let begun = create(&world, 0, 1, "Admin").await.unwrap();
    let OperationStatus::Failed(reason) = status(&world, CREATE, &begun).await else { panic!("it should have failed") };
    assert!(reason.contains("is taking longer than usual") && reason.contains("'000000000001'"), "{reason}");
    world.aws.set_account_state(&world.account(1), "ACTIVE");
    create(&world, 0, 1, "Admin").await.unwrap();
    assert_eq!(world.assignments().len(), 1);
}

#[tokio::test]
async fn s41_a_delegated_administrator_has_no_say_on_the_management_account() {
    let (world, _) = world_of(1, 1);
    let on_management = Assignment { account: world.aws.add_organization(), ..wanted(&world, 0, 1, "Admin") };
    world.aws.assign(&StoreAssignment::from(&on_management));
    world.aws.configure(|settings| settings.assignments.delegated_admin = true);
    assert_eq!(kind(world.aws.create_assignment(&on_management).await), Some(TargetErrorKind::Denied));
    assert_eq!(kind(world.aws.delete_assignment(&on_management).await), Some(TargetErrorKind::Denied));
    assert_eq!(kind(world.aws.assignments_of_group(&world.group(0)).await), Some(TargetErrorKind::Denied));
    create(&world, 0, 1, "Admin").await.unwrap();
    let seen = world.aws.assignments_on(&world.account(1), &world.permission_set("Admin")).await.unwrap();
    assert_eq!(seen, [wanted(&world, 0, 1, "Admin")]);
    world.aws.configure(|settings| settings.assignments.management_sets_are_off_limits = true);
    assert_eq!(kind(delete(&world, 0, 1, "Admin").await), Some(TargetErrorKind::Denied));
    create(&world, 0, 1, "ReadOnly").await.unwrap();
}

#[tokio::test]
async fn a_hundred_groups_fit_on_a_permission_set_and_account() {
    let (world, _) = world_of(1, 102);
    for group in 0..100 {
        assert!(world.aws.assign(&world.assignment(group, 1, "Admin")));
    }
    let one_user = StoreAssignment { principal: Principal::User(world.user(0)), ..world.assignment(0, 1, "Admin") };
    assert!(world.aws.assign(&one_user));
    assert_eq!(kind(create(&world, 100, 1, "Admin").await), Some(TargetErrorKind::QuotaExceeded));
    create(&world, 99, 1, "Admin").await.unwrap();
    create(&world, 100, 1, "ReadOnly").await.unwrap();
    assert_eq!(world.assignments().len(), 101);
}

#[tokio::test]
async fn a_group_that_is_deleted_leaves_orphans() {
    let (world, _) = world_of(2, 2);
    let (orphan, other) = (world.assignment(0, 1, "Admin"), world.assignment(1, 1, "Admin"));
    assert!(world.aws.assign(&orphan) && world.aws.assign(&other));
    world.aws.remove_group(&world.group(0));
    assert_eq!((world.aws.orphans(), world.assignments().len()), (BTreeSet::from([orphan.clone()]), 1));
    assert!(world.aws.assignments_by_name().iter().any(|(group, _, _)| group.starts_with("(gone) ")));
    assert_eq!(world.aws.assignments_on(&world.account(1), &orphan.permission_set).await.unwrap().len(), 2);
    assert_eq!(world.aws.assignments_of_group(&world.group(0)).await.unwrap(), [orphan.record().unwrap()]);
    world.aws.configure(|settings| settings.assignments.knows_gone_principals = false);
    assert_eq!(kind(world.aws.assignments_of_group(&world.group(0)).await), Some(TargetErrorKind::NotFound));
    world.aws.delete_assignment(&orphan.record().unwrap()).await.unwrap();
    assert!(world.aws.orphans().is_empty());
}

#[tokio::test]
async fn lists_come_in_pages_short_and_empty_ones_too_and_each_is_a_call() {
    let (world, _) = world_of(120, 2);
    for account in 1..=120 {
        assert!(world.aws.assign(&world.assignment(0, account, "Admin")));
    }
    let port = world.aws.connect();
    assert_eq!(port.assignments_of_group(&world.group(0)).await.unwrap().len(), 120);
    assert_eq!(port.calls().sso_admin, 2);
    world.aws.configure(|settings| (settings.assignments.page_size, settings.assignments.empty_pages) = (7, true));
    assert_eq!(port.assignments_of_group(&world.group(0)).await.unwrap().len(), 120);
    assert_eq!(port.calls().sso_admin, 2 + 2 * 18);
    assert!(port.assignments_of_group(&world.group(1)).await.unwrap().is_empty());
    let sets = port.permission_sets().await.unwrap();
    let mut names = BTreeSet::new();
    for set in &sets {
        names.extend(port.permission_set_name(set).await.unwrap());
    }
    assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), ["Admin", "PowerUser", "ReadOnly"]);
    assert_eq!((port.calls().identity_store, port.calls().organizations), (0, 0));
}

#[tokio::test]
async fn a_user_s_own_assignment_is_not_a_group_s() {
    let (world, _) = world_of(1, 1);
    let own = StoreAssignment { principal: Principal::User(world.user(0)), ..world.assignment(0, 1, "Admin") };
    assert!(world.aws.assign(&own) && world.assignments().is_empty());
    assert!(world.aws.assignments_on(&world.account(1), &own.permission_set).await.unwrap().is_empty());
    assert!(world.aws.unassign(&own) && !world.aws.unassign(&own));
}

#[tokio::test]
async fn a_request_is_forgotten_some_time_after_its_end() {
    let (world, clock) = slow_world(1);
    world.aws.configure(|settings| settings.assignments.forgets_after_ms = Some(1000));
    let begun = create(&world, 0, 1, "Admin").await.unwrap();
    clock.advance(Duration::from_millis(3999));
    assert_eq!(status(&world, CREATE, &begun).await, OperationStatus::Succeeded);
    clock.advance(Duration::from_millis(1));
    assert_eq!(world.aws.request(CREATE, &begun.id).await.unwrap(), None);
}

#[tokio::test]
async fn all_of_sso_admin_has_one_bucket() {
    let (world, _) = world_of(1, 1);
    world.aws.throttle(Throttles::aws());
    for _ in 0..10 {
        world.aws.permission_sets().await.unwrap();
        world.aws.assignments_of_group(&world.group(0)).await.unwrap();
    }
    assert_eq!(kind(create(&world, 0, 1, "Admin").await), Some(TargetErrorKind::Throttled));
    world.aws.list_groups().await.unwrap();
}

#[tokio::test]
async fn faults_and_the_end_of_a_process_strike_here_as_well() {
    let (world, _) = world_of(2, 1);
    world.aws.inject(Fault::on("CreateAccountAssignment", What::DropAfter).containing("TargetId=000000000001"));
    create(&world, 0, 2, "Admin").await.unwrap();
    assert_eq!(kind(create(&world, 0, 1, "Admin").await), Some(TargetErrorKind::Unavailable));
    assert_eq!(world.assignments().len(), 2, "the answer was lost, and nothing else");
    world.aws.inject(Fault::on("ListAccountAssignmentsForPrincipal", What::Shortened { keep: 1 }));
    assert_eq!(world.aws.assignments_of_group(&world.group(0)).await.unwrap().len(), 1);
    world.aws.inject(Fault::on("DeleteAccountAssignment", What::Conflict));
    assert_eq!(kind(delete(&world, 0, 1, "Admin").await), Some(TargetErrorKind::ConcurrentModification));
    let dying = world.with_kill(&KillSwitch::after(1));
    delete(&dying, 0, 1, "Admin").await.unwrap();
    assert_eq!(kind(delete(&dying, 0, 2, "Admin").await), Some(TargetErrorKind::Unavailable));
    assert_eq!((world.assignments().len(), dying.aws.calls().sso_admin), (1, 1));
}
