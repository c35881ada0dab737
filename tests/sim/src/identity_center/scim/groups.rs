//! What the endpoint does with groups.

use serde_json::{Value, json};
use sync_core::ids::{GroupId, UserId};

use super::document::{object_of, violation};
use super::filter::{Means, Term, parse};
use super::patch::{Op, Operation, operations, place};
use super::render;
use crate::fault::Page;
use crate::identity_center::changes::GroupEdit;
use crate::identity_center::error::AwsError;
use crate::identity_center::reads::Part;
use crate::identity_center::state::{ExternalId, StoreGroup, StoreState};

pub(super) const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// The most membership changes of one request.
const MAX_MEMBERS: usize = 100;

/// What a PATCH asks for.
#[derive(Debug, Default)]
struct Wanted {
    display_name: Option<String>,
    external_id: Option<String>,
    /// Whether each comes, and who.
    members: Vec<(bool, String)>,
}

impl StoreState {
    /// CreateGroup.
    pub(crate) fn scim_create_group(&mut self, body: &Value) -> Result<Value, AwsError> {
        let object = object_of(body, GROUP_SCHEMA)?;
        let known = ["schemas", "id", "meta", "displayName", "externalId", "members"];
        if let Some(key) = object.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(violation(format!("{key} is not supported")));
        }
        let display_name = object.get("displayName").and_then(Value::as_str).ok_or_else(|| violation("displayName is required"))?;
        let external_id = object.get("externalId").map(external_id).transpose()?;
        let members: Vec<(bool, String)> =
            object.get("members").map(values).transpose()?.unwrap_or_default().into_iter().map(|user| (true, user)).collect();
        self.meter(&members)?;
        self.unique_group_external_id(external_id.as_deref(), None)?;
        self.all_exist(&members)?;
        let id = self.make_group(display_name, None)?;
        self.change_members(&id, &members)?;
        self.set_group_external_id(&id, external_id);
        self.scim_group(id.as_str())
    }

    /// GetGroup: without members, as always.
    pub(crate) fn scim_group(&self, id: &str) -> Result<Value, AwsError> {
        self.existing_group(id).map(render::group)
    }

    /// PatchGroup.
    pub(crate) fn scim_patch_group(&mut self, id: &str, body: &Value) -> Result<(), AwsError> {
        let id = self.existing_group(id)?.id.clone();
        let wanted = wanted(body)?;
        self.meter(&wanted.members)?;
        self.unique_group_external_id(wanted.external_id.as_deref(), Some(&id))?;
        if self.settings.scim.patches_are_atomic {
            self.all_exist(&wanted.members)?;
            self.none_conflicts(&id, &wanted.members)?;
        }
        if wanted.display_name.is_some() {
            let edit = GroupEdit { display_name: wanted.display_name.as_deref(), description: None };
            self.change_group(id.as_str(), edit, None)?;
        }
        self.set_group_external_id(&id, wanted.external_id);
        self.change_members(&id, &wanted.members)
    }

    /// Too many at once, or too many in too short a time.
    fn meter(&mut self, members: &[(bool, String)]) -> Result<(), AwsError> {
        if members.len() > MAX_MEMBERS {
            return Err(violation(format!("more than {MAX_MEMBERS} membership changes")));
        }
        let now = self.now();
        if self.quota.take_memberships(members.len(), now) { Ok(()) } else { Err(AwsError::throttled(1)) }
    }

    fn all_exist(&self, members: &[(bool, String)]) -> Result<(), AwsError> {
        members.iter().filter(|(adds, _)| *adds).try_for_each(|(_, user)| self.existing_user(user).map(drop))
    }

    fn none_conflicts(&self, group: &GroupId, members: &[(bool, String)]) -> Result<(), AwsError> {
        let conflicts = self.settings.scim.members_conflict;
        let taken = members.iter().any(|(adds, user)| *adds && self.is_in(group.as_str(), user));
        if conflicts && taken { Err(self.taken("membership")) } else { Ok(()) }
    }

    fn change_members(&mut self, group: &GroupId, members: &[(bool, String)]) -> Result<(), AwsError> {
        for (adds, user) in members {
            let membership = UserId::new(user).ok().and_then(|user| self.membership_of(group, &user).cloned());
            match (adds, membership) {
                (true, None) => drop(self.make_membership(group.as_str(), user)?),
                (true, Some(_)) if self.settings.scim.members_conflict => return Err(self.taken("membership")),
                (false, Some(membership)) => self.delete_membership(membership.as_str())?,
                (true, Some(_)) | (false, None) => {}
            }
        }
        Ok(())
    }

    fn set_group_external_id(&mut self, id: &GroupId, external_id: Option<String>) {
        let issuer = self.settings.scim.issuer.clone();
        let (Some(external_id), Some(group)) = (external_id, self.groups.get_mut(id)) else { return };
        group.external_ids = vec![ExternalId { issuer, id: external_id }];
        group.revision += 1;
        self.version += 1;
    }

    fn unique_group_external_id(&self, id: Option<&str>, of: Option<&GroupId>) -> Result<(), AwsError> {
        let Some(id) = id.filter(|_| self.settings.scim.external_ids_are_unique) else { return Ok(()) };
        let mut others = self.groups.values().filter(|group| Some(&group.id) != of);
        let taken = others.any(|group| group.external_ids.iter().any(|external| external.id == id));
        if taken { Err(self.taken("externalId")) } else { Ok(()) }
    }

    /// ListGroups: a part of those that the filter means, and how many there are in all.
    pub(crate) fn scim_list_groups(&self, filter: Option<&str>, part: Part<'_>) -> Result<(Page<Value>, usize), AwsError> {
        let terms = filter.map(|text| parse(text, self.settings.scim.filters_are_ascii)).transpose()?.unwrap_or_default();
        let means = self.means_group(&terms)?;
        let found: Vec<&StoreGroup> = self.groups.values().filter(|group| means(group)).collect();
        let total = found.len();
        let items = found.into_iter().map(|group| (group.id.as_str(), group));
        Ok((self.pages().page("scim-groups", part, items, render::group)?, total))
    }

    /// The filters that AWS knows: (displayName), (externalId), (id), (members.value), (id and members).
    fn means_group<'a>(&'a self, terms: &'a [Term]) -> Result<Means<'a, StoreGroup>, AwsError> {
        let value = |names: &[&str]| {
            let found = terms.iter().find(|term| names.contains(&term.attribute.as_str()));
            found.map(|term| term.value.as_str()).unwrap_or_default()
        };
        match terms.iter().map(|term| term.attribute.as_str()).collect::<Vec<_>>().as_slice() {
            [] => Ok(Box::new(|_| true)),
            ["displayname"] => {
                let found = self.group_named(value(&["displayname"])).map(|group| group.id.clone());
                Ok(Box::new(move |group| Some(&group.id) == found.as_ref()))
            }
            ["externalid"] => {
                let id = value(&["externalid"]);
                Ok(Box::new(move |group| group.external_ids.iter().any(|external| external.id == id)))
            }
            ["id"] => {
                let id = value(&["id"]);
                Ok(Box::new(move |group| group.id.as_str() == id))
            }
            ["members.value"] => {
                let user = value(&["members.value"]);
                Ok(Box::new(move |group| self.is_in(group.id.as_str(), user)))
            }
            ["id", "member" | "members"] | ["member" | "members", "id"] => {
                let (id, user) = (value(&["id"]), value(&["member", "members"]));
                Ok(Box::new(move |group| group.id.as_str() == id && self.is_in(id, user)))
            }
            _ => Err(violation("this filter is not supported")),
        }
    }
}

