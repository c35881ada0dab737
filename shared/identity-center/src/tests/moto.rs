//! Against moto, where `LOCKSTEP_MOTO_URL` says where one listens. What moto does not have (UpdateGroup, revisions, a conflict for a
//! second membership) is shown by the scripted server alone.

use engine::ports::{Effect, ReadAssignments, ReadOrganization, ReadTarget, WriteAssignments, WriteTarget};
use sync_core::error::TargetErrorKind;
use sync_core::ids::RequestId;
use sync_core::records::{Assignment, AssignmentOperation, OperationStatus};

use super::fake::config;
use super::{account, group, permission_set, user};
use crate::{Connection, IdentityCenter, Location, Locator, Settings};

fn moto_url() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test that needs a server is told of it by the environment")]
    let url = std::env::var("LOCKSTEP_MOTO_URL").ok();
    if url.is_none() {
        println!("SKIPPED: LOCKSTEP_MOTO_URL is not set");
    }
    url
}

async fn create_user(connection: &Connection, store: &str, name: &str) -> String {
    let request = connection.identity_store.create_user().identity_store_id(store).user_name(name).display_name(name);
    let full_name = aws_sdk_identitystore::types::Name::builder().given_name("A").family_name("B").build();
    request.name(full_name).send().await.unwrap().user_id
}

#[tokio::test]
async fn groups_and_memberships_come_and_go_on_moto() {
    let Some(url) = moto_url() else { return };
    let connection = Connection::new(&config(&url), &Settings::default()).await;
    let location = Locator::default().locate(&connection).await.unwrap();
    assert!(location.instance_arn.as_ref().is_some_and(|arn| arn.starts_with("arn:aws:sso:::instance/")), "{location:?}");
    let target = IdentityCenter::new(&connection, &location);

    let [ada_name, bob_name, group_name] = [0; 3].map(|_| format!("lockstep-{:08x}", rand::random::<u32>()));
    let ada = create_user(&connection, &location.identity_store_id, &ada_name).await;
    let bob = create_user(&connection, &location.identity_store_id, &bob_name).await;
    let listed = target.list_users().await.unwrap().items;
    assert_eq!(listed.iter().filter(|user| [&ada_name, &bob_name].contains(&&user.user_name)).count(), 2);
    let named = target.users_named(&ada_name).await.unwrap();
    assert_eq!(named.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), [ada.as_str()]);
    assert_eq!(target.user(&user(&bob)).await.unwrap().unwrap().user_name, bob_name);
    assert_eq!(target.user(&user("00000000-0000-0000-0000-000000000000")).await.unwrap(), None);

    let group = target.create_group(&group_name, "text [okta:acme.okta.com/00g1]").await.unwrap();
    assert_eq!(target.create_group(&group_name, "").await.unwrap_err().kind, TargetErrorKind::NameTaken);
    let described = target.group(&group).await.unwrap().unwrap();
    assert_eq!((described.description.as_str(), &described.revision), ("text [okta:acme.okta.com/00g1]", &None));
    assert!(target.list_groups().await.unwrap().items.contains(&described));

    assert_eq!(target.create_membership(&group, &user(&ada)).await.unwrap(), Effect::Changed);
    let members = target.memberships_of_group(&group).await.unwrap().unwrap();
    assert_eq!(members.iter().map(|member| member.user.as_str()).collect::<Vec<_>>(), [ada.as_str()]);
    assert_eq!(target.memberships_of_user(&user(&ada)).await.unwrap().unwrap(), members);
    target.delete_membership(&members[0].id).await.unwrap();
    target.delete_membership(&members[0].id).await.unwrap();
    assert_eq!(target.memberships_of_group(&group).await.unwrap().unwrap(), []);
    target.delete_group(&group, None).await.unwrap();
    assert_eq!(target.group(&group).await.unwrap(), None);
}

async fn moto(url: &str) -> (Connection, Location) {
    let connection = Connection::new(&config(url), &Settings::default()).await;
    let location = Locator::default().locate(&connection).await.unwrap();
    (connection, location)
}

/// Without a duration moto would make one up, of a type that AWS never gives.
async fn create_permission_set(connection: &Connection, instance: &str, name: &str) -> String {
    let request = connection.sso_admin.create_permission_set().instance_arn(instance).name(name).session_duration("PT1H");
    request.send().await.unwrap().permission_set.unwrap().permission_set_arn.unwrap()
}

