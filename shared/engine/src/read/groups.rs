//! Some groups: those that an operator names, and those that a trigger names.

use std::collections::BTreeSet;
use std::time::Duration;

use sync_core::ids::{GroupId, OktaGroupId};
use sync_core::names::NameKey;
use sync_core::snapshot::GroupSighting;
use sync_core::unresolved::{Unresolved, UnresolvedKind};

use super::everything::by_id;
use super::{ReadFailed, Reads, Targets, bad_records};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};

/// A list of groups younger than this is not fetched anew because something is missing from it.
const YOUNG: Duration = Duration::from_secs(10);

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Reads the groups that an operator names, by id or by name. Returns which they are.
    pub(crate) async fn read_named_groups(&self, names: &[String]) -> Result<(Reads, BTreeSet<OktaGroupId>), ReadFailed> {
        let mut reads = self.read_lists().await?;
        reads.okta.lists_all_groups = false;
        let mut wanted = BTreeSet::new();
        for name in names {
            let found = self.named(&reads, name);
            if found.is_empty() {
                let reason = "no group in Okta or Identity Center has this id or name".to_owned();
                let (kind, okta_id, name) = (UnresolvedKind::Unreadable, None, name.clone());
                reads.unresolved.push(Unresolved { kind, okta_id, name, reason });
            }
            wanted.extend(found);
        }
        let unseen: Vec<OktaGroupId> = wanted.iter().filter(|id| !reads.okta.groups.contains_key(id)).cloned().collect();
        let sightings = self.sight(unseen).await;
        reads.okta.groups.extend(sightings);
        self.disbelieve_an_empty_app(&mut reads);
        self.read_wanted(&mut reads, &wanted).await;
        Ok((reads, wanted))
    }

    pub(super) async fn read_wanted(&self, reads: &mut Reads, wanted: &BTreeSet<OktaGroupId>) {
        self.look_behind_taken_names(reads).await;
        let queries = self.queries(reads, |id| wanted.contains(id));
        self.read_groups_into(reads, queries, self.deadline).await;
        self.identify_strangers(reads).await;
        self.note_departing(reads).await;
        self.read_assignments(reads, |id| wanted.contains(id)).await;
    }

    /// The Okta groups that an operator means: by id, by Okta's name, or by the name of a marked group.
    fn named(&self, reads: &Reads, name: &str) -> BTreeSet<OktaGroupId> {
        let key = NameKey::of(name);
        let is_named =
            |id: &OktaGroupId| id.as_str() == name || reads.okta.present(id).is_some_and(|group| NameKey::of(&group.name) == key);
        let in_okta = reads.okta.groups.keys().filter(|id| is_named(id));
        let ours = |id: &GroupId| reads.actual.mark(id).filter(|mark| self.policy.owns_host(&mark.host)).map(|mark| &mark.group);
        let is_meant = |marked: &OktaGroupId, display_name: &str| marked.as_str() == name || NameKey::of(display_name) == key;
        let in_target =
            reads.actual.groups.values().filter_map(|group| ours(&group.id).filter(|marked| is_meant(marked, &group.display_name)));
        in_okta.chain(in_target).cloned().collect()
    }

    /// A name may be held by a group whose Okta group is gone: only then may it be taken over.
    pub(super) async fn look_behind_taken_names(&self, reads: &mut Reads) {
        let wanted: BTreeSet<NameKey> =
            reads.okta.groups.keys().filter_map(|id| reads.okta.present(id)).map(|group| NameKey::of(&group.name)).collect();
        let holders = reads.actual.groups.values().filter(|group| wanted.contains(&NameKey::of(&group.display_name)));
        let marks = holders.filter_map(|group| reads.actual.mark(&group.id)).filter(|mark| self.policy.owns_host(&mark.host));
        let unseen: Vec<OktaGroupId> = marks.map(|mark| &mark.group).filter(|id| !reads.okta.groups.contains_key(id)).cloned().collect();
        let sightings = self.sight(unseen).await;
        reads.okta.groups.extend(sightings);
    }

    /// The groups of Identity Center, from memory where they were listed lately.
    pub(super) async fn read_directory_groups(&self, reads: &mut Reads) -> Result<(), ReadFailed> {
        if let Some(groups) = self.directory.groups() {
            reads.actual.groups = groups;
            return Ok(());
        }
        let groups = self.target.list_groups().await?;
        self.directory.remember_groups(&by_id(&groups));
        reads.actual.groups = by_id(&groups);
        reads.unresolved.extend(bad_records("Identity Center group", groups.bad));
        Ok(())
    }

    /// Where a managed group has no marked counterpart, or one that is to lose something, another process may have made it just now.
    pub(super) async fn look_again_for_the_unmarked(&self, reads: &mut Reads, may_lose: &BTreeSet<OktaGroupId>) -> Result<(), ReadFailed> {
        let marks = self.marks(reads);
        let assigned = |id: &OktaGroupId| reads.okta.assigned.as_ref().is_none_or(|groups| groups.contains(id));
        let managed = |id: &&OktaGroupId| reads.okta.present(id).is_some_and(|group| self.policy.groups.matches(group)) && assigned(id);
        let unmarked = reads.okta.groups.keys().filter(managed).chain(may_lose).any(|id| !marks.contains(id));
        if unmarked && self.directory.groups_age().is_none_or(|age| age > YOUNG) {
            self.directory.forget_groups();
            self.read_directory_groups(reads).await?;
        }
        Ok(())
    }

    /// Reads the groups that triggers name, and finds their members.
    pub(super) async fn read_triggered_groups(&self, reads: &mut Reads, targets: &Targets) -> Result<(), ReadFailed> {
        let groups = &targets.groups;
        // What decides on a group of the app is read now, whatever is remembered.
        reads.okta.assigned = self.read_assigned().await?;
        let sightings = self.sight(groups.iter().cloned().collect()).await;
        reads.okta.groups.extend(sightings);
        self.look_again_for_the_unmarked(reads, &targets.may_lose).await?;
        self.doubt_the_app(reads).await?;
        self.disbelieve_an_empty_app(reads);
        self.look_behind_taken_names(reads).await;
        let queries = self.queries(reads, |id| groups.contains(id));
        self.read_groups_into(reads, queries, self.deadline).await;
        self.narrow_down(reads, &targets.instead_of);
        self.find_members(reads, groups).await;
        self.note_departing(reads).await;
        self.read_assignments(reads, |id| groups.contains(id)).await;
        Ok(())
    }
}

/// The groups that a look found to be there, or gone: what remains is unknown.
pub(super) fn is_decided(sighting: Option<&GroupSighting>) -> bool {
    matches!(sighting, Some(GroupSighting::Present(_) | GroupSighting::Gone))
}
