//! Okta's JSON as records. Unknown fields are ignored; one that is odd and matters makes a bad record, never a guess.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::policy::UserNameFrom;
use sync_core::records::{BadRecord, ChangedUser, GroupType, OktaGroup, OktaUser, UserStatus};

use crate::pages::Identified;

impl Identified for OktaGroup {
    fn id(&self) -> &str {
        self.id.as_str()
    }
}

impl Identified for OktaUser {
    fn id(&self) -> &str {
        self.id.as_str()
    }
}

impl Identified for ChangedUser {
    fn id(&self) -> &str {
        self.user.id.as_str()
    }
}

impl Identified for OktaGroupId {
    fn id(&self) -> &str {
        self.as_str()
    }
}

/// A group.
pub(crate) fn group(record: &Value) -> Result<OktaGroup, BadRecord> {
    let id = OktaGroupId::new(id_text(record)?).map_err(|error| bad(None, error.to_string()))?;
    let of = |problem: String| bad(Some(id.as_str()), problem);
    let profile = profile(record).map_err(of)?;
    Ok(OktaGroup {
        name: filled_text(profile, "profile.name", "name").map_err(of)?,
        description: optional_text(profile, "profile.description", "description").map_err(of)?.unwrap_or_default(),
        kind: GroupType::parse(&filled_text(record, "type", "type").map_err(of)?),
        last_updated: time(record, "lastUpdated").map_err(of)?,
        last_membership_updated: time(record, "lastMembershipUpdated").map_err(of)?,
        users_count: users_count(record).map_err(of)?,
        id: id.clone(),
    })
}

/// A user.
pub(crate) fn user(record: &Value, user_name_from: &UserNameFrom, attributes: &BTreeSet<String>) -> Result<OktaUser, BadRecord> {
    let id = OktaUserId::new(id_text(record)?).map_err(|error| bad(None, error.to_string()))?;
    let of = |problem: String| bad(Some(id.as_str()), problem);
    let profile = profile(record).map_err(of)?;
    let attribute = match user_name_from {
        UserNameFrom::Login => "login",
        UserNameFrom::Email => "email",
        UserNameFrom::Profile(attribute) => attribute,
    };
    let text = |name: &str| profile.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned);
    Ok(OktaUser {
        status: UserStatus::parse(&filled_text(record, "status", "status").map_err(of)?),
        user_name: text(attribute),
        login: text("login").unwrap_or_default(),
        profile: attributes.iter().filter_map(|name| Some((name.clone(), plain(profile.get(name)?)?))).collect(),
        id: id.clone(),
    })
}

/// A user whose record changed, with the time of the last change of their status.
pub(crate) fn changed_user(record: &Value, user: OktaUser) -> Result<ChangedUser, BadRecord> {
    let status_changed = time(record, "statusChanged").map_err(|problem| bad(Some(user.id.as_str()), problem))?;
    Ok(ChangedUser { user, status_changed })
}

/// A value of a profile as a text; `None` for null, lists and records, which are no single value.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The group of an app's assignment, which is all that is needed of it.
pub(crate) fn assigned_group(record: &Value) -> Result<OktaGroupId, BadRecord> {
    OktaGroupId::new(id_text(record)?).map_err(|error| bad(None, error.to_string()))
}

fn bad(id: Option<&str>, problem: String) -> BadRecord {
    BadRecord { id: id.map(str::to_owned), problem }
}

fn id_text(record: &Value) -> Result<&str, BadRecord> {
    if !record.is_object() {
        return Err(bad(None, format!("the element is {}, not a record", kind(record))));
    }
    let id = record.get("id").unwrap_or(&Value::Null);
    id.as_str().ok_or_else(|| bad(None, format!("id is {}, not a text", kind(id))))
}

fn profile(record: &Value) -> Result<&Value, String> {
    let profile = record.get("profile").unwrap_or(&Value::Null);
    if profile.is_object() { Ok(profile) } else { Err(format!("profile is {}, not a record", kind(profile))) }
}

fn filled_text(parent: &Value, path: &str, name: &str) -> Result<String, String> {
    match optional_text(parent, path, name)? {
        None => Err(format!("{path} is missing")),
        Some(text) if text.trim().is_empty() => Err(format!("{path} is empty")),
        Some(text) => Ok(text),
    }
}

fn optional_text(parent: &Value, path: &str, name: &str) -> Result<Option<String>, String> {
    let Some(value) = present(parent.get(name)) else { return Ok(None) };
    value.as_str().map(|text| Some(text.to_owned())).ok_or_else(|| format!("{path} is {}, not a text", kind(value)))
}

/// A time that cannot be read makes a bad record: decisions compare it, and two unknown times would look the same.
fn time(record: &Value, name: &str) -> Result<Option<Timestamp>, String> {
    let Some(text) = optional_text(record, name, name)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("{name} is no time"))
}

fn users_count(record: &Value) -> Result<Option<u64>, String> {
    let Some(count) = present(record.pointer("/_embedded/stats/usersCount")) else { return Ok(None) };
    count.as_u64().map(Some).ok_or_else(|| "_embedded.stats.usersCount is no number of users".to_owned())
}

fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "missing or null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a record",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good_group() -> Value {
        json!({
            "id": "00g1", "type": "OKTA_GROUP", "lastUpdated": "2026-01-01T00:00:00.000Z", "lastMembershipUpdated": "2026-01-02T00:00:00.000Z",
            "profile": { "name": "AWS-Admins", "description": null, "custom": 7 }, "_embedded": { "stats": { "usersCount": 4 } }, "unknown": {}
        })
    }

    fn with(mut record: Value, pointer: &str, value: Value) -> Value {
        *record.pointer_mut(pointer).unwrap() = value;
        record
    }

    #[test]
    fn a_group_is_read_with_its_count_and_its_times() {
        let group = group(&good_group()).unwrap();
        assert_eq!((group.name.as_str(), group.description.as_str(), group.users_count), ("AWS-Admins", "", Some(4)));
        assert_eq!(group.kind, GroupType::OktaGroup);
        assert_eq!(group.last_membership_updated, Some("2026-01-02T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn what_a_group_may_lack_is_none() {
        let group = group(&json!({ "id": "00g1", "type": "NEW_KIND", "profile": { "name": "x" } })).unwrap();
        assert_eq!((group.last_updated, group.last_membership_updated, group.users_count), (None, None, None));
        assert_eq!(group.kind, GroupType::Other("NEW_KIND".to_owned()));
    }

    #[test]
    fn s16_a_group_that_is_no_record_says_why_and_keeps_its_id() {
        let good = good_group;
        for (record, id, problem) in [
            (json!(null), None, "the element is missing or null, not a record"),
            (json!([]), None, "the element is a list, not a record"),
            (with(good(), "/id", json!(null)), None, "id is missing or null, not a text"),
            (with(good(), "/id", json!(7)), None, "id is a number, not a text"),
            (with(good(), "/id", json!("../users")), None, "Okta group id \"../users\" has a character that no such id has"),
            (with(good(), "/id", json!("")), None, "Okta group id \"\" is empty"),
            (with(good(), "/profile", json!(null)), Some("00g1"), "profile is missing or null, not a record"),
            (with(good(), "/profile", json!("x")), Some("00g1"), "profile is a text, not a record"),
            (with(good(), "/profile/name", json!(null)), Some("00g1"), "profile.name is missing"),
            (with(good(), "/profile/name", json!(" ")), Some("00g1"), "profile.name is empty"),
            (with(good(), "/profile/name", json!({})), Some("00g1"), "profile.name is a record, not a text"),
            (with(good(), "/profile/description", json!(1)), Some("00g1"), "profile.description is a number, not a text"),
            (with(good(), "/type", json!(null)), Some("00g1"), "type is missing"),
            (with(good(), "/lastUpdated", json!("yesterday")), Some("00g1"), "lastUpdated is no time"),
            (with(good(), "/lastMembershipUpdated", json!(5)), Some("00g1"), "lastMembershipUpdated is a number, not a text"),
            (with(good(), "/_embedded/stats/usersCount", json!(-1)), Some("00g1"), "_embedded.stats.usersCount is no number of users"),
        ] {
            let expected = BadRecord { id: id.map(str::to_owned), problem: problem.to_owned() };
            assert_eq!(group(&record), Err(expected), "{record}");
        }
    }

    fn good_user() -> Value {
        json!({ "id": "00u1", "status": "ACTIVE", "profile": { "login": "ada@example.com", "email": "ada@mail.com", "awsName": "ada", "n": 7 } })
    }

    #[test]
    fn the_user_name_comes_from_where_the_policy_says() {
        let name = |from: UserNameFrom| user(&good_user(), &from, &BTreeSet::new()).unwrap().user_name;
        assert_eq!(name(UserNameFrom::Login).as_deref(), Some("ada@example.com"));
        assert_eq!(name(UserNameFrom::Email).as_deref(), Some("ada@mail.com"));
        assert_eq!(name(UserNameFrom::Profile("awsName".to_owned())).as_deref(), Some("ada"));
        for attribute in ["missing", "n"] {
            assert_eq!(name(UserNameFrom::Profile(attribute.to_owned())), None, "{attribute}");
        }
        let empty = user(&with(good_user(), "/profile/login", json!("  ")), &UserNameFrom::Login, &BTreeSet::new()).unwrap();
        assert_eq!((empty.user_name, empty.login.as_str()), (None, ""));
    }

    #[test]
    fn a_status_that_is_new_is_kept_as_it_is() {
        let status = |word: &str| user(&with(good_user(), "/status", json!(word)), &UserNameFrom::Login, &BTreeSet::new()).unwrap().status;
        assert_eq!(status("SUSPENDED"), UserStatus::Suspended);
        assert_eq!(status("ACTIVATING"), UserStatus::Other("ACTIVATING".to_owned()));
    }

    #[test]
    fn s16_a_user_that_is_no_record_says_why_and_keeps_its_id() {
        let mut without_profile = good_user();
        without_profile.as_object_mut().unwrap().remove("profile");
        for (record, id, problem) in [
            (json!("00u1"), None, "the element is a text, not a record"),
            (with(good_user(), "/id", json!(true)), None, "id is a truth value, not a text"),
            (with(good_user(), "/profile", json!(null)), Some("00u1"), "profile is missing or null, not a record"),
            (without_profile, Some("00u1"), "profile is missing or null, not a record"),
            (with(good_user(), "/status", json!(null)), Some("00u1"), "status is missing"),
            (with(good_user(), "/status", json!([])), Some("00u1"), "status is a list, not a text"),
        ] {
            let expected = BadRecord { id: id.map(str::to_owned), problem: problem.to_owned() };
            assert_eq!(user(&record, &UserNameFrom::Login, &BTreeSet::new()), Err(expected), "{record}");
        }
    }
}
