//! The organization of a world, and the assignments in it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sync_core::ids::{AccountId, GroupId, OktaGroupId, PermissionSetArn};

use super::World;
use crate::identity_center::{NewAccount, Principal, StoreAssignment};

/// The shape of a world's organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrganizationShape {
    /// Active accounts, `000000000001` and so on, beside the management account. Each is named `account-001` and so on, and has the tag
    /// `env` with the last name of its unit in lower case.
    pub accounts: u32,
    /// The units that the accounts are in, one after the other, by the names from the root down.
    pub units: Vec<String>,
    /// The names of the permission sets.
    pub permission_sets: Vec<String>,
}

impl Default for OrganizationShape {
    fn default() -> Self {
        let owned = |names: [&str; 3]| names.map(str::to_owned).to_vec();
        Self {
            accounts: 6,
            units: owned(["Workloads/Prod", "Workloads/Dev", "Sandbox"]),
            permission_sets: owned(["ReadOnly", "PowerUser", "Admin"]),
        }
    }
}

impl World {
    pub(super) fn build_organization(&self, shape: &OrganizationShape) {
        self.aws.add_organization();
        shape.permission_sets.iter().for_each(|name| drop(self.aws.add_permission_set(name)));
        let units = shape.units.iter().map(String::as_str).cycle().chain(std::iter::repeat(""));
        for (number, unit) in (1..=shape.accounts).zip(units) {
            let env = unit.rsplit('/').next().unwrap_or_default().to_lowercase();
            let account = NewAccount::of(&self.account(number)).named(&format!("account-{number:03}")).below(unit);
            self.aws.add_account(&if env.is_empty() { account } else { account.tagged("env", &env) });
        }
    }

    /// The id of the account with this number, the first of which is 1.
    pub fn account(&self, number: u32) -> AccountId {
        AccountId::new(&format!("{number:012}")).expect("a number of ten digits at most has twelve with zeros before it")
    }

    /// The permission set of this name.
    pub fn permission_set(&self, name: &str) -> PermissionSetArn {
        self.aws.permission_set_named(name).expect("the world was built with a permission set of this name")
    }

    /// The assignment of a group, as it was built, on an account.
    pub fn assignment(&self, group: usize, account: u32, permission_set: &str) -> StoreAssignment {
        StoreAssignment::of_group(&self.group(group), &self.account(account), &self.permission_set(permission_set))
    }

    /// Who has what where: the assignments of groups that carry a mark of this org, with the names of the permission sets.
    pub fn assignments(&self) -> BTreeSet<(OktaGroupId, AccountId, String)> {
        let sets = self.aws.all_permission_sets();
        let name = |arn: &PermissionSetArn| sets.iter().find(|set| set.arn == *arn).map(|set| set.name.clone());
        let owner = |group: &GroupId| self.okta_group_of(group);
        let named = |assignment: StoreAssignment| match &assignment.principal {
            Principal::Group(group) => Some((owner(group)?, assignment.account.clone(), name(&assignment.permission_set)?)),
            Principal::User(_) => None,
        };
        self.aws.all_assignments().into_iter().filter_map(named).collect()
    }
}