fn wanted(body: &Value) -> Result<Wanted, AwsError> {
    let mut wanted = Wanted::default();
    for operation in operations(body)? {
        match (operation.path, operation.value) {
            (Some(path), _) => change(&mut wanted, operation, path)?,
            (None, Some(Value::Object(object))) => {
                for (key, value) in object.iter().filter(|(key, _)| *key != "id") {
                    change(&mut wanted, Operation { value: Some(value), ..operation }, key)?;
                }
            }
            (None, _) => return Err(violation("without a path, the value is an object")),
        }
    }
    Ok(wanted)
}

fn change(wanted: &mut Wanted, operation: Operation<'_>, path: &str) -> Result<(), AwsError> {
    let place = place(path)?;
    let text = || operation.value.and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or_else(|| violation("the value is no text"));
    match (place.attribute, operation.op) {
        ("displayName", Op::Add | Op::Replace) => wanted.display_name = Some(text()?.to_owned()),
        ("externalId", Op::Add | Op::Replace) => wanted.external_id = Some(text()?.to_owned()),
        ("members", Op::Add) => {
            wanted.members.extend(values(operation.value.unwrap_or(&Value::Null))?.into_iter().map(|user| (true, user)));
        }
        ("members", Op::Remove) => wanted.members.extend(leaving(operation, place.chosen)?.into_iter().map(|user| (false, user))),
        ("members", Op::Replace) => return Err(violation("all members cannot be replaced")),
        (other, _) => return Err(violation(format!("{other} cannot be changed so"))),
    }
    Ok(())
}

/// Who is to go: the list under the plain path, or the one in the path's filter. All of them is refused.
fn leaving(operation: Operation<'_>, chosen: Option<(&str, &str)>) -> Result<Vec<String>, AwsError> {
    match (chosen, operation.value) {
        (Some(("value", user)), _) => Ok(vec![user.to_owned()]),
        (None, Some(value)) => values(value),
        (Some(_) | None, _) => Err(violation("all members cannot be removed")),
    }
}

fn external_id(value: &Value) -> Result<String, AwsError> {
    value.as_str().filter(|id| (1..=256).contains(&id.chars().count())).map(str::to_owned).ok_or_else(|| violation("externalId"))
}

/// The ids in `[{"value": …}]`.
fn values(list: &Value) -> Result<Vec<String>, AwsError> {
    let list = list.as_array().ok_or_else(|| violation("members is no list"))?;
    let id =
        |member: &Value| member.get("value").and_then(Value::as_str).map(str::to_owned).ok_or_else(|| violation("a member has no value"));
    list.iter().map(id).collect()
}

/// DeleteGroup.
pub(super) fn delete(state: &mut StoreState, id: &str) -> Result<Value, AwsError> {
    state.existing_group(id)?;
    state.delete_group(id, None).map(|()| json!(null))
}
