//! What Okta answers: status, headers and body of one request after the other, through the whole client. Time is paused, so that every
//! wait is over at once.
//!
//! An input is a text: the name of a read, and then answers, each after a line `---`: a line with the status, header lines, an empty
//! line, and the body.
#![no_main]

use std::cell::RefCell;
use std::fmt::Debug;
use std::time::Duration;

use engine::ports::ReadSource;
use fuzz::{check_error, check_size};
use libfuzzer_sys::fuzz_target;
use okta::OktaClient;
use okta::fuzzing::{ScriptedAnswer, client};
use serde_json::{Value, json};
use sync_core::error::SourceError;
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::records::{Listing, OktaGroup, OktaUser};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

const ORG: &str = "https://acme.okta.com";
const TOKEN: &str = "00abcSECRETtoken";
const GROUP: &str = "00g1";
const USER: &str = "00u1";

/// The longest that a read may take, as in a function.
const DEADLINE: Duration = Duration::from_secs(600);

thread_local! {
    static RUNTIME: RefCell<Runtime> =
        RefCell::new(Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime"));
}

fuzz_target!(|text: &str| {
    let mut parts = text.split("\n---\n");
    let read = parts.next().unwrap_or_default();
    let answers: Vec<ScriptedAnswer> = parts.take(16).map(answer).collect();
    let asked = |answers: &[ScriptedAnswer]| RUNTIME.with_borrow(|runtime| runtime.block_on(ask(read, answers.to_vec())));
    let first = asked(&answers);
    assert_eq!(first, asked(&answers), "one script, two readings");
    first.check(text.len());
    if let Some(written) = first.written() {
        assert_eq!(asked(&[written]), first, "what was accepted means something else when it is written out");
    }
});

fn answer(text: &str) -> ScriptedAnswer {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.trim().parse().ok()).unwrap_or(200);
    let headers = lines.filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()))).collect();
    ScriptedAnswer { status, headers, body: body.as_bytes().to_vec() }
}

/// What a read gave.
#[derive(Debug, PartialEq)]
enum Given {
    Groups(Result<Option<Listing<OktaGroup>>, SourceError>),
    Group(Result<Option<OktaGroup>, SourceError>),
    Users(Result<Option<Listing<OktaUser>>, SourceError>),
    User(Result<Option<OktaUser>, SourceError>),
    Ids(Result<Vec<OktaGroupId>, SourceError>),
}

async fn ask(read: &str, answers: Vec<ScriptedAnswer>) -> Given {
    let okta: OktaClient = client(ORG, TOKEN, answers).until(Instant::now() + DEADLINE);
    let (group, user) = (OktaGroupId::new(GROUP).expect("an id"), OktaUserId::new(USER).expect("an id"));
    match read {
        "members" => Given::Users(okta.members(&group).await),
        "group" => Given::Group(okta.group(&group).await),
        "user" => Given::User(okta.user(USER).await),
        "login" => Given::User(okta.user("ada@example.com").await),
        "groups of user" => Given::Groups(okta.groups_of_user(&user).await),
        "app" => Given::Ids(okta.app_groups("0oa1").await.map(|ids| ids.into_iter().collect())),
        _ => Given::Groups(okta.list_groups(None).await.map(Some)),
    }
}

impl Given {
    fn check(&self, input: usize) {
        check_size(self, input, 16);
        match self {
            Self::Groups(Ok(Some(listing))) => check_ids(listing.items.iter().map(|group| group.id.as_str())),
            Self::Users(Ok(Some(listing))) => check_ids(listing.items.iter().map(|user| user.id.as_str())),
            Self::Groups(Ok(None)) | Self::Users(Ok(None)) | Self::Group(Ok(_)) | Self::User(Ok(_)) | Self::Ids(Ok(_)) => {}
            Self::Groups(Err(error))
            | Self::Group(Err(error))
            | Self::Users(Err(error))
            | Self::User(Err(error))
            | Self::Ids(Err(error)) => {
                check_error(error);
                assert!(!error.to_string().contains(TOKEN), "an error tells the token");
            }
        }
    }

    /// What was accepted, as Okta would answer it on one page.
    fn written(&self) -> Option<ScriptedAnswer> {
        let body = match self {
            Self::Groups(Ok(Some(listing))) if listing.bad.is_empty() => listing.items.iter().map(group_json).collect(),
            Self::Users(Ok(Some(listing))) if listing.bad.is_empty() => {
                listing.items.iter().map(user_json).collect::<Option<Vec<Value>>>()?.into()
            }
            Self::Group(Ok(Some(group))) => group_json(group),
            Self::User(Ok(Some(user))) => user_json(user)?,
            Self::Ids(Ok(ids)) => ids.iter().map(|id| json!({ "id": id })).collect(),
            Self::Groups(_) | Self::Users(_) | Self::Group(_) | Self::User(_) | Self::Ids(_) => return None,
        };
        Some(ScriptedAnswer { status: 200, headers: Vec::new(), body: body.to_string().into_bytes() })
    }
}

fn check_ids<'a>(ids: impl Iterator<Item = &'a str> + Debug) {
    let mut ids: Vec<&str> = ids.collect();
    let n_ids = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), n_ids, "a list has one record twice");
    assert!(ids.iter().all(|id| !id.is_empty()));
}

fn group_json(group: &OktaGroup) -> Value {
    json!({
        "id": group.id, "type": group.kind.as_str(), "profile": {"name": group.name, "description": group.description},
        "lastUpdated": group.last_updated, "lastMembershipUpdated": group.last_membership_updated,
        "_embedded": {"stats": {"usersCount": group.users_count}},
    })
}

/// `None` where the login is not what the userName is, which takes more than one attribute to say.
fn user_json(user: &OktaUser) -> Option<Value> {
    let login = user.user_name.clone().filter(|name| *name == user.login)?;
    Some(json!({ "id": user.id, "status": user.status.as_str(), "profile": {"login": login} }))
}
