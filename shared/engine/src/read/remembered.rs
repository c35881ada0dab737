//! Fewer calls for a full run: what earlier runs read of Okta's members, as far as nothing moved since.
//!
//! It only ever saves a read. No action rests on it: `reconcile` reads a group or a user again before it does anything to them.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::reading::Reading;
use sync_core::records::{Listing, OktaUser};
use sync_core::remembered::{Memory, RememberedMembers};
use sync_core::snapshot::{MemberList, UserSighting};

use super::members::GroupQuery;
use super::{CONCURRENCY, Reads};
use crate::engine::Engine;
use crate::ledger::{NewlyRead, RecordsBefore};
use crate::ports::{Clock, ReadAws, ReadSource, Table};
use crate::reconcile::OVERLAP;

/// Records on a page of Okta's lists.
const PAGE: usize = 200;

/// What was remembered when a run began.
#[derive(Debug, Default)]
pub(crate) struct Recalled {
    /// The groups whose members were not read.
    pub(crate) groups: BTreeSet<OktaGroupId>,
    /// The users whose record was not read.
    pub(crate) users: BTreeSet<OktaUserId>,
    /// All that was remembered, with the records brought up to date.
    memory: Memory,
    before: RecordsBefore,
    /// When the reading of records began.
    as_of: jiff::Timestamp,
}

/// Whether Okta says of any group how many members it has. Okta itself does, on the first page at least; what answers in its place and does
/// not may as well not move a group's date, on which all that is remembered rests.
fn counts_members(reads: &Reads) -> bool {
    reads.okta.groups.keys().filter_map(|id| reads.okta.present(id)).any(|group| group.users_count.is_some())
}

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Puts in the members of the groups that need not be read, and takes them out of what is to be read.
    pub(super) async fn recall_members(&self, reads: &mut Reads, queries: &mut [GroupQuery]) {
        let now = self.clock.now();
        reads.recalled = Recalled { as_of: reads.began, ..Recalled::default() };
        // Where users are managed, decisions rest on their whole profile, which is not kept: it would be everyone's personal data.
        if self.policy.users.managed.is_some() || !counts_members(reads) {
            return;
        }
        let memory = match self.ledger.members(self.policy.hash(), now).await {
            Ok(memory) => memory,
            Err(error) => return tracing::warn!(event = "members_not_recalled", error = %error, "all of them are read"),
        };
        let Some((memory, before)) = self.brought_up_to_date(memory).await else { return };
        for query in queries {
            if let Some(group) = &query.members_of
                && let Some(remembered) = memory.members_of(group, now)
            {
                memory.enter(&group.id, remembered, &mut reads.okta);
                reads.recalled.users.extend(remembered.members.iter().cloned());
                reads.recalled.groups.insert(group.id.clone());
                query.members_of = None;
            }
        }
        tracing::info!(event = "members_recalled", groups = reads.recalled.groups.len());
        (reads.recalled.memory, reads.recalled.before) = (memory, before);
    }

    /// Reads users whose record is only remembered, each by id.
    pub(crate) async fn read_users_again(&self, reads: &mut Reads, users: BTreeSet<OktaUserId>) {
        let look = |id: OktaUserId| async move {
            let sighting = match self.source.user(id.as_str()).await {
                Ok(Some(user)) => UserSighting::Present(user),
                Ok(None) => UserSighting::Gone,
                Err(error) => UserSighting::Unknown(error.to_string()),
            };
            (id, sighting)
        };
        let sightings: Vec<_> = stream::iter(users).map(look).buffer_unordered(CONCURRENCY).collect().await;
        for (id, sighting) in sightings {
            reads.recalled.users.remove(&id);
            reads.okta.users.insert(id, sighting);
        }
    }

    /// Follows what changed in the members' own records. Where Okta cannot say, nothing is remembered.
    async fn brought_up_to_date(&self, mut memory: Memory) -> Option<(Memory, RecordsBefore)> {
        let as_of = memory.users_as_of?;
        let mut before = RecordsBefore { users: memory.users.clone(), as_of: Some(as_of), many_changed: false };
        match self.source.changed_users(as_of - OVERLAP).await {
            Ok(changed) => {
                before.many_changed = changed.items.len() + changed.bad.len() > PAGE;
                memory.update(Listing { items: changed.items.into_iter().map(|changed| changed.user).collect(), bad: changed.bad });
                Some((memory, before))
            }
            Err(error) => {
                tracing::warn!(event = "members_not_recalled", error = %error, "all of them are read");
                None
            }
        }
    }
}

impl<S, T, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Remembers what this run read of the members. What cannot be written down is read again by the next run.
    /// Returns how many groups it did not remember before.
    pub(crate) async fn remember_members(&self, reads: &Reads) -> u64 {
        if self.policy.users.managed.is_some() {
            return 0;
        }
        let recalled = &reads.recalled;
        let new = newly_read(reads);
        let now = self.clock.now();
        let written = self.ledger.remember_members(self.policy.hash(), &new, &recalled.before, now).await;
        if let Err(error) = written {
            tracing::warn!(event = "members_not_remembered", error = %error, "the next run reads them again");
            return 0;
        }
        let would_do = |id: &&OktaGroupId| reads.okta.present(id).is_some_and(|group| recalled.memory.members_of(group, now).is_some());
        new.groups.keys().filter(|group| !would_do(group)).count() as u64
    }
}

/// The groups that were read, and the records of everyone who is remembered in any group.
fn newly_read(reads: &Reads) -> NewlyRead {
    let memory = &reads.recalled.memory;
    let is_recorded = |member: &OktaUserId| matches!(reads.okta.users.get(member), Some(UserSighting::Present(_)));
    let worth = |(id, reading): (&OktaGroupId, &Reading<MemberList>)| {
        let (list, read_at) = (reading.known()?, reads.read_at.get(id)?);
        let is_new = !reads.recalled.groups.contains(id) && list.members.iter().all(is_recorded);
        let remembered = RememberedMembers::of(reads.okta.present(id)?, list, *read_at)?;
        is_new.then(|| (id.clone(), remembered))
    };
    let mut new = NewlyRead { as_of: reads.recalled.as_of, ..NewlyRead::default() };
    new.groups = reads.okta.member_lists.iter().filter_map(worth).collect();
    let record = |id: &OktaUserId| -> Option<OktaUser> {
        match reads.okta.users.get(id) {
            Some(UserSighting::Present(user)) => Some(user.clone()),
            _ => memory.users.get(id).cloned(),
        }
    };
    let everyone: BTreeSet<&OktaUserId> = memory.groups.values().chain(new.groups.values()).flat_map(|group| &group.members).collect();
    new.users = everyone.into_iter().filter_map(|id| Some((id.clone(), record(id)?))).collect();
    new
}
