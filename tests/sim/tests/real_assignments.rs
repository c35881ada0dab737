//! The real client over HTTP against the ports in process, for account assignments and the organization: the same answers, the same
//! errors, the same number of calls.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

use std::net::SocketAddr;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_identitystore::config::{Credentials, SharedCredentialsProvider};
use engine::ports::{ReadAssignments, ReadOrganization, ReadTarget, WriteAssignments};
use identity_center::{Connection, IdentityCenter, Locator, Settings};
use sim::http::{Server, serve_aws};
use sim::identity_center::{FakeIdentityCenter, Fate, Principal, StateFields, StoreAssignment};
use sim::{Fault, ManualClock, OrganizationShape, Shape, What, World};
use sync_core::error::TargetErrorKind;
use sync_core::ids::{AccountId, PermissionSetArn, RequestId};
use sync_core::records::{Assignment, AssignmentOperation, OperationStatus};

const OPERATIONS: [AssignmentOperation; 2] = [AssignmentOperation::Create, AssignmentOperation::Delete];

/// A world on a clock that stands still, so that what is under way stays so.
async fn world_of(accounts: u32) -> (World, IdentityCenter, FakeIdentityCenter, Server) {
    let organization = Some(OrganizationShape { accounts, ..OrganizationShape::default() });
    let world = World::of(&Shape { organization, ..Shape::default() }, ManualClock::default());
    let server = serve_aws(world.aws.clone(), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(server.url())
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("AKIASIM", "sim", None, None, "sim")))
        .build();
    let settings = Settings { identity_store_tps: 1000.0, sso_admin_tps: 1000.0, ..Settings::default() };
    let connection = Connection::new(&config, &settings).await;
    let location = Locator::default().locate(&connection).await.unwrap();
    let real = IdentityCenter::new(&connection, &location);
    // What the client has to find out once it has found out by now.
    real.permission_sets().await.unwrap();
    world.aws.clear_log();
    let port = world.aws.connect();
    (world, real, port, server)
}

fn record(assignment: &StoreAssignment) -> Assignment {
    assignment.record().unwrap()
}

#[tokio::test]
async fn assignments_are_read_alike_over_http_and_in_process() {
    let (world, real, port, _server) = world_of(30).await;
    (1..=30).for_each(|account| assert!(world.aws.assign(&world.assignment(0, account, "Admin"))));
    let own = StoreAssignment { principal: Principal::User(world.user(0)), ..world.assignment(0, 1, "Admin") };
    assert!(world.aws.assign(&own) && world.aws.assign(&world.assignment(1, 1, "Admin")));
    world.aws.configure(|settings| settings.assignments.delay_ms = 1000);
    real.create_assignment(&record(&world.assignment(0, 2, "ReadOnly"))).await.unwrap();
    real.delete_assignment(&record(&world.assignment(0, 3, "Admin"))).await.unwrap();
    let before = real.calls().sso_admin;
    for (page_size, empty_pages) in [(100, false), (7, true)] {
        world.aws.configure(|settings| (settings.assignments.page_size, settings.assignments.empty_pages) = (page_size, empty_pages));
        let sets = port.permission_sets().await.unwrap();
        assert_eq!((real.permission_sets().await.unwrap(), sets.len()), (sets.clone(), 3));
        for set in &sets {
            assert_eq!(real.permission_set_name(set).await.unwrap(), port.permission_set_name(set).await.unwrap());
        }
        for group in [world.group(0), world.group(1), world.group(2)] {
            assert_eq!(real.assignments_of_group(&group).await.unwrap(), port.assignments_of_group(&group).await.unwrap());
        }
        let (account, set) = (world.account(1), world.permission_set("Admin"));
        let on = port.assignments_on(&account, &set).await.unwrap();
        assert_eq!((real.assignments_on(&account, &set).await.unwrap(), on.len()), (on.clone(), 2));
        for operation in OPERATIONS {
            let requests = port.requests_in_progress(operation).await.unwrap();
            assert_eq!((real.requests_in_progress(operation).await.unwrap(), requests.len()), (requests.clone(), 1));
            let id = &requests[0].id;
            assert_eq!(real.request(operation, id).await.unwrap(), port.request(operation, id).await.unwrap());
        }
    }
    assert_eq!(port.calls().sso_admin, real.calls().sso_admin - before);
}

#[tokio::test]
async fn assignments_are_made_and_deleted_alike() {
    let (world, real, port, _server) = world_of(4).await;
    world.aws.decide(Fate::fails_on(&world.account(3), "no more roles"));
    for account in 1..=3 {
        let [over_http, in_process] = [0, 1].map(|group| record(&world.assignment(group, account, "Admin")));
        let one = real.create_assignment(&over_http).await.unwrap();
        assert_eq!((&one.status, one.assignment.as_ref()), (&OperationStatus::InProgress, Some(&over_http)));
        let other = port.create_assignment(&in_process).await.unwrap();
        assert_eq!((&other.status, other.assignment.as_ref()), (&OperationStatus::InProgress, Some(&in_process)));
        let one = real.request(AssignmentOperation::Create, &one.id).await.unwrap().unwrap();
        let other = port.request(AssignmentOperation::Create, &other.id).await.unwrap().unwrap();
        assert_eq!(one.status, other.status);
        assert_eq!(matches!(&one.status, OperationStatus::Failed(reason) if reason == "no more roles"), account == 3);
    }
    let never_made = record(&world.assignment(2, 1, "Admin"));
    let (one, other) = (real.delete_assignment(&never_made).await.unwrap(), port.delete_assignment(&never_made).await.unwrap());
    assert_eq!(one, other);
    assert_eq!(one.status, OperationStatus::Succeeded);
    assert_eq!(world.assignments().len(), 4);
    assert_eq!(real.delete_assignment(&record(&world.assignment(0, 1, "Admin"))).await.unwrap().status, OperationStatus::InProgress);
    assert_eq!(world.assignments().len(), 3);
}

