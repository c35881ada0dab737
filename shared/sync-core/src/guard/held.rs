//! What the guard withheld, and by which rule.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{Action, GroupLabel, Phase};
use crate::ids::OktaGroupId;
use crate::plan::{Plan, PlanHash};

/// The rules, named as in the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Okta lists no managed group although some exist. Cannot be approved.
    SourceEmpty,
    /// Managed groups vanished beyond the limits, or a member list is implausibly short.
    SourceShrunk,
    /// The ledger cannot be reached.
    StateUnavailable,
    /// Functions do not agree on the policy yet.
    PolicyChanged,
    /// `[guard] protected_groups`.
    ProtectedGroups,
    /// `[guard] max_percent_of_group`.
    MaxPercentOfGroup,
    /// `[guard] max_leavers`.
    MaxLeavers,
    /// `[guard] max_membership_removals`, or `max_percent` where that is more.
    MaxMembershipRemovals,
    /// `[guard] max_user_removals`.
    MaxUserRemovals,
    /// `[guard] max_group_deletions`.
    MaxGroupDeletions,
    /// `[guard] max_assignment_removals`, or `max_percent` where that is more.
    MaxAssignmentRemovals,
    /// `[guard] max_assignment_additions`.
    MaxAssignmentAdditions,
    /// `[guard] sensitive_permission_sets`.
    SensitivePermissionSets,
    /// A rule is there no more.
    OrphanedRule,
}

impl Rule {
    /// The contract's name of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SourceEmpty => "source_empty",
            Self::SourceShrunk => "source_shrunk",
            Self::StateUnavailable => "state_unavailable",
            Self::PolicyChanged => "policy_changed",
            Self::ProtectedGroups => "protected_groups",
            Self::MaxPercentOfGroup => "max_percent_of_group",
            Self::MaxLeavers => "max_leavers",
            Self::MaxMembershipRemovals => "max_membership_removals",
            Self::MaxUserRemovals => "max_user_removals",
            Self::MaxGroupDeletions => "max_group_deletions",
            Self::MaxAssignmentRemovals => "max_assignment_removals",
            Self::MaxAssignmentAdditions => "max_assignment_additions",
            Self::SensitivePermissionSets => "sensitive_permission_sets",
            Self::OrphanedRule => "orphaned_rule",
        }
    }

    /// Whether it withholds only until the ledger can be reached, or until functions agree on the policy.
    pub fn passes_by_itself(self) -> bool {
        matches!(self, Self::StateUnavailable | Self::PolicyChanged)
    }

    /// Whether what it withholds may be let through by its hash: not on an empty source, nor where nothing can be recorded.
    pub fn can_be_approved(self) -> bool {
        !matches!(self, Self::SourceEmpty | Self::StateUnavailable)
    }
}

/// What one rule withheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// The rule.
    pub rule: Rule,
    /// Its limit.
    pub limit: u64,
    /// What it would have been.
    pub actual: u64,
    /// The actions; none where the rule only says that something was not believed.
    pub actions: Plan,
    /// The groups that it is about, where it is about single groups.
    pub groups: BTreeSet<GroupLabel>,
}

/// All that the guard withheld.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// By rule; one action is withheld by one rule only.
    pub entries: Vec<Withheld>,
}

impl Held {
    /// Whether nothing was withheld.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every action withheld.
    pub fn actions(&self) -> Plan {
        let all = self.entries.iter().flat_map(|entry| entry.actions.actions());
        all.map(|(phase, action): (Phase, &Action)| (phase, action.clone())).collect()
    }

    /// The groups that would have been given something.
    pub fn groups_to_be_given(&self) -> BTreeSet<OktaGroupId> {
        let actions = self.entries.iter().flat_map(|entry| entry.actions.actions());
        let given = actions.filter(|(_, action)| matches!(action, Action::CreateAssignment { .. }));
        given.filter_map(|(_, action)| Some(action.group()?.okta_id.clone())).collect()
    }

    /// The hash by which exactly these actions can be approved.
    pub fn hash(&self) -> PlanHash {
        self.actions().hash()
    }

    /// The rule that withheld each action.
    pub fn by_action(&self) -> BTreeMap<&Action, Rule> {
        self.entries.iter().flat_map(|entry| entry.actions.actions().map(|(_, action)| (action, entry.rule))).collect()
    }
}
