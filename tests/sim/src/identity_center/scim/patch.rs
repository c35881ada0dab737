//! The operations of a PATCH.

use serde_json::{Map, Value};

use super::document::{ENTERPRISE_SCHEMA, SINGLE, object_of, violation};
use crate::identity_center::error::AwsError;

const PATCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// What PatchUser may change.
const CHANGEABLE: [&str; 17] = [
    "userName",
    "active",
    "externalId",
    "displayName",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "name",
    "emails",
    "addresses",
    "phoneNumbers",
    "roles",
    ENTERPRISE_SCHEMA,
];

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Replace,
    Remove,
}

/// One operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation<'a> {
    pub(super) op: Op,
    pub(super) path: Option<&'a str>,
    pub(super) value: Option<&'a Value>,
}

/// The operations of a body, each with what it needs.
pub(super) fn operations(body: &Value) -> Result<Vec<Operation<'_>>, AwsError> {
    let list = object_of(body, PATCH_SCHEMA)?.get("Operations").and_then(Value::as_array);
    let list = list.filter(|list| !list.is_empty()).ok_or_else(|| violation("Operations is missing"))?;
    list.iter().map(operation).collect()
}

fn operation(raw: &Value) -> Result<Operation<'_>, AwsError> {
    let op = match raw.get("op").and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
        Some("add") => Op::Add,
        Some("replace") => Op::Replace,
        Some("remove") => Op::Remove,
        _ => return Err(violation("op must be add, replace or remove")),
    };
    let (path, value) = (raw.get("path").and_then(Value::as_str), raw.get("value").filter(|value| !value.is_null()));
    match op {
        Op::Remove if path.is_none() => Err(violation("remove needs a path")),
        Op::Add | Op::Replace if value.is_none() => Err(violation("add and replace need a value")),
        Op::Add | Op::Replace | Op::Remove => Ok(Operation { op, path, value }),
    }
}

/// Where an operation works: an attribute, the one value that is meant where there could be many, and a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) attribute: &'a str,
    pub(super) chosen: Option<(&'a str, &'a str)>,
    pub(super) part: Option<&'a str>,
}

/// Reads `name.givenName`, `emails[type eq "work"].value`, or an attribute of the enterprise extension under its URN.
pub(super) fn place(path: &str) -> Result<Place<'_>, AwsError> {
    if let Some(rest) = path.strip_prefix(ENTERPRISE_SCHEMA) {
        let part = rest.strip_prefix([':', '.']).filter(|part| !part.is_empty());
        return Ok(Place { attribute: ENTERPRISE_SCHEMA, chosen: None, part });
    }
    let path = path.strip_prefix("urn:ietf:params:scim:schemas:core:2.0:User:").unwrap_or(path);
    let Some((attribute, rest)) = path.split_once('[') else {
        let (attribute, part) = path.split_once('.').map_or((path, None), |(attribute, part)| (attribute, Some(part)));
        return Ok(Place { attribute, chosen: None, part });
    };
    let (inner, after) = rest.split_once(']').ok_or_else(|| violation("the path is not closed"))?;
    let (key, value) = inner.split_once(" eq ").ok_or_else(|| violation("only eq is known in a path"))?;
    let value = value.trim().strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let value = value.ok_or_else(|| violation("a path compares with a text"))?;
    Ok(Place { attribute, chosen: Some((key.trim(), value)), part: after.strip_prefix('.') })
}

/// Changes a user's document as the operations say.
pub(super) fn apply(document: &mut Map<String, Value>, body: &Value) -> Result<(), AwsError> {
    let mut once: Vec<&str> = Vec::new();
    for operation in operations(body)? {
        for (path, value) in targets(operation)? {
            let place = place(path)?;
            if !CHANGEABLE.contains(&place.attribute) {
                return Err(violation(format!("{path} cannot be changed")));
            }
            if matches!(place.attribute, "userName" | "active") {
                if operation.op == Op::Remove || once.contains(&place.attribute) {
                    return Err(violation(format!("{path} is changed once, and never removed")));
                }
                once.push(place.attribute);
            }
            match value {
                Some(value) => put(document, &place, value, operation.op)?,
                None => take(document, &place),
            }
        }
    }
    Ok(())
}

/// The paths that an operation works on, with their values. Without a path, the value names them.
fn targets(operation: Operation<'_>) -> Result<Vec<(&str, Option<&Value>)>, AwsError> {
    match (operation.op, operation.path, operation.value) {
        (Op::Remove, Some(path), _) => Ok(vec![(path, None)]),
        (_, Some(path), value) => Ok(vec![(path, value)]),
        (_, None, value) => {
            let object = value.and_then(Value::as_object).ok_or_else(|| violation("without a path, the value is an object"))?;
            Ok(object.iter().filter(|(key, _)| *key != "id").map(|(key, value)| (key.as_str(), Some(value))).collect())
        }
    }
}

