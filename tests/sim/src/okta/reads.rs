//! What Okta's API reads, page by page, whatever carries it.

use std::time::Duration;

use serde_json::Value;
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::records::UserStatus;

use super::error::OktaError;
use super::filter::Filter;
use super::state::{App, Group, GroupEntry, HiddenAs, OktaState, User};
use crate::fault::{ListFault, Page};
use crate::time::later;

/// Which part of a list.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Part<'a> {
    pub(crate) limit: usize,
    pub(crate) after: Option<&'a str>,
    pub(crate) fault: ListFault,
}

/// Which groups.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupQuery<'a> {
    pub(crate) filter: Option<&'a Filter>,
    pub(crate) name_prefix: Option<&'a str>,
    pub(crate) counts: bool,
}

/// A cursor as Okta gives it: opaque, and good for one list only.
pub(crate) fn cursor(list: &str, last: &str) -> String {
    let check = list.bytes().chain(last.bytes()).fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    format!("{last}.{check:08x}")
}

fn last_of<'a>(list: &str, after: &'a str) -> Result<&'a str, OktaError> {
    let (last, _) = after.rsplit_once('.').ok_or_else(OktaError::bad_cursor)?;
    if cursor(list, last) == after { Ok(last) } else { Err(OktaError::bad_cursor()) }
}

/// A page of a list that is in the order of its ids.
fn page<'a, R: 'a, T>(
    list: &str,
    part: Part<'_>,
    items: impl Iterator<Item = &'a R>,
    id: impl Fn(&R) -> &str,
    map: impl Fn(&R) -> T,
) -> Result<Page<T>, OktaError> {
    let last = part.after.map(|after| last_of(list, after)).transpose()?;
    let mut rest = items.filter(|item| last.is_none_or(|last| id(item) > last)).peekable();
    let mut page = Page { items: Vec::new(), next: None };
    let mut reached = String::new();
    while page.items.len() < part.limit
        && let Some(item) = rest.next()
    {
        id(item).clone_into(&mut reached);
        page.items.push(map(item));
    }
    page.next = rest.peek().is_some().then(|| cursor(list, &reached));
    Ok(page.spoilt(part.fault, part.after, |last| cursor(list, last)))
}

impl OktaState {
    pub(crate) fn list_groups<T>(
        &self,
        query: &GroupQuery<'_>,
        part: Part<'_>,
        map: impl Fn(&Group, Option<u64>) -> T,
    ) -> Result<Page<T>, OktaError> {
        let prefix = query.name_prefix.map(str::to_lowercase);
        let wanted = |entry: &&GroupEntry| {
            let named = prefix.as_ref().is_none_or(|prefix| entry.record.name.to_lowercase().starts_with(prefix.as_str()));
            named
                && self.sees(&entry.record.id)
                && query.filter.is_none_or(|filter| filter.takes_group(&entry.record) && self.is_indexed(&entry.record))
        };
        let counted = |entry: &GroupEntry| query.counts.then_some(entry.members.len() as u64);
        let groups = self.groups.values().filter(wanted);
        page("groups", part, groups, |entry| entry.record.id.as_str(), |entry| map(&entry.record, counted(entry)))
    }

    /// Whether what last changed of a group is in the index that filters look into.
    fn is_indexed(&self, group: &Group) -> bool {
        let changed = group.last_updated.max(group.last_membership_updated);
        later(changed, Duration::from_millis(self.settings.staleness.listed_ms)) <= self.now()
    }

    /// A group by its id.
    pub(crate) fn visible_group(&self, id: &str) -> Result<&GroupEntry, OktaError> {
        let missing = || OktaError::not_found(id, "UserGroup");
        let entry = self.group(id).ok_or_else(missing)?;
        match (self.sees(&entry.record.id), self.settings.hidden_as) {
            (true, _) => Ok(entry),
            (false, HiddenAs::Forbidden) => Err(OktaError::forbidden()),
            (false, HiddenAs::NotFound) => Err(missing()),
        }
    }

    pub(crate) fn group_users<T>(&self, id: &str, part: Part<'_>, map: impl Fn(&User) -> T) -> Result<Page<T>, OktaError> {
        let entry = self.visible_group(id)?;
        page(id, part, self.visible_members(entry), |user| user.id.as_str(), map)
    }

    pub(crate) fn list_users<T>(
        &self,
        filter: Option<&Filter>,
        prefix: Option<&str>,
        part: Part<'_>,
        map: impl Fn(&User) -> T,
    ) -> Result<Page<T>, OktaError> {
        let wanted = |user: &&User| match filter {
            Some(filter) => filter.takes_user(user),
            None => user.status != UserStatus::Deprovisioned,
        };
        let named = |user: &&User| prefix.is_none_or(|prefix| has_prefix(user, prefix));
        page("users", part, self.users.values().filter(wanted).filter(named), |user| user.id.as_str(), map)
    }

    /// A user by id, login, or the part of the login before the `@`.
    pub(crate) fn existing_user(&self, id_or_login: &str) -> Result<&User, OktaError> {
        self.user(id_or_login).ok_or_else(|| OktaError::not_found(id_or_login, "User"))
    }

    pub(crate) fn groups_of<T>(&self, user: &str, fault: ListFault, map: impl Fn(&Group) -> T) -> Result<Page<T>, OktaError> {
        let user = self.existing_user(user)?.id.clone();
        let listed = |entry: &&GroupEntry| self.lists_group_of(entry, &user) && self.sees(&entry.record.id);
        let part = Part { limit: usize::MAX, after: None, fault };
        page("groups of user", part, self.groups.values().filter(listed), |entry| entry.record.id.as_str(), |entry| map(&entry.record))
    }

    pub(crate) fn existing_app(&self, id: &str) -> Result<&App, OktaError> {
        self.apps.get(id).ok_or_else(|| OktaError::not_found(id, "AppInstance"))
    }

    pub(crate) fn app_groups<T>(&self, app: &str, part: Part<'_>, map: impl Fn(&OktaGroupId) -> T) -> Result<Page<T>, OktaError> {
        let app = self.existing_app(app)?;
        let groups = app.groups.keys().filter(|id| self.sees(id));
        page(&app.id, part, groups, |id| id.as_str(), map)
    }

    /// Everyone whom a group of the app brings in.
    pub(crate) fn app_users<T>(&self, app: &str, part: Part<'_>, map: impl Fn(&User) -> T) -> Result<Page<T>, OktaError> {
        let app = self.existing_app(app)?;
        let members =
            |id: &OktaUserId| app.groups.keys().any(|group| self.groups.get(group).is_some_and(|entry| entry.members.contains_key(id)));
        let users = self.users.values().filter(|user| members(&user.id));
        page(&format!("users of {}", app.id), part, users, |user| user.id.as_str(), map)
    }

    pub(crate) fn list_apps<T>(&self, filter: Option<&Filter>, part: Part<'_>, map: impl Fn(&App) -> T) -> Result<Page<T>, OktaError> {
        let apps = self.apps.values().filter(|app| filter.is_none_or(|filter| filter.takes_app(app)));
        page("apps", part, apps, |app| app.id.as_str(), map)
    }
}

fn has_prefix(user: &User, prefix: &str) -> bool {
    let prefix = prefix.to_lowercase();
    let text = |key: &str| user.profile.get(key).and_then(Value::as_str).unwrap_or_default().to_lowercase();
    ["firstName", "lastName", "email"].into_iter().any(|key| text(key).starts_with(&prefix))
}
