//! Okta's records as its API writes them.

use jiff::Timestamp;
use serde_json::{Value, json};
use sync_core::ids::OktaGroupId;

use super::error::OktaError;
use super::hooks::Hook;
use super::state::{App, Group, User};
use super::whole_second;

/// A user's type; every user has the default one.
const USER_TYPE: &str = "otysim00000000000001";

pub(crate) fn moment(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| whole_second(at).into())
}

pub(crate) fn group(base: &str, group: &Group, count: Option<u64>) -> Value {
    let mut body = group.raw.clone().unwrap_or_else(|| {
        let links = format!("{base}/api/v1/groups/{}", group.id);
        let logo = |size: &str| json!({"name": size, "href": format!("{base}/logo/{size}.png"), "type": "image/png"});
        json!({
            "id": group.id.as_str(),
            "created": whole_second(group.created),
            "lastUpdated": whole_second(group.last_updated),
            "lastMembershipUpdated": whole_second(group.last_membership_updated),
            "objectClass": [object_class(group)],
            "type": group.kind.as_str(),
            "profile": {"name": group.name, "description": group.description},
            "_links": {
                "logo": [logo("medium"), logo("large")],
                "users": {"href": format!("{links}/users")},
                "apps": {"href": format!("{links}/apps")},
            },
        })
    });
    if let (Some(count), Some(object), None) = (count, body.as_object_mut(), &group.raw) {
        object.insert("_embedded".to_owned(), json!({"stats": {"usersCount": count}}));
    }
    body
}

fn object_class(group: &Group) -> &'static str {
    if group.kind.as_str() == "APP_GROUP" { "okta:windows_security_principal" } else { "okta:user_group" }
}

/// A user as lists show them.
pub(crate) fn user(base: &str, user: &User) -> Value {
    if let Some(raw) = &user.raw {
        return raw.clone();
    }
    let email = user.profile.get("email").cloned().unwrap_or_default();
    json!({
        "id": user.id.as_str(),
        "status": user.status.as_str(),
        "created": whole_second(user.created),
        "activated": moment(user.activated),
        "statusChanged": moment(user.status_changed),
        "lastLogin": null,
        "lastUpdated": whole_second(user.last_updated),
        "passwordChanged": whole_second(user.created),
        "type": {"id": USER_TYPE},
        "profile": user.profile,
        "credentials": {
            "password": {},
            "emails": [{"value": email, "status": "VERIFIED", "type": "PRIMARY"}],
            "provider": {"type": "OKTA", "name": "OKTA"},
        },
        "_links": {"self": {"href": format!("{base}/api/v1/users/{}", user.id)}},
    })
}

/// The id of the key with which an app signs.
pub(crate) fn signing_kid(app: &App) -> String {
    format!("sim-key-{}", app.id)
}

pub(crate) fn app(base: &str, app: &App) -> Value {
    let links = format!("{base}/api/v1/apps/{}", app.id);
    let mut record = json!({
        "id": app.id,
        "name": app.name,
        "label": app.label,
        "status": "ACTIVE",
        "lastUpdated": whole_second(app.created),
        "created": whole_second(app.created),
        "features": [],
        "signOnMode": "SAML_2_0",
        "credentials": {"userNameTemplate": {"template": "${source.login}", "type": "BUILT_IN"}, "signing": {"kid": signing_kid(app)}},
        "settings": {"app": {}},
        "_links": {"groups": {"href": format!("{links}/groups")}, "users": {"href": format!("{links}/users")}},
    });
    super::merge(&mut record, &app.record);
    record
}

/// A group as an app sees it: without its name.
pub(crate) fn app_group(base: &str, app: &App, group: &OktaGroupId) -> Value {
    let priority = app.groups.keys().position(|id| id == group).unwrap_or_default();
    let links = format!("{base}/api/v1/apps/{}", app.id);
    json!({
        "id": group.as_str(),
        "lastUpdated": moment(app.groups.get(group).copied()),
        "priority": priority,
        "profile": {},
        "_links": {
            "app": {"href": links},
            "self": {"href": format!("{links}/groups/{group}")},
            "group": {"href": format!("{base}/api/v1/groups/{group}")},
        },
    })
}

pub(crate) fn app_user(base: &str, app: &App, user: &User) -> Value {
    json!({
        "id": user.id.as_str(),
        "externalId": null,
        "created": whole_second(user.created),
        "lastUpdated": whole_second(user.last_updated),
        "scope": "GROUP",
        "status": "ACTIVE",
        "statusChanged": moment(user.status_changed),
        "passwordChanged": null,
        "syncState": "DISABLED",
        "lastSync": null,
        "credentials": {"userName": user.login()},
        "profile": {},
        "_links": {
            "app": {"href": format!("{base}/api/v1/apps/{}", app.id)},
            "user": {"href": format!("{base}/api/v1/users/{}", user.id)},
        },
    })
}

/// A hook; its secret is never shown again.
pub(crate) fn hook(base: &str, hook: &Hook) -> Value {
    let links = format!("{base}/api/v1/eventHooks/{}", hook.id);
    let lifecycle = |verb: &str| json!({"href": format!("{links}/lifecycle/{verb}"), "hints": {"allow": ["POST"]}});
    json!({
        "id": hook.id,
        "status": if hook.active { "ACTIVE" } else { "INACTIVE" },
        "verificationStatus": if hook.verified { "VERIFIED" } else { "UNVERIFIED" },
        "name": hook.name,
        "description": null,
        "created": whole_second(hook.created),
        "createdBy": "00usimadmin000000000",
        "lastUpdated": whole_second(hook.last_updated),
        "events": {"type": "EVENT_TYPE", "items": hook.items, "filter": null},
        "channel": {"type": "HTTP", "version": "1.0.0", "config": {
            "uri": hook.uri, "headers": [], "method": "POST", "authScheme": {"type": "HEADER", "key": hook.header},
        }},
        "_links": {"self": {"href": links}, "verify": lifecycle("verify"), "deactivate": lifecycle("deactivate")},
    })
}

pub(crate) fn error(error: &OktaError, error_id: &str) -> Value {
    let causes: Vec<Value> = error.causes.iter().map(|cause| json!({"errorSummary": cause})).collect();
    json!({
        "errorCode": error.code,
        "errorSummary": error.summary,
        "errorLink": error.code,
        "errorId": error_id,
        "errorCauses": causes,
    })
}
