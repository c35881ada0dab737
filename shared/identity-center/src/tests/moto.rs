//! Against moto, where `LOCKSTEP_MOTO_URL` says where one listens. What moto does not have (UpdateGroup, revisions, a conflict for a
//! second membership) is shown by the scripted server alone.

use engine::ports::{Effect, ReadTarget, WriteTarget};
use sync_core::error::TargetErrorKind;

use super::fake::config;
use super::user;
use crate::{Connection, IdentityCenter, Locator, Settings};

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
