//! Assignments: begun here, and at their end later. Done is what AWS says has succeeded, and nothing else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use sync_core::action::{Action, AssignmentTarget};
use sync_core::actual::Target;
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{GroupId, RequestId};
use sync_core::outcome::{Effect, NotAttempted, Outcome};
use sync_core::records::{Assignment, AssignmentOperation, AssignmentRequest, OperationStatus};
use tokio::time::{Instant, sleep};

use super::{Progress, Writing};
use crate::engine::Engine;
use crate::ledger::{AssignmentKey, AssignmentNote, Ledger};
use crate::ports::{Clock, ReadAws, ReadSource, Table, WriteAws};

/// How often operations under way are asked about: AWS takes some seconds for one, and the asking draws on the quota of the writes.
const POLL: Duration = Duration::from_secs(2);

/// The first pause after a conflict or a full house; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest pause before a conflicting operation is tried again within a run.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// An action that is still to be begun.
#[derive(Debug, Clone)]
struct Waiting<'a> {
    action: &'a Action,
    tries: u32,
    not_before: Instant,
}

/// An operation under way.
#[derive(Debug)]
struct UnderWay<'a> {
    action: &'a Action,
    request: RequestId,
    /// Whether an earlier run began it.
    is_resumed: bool,
}

/// The state of one slice of assignments.
struct Flight<'a> {
    waiting: VecDeque<Waiting<'a>>,
    under_way: Vec<UnderWay<'a>>,
    notes: BTreeMap<String, AssignmentNote>,
    /// Whether the lease was given back since the slice was looked through: then others may have written.
    gave_way: bool,
}

