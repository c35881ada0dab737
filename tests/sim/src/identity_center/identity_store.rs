//! The operations of Identity Store.

use serde_json::{Map, Value, json};
use sync_core::ids::{GroupId, UserId};

use super::changes::{GroupEdit, NewStoreUser};
use super::error::AwsError;
use super::http::Api;
use super::input::{Input, listed};
use super::render;
use super::state::{ExternalId, StoreState, email};
use crate::fault::ListFault;

/// The operations.
pub(crate) const APIS: &[Api] = &[
    Api::write("CreateUser", create_user),
    Api::read("DescribeUser", describe_user),
    Api::write("UpdateUser", update_user),
    Api::write("DeleteUser", delete_user),
    Api::read("ListUsers", list_users),
    Api::read("GetUserId", get_user_id),
    Api::write("CreateGroup", create_group),
    Api::read("DescribeGroup", describe_group),
    Api::write("UpdateGroup", update_group),
    Api::write("DeleteGroup", delete_group),
    Api::read("ListGroups", list_groups),
    Api::read("GetGroupId", get_group_id),
    Api::write("CreateGroupMembership", create_membership),
    Api::read("DescribeGroupMembership", describe_membership),
    Api::write("DeleteGroupMembership", delete_membership),
    Api::read("GetGroupMembershipId", get_membership_id),
    Api::read("ListGroupMemberships", list_members),
    Api::read("ListGroupMembershipsForMember", list_memberships_of),
    Api::read("IsMemberInGroups", is_member_in_groups),
    Api::read("ListIdentityStores", list_identity_stores),
    Api::read("DescribeIdentityStore", describe_identity_store),
];

/// What the answers to `CreateUser` and `UpdateUser` hold.
const USER_KEYS: [&str; 4] = ["IdentityStoreId", "UserId", "UserArn", "Revision"];

/// What the answers to `CreateGroup` and `UpdateGroup` hold.
const GROUP_KEYS: [&str; 4] = ["IdentityStoreId", "GroupId", "GroupArn", "Revision"];

/// The most operations that an update takes, the most groups that `IsMemberInGroups` takes, and the largest `MaxResults`.
const MAX_BATCH: usize = 100;

/// What `CreateUser` takes besides `UserName`.
const USER_ATTRIBUTES: [&str; 17] = [
    "Name",
    "DisplayName",
    "NickName",
    "ProfileUrl",
    "Emails",
    "Addresses",
    "PhoneNumbers",
    "UserType",
    "Title",
    "PreferredLanguage",
    "Locale",
    "Timezone",
    "Photos",
    "Website",
    "Birthdate",
    "Roles",
    "Extensions",
];

impl<'a> Input<'a> {
    /// Checks that the request names this store.
    fn of(state: &StoreState, body: &'a Value) -> Result<Self, AwsError> {
        let input = Self(body);
        let store = input.required("IdentityStoreId")?;
        let bare = store.rsplit('/').next().unwrap_or_default();
        if bare == state.settings.identity_store_id { Ok(input) } else { Err(AwsError::not_found("IDENTITY_STORE", store)) }
    }

