//! The organization, as far as rules ask for it.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt, TryStreamExt};
use sync_core::assignments::{AccountFacts, AssignmentRule, Organization};
use sync_core::error::TargetError;
use sync_core::ids::AccountId;
use sync_core::records::{Account, OrganizationalUnit};

use super::{CONCURRENCY, Reads};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadOrganization, ReadSource, Table};

/// Beyond so many accounts the list of all (a page twenty) is no dearer than one look each.
const MOST_LOOKUPS: usize = 20;

/// Deeper than AWS lets units nest; a loop in the answers ends here.
const DEEPEST: usize = 10;

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Reads the organization where a rule, present or former, cannot be followed without it: once for a run, and for events as the process
    /// remembers it.
    pub(super) async fn read_organization(&self, reads: &mut Reads) {
        let rules = self.all_rules(reads);
        if !rules.iter().any(AssignmentRule::needs_organization) {
            return;
        }
        if reads.actual.organization.is_whole {
            return;
        }
        if let Some(organization) = self.directory.organization().filter(|_| reads.is_of_events) {
            reads.actual.organization = organization;
            return;
        }
        match organization(&self.target, &rules).await {
            Ok(organization) => {
                self.directory.remember_organization(&organization);
                reads.actual.organization = organization;
            }
            Err(error) => self.unreadable(reads, "the organization", &error.to_string()),
        }
    }

    /// Before anything is done in an account, whether it is ACTIVE. Where the organization was read that is known; else the accounts in
    /// question are looked at, and a run that has nothing to do asks nothing.
    pub(super) async fn look_before(&self, reads: &mut Reads) {
        if reads.actual.organization.is_whole {
            return;
        }
        let accounts = self.accounts_in_question(reads);
        let asked = accounts.clone();
        let result = if accounts.len() > MOST_LOOKUPS { self.target.accounts().await } else { self.look_at(accounts).await };
        match result {
            Ok(found) => {
                for id in asked.into_iter().filter(|id| !found.iter().any(|account| account.id == *id)) {
                    let (name, state) = (String::new(), "not in the organization".to_owned());
                    let facts = AccountFacts { name, is_active: false, state, units: Vec::new(), tags: None };
                    reads.actual.organization.accounts.insert(id, facts);
                }
                for Account { id, name, is_active, state, .. } in found {
                    let facts = AccountFacts { name, is_active, state, units: Vec::new(), tags: None };
                    reads.actual.organization.accounts.insert(id, facts);
                }
            }
            Err(error) => tracing::warn!(event = "accounts_not_looked_at", error = %error, "AWS itself refuses what cannot be done"),
        }
    }

    async fn look_at(&self, accounts: impl IntoIterator<Item = AccountId>) -> Result<Vec<Account>, TargetError> {
        let look = |id: AccountId| async move { self.target.account(&id).await };
        let found: Vec<Option<Account>> =
            stream::iter(accounts.into_iter().collect::<Vec<_>>()).map(look).buffer_unordered(CONCURRENCY).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }
}

/// The organization as far as these rules ask for it: the accounts; the units above each and its tags where a rule names such.
///
/// # Errors
/// That of the first call that failed.
pub async fn organization<T: ReadOrganization>(target: &T, rules: &[AssignmentRule]) -> Result<Organization, TargetError> {
    let accounts = target.accounts().await?;
    let asks_for_units = rules.iter().any(|rule| rule.text.accounts.iter().any(|text| text.starts_with("ou:")));
    let units = if asks_for_units { read_units(target, &accounts).await? } else { BTreeMap::new() };
    let asks_for_tags = rules.iter().any(AssignmentRule::needs_tags);
    let tags = if asks_for_tags { read_tags(target, &accounts).await? } else { BTreeMap::new() };
    let facts = |account: Account| {
        let facts = AccountFacts {
            units: units.get(&account.id).cloned().unwrap_or_default(),
            tags: tags.get(&account.id).cloned(),
            name: account.name,
            is_active: account.is_active,
            state: account.state,
        };
        (account.id, facts)
    };
    Ok(Organization { is_whole: true, accounts: accounts.into_iter().map(facts).collect(), off_limits: None })
}

/// The names of the units above each account, from below the root down. Their ids come with the accounts, or the tree is walked.
async fn read_units<T: ReadOrganization>(target: &T, accounts: &[Account]) -> Result<BTreeMap<AccountId, Vec<String>>, TargetError> {
    let root = target.root().await?;
    let mut tree = BTreeMap::new();
    walk(target, root, Vec::new(), &mut tree).await?;
    if accounts.iter().all(|account| !account.path.is_empty()) {
        let path = |account: &Account| account.path.last().and_then(|unit| tree.get(unit)).cloned().unwrap_or_default();
        return Ok(accounts.iter().map(|account| (account.id.clone(), path(account))).collect());
    }
    let mut units = BTreeMap::new();
    for (unit, path) in &tree {
        for account in target.accounts_below(unit).await? {
            units.insert(account.id, path.clone());
        }
    }
    Ok(units)
}

fn walk<'a, T: ReadOrganization>(
    target: &'a T,
    unit: OrganizationalUnit,
    path: Vec<String>,
    tree: &'a mut BTreeMap<String, Vec<String>>,
) -> BoxFuture<'a, Result<(), TargetError>> {
    Box::pin(async move {
        tree.insert(unit.id.clone(), path.clone());
        if path.len() >= DEEPEST {
            return Ok(());
        }
        for below in target.units_below(&unit.id).await? {
            let path = path.iter().cloned().chain([below.name.clone()]).collect();
            walk(target, below, path, tree).await?;
        }
        Ok(())
    })
}

async fn read_tags<T: ReadOrganization>(
    target: &T,
    accounts: &[Account],
) -> Result<BTreeMap<AccountId, BTreeMap<String, String>>, TargetError> {
    let ids: Vec<AccountId> = accounts.iter().map(|account| account.id.clone()).collect();
    let read = |id: AccountId| async move { Ok((id.clone(), target.tags(&id).await?)) };
    stream::iter(ids).map(read).buffer_unordered(CONCURRENCY).try_collect().await
}