impl<S, T, L, C> Engine<S, T, L, C>
where
    S: ReadSource,
    T: ReadAws + WriteAws,
    L: Table,
    C: Clock,
{
    pub(super) async fn apply_to_assignments(&self, slice: &[&Action], writing: Writing<'_>, progress: &mut Progress) {
        if slice.is_empty() {
            return;
        }
        let notes = self.ledger.assignment_notes(self.clock.now()).await.unwrap_or_default();
        let mut flight = Flight { waiting: VecDeque::new(), under_way: Vec::new(), notes, gave_way: false };
        for action in slice {
            self.take_up(action, &mut flight, progress);
        }
        while !(flight.waiting.is_empty() && flight.under_way.is_empty()) {
            if self.is_out_of_time() || self.would_run_out(POLL) {
                return Self::leave_open(flight, progress);
            }
            self.begin_what_may(&mut flight, writing, progress).await;
            if !(flight.waiting.is_empty() && flight.under_way.is_empty()) {
                // Nobody waits for us while AWS works.
                writing.turn.give_way(self).await;
                flight.gave_way = true;
                sleep(POLL).await;
            }
            self.poll(&mut flight, progress).await;
        }
    }

    fn would_run_out(&self, pause: Duration) -> bool {
        Instant::now() + pause >= self.deadline
    }

    /// Attaches to an operation that an earlier run began, passes over what failed lately, and queues the rest.
    fn take_up<'a>(&self, action: &'a Action, flight: &mut Flight<'a>, progress: &mut Progress) {
        if matches!(action, Action::CreateAssignment { is_full: true, .. }) {
            return progress.record(action, Outcome::NotAttempted(NotAttempted::Full));
        }
        let waiting = Waiting { action, tries: 0, not_before: Instant::now() };
        let Some((assignment, operation)) = parts(action, progress) else {
            return progress.record(action, Outcome::NotAttempted(NotAttempted::GroupNotMade));
        };
        let note = Ledger::<L>::note_of(&flight.notes, &key(&assignment));
        let note = note.filter(|note| note.is_deletion == (operation == AssignmentOperation::Delete));
        if note.as_ref().and_then(|note| note.not_before).is_some_and(|at| at > self.clock.now()) {
            return progress.record(action, Outcome::NotAttempted(NotAttempted::BackingOff));
        }
        match note.and_then(|note| note.request) {
            Some(request) => flight.under_way.push(UnderWay { action, request, is_resumed: true }),
            None => flight.waiting.push_back(waiting),
        }
    }

    /// Begins operations up to the limit, one at a time for each account and permission set.
    async fn begin_what_may(&self, flight: &mut Flight<'_>, writing: Writing<'_>, progress: &mut Progress) {
        let limit = usize::try_from(self.policy.limits.max_assignments_in_flight).unwrap_or(1);
        for _ in 0..flight.waiting.len() {
            let Some(waiting) = flight.waiting.pop_front() else { return };
            let busy: BTreeSet<Target> = flight.under_way.iter().filter_map(|operation| place(operation.action)).collect();
            let is_busy = place(waiting.action).is_some_and(|place| busy.contains(&place));
            if flight.under_way.len() >= limit || is_busy || waiting.not_before > Instant::now() {
                flight.waiting.push_back(waiting);
                continue;
            }
            self.begin(waiting, flight, writing, progress).await;
        }
    }

    async fn begin<'a>(&self, mut waiting: Waiting<'a>, flight: &mut Flight<'a>, writing: Writing<'_>, progress: &mut Progress) {
        let action = waiting.action;
        let hold = match writing.turn.ready(self).await {
            Ok(hold) => hold,
            Err(why) => return progress.record(action, Outcome::NotAttempted(why)),
        };
        if flight.gave_way && self.not_overtaken(vec![action], hold, writing, progress).await.is_empty() {
            return;
        }
        if let Some(hindered) = self.hindered(action, writing).await {
            return match hindered {
                Some(outcome) => progress.record(action, outcome),
                None => progress.leave(action),
            };
        }
        let Some((assignment, operation)) = parts(action, progress) else { return };
        let begun = match operation {
            AssignmentOperation::Create => self.target.create_assignment(&assignment).await,
            AssignmentOperation::Delete => self.target.delete_assignment(&assignment).await,
        };
        match begun {
            Ok(request) => self.begun(action, request, flight, progress).await,
            Err(error) if is_passing(error.kind) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << waiting.tries.min(4)).min(LONGEST_PAUSE);
                waiting.tries = waiting.tries.saturating_add(1);
                waiting.not_before = Instant::now() + pause;
                flight.waiting.push_back(waiting);
            }
            Err(error) => progress.record(action, Outcome::Failed(error)),
        }
    }

    async fn begun<'a>(&self, action: &'a Action, request: AssignmentRequest, flight: &mut Flight<'a>, progress: &mut Progress) {
        match request.status {
            OperationStatus::InProgress => {
                self.note(
                    action,
                    progress,
                    |note, is_deletion| AssignmentNote { is_deletion, request: Some(request.id.clone()), ..note },
                    flight,
                )
                .await;
                flight.under_way.push(UnderWay { action, request: request.id, is_resumed: false });
            }
            OperationStatus::Succeeded => self.ended(action, flight, progress).await,
            OperationStatus::Failed(reason) => self.failed(action, &reason, flight, progress).await,
        }
    }

    /// One look at all operations under way, and one more at each that is under way no more. Where AWS does not list them, each is looked at.
    async fn poll(&self, flight: &mut Flight<'_>, progress: &mut Progress) {
        let mut going: BTreeSet<RequestId> = BTreeSet::new();
        for operation in operations(flight) {
            match self.target.requests_in_progress(operation).await {
                Ok(requests) => going.extend(requests.into_iter().map(|request| request.id)),
                Err(error) if matches!(error.kind, TargetErrorKind::OutOfTime | TargetErrorKind::Throttled) => {
                    return tracing::warn!(event = "assignments_not_polled", error = %error);
                }
                Err(error) => tracing::warn!(event = "assignments_not_listed", error = %error, "each is looked at by itself"),
            }
        }
        let (still, ended): (Vec<UnderWay<'_>>, Vec<UnderWay<'_>>) =
            std::mem::take(&mut flight.under_way).into_iter().partition(|operation| going.contains(&operation.request));
        flight.under_way = still;
        for operation in ended {
            self.look_at_the_end(operation, flight, progress).await;
        }
    }

    async fn look_at_the_end<'a>(&self, operation: UnderWay<'a>, flight: &mut Flight<'a>, progress: &mut Progress) {
        let kind = operation_of(operation.action);
        match self.target.request(kind, &operation.request).await {
            Ok(Some(request)) => match request.status {
                OperationStatus::InProgress => flight.under_way.push(operation),
                OperationStatus::Succeeded => self.ended(operation.action, flight, progress).await,
                OperationStatus::Failed(reason) => self.failed(operation.action, &reason, flight, progress).await,
            },
            // AWS knows nothing of it any more: begun anew, which does no harm.
            Ok(None) => flight.waiting.push_back(Waiting { action: operation.action, tries: 0, not_before: Instant::now() }),
            Err(error) if error.kind.is_transient() => flight.under_way.push(operation),
            Err(error) => progress.record(operation.action, Outcome::Failed(error)),
        }
    }

    async fn ended(&self, action: &Action, flight: &mut Flight<'_>, progress: &mut Progress) {
        if let Some((assignment, _)) = parts(action, progress)
            && Ledger::<L>::note_of(&flight.notes, &key(&assignment)).is_some()
            && let Err(error) = self.ledger.forget_assignment(&key(&assignment)).await
        {
            tracing::warn!(event = "assignment_note_not_forgotten", error = %error);
        }
        progress.record(action, Outcome::Done(Effect::Changed));
    }

    async fn failed(&self, action: &Action, reason: &str, flight: &mut Flight<'_>, progress: &mut Progress) {
        let now = self.clock.now();
        self.note(action, progress, |note, is_deletion| note.after_failure(is_deletion, now), flight).await;
        let name = match operation_of(action) {
            AssignmentOperation::Create => "CreateAccountAssignment",
            AssignmentOperation::Delete => "DeleteAccountAssignment",
        };
        progress.record(action, Outcome::Failed(TargetError::new(TargetErrorKind::Invalid, name, format!("AWS gave up: {reason}"))));
    }

    async fn note(
        &self,
        action: &Action,
        progress: &Progress,
        change: impl FnOnce(AssignmentNote, bool) -> AssignmentNote,
        flight: &mut Flight<'_>,
    ) {
        let Some((assignment, operation)) = parts(action, progress) else { return };
        let key = key(&assignment);
        let before = Ledger::<L>::note_of(&flight.notes, &key).unwrap_or_default();
        let after = change(before, operation == AssignmentOperation::Delete);
        if let Err(error) = self.ledger.set_assignment_note(&key, &after, self.clock.now()).await {
            tracing::warn!(event = "assignment_not_noted", error = %error, "the next run begins it anew, which does no harm");
        }
        flight.notes.insert(key.sk(), after);
    }

    /// The run's time is up: what is under way is pending, and noted; what was not begun was not attempted.
    fn leave_open(flight: Flight<'_>, progress: &mut Progress) {
        for operation in flight.under_way {
            progress.applied.pending_before += u64::from(operation.is_resumed);
            progress.record(operation.action, Outcome::Pending(operation.request));
        }
        for waiting in flight.waiting {
            progress.record(waiting.action, Outcome::NotAttempted(NotAttempted::OutOfTime));
        }
    }
}