    fn revision(&self) -> Option<&'a str> {
        self.text("Revision")
    }

    fn member(&self) -> Result<&'a str, AwsError> {
        self.0.pointer("/MemberId/UserId").and_then(Value::as_str).ok_or_else(|| AwsError::invalid("MemberId.UserId is required"))
    }

    /// The value that the one filter asks for, which must be on this path.
    fn filter(&self, path: &str) -> Result<Option<&'a str>, AwsError> {
        let filters = self.0.get("Filters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        match filters {
            [] => Ok(None),
            [filter] if filter.get("AttributePath").and_then(Value::as_str) == Some(path) => {
                let value = filter.get("AttributeValue").and_then(Value::as_str);
                value.map(Some).ok_or_else(|| AwsError::invalid("AttributeValue is required"))
            }
            _ => Err(AwsError::invalid(format!("Filters takes one filter, on {path}"))),
        }
    }

    /// The one way in which an object is looked up.
    fn alternate(&self) -> Result<Alternate<'a>, AwsError> {
        let text = |pointer: &str| self.0.pointer(pointer).and_then(Value::as_str);
        let external = text("/AlternateIdentifier/ExternalId/Issuer").zip(text("/AlternateIdentifier/ExternalId/Id"));
        let unique =
            text("/AlternateIdentifier/UniqueAttribute/AttributePath").zip(text("/AlternateIdentifier/UniqueAttribute/AttributeValue"));
        match (external, unique) {
            (Some((issuer, id)), None) => Ok(Alternate::External(ExternalId { issuer: issuer.to_owned(), id: id.to_owned() })),
            (None, Some((path, value))) => Ok(Alternate::Unique(path, value)),
            _ => Err(AwsError::invalid("AlternateIdentifier takes either ExternalId or UniqueAttribute")),
        }
    }

    /// The operations of an update: paths and values.
    fn operations(&self) -> Result<Vec<(&'a str, &'a Value)>, AwsError> {
        let list = self.0.get("Operations").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if list.is_empty() || list.len() > MAX_BATCH {
            return Err(AwsError::invalid(format!("Operations takes 1 to {MAX_BATCH} operations")));
        }
        let pair = |operation: &'a Value| {
            let path = operation.get("AttributePath").and_then(Value::as_str);
            let path = path.ok_or_else(|| AwsError::invalid("AttributePath is required"))?;
            Ok((path, operation.get("AttributeValue").unwrap_or(&Value::Null)))
        };
        list.iter().map(pair).collect()
    }
}

enum Alternate<'a> {
    External(ExternalId),
    Unique(&'a str, &'a str),
}

fn create_user(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    let attributes: Map<String, Value> =
        USER_ATTRIBUTES.iter().filter_map(|key| Some(((*key).to_owned(), body.get(*key)?.clone()))).collect();
    if input.text("DisplayName").is_none() || body.get("Name").is_none() {
        return Err(AwsError::invalid("DisplayName and Name are required"));
    }
    let user_name = input.required("UserName")?.to_owned();
    let id = state.make_user(NewStoreUser { user_name, external_ids: Vec::new(), attributes })?;
    Ok(render::only(&render::user(state, state.existing_user(id.as_str())?), &USER_KEYS))
}

fn describe_user(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    Ok(render::user(state, state.existing_user(input.required("UserId")?)?))
}

fn update_user(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    let id = input.required("UserId")?;
    let mut changed = state.existing_user(id)?.attributes.clone();
    for (path, value) in input.operations()? {
        render::set_attribute(&mut changed, path, value)?;
    }
    let gone = state.existing_user(id)?.attributes.keys().filter(|key| !changed.contains_key(*key)).cloned();
    let gone: Vec<String> = gone.collect();
    changed.extend(gone.into_iter().map(|key| (key, Value::Null)));
    state.change_user(id, changed, input.revision())?;
    Ok(render::only(&render::user(state, state.existing_user(id)?), &USER_KEYS))
}

fn delete_user(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    state.delete_user(input.required("UserId")?, input.revision())?;
    Ok(json!({}))
}

fn list_users(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    let page = state.list_users(input.filter("UserName")?, input.part(fault, MAX_BATCH)?, |user| render::user(state, user))?;
    Ok(listed(page, "Users"))
}

fn get_user_id(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    let found = match input.alternate()? {
        Alternate::External(id) => state.users.values().find(|user| user.external_ids.contains(&id)),
        Alternate::Unique("userName", name) => state.user_named(name),
        Alternate::Unique("emails.value", value) => state.users.values().find(|user| email(&user.attributes) == Some(value)),
        Alternate::Unique(path, _) => return Err(AwsError::invalid(format!("{path} is not unique"))),
    };
    let user = found.ok_or_else(|| AwsError::not_found("USER", ""))?;
    Ok(json!({"IdentityStoreId": state.settings.identity_store_id, "UserId": user.id.as_str()}))
}

fn create_group(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    let id = state.make_group(input.required("DisplayName")?, input.text("Description"))?;
    Ok(render::only(&render::group(state, state.existing_group(id.as_str())?), &GROUP_KEYS))
}

fn describe_group(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    Ok(render::group(state, state.existing_group(input.required("GroupId")?)?))
}

