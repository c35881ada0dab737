//! What the engine writes to users and memberships, over either transport, without HTTP in between.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use engine::ports::{Effect, MemberChange};
use serde_json::{Map, Value, json};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{GroupId, Revision, UserId};
use sync_core::profile::{Attribute, Attributes, UserDetails, UserRecord};
use sync_core::records::DirectoryUser;

use super::FakeIdentityCenter;
use super::changes::{NewStoreUser, revision};
use super::error::AwsError;
use super::ports::{effect, ids};
use super::state::{ExternalId, StoreState, StoreUser};
use crate::call::Operation;

/// Most membership changes of one PATCH.
pub(super) const SCIM_BATCH: usize = 100;

const ENTERPRISE: &str = "aws:identitystore:enterprise";

/// Where an attribute stands in the API's record.
fn place(name: Attribute) -> Vec<String> {
    let word = name.as_str();
    let path: Vec<&str> = match word.split_once('.') {
        Some(("name", part)) => vec!["Name", part],
        Some(("address", part)) => vec!["Addresses", "0", part],
        Some(("enterprise", "manager")) => return ["Extensions", ENTERPRISE, "manager", "value"].map(str::to_owned).into(),
        Some(("enterprise", part)) => return ["Extensions", ENTERPRISE, part].map(str::to_owned).into(),
        _ if word == "email" => vec!["Emails", "0", "value"],
        _ if word == "phoneNumber" => vec!["PhoneNumbers", "0", "value"],
        _ => vec![word],
    };
    path.into_iter().map(pascal).collect()
}

fn pascal(camel: &str) -> String {
    let mut letters = camel.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// An attribute, and the steps to it below the key under which it stands.
type Way = (Attribute, Vec<String>);

/// The ways to all attributes, by the key of a user's attributes.
static WAYS: LazyLock<BTreeMap<String, Vec<Way>>> = LazyLock::new(|| {
    let mut ways: BTreeMap<String, Vec<Way>> = BTreeMap::new();
    for name in Attribute::ALL {
        let mut steps = place(*name).into_iter();
        let key = steps.next().expect("every attribute stands somewhere");
        ways.entry(key).or_default().push((*name, steps.collect()));
    }
    ways
});

fn attributes_of(user: &StoreUser) -> Attributes {
    let below = |(key, value): (&String, &Value)| -> Vec<(Attribute, String)> {
        let at = |(name, way): &Way| {
            let found = way.iter().try_fold(value, |value, step| part(value, step))?;
            Some((*name, found.as_str()?.to_owned()))
        };
        WAYS.get(key).into_iter().flatten().filter_map(at).collect()
    };
    user.attributes.iter().flat_map(below).collect()
}

/// An element of an array by its number, or a field of an object.
fn part<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    if let Value::Array(items) = value { items.get(step.parse::<usize>().ok()?) } else { value.get(step) }
}

fn json_of(attributes: &Attributes) -> Map<String, Value> {
    let get = |name: Attribute| attributes.get(&name).map(String::as_str);
    let part = |prefix: &str| -> Map<String, Value> {
        let of = |(name, value): (&Attribute, &String)| Some((name.as_str().strip_prefix(prefix)?.to_owned(), json!(value)));
        attributes.iter().filter_map(of).collect()
    };
    let in_pascal = |object: Map<String, Value>| object.into_iter().map(|(key, value)| (pascal(&key), value)).collect::<Map<_, _>>();
    let mut whole: Map<String, Value> = attributes
        .iter()
        .filter(|(name, _)| !name.as_str().contains('.') && !matches!(name, Attribute::Email | Attribute::PhoneNumber))
        .map(|(name, value)| (pascal(name.as_str()), json!(value)))
        .collect();
    let mut put = |key: &str, value: Option<Value>| drop(value.map(|value| whole.insert(key.to_owned(), value)));
    put("Name", Some(part("name.")).filter(|name| !name.is_empty()).map(|name| json!(in_pascal(name))));
    put("Emails", get(Attribute::Email).map(|value| json!([{"Value": value, "Type": "work", "Primary": true}])));
    put("PhoneNumbers", get(Attribute::PhoneNumber).map(|value| json!([{"Value": value, "Type": "work"}])));
    put("Addresses", Some(part("address.")).filter(|address| !address.is_empty()).map(|address| json!([in_pascal(address)])));
    let mut enterprise = part("enterprise.");
    if let Some(manager) = enterprise.remove("manager") {
        enterprise.insert("manager".to_owned(), json!({"value": manager}));
    }
    put("Extensions", Some(enterprise).filter(|extension| !extension.is_empty()).map(|extension| json!({ENTERPRISE: extension})));
    whole
}

pub(super) fn user_record(user: &StoreUser) -> DirectoryUser {
    let details =
        UserDetails { attributes: attributes_of(user), is_enabled: Some(user.enabled), revision: Revision::new(&revision(user.revision)) };
    DirectoryUser {
        id: user.id.clone(),
        user_name: user.user_name.clone(),
        external_ids: ids(&user.external_ids),
        details: Some(Box::new(details)),
    }
}