/// A conflict is waited out, and so is a full house: neither is retried by the adapter for long.
fn is_passing(kind: TargetErrorKind) -> bool {
    matches!(kind, TargetErrorKind::ConcurrentModification | TargetErrorKind::Throttled)
}

fn operations(flight: &Flight<'_>) -> BTreeSet<AssignmentOperation> {
    flight.under_way.iter().map(|operation| operation_of(operation.action)).collect()
}

fn operation_of(action: &Action) -> AssignmentOperation {
    if action.is_removal() { AssignmentOperation::Delete } else { AssignmentOperation::Create }
}

/// The account and permission set in which one operation at a time is under way.
fn place(action: &Action) -> Option<Target> {
    action.assignment().map(|target| Target { account: target.account.clone(), permission_set: target.permission_set.clone() })
}

/// The assignment that an action is about; `None` where its group could not be made.
fn parts(action: &Action, progress: &Progress) -> Option<(Assignment, AssignmentOperation)> {
    match action {
        Action::CreateAssignment { group_ref, target, .. } => {
            Some((assignment(progress.group_of(group_ref).ok()?, target), AssignmentOperation::Create))
        }
        Action::DeleteAssignment { group_id, target, .. } => Some((assignment(group_id.clone(), target), AssignmentOperation::Delete)),
        Action::RenameGroup(_)
        | Action::AdoptGroup { .. }
        | Action::CreateGroup { .. }
        | Action::AddMembership { .. }
        | Action::RemoveMembership(_)
        | Action::CreateUser(_)
        | Action::UpdateUser(_)
        | Action::DisableUser(_)
        | Action::DeleteUser(_)
        | Action::ReleaseGroup { .. }
        | Action::DeleteGroup { .. } => None,
    }
}

fn assignment(group: GroupId, target: &AssignmentTarget) -> Assignment {
    Assignment { group, account: target.account.clone(), permission_set: target.permission_set.clone() }
}

fn key(assignment: &Assignment) -> AssignmentKey {
    let Assignment { group, account, permission_set } = assignment.clone();
    AssignmentKey { group, account, permission_set }
}
