//! The judgement: first what single groups and weak evidence withhold, then the classes.

use std::collections::{BTreeMap, BTreeSet};

use super::{Facts, Held, Judgement, Rule, Spend, Usage, Window, Withheld};
use crate::action::{
    Action, AssignmentRemovalReason, AssignmentTarget, DisposalReason, GroupLabel, Phase, RemovalReason, RemoveMembership, Weakness,
};
use crate::ids::{GroupId, UserId};
use crate::plan::{Plan, PlanHash};
use crate::policy::GuardPolicy;

/// The set of held actions is not the one whose hash was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("approval refused: the held actions are another set by now ({now}); read the new report and approve that, if it is right", now = now.as_str())]
pub struct ApprovalRefused {
    /// The hash of what is held now.
    pub now: PlanHash,
}

/// Decides what of a plan may be applied. Pure: the same plan, facts and window give the same judgement.
///
/// # Errors
/// [`ApprovalRefused`] if `approval` is not the hash of exactly what is held.
pub fn judge(
    plan: Plan,
    facts: &Facts,
    limits: &GuardPolicy,
    window: &Window,
    approval: Option<&PlanHash>,
) -> Result<Judgement, ApprovalRefused> {
    let usage = match window {
        Window::Used(usage) => usage.clone(),
        Window::Unavailable => Usage::default(),
    };
    let is_recorded = *window != Window::Unavailable;
    let mut judge = Judge { left: plan, held: Held::default(), facts, limits, usage, is_recorded };
    judge.empty_source();
    judge.protected();
    judge.short_lists();
    judge.vanished();
    judge.orphaned();
    judge.sensitive();
    judge.without_ledger(window);
    judge.other_policy();
    judge.single_groups();
    judge.leavers();
    judge.memberships();
    judge.users();
    judge.groups();
    judge.deletions_go_together();
    judge.assignments();
    judge.deletions_go_together();
    judge.concluded(approval)
}

struct Judge<'a> {
    left: Plan,
    held: Held,
    facts: &'a Facts,
    limits: &'a GuardPolicy,
    usage: Usage,
    /// Whether what is let through can be written down.
    is_recorded: bool,
}

