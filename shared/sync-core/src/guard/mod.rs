//! The guard: what of a plan may be applied. It withholds classes of actions, never the run.

mod held;
mod judge;
mod window;

use std::collections::BTreeMap;

pub use held::{Held, Rule, Withheld};
pub use judge::{ApprovalRefused, judge};
pub use window::{Spend, Usage, WindowBook};

use crate::action::{Action, GroupLabel, Phase};
use crate::ids::GroupId;
use crate::plan::Plan;

/// What the guard has to know beside the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Managed memberships in Identity Center, as far as known: what percentages are of.
    pub managed_memberships: u64,
    /// Managed groups in Identity Center.
    pub managed_groups: u64,
    /// Assignments of groups that rules speak of, as far as known: what percentages are of.
    pub managed_assignments: u64,
    /// Members by group, where they were counted in this run.
    pub group_sizes: BTreeMap<GroupId, u64>,
    /// Members by group as an earlier run counted them, with what the window had taken of them by then.
    pub remembered_sizes: BTreeMap<GroupId, u64>,
    /// The groups' names in Identity Center: what is protected stays so, whatever Okta calls it by now.
    pub display_names: BTreeMap<GroupId, String>,
    /// Whether Okta listed no managed group although some exist.
    pub source_empty: bool,
    /// Managed groups that the whole list of groups did not have, and of which a read by id does not say that they are gone.
    pub unlisted: Vec<GroupLabel>,
    /// Whether functions do not agree on the policy yet: then only grants, and what leavers lose, go on.
    pub policy_changed: bool,
}

/// What the ledger says of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Window {
    /// What was used of it so far.
    Used(Usage),
    /// The ledger cannot say: nothing is removed.
    Unavailable,
}

/// What may be applied, what is held, and what that takes of the window. Not yet an approved plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What may be applied.
    pub approved: Plan,
    /// What is withheld.
    pub held: Held,
    /// What `approved` takes of the window.
    pub spend: Spend,
}

/// Proof that the ledger reserved what a judgement takes of the window, atomically.
///
/// Whoever makes one says so: the engine's ledger does, after its conditional write; and what removes nothing needs none.
#[derive(Debug)]
#[must_use]
pub struct RemovalGrant(());

impl RemovalGrant {
    /// For the ledger, after the reservation of exactly this spend has been written.
    pub fn reserved_by_ledger(_spend: &Spend) -> Self {
        Self(())
    }
}

/// A plan that the guard let through. The executor takes nothing else, and nothing else makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct ApprovedPlan(Plan);

impl Judgement {
    /// The approved plan and what is held, once the ledger has granted the removals.
    pub fn approve(self, _grant: RemovalGrant) -> (ApprovedPlan, Held, Spend) {
        (ApprovedPlan(self.approved), self.held, self.spend)
    }
}

impl ApprovedPlan {
    /// The actions in the order of their execution.
    pub fn actions(&self) -> impl Iterator<Item = (Phase, &Action)> {
        self.0.actions()
    }
}
