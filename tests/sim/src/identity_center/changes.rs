//! What changes an identity store, with the checks that AWS makes: names, lengths, uniqueness, revisions.

use serde_json::{Map, Value};
use sync_core::ids::{GroupId, MembershipId, UserId};
use sync_core::names::{NameError, NameKey, check_group_name, check_user_name};

use super::error::{AwsError, CONCURRENT, NOT_UNIQUE};
use super::state::{ExternalId, MembershipChange, StoreGroup, StoreMembership, StoreState, StoreUser, UserChange, UserKeys, email};
use crate::ids::push_hex;

/// Longest text of an attribute, in characters.
const MAX_TEXT_CHARS: usize = 1024;

/// A user to be made.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewStoreUser {
    pub(crate) user_name: String,
    pub(crate) external_ids: Vec<ExternalId>,
    pub(crate) attributes: Map<String, Value>,
}

/// What to change in a group; `None` keeps.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct GroupEdit<'a> {
    pub(crate) display_name: Option<&'a str>,
    /// `Some(None)` takes it away.
    pub(crate) description: Option<Option<&'a str>>,
}

impl StoreState {
    pub(crate) fn make_user(&mut self, new: NewStoreUser) -> Result<UserId, AwsError> {
        checked(check_user_name(&new.user_name), "userName")?;
        if self.user_named(&new.user_name).is_some() {
            return Err(self.not_unique("userName"));
        }
        self.unique_email(&new.attributes, None)?;
        self.has_room()?;
        let (id, now) = (self.ids.user(), self.now());
        let user = StoreUser {
            keys: UserKeys::of(&new.user_name, &new.attributes),
            id: id.clone(),
            user_name: new.user_name,
            external_ids: new.external_ids,
            enabled: true,
            attributes: new.attributes,
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        self.users.insert(id.clone(), user);
        self.watch_user(&id, None);
        self.version += 1;
        Ok(id)
    }

    /// Sets attributes; null takes one away.
    pub(crate) fn change_user(&mut self, id: &str, attributes: Map<String, Value>, at: Option<&str>) -> Result<(), AwsError> {
        let user = self.existing_user(id)?;
        self.at_revision(user.revision, at)?;
        let (id, now) = (user.id.clone(), self.now());
        self.unique_email(&attributes, Some(&id))?;
        let before = self.watched_user(&id);
        let user = self.users.get_mut(&id).ok_or_else(|| AwsError::not_found("USER", id.as_str()))?;
        for (key, value) in attributes {
            if value.is_null() {
                user.attributes.remove(&key);
            } else {
                user.attributes.insert(key, value);
            }
        }
        user.keys = UserKeys::of(&user.user_name, &user.attributes);
        user.revision += 1;
        user.updated_at = now;
        self.version += 1;
        self.watch_user(&id, before);
        Ok(())
    }

    /// Changes what SCIM alone can change.
    pub(crate) fn alter_user(&mut self, id: &str, change: impl FnOnce(&mut StoreUser)) -> Result<(), AwsError> {
        let (id, now) = (self.existing_user(id)?.id.clone(), self.now());
        let before = self.watched_user(&id);
        self.version += 1;
        let user = self.users.get_mut(&id).ok_or_else(|| AwsError::not_found("USER", id.as_str()))?;
        change(user);
        user.keys = UserKeys::of(&user.user_name, &user.attributes);
        user.revision += 1;
        user.updated_at = now;
        self.watch_user(&id, before);
        Ok(())
    }

    pub(crate) fn delete_user(&mut self, id: &str, at: Option<&str>) -> Result<(), AwsError> {
        let user = match self.existing_user(id) {
            Err(_) if self.settings.forgiving_deletes => return Ok(()),
            user => user?,
        };
        self.at_revision(user.revision, at)?;
        let id = user.id.clone();
        if self.settings.cascade {
            let gone: Vec<MembershipId> = self.by_user.get(&id).into_iter().flatten().cloned().collect();
            gone.iter().for_each(|membership| self.forget_membership(membership));
        }
        let before = self.watched_user(&id);
        self.users.remove(&id);
        self.watch_user(&id, before);
        self.version += 1;
        Ok(())
    }

    pub(crate) fn make_group(&mut self, display_name: &str, description: Option<&str>) -> Result<GroupId, AwsError> {
        checked(check_group_name(display_name), "displayName")?;
        check_text(description, "description")?;
        if self.group_named(display_name).is_some() {
            return Err(self.not_unique("displayName"));
        }
        self.has_room()?;
        let (id, now) = (self.ids.group(), self.now());
        let group = StoreGroup {
            key: NameKey::of(display_name),
            id: id.clone(),
            display_name: display_name.to_owned(),
            description: description.map(str::to_owned),
            external_ids: Vec::new(),
            revision: 1,
            created_at: now,
            updated_at: now,
        };
        self.groups.insert(id.clone(), group);
        self.version += 1;
        Ok(id)
    }

    pub(crate) fn change_group(&mut self, id: &str, edit: GroupEdit<'_>, at: Option<&str>) -> Result<(), AwsError> {
        let group = self.existing_group(id)?;
        self.at_revision(group.revision, at)?;
        let (id, now) = (group.id.clone(), self.now());
        if let Some(name) = edit.display_name {
            checked(check_group_name(name), "displayName")?;
            if self.group_named(name).is_some_and(|other| other.id != id) {
                return Err(self.not_unique("displayName"));
            }
        }
        check_text(edit.description.flatten(), "description")?;
        let group = self.groups.get_mut(&id).ok_or_else(|| AwsError::not_found("GROUP", id.as_str()))?;
        if let Some(name) = edit.display_name {
            name.clone_into(&mut group.display_name);
            group.key = NameKey::of(name);
        }
        if let Some(description) = edit.description {
            group.description = description.map(str::to_owned);
        }
        group.revision += 1;
        group.updated_at = now;
        self.version += 1;
        Ok(())
    }

    pub(crate) fn delete_group(&mut self, id: &str, at: Option<&str>) -> Result<(), AwsError> {
        let group = match self.existing_group(id) {
            Err(_) if self.settings.forgiving_deletes => return Ok(()),
            group => group?,
        };
        self.at_revision(group.revision, at)?;
        let id = group.id.clone();
        if self.settings.cascade {
            let gone: Vec<MembershipId> = self.by_group.get(&id).into_iter().flat_map(|members| members.values()).cloned().collect();
            gone.iter().for_each(|membership| self.forget_membership(membership));
        }
        self.groups.remove(&id);
        self.version += 1;
        Ok(())
    }

    pub(crate) fn make_membership(&mut self, group: &str, user: &str) -> Result<MembershipId, AwsError> {
        let group = self.existing_group(group)?.id.clone();
        let user = self.existing_user(user)?.id.clone();
        if self.membership_of(&group, &user).is_some() {
            let status = self.settings.conflict_status;
            return Err(AwsError::conflict(NOT_UNIQUE, "Member and Group relationship already exists", status));
        }
        let (id, now) = (self.ids.membership(), self.now());
        self.by_group.entry(group.clone()).or_default().insert(user.clone(), id.clone());
        self.by_user.entry(user.clone()).or_default().insert(id.clone());
        self.watch(true, &group, &user);
        self.memberships.insert(id.clone(), StoreMembership { id: id.clone(), group, user, created_at: now });
        self.version += 1;
        Ok(id)
    }

    pub(crate) fn delete_membership(&mut self, id: &str) -> Result<(), AwsError> {
        let id = match self.existing_membership(id) {
            Err(_) if self.settings.forgiving_deletes => return Ok(()),
            membership => membership?.id.clone(),
        };
        self.forget_membership(&id);
        Ok(())
    }

    fn forget_membership(&mut self, id: &MembershipId) {
        let Some(membership) = self.memberships.remove(id) else { return };
        self.watch(false, &membership.group, &membership.user);
        if let Some(members) = self.by_group.get_mut(&membership.group) {
            members.remove(&membership.user);
        }
        if let Some(memberships) = self.by_user.get_mut(&membership.user) {
            memberships.remove(id);
        }
        self.version += 1;
    }

    fn watch(&mut self, made: bool, group: &GroupId, user: &UserId) {
        let at = self.now();
        if let Some(changes) = &mut self.watched {
            changes.push(MembershipChange { at, made, group: group.clone(), user: user.clone() });
        }
    }

    /// A user as it is before a change, where that is watched.
    fn watched_user(&self, id: &UserId) -> Option<StoreUser> {
        self.watched_users.as_ref().and_then(|_| self.users.get(id).cloned())
    }

    fn watch_user(&mut self, id: &UserId, before: Option<StoreUser>) {
        let at = self.now();
        if let Some(changes) = &mut self.watched_users {
            changes.push(UserChange { at, before, after: self.users.get(id).cloned() });
        }
    }

    fn not_unique(&self, what: &str) -> AwsError {
        let message = format!("Duplicate {what}");
        AwsError::conflict(NOT_UNIQUE, &message, self.settings.conflict_status)
    }

    fn at_revision(&self, actual: u64, expected: Option<&str>) -> Result<(), AwsError> {
        match expected {
            Some(expected) if expected != revision(actual) => {
                let message = "The resource was modified since the given revision";
                Err(AwsError::conflict(CONCURRENT, message, self.settings.conflict_status))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn has_room(&self) -> Result<(), AwsError> {
        let full = self.users.len().max(self.groups.len()) >= self.settings.capacity;
        if full { Err(AwsError::full()) } else { Ok(()) }
    }

    fn unique_email(&self, attributes: &Map<String, Value>, of: Option<&UserId>) -> Result<(), AwsError> {
        let Some(email) = email(attributes).map(str::to_lowercase) else { return Ok(()) };
        let mut others = self.users.values().filter(|user| Some(&user.id) != of);
        let taken = others.any(|user| user.keys.email.as_ref() == Some(&email));
        if taken { Err(self.not_unique("emails.value")) } else { Ok(()) }
    }
}

/// The opaque form of a revision.
pub(crate) fn revision(number: u64) -> String {
    let mut text = String::from("rev-");
    push_hex(&mut text, number, 8);
    text
}

fn checked(result: Result<(), NameError>, what: &str) -> Result<(), AwsError> {
    result.map_err(|problem| AwsError::invalid(format!("{what} {problem}")))
}

fn check_text(text: Option<&str>, what: &str) -> Result<(), AwsError> {
    let Some(text) = text else { return Ok(()) };
    let length = text.chars().count();
    let plain = text.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r'));
    if (1..=MAX_TEXT_CHARS).contains(&length) && plain {
        Ok(())
    } else {
        Err(AwsError::invalid(format!("{what} must have 1 to {MAX_TEXT_CHARS} characters, none of them a control character")))
    }
}
