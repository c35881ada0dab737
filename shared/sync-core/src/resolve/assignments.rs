//! What a group should give: what the rules that speak of it say, as far as everything they name was found.

use std::collections::BTreeSet;

use crate::action::GroupLabel;
use crate::actual::{ActualState, Target};
use crate::assignments::{AssignmentRule, Derived, vanished};
use crate::desired::{DesiredAssignments, Fate, OtherAssignments};
use crate::ids::AccountId;
use crate::policy::Policy;
use crate::unresolved::{Unresolved, UnresolvedKind};

/// The rules that were followed before and that are there no more.
pub(super) fn vanished_rules(actual: &ActualState, policy: &Policy) -> Vec<AssignmentRule> {
    let former = vanished(&actual.former_rules, policy.assignments.iter().map(|rule| &rule.text));
    former.into_iter().filter_map(|former| AssignmentRule::parse(0, former).ok()).collect()
}

/// What a group should give.
pub(super) fn of_group(
    actual: &ActualState,
    policy: &Policy,
    vanished: &[AssignmentRule],
    (label, fate): (&GroupLabel, &Fate),
    unresolved: &mut Vec<Unresolved>,
) -> DesiredAssignments {
    match fate {
        Fate::Keep { .. } | Fate::Create { .. } => {}
        Fate::Delete { .. } => return DesiredAssignments { others: OtherAssignments::GroupDeleted, ..DesiredAssignments::default() },
        Fate::AsIs { .. } | Fate::Empty { .. } | Fate::Release { .. } => return DesiredAssignments::default(),
    }
    if fate.group_id().map_or(actual.permission_sets_unread, |id| !actual.assignments.contains_key(id)) {
        // A run that is about a user reads neither rules' accounts nor sets: it has nothing to say about what the group gives.
        return DesiredAssignments::default();
    }
    let mut draft = Draft { actual, label, desired: DesiredAssignments::default(), is_whole: true, unresolved };
    let mut is_spoken_of = false;
    for rule in &policy.assignments {
        if let Some(derived) = rule.derive(&label.name, &actual.organization) {
            is_spoken_of = true;
            draft.follow(rule, derived);
        }
    }
    draft.orphans(vanished);
    draft.leave_unread(fate);
    if is_spoken_of && draft.is_whole && !actual.former_rules_unread {
        draft.desired.others = OtherAssignments::NotByRule;
    }
    draft.freeze(fate);
    draft.desired
}

struct Draft<'a, 'u> {
    actual: &'a ActualState,
    label: &'a GroupLabel,
    desired: DesiredAssignments,
    is_whole: bool,
    unresolved: &'u mut Vec<Unresolved>,
}

impl Draft<'_, '_> {
    fn follow(&mut self, rule: &AssignmentRule, derived: Derived) {
        self.say_what_is_missing(rule, &derived);
        let accounts: BTreeSet<AccountId> = derived.accounts.into_iter().filter(|account| self.is_open(account)).collect();
        for target in targets(self.actual, &accounts, &derived.permission_sets) {
            self.desired.wanted.entry(target).or_insert(rule.position);
        }
    }

    fn say_what_is_missing(&mut self, rule: &AssignmentRule, derived: &Derived) {
        for problem in &derived.problems {
            self.is_whole = false;
            self.say(UnresolvedKind::UnknownAccount, &problem.name, problem.reason.clone());
        }
        for name in &derived.permission_sets {
            if !self.actual.permission_sets.contains_key(name) {
                self.is_whole = false;
                let rule = rule.called();
                let reason = format!("{rule}: there is no permission set {name:?}; nothing is removed from the group on account of it");
                self.say(UnresolvedKind::UnknownPermissionSet, name, reason);
            }
        }
    }

    /// Whether assignments may be made and deleted in an account; where not, it is frozen and said.
    fn is_open(&mut self, account: &AccountId) -> bool {
        let facts = self.actual.organization.accounts.get(account);
        if self.actual.organization.off_limits.as_ref() == Some(account) {
            let reason = "it is the management account, which a delegated administrator may not touch".to_owned();
            self.say(UnresolvedKind::ManagementAccount, account.as_str(), reason);
        } else if let Some(facts) = facts.filter(|facts| !facts.is_active) {
            let reason = format!("account {} ({}) is {}: nothing is granted and nothing is taken there", account, facts.name, facts.state);
            self.say(UnresolvedKind::AccountNotActive, account.as_str(), reason);
        } else {
            return true;
        }
        self.desired.frozen.insert(account.clone());
        false
    }

    /// What a rule gave of which not all is found cannot be told from what no rule gives.
    fn orphans(&mut self, vanished: &[AssignmentRule]) {
        for rule in vanished {
            let Some(derived) = rule.derive(&self.label.name, &self.actual.organization) else { continue };
            self.say_what_is_missing(rule, &derived);
            let orphaned = targets(self.actual, &derived.accounts, &derived.permission_sets);
            self.desired.orphaned.extend(orphaned.filter(|target| !self.desired.wanted.contains_key(target)));
        }
    }

    /// Where it could not be read whether the group has an assignment, none is made; and nothing is removed elsewhere, since that may be where
    /// what is removed went.
    fn leave_unread(&mut self, fate: &Fate) {
        let unread = fate.group_id().and_then(|id| self.actual.unread_places.get(id));
        if let Some(unread) = unread {
            self.is_whole = false;
            self.desired.wanted.retain(|target, _| !unread.contains(target));
        }
    }

    /// What would be taken in an account where nothing is taken stays, whether a rule speaks of the account or not.
    fn freeze(&mut self, fate: &Fate) {
        let known = fate.group_id().and_then(|id| self.actual.known_assignments(id)).into_iter().flatten();
        let is_taken = |target: &&Target| {
            let is_by_none = self.desired.others == OtherAssignments::NotByRule || self.desired.orphaned.contains(target);
            is_by_none && !self.desired.wanted.contains_key(target)
        };
        let accounts: BTreeSet<&AccountId> = known.filter(is_taken).map(|target| &target.account).collect();
        for account in accounts {
            self.is_open(account);
        }
    }

    fn say(&mut self, kind: UnresolvedKind, name: &str, reason: String) {
        let okta_id = Some(self.label.okta_id.to_string());
        self.unresolved.push(Unresolved { kind, okta_id, name: name.to_owned(), reason });
    }
}

fn targets<'a>(
    actual: &'a ActualState,
    accounts: &'a BTreeSet<AccountId>,
    sets: &'a BTreeSet<String>,
) -> impl Iterator<Item = Target> + 'a {
    let arns = sets.iter().filter_map(|name| actual.permission_sets.get(name));
    arns.flat_map(|arn| accounts.iter().map(|account| Target { account: account.clone(), permission_set: arn.clone() }))
}