#[tokio::test]
async fn assignments_fail_alike() {
    let (world, real, port, _server) = world_of(4).await;
    world.aws.configure(|settings| settings.assignments.delay_ms = 1000);
    let known = record(&world.assignment(0, 1, "Admin"));
    port.create_assignment(&known).await.unwrap();
    let on_management = Assignment { account: world.aws.add_organization(), ..known.clone() };
    let elsewhere = Assignment { account: AccountId::new("999999999999").unwrap(), ..known.clone() };
    let set = "arn:aws:sso:::permissionSet/ssoins-72041a2b3c4d0000/ps-0000000000000000";
    let no_set = Assignment { permission_set: PermissionSetArn::new(set).unwrap(), ..known.clone() };
    world.aws.configure(|settings| settings.assignments.delegated_admin = true);
    for (assignment, kind) in [
        (&known, TargetErrorKind::ConcurrentModification),
        (&on_management, TargetErrorKind::Denied),
        (&elsewhere, TargetErrorKind::NotFound),
        (&no_set, TargetErrorKind::NotFound),
    ] {
        let errors = [real.create_assignment(assignment).await.unwrap_err(), port.create_assignment(assignment).await.unwrap_err()];
        assert_eq!(errors.map(|error| error.kind), [kind; 2], "{assignment:?}");
        let errors = [real.delete_assignment(assignment).await.unwrap_err(), port.delete_assignment(assignment).await.unwrap_err()];
        assert_eq!(errors.map(|error| error.kind), [kind; 2], "{assignment:?}");
    }
    let group = world.group(0);
    let denied = [real.assignments_of_group(&group).await.unwrap_err(), port.assignments_of_group(&group).await.unwrap_err()];
    assert_eq!(denied.map(|error| error.kind), [TargetErrorKind::Denied; 2]);
    let unknown = RequestId::new("00000000-0000-4000-8000-000000000000").unwrap();
    for operation in OPERATIONS {
        assert_eq!((real.request(operation, &unknown).await.unwrap(), port.request(operation, &unknown).await.unwrap()), (None, None));
    }
    assert_eq!(real.permission_set_name(&no_set.permission_set).await.unwrap(), None);
    world.aws.configure(|settings| settings.assignments.max_groups = 0);
    let full = record(&world.assignment(0, 2, "Admin"));
    let errors = [real.create_assignment(&full).await.unwrap_err(), port.create_assignment(&full).await.unwrap_err()];
    assert_eq!(errors.map(|error| error.kind), [TargetErrorKind::QuotaExceeded; 2]);
}

#[tokio::test]
async fn the_organization_is_read_alike() {
    let (world, real, port, _server) = world_of(45).await;
    world.aws.set_account_state(&world.account(5), "SUSPENDED");
    let before = real.calls().organizations;
    for (paths, state_fields, empty_pages) in [(true, StateFields::Both, false), (false, StateFields::Status, true)] {
        world.aws.configure(|settings| {
            let organization = &mut settings.organization;
            (organization.paths, organization.state_fields, organization.empty_pages) = (paths, state_fields, empty_pages);
        });
        let accounts = port.accounts().await.unwrap();
        assert_eq!((real.accounts().await.unwrap(), accounts.len()), (accounts.clone(), 46));
        for account in [world.account(1), world.account(5), AccountId::new("999999999999").unwrap()] {
            assert_eq!(real.account(&account).await.unwrap(), port.account(&account).await.unwrap());
        }
        assert_eq!(real.management_account().await.unwrap(), port.management_account().await.unwrap());
        let root = port.root().await.unwrap();
        assert_eq!(real.root().await.unwrap(), root);
        let units = port.units_below(&root.id).await.unwrap();
        assert_eq!((real.units_below(&root.id).await.unwrap(), units.len()), (units.clone(), 2));
        for unit in &units {
            assert_eq!(real.accounts_below(&unit.id).await.unwrap(), port.accounts_below(&unit.id).await.unwrap());
        }
        assert_eq!(real.tags(&world.account(1)).await.unwrap(), port.tags(&world.account(1)).await.unwrap());
    }
    assert_eq!(port.calls().organizations, real.calls().organizations - before);
    let errors = [real.units_below("ou-none").await.unwrap_err(), port.units_below("ou-none").await.unwrap_err()];
    assert_eq!(errors.map(|error| error.kind), [TargetErrorKind::NotFound; 2]);
    let described = port.management_account().await.unwrap();
    world.aws.inject(Fault::on("DescribeOrganization", What::Status { status: 403, code: None }).always());
    assert_eq!(port.management_account().await.unwrap_err().kind, TargetErrorKind::Denied);
    assert_eq!(real.management_account().await.unwrap(), described, "the instance has an owner, which the port does not look at");
}

#[tokio::test]
async fn without_an_organization_both_say_so_alike() {
    let (world, real, _, _server) = world_of(1).await;
    let nowhere = World::disjoint(1, 1, 1);
    assert_eq!(nowhere.aws.accounts().await.unwrap_err().kind, TargetErrorKind::Invalid);
    let none = What::Exception { name: "AWSOrganizationsNotInUseException".to_owned(), reason: None };
    world.aws.inject(Fault::on("ListAccounts", none));
    assert_eq!(real.accounts().await.unwrap_err().kind, TargetErrorKind::Invalid);
}
