//! What Okta says.

use jiff::Timestamp;
use okta::admin::{Admin, AdminAnswer, AdminError};
use runtime::clock::SystemClock;
use serde_json::Value;
use sync_core::ids::OktaGroupId;
use sync_core::policy::Policy;
use sync_core::records::{GroupType, OktaGroup};

use super::super::facts::{AppFacts, Asked, HookFacts, Metadata, OktaFacts, Read, UsersSeen};
use super::super::judge::app::APP_KEY;
use super::super::org::{Org, asked, listed};
use crate::session::Session;

/// Apps that are looked at in depth. An org has one, or one for each AWS organization.
const MAX_APPS: usize = 5;

/// Reads everything that checks ask of Okta.
pub(super) async fn facts(session: &Session, policy: &Policy) -> Read<OktaFacts> {
    let org = Org::open(session, policy).await?;
    let (first_page, groups, users, apps, hooks) =
        futures::join!(first_page(&org), groups(&org), users(&org), Box::pin(apps(&org)), hooks(&org));
    Ok(OktaFacts {
        org_url: policy.okta.org_url.as_str().trim_end_matches('/').to_owned(),
        organization: organization(&org).await,
        credential: org.form(),
        users,
        groups,
        apps,
        hooks,
        clock_ahead_s: first_page.clock_ahead_s,
        groups_per_minute: first_page.per_minute,
    })
}

/// What the headers of one answer tell.
#[derive(Default)]
struct Headers {
    clock_ahead_s: Option<i64>,
    per_minute: Option<u64>,
}

async fn first_page(org: &Org) -> Headers {
    let Ok(admin) = org.with_scope("okta.groups.read") else { return Headers::default() };
    let Ok(answer) = admin.get(&["groups"], &[("limit", "1")]).await else { return Headers::default() };
    let ahead = |date: Timestamp| date.as_second() - SystemClock.now().as_second();
    Headers { clock_ahead_s: answer.date.map(ahead), per_minute: answer.rate_limit.filter(|limit| *limit > 0) }
}

async fn organization(org: &Org) -> Asked<()> {
    let Ok(admin) = org.in_public() else { return Asked::NoAnswer("the HTTP client cannot start".to_owned()) };
    let answer = admin.get_public(&[".well-known", "okta-organization"]).await;
    match asked(answer, |answer| answer.json().get("id").is_some()) {
        Asked::Given(true) => Asked::Given(()),
        Asked::Given(false) => Asked::NoAnswer("what answers there says nothing of an org".to_owned()),
        Asked::Refused(refusal) => Asked::Refused(refusal),
        Asked::NoCredential(why) | Asked::NoAnswer(why) | Asked::Withheld(why) => Asked::NoAnswer(why),
    }
}

/// A scope's client, or why there is none.
macro_rules! with_scope {
    ($org:expr, $scope:literal) => {
        match $org.with_scope($scope) {
            Ok(admin) => admin,
            Err(why) => return Asked::Withheld(why.to_string()),
        }
    };
}

async fn users(org: &Org) -> Asked<UsersSeen> {
    let admin = with_scope!(org, "okta.users.read");
    asked(admin.get(&["users"], &[("limit", "200")]).await, |answer| {
        let page = answer.json();
        let users = page.as_array().map(Vec::as_slice).unwrap_or_default();
        let other = |user: &&Value| text(user, "/profile/email") != text(user, "/profile/login");
        UsersSeen { n: users.len(), n_other_email: users.iter().filter(other).count() }
    })
}

async fn groups(org: &Org) -> Asked<Vec<OktaGroup>> {
    let admin = with_scope!(org, "okta.groups.read");
    listed(admin.list(&["groups"], &[("limit", "200"), ("expand", "stats")]).await, group)
}

fn group(record: &Value) -> Option<OktaGroup> {
    Some(OktaGroup {
        id: OktaGroupId::new(&text(record, "/id")).ok()?,
        name: text(record, "/profile/name"),
        description: text(record, "/profile/description"),
        kind: GroupType::parse(&text(record, "/type")),
        last_updated: None,
        last_membership_updated: None,
        users_count: record.pointer("/_embedded/stats/usersCount").and_then(Value::as_u64),
    })
}

async fn hooks(org: &Org) -> Asked<Vec<HookFacts>> {
    let admin = with_scope!(org, "okta.eventHooks.read");
    listed(admin.list(&["eventHooks"], &[]).await, |record| Some(hook(record)))
}

