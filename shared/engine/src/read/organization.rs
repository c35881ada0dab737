//! The organization, as far as rules ask for it.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt, TryStreamExt};
use sync_core::assignments::{AccountFacts, AssignmentRule, Organization};
use sync_core::error::TargetError;
use sync_core::ids::AccountId;
use sync_core::plan::Plan;
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
    /// question are looked at, and a run that has nothing to do asks nothing. Returns what is to be done.
    pub(super) async fn look_before(&self, reads: &mut Reads) -> Plan {
        let planned = self.planned(reads);
        if reads.actual.organization.is_whole {
            return planned;
        }
        let in_question = planned.actions().filter_map(|(_, action)| Some(action.assignment()?.account.clone()));
        let in_question: BTreeSet<AccountId> = in_question.collect();
        if in_question.is_empty() {
            return planned;
        }
        self.look_at_accounts(reads, in_question).await;
        self.planned(reads)
    }

    /// Looks at these accounts, each by itself or in the list of all, which stands in for looks that AWS does not answer. Of what neither
    /// says anything, nothing is known.
    pub(super) async fn look_at_accounts(&self, reads: &mut Reads, asked: BTreeSet<AccountId>) {
        let mut seen = if asked.len() > MOST_LOOKUPS { BTreeMap::new() } else { self.look_at_each(&asked).await };
        if seen.len() < asked.len() {
            match self.target.accounts().await {
                Ok(all) => {
                    let find = |id: &AccountId| all.iter().find(|account| account.id == *id).cloned();
                    seen = asked.into_iter().map(|id| (id.clone(), find(&id))).collect();
                }
                Err(error) => tracing::warn!(event = "accounts_not_looked_at", error = %error, "AWS itself refuses what cannot be done"),
            }
        }
        let organization = &mut reads.actual.organization;
        for (id, account) in seen {
            match account {
                Some(account) => drop(organization.accounts.insert(id, facts(account))),
                None => drop(organization.absent.insert(id)),
            }
        }
    }

    /// Those of these accounts that AWS says something about; `None` where it says that there is no such account.
    async fn look_at_each(&self, asked: &BTreeSet<AccountId>) -> BTreeMap<AccountId, Option<Account>> {
        let look = |id: AccountId| async move {
            let result = self.target.account(&id).await;
            (id, result)
        };
        let looks: Vec<_> = stream::iter(asked.clone()).map(look).buffer_unordered(CONCURRENCY).collect().await;
        let said = |(id, result): (AccountId, Result<Option<Account>, TargetError>)| match result {
            Ok(account) => Some((id, account)),
            Err(error) => {
                tracing::warn!(event = "account_not_looked_at", account = %id, error = %error, "all accounts are listed instead");
                None
            }
        };
        looks.into_iter().filter_map(said).collect()
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
    let whole = |account: Account| {
        let (units, tags) = (units.get(&account.id).cloned().unwrap_or_default(), tags.get(&account.id).cloned());
        (account.id.clone(), AccountFacts { units, tags, ..facts(account) })
    };
    Ok(Organization { is_whole: true, accounts: accounts.into_iter().map(whole).collect(), ..Organization::default() })
}

/// What an account says of itself.
fn facts(account: Account) -> AccountFacts {
    let Account { name, is_active, state, .. } = account;
    AccountFacts { name, is_active, state, units: Vec::new(), tags: None }
}

/// The names of the units above each account, from below the root down. Their ids come with the accounts, that of the root too, or the tree
/// is walked.
async fn read_units<T: ReadOrganization>(target: &T, accounts: &[Account]) -> Result<BTreeMap<AccountId, Vec<String>>, TargetError> {
    let root = match accounts.iter().find_map(|account| account.path.first()) {
        Some(id) => OrganizationalUnit { id: id.clone(), name: String::new() },
        None => target.root().await?,
    };
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
