//! Users of whom an earlier run found that they are not entitled: they are looked at again until they are disabled or deleted, or entitled.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt};
use jiff::SignedDuration;
use sync_core::actual::Grace;
use sync_core::ids::OktaUserId;
use sync_core::policy::ManagedUsers;
use sync_core::snapshot::UserSighting;

use super::{CONCURRENCY, Reads};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Enters who departs, and reads in Okta those of whom no list spoke: each by themselves, so that nobody goes on the strength of an
    /// absence from a list.
    pub(super) async fn read_departing(&self, reads: &mut Reads) {
        if !self.policy.users.managed.as_ref().is_some_and(ManagedUsers::says_farewell) {
            return;
        }
        self.note_departing(reads).await;
        let is_unseen = |id: &&OktaUserId| !reads.okta.users.contains_key(id);
        let unseen: BTreeSet<OktaUserId> = reads.actual.departing.keys().chain(pinned_members(reads)).filter(is_unseen).cloned().collect();
        let look = |id: OktaUserId| async move {
            let sighting = match self.source.user(id.as_str()).await {
                Ok(Some(user)) => UserSighting::Present(user),
                Ok(None) => UserSighting::Gone,
                Err(error) => UserSighting::Unknown(error.to_string()),
            };
            (id, sighting)
        };
        let seen: Vec<(OktaUserId, UserSighting)> = stream::iter(unseen).map(look).buffer_unordered(CONCURRENCY).collect().await;
        reads.okta.users.extend(seen);
    }

    /// Enters who departs, and whether their grace is over. Where the ledger cannot say, nobody's is.
    pub(super) async fn note_departing(&self, reads: &mut Reads) {
        let Some(managed) = self.policy.users.managed.as_ref().filter(|managed| managed.says_farewell()) else { return };
        let (now, grace) = (self.clock.now(), SignedDuration::from_hours(i64::from(managed.grace_hours)));
        let since = match self.ledger.departing(now).await {
            Ok(since) => since,
            Err(error) => {
                tracing::warn!(event = "departing_unread", error = %error, "nobody's grace is over until the ledger can be reached");
                return;
            }
        };
        let state = |since| if now.duration_since(since) >= grace { Grace::Over } else { Grace::Running };
        reads.actual.departing = since.into_iter().map(|(id, since)| (id, state(since))).collect();
    }
}

/// The Okta users whom an earlier run knew, and who are members of something.
fn pinned_members(reads: &Reads) -> impl Iterator<Item = &OktaUserId> {
    let lists = reads.actual.group_lists.values().filter_map(sync_core::reading::Reading::known);
    let members: BTreeSet<_> = lists.flat_map(std::collections::BTreeMap::keys).collect();
    reads.actual.pins.iter().filter(move |(_, user)| members.contains(user)).map(|(id, _)| id)
}