impl Judge<'_> {
    /// Moves what matches from what is left to what is held. Nothing is said where nothing matches.
    fn withhold(&mut self, rule: Rule, limit: u64, actual: u64, matches: impl Fn(&Action) -> bool) {
        let (held, left) = std::mem::take(&mut self.left).partition(matches);
        self.left = left;
        if !held.is_empty() {
            self.note(rule, limit, actual, held);
        }
    }

    fn note(&mut self, rule: Rule, limit: u64, actual: u64, actions: Plan) {
        let groups = actions.actions().filter_map(|(_, action)| action.group().cloned()).collect();
        self.held.entries.push(Withheld { rule, limit, actual, actions, groups });
    }

    /// Before everything else: what another rule withheld could be approved.
    fn empty_source(&mut self) {
        let is_empty = self.facts.source_empty;
        let empty = |action: &Action| weakness(action) == Some(Weakness::SourceEmpty) || (is_empty && deleted_with(action).is_some());
        self.withhold(Rule::SourceEmpty, 0, self.facts.managed_groups, empty);
        if is_empty && self.held.is_empty() {
            self.note(Rule::SourceEmpty, 0, self.facts.managed_groups, Plan::default());
        }
    }

    fn protected(&mut self) {
        let (limits, names) = (self.limits, &self.facts.display_names);
        let named = |action: &Action| action.group_id().and_then(|id| names.get(id)).is_some_and(|name| limits.protects(name));
        let is_protected = |action: &Action| action.group().is_some_and(|group| limits.protects(&group.name)) || named(action);
        let matches = |action: &Action| action.is_removal() && is_protected(action);
        let actual = count(&self.left, matches);
        self.withhold(Rule::ProtectedGroups, 0, actual, matches);
    }

    fn short_lists(&mut self) {
        let short: BTreeSet<GroupLabel> = groups_of(&self.left, |action| weakness(action) == Some(Weakness::ShortList));
        for group in short {
            let of_group = |action: &Action| weakness(action) == Some(Weakness::ShortList) && action.group() == Some(&group);
            let actual = count(&self.left, of_group);
            self.withhold(Rule::SourceShrunk, 0, actual, of_group);
        }
    }

    /// Groups that are gone, or emptied because nothing matches them, all at once and beyond what may be deleted, are not believed.
    fn vanished(&mut self) {
        let mut vanished = groups_of(&self.left, is_of_gone_group);
        let gone = vanished.len();
        vanished.extend(self.facts.unlisted.iter().cloned());
        let (limit, actual) = (self.group_limit(), as_u64(vanished.len()));
        if actual <= limit {
            return;
        }
        self.withhold(Rule::SourceShrunk, limit, actual, is_of_gone_group);
        if gone == 0 {
            self.note(Rule::SourceShrunk, limit, actual, Plan::default());
        }
        if let Some(entry) = self.held.entries.last_mut() {
            entry.groups = vanished;
        }
    }

    fn without_ledger(&mut self, window: &Window) {
        if *window == Window::Unavailable {
            let actual = count(&self.left, Action::is_removal);
            self.withhold(Rule::StateUnavailable, 0, actual, Action::is_removal);
        }
    }

    fn other_policy(&mut self) {
        if self.facts.policy_changed {
            let matches = |action: &Action| action.is_removal() && leaver(action).or_else(|| departing(action)).is_none();
            let actual = count(&self.left, matches);
            self.withhold(Rule::PolicyChanged, 0, actual, matches);
        }
    }

    /// Each group's own limit, which takes the group's removals out before the classes are counted.
    fn single_groups(&mut self) {
        let mut wanted: BTreeMap<GroupId, u64> = BTreeMap::new();
        for (_, action) in self.left.actions() {
            if let Some(removal) = ordinary_removal(action) {
                *wanted.entry(removal.group_id.clone()).or_default() += 1;
            }
        }
        for (group, count) in wanted {
            let used = self.usage.by_group.get(&group).copied().unwrap_or_default();
            let counted = self.facts.group_sizes.get(&group).map(|size| size + used);
            let Some(size) = counted.or_else(|| self.facts.remembered_sizes.get(&group).copied()) else { continue };
            if size < self.limits.min_population || within_percent(used + count, size, self.limits.max_percent_of_group) {
                continue;
            }
            let of_group = |action: &Action| ordinary_removal(action).is_some_and(|removal| removal.group_id == group);
            self.withhold(Rule::MaxPercentOfGroup, whole(self.limits.max_percent_of_group), percent(used + count, size), of_group);
        }
    }

    /// As many leavers as are left of the window are let through; the others are held.
    fn leavers(&mut self) {
        let leavers: BTreeSet<UserId> = self.left.actions().filter_map(|(_, action)| leaver(action)).cloned().collect();
        let new: Vec<UserId> = leavers.difference(&self.usage.leavers).cloned().collect();
        let actual = as_u64(self.usage.leavers.len() + new.len());
        let room = usize::try_from(self.limits.max_leavers).unwrap_or(usize::MAX).saturating_sub(self.usage.leavers.len());
        let over: BTreeSet<UserId> = new.into_iter().skip(room).collect();
        self.withhold(Rule::MaxLeavers, self.limits.max_leavers, actual, |action| leaver(action).is_some_and(|user| over.contains(user)));
    }

    /// Memberships: those removed one by one, and those that go with a group.
    fn memberships(&mut self) {
        let limit = share_or(self.limits.max_membership_removals, self.limits.max_percent, self.facts.managed_memberships);
        let draws: u64 = self.left.actions().map(|(_, action)| draw(action)).sum();
        if self.usage.memberships + draws > limit {
            self.withhold(Rule::MaxMembershipRemovals, limit, self.usage.memberships + draws, |action| draw(action) > 0);
        }
    }

    /// Users disabled and deleted. To delete a user takes their memberships along: whoever keeps one is not deleted.
    fn users(&mut self) {
        let kept: BTreeMap<UserId, Rule> =
            self.held.by_action().into_iter().filter_map(|(action, rule)| Some((membership_of(action)?.clone(), rule))).collect();
        for entry in &mut self.held.entries {
            let goes_along = |action: &Action| deleted(action).is_some_and(|user| kept.get(user) == Some(&entry.rule));
            let (along, left) = std::mem::take(&mut self.left).partition(goes_along);
            self.left = left;
            let both = entry.actions.actions().chain(along.actions()).map(|(phase, action)| (phase, action.clone())).collect();
            entry.actions = both;
        }
        let wanted: BTreeSet<UserId> = self.left.actions().filter_map(|(_, action)| departing(action)).cloned().collect();
        let (limit, actual) = (self.limits.max_user_removals, as_u64(self.usage.users.union(&wanted).count()));
        if actual > limit && !wanted.is_empty() {
            self.withhold(Rule::MaxUserRemovals, limit, actual, |action| departing(action).is_some());
        }
    }

    fn groups(&mut self) {
        let wanted = count(&self.left, is_group_disposal);
        let limit = self.group_limit();
        if self.usage.groups + wanted > limit {
            self.withhold(Rule::MaxGroupDeletions, limit, self.usage.groups + wanted, is_group_disposal);
        }
    }

    /// A group keeps what it gives as long as it is not deleted, and is not deleted as long as it keeps something: whichever of the two is
    /// withheld, the other is as well, by the same rule.
    fn deletions_go_together(&mut self) {
        for entry in &mut self.held.entries {
            let kept: BTreeSet<GroupId> =
                entry.actions.actions().filter_map(|(_, action)| deleted_group(action).or_else(|| deleted_with(action))).cloned().collect();
            let goes_along = |action: &Action| deleted_group(action).or_else(|| deleted_with(action)).is_some_and(|id| kept.contains(id));
            let (along, left) = std::mem::take(&mut self.left).partition(goes_along);
            self.left = left;
            let both = entry.actions.actions().chain(along.actions()).map(|(phase, action)| (phase, action.clone())).collect();
            entry.actions = both;
        }
    }

    /// What only a rule said that is there no more stays until approved.
    fn orphaned(&mut self) {
        let matches = |action: &Action| matches!(action, Action::DeleteAssignment { reason: AssignmentRemovalReason::OrphanedRule, .. });
        let actual = count(&self.left, matches);
        self.withhold(Rule::OrphanedRule, 0, actual, matches);
    }

    /// A permission set whose name was not read may be any of them.
    fn sensitive(&mut self) {
        let sets = &self.limits.sensitive_permission_sets;
        let is_sensitive = |target: &AssignmentTarget| {
            let is_nameless = target.permission_set_name == target.permission_set.as_str();
            sets.contains(&target.permission_set_name) || (is_nameless && !sets.is_empty())
        };
        let matches = |action: &Action| matches!(action, Action::CreateAssignment { target, .. } if is_sensitive(target));
        let actual = count(&self.left, matches);
        self.withhold(Rule::SensitivePermissionSets, 0, actual, matches);
    }

    fn assignments(&mut self) {
        let limit = share_or(self.limits.max_assignment_removals, self.limits.max_percent, self.facts.managed_assignments);
        let removals = self.usage.assignment_removals + count(&self.left, is_assignment_removal);
        if removals > limit {
            self.withhold(Rule::MaxAssignmentRemovals, limit, removals, is_assignment_removal);
        }
        let limit = self.limits.max_assignment_additions;
        let additions = self.usage.assignment_additions + count(&self.left, is_assignment_addition);
        if additions > limit {
            self.withhold(Rule::MaxAssignmentAdditions, limit, additions, is_assignment_addition);
        }
    }

    /// Never more than a quarter of the managed groups, and at least one, unless none are allowed at all.
    fn group_limit(&self) -> u64 {
        self.limits.max_group_deletions.min((self.facts.managed_groups / 4).max(1))
    }

    fn concluded(self, approval: Option<&PlanHash>) -> Result<Judgement, ApprovalRefused> {
        let (mut approved, mut held) = (self.left, self.held);
        if let Some(hash) = approval {
            let now = held.hash();
            if held.is_empty() || now != *hash {
                return Err(ApprovalRefused { now });
            }
            let is_recorded = self.is_recorded;
            let may_go = |entry: &Withheld| is_recorded && entry.rule.can_be_approved();
            let (released, kept): (Vec<Withheld>, Vec<Withheld>) = held.entries.into_iter().partition(may_go);
            let all = released.iter().flat_map(|entry| entry.actions.actions()).chain(approved.actions());
            approved = all.map(|(phase, action): (Phase, &Action)| (phase, action.clone())).collect();
            held = Held { entries: kept };
        }
        let spend = Spend::of(approved.actions().map(|(_, action)| action));
        Ok(Judgement { approved, held, spend })
    }
}

