//! The organization: its root, its organizational units, and its accounts.

pub(crate) mod api;
mod handle;
mod ports;
mod reads;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sync_core::ids::AccountId;

use crate::ids::IdMaker;

/// The management account of every simulated organization, which owns the instance of IAM Identity Center.
pub(crate) const MANAGEMENT: &str = "111122223333";

/// An account to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Twelve digits.
    pub id: String,
    /// Its name; by default `account-` and the id.
    #[serde(default)]
    pub name: String,
    /// The names of the organizational units above it, from the root down, with slashes; empty for the root itself. Units that are
    /// not there are made.
    #[serde(default)]
    pub unit: String,
    /// AWS's word for its state; by default `ACTIVE`.
    #[serde(default = "active")]
    pub state: String,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

fn active() -> String {
    "ACTIVE".to_owned()
}

impl NewAccount {
    /// An active account directly below the root.
    pub fn of(id: &AccountId) -> Self {
        Self { id: id.to_string(), name: String::new(), unit: String::new(), state: active(), tags: BTreeMap::new() }
    }

    /// With this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// In this unit.
    #[must_use]
    pub fn below(mut self, unit: &str) -> Self {
        unit.clone_into(&mut self.unit);
        self
    }

    /// In this state.
    #[must_use]
    pub fn in_state(mut self, state: &str) -> Self {
        state.clone_into(&mut self.state);
        self
    }

    /// With one more tag.
    #[must_use]
    pub fn tagged(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreAccount {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// AWS's word for its state.
    pub state: String,
    /// The id of the unit that it is in, or the root's.
    pub parent: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it joined.
    pub joined_at: Timestamp,
}

impl StoreAccount {
    pub(crate) fn is_active(&self) -> bool {
        self.state == "ACTIVE"
    }
}

/// An organizational unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUnit {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The id of the unit that it is in, or the root's.
    pub parent: String,
}

/// How an account's state is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateFields {
    /// `State` and `Status`.
    Both,
    /// `State`, as AWS has announced.
    State,
    /// `Status`, as it was once.
    Status,
}

/// Settings of a simulated organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrganizationSettings {
    /// Elements on a page at most, whatever `MaxResults` asks for. AWS's own limit is 20.
    pub page_size: usize,
    /// Every page is preceded by an empty one that has only a token, which AWS says may happen.
    pub empty_pages: bool,
    /// Accounts have `Paths`, which AWS added late.
    pub paths: bool,
    /// Accounts have `State`, `Status`, or both.
    pub state_fields: StateFields,
}

impl Default for OrganizationSettings {
    fn default() -> Self {
        Self { page_size: 20, empty_pages: false, paths: true, state_fields: StateFields::Both }
    }
}

/// An organization.
#[derive(Debug)]
pub(crate) struct Organization {
    ids: IdMaker,
    pub(crate) id: String,
    /// `r-…`
    pub(crate) root: String,
    pub(crate) management: AccountId,
    pub(crate) units: BTreeMap<String, StoreUnit>,
    pub(crate) accounts: BTreeMap<AccountId, StoreAccount>,
}

impl Organization {
    /// An organization that has only its management account.
    fn new(now: Timestamp) -> Self {
        let mut ids = IdMaker::new(0x0026_0000);
        let (id, root) = (format!("o-{}", ids.hex(10)), format!("r-{}", ids.hex(4)));
        let management = AccountId::new(MANAGEMENT).expect("it has twelve digits");
        let account = StoreAccount {
            id: management.clone(),
            name: "management".to_owned(),
            state: active(),
            parent: root.clone(),
            tags: BTreeMap::new(),
            joined_at: now,
        };
        Self { ids, id, root, accounts: BTreeMap::from([(management.clone(), account)]), management, units: BTreeMap::new() }
    }

    /// The id of the unit on this path, which is made where it is missing; the root's for an empty path.
    fn unit_at(&mut self, path: &str) -> String {
        path.split('/').filter(|name| !name.is_empty()).fold(self.root.clone(), |parent, name| self.unit_below(&parent, name))
    }

    fn unit_below(&mut self, parent: &str, name: &str) -> String {
        let found = self.units.values().find(|unit| unit.parent == parent && unit.name == name).map(|unit| unit.id.clone());
        found.unwrap_or_else(|| {
            let id = format!("ou-{}-{}", self.root.trim_start_matches("r-"), self.ids.hex(8));
            self.units.insert(id.clone(), StoreUnit { id: id.clone(), name: name.to_owned(), parent: parent.to_owned() });
            id
        })
    }

    /// The names of the units down to this one, with slashes, as [`NewAccount::unit`] takes them.
    pub(crate) fn unit_names(&self, id: &str) -> String {
        let name = |id: &String| self.units.get(id).map(|unit| unit.name.clone());
        self.path_of(id).iter().filter_map(name).collect::<Vec<_>>().join("/")
    }

    /// The ids of the root and the units down to this one.
    fn path_of(&self, id: &str) -> Vec<String> {
        let mut path = vec![id.to_owned()];
        let mut reached = id;
        while let Some(unit) = self.units.get(reached) {
            path.push(unit.parent.clone());
            reached = &unit.parent;
        }
        path.reverse();
        path
    }
}
