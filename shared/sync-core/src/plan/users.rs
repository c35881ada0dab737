//! The difference in users: whom to make, change, disable and delete.

use std::collections::BTreeSet;

use super::diff::Differ;
use crate::action::{Action, Phase, RemovalReason, UserCreation, UserDeparture, UserUpdate};
use crate::desired::{DesiredUser, UserFate};
use crate::ids::{OktaUserId, UserId};
use crate::names::NameKey;
use crate::profile::{Attribute, UserDetails, UserRecord};
use crate::records::DirectoryUser;

impl Differ<'_> {
    /// What is to be done to a user. A user whose attributes were not read is not changed.
    pub(super) fn of_user(&self, okta_id: &OktaUserId, user: &DesiredUser) -> Option<(Phase, Action)> {
        match &user.fate {
            UserFate::Create(record) => {
                let (okta_id, record, groups) = (okta_id.clone(), record.clone(), user.groups.clone());
                Some((Phase::EnsureUser, Action::CreateUser(UserCreation { user: user.label.clone(), okta_id, record, groups })))
            }
            UserFate::Keep { id, record, unset } => {
                let read = self.actual.users.get(id)?;
                let update = update(user, read, read.details.as_deref()?, record, unset);
                update.map(|update| (Phase::EnsureUser, Action::UpdateUser(update)))
            }
            UserFate::Disable { id, reason } => {
                let is_disabled = self.actual.users.get(id)?.details.as_ref()?.is_enabled == Some(false);
                let departure = self.departure(user, id, reason)?;
                (!is_disabled).then_some((Phase::RevokeLeaver, Action::DisableUser(departure)))
            }
            UserFate::Delete { id, reason } => Some((Phase::RevokeLeaver, Action::DeleteUser(self.departure(user, id, reason)?))),
        }
    }

    fn departure(&self, user: &DesiredUser, id: &UserId, reason: &RemovalReason) -> Option<UserDeparture> {
        let read = self.actual.users.get(id)?;
        Some(UserDeparture {
            user: user.label.clone(),
            user_id: id.clone(),
            revision: read.details.as_ref().and_then(|details| details.revision.clone()),
            reason: reason.clone(),
            groups: user.groups.clone(),
        })
    }
}

/// The update that makes of what was read what is wanted; `None` where nothing differs.
fn update(
    user: &DesiredUser,
    read: &DirectoryUser,
    details: &UserDetails,
    wanted: &UserRecord,
    unset: &BTreeSet<Attribute>,
) -> Option<UserUpdate> {
    let known = |id: &String| read.external_ids.contains(id);
    let external_id = wanted.external_id.as_ref().filter(|id| known(id)).or_else(|| read.external_ids.first()).cloned();
    let from = UserRecord {
        user_name: read.user_name.clone(),
        external_id,
        is_enabled: details.is_enabled,
        attributes: details.attributes.clone(),
    };
    let mut to = UserRecord { attributes: from.attributes.clone(), ..wanted.clone() };
    if NameKey::of(&from.user_name) == NameKey::of(&wanted.user_name) {
        to.user_name.clone_from(&from.user_name);
    }
    to.attributes.retain(|name, _| !unset.contains(name));
    for (name, value) in &wanted.attributes {
        let is_same = from.attributes.get(name).is_some_and(|is| name.same(is, value));
        if !is_same {
            to.attributes.insert(*name, value.clone());
        }
    }
    let update = UserUpdate {
        user: user.label.clone(),
        user_id: read.id.clone(),
        from,
        to,
        revision: details.revision.clone(),
        groups: user.groups.clone(),
        is_undo: false,
    };
    (!update.differences().is_empty()).then_some(update)
}
