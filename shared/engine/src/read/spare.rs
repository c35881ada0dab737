//! Fewer calls for a burst: triggers that an earlier read answers, and groups that are cheaper to read than the users that name them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sync_core::ids::{OktaGroupId, OktaUserId};

use super::UserQuery;
use crate::engine::Engine;
use crate::ports::{Clock, ReadSource, Table};
use crate::request::TriggerScope;

/// Members on a page of Okta's lists.
const PAGE: u64 = 200;

/// Calls to Okta for one user.
const CALLS_PER_USER: u64 = 2;

/// Fewer users than this are never worth the question how large their group is.
const FEW: usize = 4;

impl<S: ReadSource, T, L: Table, C: Clock> Engine<S, T, L, C> {
    /// The users that are still to be looked at, and the groups that are read instead of others. Only of triggers that grant: what is taken
    /// away is always looked at user by user.
    pub(crate) async fn spared(&self, triggers: &TriggerScope) -> (Vec<UserQuery>, BTreeSet<OktaGroupId>) {
        let mut users = Vec::new();
        for user in &triggers.users {
            if !may_be_spared(user, triggers) || !self.is_answered(user).await {
                users.push(user.clone());
            }
        }
        let instead = self.cheaper_groups(&users, triggers).await;
        let is_covered = |user: &UserQuery| user.groups.iter().all(|group| instead.contains(group) || triggers.groups.contains(group));
        users.retain(|user| !may_be_spared(user, triggers) || !is_covered(user));
        (users, instead)
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
        let mut cheaper = BTreeSet::new();
        for (group, users) in named.into_iter().filter(|(_, users)| users.len() >= FEW) {
            let count = self.source.group(group).await.ok().flatten().and_then(|group| group.users_count);
            let by_user = CALLS_PER_USER * u64::try_from(users.len()).unwrap_or(u64::MAX);
            if count.is_some_and(|count| count / PAGE + CALLS_PER_USER < by_user) {
                cheaper.insert(group.clone());
            }
        }
        cheaper
    }
}

fn may_be_spared(user: &UserQuery, triggers: &TriggerScope) -> bool {
    !user.groups.is_empty() && !user.names_no_group && !user.read_status && !triggers.users_may_lose.contains(&user.id)
}