impl Spend {
    /// What these actions take of the window.
    pub fn of<'a>(actions: impl IntoIterator<Item = &'a Action>) -> Self {
        let mut spend = Self::default();
        actions.into_iter().for_each(|action| add_spend(&mut spend, action));
        spend
    }
}

fn add_spend(spend: &mut Spend, action: &Action) {
    if let Some(user) = leaver(action) {
        spend.leavers.insert(user.clone());
    } else if let Some(user) = departing(action) {
        spend.users.insert(user.clone());
    } else if let Some(removal) = ordinary_removal(action) {
        *spend.memberships.entry(removal.group_id.clone()).or_default() += 1;
    } else if is_group_disposal(action) {
        spend.groups += 1;
        spend.members_of_deleted += draw(action);
    } else if is_assignment_removal(action) {
        spend.assignment_removals += 1;
    } else if is_assignment_addition(action) {
        spend.assignment_additions += 1;
    }
}

/// Who is disabled or deleted.
fn departing(action: &Action) -> Option<&UserId> {
    action.departure().map(|departure| &departure.user_id)
}

fn deleted(action: &Action) -> Option<&UserId> {
    if let Action::DeleteUser(departure) = action { Some(&departure.user_id) } else { None }
}

fn removal(action: &Action) -> Option<&RemoveMembership> {
    if let Action::RemoveMembership(removal) = action { Some(removal) } else { None }
}

