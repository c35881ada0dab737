//! What groups give: read by group, one call each, whatever the number of accounts; and only where a rule speaks of the group.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt};
use sync_core::action::GroupLabel;
use sync_core::actual::Target;
use sync_core::assignments::{AssignmentRule, RuleText};
use sync_core::desired::Fate;
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{GroupId, OktaGroupId, PermissionSetArn};
use sync_core::plan::{Plan, places_in_question, plan};
use sync_core::policy::Disposal;
use sync_core::reading::Reading;
use sync_core::records::Assignment;
use sync_core::resolve::{group_fates, resolve};
use sync_core::unresolved::{Unresolved, UnresolvedKind};

use super::{CONCURRENCY, Reads};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};

/// A group whose assignments matter.
pub(super) struct Spoken {
    okta_id: OktaGroupId,
    pub(super) label: GroupLabel,
    pub(super) group: Option<GroupId>,
    pub(super) is_deleted: bool,
}

/// What AWS said of one group's assignments.
type Asked = (OktaGroupId, GroupId, Result<Vec<Assignment>, TargetError>);

/// So many groups tell whether AWS denies reading by group for one of them, or altogether.
const SAMPLE: usize = 2;

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Reads what the groups give that rules speak of, and those that are to be deleted.
    pub(super) async fn read_assignments(&self, reads: &mut Reads, wanted: impl Fn(&OktaGroupId) -> bool) {
        match self.ledger.former_rules(self.clock.now()).await {
            Ok(rules) => (reads.actual.former_rules, reads.actual.former_rules_unread) = (rules, false),
            Err(error) => {
                reads.actual.former_rules_unread = true;
                self.unreadable(reads, "the rules that were followed before", &error.to_string());
            }
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
        let planned = self.look_before(reads).await;
        self.count_groups(reads, &planned).await;
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
        let groups = &self.policy.groups;
        if rules.is_empty() && ![groups.on_deleted_in_okta, groups.on_unmatched].contains(&Disposal::Delete) {
            return Vec::new();
        }
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
        if existing.is_empty() {
            return self.learn_who_we_are(reads).await;
        }
        let results = self.ask_each(existing).await;
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

    /// What each group gives. Where AWS denies it of the first ones it denies it of all, and the others are not asked about.
    async fn ask_each(&self, mut groups: Vec<(OktaGroupId, GroupId)>) -> Vec<Asked> {
        let others = groups.split_off(groups.len().min(SAMPLE));
        let mut results = self.ask_about(groups).await;
        match results.iter().find_map(|(_, _, result)| result.as_ref().err()).cloned() {
            Some(denial) if results.iter().all(|(_, _, result)| is_denied(result)) => {
                results.extend(others.into_iter().map(|(okta_id, group)| (okta_id, group, Err(denial.clone()))));
            }
            Some(_) | None => results.extend(self.ask_about(others).await),
        }
        results
    }

    async fn ask_about(&self, groups: Vec<(OktaGroupId, GroupId)>) -> Vec<Asked> {
        let ask = |(okta_id, group): (OktaGroupId, GroupId)| async move {
            let result = self.target.assignments_of_group(&group).await;
            (okta_id, group, result)
        };
        stream::iter(groups).map(ask).buffer_unordered(CONCURRENCY).collect().await
    }

    pub(super) async fn read_pairs(&self, pairs: BTreeSet<Target>) -> Vec<(Target, Result<Vec<Assignment>, TargetError>)> {
        let read = |pair: Target| async move {
            let result = self.target.assignments_on(&pair.account, &pair.permission_set).await;
            (pair, result)
        };
        stream::iter(pairs).map(read).buffer_unordered(CONCURRENCY).collect().await
    }

    /// How many groups there are already where something is about to be granted: one call for each permission set on each account, and
    /// none where nothing is granted.
    async fn count_groups(&self, reads: &mut Reads, planned: &Plan) {
        let places = places_in_question(planned, &reads.actual);
        for (place, result) in self.read_pairs(places).await {
            match result {
                Ok(assignments) => drop(reads.actual.crowds.insert(place, assignments.len())),
                Err(error) => tracing::warn!(event = "groups_not_counted", error = %error, "AWS itself refuses one group too many"),
            }
        }
    }

    pub(super) fn unreadable(&self, reads: &mut Reads, what: &str, error: &str) {
        let (kind, name, reason) = (UnresolvedKind::Unreadable, what.to_owned(), format!("{what} could not be read: {error}"));
        reads.unresolved.push(Unresolved { kind, okta_id: None, name, reason });
    }

    /// What is to be done, as far as is known by now.
    pub(super) fn planned(&self, reads: &Reads) -> Plan {
        plan(&resolve(&reads.okta, &reads.actual, &self.policy).0, &reads.actual)
    }
}

pub(super) fn is_denied(result: &Result<Vec<Assignment>, TargetError>) -> bool {
    matches!(result, Err(error) if error.kind == TargetErrorKind::Denied)
}

pub(crate) fn target(assignment: Assignment) -> Target {
    Target { account: assignment.account, permission_set: assignment.permission_set }
}