/// moto makes and deletes an assignment at once, and checks none of its parts.
#[tokio::test]
async fn assignments_come_and_go_on_moto() {
    let Some(url) = moto_url() else { return };
    let (connection, location) = moto(&url).await;
    let name = format!("lockstep-{:08x}", rand::random::<u32>());
    let set = permission_set(&create_permission_set(&connection, location.instance_arn.as_deref().unwrap(), &name).await);
    let target = IdentityCenter::new(&connection, &Location { instance_arn: None, ..location });
    assert!(target.permission_sets().await.unwrap().contains(&set));
    assert_eq!(target.permission_set_name(&set).await.unwrap(), Some(name));
    let unknown = permission_set(&format!("{}0", set.as_str()));
    assert_eq!(target.permission_set_name(&unknown).await.unwrap(), None);

    let group = group(&format!("{:08x}-0000-0000-0000-000000000000", rand::random::<u32>()));
    let assignment = Assignment { group: group.clone(), account: account("111122223333"), permission_set: set };
    let created = target.create_assignment(&assignment).await.unwrap();
    assert_eq!((&created.status, &created.assignment), (&OperationStatus::Succeeded, &Some(assignment.clone())));
    let looked_at = target.request(AssignmentOperation::Create, &created.id).await.unwrap();
    assert_eq!(looked_at, Some(created));
    let nobody = RequestId::new("00000000-0000-0000-0000-000000000000").unwrap();
    assert_eq!(target.request(AssignmentOperation::Create, &nobody).await.unwrap(), None);
    assert_eq!(target.assignments_of_group(&group).await.unwrap(), std::slice::from_ref(&assignment));
    assert_eq!(target.assignments_on(&assignment.account, &assignment.permission_set).await.unwrap(), std::slice::from_ref(&assignment));

    assert_eq!(target.delete_assignment(&assignment).await.unwrap().status, OperationStatus::Succeeded);
    assert_eq!(target.delete_assignment(&assignment).await.unwrap().id.as_str(), "already-gone");
    assert_eq!(target.assignments_of_group(&group).await.unwrap(), []);
}

/// moto's organization is made where there is none yet. It knows no pages, and no paths of accounts.
#[tokio::test]
async fn an_organization_is_read_from_moto() {
    let Some(url) = moto_url() else { return };
    let (connection, location) = moto(&url).await;
    let target = IdentityCenter::new(&connection, &location);
    if connection.organizations.describe_organization().send().await.is_err() {
        connection.organizations.create_organization().send().await.unwrap();
    }
    let [unit_name, account_name] = [0; 2].map(|_| format!("lockstep-{:08x}", rand::random::<u32>()));
    let root = target.root().await.unwrap();
    let unit = connection.organizations.create_organizational_unit().parent_id(&root.id).name(&unit_name).send().await.unwrap();
    let unit_id = unit.organizational_unit.unwrap().id.unwrap();
    let made = connection.organizations.create_account().account_name(&account_name).email("a@example.com").send().await.unwrap();
    let id = account(&made.create_account_status.unwrap().account_id.unwrap());
    let tag = aws_sdk_organizations::types::Tag::builder().key("env").value("prod").build().unwrap();
    connection.organizations.tag_resource().resource_id(id.as_str()).tags(tag).send().await.unwrap();
    let moving = connection.organizations.move_account().account_id(id.as_str()).source_parent_id(&root.id);
    moving.destination_parent_id(&unit_id).send().await.unwrap();

    let described = target.account(&id).await.unwrap().unwrap();
    assert_eq!((described.name.as_str(), described.is_active), (account_name.as_str(), true));
    assert!(target.accounts().await.unwrap().contains(&described));
    assert!(target.units_below(&root.id).await.unwrap().iter().any(|unit| unit.id == unit_id && unit.name == unit_name));
    assert_eq!(target.accounts_below(&unit_id).await.unwrap(), [described]);
    assert_eq!(target.tags(&id).await.unwrap().get("env").map(String::as_str), Some("prod"));
    assert_eq!(target.account(&account("999999999999")).await.unwrap(), None);
}
