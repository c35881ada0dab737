//! What people and other systems do in Okta. Every change moves the timestamps that Okta moves, and leaves the System Log events
//! that Okta leaves.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::records::{GroupType, UserStatus};

use super::events::{Subject, Verb};
use super::state::{App, OktaState, User};
use crate::time::{earlier, later};

/// How long the key of a new app lasts: Okta's are for ten years.
const KEY_LASTS: std::time::Duration = std::time::Duration::from_secs(3_652 * 86_400);

/// A user to be made.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Their status.
    pub status: UserStatus,
    /// Their profile, as it is to be given, however broken.
    pub profile: Map<String, Value>,
}

impl NewUser {
    /// An active user with this login, which is the e-mail address as well.
    pub fn named(login: &str) -> Self {
        let short = login.split('@').next().unwrap_or_default();
        let profile = json!({
            "firstName": short, "lastName": "Example", "mobilePhone": null, "secondEmail": null, "login": login, "email": login,
        });
        Self { status: UserStatus::Active, profile: profile.as_object().cloned().unwrap_or_default() }
    }

    /// In this status.
    #[must_use]
    pub fn status(mut self, status: UserStatus) -> Self {
        self.status = status;
        self
    }

    /// With this profile attribute.
    #[must_use]
    pub fn with(mut self, attribute: &str, value: impl Into<Value>) -> Self {
        self.profile.insert(attribute.to_owned(), value.into());
        self
    }

    /// Without this profile attribute.
    #[must_use]
    pub fn without(mut self, attribute: &str) -> Self {
        self.profile.remove(attribute);
        self
    }
}

impl OktaState {
    pub(crate) fn add_group(&mut self, name: &str, description: Option<&str>, kind: GroupType) -> OktaGroupId {
        let id = self.ids.okta_group();
        self.insert_group(id.clone(), name, description, kind);
        self.record(Verb::GroupCreated, &[Subject::Group(&id)]);
        id
    }

    /// Changes name or description; `None` keeps.
    pub(crate) fn edit_group(&mut self, id: &OktaGroupId, name: Option<&str>, description: Option<Option<&str>>) -> bool {
        let now = self.now();
        let Some(entry) = self.groups.get_mut(id) else { return false };
        if let Some(name) = name {
            name.clone_into(&mut entry.record.name);
        }
        if let Some(description) = description {
            entry.record.description = description.map(str::to_owned);
        }
        entry.record.last_updated = now;
        self.version += 1;
        self.record(Verb::GroupUpdated, &[Subject::Group(id)]);
        true
    }

    pub(crate) fn delete_group(&mut self, id: &OktaGroupId) -> bool {
        if !self.groups.contains_key(id) || *id == self.everyone {
            return false;
        }
        self.record(Verb::GroupDeleted, &[Subject::Group(id)]);
        self.groups.remove(id);
        for app in self.apps.values_mut() {
            app.groups.remove(id);
        }
        self.version += 1;
        true
    }

    pub(crate) fn add_user(&mut self, new: NewUser) -> OktaUserId {
        let (id, now) = (self.ids.okta_user(), self.now());
        let staged = new.status == UserStatus::Staged;
        let user = User {
            id: id.clone(),
            status: new.status,
            profile: new.profile,
            created: now,
            activated: (!staged).then_some(now),
            status_changed: (!staged).then_some(now),
            last_updated: now,
            raw: None,
        };
        self.users.insert(id.clone(), user);
        self.record(Verb::UserCreated, &[Subject::User(&id)]);
        if !staged {
            self.record(Verb::UserActivated, &[Subject::User(&id)]);
        }
        let everyone = self.everyone.clone();
        self.move_member(&everyone, &id, true);
        id
    }

    /// Sets profile attributes; null takes one away.
    pub(crate) fn edit_profile(&mut self, id: &OktaUserId, attributes: Map<String, Value>) -> bool {
        let now = self.now();
        let Some(user) = self.users.get_mut(id) else { return false };
        let changed: Vec<String> = attributes.keys().cloned().collect();
        for (attribute, value) in attributes {
            if value.is_null() {
                user.profile.remove(&attribute);
            } else {
                user.profile.insert(attribute, value);
            }
        }
        user.last_updated = now;
        self.version += 1;
        self.record_with(Verb::ProfileUpdated, &[Subject::User(id)], &[("changedAttributes", changed.join(","))]);
        true
    }