/// The group that it deletes.
fn deleted_group(action: &Action) -> Option<&GroupId> {
    if let Action::DeleteGroup { edit, .. } = action { Some(&edit.group_id) } else { None }
}

/// The group for whose deletion it revokes an assignment.
fn deleted_with(action: &Action) -> Option<&GroupId> {
    if let Action::DeleteAssignment { group_id, reason: AssignmentRemovalReason::GroupDeleted, .. } = action {
        Some(group_id)
    } else {
        None
    }
}

/// Whose membership it removes.
fn membership_of(action: &Action) -> Option<&UserId> {
    removal(action).map(|removal| &removal.user_id)
}

fn is_assignment_removal(action: &Action) -> bool {
    matches!(action, Action::DeleteAssignment { .. })
}

fn is_assignment_addition(action: &Action) -> bool {
    matches!(action, Action::CreateAssignment { .. })
}

fn weakness(action: &Action) -> Option<Weakness> {
    match action {
        Action::RemoveMembership(removal) => removal.weakness,
        Action::ReleaseGroup { weakness, .. } | Action::DeleteGroup { weakness, .. } => *weakness,
        Action::RenameGroup(_)
        | Action::AdoptGroup { .. }
        | Action::CreateGroup { .. }
        | Action::CreateUser(_)
        | Action::UpdateUser(_)
        | Action::DisableUser(_)
        | Action::DeleteUser(_)
        | Action::AddMembership { .. }
        | Action::CreateAssignment { .. }
        | Action::DeleteAssignment { .. } => None,
    }
}

fn is_of_gone_group(action: &Action) -> bool {
    match action {
        Action::RemoveMembership(removal) => matches!(removal.reason, RemovalReason::GroupGone | RemovalReason::GroupUnmatched),
        Action::ReleaseGroup { reason, .. } | Action::DeleteGroup { reason, .. } => *reason == DisposalReason::Gone,
        Action::DeleteAssignment { reason, .. } => *reason == AssignmentRemovalReason::GroupDeleted,
        Action::RenameGroup(_)
        | Action::AdoptGroup { .. }
        | Action::CreateGroup { .. }
        | Action::CreateUser(_)
        | Action::UpdateUser(_)
        | Action::DisableUser(_)
        | Action::DeleteUser(_)
        | Action::AddMembership { .. }
        | Action::CreateAssignment { .. } => false,
    }
}

fn leaver(action: &Action) -> Option<&UserId> {
    removal(action).filter(|removal| removal.reason.is_leaver()).map(|removal| &removal.user_id)
}

fn ordinary_removal(action: &Action) -> Option<&RemoveMembership> {
    removal(action).filter(|removal| !removal.reason.is_leaver())
}

fn is_group_disposal(action: &Action) -> bool {
    matches!(action, Action::ReleaseGroup { .. } | Action::DeleteGroup { .. })
}

/// How many memberships an action takes of the class.
fn draw(action: &Action) -> u64 {
    if let Action::DeleteGroup { members, .. } = action { *members } else { u64::from(ordinary_removal(action).is_some()) }
}

fn groups_of(plan: &Plan, matches: impl Fn(&Action) -> bool) -> BTreeSet<GroupLabel> {
    plan.actions().filter(|(_, action)| matches(action)).filter_map(|(_, action)| action.group().cloned()).collect()
}

fn count(plan: &Plan, matches: impl Fn(&Action) -> bool) -> u64 {
    as_u64(plan.actions().filter(|(_, action)| matches(action)).count())
}

fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// A number, or a percentage of a population, whichever is more; 0 means none, whatever the percentage.
fn share_or(number: u64, percent: f64, population: u64) -> u64 {
    if number == 0 { 0 } else { number.max(percent_of(percent, population)) }
}

/// Percentages are of counts far below 2^52, where f64 is exact.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "counts of memberships, and never negative"
)]
fn percent_of(percent: f64, population: u64) -> u64 {
    (population as f64 * percent / 100.0).floor() as u64
}

fn within_percent(part: u64, population: u64, limit: f64) -> bool {
    part <= percent_of(limit, population)
}

fn percent(part: u64, population: u64) -> u64 {
    part.saturating_mul(100).checked_div(population).unwrap_or(100)
}

fn whole(percent: f64) -> u64 {
    percent_of(percent, 100)
}