fn update_group(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    let id = input.required("GroupId")?;
    let mut edit = GroupEdit::default();
    for (path, value) in input.operations()? {
        match path {
            "displayName" => edit.display_name = Some(value.as_str().ok_or_else(|| AwsError::invalid("displayName must be a text"))?),
            "description" => edit.description = Some(value.as_str()),
            other => return Err(AwsError::invalid(format!("{other} is no attribute of a group"))),
        }
    }
    state.change_group(id, edit, input.revision())?;
    Ok(render::only(&render::group(state, state.existing_group(id)?), &GROUP_KEYS))
}

fn delete_group(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    state.delete_group(input.required("GroupId")?, input.revision())?;
    Ok(json!({}))
}

fn list_groups(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    let page = state.list_groups(input.filter("DisplayName")?, input.part(fault, MAX_BATCH)?, |group| render::group(state, group))?;
    Ok(listed(page, "Groups"))
}

fn get_group_id(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    let found = match input.alternate()? {
        Alternate::External(id) => state.groups.values().find(|group| group.external_ids.contains(&id)),
        Alternate::Unique("displayName", name) => state.group_named(name),
        Alternate::Unique(path, _) => return Err(AwsError::invalid(format!("{path} is not unique"))),
    };
    let group = found.ok_or_else(|| AwsError::not_found("GROUP", ""))?;
    Ok(json!({"IdentityStoreId": state.settings.identity_store_id, "GroupId": group.id.as_str()}))
}

fn create_membership(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    let id = state.make_membership(input.required("GroupId")?, input.member()?)?;
    Ok(
        json!({"IdentityStoreId": state.settings.identity_store_id, "MembershipId": id.as_str(), "MembershipArn": render::membership_arn(&id)}),
    )
}

fn describe_membership(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    Ok(render::membership(state, state.existing_membership(input.required("MembershipId")?)?))
}

fn delete_membership(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    state.delete_membership(input.required("MembershipId")?)?;
    Ok(json!({}))
}

fn get_membership_id(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    let (group, user) = (&state.existing_group(input.required("GroupId")?)?.id, &state.existing_user(input.member()?)?.id);
    let id = state.membership_of(group, user).ok_or_else(|| AwsError::not_found("GROUP_MEMBERSHIP", ""))?;
    Ok(json!({"IdentityStoreId": state.settings.identity_store_id, "MembershipId": id.as_str()}))
}

fn list_members(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    let row = |membership: &_| render::membership(state, membership);
    Ok(listed(state.list_members(input.required("GroupId")?, input.part(fault, MAX_BATCH)?, row)?, "GroupMemberships"))
}

fn list_memberships_of(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    let row = |membership: &_| render::membership(state, membership);
    Ok(listed(state.list_memberships_of(input.member()?, input.part(fault, MAX_BATCH)?, row)?, "GroupMemberships"))
}

fn is_member_in_groups(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of(state, body)?;
    let user: UserId = state.existing_user(input.member()?)?.id.clone();
    let groups = body.get("GroupIds").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if groups.is_empty() || groups.len() > MAX_BATCH {
        return Err(AwsError::invalid(format!("GroupIds takes 1 to {MAX_BATCH} ids")));
    }
    let row = |group: &Value| {
        let id = group.as_str().and_then(|id| GroupId::new(id).ok()).ok_or_else(|| AwsError::invalid("GroupIds has a bad id"))?;
        let exists = state.membership_of(&id, &user).is_some();
        Ok(json!({"GroupId": group, "MemberId": {"UserId": user.as_str()}, "MembershipExists": exists}))
    };
    let rows: Vec<Value> = groups.iter().map(row).collect::<Result<_, AwsError>>()?;
    Ok(json!({"Results": rows}))
}

fn store(state: &StoreState) -> Value {
    let id = &state.settings.identity_store_id;
    json!({"IdentityStoreId": id, "IdentityStoreArn": format!("arn:aws:identitystore::111122223333:identitystore/{id}")})
}

#[expect(clippy::unnecessary_wraps, reason = "every operation has this type")]
fn list_identity_stores(state: &mut StoreState, _body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    Ok(json!({"IdentityStores": [store(state)]}))
}

fn describe_identity_store(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    Input::of(state, body)?;
    Ok(store(state))
}
