//! What other people do with the organization, and what is there, whatever the API would show.

use std::collections::BTreeMap;

use sync_core::ids::AccountId;

use super::{NewAccount, Organization, StoreAccount};
use crate::identity_center::FakeIdentityCenter;

/// What other people do. What AWS would refuse changes nothing, and answers `None` or `false`. The first account, or unit, makes the
/// organization.
impl FakeIdentityCenter {
    /// Makes the organization, with its management account, if there is none.
    pub fn add_organization(&self) -> AccountId {
        self.organize(|organization| organization.management.clone())
    }

    /// Makes an account; `None` where the id is not twelve digits or is taken.
    pub fn add_account(&self, new: &NewAccount) -> Option<AccountId> {
        let id = AccountId::new(&new.id).ok()?;
        let joined_at = self.lock().now();
        self.organize(|organization| {
            if organization.accounts.contains_key(&id) {
                return None;
            }
            let name = if new.name.is_empty() { format!("account-{id}") } else { new.name.clone() };
            let parent = organization.unit_at(&new.unit);
            let account = StoreAccount { id: id.clone(), name, state: new.state.clone(), parent, tags: new.tags.clone(), joined_at };
            organization.accounts.insert(id.clone(), account);
            Some(id)
        })
    }

    /// Makes the units of a path (`Workloads/Prod`) that are missing; returns the id of the last one.
    pub fn add_unit(&self, path: &str) -> String {
        self.organize(|organization| organization.unit_at(path))
    }

    /// Renames a unit, by its id.
    pub fn rename_unit(&self, id: &str, name: &str) -> bool {
        self.organize(|organization| organization.units.get_mut(id).map(|unit| name.clone_into(&mut unit.name)).is_some())
    }

    /// Gives an account this state: `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE`, `CLOSED`, …
    pub fn set_account_state(&self, id: &AccountId, state: &str) -> bool {
        self.touch_account(id, |account| state.clone_into(&mut account.state))
    }

    /// Gives an account another name.
    pub fn rename_account(&self, id: &AccountId, name: &str) -> bool {
        self.touch_account(id, |account| name.clone_into(&mut account.name))
    }

    /// Moves an account into the unit on this path, which is made where it is missing.
    pub fn move_account(&self, id: &AccountId, unit: &str) -> bool {
        let parent = self.add_unit(unit);
        self.touch_account(id, |account| account.parent = parent)
    }

    /// Gives an account these tags instead of those that it has.
    pub fn tag_account(&self, id: &AccountId, tags: &BTreeMap<String, String>) -> bool {
        self.touch_account(id, |account| account.tags.clone_from(tags))
    }

    /// Lets an account leave the organization, and its assignments with it. The management account stays.
    pub fn remove_account(&self, id: &AccountId) -> bool {
        let left = self.organize(|organization| *id != organization.management && organization.accounts.remove(id).is_some());
        if left {
            self.forget_assignments_on(id);
        }
        left
    }

    fn organize<T>(&self, change: impl FnOnce(&mut Organization) -> T) -> T {
        let mut state = self.lock();
        let now = state.now();
        state.version += 1;
        change(state.organization.get_or_insert_with(|| Organization::new(now)))
    }

    fn touch_account(&self, id: &AccountId, change: impl FnOnce(&mut StoreAccount)) -> bool {
        self.organize(|organization| organization.accounts.get_mut(id).map(change).is_some())
    }
}

/// What is there.
impl FakeIdentityCenter {
    /// An account.
    pub fn peek_account(&self, id: &AccountId) -> Option<StoreAccount> {
        self.lock().organization.as_ref()?.accounts.get(id).cloned()
    }

    /// All accounts, the management account included.
    pub fn all_accounts(&self) -> Vec<StoreAccount> {
        let state = self.lock();
        state.organization.iter().flat_map(|organization| organization.accounts.values()).cloned().collect()
    }
}
