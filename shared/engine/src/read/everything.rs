//! The whole world: each collection once.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};
use sync_core::desired::Fate;
use sync_core::ids::{GroupId, OktaGroupId};
use sync_core::records::{DirectoryGroup, Listing, OktaGroup};
use sync_core::resolve::group_fates;
use sync_core::snapshot::{GroupSighting, OktaSnapshot};
use tokio::time::Instant;

use super::members::{GroupQuery, GroupRead};
use super::{CONCURRENCY, ReadFailed, Reads, bad_records};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};

/// How much of a full run's time goes into reading. What was read by then is worked on and remembered, and the next run reads the rest.
const TIME_TO_READ: f64 = 0.8;

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Reads everything there is, on both sides.
    pub(crate) async fn read_everything(&self) -> Result<Reads, ReadFailed> {
        let began = Instant::now();
        let mut reads = self.read_lists().await?;
        self.look_for_the_vanished(&mut reads).await;
        let mut queries = self.queries(&reads, |_| true);
        self.recall_members(&mut reads, &mut queries).await;
        self.read_groups_into(&mut reads, queries, began + (self.deadline.saturating_duration_since(began)).mul_f64(TIME_TO_READ)).await;
        self.identify_strangers(&mut reads).await;
        self.read_departing(&mut reads).await;
        self.read_assignments(&mut reads, |_| true).await;
        Ok(reads)
    }

    /// The lists of users and groups on both sides, and the pins. Without them there is no plan.
    pub(super) async fn read_lists(&self) -> Result<Reads, ReadFailed> {
        let mut reads = Reads { began: self.clock.now(), ..Reads::default() };
        let (users, groups) = futures::try_join!(self.target.list_users(), self.target.list_groups())?;
        self.directory.remember_groups(&by_id(&groups));
        reads.actual.groups = by_id(&groups);
        reads.actual.lists_all_users = users.bad.is_empty();
        reads.actual.users = users.items.into_iter().map(|user| (user.id.clone(), user)).collect();
        reads.unresolved.extend(bad_records("Identity Center group", groups.bad));
        reads.unresolved.extend(bad_records("Identity Center user", users.bad));
        self.read_pins(&mut reads).await;
        let listing = self.source.list_groups(None).await?;
        reads.okta = OktaSnapshot { lists_all_groups: true, assigned: self.read_assigned().await?, ..OktaSnapshot::default() };
        enter_groups(&mut reads, listing);
        self.doubt_the_app(&mut reads).await?;
        Ok(reads)
    }

    /// Looks by id for the groups that carry our mark and that the list does not have. Not where the list has no managed group at all: then
    /// the list itself is not believed, and nothing is asked of it.
    async fn look_for_the_vanished(&self, reads: &mut Reads) {
        let assigned = |id: &OktaGroupId| reads.okta.assigned.as_ref().is_none_or(|groups| groups.contains(id));
        let managed = |id: &OktaGroupId| reads.okta.present(id).is_some_and(|group| self.policy.groups.matches(group) && assigned(id));
        if !reads.okta.groups.keys().any(managed) {
            return;
        }
        let missing: Vec<OktaGroupId> = self.marks(reads).into_iter().filter(|id| !reads.okta.groups.contains_key(id)).collect();
        for (id, sighting) in self.sight(missing).await {
            let left_out = match &sighting {
                GroupSighting::Present(group) => self.policy.groups.matches(group),
                GroupSighting::Unknown(_) => true,
                GroupSighting::Gone => false,
            };
            if left_out {
                reads.okta.unlisted.insert(id.clone());
            }
            reads.okta.groups.insert(id, sighting);
        }
    }

    /// The Okta groups that our marks name.
    pub(super) fn marks(&self, reads: &Reads) -> BTreeSet<OktaGroupId> {
        let marks = reads.actual.groups.keys().filter_map(|id| reads.actual.mark(id));
        marks.filter(|mark| self.policy.owns_host(&mark.host)).map(|mark| mark.group.clone()).collect()
    }

    /// Reads groups by id.
    pub(super) async fn sight(&self, ids: Vec<OktaGroupId>) -> BTreeMap<OktaGroupId, GroupSighting> {
        let look = |id: OktaGroupId| async move {
            let sighting = match self.source.group(&id).await {
                Ok(Some(group)) => GroupSighting::Present(group),
                Ok(None) => GroupSighting::Gone,
                Err(error) => GroupSighting::Unknown(error.to_string()),
            };
            (id, sighting)
        };
        stream::iter(ids).map(look).buffer_unordered(CONCURRENCY).collect().await
    }

    /// What there is to read of the groups that are ours or shall be.
    pub(super) fn queries(&self, reads: &Reads, wanted: impl Fn(&OktaGroupId) -> bool) -> Vec<GroupQuery> {
        let fates = group_fates(&reads.okta, &reads.actual, &self.policy).fates;
        let query = |(id, (_, fate)): (OktaGroupId, (_, Fate))| {
            let members_of = match fate {
                Fate::Keep { .. } | Fate::Create { .. } => reads.okta.present(&id).cloned(),
                Fate::AsIs { .. } | Fate::Empty { .. } | Fate::Delete { .. } | Fate::Release { .. } => None,
            };
            GroupQuery { group: fate.group_id().cloned(), members_of, okta_id: id }
        };
        fates.into_iter().filter(|(id, _)| wanted(id)).map(query).collect()
    }

    /// Reads groups; what is not begun at `until` counts as unread.
    pub(super) async fn read_groups_into(&self, reads: &mut Reads, queries: Vec<GroupQuery>, until: Instant) {
        let read = |query: GroupQuery| async move {
            if Instant::now() < until { self.read_group(query).await } else { GroupRead::out_of_time(query, self.clock.now()) }
        };
        let mut results = stream::iter(queries).map(read).buffer_unordered(CONCURRENCY);
        while let Some(read) = results.next().await {
            read.enter(reads);
        }
    }

    /// Lists Identity Center's groups again: another run may have made, renamed or adopted some. Where that fails, they stay as they were
    /// read, and what is written to them fails on their revision.
    pub(crate) async fn list_groups_again(&self, reads: &mut Reads) {
        match self.target.list_groups().await {
            Ok(groups) if groups.bad.is_empty() => {
                self.directory.remember_groups(&by_id(&groups));
                reads.actual.groups = by_id(&groups);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(event = "groups_not_listed_again", error = %error),
        }
    }

    /// Reads these groups again, as when they were written to, or changed, since they were read.
    pub(crate) async fn read_again(&self, reads: &mut Reads, groups: &BTreeSet<OktaGroupId>) {
        let now = self.clock.now();
        reads.tried_at.extend(groups.iter().map(|group| (group.clone(), now)));
        reads.unresolved.retain(|entry| entry.okta_id.as_ref().is_none_or(|id| !groups.iter().any(|group| group.as_str() == id)));
        for (id, sighting) in self.sight(groups.iter().cloned().collect()).await {
            reads.okta.member_lists.remove(&id);
            reads.okta.members_seen.remove(&id);
            reads.recalled.groups.remove(&id);
            reads.okta.groups.insert(id, sighting);
        }
        self.disbelieve_an_empty_app(reads);
        let queries = self.queries(reads, |id| groups.contains(id));
        self.read_groups_into(reads, queries, self.deadline).await;
        self.find_members(reads, groups).await;
        self.read_assignments(reads, |id| groups.contains(id)).await;
        reads.were_read_again(groups, &self.policy, now);
    }
}

pub(super) fn by_id(groups: &Listing<DirectoryGroup>) -> BTreeMap<GroupId, DirectoryGroup> {
    groups.items.iter().map(|group| (group.id.clone(), group.clone())).collect()
}

pub(super) fn enter_groups(reads: &mut Reads, listing: Listing<OktaGroup>) {
    for group in listing.items {
        reads.okta.groups.insert(group.id.clone(), GroupSighting::Present(group));
    }
    for record in &listing.bad {
        if let Some(Ok(id)) = record.id.as_deref().map(OktaGroupId::new) {
            reads.okta.groups.insert(id, GroupSighting::Unknown(record.problem.clone()));
        }
    }
    reads.unresolved.extend(bad_records("Okta group", listing.bad));
}
