//! The organization, as far as it was read.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::AccountId;

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    /// Its name.
    pub name: String,
    /// Whether it is ACTIVE; any other is frozen.
    pub is_active: bool,
    /// AWS's word for its state.
    pub state: String,
    /// The names of the organizational units above it, from below the root down.
    pub units: Vec<String>,
    /// Its tags; `None` where no rule asks for them.
    pub tags: Option<BTreeMap<String, String>>,
}

/// The organization, as far as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Organization {
    /// Whether every account is in `accounts`.
    pub is_whole: bool,
    /// Accounts.
    pub accounts: BTreeMap<AccountId, AccountFacts>,
    /// The accounts that were looked for one by one, and that the organization does not have.
    pub absent: BTreeSet<AccountId>,
    /// Whether AWS answers as it answers a delegated administrator: what groups give is then read by account and permission set.
    pub is_delegated: bool,
    /// The management account, where a delegated administrator may not touch it.
    pub off_limits: Option<AccountId>,
}

impl Organization {
    /// The accounts that fit.
    pub(super) fn those(&self, fits: impl Fn(&AccountFacts) -> bool) -> BTreeSet<AccountId> {
        self.accounts.iter().filter(|(_, account)| fits(account)).map(|(id, _)| id.clone()).collect()
    }

    /// Whether it is known that there is no such account.
    pub(super) fn lacks(&self, account: &AccountId) -> bool {
        self.absent.contains(account) || (self.is_whole && !self.accounts.contains_key(account))
    }

    /// Whether a unit of this path exists, as far as accounts show it.
    pub(super) fn has_unit(&self, path: &[&str]) -> bool {
        self.accounts.values().any(|account| is_below(account, path))
    }
}

/// Whether an account is in a unit or its subtree.
pub(super) fn is_below(account: &AccountFacts, path: &[&str]) -> bool {
    account.units.len() >= path.len() && account.units.iter().zip(path).all(|(unit, wanted)| unit == wanted)
}
