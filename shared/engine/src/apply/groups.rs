//! Changes to groups: new ones side by side, the others one after the other, because names are handed on from one to another.

use std::collections::{BTreeSet, VecDeque};

use futures::stream::{self, StreamExt};
use sync_core::action::{Action, GroupEdit};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{GroupId, OktaGroupId, Revision, UserId};
use sync_core::names::NameKey;
use sync_core::outcome::{Effect, NotAttempted, Outcome};
use sync_core::records::DirectoryGroup;

use super::slice::{CONCURRENCY, lease_lost};
use super::{Progress, Writing};
use crate::engine::Engine;
use crate::ports::{Clock, GroupChange, ReadAws, ReadSource, Table, WriteAws};
use crate::read::Reads;

impl<S, T, L, C> Engine<S, T, L, C>
where
    S: ReadSource,
    T: ReadAws + WriteAws,
    L: Table,
    C: Clock,
{
    pub(super) async fn apply_to_groups(&self, slice: &[&Action], writing: Writing<'_>, progress: &mut Progress) {
        self.directory.forget_groups();
        let marked = self.marked_by_now(slice).await;
        let mut waiting = self.create_side_by_side(slice, &marked, writing, progress).await;
        let mut put_back = 0;
        while let Some(action) = waiting.pop_front() {
            if let Some(hindered) = self.hindered(action, writing).await {
                match hindered {
                    Some(outcome) => progress.record(action, outcome),
                    None => progress.leave(action),
                }
                continue;
            }
            let outcome = match no_twin(action, &marked) {
                Ok(()) => {
                    let change = self.one_group(action, writing.reads, progress);
                    writing.turn.held_during(self, change).await.unwrap_or_else(|| Outcome::Failed(lease_lost(action)))
                }
                Err(outcome) => outcome,
            };
            if is_name_taken(&outcome) && put_back < waiting.len() {
                put_back += 1;
                waiting.push_back(action);
                continue;
            }
            let outcome =
                if is_name_taken(&outcome) { self.by_way_of_another_name(action, &mut waiting, outcome).await } else { Some(outcome) };
            put_back = 0;
            if let Some(outcome) = outcome {
                progress.record(action, outcome);
            }
        }
    }

    /// The marks that there are just before groups are made: a list that left one out must not give a group a twin, which nobody but a person
    /// could part again. One list for all, and none where none is made.
    async fn marked_by_now(&self, slice: &[&Action]) -> Marked {
        if !slice.iter().any(|action| matches!(action, Action::CreateGroup { .. })) {
            return Ok(BTreeSet::new());
        }
        let groups = self.target.list_groups().await?;
        let marks = groups.items.iter().filter_map(|group| group.description.mark());
        Ok(marks.filter(|mark| self.policy.owns_host(&mark.host)).map(|mark| mark.group.clone()).collect())
    }

    /// Makes the new groups. Returns the other actions, and those whose name is taken: it may be handed on to them.
    async fn create_side_by_side<'a>(
        &self,
        slice: &[&'a Action],
        marked: &Marked,
        writing: Writing<'_>,
        progress: &mut Progress,
    ) -> VecDeque<&'a Action> {
        let make = |action: &'a Action| async move {
            let Action::CreateGroup { group, description } = action else { return (action, None) };
            if let Err(outcome) = no_twin(action, marked) {
                return (action, Some(Err(Some(outcome))));
            }
            let made = match self.hindered(action, writing).await {
                Some(hindered) => Err(hindered),
                None => {
                    let make = self.target.create_group(&group.name, description);
                    Ok(writing.turn.held_during(self, make).await.unwrap_or_else(|| Err(lease_lost(action))))
                }
            };
            (action, Some(made))
        };
        let all: Vec<_> = stream::iter(slice.iter().copied()).map(make).buffered(CONCURRENCY).collect().await;
        let mut waiting = VecDeque::new();
        for (action, made) in all {
            match made {
                None => waiting.push_back(action),
                Some(Ok(Ok(id))) => {
                    action.group().into_iter().for_each(|group| progress.made_group(&group.okta_id, id.clone()));
                    progress.record(action, Outcome::Done(Effect::Changed));
                }
                Some(Ok(Err(error))) if error.kind == TargetErrorKind::NameTaken => waiting.push_back(action),
                Some(Ok(Err(error))) => progress.record(action, Outcome::Failed(error)),
                Some(Err(Some(outcome))) => progress.record(action, outcome),
                Some(Err(None)) => progress.leave(action),
            }
        }
        waiting
    }

    /// Names that are handed on in a circle: the first group steps aside under a name of its own, and its turn comes again.
    async fn by_way_of_another_name<'a>(
        &self,
        action: &'a Action,
        waiting: &mut VecDeque<&'a Action>,
        outcome: Outcome,
    ) -> Option<Outcome> {
        let Action::RenameGroup(edit) = action else { return Some(outcome) };
        let aside = aside(edit);
        let stepped_aside = self.target.group(&edit.group_id).await.ok().flatten().is_some_and(|now| now.display_name == aside);
        if waiting.is_empty() || stepped_aside {
            return Some(outcome);
        }
        let change = GroupChange { display_name: Some(aside), ..GroupChange::default() };
        match self.target.update_group(&edit.group_id, &change, None).await {
            Ok(()) => {
                waiting.push_back(action);
                None
            }
            Err(error) => Some(Outcome::Failed(error)),
        }
    }

    async fn one_group(&self, action: &Action, reads: &Reads, progress: &mut Progress) -> Outcome {
        match action {
            Action::CreateGroup { group, description } => self.create(&group.okta_id, &group.name, description, progress).await,
            Action::RenameGroup(edit) => {
                self.edit(action, edit, &GroupChange { display_name: Some(edit.group.name.clone()), ..GroupChange::default() }).await
            }
            Action::AdoptGroup { edit, marked, .. } => {
                let display_name = (edit.group.name != edit.display_name).then(|| edit.group.name.clone());
                self.edit(action, edit, &GroupChange { display_name, description: Some(marked.clone()) }).await
            }
            Action::ReleaseGroup { edit, unmarked, .. } => {
                self.edit(action, edit, &GroupChange { description: Some(unmarked.clone()), ..GroupChange::default() }).await
            }
            Action::DeleteGroup { edit, .. } => self.delete(action, edit, reads).await,
            Action::AddMembership { .. }
            | Action::RemoveMembership(_)
            | Action::CreateUser(_)
            | Action::UpdateUser(_)
            | Action::DisableUser(_)
            | Action::DeleteUser(_)
            | Action::CreateAssignment { .. }
            | Action::DeleteAssignment { .. } => Outcome::NotAttempted(NotAttempted::ChangedMeanwhile),
        }
    }

    async fn create(&self, okta_id: &OktaGroupId, name: &str, description: &str, progress: &mut Progress) -> Outcome {
        match self.target.create_group(name, description).await {
            Ok(id) => {
                progress.made_group(okta_id, id);
                Outcome::Done(Effect::Changed)
            }
            Err(error) if error.kind == TargetErrorKind::NameTaken => match self.made_before(okta_id, name).await {
                Ok(Some(id)) => {
                    progress.made.insert(okta_id.clone(), id);
                    Outcome::Done(Effect::AlreadyInEffect)
                }
                Ok(None) => Outcome::Failed(error),
                Err(look) => Outcome::Failed(look),
            },
            Err(error) => Outcome::Failed(error),
        }
    }

    /// A group of this name that carries the mark: an earlier answer was lost, or another run was faster.
    async fn made_before(&self, okta_id: &OktaGroupId, name: &str) -> Result<Option<GroupId>, TargetError> {
        let groups = self.target.list_groups().await?;
        let ours = |group: &&DirectoryGroup| {
            NameKey::of(&group.display_name) == NameKey::of(name)
                && group.description.mark().is_some_and(|mark| mark.group == *okta_id && self.policy.owns_host(&mark.host))
        };
        Ok(groups.items.iter().find(ours).map(|group| group.id.clone()))
    }

    /// A change at the revision that was read; if someone wrote in between, once more, provided that what decided is the same.
    async fn edit(&self, action: &Action, edit: &GroupEdit, change: &GroupChange) -> Outcome {
        match self.target.update_group(&edit.group_id, change, edit.revision.as_ref()).await {
            Err(error) if error.kind == TargetErrorKind::ConcurrentModification => match self.unchanged(edit, error).await {
                Ok(revision) => {
                    let again = self.target.update_group(&edit.group_id, change, revision.as_ref()).await;
                    self.outcome(action, again.map(|()| Effect::Changed))
                }
                Err(outcome) => outcome,
            },
            result => self.outcome(action, result.map(|()| Effect::Changed)),
        }
    }

    async fn delete(&self, action: &Action, edit: &GroupEdit, reads: &Reads) -> Outcome {
        if let Err(outcome) = self.is_as_judged(edit, reads).await {
            return outcome;
        }
        match self.target.delete_group(&edit.group_id, edit.revision.as_ref()).await {
            Err(error) if error.kind == TargetErrorKind::ConcurrentModification => match self.unchanged(edit, error).await {
                Ok(revision) => self.outcome(action, self.target.delete_group(&edit.group_id, revision.as_ref()).await),
                Err(outcome) => outcome,
            },
            result => self.outcome(action, result),
        }
    }

    /// A group may have been given something, or somebody, since it was read: AWS would leave orphans of the one, and no budget was asked for
    /// the other.
    async fn is_as_judged(&self, edit: &GroupEdit, reads: &Reads) -> Result<(), Outcome> {
        let given = self.target.assignments_of_group(&edit.group_id).await.map_err(Outcome::Failed)?;
        let members = self.target.memberships_of_group(&edit.group_id).await.map_err(Outcome::Failed)?.unwrap_or_default();
        let known = reads.actual.known_members(&edit.group_id);
        let is_known = |user: &UserId| known.contains_key(user) || reads.gone.contains(user);
        let is_judged = given.is_empty() && members.iter().all(|member| is_known(&member.user));
        if is_judged { Ok(()) } else { Err(Outcome::NotAttempted(NotAttempted::ChangedMeanwhile)) }
    }

    /// The group's new revision, if its name and Description are still those that decided.
    async fn unchanged(&self, edit: &GroupEdit, error: TargetError) -> Result<Option<Revision>, Outcome> {
        match self.target.group(&edit.group_id).await {
            Ok(Some(now)) if is_as_read(&now, edit) => Ok(now.revision),
            Ok(_) => Err(Outcome::NotAttempted(NotAttempted::ChangedMeanwhile)),
            Err(_) => Err(Outcome::Failed(error)),
        }
    }
}

/// The Okta groups whose marks there are, or why nobody can say.
type Marked = Result<BTreeSet<OktaGroupId>, TargetError>;

/// Whether a group may be made: its mark must be on none.
fn no_twin(action: &Action, marked: &Marked) -> Result<(), Outcome> {
    match (action, marked) {
        (Action::CreateGroup { .. }, Err(error)) => Err(Outcome::Failed(error.clone())),
        (Action::CreateGroup { group, .. }, Ok(marked)) if marked.contains(&group.okta_id) => {
            Err(Outcome::NotAttempted(NotAttempted::ChangedMeanwhile))
        }
        _ => Ok(()),
    }
}

/// The name under which a group steps aside: nobody else's, because its Okta id is in it.
fn aside(edit: &GroupEdit) -> String {
    format!("{} [{}]", edit.group.name, edit.group.okta_id)
}

fn is_as_read(now: &DirectoryGroup, edit: &GroupEdit) -> bool {
    *now.description == *edit.description && (now.display_name == edit.display_name || now.display_name == aside(edit))
}

fn is_name_taken(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(error) if error.kind == TargetErrorKind::NameTaken)
}