impl StoreState {
    /// Overwrites a user, as SCIM's PUT does.
    fn put_user(&mut self, id: &str, record: &UserRecord) -> Result<(), AwsError> {
        let taken = self.user_named(&record.user_name).is_some_and(|other| other.id.as_str() != id);
        if taken {
            return Err(AwsError::conflict(super::error::NOT_UNIQUE, "Duplicate userName", self.settings.conflict_status));
        }
        let mut attributes = json_of(&record.attributes);
        for key in self.existing_user(id)?.attributes.keys().filter(|key| !attributes.contains_key(*key)).cloned().collect::<Vec<_>>() {
            attributes.insert(key, Value::Null);
        }
        self.change_user(id, attributes, None)?;
        self.alter_user(id, |user| {
            user.user_name.clone_from(&record.user_name);
            user.external_ids = record.external_id.as_deref().map(ExternalId::scim).into_iter().collect();
            user.enabled = record.is_enabled.unwrap_or(true);
        })
    }

    /// Changes the members of a group, and its externalId, as SCIM's PATCH does: all of it or nothing.
    fn patch_group(&mut self, group: &GroupId, external_id: Option<&str>, changes: &[MemberChange]) -> Result<(), AwsError> {
        self.existing_group(group.as_str())?;
        if changes.len() > SCIM_BATCH {
            return Err(AwsError::invalid("Request is unparsable, syntactically incorrect, or violates schema"));
        }
        for change in changes {
            if let MemberChange::Add(user) = change {
                self.existing_user(user.as_str())?;
            }
        }
        for change in changes {
            match change {
                MemberChange::Add(user) if self.membership_of(group, user).is_none() => {
                    self.make_membership(group.as_str(), user.as_str())?;
                }
                MemberChange::Add(_) => {}
                MemberChange::Remove { user, .. } => {
                    if let Some(id) = self.membership_of(group, user).cloned() {
                        self.delete_membership(id.as_str())?;
                    }
                }
            }
        }
        self.version += 1;
        if let (Some(id), Some(group)) = (external_id, self.groups.get_mut(group)) {
            group.external_ids = vec![ExternalId::scim(id)];
            group.revision += 1;
        }
        Ok(())
    }
}

impl FakeIdentityCenter {
    pub(super) async fn make_user_of(&self, record: &UserRecord) -> Result<UserId, TargetError> {
        let (name, external_ids) = match self.over_scim {
            true => ("ScimCreateUser", record.external_id.as_deref().map(ExternalId::scim).into_iter().collect()),
            false => ("CreateUser", Vec::new()),
        };
        let new = NewStoreUser { user_name: record.user_name.clone(), external_ids, attributes: json_of(&record.attributes) };
        self.one(Operation::write(name, format!("UserName={}", record.user_name)), |state, _| state.make_user(new)).await
    }

    pub(super) async fn change_user_to(&self, id: &UserId, to: &UserRecord, at: Option<&Revision>) -> Result<(), TargetError> {
        if self.over_scim {
            let operation = Operation::write("ScimPutUser", format!("UserId={id}"));
            return self.one(operation, |state, _| state.put_user(id.as_str(), to)).await;
        }
        let operation = Operation::write("UpdateUser", format!("UserId={id}"));
        let attributes = json_of(&to.attributes);
        self.one(operation, |state, _| state.change_user(id.as_str(), attributes, at.map(Revision::as_str))).await
    }

    pub(super) async fn disable(&self, id: &UserId) -> Result<Effect, TargetError> {
        if !self.over_scim {
            return Err(TargetError::new(TargetErrorKind::Invalid, "UpdateUser", "no Identity Store API sets UserStatus"));
        }
        let operation = Operation::write("ScimPatchUser", format!("UserId={id} active=false"));
        self.one(operation, |state, _| state.alter_user(id.as_str(), |user| user.enabled = false)).await.map(|()| Effect::Changed)
    }

    pub(super) async fn remove_user_at(&self, id: &UserId, at: Option<&Revision>) -> Result<Effect, TargetError> {
        let name = if self.over_scim { "ScimDeleteUser" } else { "DeleteUser" };
        let at = at.filter(|_| !self.over_scim).map(Revision::as_str);
        let operation = Operation::write(name, format!("UserId={id}"));
        effect(self.one(operation, |state, _| state.delete_user(id.as_str(), at)).await, TargetErrorKind::NotFound)
    }

    pub(super) async fn patch_members(
        &self,
        group: &GroupId,
        external_id: Option<&str>,
        changes: &[MemberChange],
    ) -> Result<Effect, TargetError> {
        let operation = Operation::write("ScimPatchGroup", format!("GroupId={group} {}", said(changes)));
        self.one(operation, |state, _| state.patch_group(group, external_id, changes)).await.map(|()| Effect::Changed)
    }

    pub(super) async fn users_with_external_id(&self, id: &str) -> Result<Vec<DirectoryUser>, TargetError> {
        let operation = Operation::read("ScimListUsers", format!("externalId={id}"));
        let has = |user: &&StoreUser| user.external_ids.iter().any(|external| external.id == id);
        self.one(operation, |state, _| Ok(state.users.values().filter(has).map(user_record).collect())).await
    }
}

fn said(changes: &[MemberChange]) -> String {
    let one = |change: &MemberChange| match change {
        MemberChange::Add(user) => format!("+{user}"),
        MemberChange::Remove { user, .. } => format!("-{user}"),
    };
    changes.iter().map(one).collect::<Vec<_>>().join(" ")
}
