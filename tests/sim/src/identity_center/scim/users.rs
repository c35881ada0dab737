//! What the endpoint does with users.

use serde_json::{Map, Value, json};
use sync_core::ids::UserId;

use super::document::{Checked, USER_SCHEMA, checked, document, object_of, violation};
use super::filter::{Means, Term, parse};
use super::patch;
use super::render;
use crate::fault::Page;
use crate::identity_center::changes::NewStoreUser;
use crate::identity_center::error::{AwsError, NOT_UNIQUE};
use crate::identity_center::reads::Part;
use crate::identity_center::state::{ExternalId, StoreState, StoreUser, UserKeys};

impl StoreState {
    /// CreateUser.
    pub(crate) fn scim_create_user(&mut self, body: &Value) -> Result<Value, AwsError> {
        let Checked { user_name, external_ids, active, attributes } = checked(object_of(body, USER_SCHEMA)?, &self.settings.scim)?;
        self.unique_external_id(&external_ids, None)?;
        let id = self.make_user(NewStoreUser { user_name, external_ids, attributes })?;
        if let Some(user) = self.users.get_mut(&id) {
            user.enabled = active;
        }
        self.scim_user(id.as_str())
    }

    /// GetUser.
    pub(crate) fn scim_user(&self, id: &str) -> Result<Value, AwsError> {
        self.existing_user(id).map(render::user)
    }

    /// PutUser: what the body does not have is taken away.
    pub(crate) fn scim_put_user(&mut self, id: &str, body: &Value) -> Result<Value, AwsError> {
        self.existing_user(id)?;
        let user = checked(object_of(body, USER_SCHEMA)?, &self.settings.scim)?;
        self.overwrite_user(id, user)
    }

    /// PatchUser.
    pub(crate) fn scim_patch_user(&mut self, id: &str, body: &Value) -> Result<Value, AwsError> {
        let mut changed = document(self.existing_user(id)?);
        patch::apply(&mut changed, body)?;
        let user = checked(&changed, &self.settings.scim)?;
        self.overwrite_user(id, user)
    }

    fn overwrite_user(&mut self, id: &str, new: Checked) -> Result<Value, AwsError> {
        let id = self.existing_user(id)?.id.clone();
        if self.user_named(&new.user_name).is_some_and(|other| other.id != id) {
            return Err(self.taken("userName"));
        }
        sync_core::names::check_user_name(&new.user_name).map_err(|problem| violation(format!("userName {problem}")))?;
        self.unique_external_id(&new.external_ids, Some(&id))?;
        let gone = self.existing_user(id.as_str())?.attributes.keys().filter(|key| !new.attributes.contains_key(*key));
        let mut attributes: Map<String, Value> = gone.map(|key| (key.clone(), Value::Null)).collect();
        attributes.extend(new.attributes);
        self.change_user(id.as_str(), attributes, None)?;
        if let Some(user) = self.users.get_mut(&id) {
            user.keys = UserKeys::of(&new.user_name, &user.attributes);
            (user.user_name, user.external_ids, user.enabled) = (new.user_name, new.external_ids, new.active);
        }
        self.scim_user(id.as_str())
    }

    pub(super) fn taken(&self, what: &str) -> AwsError {
        AwsError::conflict(NOT_UNIQUE, &format!("Duplicate {what}"), self.settings.conflict_status)
    }

    fn unique_external_id(&self, ids: &[ExternalId], of: Option<&UserId>) -> Result<(), AwsError> {
        let mut others = self.users.values().filter(|user| Some(&user.id) != of);
        let taken = self.settings.scim.external_ids_are_unique && others.any(|user| ids.iter().any(|id| user.external_ids.contains(id)));
        if taken { Err(self.taken("externalId")) } else { Ok(()) }
    }

    /// ListUsers: a part of those that the filter means, and how many there are in all.
    pub(crate) fn scim_list_users(&self, filter: Option<&str>, part: Part<'_>) -> Result<(Page<Value>, usize), AwsError> {
        let terms = filter.map(|text| parse(text, self.settings.scim.filters_are_ascii)).transpose()?.unwrap_or_default();
        let means = self.means_user(&terms)?;
        let found: Vec<&StoreUser> = self.users.values().filter(|user| means(user)).collect();
        let total = found.len();
        let items = found.into_iter().map(|user| (user.id.as_str(), user));
        Ok((self.pages().page("scim-users", part, items, render::user)?, total))
    }

    /// The filters that AWS knows: (userName), (externalId), (id), (groups.value), (id and manager).
    fn means_user<'a>(&'a self, terms: &'a [Term]) -> Result<Means<'a, StoreUser>, AwsError> {
        let value = |name: &str| terms.iter().find(|term| term.attribute == name).map(|term| term.value.as_str());
        let is_id = |user: &StoreUser, id: &str| user.id.as_str() == id;
        match terms.iter().map(|term| term.attribute.as_str()).collect::<Vec<_>>().as_slice() {
            [] => Ok(Box::new(|_| true)),
            ["username"] => {
                let name = value("username").unwrap_or_default();
                let found = self.user_named(name).map(|user| user.id.clone());
                Ok(Box::new(move |user| Some(&user.id) == found.as_ref()))
            }
            ["externalid"] => {
                let id = value("externalid").unwrap_or_default();
                Ok(Box::new(move |user| user.external_ids.iter().any(|external| external.id == id)))
            }
            ["id"] => {
                let id = value("id").unwrap_or_default();
                Ok(Box::new(move |user| is_id(user, id)))
            }
            ["groups.value"] => {
                let group = value("groups.value").unwrap_or_default();
                Ok(Box::new(move |user| self.is_in(group, user.id.as_str())))
            }
            ["id", "manager"] | ["manager", "id"] => {
                let (id, manager) = (value("id").unwrap_or_default(), value("manager").unwrap_or_default());
                Ok(Box::new(move |user| is_id(user, id) && manager_of(user) == Some(manager)))
            }
            _ => Err(violation("this filter is not supported")),
        }
    }

    /// Whether a user is in a group, by their ids as texts.
    pub(super) fn is_in(&self, group: &str, user: &str) -> bool {
        let both = self.existing_group(group).ok().zip(self.existing_user(user).ok());
        both.is_some_and(|(group, user)| self.membership_of(&group.id, &user.id).is_some())
    }
}

fn manager_of(user: &StoreUser) -> Option<&str> {
    user.attributes.get("Extensions")?.get("aws:identitystore:enterprise")?.get("manager")?.get("value")?.as_str()
}

/// DeleteUser.
pub(super) fn delete(state: &mut StoreState, id: &str) -> Result<Value, AwsError> {
    state.existing_user(id)?;
    state.delete_user(id, None).map(|()| json!(null))
}
