//! What runs did to users, and how it is undone: attributes go back where they are still as the run left them, and whoever was let in is
//! disabled. Nobody is deleted, because a deleted `UserId` never comes back, and with it goes what others gave that user.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Change, user};
use crate::action::{Action, Phase, RemovalReason, UserDeparture, UserUpdate};
use crate::actual::{ActualState, Standing};
use crate::ids::{GroupId, OktaUserId, UserId};
use crate::policy::ManagedUsers;
use crate::profile::{Attribute, UserDetails, UserRecord};
use crate::reading::Reading;
use crate::records::DirectoryUser;

/// One attribute of a user that an update changed. Only these values are kept, and no others of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserEdit {
    /// Which, in the policy's words; `userName`, `externalId` and `active` as well.
    pub what: String,
    /// Its value before; none where it was unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its value after; none where it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Who a change was about, as they are now.
struct Subject<'a> {
    change: &'a Change,
    read: &'a DirectoryUser,
    details: &'a UserDetails,
}

/// What an update changed.
pub(super) fn edits(update: &UserUpdate) -> Vec<UserEdit> {
    let edit = |what: &'static str| {
        let (before, after) = (value(&update.from, what), value(&update.to, what));
        UserEdit { what: what.to_owned(), before, after }
    };
    update.differences().into_iter().map(edit).collect()
}

/// What undoes a change that was made to a user. What is not undone, and why, is in `notes`.
pub(super) fn inverse_of(
    change: &Change,
    managed: Option<&ManagedUsers>,
    actual: &ActualState,
    given: &BTreeSet<(UserId, GroupId)>,
    notes: &mut Vec<String>,
) -> Vec<(Phase, Action)> {
    let who = change.okta_user.as_ref().map_or("without Okta id", |id| id.as_str());
    let mut note = |why: &str| notes.push(format!("{} of user {who} {why}", change.action));
    let over_scim = managed.is_some_and(|managed| managed.over_scim);
    if change.action == "delete_user" {
        note("cannot be undone: a deleted UserId never comes back; whoever is entitled is made anew by the next run, with another UserId");
        return Vec::new();
    }
    let subject = match subject(change, actual) {
        Ok(subject) => subject,
        Err(why) => {
            note(&format!("cannot be undone: {why}"));
            return Vec::new();
        }
    };
    match change.action.as_str() {
        "disable_user" => subject.enabled().into_iter().collect(),
        "create_user" if !over_scim => {
            note("is not undone: only SCIM disables users; they stay, without the memberships that the run gave");
            Vec::new()
        }
        "create_user" => match subject.in_use(actual, given) {
            None => subject.disabled().into_iter().collect(),
            Some(why) => {
                note(&format!("is not undone: {why}"));
                Vec::new()
            }
        },
        "update_user" => subject.as_before(over_scim, &mut note),
        _ => {
            note("cannot be undone: nothing is known of such a change");
            Vec::new()
        }
    }
}

fn subject<'a>(change: &'a Change, actual: &'a ActualState) -> Result<Subject<'a>, &'static str> {
    let read = change.user_in(actual).and_then(|id| actual.users.get(&id)).ok_or("the user does not exist")?;
    let is_theirs = |id: &OktaUserId| read.external_ids.is_empty() || read.external_ids.iter().any(|known| known == id.as_str());
    if !change.okta_user.as_ref().is_none_or(is_theirs) {
        return Err("the user belongs to someone else by now");
    }
    let details = read.details.as_deref().ok_or("the policy does not manage users any more ([users] mode)")?;
    Ok(Subject { change, read, details })
}