fn put(document: &mut Map<String, Value>, place: &Place<'_>, value: &Value, op: Op) -> Result<(), AwsError> {
    let attribute = place.attribute;
    if SINGLE.contains(&attribute) {
        return put_single(document, place, value);
    }
    match place.part {
        None if value.is_object() && op == Op::Add => {
            let mut whole = document.get(attribute).and_then(Value::as_object).cloned().unwrap_or_default();
            whole.extend(value.as_object().cloned().unwrap_or_default());
            document.insert(attribute.to_owned(), whole.into());
        }
        None => drop(document.insert(attribute.to_owned(), value.clone())),
        Some(part) => {
            let whole = document.entry(attribute).or_insert_with(|| Value::Object(Map::new()));
            let (first, second) = part.split_once('.').map_or((part, None), |(first, second)| (first, Some(second)));
            let whole = whole.as_object_mut().ok_or_else(|| violation(format!("{attribute} has no parts")))?;
            let value = match second {
                Some(second) => Value::Object(Map::from_iter([(second.to_owned(), value.clone())])),
                None => value.clone(),
            };
            whole.insert(first.to_owned(), value);
        }
    }
    Ok(())
}

/// The one value of a list, or a part of it.
fn put_single(document: &mut Map<String, Value>, place: &Place<'_>, value: &Value) -> Result<(), AwsError> {
    let attribute = place.attribute;
    let Some(part) = place.part else {
        let list = if value.is_array() { value.clone() } else { Value::Array(vec![value.clone()]) };
        document.insert(attribute.to_owned(), list);
        return Ok(());
    };
    let list = document.entry(attribute).or_insert_with(|| Value::Array(Vec::new()));
    let list = list.as_array_mut().ok_or_else(|| violation(format!("{attribute} is no list")))?;
    if list.is_empty() {
        let mut new = Map::from_iter([("primary".to_owned(), Value::Bool(true))]);
        new.extend(place.chosen.map(|(key, value)| (key.to_owned(), value.into())));
        list.push(new.into());
    }
    let one = list.first_mut().and_then(Value::as_object_mut).ok_or_else(|| violation(format!("{attribute} has no parts")))?;
    one.insert(part.to_owned(), value.clone());
    Ok(())
}

fn take(document: &mut Map<String, Value>, place: &Place<'_>) {
    let Some(part) = place.part.filter(|_| !SINGLE.contains(&place.attribute)) else {
        document.remove(place.attribute);
        return;
    };
    if let Some(whole) = document.get_mut(place.attribute).and_then(Value::as_object_mut) {
        whole.remove(part.split('.').next().unwrap_or(part));
        if whole.is_empty() {
            document.remove(place.attribute);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_are_read() {
        let plain = |attribute, part| Place { attribute, chosen: None, part };
        assert_eq!(place("active").unwrap(), plain("active", None));
        assert_eq!(place("name.givenName").unwrap(), plain("name", Some("givenName")));
        let department = format!("{ENTERPRISE_SCHEMA}:department");
        assert_eq!(place(&department).unwrap(), plain(ENTERPRISE_SCHEMA, Some("department")));
        let chosen = Place { attribute: "emails", chosen: Some(("type", "work")), part: Some("value") };
        assert_eq!(place(r#"emails[type eq "work"].value"#).unwrap(), chosen);
        assert!(place(r#"emails[type co "w"]"#).is_err() && place("emails[type").is_err());
    }

    fn patched(operations: &Value) -> Result<Value, AwsError> {
        let document =
            json!({"userName": "a", "name": {"givenName": "A", "familyName": "B"}, "emails": [{"value": "a@x", "primary": true}]});
        let mut document = document.as_object().unwrap().clone();
        apply(&mut document, &json!({"schemas": [PATCH_SCHEMA], "Operations": operations}))?;
        Ok(document.into())
    }

    #[test]
    fn operations_change_what_they_name() {
        let done = patched(&json!([
            {"op": "Replace", "path": "userName", "value": "b"},
            {"op": "add", "path": "name.givenName", "value": "C"},
            {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@x"},
            {"op": "add", "value": {"title": "Dr", "active": false}},
            {"op": "remove", "path": "name.familyName"},
        ]));
        let expected = json!({
            "userName": "b", "name": {"givenName": "C"}, "emails": [{"value": "b@x", "primary": true}], "title": "Dr", "active": false,
        });
        assert_eq!(done.unwrap(), expected);
    }

    #[test]
    fn what_aws_does_not_take_is_refused() {
        for bad in [
            json!([]),
            json!([{"op": "move", "path": "title", "value": "x"}]),
            json!([{"path": "title", "value": "x"}]),
            json!([{"op": "remove"}]),
            json!([{"op": "add", "path": "title"}]),
            json!([{"op": "remove", "path": "userName"}]),
            json!([{"op": "remove", "path": "active"}]),
            json!([{"op": "replace", "path": "active", "value": true}, {"op": "replace", "path": "active", "value": false}]),
            json!([{"op": "replace", "path": "password", "value": "x"}]),
            json!([{"op": "replace", "path": "groups", "value": []}]),
        ] {
            assert!(patched(&bad).is_err(), "{bad}");
        }
    }
}
