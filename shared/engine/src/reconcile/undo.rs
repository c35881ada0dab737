//! Undoing an earlier run: the inverse of what its record says, as far as it is still in effect, under the guard.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt};
use sync_core::actual::{by_group, by_user};
use sync_core::error::TargetError;
use sync_core::history::{Change, inverse};
use sync_core::ids::GroupId;
use sync_core::reading::Reading;
use sync_core::report::Findings;

use super::round::OverRounds;
use super::{Ground, ReconcileError, Run};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table, WriteAws};
use crate::read::{Reads, target};

/// Groups read side by side.
const CONCURRENCY: usize = 16;

impl<S, T, L, C> Engine<S, T, L, C>
where
    S: ReadSource,
    T: ReadAws + WriteAws,
    L: Table,
    C: Clock,
{
    pub(super) async fn undo(&self, run: &Run<'_>, run_id: &str) -> Result<Findings, ReconcileError> {
        let record = self.ledger.run(run_id, self.clock.now()).await?.ok_or_else(|| ReconcileError::NoSuchRun(run_id.to_owned()))?;
        let reads = match self.read_changed(&record.changes).await {
            Ok(reads) => reads,
            Err(error) => return Ok(Findings { failed_reads: vec![error.to_string()], ..Findings::default() }),
        };
        let mut reads = reads;
        if record.changes.iter().any(|change| change.target.is_some()) {
            self.read_permission_sets(&mut reads).await;
        }
        let (plan, notes) = inverse(&record.changes, self.policy.users.managed.as_ref(), &reads.actual);
        let ground = Ground::of_all(reads);
        let unresolved = ground.reads.unresolved.clone();
        let mut findings = Findings { notes, unresolved, ..Findings::default() };
        if let Some(groups) = self.one_round(run, &ground, plan, None, &mut findings).await? {
            findings.give_up(&groups);
        }
        Ok(findings)
    }

    /// The users of a record, as far as something was done to them, and those whom the same run made.
    async fn read_changed_users(&self, reads: &mut Reads, changes: &[Change]) -> Result<(), TargetError> {
        let done_to = changes.iter().filter(|change| change.okta_group.is_none()).filter_map(|change| change.user.clone());
        for id in done_to.collect::<BTreeSet<_>>() {
            reads.actual.users.extend(self.target.user(&id).await?.map(|user| (id, user)));
        }
        let made = changes.iter().filter(|change| change.user.is_none()).filter_map(|change| change.okta_user.clone());
        for id in made.collect::<BTreeSet<_>>() {
            match self.ledger.pin(&id, self.clock.now()).await {
                Ok(Some(user)) => {
                    reads.actual.users.extend(self.target.user(&user).await?.map(|read| (user.clone(), read)));
                    reads.actual.pins.insert(id, user);
                }
                Ok(None) | Err(_) => reads.actual.users.extend(self.search_everyone(&id).await?.map(|user| (user.id.clone(), user))),
            }
        }
        self.read_who_was_made(reads, changes).await;
        Ok(())
    }

    /// The groups of whoever a run made: they may be in more of them by now.
    async fn read_who_was_made(&self, reads: &mut Reads, changes: &[Change]) {
        let made: BTreeSet<_> =
            changes.iter().filter(|change| change.action == "create_user").filter_map(|change| change.user_in(&reads.actual)).collect();
        for id in made {
            let list = match self.target.memberships_of_user(&id).await {
                Ok(memberships) => Reading::Known(by_group(memberships.unwrap_or_default())),
                Err(error) => Reading::Unknown(error.to_string()),
            };
            reads.actual.user_lists.insert(id, list);
        }
    }

    /// The groups of a record as they are now. Okta is not asked: undoing goes back to what was, whatever Okta says.
    async fn read_changed(&self, changes: &[Change]) -> Result<Reads, TargetError> {
        let mut reads = Reads { began: self.clock.now(), ..Reads::default() };
        let groups = self.target.list_groups().await?;
        reads.actual.groups = groups.items.into_iter().map(|group| (group.id.clone(), group)).collect();
        let marked = |id: &&GroupId| {
            let mark = reads.actual.mark(id);
            changes.iter().any(|change| {
                change.group.as_ref() == Some(id) || mark.as_ref().is_some_and(|mark| change.okta_group.as_ref() == Some(&mark.group))
            })
        };
        let concerned: BTreeSet<GroupId> = reads.actual.groups.keys().filter(marked).cloned().collect();
        let read = |id: GroupId| async move {
            let list = match self.target.memberships_of_group(&id).await {
                Ok(Some(memberships)) => Reading::Known(by_user(memberships)),
                Ok(None) => Reading::Unknown("the group was deleted in the meantime".to_owned()),
                Err(error) => Reading::Unknown(error.to_string()),
            };
            (id, list)
        };
        for id in changes.iter().filter(|change| change.target.is_some()).filter_map(|change| change.group.clone()).collect::<BTreeSet<_>>()
        {
            let reading = match self.target.assignments_of_group(&id).await {
                Ok(assignments) => Reading::Known(assignments.into_iter().map(target).collect()),
                Err(error) => Reading::Unknown(error.to_string()),
            };
            reads.actual.assignments.insert(id, reading);
        }
        self.read_changed_users(&mut reads, changes).await?;
        reads.actual.group_lists = stream::iter(concerned).map(read).buffer_unordered(CONCURRENCY).collect().await;
        Ok(reads)
    }
}