impl Subject<'_> {
    fn record(&self) -> UserRecord {
        UserRecord {
            user_name: self.read.user_name.clone(),
            external_id: self.read.external_ids.first().cloned(),
            is_enabled: self.details.is_enabled,
            attributes: self.details.attributes.clone(),
        }
    }

    fn update(&self, to: UserRecord) -> Option<(Phase, Action)> {
        let update = UserUpdate {
            user: user(self.change, &self.read.id),
            user_id: self.read.id.clone(),
            from: self.record(),
            to,
            revision: self.details.revision.clone(),
            groups: BTreeSet::new(),
            is_undo: true,
        };
        (!update.differences().is_empty()).then_some((Phase::EnsureUser, Action::UpdateUser(update)))
    }

    fn enabled(&self) -> Option<(Phase, Action)> {
        let is_disabled = self.details.is_enabled == Some(false);
        is_disabled.then(|| self.update(UserRecord { is_enabled: Some(true), ..self.record() })).flatten()
    }

    /// After the attributes: an update over SCIM says again whether the user is active.
    fn disabled(&self) -> Option<(Phase, Action)> {
        let departure = UserDeparture {
            user: user(self.change, &self.read.id),
            user_id: self.read.id.clone(),
            revision: self.details.revision.clone(),
            reason: RemovalReason::Undone,
            groups: BTreeSet::new(),
        };
        (self.details.is_enabled == Some(true)).then_some((Phase::RevokeMoved, Action::DisableUser(departure)))
    }

    /// Why whoever was made stays enabled: others rely on them by now.
    fn in_use(&self, actual: &ActualState, given: &BTreeSet<(UserId, GroupId)>) -> Option<String> {
        let id = &self.read.id;
        let Some(groups) = actual.user_lists.get(id).and_then(Reading::known) else {
            return Some("their memberships could not be read".to_owned());
        };
        let is_of_run = |group: &GroupId| given.contains(&(id.clone(), group.clone()));
        let others = groups.keys().filter(|group| !is_of_run(group)).count();
        (others > 0).then(|| format!("they are in {others} groups by now that this run did not put them into"))
    }

    /// Each attribute as it was before, where it is still as the run left it.
    fn as_before(&self, over_scim: bool, note: &mut impl FnMut(&str)) -> Vec<(Phase, Action)> {
        if self.change.edits.is_empty() {
            note("cannot be undone: what it was before was not kept by the version that made the change");
        }
        let (now, mut to, mut disabled) = (self.record(), self.record(), None);
        for edit in &self.change.edits {
            if value(&now, &edit.what) != edit.after {
                note(&format!("is not undone in {}: it was changed again since", edit.what));
                continue;
            }
            match (edit.what.as_str(), &edit.before) {
                ("active", _) => disabled = self.disabled(),
                ("externalId", _) => note("leaves externalId as it is: it says whose the user is"),
                ("userName", _) if !over_scim => note("is not undone in userName: only SCIM changes it"),
                ("userName", Some(before)) => to.user_name.clone_from(before),
                (what, before) => match (Attribute::parse(what), before) {
                    (Some(name), Some(before)) => drop(to.attributes.insert(name, before.clone())),
                    (Some(name), None) if !name.is_demanded() => drop(to.attributes.remove(&name)),
                    (Some(_) | None, _) => note(&format!("is not undone in {what}: Identity Center demands a value")),
                },
            }
        }
        [self.update(to), disabled].into_iter().flatten().collect()
    }
}

/// The value of an attribute, by the policy's word for it.
fn value(record: &UserRecord, what: &str) -> Option<String> {
    match what {
        "userName" => Some(record.user_name.clone()),
        "externalId" => record.external_id.clone(),
        "active" => record.is_enabled.map(|is_enabled| is_enabled.to_string()),
        word => record.attributes.get(&Attribute::parse(word)?).cloned(),
    }
}

/// The memberships that a run gave.
pub(super) fn given(changes: &[Change], actual: &ActualState) -> BTreeSet<(UserId, GroupId)> {
    let additions = changes.iter().filter(|change| change.action == "add_membership");
    let pair = |change: &Change| Some((change.user_in(actual)?, super::group_of(change, actual)?));
    additions.filter_map(pair).filter(|(user, group)| matches!(actual.standing(group, user), Standing::Member(_))).collect()
}
