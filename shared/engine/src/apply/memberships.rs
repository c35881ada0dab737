//! Memberships: as many of one group as the transport carries in one request, and each with an outcome of its own.

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use sync_core::action::{Action, GroupRef};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{GroupId, OktaGroupId};
use sync_core::outcome::{NotAttempted, Outcome};

use super::slice::{CONCURRENCY, lease_lost};
use super::{Hold, Progress, Writing};
use crate::engine::Engine;
use crate::ports::{Clock, MemberChange, ReadAws, ReadSource, Table, WriteAws};

/// What became of an action; `None` where it is to be decided anew.
type Fate<'a> = (&'a Action, Option<Outcome>);

/// One change to the members of a group.
#[derive(Debug, Clone)]
struct Change<'a> {
    action: &'a Action,
    change: MemberChange,
}

/// The actions in the batches of one request each: changes of one kind to the members of one group, in their order.
pub(super) fn batches<'s, 'a>(actions: &'s [&'a Action], at_once: usize) -> impl Iterator<Item = &'s [&'a Action]> {
    let together = |one: &&'a Action, other: &&'a Action| batch_key(one).is_some_and(|key| batch_key(other) == Some(key));
    actions.chunk_by(together).flat_map(move |run| run.chunks(at_once.max(1)))
}

/// What the actions of one batch have in common; `None` for an action that stands alone.
fn batch_key(action: &Action) -> Option<(&'static str, &OktaGroupId)> {
    let is_batched = matches!(action, Action::AddMembership { .. } | Action::RemoveMembership(_));
    Some((action.name(), &action.group().filter(|_| is_batched)?.okta_id))
}

