//! A user as a SCIM document, checked as AWS checks it, and between it and the store.

use serde_json::{Map, Value, json};

use super::settings::ScimSettings;
use crate::identity_center::error::AwsError;
use crate::identity_center::state::{ExternalId, StoreUser};

pub(super) const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const ENTERPRISE_SCHEMA: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const ENTERPRISE_EXTENSION: &str = "aws:identitystore:enterprise";

/// Longest text of an attribute, in characters.
const MAX_TEXT_CHARS: usize = 1024;

/// Longest externalId, in characters.
const MAX_EXTERNAL_ID_CHARS: usize = 256;

/// Attributes that the store keeps as they come, apart from the case of their keys.
const PLAIN: [&str; 9] = ["displayName", "nickName", "profileUrl", "title", "userType", "preferredLanguage", "locale", "timezone", "name"];

/// Attributes that have many values in the standard, and one here.
pub(super) const SINGLE: [&str; 4] = ["emails", "phoneNumbers", "addresses", "roles"];

/// What a document says about itself, which is not kept.
const ABOUT_ITSELF: [&str; 3] = ["schemas", "id", "meta"];

/// A user, checked.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub(super) user_name: String,
    pub(super) external_ids: Vec<ExternalId>,
    pub(super) active: bool,
    pub(super) attributes: Map<String, Value>,
}

/// What AWS says to everything that it does not take.
pub(super) fn violation(what: impl std::fmt::Display) -> AwsError {
    AwsError::invalid(format!("Request is unparsable, syntactically incorrect, or violates schema: {what}"))
}

/// The object that a body has to be, of this schema.
pub(super) fn object_of<'a>(body: &'a Value, schema: &str) -> Result<&'a Map<String, Value>, AwsError> {
    let object = body.as_object().ok_or_else(|| violation("the body is no object"))?;
    let schemas = object.get("schemas").and_then(Value::as_array).ok_or_else(|| violation("schemas is missing"))?;
    if schemas.iter().any(|named| named.as_str() == Some(schema)) {
        Ok(object)
    } else {
        Err(violation(format!("{schema} is not in schemas")))
    }
}

/// Checks a whole document, as CreateUser and PutUser do.
pub(super) fn checked(document: &Map<String, Value>, settings: &ScimSettings) -> Result<Checked, AwsError> {
    known(document)?;
    texts("", &Value::Object(document.clone()))?;
    required(document)?;
    names(document, &settings.refused_characters)?;
    SINGLE.iter().try_for_each(|key| single(document, key))?;
    let active = match document.get("active") {
        None => true,
        Some(value) => boolean(value).ok_or_else(|| violation("active is no boolean"))?,
    };
    let external_id = document.get("externalId").map(|id| text(id, "externalId")).transpose()?;
    if external_id.is_some_and(|id| id.chars().count() > MAX_EXTERNAL_ID_CHARS) {
        return Err(violation("externalId is too long"));
    }
    let user_name = text(document.get("userName").unwrap_or(&Value::Null), "userName")?.to_owned();
    let external = |id: &str| ExternalId { issuer: settings.issuer.clone(), id: id.to_owned() };
    Ok(Checked { user_name, external_ids: external_id.map(external).into_iter().collect(), active, attributes: attributes(document) })
}

/// Some clients write booleans as texts, and AWS is known to take them.
pub(super) fn boolean(value: &Value) -> Option<bool> {
    let word = value.as_str().map(str::to_ascii_lowercase);
    value.as_bool().or_else(|| word.and_then(|word| word.parse().ok()))
}

fn text<'a>(value: &'a Value, what: &str) -> Result<&'a str, AwsError> {
    value.as_str().ok_or_else(|| violation(format!("{what} is no text")))
}

fn known(document: &Map<String, Value>) -> Result<(), AwsError> {
    let own = ["userName", "externalId", "active", ENTERPRISE_SCHEMA];
    let known = |key: &str| [&PLAIN[..], &SINGLE, &ABOUT_ITSELF, &own].iter().any(|keys| keys.contains(&key));
    match document.keys().find(|key| !known(key)) {
        Some(key) => Err(violation(format!("{key} is not supported"))),
        None => Ok(()),
    }
}

