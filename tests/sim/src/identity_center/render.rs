//! Records as the Identity Store API writes them, and attributes as its updates name them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sync_core::ids::MembershipId;

use super::changes::revision;
use super::error::AwsError;
use super::state::{ExternalId, StoreGroup, StoreMembership, StoreState, StoreUser};

/// Who made everything, as far as the records say.
const AUTHOR: &str = "arn:aws:sts::111122223333:assumed-role/sim/sim";

/// AWS JSON 1.1 writes moments as seconds since the epoch.
pub(crate) fn seconds(at: Timestamp) -> Value {
    json!(at.as_duration().as_secs_f64())
}

fn external(ids: &[ExternalId]) -> Value {
    ids.iter().map(|external| json!({"Issuer": external.issuer, "Id": external.id})).collect()
}

pub(crate) fn user(state: &StoreState, user: &StoreUser) -> Value {
    let mut body = user.attributes.clone();
    let own = json!({
        "IdentityStoreId": state.settings.identity_store_id,
        "UserId": user.id.as_str(),
        "UserArn": format!("arn:aws:identitystore:::user/{}", user.id),
        "UserName": user.user_name,
        "UserStatus": if user.enabled { "ENABLED" } else { "DISABLED" },
        "CreatedAt": seconds(user.created_at),
        "CreatedBy": AUTHOR,
        "UpdatedAt": seconds(user.updated_at),
        "UpdatedBy": AUTHOR,
        "Revision": revision(user.revision),
    });
    body.extend(own.as_object().cloned().unwrap_or_default());
    with_external(body, &user.external_ids)
}

pub(crate) fn group(state: &StoreState, group: &StoreGroup) -> Value {
    let body = json!({
        "IdentityStoreId": state.settings.identity_store_id,
        "GroupId": group.id.as_str(),
        "GroupArn": format!("arn:aws:identitystore:::group/{}", group.id),
        "DisplayName": group.display_name,
        "CreatedAt": seconds(group.created_at),
        "CreatedBy": AUTHOR,
        "UpdatedAt": seconds(group.updated_at),
        "UpdatedBy": AUTHOR,
        "Revision": revision(group.revision),
    });
    let mut body = body.as_object().cloned().unwrap_or_default();
    body.extend(group.description.as_ref().map(|text| ("Description".to_owned(), text.as_str().into())));
    with_external(body, &group.external_ids)
}

fn with_external(mut body: Map<String, Value>, ids: &[ExternalId]) -> Value {
    if !ids.is_empty() {
        body.insert("ExternalIds".to_owned(), external(ids));
    }
    Value::Object(body)
}

pub(crate) fn membership_arn(id: &MembershipId) -> String {
    format!("arn:aws:identitystore:::membership/{id}")
}

pub(crate) fn membership(state: &StoreState, membership: &StoreMembership) -> Value {
    json!({
        "IdentityStoreId": state.settings.identity_store_id,
        "MembershipId": membership.id.as_str(),
        "MembershipArn": membership_arn(&membership.id),
        "GroupId": membership.group.as_str(),
        "MemberId": {"UserId": membership.user.as_str()},
        "CreatedAt": seconds(membership.created_at),
        "CreatedBy": AUTHOR,
        "UpdatedAt": seconds(membership.created_at),
        "UpdatedBy": AUTHOR,
    })
}

/// These members of an object only.
pub(crate) fn only(body: &Value, keys: &[&str]) -> Value {
    keys.iter().filter_map(|key| Some(((*key).to_owned(), body.get(*key)?.clone()))).collect::<Map<_, _>>().into()
}

/// What `UpdateUser` can change, at the first step of its path. That userName is not among them is not documented.
const UPDATABLE: [&str; 15] = [
    "displayName",
    "name",
    "nickName",
    "profileUrl",
    "emails",
    "addresses",
    "phoneNumbers",
    "userType",
    "title",
    "preferredLanguage",
    "locale",
    "timezone",
    "website",
    "birthdate",
    "roles",
];

/// Sets an attribute by its path in camel case; null takes it away.
pub(crate) fn set_attribute(attributes: &mut Map<String, Value>, path: &str, value: &Value) -> Result<(), AwsError> {
    let (first, second) = path.split_once('.').map_or((path, None), |(first, second)| (first, Some(second)));
    if !UPDATABLE.contains(&first) {
        return Err(AwsError::invalid(format!("{path} cannot be updated")));
    }
    if value.as_str() == Some("") {
        return Err(AwsError::invalid(format!("{path} must not be empty")));
    }
    let object = match second {
        None => attributes,
        Some(_) => {
            let inner = attributes.entry(pascal(first)).or_insert_with(|| Value::Object(Map::new()));
            inner.as_object_mut().ok_or_else(|| AwsError::invalid(format!("{path} has no parts")))?
        }
    };
    let key = pascal(second.unwrap_or(first));
    if value.is_null() {
        object.remove(&key);
    } else {
        object.insert(key, pascal_keys(value));
    }
    Ok(())
}

fn pascal(camel: &str) -> String {
    let mut letters = camel.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn pascal_keys(value: &Value) -> Value {
    match value {
        Value::Object(object) => object.iter().map(|(key, value)| (pascal(key), pascal_keys(value))).collect::<Map<_, _>>().into(),
        Value::Array(list) => list.iter().map(pascal_keys).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
