//! Applying: the one executor. It takes an approved plan, phase by phase and slice by slice, and decides nothing but whether an
//! action's ground still holds.

mod groups;
mod slice;
mod turn;

use std::collections::{BTreeMap, BTreeSet};

use sync_core::action::{Action, GroupRef, Phase};
use sync_core::guard::ApprovedPlan;
use sync_core::ids::{GroupId, OktaGroupId, UserId};
use sync_core::outcome::{NotAttempted, Outcome};

pub(crate) use turn::Turn;

use crate::engine::Engine;
use crate::ports::{Clock, ReadSource, ReadTarget, Table, WriteTarget};
use crate::read::Reads;

/// What applying came to.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub(crate) outcomes: Vec<(Action, Outcome)>,
    /// Groups whose ground shifted before their turn came: their actions were left, and they are to be read again.
    pub(crate) shifted: BTreeSet<OktaGroupId>,
}

/// What the executor knows while it goes.
#[derive(Debug, Default)]
pub(super) struct Progress {
    applied: Applied,
    made: BTreeMap<OktaGroupId, GroupId>,
    /// Users who could not be granted something: they keep what they have.
    ungranted: BTreeSet<UserId>,
}

/// Most actions of one slice: some five seconds of calls at 19 a second, after which another run may take its turn.
const SLICE: usize = 95;

impl<S, T, L, C> Engine<S, T, L, C>
where
    S: ReadSource,
    T: ReadTarget + WriteTarget,
    L: Table,
    C: Clock,
{
    /// Applies a plan that the guard approved. Every action gets an outcome, or its group is in `shifted`.
    pub(crate) async fn apply(&self, plan: &ApprovedPlan, reads: &Reads, turn: &mut Turn) -> Applied {
        let mut phases: BTreeMap<Phase, Vec<&Action>> = BTreeMap::new();
        for (phase, action) in plan.actions() {
            phases.entry(phase).or_default().push(action);
        }
        let mut progress = Progress::default();
        for (phase, actions) in phases {
            for slice in actions.chunks(SLICE) {
                self.apply_slice(phase, slice, reads, turn, &mut progress).await;
            }
        }
        turn.end(self).await;
        progress.applied
    }
}

impl Progress {
    fn record(&mut self, action: &Action, outcome: Outcome) {
        if let (Action::AddMembership { user_id, .. }, Outcome::Failed(_) | Outcome::NotAttempted(_)) = (action, &outcome) {
            self.ungranted.insert(user_id.clone());
        }
        self.applied.outcomes.push((action.clone(), outcome));
    }

    /// Leaves an action to be decided anew.
    fn leave(&mut self, action: &Action) {
        if let Action::AddMembership { user_id, .. } = action {
            self.ungranted.insert(user_id.clone());
        }
        self.applied.shifted.insert(action.group().okta_id.clone());
    }

    /// The group to put a user into.
    fn group_of(&self, group: &GroupRef) -> Result<GroupId, NotAttempted> {
        match group {
            GroupRef::Existing(id) => Ok(id.clone()),
            GroupRef::New(okta_id) => self.made.get(okta_id).cloned().ok_or(NotAttempted::GroupNotMade),
        }
    }
}