/// No text is empty, or longer than AWS keeps, at any depth.
fn texts(path: &str, value: &Value) -> Result<(), AwsError> {
    match value {
        Value::String(text) if text.is_empty() => Err(violation(format!("{path} is empty"))),
        Value::String(text) if text.chars().count() > MAX_TEXT_CHARS => Err(violation(format!("{path} is too long"))),
        Value::Object(object) => object.iter().try_for_each(|(key, value)| texts(key, value)),
        Value::Array(list) => list.iter().try_for_each(|value| texts(path, value)),
        Value::Null => Err(violation(format!("{path} is null"))),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn required(document: &Map<String, Value>) -> Result<(), AwsError> {
    let name = |part: &str| document.get("name").and_then(|name| name.get(part));
    let all = [
        ("userName", document.get("userName")),
        ("displayName", document.get("displayName")),
        ("name.givenName", name("givenName")),
        ("name.familyName", name("familyName")),
    ];
    match all.iter().find(|(_, value)| value.and_then(Value::as_str).is_none()) {
        Some((what, _)) => Err(violation(format!("{what} is required"))),
        None => Ok(()),
    }
}

fn names(document: &Map<String, Value>, refused: &str) -> Result<(), AwsError> {
    let parts = document.get("name").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let mut texts = parts.chain(document.get("displayName")).filter_map(Value::as_str);
    match texts.find(|text| text.contains(|c| refused.contains(c))) {
        Some(_) => Err(violation(format!("a name has one of the characters {refused}"))),
        None => Ok(()),
    }
}

/// One value at most, with nothing in it that AWS does not keep; an e-mail address is the primary one.
fn single(document: &Map<String, Value>, key: &str) -> Result<(), AwsError> {
    let Some(value) = document.get(key) else { return Ok(()) };
    let list = value.as_array().ok_or_else(|| violation(format!("{key} is no list")))?;
    let [only] = list.as_slice() else {
        return if list.is_empty() { Ok(()) } else { Err(violation(format!("{key} has more than one value"))) };
    };
    if only.get("display").is_some() {
        return Err(violation(format!("{key}.display is not supported")));
    }
    if key != "addresses" && only.get("value").and_then(Value::as_str).is_none() {
        return Err(violation(format!("{key}.value is required")));
    }
    if key == "emails" && only.get("primary").and_then(boolean) != Some(true) {
        return Err(violation("the e-mail address is not marked as primary"));
    }
    Ok(())
}

/// What the store keeps of a document.
fn attributes(document: &Map<String, Value>) -> Map<String, Value> {
    let is_kept = |(key, value): &(&String, &Value)| {
        (PLAIN.contains(&key.as_str()) || SINGLE.contains(&key.as_str())) && value.as_array().is_none_or(|list| !list.is_empty())
    };
    let mut kept: Map<String, Value> = document
        .iter()
        .filter(is_kept)
        .map(|(key, value)| (recased(key, char::to_ascii_uppercase), keys(value, char::to_ascii_uppercase)))
        .collect();
    if let Some(enterprise) = document.get(ENTERPRISE_SCHEMA) {
        kept.insert("Extensions".to_owned(), json!({ENTERPRISE_EXTENSION: enterprise}));
    }
    kept
}

/// A user of the store as a document, without `meta`.
pub(super) fn document(user: &StoreUser) -> Map<String, Value> {
    let plain = user.attributes.iter().filter(|(key, _)| *key != "Extensions");
    let mut document: Map<String, Value> =
        plain.map(|(key, value)| (recased(key, char::to_ascii_lowercase), keys(value, char::to_ascii_lowercase))).collect();
    let enterprise = user.attributes.get("Extensions").and_then(|extensions| extensions.get(ENTERPRISE_EXTENSION));
    let schemas = [Some(USER_SCHEMA), enterprise.map(|_| ENTERPRISE_SCHEMA)];
    document.insert("schemas".to_owned(), schemas.into_iter().flatten().collect());
    document.insert("userName".to_owned(), user.user_name.as_str().into());
    document.insert("active".to_owned(), user.enabled.into());
    if let Some(external) = user.external_ids.first() {
        document.insert("externalId".to_owned(), external.id.as_str().into());
    }
    if let Some(enterprise) = enterprise {
        document.insert(ENTERPRISE_SCHEMA.to_owned(), enterprise.clone());
    }
    document
}

fn recased(key: &str, case: fn(&char) -> char) -> String {
    let mut letters = key.chars();
    letters.next().map(|first| std::iter::once(case(&first)).chain(letters).collect()).unwrap_or_default()
}

fn keys(value: &Value, case: fn(&char) -> char) -> Value {
    match value {
        Value::Object(object) => object.iter().map(|(key, value)| (recased(key, case), keys(value, case))).collect::<Map<_, _>>().into(),
        Value::Array(list) => list.iter().map(|value| keys(value, case)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
