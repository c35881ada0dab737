//! One slice: some seconds of calls under one lease.

use sync_core::action::{Action, Phase};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::outcome::{Effect, NotAttempted, Outcome};

use super::{Hold, Progress, Writing};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table, WriteAws};

/// Writes under way at once: enough that at 200 ms a call the quota of 19 a second is the limit, and not the latency.
pub(super) const CONCURRENCY: usize = 8;

/// A write that was given up because another run is the one writer by now.
pub(super) fn lease_lost(action: &Action) -> TargetError {
    let detail = "it took so long that another run is writing by now; whether it took effect, the next run finds";
    TargetError::new(TargetErrorKind::Unavailable, action.name(), detail)
}

impl<S, T, L, C> Engine<S, T, L, C>
where
    S: ReadSource,
    T: ReadAws + WriteAws,
    L: Table,
    C: Clock,
{
    pub(super) async fn apply_slice(&self, phase: Phase, slice: &[&Action], writing: Writing<'_>, progress: &mut Progress) {
        if self.is_out_of_time() {
            return progress.record_all(slice, NotAttempted::OutOfTime);
        }
        let sound = self.unhindered(slice, writing.reads, progress);
        let sound = self.refresh_evidence(sound, writing.reads, progress).await;
        if sound.is_empty() {
            return;
        }
        let hold = match writing.turn.ready(self).await {
            Ok(hold) => hold,
            Err(why) => return progress.record_all(&sound, why),
        };
        let sound = self.not_overtaken(sound, hold, writing, progress).await;
        self.say_what_is_touched(writing.turn.run(), &sound).await;
        let touched = sound.clone();
        if phase == Phase::EnsureGroup || phase == Phase::DeleteGroup {
            self.apply_to_groups(&sound, writing, progress).await;
        } else {
            let (on_users, others): (Vec<&Action>, Vec<&Action>) = sound.into_iter().partition(|action| action.is_on_user());
            let (assignments, memberships): (Vec<&Action>, Vec<&Action>) =
                others.into_iter().partition(|action| action.assignment().is_some());
            self.apply_to_memberships(&memberships, writing, progress).await;
            self.apply_to_users(&on_users, writing, progress).await;
            self.apply_to_assignments(&assignments, writing, progress).await;
        }
        // Whoever read in the meantime may have read what these writes have changed since.
        self.say_what_is_touched(writing.turn.run(), &touched).await;
        writing.turn.slice_over(self).await;
    }

    /// Whether a write may begin: `None` if it may, else what becomes of the action. One whose lease was lost is decided anew.
    pub(super) async fn hindered(&self, action: &Action, writing: Writing<'_>) -> Option<Option<Outcome>> {
        if self.is_out_of_time() {
            return Some(Some(Outcome::NotAttempted(NotAttempted::OutOfTime)));
        }
        match writing.turn.hold(self).await {
            Hold::Held => None,
            Hold::WithoutLedger if action.is_removal() => Some(Some(Outcome::NotAttempted(NotAttempted::LedgerUnavailable))),
            Hold::WithoutLedger => None,
            Hold::Lost => Some(None),
        }
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
