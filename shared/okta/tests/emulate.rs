//! Against an Okta that is not ours: npm's `emulate`, where `LOCKSTEP_EMULATE_URL` says where one listens with the world of
//! tests/outside/emulate.yaml. What it does not have (a refused token, filters, the groups of an app, Okta's rate limits and its pages
//! of members) is shown by our own simulator.

#![cfg(feature = "client")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "what fails here fails a test")]

use std::sync::Arc;

use engine::ports::ReadSource;
use okta::auth::SswsToken;
use okta::{OktaClient, OktaConfig};
use reqwest::Method;
use serde_json::{Value, json};
use sync_core::error::SourceErrorKind;
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::policy::UserNameFrom;
use sync_core::records::{GroupType, OktaUser, UserStatus};

/// The token that it gives to everyone.
const TOKEN: &str = "test-ssws-token";

/// Its groups on a page, whatever the limit that was asked for.
const PAGE: usize = 30;

fn emulate_url() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test that needs a server is told of it by the environment")]
    let url = std::env::var("LOCKSTEP_EMULATE_URL").ok();
    if url.is_none() {
        println!("SKIPPED: LOCKSTEP_EMULATE_URL is not set");
    }
    url
}

fn client(url: &str) -> OktaClient {
    let config = OktaConfig::new(&url.parse().unwrap(), UserNameFrom::Login).unwrap();
    OktaClient::new(&config, Arc::new(SswsToken::new(&TOKEN.to_owned().into()))).unwrap()
}

fn group_id(id: &str) -> OktaGroupId {
    OktaGroupId::new(id).unwrap()
}

fn shown(users: &[OktaUser]) -> Vec<(&str, &str, &UserStatus)> {
    users.iter().map(|user| (user.id.as_str(), user.user_name.as_deref().unwrap_or_default(), &user.status)).collect()
}

async fn names_of_groups(okta: &OktaClient, user: &str) -> Vec<String> {
    let groups = okta.groups_of_user(&OktaUserId::new(user).unwrap()).await.unwrap().unwrap();
    groups.items.into_iter().map(|group| group.name).collect()
}

/// Changes its world, by its own API.
async fn write(url: &str, method: Method, path: &str, body: &Value) {
    let request = reqwest::Client::new().request(method, format!("{url}/api/v1/{path}"));
    let answer = request.header("authorization", format!("SSWS {TOKEN}")).body(body.to_string()).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {answer:?}");
}

#[tokio::test]
async fn groups_and_their_members_are_read_as_emulate_has_them() {
    let Some(url) = emulate_url() else { return };
    let okta = client(&url);
    let groups = okta.list_groups(None).await.unwrap();
    assert_eq!(groups.bad, []);
    let admins = groups.items.iter().find(|group| group.id.as_str() == "00gadmins").unwrap();
    assert_eq!(
        (admins.name.as_str(), admins.description.as_str(), &admins.kind),
        ("AWS-Admins", "Who administrates", &GroupType::OktaGroup)
    );
    assert_eq!(okta.group(&admins.id).await.unwrap().as_ref(), Some(admins));
    assert!(groups.items.iter().any(|group| group.kind == GroupType::BuiltIn));

    let members = okta.members(&admins.id).await.unwrap().unwrap();
    let expected = [
        ("00uada", "ada@example.com", &UserStatus::Active),
        ("00ualan", "alan@example.com", &UserStatus::Suspended),
        ("00uold", "old@example.com", &UserStatus::Deprovisioned),
    ];
    assert_eq!(shown(&members.items), expected);
    assert_eq!(okta.members(&group_id("00gempty")).await.unwrap().unwrap().items, []);
}

#[tokio::test]
async fn a_user_is_read_by_id_and_by_login_with_their_groups() {
    let Some(url) = emulate_url() else { return };
    let okta = client(&url);
    let grace = okta.user("00ugrace").await.unwrap().unwrap();
    assert_eq!(okta.user("grace@example.com").await.unwrap().as_ref(), Some(&grace));
    assert_eq!((grace.login.as_str(), &grace.status), ("grace@example.com", &UserStatus::Active));
    assert_eq!(names_of_groups(&okta, "00ualan").await, ["AWS-Admins"]);
    assert_eq!(names_of_groups(&okta, "00uada").await, ["AWS-Admins", "AWS-Readers"]);
}

#[tokio::test]
async fn what_is_not_there_is_an_answer_and_a_list_that_is_not_there_is_an_error() {
    let Some(url) = emulate_url() else { return };
    let okta = client(&url);
    assert_eq!(okta.group(&group_id("00gnone")).await.unwrap(), None);
    assert!(okta.members(&group_id("00gnone")).await.unwrap().is_none());
    assert_eq!(okta.user("nobody@example.com").await.unwrap(), None);
    assert_eq!(okta.app_groups("0oanone").await.unwrap_err().kind, SourceErrorKind::NotFound, "which it does not have at all");
}

#[tokio::test]
async fn s29_every_page_is_read_and_a_member_comes_and_goes() {
    let Some(url) = emulate_url() else { return };
    let okta = client(&url);
    let before = okta.list_groups(None).await.unwrap().items.len();
    let run = uuid::Uuid::new_v4();
    for n in 0..2 * PAGE {
        write(&url, Method::POST, "groups", &json!({"profile": {"name": format!("AWS-{run}-{n}"), "description": "one of many"}})).await;
    }
    let calls = okta.calls();
    let listed = okta.list_groups(None).await.unwrap().items;
    assert_eq!(listed.len(), before + 2 * PAGE);
    assert_eq!(okta.calls() - calls, u64::try_from(listed.len().div_ceil(PAGE)).unwrap());

    let group = &listed.last().unwrap().id;
    write(&url, Method::PUT, &format!("groups/{group}/users/00ugrace"), &Value::Null).await;
    assert_eq!(shown(&okta.members(group).await.unwrap().unwrap().items), [("00ugrace", "grace@example.com", &UserStatus::Active)]);
    write(&url, Method::DELETE, &format!("groups/{group}/users/00ugrace"), &Value::Null).await;
    assert_eq!(okta.members(group).await.unwrap().unwrap().items, []);
}
