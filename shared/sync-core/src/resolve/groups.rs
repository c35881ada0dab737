//! Which Identity Center group stands for which Okta group, and what should become of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::action::{AdoptedBy, DisposalReason, GroupLabel, Weakness};
use crate::actual::ActualState;
use crate::desired::Fate;
use crate::ids::{GroupId, OktaGroupId};
use crate::mark::Mark;
use crate::names::{NameKey, check_group_name};
use crate::policy::{Adopt, Disposal, Policy};
use crate::records::{DirectoryGroup, OktaGroup};
use crate::snapshot::{GroupSighting, OktaSnapshot};
use crate::unresolved::{Unresolved, UnresolvedKind};

/// What should become of the groups that are ours or shall be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupFates {
    /// By Okta group.
    pub fates: BTreeMap<OktaGroupId, (GroupLabel, Fate)>,
    /// Groups that cannot be acted on, with the reason. They stay as they are.
    pub unresolved: Vec<Unresolved>,
}

/// Finds the Identity Center group for each Okta group that was seen, and decides what should become of it.
pub fn group_fates(okta: &OktaSnapshot, actual: &ActualState, policy: &Policy) -> GroupFates {
    let mut binder = Binder::new(okta, actual, policy);
    let managed = binder.managed();
    let sound = binder.set_aside_unsound(&managed);
    for group in &sound {
        binder.bind(group);
    }
    binder.part_double_claims();
    binder.settle_names();
    binder.dispose_of_the_rest(&managed);
    binder.say_what_was_not_read();
    binder.keep_what_is_unclear();
    GroupFates { fates: binder.fates, unresolved: binder.unresolved }
}

struct Binder<'a> {
    okta: &'a OktaSnapshot,
    actual: &'a ActualState,
    policy: &'a Policy,
    /// Our marks; more than one group under a mark is a conflict.
    marked: BTreeMap<OktaGroupId, Vec<&'a DirectoryGroup>>,
    holders: BTreeMap<NameKey, Vec<&'a DirectoryGroup>>,
    taken_over: BTreeSet<GroupId>,
    fates: BTreeMap<OktaGroupId, (GroupLabel, Fate)>,
    unresolved: Vec<Unresolved>,
}

/// A group that stands for an Okta group, and how it was found if it is not ours yet.
type Found<'a> = (&'a DirectoryGroup, Option<AdoptedBy>);

fn label(group: &OktaGroup) -> GroupLabel {
    GroupLabel { okta_id: group.id.clone(), name: group.name.clone() }
}

impl<'a> Binder<'a> {
    fn new(okta: &'a OktaSnapshot, actual: &'a ActualState, policy: &'a Policy) -> Self {
        let mut marked: BTreeMap<OktaGroupId, Vec<&DirectoryGroup>> = BTreeMap::new();
        let mut holders: BTreeMap<NameKey, Vec<&DirectoryGroup>> = BTreeMap::new();
        for group in actual.groups.values() {
            holders.entry(NameKey::of(&group.display_name)).or_default().push(group);
            if let Some(mark) = our_mark(group, policy) {
                marked.entry(mark.group.clone()).or_default().push(group);
            }
        }
        let (taken_over, fates, unresolved) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
        Self { okta, actual, policy, marked, holders, taken_over, fates, unresolved }
    }