    pub(crate) fn set_status(&mut self, id: &OktaUserId, status: UserStatus) -> bool {
        let now = self.now();
        let Some(user) = self.users.get_mut(id) else { return false };
        if user.status == status {
            return false;
        }
        let verb = Verb::of_status(&user.status, &status);
        if matches!(verb, Some(Verb::UserActivated)) {
            user.activated = Some(now);
        }
        user.status = status;
        user.status_changed = Some(now);
        user.last_updated = now;
        self.version += 1;
        if let Some(verb) = verb {
            self.record(verb, &[Subject::User(id)]);
        }
        true
    }

    /// Takes a user away for good, out of every group as well, without an event for any membership.
    pub(crate) fn delete_user(&mut self, id: &OktaUserId) -> bool {
        if !self.users.contains_key(id) {
            return false;
        }
        self.set_status(id, UserStatus::Deprovisioned);
        self.record(Verb::UserDeleted, &[Subject::User(id)]);
        self.users.remove(id);
        let now = self.now();
        for entry in self.groups.values_mut() {
            entry.left.remove(id);
            if entry.members.remove(id).is_some() {
                entry.record.last_membership_updated = now;
            }
        }
        self.version += 1;
        true
    }

    pub(crate) fn add_member(&mut self, group: &OktaGroupId, user: &OktaUserId) -> bool {
        let moved = self.move_member(group, user, true);
        if moved {
            self.record(Verb::MemberAdded, &[Subject::User(user), Subject::Group(group)]);
        }
        moved
    }

    pub(crate) fn remove_member(&mut self, group: &OktaGroupId, user: &OktaUserId) -> bool {
        if *group == self.everyone {
            return false;
        }
        let moved = self.move_member(group, user, false);
        if moved {
            self.record(Verb::MemberRemoved, &[Subject::User(user), Subject::Group(group)]);
        }
        moved
    }

    fn move_member(&mut self, group: &OktaGroupId, user: &OktaUserId, inwards: bool) -> bool {
        let now = self.now();
        if !self.users.contains_key(user) {
            return false;
        }
        let Some(entry) = self.groups.get_mut(group) else { return false };
        if entry.members.contains_key(user) == inwards {
            return false;
        }
        if inwards {
            entry.left.remove(user);
            entry.members.insert(user.clone(), now);
        } else {
            entry.members.remove(user);
            entry.left.insert(user.clone(), now);
        }
        entry.record.last_membership_updated = now;
        self.version += 1;
        true
    }

    pub(crate) fn add_app(&mut self, name: &str, label: &str) -> String {
        let id = self.ids.okta("0oa");
        let (groups, pushed, now) = (Default::default(), Default::default(), self.now());
        let key_expires = later(now, KEY_LASTS);
        let record = serde_json::json!({});
        let app = App { id: id.clone(), name: name.to_owned(), label: label.to_owned(), created: now, groups, pushed, key_expires, record };
        self.apps.insert(id.clone(), app);
        self.version += 1;
        id
    }

    pub(crate) fn edit_app(&mut self, app: &str, change: impl FnOnce(&mut App)) -> bool {
        let Some(app) = self.apps.get_mut(app) else { return false };
        change(app);
        self.version += 1;
        true
    }

    pub(crate) fn assign(&mut self, app: &str, group: &OktaGroupId, assigned: bool) -> bool {
        let now = self.now();
        if !self.groups.contains_key(group) {
            return false;
        }
        let Some(entry) = self.apps.get_mut(app) else { return false };
        if entry.groups.contains_key(group) == assigned {
            return false;
        }
        if assigned {
            entry.groups.insert(group.clone(), now);
        } else {
            entry.groups.remove(group);
        }
        self.version += 1;
        let verb = if assigned { Verb::GroupAssigned } else { Verb::GroupUnassigned };
        self.record(verb, &[Subject::Group(group), Subject::App(app)]);
        true
    }

    /// Makes everything that has happened so far an hour older than the time it is, and forgets its events: the world as a test
    /// finds it.
    pub(crate) fn settle(&mut self) {
        let old = earlier(self.now(), std::time::Duration::from_secs(3600));
        let age = |at: &mut Timestamp| *at = old.min(*at);
        for entry in self.groups.values_mut() {
            let record = &mut entry.record;
            [&mut record.created, &mut record.last_updated, &mut record.last_membership_updated].into_iter().for_each(age);
            entry.members.values_mut().for_each(age);
            entry.left.clear();
        }
        for user in self.users.values_mut() {
            [&mut user.created, &mut user.last_updated].into_iter().for_each(age);
            [&mut user.activated, &mut user.status_changed].into_iter().flatten().for_each(age);
        }
        self.apps.values_mut().flat_map(|app| app.groups.values_mut()).for_each(age);
        self.events.clear();
    }
}