impl<S, T, L, C> Engine<S, T, L, C>
where
    S: ReadSource,
    T: ReadAws + WriteAws,
    L: Table,
    C: Clock,
{
    pub(super) async fn apply_to_memberships(&self, slice: &[&Action], writing: Writing<'_>, progress: &mut Progress) {
        let results: Vec<(Vec<Fate<'_>>, Option<OktaGroupId>)> = {
            let progress = &*progress;
            let labels = self.first_batches(slice, writing, progress);
            let batches = batches(slice, self.target.most_changes_at_once()).zip(labels);
            let each = |(batch, label): (_, Option<OktaGroupId>)| async move {
                let (fates, is_labelled) = self.one_batch(batch, label.as_ref(), writing, progress).await;
                (fates, label.filter(|_| is_labelled))
            };
            stream::iter(batches).map(each).buffered(CONCURRENCY).collect().await
        };
        for (fates, labelled) in results {
            if let Some(group) = labelled {
                progress.unlabelled.remove(&group);
            }
            for (action, outcome) in fates {
                match outcome {
                    Some(outcome) => progress.record(action, outcome),
                    None => progress.leave(action),
                }
            }
        }
    }

    /// For each batch, the externalId that its group has not got yet: it goes along with the group's first change.
    fn first_batches(&self, slice: &[&Action], writing: Writing<'_>, progress: &Progress) -> Vec<Option<OktaGroupId>> {
        let mut seen = std::collections::BTreeSet::new();
        let label = |batch: &[&Action]| {
            let group = batch.first()?.group()?.okta_id.clone();
            let lacks_it = match batch.first()?.group_id() {
                Some(id) => {
                    writing.reads.is_ours(id) && writing.reads.actual.groups.get(id).is_some_and(|read| read.external_ids.is_empty())
                }
                None => progress.unlabelled.contains(&group),
            };
            (lacks_it && seen.insert(group.clone())).then_some(group)
        };
        if !self.policy.labels_groups() {
            return vec![None; slice.len()];
        }
        batches(slice, self.target.most_changes_at_once()).map(label).collect()
    }

    /// One request; and where it fails on account of one of its members, as many as it takes to find out which. Says whether the
    /// externalId was set.
    async fn one_batch<'a>(
        &self,
        batch: &[&'a Action],
        label: Option<&OktaGroupId>,
        writing: Writing<'_>,
        progress: &Progress,
    ) -> (Vec<Fate<'a>>, bool) {
        let (mut fates, mut changes, mut group) = (Vec::new(), Vec::new(), None);
        for action in batch {
            match self.change_of(action, progress) {
                Ok((id, change)) => {
                    group = Some(id);
                    changes.push(Change { action, change });
                }
                Err(why) => fates.push((*action, Some(Outcome::NotAttempted(why)))),
            }
        }
        let Some(group) = group else { return (fates, false) };
        let (done, is_labelled) = self.send(&group, label, &changes, writing).await;
        fates.extend(done);
        (fates, is_labelled)
    }

    fn change_of(&self, action: &Action, progress: &Progress) -> Result<(GroupId, MemberChange), NotAttempted> {
        if let Action::AddMembership { group_ref, user_ref, .. } = action {
            Ok((progress.group_of(group_ref)?, MemberChange::Add(progress.user_of(user_ref)?)))
        } else if let Action::RemoveMembership(removal) = action {
            let (user, membership) = (removal.user_id.clone(), removal.membership_id.clone());
            Ok((removal.group_id.clone(), MemberChange::Remove { user, membership }))
        } else {
            Err(NotAttempted::ChangedMeanwhile)
        }
    }

    async fn send<'a>(
        &self,
        group: &GroupId,
        label: Option<&OktaGroupId>,
        changes: &[Change<'a>],
        writing: Writing<'_>,
    ) -> (Vec<Fate<'a>>, bool) {
        let Some(first) = changes.first() else { return (Vec::new(), false) };
        if let Some(hindered) = self.hindered(first.action, writing).await {
            return (changes.iter().map(|change| (change.action, hindered.clone())).collect(), false);
        }
        let wanted: Vec<MemberChange> = changes.iter().map(|change| change.change.clone()).collect();
        let write = self.target.change_members(group, label.map(OktaGroupId::as_str), &wanted);
        let result = writing.turn.held_during(self, write).await.unwrap_or_else(|| Err(lease_lost(first.action)));
        match result {
            Err(error) if changes.len() > 1 && self.may_be_one_members_fault(group, &error).await => {
                (self.halves(group, changes, writing).await, false)
            }
            result => {
                let is_done = result.is_ok();
                (changes.iter().map(|change| (change.action, Some(self.outcome(change.action, result.clone())))).collect(), is_done)
            }
        }
    }

    /// Each half by itself, without the externalId, which may have been what was not taken.
    fn halves<'a, 'f>(&'f self, group: &'f GroupId, changes: &'f [Change<'a>], writing: Writing<'f>) -> BoxFuture<'f, Vec<Fate<'a>>>
    where
        'a: 'f,
    {
        Box::pin(async move {
            let (one, other) = changes.split_at(changes.len() / 2);
            let mut fates = self.send(group, None, one, writing).await.0;
            fates.extend(self.send(group, None, other, writing).await.0);
            fates
        })
    }

    /// Whether a request was refused for what is in it. What may pass by itself, or is refused to everyone, is nobody's fault.
    async fn may_be_one_members_fault(&self, group: &GroupId, error: &TargetError) -> bool {
        match error.kind {
            TargetErrorKind::NotFound => self.target.group(group).await.is_ok_and(|found| found.is_some()),
            TargetErrorKind::Invalid | TargetErrorKind::NameTaken | TargetErrorKind::QuotaExceeded => true,
            TargetErrorKind::ConcurrentModification
            | TargetErrorKind::Denied
            | TargetErrorKind::Throttled
            | TargetErrorKind::Unavailable
            | TargetErrorKind::Malformed
            | TargetErrorKind::OutOfTime => false,
        }
    }

    /// Groups that were made and got no members get their externalId by themselves. It is a convenience for people and other tools: the
    /// mark says whose a group is, so a failure is only said, and made good with the group's first member.
    pub(super) async fn label_groups_without_members(&self, writing: Writing<'_>, progress: &mut Progress) {
        if !self.policy.labels_groups() || progress.unlabelled.is_empty() || writing.turn.ready(self).await != Ok(Hold::Held) {
            return;
        }
        for okta_id in std::mem::take(&mut progress.unlabelled) {
            let Ok(group) = progress.group_of(&GroupRef::New(okta_id.clone())) else { continue };
            if self.is_out_of_time() || writing.turn.hold(self).await != Hold::Held {
                return;
            }
            if let Err(error) = self.target.change_members(&group, Some(okta_id.as_str()), &[]).await {
                tracing::warn!(event = "external_id_not_set", group = group.as_str(), error = %error, "it follows with the first member");
            }
        }
    }
}
