//! What other people do with permission sets and assignments, and what is there, whatever the API would show.

use std::collections::BTreeSet;

use sync_core::ids::{AccountId, GroupId, PermissionSetArn};

use super::{Fate, PermissionSet, Principal, StoreAssignment, StoreRequest};
use crate::identity_center::FakeIdentityCenter;
use crate::identity_center::sso_admin::INSTANCE_ID;

/// Longest name of a permission set, in characters.
const MAX_NAME_CHARS: usize = 32;

/// What other people do, without any delay. What AWS would refuse changes nothing, and answers `None` or `false`.
impl FakeIdentityCenter {
    /// Makes a permission set.
    pub fn add_permission_set(&self, name: &str) -> Option<PermissionSetArn> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        let mut state = self.lock();
        let created_at = state.now();
        let own = &mut state.assignments;
        let taken = own.permission_sets.values().any(|set| set.name == name);
        if taken || name.is_empty() || name.len() > MAX_NAME_CHARS || !name.chars().all(is_name) {
            return None;
        }
        let arn = format!("arn:aws:sso:::permissionSet/{INSTANCE_ID}/ps-{}", own.ids.hex(16));
        let arn = PermissionSetArn::new(&arn).expect("digits and slashes are an ARN");
        own.permission_sets.insert(arn.clone(), PermissionSet { arn: arn.clone(), name: name.to_owned(), created_at });
        state.version += 1;
        Some(arn)
    }

    /// Removes a permission set that is assigned nowhere.
    pub fn remove_permission_set(&self, arn: &PermissionSetArn) -> bool {
        let mut state = self.lock();
        let own = &mut state.assignments;
        let in_use = own.made.values().any(|assignment| assignment.permission_set == *arn)
            || own.in_flight().any(|request| request.assignment.permission_set == *arn);
        let removed = !in_use && own.permission_sets.remove(arn).is_some();
        state.version += u64::from(removed);
        removed
    }

    /// Makes an assignment.
    pub fn assign(&self, assignment: &StoreAssignment) -> bool {
        let mut state = self.lock();
        let possible = state.existing_permission_set(&assignment.permission_set).is_ok()
            && state.existing_account(&assignment.account).is_ok()
            && state.existing_principal(&assignment.principal).is_ok();
        let made = possible && state.assignments.made.insert(assignment.key(), assignment.clone()).is_none();
        state.version += u64::from(made);
        made
    }

    /// Removes an assignment, an orphan as well.
    pub fn unassign(&self, assignment: &StoreAssignment) -> bool {
        let mut state = self.lock();
        let removed = state.assignments.made.remove(&assignment.key()).is_some();
        state.version += u64::from(removed);
        removed
    }

    pub(crate) fn forget_assignments_on(&self, account: &AccountId) {
        self.lock().assignments.made.retain(|_, assignment| assignment.account != *account);
    }

    /// Brings all requests under way to their end, at once.
    pub fn finish_requests(&self) {
        self.lock().finish_all();
    }

    /// Decides what becomes of requests that are begun from now on.
    pub fn decide(&self, fate: Fate) {
        self.lock().assignments.fates.push(fate);
    }

    /// Forgets all fates, but not those of requests that are under way.
    pub fn clear_fates(&self) {
        self.lock().assignments.fates.clear();
    }
}

/// What is there.
impl FakeIdentityCenter {
    /// All permission sets.
    pub fn all_permission_sets(&self) -> Vec<PermissionSet> {
        self.lock().assignments.permission_sets.values().cloned().collect()
    }

    /// The permission set of this name.
    pub fn permission_set_named(&self, name: &str) -> Option<PermissionSetArn> {
        self.lock().assignments.permission_sets.values().find(|set| set.name == name).map(|set| set.arn.clone())
    }

    /// All assignments, of groups and of users, orphans included.
    pub fn all_assignments(&self) -> BTreeSet<StoreAssignment> {
        self.lock().assignments.made.values().cloned().collect()
    }

    /// The assignments of groups and users that are gone.
    pub fn orphans(&self) -> BTreeSet<StoreAssignment> {
        let state = self.lock();
        let orphans = state.assignments.made.values().filter(|assignment| state.existing_principal(&assignment.principal).is_err());
        orphans.cloned().collect()
    }

    /// Every assignment of a group: its name, the account, the permission set's name. The whole for comparison, whatever the ids.
    pub fn assignments_by_name(&self) -> BTreeSet<(String, AccountId, String)> {
        let state = self.lock();
        let group_name =
            |id: &GroupId| state.groups.get(id).map(|group| group.display_name.clone()).unwrap_or_else(|| format!("(gone) {id}"));
        let named = |assignment: &StoreAssignment| {
            let Principal::Group(group) = &assignment.principal else { return None };
            let set = state.existing_permission_set(&assignment.permission_set).ok()?;
            Some((group_name(group), assignment.account.clone(), set.name.clone()))
        };
        state.assignments.made.values().filter_map(named).collect()
    }

    /// All requests since the world began, whatever AWS would have forgotten.
    pub fn all_requests(&self) -> Vec<StoreRequest> {
        self.lock().assignments.requests.values().cloned().collect()
    }

    /// The most requests that were under way at one time.
    pub fn most_in_flight(&self) -> usize {
        self.lock().assignments.most_in_flight
    }
}