/// What a hook's record says.
pub(crate) fn hook(record: &Value) -> HookFacts {
    let items = record.pointer("/events/items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    HookFacts {
        id: text(record, "/id"),
        name: text(record, "/name"),
        uri: text(record, "/channel/config/uri"),
        is_active: text(record, "/status") == "ACTIVE",
        is_verified: text(record, "/verificationStatus") == "VERIFIED",
        event_types: items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        has_filter: record.pointer("/events/filter").is_some_and(|filter| !filter.is_null()),
        header: text(record, "/channel/config/authScheme/key"),
    }
}

async fn apps(org: &Org) -> Asked<Vec<AppFacts>> {
    let admin = with_scope!(org, "okta.apps.read");
    let filter = format!("name eq \"{APP_KEY}\"");
    let records = listed(admin.list(&["apps"], &[("filter", &filter), ("limit", "200")]).await, of_identity_center);
    let records = match records {
        Asked::Given(records) => records,
        Asked::Refused(refusal) => return Asked::Refused(refusal),
        Asked::NoCredential(why) => return Asked::NoCredential(why),
        Asked::NoAnswer(why) => return Asked::NoAnswer(why),
        Asked::Withheld(why) => return Asked::Withheld(why),
    };
    let mut apps = Vec::new();
    for record in records.iter().take(MAX_APPS) {
        apps.push(app(&admin, record).await);
    }
    Asked::Given(apps)
}

/// The record of an app that is IAM Identity Center: whoever does not know the filter lists others as well.
pub(crate) fn of_identity_center(record: &Value) -> Option<Value> {
    (text(record, "/name") == APP_KEY).then(|| record.clone())
}

async fn app(admin: &Admin, record: &Value) -> AppFacts {
    let (app, kid) = (app_record(record), text(record, "/credentials/signing/kid"));
    let keys = admin.list(&["apps", &app.id, "credentials", "keys"], &[]).await;
    let metadata = admin.get(&["apps", &app.id, "sso", "saml", "metadata"], &[("kid", &kid)]).await;
    let mappings = admin.list(&["apps", &app.id, "group-push", "mappings"], &[]).await;
    AppFacts { metadata: metadata_of(metadata), key_expires: key_expires(keys, &kid), pushed: listed(mappings, pushed), ..app }
}

/// What an app's record says by itself.
pub(crate) fn app_record(record: &Value) -> AppFacts {
    let later = || "it was not asked for".to_owned();
    AppFacts {
        id: text(record, "/id"),
        label: text(record, "/label"),
        is_active: text(record, "/status") == "ACTIVE",
        sign_on_mode: text(record, "/signOnMode"),
        user_name_template: text(record, "/credentials/userNameTemplate/template"),
        name_id_template: Some(text(record, "/settings/signOn/subjectNameIdTemplate")).filter(|template| !template.is_empty()),
        metadata: Asked::Withheld(later()),
        key_expires: Asked::Withheld(later()),
        pushed: Asked::Withheld(later()),
    }
}

fn key_expires(keys: Result<okta::admin::Listed, AdminError>, kid: &str) -> Asked<Option<Timestamp>> {
    match listed(keys, |key| Some((text(key, "/kid"), text(key, "/expiresAt").parse().ok()))) {
        Asked::Given(keys) => Asked::Given(keys.into_iter().find(|(id, _)| id == kid).and_then(|(_, at)| at)),
        Asked::Refused(refusal) => Asked::Refused(refusal),
        Asked::NoCredential(why) => Asked::NoCredential(why),
        Asked::NoAnswer(why) => Asked::NoAnswer(why),
        Asked::Withheld(why) => Asked::Withheld(why),
    }
}

/// The Okta group that a mapping pushes; a mapping that is switched off pushes none.
fn pushed(mapping: &Value) -> Option<String> {
    (text(mapping, "/status") != "INACTIVE").then(|| text(mapping, "/sourceGroupId"))
}

fn metadata_of(answer: Result<AdminAnswer, AdminError>) -> Asked<Metadata> {
    asked(answer, |answer| metadata(answer.bytes()))
}

/// What a SAML document says, as far as it has to be known.
pub(crate) fn metadata(document: &[u8]) -> Metadata {
    let text = String::from_utf8_lossy(document);
    let entity_id = text.split_once("entityID=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(id, _)| id.to_owned());
    let is_whole = ["X509Certificate>", "SingleSignOnService "].iter().all(|part| text.contains(part)) && entity_id.is_some();
    Metadata { entity_id: entity_id.unwrap_or_default(), is_whole, document: document.to_vec() }
}

fn text(record: &Value, pointer: &str) -> String {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
