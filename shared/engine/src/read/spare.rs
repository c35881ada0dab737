//! Fewer calls for a burst: triggers that an earlier read answers, and groups that are cheaper to read than the users that name them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sync_core::ids::{GroupId, OktaGroupId, OktaUserId};
use sync_core::mark::Mark;
use sync_core::reading::Reading;

use super::identify::{MOST_LOOKUPS, strangers_of};
use super::{Reads, Targets, UserQuery};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};
use crate::request::TriggerScope;

/// Members on a page of Okta's lists.
const PAGE: u64 = 200;

/// Calls to Okta for one user.
const CALLS_PER_USER: u64 = 2;

/// Fewer users than this are never worth the question how large their group is.
const FEW: usize = 4;

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// What is to be read: users, and groups instead of users. Only of triggers that grant: what is taken away is always looked at user by
    /// user.
    pub(crate) async fn spared(&self, triggers: &TriggerScope) -> Targets {
        let mut users = Vec::new();
        for user in &triggers.users {
            if !may_be_spared(user, triggers) || !self.is_answered(user).await {
                users.push(user.clone());
            }
        }
        let instead = self.cheaper_groups(&users, triggers).await;
        let is_covered = |group: &OktaGroupId| instead.contains(group) || triggers.groups.contains(group);
        let is_spared = |user: &UserQuery| may_be_spared(user, triggers) && user.groups.iter().all(is_covered);
        let (spared, users): (Vec<UserQuery>, Vec<UserQuery>) = users.into_iter().partition(is_spared);
        let of_group = |group: &OktaGroupId| spared.iter().filter(|user| user.groups.contains(group)).map(|user| user.id.clone()).collect();
        Targets {
            users,
            groups: triggers.groups.union(&instead).cloned().collect(),
            may_lose: triggers.groups_may_lose.clone(),
            instead_of: instead.difference(&triggers.groups).map(|group| (group.clone(), of_group(group))).collect(),
        }
    }

    /// Whether all the groups that it names were read, and applied, after its time had come.
    async fn is_answered(&self, user: &UserQuery) -> bool {
        let Some(not_before) = user.not_before else { return false };
        for group in &user.groups {
            let read_at: Option<Timestamp> = self.ledger.read_at(group, self.clock.now()).await.ok().flatten();
            if read_at.is_none_or(|at| at < not_before) {
                return false;
            }
        }
        true
    }

    /// The groups whose members take fewer calls than the users who name them.
    async fn cheaper_groups(&self, users: &[UserQuery], triggers: &TriggerScope) -> BTreeSet<OktaGroupId> {
        let mut named: BTreeMap<&OktaGroupId, BTreeSet<&OktaUserId>> = BTreeMap::new();
        for user in users.iter().filter(|user| may_be_spared(user, triggers)) {
            for group in &user.groups {
                named.entry(group).or_default().insert(&user.id);
            }
        }
        named.retain(|_, users| users.len() >= FEW);
        let mut cheaper = BTreeSet::new();
        let known = if named.is_empty() { BTreeMap::new() } else { self.known_sizes().await };
        for (group, users) in named {
            let count = match known.get(group) {
                Some(count) => Some(*count),
                None => self.source.group(group).await.ok().flatten().and_then(|group| group.users_count),
            };
            let by_user = CALLS_PER_USER * u64::try_from(users.len()).unwrap_or(u64::MAX);
            if count.is_some_and(|count| count / PAGE + CALLS_PER_USER < by_user) {
                cheaper.insert(group.clone());
            }
        }
        cheaper
    }

    /// How many members the last full run found in the groups that this process knows.
    async fn known_sizes(&self) -> BTreeMap<OktaGroupId, u64> {
        let Some(groups) = self.directory.groups() else { return BTreeMap::new() };
        let sizes = self.ledger.sizes(self.clock.now()).await.ok().flatten().unwrap_or_default().by_group;
        let ours = |mark: &&Mark| self.policy.owns_host(&mark.host);
        let marked = |id: &GroupId| groups.get(id)?.description.mark().filter(ours).map(|mark| mark.group.clone());
        sizes.into_iter().filter_map(|(id, size)| Some((marked(&id)?, size))).collect()
    }

    /// Of a large group that was read instead of users, only these users are of interest: to find out who all of its members are would take
    /// more calls than the users themselves. Where many more are to be put into it than those, everyone is told at once, and later triggers
    /// are answered.
    pub(super) fn narrow_down(&self, reads: &mut Reads, instead_of: &BTreeMap<OktaGroupId, BTreeSet<OktaUserId>>) {
        for (group, users) in instead_of {
            let Some(listed) = reads.okta.member_lists.get(group).and_then(Reading::known).map(|list| list.members.clone()) else {
                continue;
            };
            for id in &listed {
                self.recall(reads, id);
            }
            if is_worth_telling_all(reads, group, listed.len()) {
                continue;
            }
            reads.okta.member_lists.remove(group);
            reads.okta.members_seen.insert(group.clone(), listed.intersection(users).cloned().collect());
            // It answers none of the triggers that name others.
            if let Some(at) = reads.read_at.remove(group) {
                reads.again_at.insert(group.clone(), at);
            }
        }
    }
}

/// Whether it is worth the calls to find out who all members of a group are.
fn is_worth_telling_all(reads: &Reads, group: &OktaGroupId, listed: usize) -> bool {
    let is_of_group = |id: &GroupId| reads.actual.mark(id).is_some_and(|mark| mark.group == *group);
    let members = reads.actual.group_lists.iter().find(|(id, _)| is_of_group(id)).and_then(|(_, list)| list.known());
    let strangers = members.map_or(0, |list| strangers_of(reads, list).count());
    strangers <= MOST_LOOKUPS || listed > members.map_or(0, BTreeMap::len) + MOST_LOOKUPS
}

fn may_be_spared(user: &UserQuery, triggers: &TriggerScope) -> bool {
    !user.groups.is_empty() && !user.names_no_group && !user.read_status && !triggers.users_may_lose.contains(&user.id)
}
