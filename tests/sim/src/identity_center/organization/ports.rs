//! The engine's [`ReadOrganization`] on a simulated organization, without HTTP in between.

use std::collections::BTreeMap;

use engine::ports::ReadOrganization;
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::AccountId;
use sync_core::records::{Account, OrganizationalUnit};

use super::{StoreAccount, StoreUnit};
use crate::call::Operation;
use crate::identity_center::FakeIdentityCenter;
use crate::identity_center::ports::or_none;
use crate::identity_center::reads::Part;
use crate::identity_center::state::StoreState;

impl ReadOrganization for FakeIdentityCenter {
    async fn accounts(&self) -> Result<Vec<Account>, TargetError> {
        let read = |state: &StoreState, part: Part<'_>| state.list_accounts(part, |account| account_record(state, account));
        self.whole("ListAccounts", "", read).await
    }

    async fn account(&self, id: &AccountId) -> Result<Option<Account>, TargetError> {
        let operation = Operation::read("DescribeAccount", format!("AccountId={id}"));
        let read = |state: &mut StoreState, _| state.described_account(id.as_str()).map(|account| account_record(state, account));
        or_none(self.one(operation, read).await)
    }

    async fn management_account(&self) -> Result<AccountId, TargetError> {
        let operation = Operation::read("DescribeOrganization", String::new());
        self.one(operation, |state, _| state.its_organization().map(|organization| organization.management.clone())).await
    }

    async fn root(&self) -> Result<OrganizationalUnit, TargetError> {
        let named = |id: &str| OrganizationalUnit { id: id.to_owned(), name: "Root".to_owned() };
        let roots = self.whole("ListRoots", "", |state, part| state.list_roots(part, named)).await?;
        let none = || TargetError::new(TargetErrorKind::Malformed, "ListRoots", "the organization has no root");
        roots.into_iter().next().ok_or_else(none)
    }

    async fn units_below(&self, id: &str) -> Result<Vec<OrganizationalUnit>, TargetError> {
        let record = |unit: &StoreUnit| OrganizationalUnit { id: unit.id.clone(), name: unit.name.clone() };
        let read = |state: &StoreState, part: Part<'_>| state.list_units_below(id, part, record);
        self.whole("ListOrganizationalUnitsForParent", &format!("ParentId={id}"), read).await
    }

    async fn accounts_below(&self, id: &str) -> Result<Vec<Account>, TargetError> {
        let read = |state: &StoreState, part: Part<'_>| state.list_accounts_below(id, part, |account| account_record(state, account));
        self.whole("ListAccountsForParent", &format!("ParentId={id}"), read).await
    }

    async fn tags(&self, id: &AccountId) -> Result<BTreeMap<String, String>, TargetError> {
        let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let read = |state: &StoreState, part: Part<'_>| state.list_tags(id.as_str(), part, pair);
        Ok(self.whole("ListTagsForResource", &format!("ResourceId={id}"), read).await?.into_iter().collect())
    }
}

fn account_record(state: &StoreState, account: &StoreAccount) -> Account {
    Account {
        id: account.id.clone(),
        name: account.name.clone(),
        is_active: account.is_active(),
        state: state.shown_state(account),
        path: state.path_of_account(account),
    }
}
