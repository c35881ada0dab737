//! Applying: the one executor. It takes an approved plan, phase by phase and slice by slice, and decides nothing but whether an
//! action's ground still holds.

mod assignments;
mod ground;
mod groups;
mod memberships;
mod slice;
mod turn;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use sync_core::action::{Action, GroupRef, Phase, UserRef};
use sync_core::guard::{ApprovedPlan, Held};
use sync_core::ids::{GroupId, OktaGroupId, OktaUserId, UserId};
use sync_core::outcome::{NotAttempted, Outcome};

pub(crate) use ground::CLOCK_SKEW;
pub(crate) use turn::{Hold, Turn};

use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table, WriteAws};
use crate::read::Reads;

/// What applying came to.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub(crate) outcomes: Vec<(Action, Outcome)>,
    /// Groups whose ground shifted before their turn came: their actions were left, and they are to be read again.
    pub(crate) shifted: BTreeSet<OktaGroupId>,
    /// How many of the operations that are pending an earlier run had begun.
    pub(crate) pending_before: u64,
}

/// What the executor knows while it goes.
#[derive(Debug, Default)]
pub(super) struct Progress {
    applied: Applied,
    made: BTreeMap<OktaGroupId, GroupId>,
    made_users: BTreeMap<OktaUserId, UserId>,
    /// Groups that were made and have no externalId yet.
    unlabelled: BTreeSet<OktaGroupId>,
    /// Users who could not be granted something: they keep what they have.
    ungranted: BTreeSet<UserId>,
    /// Users who still have something that they should have lost: they are not deleted.
    unrevoked: BTreeSet<UserId>,
    /// Users whose grant is to be decided anew: so is what they would lose.
    undecided: BTreeSet<UserId>,
    /// Groups that could not be given what they should gain: they keep what they have.
    ungiven: BTreeSet<OktaGroupId>,
    /// Groups for which the guard withheld what they should gain: they keep what they have as well.
    withheld: BTreeSet<OktaGroupId>,
    /// Groups that could not be changed as the plan wanted: what rests on that is not attempted.
    unchanged: BTreeSet<OktaGroupId>,
}

/// A run and the circumstances under which it writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writing<'a> {
    pub(crate) reads: &'a Reads,
    pub(crate) turn: &'a Turn,
    /// Whether a pause stops it, as it stops everything but an undo.
    pub(crate) heeds_pause: bool,
}

/// Most calls of one slice: some five seconds of calls at 19 a second, after which another run may take its turn.
const SLICE: usize = 95;

impl<S, T, L, C> Engine<S, T, L, C>
where
    S: ReadSource,
    T: ReadAws + WriteAws,
    L: Table,
    C: Clock,
{
    /// Applies a plan that the guard approved; `held` is what it withheld. Every action gets an outcome, or its group is in `shifted`.
    pub(crate) async fn apply(&self, plan: &ApprovedPlan, held: &Held, writing: Writing<'_>) -> Applied {
        let mut phases: BTreeMap<Phase, Vec<&Action>> = BTreeMap::new();
        for (phase, action) in plan.actions() {
            phases.entry(phase).or_default().push(action);
        }
        let mut progress = Progress { withheld: held.groups_to_be_given(), ..Progress::default() };
        let (mut done, total) = (0, plan.actions().count());
        for (phase, actions) in phases {
            for slice in slices(&actions, self.target.most_changes_at_once()) {
                tracing::debug!(event = "progress", done, total, phase = ?phase);
                self.apply_slice(phase, slice, writing, &mut progress).await;
                done += slice.len();
            }
        }
        tracing::debug!(event = "progress", done, total);
        self.label_groups_without_members(writing, &mut progress).await;
        writing.turn.end(self).await;
        progress.applied
    }
}

impl Progress {
    fn record(&mut self, action: &Action, outcome: Outcome) {
        if !matches!(outcome, Outcome::Done(_)) {
            match action {
                Action::AddMembership { user_ref: UserRef::Existing(user), .. } => drop(self.ungranted.insert(user.clone())),
                Action::RemoveMembership(removal) => drop(self.unrevoked.insert(removal.user_id.clone())),
                Action::AdoptGroup { edit, .. } => drop(self.unchanged.insert(edit.group.okta_id.clone())),
                Action::CreateAssignment { group, .. } => drop(self.ungiven.insert(group.okta_id.clone())),
                Action::DeleteAssignment { group, .. } => drop(self.unchanged.insert(group.okta_id.clone())),
                Action::RenameGroup(_)
                | Action::CreateGroup { .. }
                | Action::AddMembership { user_ref: UserRef::New(_), .. }
                | Action::CreateUser(_)
                | Action::UpdateUser(_)
                | Action::DisableUser(_)
                | Action::DeleteUser(_)
                | Action::ReleaseGroup { .. }
                | Action::DeleteGroup { .. } => {}
            }
        }
        self.applied.outcomes.push((action.clone(), outcome));
    }

    fn record_all(&mut self, actions: &[&Action], why: NotAttempted) {
        actions.iter().for_each(|action| self.record(action, Outcome::NotAttempted(why)));
    }

    /// A group was made: it has no externalId yet.
    fn made_group(&mut self, okta_id: &OktaGroupId, id: GroupId) {
        self.made.insert(okta_id.clone(), id);
        self.unlabelled.insert(okta_id.clone());
    }

    /// Leaves an action to be decided anew.
    fn leave(&mut self, action: &Action) {
        if let Action::AddMembership { user_ref: UserRef::Existing(user), .. } = action {
            self.undecided.insert(user.clone());
        } else if let Action::RemoveMembership(removal) = action {
            self.unrevoked.insert(removal.user_id.clone());
        }
        let groups: Vec<OktaGroupId> = action.groups().into_iter().cloned().collect();
        if groups.is_empty() {
            // Nothing that could be read again would decide on it anew.
            return self.record(action, Outcome::NotAttempted(NotAttempted::ChangedMeanwhile));
        }
        self.applied.shifted.extend(groups);
    }

    /// The user to put into a group.
    fn user_of(&self, user: &UserRef) -> Result<UserId, NotAttempted> {
        match user {
            UserRef::Existing(id) => Ok(id.clone()),
            UserRef::New(okta_id) => self.made_users.get(okta_id).cloned().ok_or(NotAttempted::UserNotMade),
        }
    }

    /// The group to put a user into.
    fn group_of(&self, group: &GroupRef) -> Result<GroupId, NotAttempted> {
        match group {
            GroupRef::Existing(id) => Ok(id.clone()),
            GroupRef::New(okta_id) => self.made.get(okta_id).cloned().ok_or(NotAttempted::GroupNotMade),
        }
    }
}

/// The actions in slices of so many calls at most, where a call carries `at_once` changes to the members of one group.
fn slices<'s, 'a>(actions: &'s [&'a Action], at_once: usize) -> Vec<&'s [&'a Action]> {
    let mut slices = Vec::new();
    let mut rest = actions;
    while !rest.is_empty() {
        let calls = memberships::batches(rest, at_once).take(SLICE);
        let (slice, after) = rest.split_at(calls.map(<[&Action]>::len).sum());
        slices.push(slice);
        rest = after;
    }
    slices
}
