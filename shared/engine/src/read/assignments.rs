//! What groups give: read by group, one call each, whatever the number of accounts; and only where a rule speaks of the group.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};
use sync_core::action::GroupLabel;
use sync_core::actual::Target;
use sync_core::assignments::{AssignmentRule, RuleText};
use sync_core::desired::Fate;
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{AccountId, GroupId, OktaGroupId, PermissionSetArn};
use sync_core::plan::{places_in_question, plan};
use sync_core::reading::Reading;
use sync_core::records::Assignment;
use sync_core::resolve::{group_fates, resolve};
use sync_core::unresolved::{Unresolved, UnresolvedKind};

use super::{CONCURRENCY, Reads};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};

/// A group whose assignments matter.
struct Spoken {
    okta_id: OktaGroupId,
    label: GroupLabel,
    group: Option<GroupId>,
    is_deleted: bool,
}

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Reads what the groups give that rules speak of, and those that are to be deleted.
    pub(super) async fn read_assignments(&self, reads: &mut Reads, wanted: impl Fn(&OktaGroupId) -> bool) {
        match self.ledger.former_rules(self.clock.now()).await {
            Ok(rules) => reads.actual.former_rules = rules,
            Err(error) => self.unreadable(reads, "the rules that were followed before", &error.to_string()),
        }
        let spoken = self.spoken_of(reads, wanted);
        if spoken.is_empty() {
            return;
        }
        if spoken.iter().any(|group| !group.is_deleted) {
            self.read_permission_sets(reads).await;
            self.read_organization(reads).await;
        }
        self.read_what_they_give(reads, &spoken).await;
        self.look_before(reads).await;
        self.count_groups(reads).await;
    }

    /// The rules, present and former; one that is still there is there once.
    pub(super) fn all_rules(&self, reads: &Reads) -> Vec<AssignmentRule> {
        let is_present = |former: &&RuleText| self.policy.assignments.iter().any(|rule| rule.text == **former);
        let former = reads.actual.former_rules.iter().filter(|former| !is_present(former));
        let former = former.filter_map(|rule| AssignmentRule::parse(0, rule).ok());
        self.policy.assignments.iter().cloned().chain(former).collect()
    }

    fn spoken_of(&self, reads: &Reads, wanted: impl Fn(&OktaGroupId) -> bool) -> Vec<Spoken> {
        let rules = self.all_rules(reads);
        let speaks = |name: &str| rules.iter().any(|rule| rule.matches(name));
        let spoken = |(okta_id, (label, fate)): (OktaGroupId, (GroupLabel, Fate))| {
            let is_deleted = matches!(fate, Fate::Delete { .. });
            let is_kept = matches!(fate, Fate::Keep { .. } | Fate::Create { .. }) && speaks(&label.name);
            let group = fate.group_id().cloned();
            (is_deleted || is_kept).then_some(Spoken { okta_id, label, group, is_deleted })
        };
        let fates = group_fates(&reads.okta, &reads.actual, &self.policy).fates;
        fates.into_iter().filter(|(id, _)| wanted(id)).filter_map(spoken).collect()
    }

    /// The permission sets by name. A name is read once for good.
    pub(crate) async fn read_permission_sets(&self, reads: &mut Reads) {
        let arns = match self.target.permission_sets().await {
            Ok(arns) => arns,
            Err(error) => {
                reads.actual.permission_sets_unread = true;
                return self.unreadable(reads, "the permission sets", &error.to_string());
            }
        };
        reads.actual.permission_sets_unread = false;
        let mut names = self.directory.permission_set_names();
        let unknown: Vec<PermissionSetArn> = arns.iter().filter(|arn| !names.contains_key(arn)).cloned().collect();
        let look = |arn: PermissionSetArn| async move {
            let name = self.target.permission_set_name(&arn).await;
            (arn, name)
        };
        let found: Vec<_> = stream::iter(unknown).map(look).buffer_unordered(CONCURRENCY).collect().await;
        for (arn, name) in found {
            match name {
                Ok(Some(name)) => drop(names.insert(arn, name)),
                Ok(None) => {}
                Err(error) => self.unreadable(reads, "the name of a permission set", &error.to_string()),
            }
        }
        self.directory.remember_permission_sets(&names);
        reads.actual.permission_sets = arns.into_iter().filter_map(|arn| Some((names.get(&arn)?.clone(), arn))).collect();
    }

    async fn read_what_they_give(&self, reads: &mut Reads, spoken: &[Spoken]) {
        let existing: Vec<(OktaGroupId, GroupId)> =
            spoken.iter().filter_map(|group| Some((group.okta_id.clone(), group.group.clone()?))).collect();
        let read = |(okta_id, group): (OktaGroupId, GroupId)| async move {
            let result = self.target.assignments_of_group(&group).await;
            (okta_id, group, result)
        };
        let results: Vec<_> = stream::iter(existing).map(read).buffer_unordered(CONCURRENCY).collect().await;
        let denied: BTreeSet<GroupId> =
            results.iter().filter(|(_, _, result)| is_denied(result)).map(|(_, group, _)| group.clone()).collect();
        if !denied.is_empty() {
            let of_denied = |group: &&Spoken| group.group.as_ref().is_some_and(|id| denied.contains(id));
            self.read_by_account(reads, &spoken.iter().filter(of_denied).collect::<Vec<_>>()).await;
        }
        for (okta_id, group, result) in results.into_iter().filter(|(_, group, _)| !denied.contains(group)) {
            let reading = match result {
                Ok(assignments) => Reading::Known(assignments.into_iter().map(target).collect()),
                Err(error) => {
                    let (kind, id, reason) = (UnresolvedKind::Unreadable, Some(okta_id.to_string()), error.to_string());
                    reads.unresolved.push(Unresolved { kind, okta_id: id, name: String::new(), reason });
                    Reading::Unknown(error.to_string())
                }
            };
            reads.actual.assignments.insert(group, reading);
        }
    }

    /// A delegated administrator may not read by group: every account and permission set that the rules name is read instead. What a group
    /// gives beyond that is not seen, so a group is not deleted on the strength of it, but emptied.
    async fn read_by_account(&self, reads: &mut Reads, spoken: &[&Spoken]) {
        match self.target.management_account().await {
            Ok(id) => reads.actual.organization.off_limits = Some(id),
            Err(error) => self.unreadable(reads, "the management account", &error.to_string()),
        }
        let pairs = self.pairs(reads, spoken);
        tracing::warn!(event = "assignments_by_account", calls = pairs.len(), "AWS does not let this account read assignments by group");
        reads.notes.push(format!(
            "assignments were read by account and permission set, in {} calls: AWS gives them by group to the management account only",
            pairs.len()
        ));
        for kept in spoken.iter().filter(|group| group.is_deleted) {
            reads.notes.push(format!(
                "group {} ({}) is to be deleted, and is emptied instead: a delegated administrator does not see what it gives beyond the \
                 rules, which would be left behind; delete it by hand, or let a run in the management account do it",
                kept.label.name, kept.label.okta_id
            ));
        }
        let results = self.read_pairs(pairs).await;
        let mut given: BTreeMap<GroupId, BTreeSet<Target>> = BTreeMap::new();
        let mut failed = None;
        for (pair, result) in results {
            match result {
                Ok(assignments) => {
                    reads.actual.crowds.insert(pair, assignments.len());
                    for assignment in assignments {
                        given.entry(assignment.group.clone()).or_default().insert(target(assignment));
                    }
                }
                Err(error) => failed = Some(error.to_string()),
            }
        }
        if let Some(error) = &failed {
            self.unreadable(reads, "assignments", error);
        }
        for group in spoken.iter().filter(|group| !group.is_deleted).filter_map(|group| group.group.clone()) {
            let known = given.remove(&group).unwrap_or_default();
            let reading = failed.clone().map_or(Reading::Known(known), Reading::Unknown);
            reads.actual.assignments.insert(group, reading);
        }
    }

    async fn read_pairs(&self, pairs: BTreeSet<Target>) -> Vec<(Target, Result<Vec<Assignment>, TargetError>)> {
        let read = |pair: Target| async move {
            let result = self.target.assignments_on(&pair.account, &pair.permission_set).await;
            (pair, result)
        };
        stream::iter(pairs).map(read).buffer_unordered(CONCURRENCY).collect().await
    }

    /// How many groups there are already where something is about to be granted: one call for each permission set on each account, and
    /// none where nothing is granted.
    async fn count_groups(&self, reads: &mut Reads) {
        let (desired, _) = resolve(&reads.okta, &reads.actual, &self.policy);
        let places = places_in_question(&plan(&desired, &reads.actual), &reads.actual);
        for (place, result) in self.read_pairs(places).await {
            match result {
                Ok(assignments) => drop(reads.actual.crowds.insert(place, assignments.len())),
                Err(error) => tracing::warn!(event = "groups_not_counted", error = %error, "AWS itself refuses one group too many"),
            }
        }
    }

    /// Every account and permission set that the rules, present and former, name for these groups.
    fn pairs(&self, reads: &Reads, spoken: &[&Spoken]) -> BTreeSet<Target> {
        let rules = self.all_rules(reads);
        let mut pairs = BTreeSet::new();
        for derived in
            spoken.iter().flat_map(|group| rules.iter().filter_map(|rule| rule.derive(&group.label.name, &reads.actual.organization)))
        {
            for arn in derived.permission_sets.iter().filter_map(|name| reads.actual.permission_sets.get(name)) {
                pairs.extend(derived.accounts.iter().map(|account| Target { account: account.clone(), permission_set: arn.clone() }));
            }
        }
        pairs
    }

    pub(super) fn unreadable(&self, reads: &mut Reads, what: &str, error: &str) {
        let (kind, name, reason) = (UnresolvedKind::Unreadable, what.to_owned(), format!("{what} could not be read: {error}"));
        reads.unresolved.push(Unresolved { kind, okta_id: None, name, reason });
    }

    /// The accounts that a rule names for which something is about to be done.
    pub(super) fn accounts_in_question(&self, reads: &Reads) -> BTreeSet<AccountId> {
        let (desired, _) = resolve(&reads.okta, &reads.actual, &self.policy);
        let plan = plan(&desired, &reads.actual);
        plan.actions().filter_map(|(_, action)| Some(action.assignment()?.account.clone())).collect()
    }
}

fn is_denied(result: &Result<Vec<Assignment>, TargetError>) -> bool {
    matches!(result, Err(error) if error.kind == TargetErrorKind::Denied)
}

pub(crate) fn target(assignment: Assignment) -> Target {
    Target { account: assignment.account, permission_set: assignment.permission_set }
}
