//! The members of one group, on both sides, with the evidence that the list is whole.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sync_core::actual::by_user;
use sync_core::error::{SourceError, SourceErrorKind};
use sync_core::evidence::{is_worth_another_look, shortfall};
use sync_core::ids::{GroupId, MembershipId, OktaGroupId, OktaUserId, UserId};
use sync_core::reading::Reading;
use sync_core::records::{Listing, OktaGroup, OktaUser};
use sync_core::snapshot::{GroupSighting, MemberList, UserSighting};
use sync_core::unresolved::{Unresolved, UnresolvedKind};

use super::Reads;
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};

/// What there is to read of one group.
#[derive(Debug, Clone)]
pub(super) struct GroupQuery {
    pub(super) okta_id: OktaGroupId,
    /// The group in Identity Center, if it exists.
    pub(super) group: Option<GroupId>,
    /// The group in Okta, if its members are wanted.
    pub(super) members_of: Option<OktaGroup>,
}

/// What was read of one group.
#[derive(Debug)]
pub(super) struct GroupRead {
    query: GroupQuery,
    actual: Option<Reading<BTreeMap<UserId, MembershipId>>>,
    okta: Option<OktaMembers>,
    at: Timestamp,
    is_cut_off: bool,
}

/// What Okta said of the members of a group.
#[derive(Debug)]
enum OktaMembers {
    Listed { list: MemberList, users: BTreeMap<OktaUserId, UserSighting> },
    GroupGone,
    Unread(String),
}

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    pub(super) async fn read_group(&self, query: GroupQuery) -> GroupRead {
        let actual = match &query.group {
            Some(group) => Some(self.read_memberships(group).await),
            None => None,
        };
        let at = self.clock.now();
        let mut is_cut_off = false;
        let okta = match &query.members_of {
            Some(group) => {
                let members_now = actual.as_ref().and_then(Reading::known).map(BTreeMap::len);
                Some(self.read_members(group, members_now).await.unwrap_or_else(|error| {
                    is_cut_off = matches!(error.kind, SourceErrorKind::OutOfTime | SourceErrorKind::Throttled);
                    OktaMembers::Unread(error.to_string())
                }))
            }
            None => None,
        };
        GroupRead { query, actual, okta, at, is_cut_off }
    }

    async fn read_memberships(&self, group: &GroupId) -> Reading<BTreeMap<UserId, MembershipId>> {
        match self.target.memberships_of_group(group).await {
            Ok(Some(memberships)) => Reading::Known(by_user(memberships)),
            Ok(None) => {
                self.directory.forget_groups();
                Reading::Unknown(format!("group {group} was deleted from Identity Center in the meantime"))
            }
            Err(error) => Reading::Unknown(error.to_string()),
        }
    }

    /// The members, read a second time where the first list is implausible.
    async fn read_members(&self, group: &OktaGroup, members_now: Option<usize>) -> Result<OktaMembers, SourceError> {
        let first = self.source.members(&group.id).await?;
        if let Some(listing) = first
            && !is_worth_another_look(listing.items.len() + listing.bad.len(), group.users_count, members_now)
        {
            return Ok(listed(listing, None));
        }
        let Some(again) = self.source.group(&group.id).await? else { return Ok(OktaMembers::GroupGone) };
        let Some(listing) = self.source.members(&group.id).await? else {
            return Ok(OktaMembers::Unread("Okta says that the group's members do not exist, and that the group does".to_owned()));
        };
        let count = again.users_count.or(group.users_count);
        let shorter_than = shortfall(listing.items.len() + listing.bad.len(), count, members_now);
        Ok(listed(listing, shorter_than))
    }
}

fn listed(listing: Listing<OktaUser>, shorter_than: Option<sync_core::snapshot::Shortfall>) -> OktaMembers {
    let mut list = MemberList { shorter_than, ..MemberList::default() };
    let mut users = BTreeMap::new();
    for user in listing.items {
        list.members.insert(user.id.clone());
        users.insert(user.id.clone(), UserSighting::Present(user));
    }
    for record in listing.bad {
        match record.id.as_deref().map(OktaUserId::new) {
            Some(Ok(id)) => {
                list.members.insert(id.clone());
                users.insert(id, UserSighting::Broken(record.problem));
            }
            Some(Err(_)) | None => list.nameless += 1,
        }
    }
    OktaMembers::Listed { list, users }
}

/// A group whose members in Identity Center could not be read: nothing is changed in it.
fn unreadable(okta_id: &OktaGroupId, reason: &str) -> Unresolved {
    let (kind, okta_id) = (UnresolvedKind::Unreadable, Some(okta_id.to_string()));
    Unresolved { kind, okta_id, name: String::new(), reason: reason.to_owned() }
}

/// The same id as others have in memory already: a member of many groups is one text.
fn shared<K: Ord + Clone, V>(known: &BTreeMap<K, V>, id: K) -> K {
    known.get_key_value(&id).map_or(id, |(known, _)| known.clone())
}

impl GroupRead {
    /// A group that this run had no time for.
    pub(super) fn out_of_time(query: GroupQuery, at: Timestamp) -> Self {
        let reason = "this run's time for reading was up: the next one goes on".to_owned();
        let actual = query.group.is_some().then(|| Reading::Unknown(reason.clone()));
        let okta = query.members_of.is_some().then_some(OktaMembers::Unread(reason));
        Self { query, actual, okta, at, is_cut_off: true }
    }

    /// Puts what was read into the snapshots.
    pub(super) fn enter(self, reads: &mut Reads) {
        let GroupRead { query, actual, okta, at, is_cut_off } = self;
        reads.is_cut_off |= is_cut_off;
        if let (Some(group), Some(mut list)) = (query.group, actual) {
            if let Reading::Known(members) = &mut list {
                *members = std::mem::take(members).into_iter().map(|(user, id)| (shared(&reads.actual.users, user), id)).collect();
            }
            reads.unresolved.extend(list.reason().map(|reason| unreadable(&query.okta_id, reason)));
            reads.actual.group_lists.insert(group, list);
        }
        match okta {
            Some(OktaMembers::Listed { mut list, users }) => {
                list.members = list.members.into_iter().map(|user| shared(&reads.okta.users, user)).collect();
                reads.recalled.users.retain(|id| !users.contains_key(id));
                reads.okta.users.extend(users);
                reads.read_at.insert(query.okta_id.clone(), at);
                reads.okta.member_lists.insert(query.okta_id, Reading::Known(list));
            }
            Some(OktaMembers::GroupGone) => {
                reads.okta.groups.insert(query.okta_id, GroupSighting::Gone);
            }
            Some(OktaMembers::Unread(reason)) => {
                reads.okta.member_lists.insert(query.okta_id, Reading::Unknown(reason));
            }
            None => {}
        }
    }
}
