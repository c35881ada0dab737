//! The organization in process: its tree, its pages, its states.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

use std::collections::{BTreeMap, BTreeSet};

use engine::ports::{ReadOrganization, ReadTarget};
use sim::identity_center::{NewAccount, StateFields, Throttle, Throttles};
use sim::{OrganizationShape, Shape, Time, World};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::AccountId;

fn world_of(accounts: u32) -> World {
    let organization = Some(OrganizationShape { accounts, ..OrganizationShape::default() });
    World::of(&Shape { organization, ..Shape::default() }, Time::default())
}

fn kind<T>(result: Result<T, TargetError>) -> Option<TargetErrorKind> {
    result.err().map(|error| error.kind)
}

#[tokio::test]
async fn accounts_come_in_pages_of_twenty_and_empty_ones_too() {
    let world = world_of(40);
    let port = world.aws.connect();
    let accounts = port.accounts().await.unwrap();
    assert_eq!((accounts.len(), port.calls().organizations), (41, 3));
    let ids: BTreeSet<AccountId> = accounts.into_iter().map(|account| account.id).collect();
    assert!(ids.contains(&world.account(40)) && ids.contains(&port.management_account().await.unwrap()));
    world.aws.configure(|settings| settings.organization.empty_pages = true);
    let before = port.calls().organizations;
    assert_eq!((port.accounts().await.unwrap().len(), port.calls().organizations - before), (41, 6));
}

#[tokio::test]
async fn the_tree_of_units_says_the_same_as_the_paths() {
    let world = world_of(6);
    let root = world.aws.root().await.unwrap();
    let mut below = world.aws.units_below(&root.id).await.unwrap();
    below.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(below.iter().map(|unit| unit.name.as_str()).collect::<Vec<_>>(), ["Sandbox", "Workloads"]);
    let workloads = &below[1];
    let inner = world.aws.units_below(&workloads.id).await.unwrap();
    let prod = inner.iter().find(|unit| unit.name == "Prod").unwrap();
    let accounts = world.aws.accounts_below(&prod.id).await.unwrap();
    assert_eq!(accounts.iter().map(|account| account.id.clone()).collect::<Vec<_>>(), [world.account(1), world.account(4)]);
    assert!(world.aws.accounts_below(&workloads.id).await.unwrap().is_empty(), "direct children only");
    assert_eq!(accounts[0].path, [root.id.clone(), workloads.id.clone(), prod.id.clone()]);
    assert_eq!(world.aws.account(&world.account(1)).await.unwrap().unwrap(), accounts[0]);
    assert!(world.aws.move_account(&world.account(1), "Workloads"));
    assert_eq!(world.aws.account(&world.account(1)).await.unwrap().unwrap().path, [root.id.clone(), workloads.id.clone()]);
    world.aws.configure(|settings| settings.organization.paths = false);
    assert!(world.aws.accounts().await.unwrap().iter().all(|account| account.path.is_empty()));
    assert_eq!(kind(world.aws.units_below("ou-none-00000000").await), Some(TargetErrorKind::NotFound));
}

#[tokio::test]
async fn an_account_has_a_state_a_name_and_tags() {
    let world = world_of(2);
    let extra = NewAccount::of(&world.account(9)).named("old").in_state("CLOSED").tagged("env", "prod").tagged("team", "a");
    assert_eq!(world.aws.add_account(&extra), Some(world.account(9)));
    assert_eq!(world.aws.add_account(&extra), None);
    let seen = world.aws.account(&world.account(9)).await.unwrap().unwrap();
    assert_eq!((seen.name.as_str(), seen.is_active, seen.state.as_str()), ("old", false, "CLOSED"));
    world.aws.configure(|settings| settings.organization.state_fields = StateFields::Status);
    assert_eq!(world.aws.account(&world.account(9)).await.unwrap().unwrap().state, "SUSPENDED");
    assert_eq!(world.aws.account(&world.account(1)).await.unwrap().unwrap().state, "ACTIVE");
    assert_eq!(world.aws.tags(&world.account(9)).await.unwrap(), extra.tags);
    assert_eq!(world.aws.tags(&world.account(1)).await.unwrap(), BTreeMap::from([("env".to_owned(), "prod".to_owned())]));
    assert!(world.aws.remove_account(&world.account(9)));
    assert_eq!(world.aws.account(&world.account(9)).await.unwrap(), None);
    assert_eq!(kind(world.aws.tags(&world.account(9)).await), Some(TargetErrorKind::NotFound));
}

#[tokio::test]
async fn an_account_that_leaves_takes_its_assignments_with_it() {
    let world = world_of(2);
    assert!(world.aws.assign(&world.assignment(0, 1, "Admin")) && world.aws.assign(&world.assignment(0, 2, "Admin")));
    assert!(world.aws.remove_account(&world.account(1)));
    assert_eq!(world.assignments().len(), 1);
    assert!(!world.aws.remove_account(&world.aws.add_organization()), "the management account stays");
}

#[tokio::test]
async fn without_an_organization_there_is_none() {
    let world = World::disjoint(1, 1, 1);
    assert_eq!(kind(world.aws.accounts().await), Some(TargetErrorKind::Invalid));
    assert_eq!(kind(world.aws.management_account().await), Some(TargetErrorKind::Invalid));
    assert_eq!(kind(world.aws.account(&world.account(1)).await), Some(TargetErrorKind::Invalid));
    assert_eq!(world.aws.log()[0].error.as_deref(), Some("AWSOrganizationsNotInUseException"));
}

#[tokio::test]
async fn organizations_has_its_own_throttle() {
    let world = world_of(1);
    let slow = Throttle { per_second: 0.001, burst: 1.0, together: true };
    world.aws.throttle(Throttles { organizations: Some(slow), ..Throttles::default() });
    world.aws.accounts().await.unwrap();
    assert_eq!(kind(world.aws.root().await), Some(TargetErrorKind::Throttled));
    assert_eq!(world.aws.log().last().unwrap().error.as_deref(), Some("TooManyRequestsException"));
    assert_eq!(world.aws.throttled().len(), 1);
}
