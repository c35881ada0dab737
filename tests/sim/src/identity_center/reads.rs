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

impl StoreState {
    fn page<'a, R: 'a, T>(
        &self,
        list: &str,
        part: Part<'_>,
        items: impl Iterator<Item = &'a R>,
        id: impl Fn(&R) -> &str,
        map: impl Fn(&R) -> T,
    ) -> Result<Page<T>, AwsError> {
        let asked = part.token.map(|text| last_of(list, text)).transpose()?.unwrap_or_default();
        let (last, is_full) = asked.strip_prefix(PAGE_AFTER_EMPTY).map_or((asked, false), |last| (last, true));
        if self.settings.empty_pages && !is_full {
            return Ok(Page { items: Vec::new(), next: Some(token(list, &format!("{PAGE_AFTER_EMPTY}{last}"))) });
        }
        let limit = part.max_results.unwrap_or(usize::MAX).min(self.settings.page_size);
        let mut rest = items.filter(|item| last.is_empty() || id(item) > last).peekable();
        let mut page = Page { items: Vec::new(), next: None };
        let mut reached = String::new();
        while page.items.len() < limit
            && let Some(item) = rest.next()
        {
            id(item).clone_into(&mut reached);
            page.items.push(map(item));
        }
        page.next = rest.peek().is_some().then(|| token(list, &reached));
        Ok(page.spoilt(part.fault, part.token, |last| token(list, last)))
    }

    pub(crate) fn list_users<T>(
        &self,
        user_name: Option<&str>,
        part: Part<'_>,
        map: impl Fn(&StoreUser) -> T,
    ) -> Result<Page<T>, AwsError> {
        match user_name {
            Some(name) => self.page("users", part, self.users_named(name), |user| user.id.as_str(), map),
            None => self.page("users", part, self.users.values(), |user| user.id.as_str(), map),
        }
    }

    pub(crate) fn list_groups<T>(
        &self,
        display_name: Option<&str>,
        part: Part<'_>,
        map: impl Fn(&StoreGroup) -> T,
    ) -> Result<Page<T>, AwsError> {
        match display_name {
            Some(name) => self.page("groups", part, self.groups_named(name), |group| group.id.as_str(), map),
            None => self.page("groups", part, self.groups.values(), |group| group.id.as_str(), map),
        }
    }

    pub(crate) fn list_members<T>(&self, group: &str, part: Part<'_>, map: impl Fn(&StoreMembership) -> T) -> Result<Page<T>, AwsError> {
        let id = &self.existing_group(group)?.id;
        self.page(id.as_str(), part, self.memberships_of(id), |membership| membership.user.as_str(), map)
    }

    pub(crate) fn list_memberships_of<T>(
        &self,
        user: &str,
        part: Part<'_>,
        map: impl Fn(&StoreMembership) -> T,
    ) -> Result<Page<T>, AwsError> {
        let id: &UserId = &self.existing_user(user)?.id;
        let memberships = self.by_user.get(id).into_iter().flatten().filter_map(|id| self.memberships.get(id));
        let listed = memberships.filter(|membership| self.lists(membership));
        self.page(id.as_str(), part, listed, |membership| membership.id.as_str(), map)
    }

    fn memberships_of(&self, group: &GroupId) -> impl Iterator<Item = &StoreMembership> {
        let ids = self.by_group.get(group).into_iter().flat_map(|members| members.values());
        ids.filter_map(|id| self.memberships.get(id)).filter(|membership| self.lists(membership))
    }
}
