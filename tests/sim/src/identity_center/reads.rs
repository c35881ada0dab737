//! What the Identity Store API lists, page by page, whatever carries it.

use sync_core::ids::{GroupId, UserId};

use super::error::AwsError;
use super::state::{StoreGroup, StoreMembership, StoreState, StoreUser};
use crate::fault::{ListFault, Page};

/// Which part of a list.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Part<'a> {
    /// `MaxResults`; `None` for as many as there may be.
    pub(crate) max_results: Option<usize>,
    pub(crate) token: Option<&'a str>,
    pub(crate) fault: ListFault,
}

/// A token as AWS gives it: opaque, and good for one list only.
fn token(list: &str, last: &str) -> String {
    let check = list.bytes().chain(last.bytes()).fold(11u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    format!("AAMA-{check:08x}-{last}")
}

fn last_of<'a>(list: &str, text: &'a str) -> Result<&'a str, AwsError> {
    let last = text.get(14..).unwrap_or_default();
    if token(list, last) == text { Ok(last) } else { Err(AwsError::invalid("Invalid NextToken")) }
}

/// What tells the token that asks for an element's page from the one that asks for the empty page before it.
const PAGE_AFTER_EMPTY: &str = "page:";

/// How lists are cut into pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pages {
    /// Elements on a page at most.
    pub(crate) size: usize,
    /// Every page is preceded by an empty one that has only a token.
    pub(crate) empty: bool,
}

impl Pages {
    /// The part of a list that is asked for. The elements come with their keys, in the order of these.
    pub(crate) fn page<'a, R, T>(
        self,
        list: &str,
        part: Part<'_>,
        items: impl Iterator<Item = (&'a str, R)>,
        map: impl Fn(R) -> T,
    ) -> Result<Page<T>, AwsError> {
        let asked = part.token.map(|text| last_of(list, text)).transpose()?.unwrap_or_default();
        let (last, is_full) = asked.strip_prefix(PAGE_AFTER_EMPTY).map_or((asked, false), |last| (last, true));
        if self.empty && !is_full {
            return Ok(Page { items: Vec::new(), next: Some(token(list, &format!("{PAGE_AFTER_EMPTY}{last}"))) });
        }
        let limit = part.max_results.unwrap_or(usize::MAX).min(self.size);
        let mut rest = items.filter(|(key, _)| last.is_empty() || *key > last).peekable();
        let mut page = Page { items: Vec::new(), next: None };
        let mut reached = "";
        while page.items.len() < limit
            && let Some((key, item)) = rest.next()
        {
            reached = key;
            page.items.push(map(item));
        }
        page.next = rest.peek().is_some().then(|| token(list, reached));
        Ok(page.spoilt(part.fault, part.token, |last| token(list, last)))
    }
}

impl StoreState {
    pub(super) fn pages(&self) -> Pages {
        Pages { size: self.settings.page_size, empty: self.settings.empty_pages }
    }

    pub(crate) fn list_users<T>(
        &self,
        user_name: Option<&str>,
        part: Part<'_>,
        map: impl Fn(&StoreUser) -> T,
    ) -> Result<Page<T>, AwsError> {
        match user_name {
            Some(name) => self.pages().page("users", part, self.users_named(name).map(user_and_id), map),
            None => self.pages().page("users", part, self.users.values().map(user_and_id), map),
        }
    }

    pub(crate) fn list_groups<T>(
        &self,
        display_name: Option<&str>,
        part: Part<'_>,
        map: impl Fn(&StoreGroup) -> T,
    ) -> Result<Page<T>, AwsError> {
        match display_name {
            Some(name) => self.pages().page("groups", part, self.groups_named(name).map(group_and_id), map),
            None => self.pages().page("groups", part, self.groups.values().map(group_and_id), map),
        }
    }

    pub(crate) fn list_members<T>(&self, group: &str, part: Part<'_>, map: impl Fn(&StoreMembership) -> T) -> Result<Page<T>, AwsError> {
        let id = &self.existing_group(group)?.id;
        let members = self.memberships_of(id).map(|membership| (membership.user.as_str(), membership));
        self.pages().page(id.as_str(), part, members, map)
    }

    pub(crate) fn list_memberships_of<T>(
        &self,
        user: &str,
        part: Part<'_>,
        map: impl Fn(&StoreMembership) -> T,
    ) -> Result<Page<T>, AwsError> {
        let id: &UserId = &self.existing_user(user)?.id;
        let memberships = self.by_user.get(id).into_iter().flatten().filter_map(|id| self.memberships.get(id));
        let listed = memberships.filter(|membership| self.lists(membership)).map(|membership| (membership.id.as_str(), membership));
        self.pages().page(id.as_str(), part, listed, map)
    }

    fn memberships_of(&self, group: &GroupId) -> impl Iterator<Item = &StoreMembership> {
        let ids = self.by_group.get(group).into_iter().flat_map(|members| members.values());
        ids.filter_map(|id| self.memberships.get(id)).filter(|membership| self.lists(membership))
    }
}

fn user_and_id(user: &StoreUser) -> (&str, &StoreUser) {
    (user.id.as_str(), user)
}

fn group_and_id(group: &StoreGroup) -> (&str, &StoreGroup) {
    (group.id.as_str(), group)
}
