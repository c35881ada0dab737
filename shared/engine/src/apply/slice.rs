//! One slice: some seconds of calls under one lease.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt};
use jiff::SignedDuration;
use sync_core::action::{Action, Phase, RemoveMembership};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::OktaGroupId;
use sync_core::outcome::{Effect, NotAttempted, Outcome};
use sync_core::policy::Entitlement;

use super::{Progress, Turn};
use crate::engine::Engine;
use crate::ledger::Touched;
use crate::ports::{Clock, ReadSource, ReadTarget, Table, WriteTarget};
use crate::read::Reads;

/// Writes under way at once: enough that at 200 ms a call the quota of 19 a second is the limit, and not the latency.
const CONCURRENCY: usize = 8;

/// Evidence older than this is looked at again before something is taken away on its strength.
const FRESH: SignedDuration = SignedDuration::from_secs(30);

/// Okta's timestamps and ours may differ by so much.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);

impl<S, T, L, C> Engine<S, T, L, C>
where
    S: ReadSource,
    T: ReadTarget + WriteTarget,
    L: Table,
    C: Clock,
{
    pub(super) async fn apply_slice(&self, phase: Phase, slice: &[&Action], reads: &Reads, turn: &mut Turn, progress: &mut Progress) {
        if self.is_out_of_time() {
            return slice.iter().for_each(|action| progress.record(action, Outcome::NotAttempted(NotAttempted::OutOfTime)));
        }
        if let Err(why) = turn.ready(self).await {
            return slice.iter().for_each(|action| progress.record(action, Outcome::NotAttempted(why)));
        }
        let sound = self.still_sound(slice, reads, turn, progress).await;
        self.say_what_is_touched(turn.run(), &sound).await;
        if phase == Phase::EnsureGroup || phase == Phase::DeleteGroup {
            self.apply_to_groups(&sound, progress).await;
        } else {
            self.apply_to_memberships(&sound, progress).await;
        }
        turn.slice_over(self).await;
    }

    /// The actions whose ground still holds. The others are left for another look, or given up with the reason.
    async fn still_sound<'a>(&self, slice: &[&'a Action], reads: &Reads, turn: &Turn, progress: &mut Progress) -> Vec<&'a Action> {
        let mut sound: Vec<&Action> = slice.to_vec();
        if turn.is_in_slices() {
            let touched = self.ledger.touched_since(reads.began, turn.run(), self.clock.now()).await.unwrap_or_default();
            sound = leave_if(sound, progress, |action| is_touched(action, &touched));
        }
        sound = self.leave_moved_of_shifted(sound, progress);
        self.refresh_evidence(sound, reads, progress).await
    }

    /// Who could not be granted what they should have gained keeps what they have; where that will be looked at again, this will too.
    fn leave_moved_of_shifted<'a>(&self, slice: Vec<&'a Action>, progress: &mut Progress) -> Vec<&'a Action> {
        let mut kept = Vec::new();
        for action in slice {
            match action {
                Action::RemoveMembership(removal) if progress.ungranted.contains(&removal.user_id) && !removal.reason.is_leaver() => {
                    progress.record(action, Outcome::NotAttempted(NotAttempted::GrantFailed));
                }
                Action::RemoveMembership(_)
                | Action::RenameGroup(_)
                | Action::AdoptGroup { .. }
                | Action::CreateGroup { .. }
                | Action::AddMembership { .. }
                | Action::ReleaseGroup { .. }
                | Action::DeleteGroup { .. } => kept.push(action),
            }
        }
        kept
    }

    async fn refresh_evidence<'a>(&self, slice: Vec<&'a Action>, reads: &Reads, progress: &mut Progress) -> Vec<&'a Action> {
        let now = self.clock.now();
        let read_at = |action: &Action| reads.read_at.get(&action.group().okta_id).copied().unwrap_or(reads.began);
        let is_old = |action: &Action| action.is_removal() && now.duration_since(read_at(action)) > FRESH;
        if !slice.iter().any(|action| is_old(action)) {
            return slice;
        }
        let oldest = slice.iter().filter(|action| is_old(action)).map(|action| read_at(action)).min().unwrap_or(now);
        let changed = self.changed_since(oldest).await;
        let mut kept = Vec::new();
        for action in slice {
            match &changed {
                _ if !is_old(action) => kept.push(action),
                None => progress.record(action, Outcome::NotAttempted(NotAttempted::EvidenceTooOld)),
                Some(changed) if changed.contains(&action.group().okta_id) => progress.leave(action),
                Some(_) if self.is_still_leaver(action).await => kept.push(action),
                Some(_) => progress.leave(action),
            }
        }
        kept
    }

    /// The groups whose `lastUpdated` or `lastMembershipUpdated` moved; `None` if Okta cannot say.
    pub(crate) async fn changed_since(&self, since: jiff::Timestamp) -> Option<BTreeSet<OktaGroupId>> {
        match self.source.list_groups(Some(since - CLOCK_SKEW)).await {
            Ok(listing) => Some(listing.items.into_iter().map(|group| group.id).collect()),
            Err(error) => {
                tracing::warn!(event = "evidence_not_renewed", error = %error);
                None
            }
        }
    }

    /// A status changes without a trace on the group, so a leaver is read again. Whoever is no leaver is judged by their group.
    async fn is_still_leaver(&self, action: &Action) -> bool {
        let Action::RemoveMembership(RemoveMembership { reason, user, .. }) = action else { return true };
        let (true, Some(id)) = (reason.is_leaver(), &user.okta_id) else { return !reason.is_leaver() };
        match self.source.user(id.as_str()).await {
            Ok(Some(user)) => self.policy.users.entitlement(&user.status) == Entitlement::NotEntitled,
            Ok(None) => true,
            Err(_) => false,
        }
    }

    async fn say_what_is_touched(&self, run: &str, actions: &[&Action]) {
        let groups = actions.iter().map(|action| action.group().okta_id.clone()).collect();
        let touched = Touched { groups, ..Touched::default() };
        if let Err(error) = self.ledger.touch(run, &touched, self.clock.now()).await {
            tracing::warn!(event = "touch_not_recorded", error = %error);
        }
    }

    async fn apply_to_memberships(&self, slice: &[&Action], progress: &mut Progress) {
        let results: Vec<(&Action, Outcome)> = {
            let progress = &*progress;
            stream::iter(slice.iter().copied())
                .map(|action| async move { (action, self.one(action, progress).await) })
                .buffered(CONCURRENCY)
                .collect()
                .await
        };
        results.into_iter().for_each(|(action, outcome)| progress.record(action, outcome));
    }

    async fn one(&self, action: &Action, progress: &Progress) -> Outcome {
        if self.is_out_of_time() {
            return Outcome::NotAttempted(NotAttempted::OutOfTime);
        }
        let result = match action {
            Action::AddMembership { group_ref, user_id, .. } => match progress.group_of(group_ref) {
                Ok(group) => self.target.create_membership(&group, user_id).await,
                Err(why) => return Outcome::NotAttempted(why),
            },
            Action::RemoveMembership(removal) => self.target.delete_membership(&removal.membership_id).await,
            Action::RenameGroup(_)
            | Action::AdoptGroup { .. }
            | Action::CreateGroup { .. }
            | Action::ReleaseGroup { .. }
            | Action::DeleteGroup { .. } => return Outcome::NotAttempted(NotAttempted::ChangedMeanwhile),
        };
        self.outcome(action, result)
    }

    /// What is not there any more was remembered wrongly.
    pub(super) fn outcome(&self, action: &Action, result: Result<Effect, TargetError>) -> Outcome {
        match result {
            Ok(effect) => Outcome::Done(effect),
            Err(error) => {
                if error.kind == TargetErrorKind::NotFound {
                    self.directory.forget_groups();
                    if let Some(id) = action.user().and_then(|user| user.okta_id.as_ref()) {
                        self.directory.forget_user(id);
                    }
                }
                Outcome::Failed(error)
            }
        }
    }
}

fn is_touched(action: &Action, touched: &Touched) -> bool {
    let user = action.user().and_then(|user| user.okta_id.as_ref());
    touched.groups.contains(&action.group().okta_id) || user.is_some_and(|user| touched.users.contains(user))
}

/// Leaves the actions that `shifted` names, and keeps the others.
fn leave_if<'a>(actions: Vec<&'a Action>, progress: &mut Progress, shifted: impl Fn(&Action) -> bool) -> Vec<&'a Action> {
    let (left, kept): (Vec<&Action>, Vec<&Action>) = actions.into_iter().partition(|action| shifted(action));
    left.into_iter().for_each(|action| progress.leave(action));
    kept
}