    /// The Okta groups that the policy manages.
    fn managed(&self) -> Vec<&'a OktaGroup> {
        let assigned = |id: &OktaGroupId| self.okta.assigned.as_ref().is_none_or(|groups| groups.contains(id));
        let present = self.okta.groups.keys().filter_map(|id| self.okta.present(id));
        present.filter(|group| self.policy.groups.matches(group) && assigned(&group.id)).collect()
    }

    /// Takes out the groups whose name Identity Center would not take, and all those that share a name.
    fn set_aside_unsound(&mut self, managed: &[&'a OktaGroup]) -> Vec<&'a OktaGroup> {
        let mut by_name: BTreeMap<NameKey, usize> = BTreeMap::new();
        for group in managed {
            *by_name.entry(NameKey::of(&group.name)).or_default() += 1;
        }
        let mut sound = Vec::new();
        for group in managed {
            if let Err(problem) = check_group_name(&group.name) {
                self.report(UnresolvedKind::BadRecord, group, format!("the group's name {problem}"));
            } else if by_name.get(&NameKey::of(&group.name)).is_some_and(|count| *count > 1) {
                let reason = "another managed Okta group has this name (in any case); rename one of them".to_owned();
                self.report(UnresolvedKind::DuplicateGroupName, group, reason);
            } else {
                sound.push(*group);
            }
        }
        sound
    }

    fn bind(&mut self, group: &'a OktaGroup) {
        match self.find(group) {
            Ok(Some((found, adopted_by))) => {
                self.taken_over.extend(adopted_by.map(|_| found.id.clone()));
                let mark =
                    our_mark(found, self.policy).filter(|_| adopted_by.is_none()).cloned().unwrap_or_else(|| self.mark_for(&group.id));
                let fate = Fate::Keep { id: found.id.clone(), display_name: group.name.clone(), mark, adopted_by };
                self.fates.insert(group.id.clone(), (label(group), fate));
            }
            Ok(None) => {
                let fate = Fate::Create { mark: self.mark_for(&group.id), text: group.description.clone() };
                self.fates.insert(group.id.clone(), (label(group), fate));
            }
            Err((kind, reason)) => self.report(kind, group, reason),
        }
    }

    fn mark_for(&self, group: &OktaGroupId) -> Mark {
        Mark { host: self.policy.okta.host.clone(), group: group.clone() }
    }

    /// The group that stands for an Okta group: by mark, then by externalId, then by name, as the policy allows.
    fn find(&self, group: &OktaGroup) -> Result<Option<Found<'a>>, (UnresolvedKind, String)> {
        match self.marked.get(&group.id).map(Vec::as_slice) {
            Some([only]) => return Ok(Some((only, None))),
            Some(several) => return Err((UnresolvedKind::IdentityConflict, format!("its mark is on several groups: {}", ids(several)))),
            None => {}
        }
        match self.candidates(&group.id).as_slice() {
            [] => Ok(self.candidate_by_name(group).map(|(found, by)| (found, Some(by)))),
            [only] => Ok(Some((only, Some(AdoptedBy::ExternalId)))),
            several => Err((UnresolvedKind::IdentityConflict, format!("its id is the externalId of several groups: {}", ids(several)))),
        }
    }

    /// The groups without any mark whose externalId is the Okta group's id.
    fn candidates(&self, id: &OktaGroupId) -> Vec<&'a DirectoryGroup> {
        if self.policy.groups.adopt == Adopt::Never {
            return Vec::new();
        }
        let fits = |group: &&DirectoryGroup| {
            group.external_ids.iter().any(|external| external == id.as_str()) && group.description.mark().is_none()
        };
        self.actual.groups.values().filter(fits).collect()
    }

    fn candidate_by_name(&self, group: &OktaGroup) -> Option<(&'a DirectoryGroup, AdoptedBy)> {
        if self.policy.groups.adopt != Adopt::ByName {
            return None;
        }
        let [holder] = self.holders.get(&NameKey::of(&group.name))?.as_slice() else { return None };
        match holder.description.mark() {
            None if holder.external_ids.is_empty() => Some((holder, AdoptedBy::Name)),
            Some(mark) if self.policy.owns_host(&mark.host) && self.is_gone(&mark.group) => Some((holder, AdoptedBy::NameOfGone)),
            _ => None,
        }
    }

    fn is_gone(&self, id: &OktaGroupId) -> bool {
        matches!(self.okta.groups.get(id), Some(GroupSighting::Gone))
    }

    /// One group cannot stand for two Okta groups.
    fn part_double_claims(&mut self) {
        let mut claims: BTreeMap<GroupId, Vec<OktaGroupId>> = BTreeMap::new();
        for (okta_id, (_, fate)) in &self.fates {
            if let Some(id) = fate.group_id() {
                claims.entry(id.clone()).or_default().push(okta_id.clone());
            }
        }
        for (id, claimants) in claims.into_iter().filter(|(_, claimants)| claimants.len() > 1) {
            let list = claimants.iter().map(OktaGroupId::as_str).collect::<Vec<_>>().join(", ");
            for claimant in claimants {
                let Some((label, _)) = self.fates.remove(&claimant) else { continue };
                let (kind, okta_id) = (UnresolvedKind::IdentityConflict, Some(claimant.to_string()));
                let reason = format!("group {id} would stand for each of the Okta groups {list}; give each its own");
                self.unresolved.push(Unresolved { kind, okta_id, name: label.name, reason });
            }
        }
    }

    /// Nothing is attempted on a name that is taken, unless its holder gives it up in the same plan. Whoever cannot get their name gives
    /// none up, so it goes round until nothing changes.
    fn settle_names(&mut self) {
        for _ in 0..=self.fates.len() {
            let before = self.unresolved.len();
            self.settle_each_name();
            if self.unresolved.len() == before {
                return;
            }
        }
    }

    fn settle_each_name(&mut self) {
        for (id, blocker) in self.blocked() {
            let Some((label, fate)) = self.fates.remove(&id) else { continue };
            let (kind, reason) = self.name_taken(blocker);
            self.unresolved.push(Unresolved { kind, okta_id: Some(id.to_string()), name: label.name.clone(), reason });
            if let Some(fate) = self.without_rename(fate) {
                self.fates.insert(id, (label, fate));
            }
        }
    }

    /// The groups whose name another has that does not give it up, with that other.
    fn blocked(&self) -> Vec<(OktaGroupId, &'a DirectoryGroup)> {
        let wanted: BTreeMap<&GroupId, NameKey> = self.fates.values().filter_map(|(_, fate)| wanted_name(fate)).collect();
        let blocker = |(id, (label, fate)): (&OktaGroupId, &(GroupLabel, Fate))| {
            let own = fate.group_id();
            let key = own.and_then(|own| wanted.get(own)).map_or_else(|| Cow::Owned(NameKey::of(&label.name)), Cow::Borrowed);
            let gives_up = |holder: &DirectoryGroup| wanted.get(&holder.id).is_some_and(|other| *other != *key);
            let in_the_way = |holder: &&&DirectoryGroup| Some(&holder.id) != own && !gives_up(holder);
            let found = self.holders.get(&*key).into_iter().flatten().find(in_the_way)?;
            Some((id.clone(), *found))
        };
        self.fates.iter().filter_map(blocker).collect()
    }

    fn name_taken(&self, holder: &DirectoryGroup) -> (UnresolvedKind, String) {
        match our_mark(holder, self.policy) {
            Some(mark) if self.is_gone(&mark.group) => {
                let advice = "delete or rename that group, or set groups.adopt = \"by_name\" to take it over";
                (UnresolvedKind::NotOurs, format!("group {} still has this name, for an Okta group that is gone; {advice}", holder.id))
            }
            Some(mark) => {
                (UnresolvedKind::DuplicateGroupName, format!("group {} has this name, and stands for Okta group {}", holder.id, mark.group))
            }
            None => {
                let advice = "rename one of them, or see groups.adopt";
                (UnresolvedKind::NotOurs, format!("group {} has this name, and is not ours; {advice}", holder.id))
            }
        }
    }

    /// A group that exists keeps its present name where the new one is taken; one that does not cannot be made.
    fn without_rename(&self, fate: Fate) -> Option<Fate> {
        match fate {
            Fate::Keep { id, mark, adopted_by, .. } => {
                let display_name = self.actual.groups.get(&id)?.display_name.clone();
                Some(Fate::Keep { id, display_name, mark, adopted_by })
            }
            Fate::AsIs { .. } | Fate::Create { .. } | Fate::Empty { .. } | Fate::Delete { .. } | Fate::Release { .. } => None,
        }
    }

    /// What becomes of the groups that carry our mark, and that no managed Okta group stands for.
    fn dispose_of_the_rest(&mut self, managed: &[&OktaGroup]) {
        let managed_ids: BTreeSet<&OktaGroupId> = managed.iter().map(|group| &group.id).collect();
        let source_empty = self.okta.lists_all_groups && managed.is_empty();
        let weakness = source_empty.then_some(Weakness::SourceEmpty);
        for (id, holders) in self.marked.clone() {
            if managed_ids.contains(&id) {
                continue;
            }
            let [holder] = holders.as_slice() else {
                let reason = format!("its mark is on several groups: {}", ids(&holders));
                let kind = UnresolvedKind::IdentityConflict;
                self.unresolved.push(Unresolved { kind, okta_id: Some(id.to_string()), name: names(&holders), reason });
                continue;
            };
            if !self.taken_over.contains(&holder.id) {
                self.dispose(&id, holder, weakness);
            }
        }
    }

    /// A group that could not be read by its id and that carries no mark of ours may be one that is to be made. (What is broken in
    /// a list is said where the list is read.)
    fn say_what_was_not_read(&mut self) {
        if self.okta.lists_all_groups {
            return;
        }
        for (id, sighting) in &self.okta.groups {
            if let GroupSighting::Unknown(reason) = sighting
                && !self.marked.contains_key(id)
            {
                let (kind, okta_id, reason) = (UnresolvedKind::Unreadable, Some(id.to_string()), reason.clone());
                self.unresolved.push(Unresolved { kind, okta_id, name: String::new(), reason });
            }
        }
    }

    /// Leavers lose our groups too that are quarantined, or that this run did not look at.
    fn keep_what_is_unclear(&mut self) {
        for (id, holders) in &self.marked {
            let [holder] = holders.as_slice() else { continue };
            if self.fates.contains_key(id) || self.taken_over.contains(&holder.id) {
                continue;
            }
            let label = GroupLabel { okta_id: id.clone(), name: holder.display_name.clone() };
            self.fates.insert(id.clone(), (label, Fate::AsIs { id: holder.id.clone() }));
        }
    }

    fn dispose(&mut self, id: &OktaGroupId, holder: &DirectoryGroup, weakness: Option<Weakness>) {
        let (disposal, reason) = match self.okta.groups.get(id) {
            Some(GroupSighting::Present(_)) => (self.policy.groups.on_unmatched, DisposalReason::Unmatched),
            Some(GroupSighting::Gone) => (self.policy.groups.on_deleted_in_okta, DisposalReason::Gone),
            None if weakness.is_some() => (self.policy.groups.on_deleted_in_okta, DisposalReason::Gone),
            Some(GroupSighting::Unknown(reason)) => {
                let (okta_id, name, reason) = (Some(id.to_string()), holder.display_name.clone(), reason.clone());
                self.unresolved.push(Unresolved { kind: UnresolvedKind::Unreadable, okta_id, name, reason });
                return;
            }
            None => return,
        };
        let group = holder.id.clone();
        let fate = match disposal {
            Disposal::Empty => Fate::Empty { id: group, reason, weakness },
            // What is not seen would be left behind: the group stays, and gives nobody anything.
            Disposal::Delete if self.sees_by_account_alone(&group) => Fate::Empty { id: group, reason, weakness },
            Disposal::Delete => Fate::Delete { id: group, reason, weakness },
            Disposal::Release => Fate::Release { id: group, reason, weakness },
        };
        let label = GroupLabel { okta_id: id.clone(), name: holder.display_name.clone() };
        self.fates.insert(id.clone(), (label, fate));
    }

    /// Whether what a group gives was read as a delegated administrator reads it: where rules look, and nowhere else.
    fn sees_by_account_alone(&self, group: &GroupId) -> bool {
        self.actual.organization.is_delegated && !self.actual.assignments.contains_key(group)
    }

    fn report(&mut self, kind: UnresolvedKind, group: &OktaGroup, reason: String) {
        let (okta_id, name) = (Some(group.id.to_string()), group.name.clone());
        self.unresolved.push(Unresolved { kind, okta_id, name, reason });
    }
}

/// The mark of a group, if its org is ours.
fn our_mark<'a>(group: &'a DirectoryGroup, policy: &Policy) -> Option<&'a Mark> {
    group.description.mark().filter(|mark| policy.owns_host(&mark.host))
}

fn wanted_name(fate: &Fate) -> Option<(&GroupId, NameKey)> {
    match fate {
        Fate::Keep { id, display_name, .. } => Some((id, NameKey::of(display_name))),
        Fate::AsIs { .. } | Fate::Create { .. } | Fate::Empty { .. } | Fate::Delete { .. } | Fate::Release { .. } => None,
    }
}

fn ids(groups: &[&DirectoryGroup]) -> String {
    groups.iter().map(|group| group.id.as_str()).collect::<Vec<_>>().join(", ")
}

fn names(groups: &[&DirectoryGroup]) -> String {
    groups.iter().map(|group| group.display_name.as_str()).collect::<Vec<_>>().join(", ")
}
