//! The groups of the app, where the policy names one: a group that is not among them is not managed.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::ids::OktaGroupId;
use sync_core::reading::Reading;
use sync_core::snapshot::GroupSighting;

use super::{ReadFailed, Reads};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    pub(super) async fn read_assigned(&self) -> Result<Option<BTreeSet<OktaGroupId>>, ReadFailed> {
        let Some(app) = &self.policy.groups.app_id else { return Ok(None) };
        let assigned = self.source.app_groups(app).await?;
        self.directory.remember_assigned(&assigned);
        Ok(Some(assigned))
    }

    /// The same, from memory where they were read lately.
    pub(super) async fn read_assigned_lately(&self, reads: &mut Reads) -> Result<(), ReadFailed> {
        reads.okta.assigned = match self.directory.assigned() {
            Some(assigned) => Some(assigned),
            None => self.read_assigned().await?,
        };
        Ok(())
    }

    /// A group of ours that the app's list leaves out is looked for there once more: nothing is taken on the strength of one weak read.
    pub(super) async fn doubt_the_app(&self, reads: &mut Reads) -> Result<(), ReadFailed> {
        let Some(assigned) = &reads.okta.assigned else { return Ok(()) };
        if !self.left_out(reads).is_empty() {
            let again = self.read_assigned().await?.unwrap_or_default();
            let assigned: BTreeSet<OktaGroupId> = assigned.union(&again).cloned().collect();
            self.directory.remember_assigned(&assigned);
            reads.okta.assigned = Some(assigned);
        }
        Ok(())
    }

    /// The same where single users were read: only where one of them is in a group that the list leaves out.
    pub(super) async fn doubt_the_app_for_users(&self, reads: &mut Reads) -> Result<(), ReadFailed> {
        let lists = reads.actual.user_lists.values().filter_map(Reading::known);
        let theirs: BTreeSet<OktaGroupId> =
            lists.flat_map(BTreeMap::keys).filter_map(|id| Some(reads.actual.mark(id)?.group.clone())).collect();
        if self.left_out(reads).is_disjoint(&theirs) { Ok(()) } else { self.doubt_the_app(reads).await }
    }

    /// An app without any group is not believed where groups of ours are there. (A full run has the guard to hold what would follow from it.)
    pub(super) fn disbelieve_an_empty_app(&self, reads: &mut Reads) {
        if !reads.okta.lists_all_groups && reads.okta.assigned.as_ref().is_some_and(BTreeSet::is_empty) {
            for id in self.left_out(reads) {
                let reason = "Okta says that no group at all is assigned to the app of groups.app_id, although some are ours";
                reads.okta.groups.insert(id, GroupSighting::Unknown(reason.to_owned()));
            }
        }
    }

    /// The groups of ours that are there, and match, and are not among those of the app.
    fn left_out(&self, reads: &Reads) -> BTreeSet<OktaGroupId> {
        let Some(assigned) = &reads.okta.assigned else { return BTreeSet::new() };
        let matches = |id: &OktaGroupId| reads.okta.present(id).is_some_and(|group| self.policy.groups.matches(group));
        self.marks(reads).into_iter().filter(|id| matches(id) && !assigned.contains(id)).collect()
    }
}
