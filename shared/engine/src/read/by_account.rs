//! What groups give, as a delegated administrator reads it: by account and permission set, where the rules look.

use std::collections::{BTreeMap, BTreeSet};

use sync_core::actual::Target;
use sync_core::assignments::AssignmentRule;
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{AccountId, GroupId};
use sync_core::reading::Reading;
use sync_core::unresolved::{Unresolved, UnresolvedKind};

use super::Reads;
use super::assignments::{Spoken, is_denied, target};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};

/// A principal that nobody has: who may not ask is told so before AWS looks for it.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Whether AWS takes us for a delegated administrator, where only groups are spoken of that are still to be made, so that none shows it.
    pub(super) async fn learn_who_we_are(&self, reads: &mut Reads) {
        let Some(anyone) = reads.actual.groups.keys().next().cloned().or_else(|| GroupId::new(NOBODY).ok()) else { return };
        if is_denied(&self.target.assignments_of_group(&anyone).await) {
            self.heed_the_management_account(reads).await;
        }
    }

    async fn heed_the_management_account(&self, reads: &mut Reads) {
        reads.actual.organization.is_delegated = true;
        match self.target.management_account().await {
            Ok(id) => reads.actual.organization.off_limits = Some(id),
            Err(error) => reads.notes.push(format!(
                "which account is the management account could not be read ({error}): what is granted or taken there, AWS refuses"
            )),
        }
    }

    /// A delegated administrator may not read by group: every account and permission set that the rules name is read instead. What a group
    /// gives beyond that is not seen, so a group is not deleted on the strength of it, but emptied.
    pub(super) async fn read_by_account(&self, reads: &mut Reads, spoken: &[&Spoken]) {
        self.heed_the_management_account(reads).await;
        let rules = self.all_rules(reads);
        let pairs: BTreeSet<Target> = spoken.iter().flat_map(|group| places_of(&rules, reads, group)).collect();
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
        let mut given: BTreeMap<GroupId, BTreeSet<Target>> = BTreeMap::new();
        let mut unread: BTreeMap<Target, TargetError> = BTreeMap::new();
        for (pair, result) in self.read_pairs(pairs).await {
            match result {
                Ok(assignments) => {
                    reads.actual.crowds.insert(pair, assignments.len());
                    for assignment in assignments {
                        given.entry(assignment.group.clone()).or_default().insert(target(assignment));
                    }
                }
                Err(error) => drop(unread.insert(pair, error)),
            }
        }
        self.leave_out_absent_accounts(reads, &mut unread).await;
        for group in spoken.iter().filter(|group| !group.is_deleted) {
            let places = places_of(&rules, reads, group).into_iter().filter(|pair| unread.contains_key(pair)).collect();
            conclude(reads, group, &mut given, (places, &unread));
        }
    }

    /// AWS does not say of what it has not found whether that is the account, so the account is looked at. One that does not exist is told as such,
    /// and nothing waits for its being read.
    async fn leave_out_absent_accounts(&self, reads: &mut Reads, unread: &mut BTreeMap<Target, TargetError>) {
        let not_found = unread.iter().filter(|(_, error)| error.kind == TargetErrorKind::NotFound);
        let doubtful: BTreeSet<AccountId> = not_found.map(|(pair, _)| pair.account.clone()).collect();
        if !reads.actual.organization.is_whole && !doubtful.is_empty() {
            self.look_at_accounts(reads, doubtful).await;
        }
        unread.retain(|pair, _| !reads.actual.organization.absent.contains(&pair.account));
    }
}

/// What is known of one group, and where it is not. Nobody else's places are its concern.
fn conclude(
    reads: &mut Reads,
    group: &Spoken,
    given: &mut BTreeMap<GroupId, BTreeSet<Target>>,
    (places, unread): (BTreeSet<Target>, &BTreeMap<Target, TargetError>),
) {
    let Some(id) = group.group.clone() else { return };
    if let Some((place, error)) = places.first().and_then(|place| unread.get_key_value(place)) {
        let set = reads.actual.permission_set_name(&place.permission_set);
        let reason = format!(
            "who has what could not be read in {} of the places that rules name for it, the first of which is {set} on {}: {error}; nothing \
             is granted there, and nothing is taken from the group",
            places.len(),
            place.account
        );
        let (kind, okta_id) = (UnresolvedKind::Unreadable, Some(group.label.okta_id.to_string()));
        reads.unresolved.push(Unresolved { kind, okta_id, name: group.label.name.clone(), reason });
        reads.actual.unread_places.insert(id.clone(), places);
    }
    let known = given.remove(&id).unwrap_or_default();
    reads.actual.assignments.insert(id, Reading::Known(known));
}

/// Every account and permission set that the rules, present and former, name for this group, and that may be touched.
fn places_of(rules: &[AssignmentRule], reads: &Reads, group: &Spoken) -> BTreeSet<Target> {
    let organization = &reads.actual.organization;
    let mut pairs = BTreeSet::new();
    for derived in rules.iter().filter_map(|rule| rule.derive(&group.label.name, organization)) {
        let accounts = || derived.accounts.iter().filter(|account| organization.off_limits.as_ref() != Some(account));
        for arn in derived.permission_sets.iter().filter_map(|name| reads.actual.permission_sets.get(name)) {
            pairs.extend(accounts().map(|account| Target { account: account.clone(), permission_set: arn.clone() }));
        }
    }
    pairs
}
