//! Reading the organization: its accounts, its units, and what they are tagged with.

use std::collections::BTreeMap;

use aws_sdk_organizations::types::{self as aws, AccountState};
use engine::ports::ReadOrganization;
use sync_core::error::TargetError;
use sync_core::ids::AccountId;
use sync_core::records::{Account, OrganizationalUnit};

use crate::IdentityCenter;
use crate::api::Api;
use crate::errors::{Failure, organizations};
use crate::locate;
use crate::paging::{Page, all_pages};
use crate::whole::{HasList, same};

/// The most that Organizations gives in one page.
const MAX_RESULTS: i32 = 20;

impl ReadOrganization for IdentityCenter {
    async fn accounts(&self) -> Result<Vec<Account>, TargetError> {
        let api = Api::ListAccounts;
        let raw = all_pages(api, |token| self.accounts_page(token)).await?;
        Ok(raw.into_iter().map(|raw| account(api, raw)).collect::<Result<_, _>>()?)
    }

    async fn account(&self, id: &AccountId) -> Result<Option<Account>, TargetError> {
        let api = Api::DescribeAccount;
        let send = || async {
            let answer = self.aws.organizations.describe_account().account_id(id.as_str()).send().await;
            answer.map_err(|error| organizations(api, error))
        };
        let answer = match self.aws.caller.call(api, send).await {
            Ok(answer) => answer,
            Err(failure) if failure.is_absent() => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        let raw = answer.account.ok_or_else(|| Failure::malformed(api, "the answer has no Account"))?;
        let account = account(api, raw)?;
        same(api, id, &account.id)?;
        Ok(Some(account))
    }

    /// As Organizations says, or else as the instance does, which every user of Identity Center may see: that of an organization belongs to
    /// its management account.
    async fn management_account(&self) -> Result<AccountId, TargetError> {
        match self.described_management_account().await {
            Ok(id) => Ok(id),
            Err(failure) => locate::owner_of(&self.aws, &self.store).await.ok_or_else(|| failure.into()),
        }
    }

    async fn root(&self) -> Result<OrganizationalUnit, TargetError> {
        let api = Api::ListRoots;
        let mut roots = all_pages(api, |token| self.roots_page(token)).await?;
        match (roots.pop(), roots.len()) {
            (Some(root), 0) => Ok(unit(api, root.id, root.name)?),
            (last, others) => {
                let n_roots = usize::from(last.is_some()) + others;
                Err(Failure::malformed(api, format!("an organization has one root, and the answer has {n_roots}")).into())
            }
        }
    }

    async fn units_below(&self, id: &str) -> Result<Vec<OrganizationalUnit>, TargetError> {
        let api = Api::ListOrganizationalUnitsForParent;
        let raw = all_pages(api, |token| self.units_page(id, token)).await?;
        Ok(raw.into_iter().map(|raw| unit(api, raw.id, raw.name)).collect::<Result<_, _>>()?)
    }

    async fn accounts_below(&self, id: &str) -> Result<Vec<Account>, TargetError> {
        let api = Api::ListAccountsForParent;
        let raw = all_pages(api, |token| self.accounts_below_page(id, token)).await?;
        Ok(raw.into_iter().map(|raw| account(api, raw)).collect::<Result<_, _>>()?)
    }

    async fn tags(&self, id: &AccountId) -> Result<BTreeMap<String, String>, TargetError> {
        let raw = all_pages(Api::ListTagsForResource, |token| self.tags_page(id, token)).await?;
        Ok(raw.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }
}

impl IdentityCenter {
    async fn described_management_account(&self) -> Result<AccountId, Failure> {
        let api = Api::DescribeOrganization;
        let send = || async {
            let answer = self.aws.organizations.describe_organization().send().await;
            answer.map_err(|error| organizations(api, error))
        };
        let organization = self.aws.caller.call(api, send).await?.organization;
        let id = organization.and_then(|organization| organization.master_account_id).unwrap_or_default();
        AccountId::new(&id).map_err(Failure::nameless(api))
    }

    async fn accounts_page(&self, token: Option<String>) -> Result<Page<aws::Account>, Failure> {
        let api = Api::ListAccounts;
        let send = || async {
            let request = self.aws.organizations.list_accounts().max_results(MAX_RESULTS).set_next_token(token.clone());
            let answer = request.customize().interceptor(HasList("Accounts")).send().await;
            answer.map_err(|error| organizations(api, error))
        };
        let page = self.aws.caller.call(api, send).await?;
        Ok((page.accounts.unwrap_or_default(), page.next_token))
    }

    async fn roots_page(&self, token: Option<String>) -> Result<Page<aws::Root>, Failure> {
        let api = Api::ListRoots;
        let send = || async {
            let request = self.aws.organizations.list_roots().max_results(MAX_RESULTS).set_next_token(token.clone());
            let answer = request.customize().interceptor(HasList("Roots")).send().await;
            answer.map_err(|error| organizations(api, error))
        };
        let page = self.aws.caller.call(api, send).await?;
        Ok((page.roots.unwrap_or_default(), page.next_token))
    }

    async fn units_page(&self, id: &str, token: Option<String>) -> Result<Page<aws::OrganizationalUnit>, Failure> {
        let api = Api::ListOrganizationalUnitsForParent;
        let send = || async {
            let request = self.aws.organizations.list_organizational_units_for_parent().parent_id(id);
            let request = request.max_results(MAX_RESULTS).set_next_token(token.clone());
            let answer = request.customize().interceptor(HasList("OrganizationalUnits")).send().await;
            answer.map_err(|error| organizations(api, error))
        };
        let page = self.aws.caller.call(api, send).await?;
        Ok((page.organizational_units.unwrap_or_default(), page.next_token))
    }

    async fn accounts_below_page(&self, id: &str, token: Option<String>) -> Result<Page<aws::Account>, Failure> {
        let api = Api::ListAccountsForParent;
        let send = || async {
            let request = self.aws.organizations.list_accounts_for_parent().parent_id(id);
            let request = request.max_results(MAX_RESULTS).set_next_token(token.clone());
            let answer = request.customize().interceptor(HasList("Accounts")).send().await;
            answer.map_err(|error| organizations(api, error))
        };
        let page = self.aws.caller.call(api, send).await?;
        Ok((page.accounts.unwrap_or_default(), page.next_token))
    }

    /// The one list without a page size to ask for.
    async fn tags_page(&self, id: &AccountId, token: Option<String>) -> Result<Page<aws::Tag>, Failure> {
        let api = Api::ListTagsForResource;
        let send = || async {
            let request = self.aws.organizations.list_tags_for_resource().resource_id(id.as_str()).set_next_token(token.clone());
            let answer = request.customize().interceptor(HasList("Tags")).send().await;
            answer.map_err(|error| organizations(api, error))
        };
        let page = self.aws.caller.call(api, send).await?;
        Ok((page.tags.unwrap_or_default(), page.next_token))
    }
}

/// `Status` is what there was before `State`, and is being retired.
fn account(api: Api, raw: aws::Account) -> Result<Account, Failure> {
    let status = raw.status.map(|status| status.as_str().to_owned());
    let state = raw.state.map(|state| state.as_str().to_owned()).or(status).unwrap_or_default();
    Ok(Account {
        id: AccountId::new(&raw.id.unwrap_or_default()).map_err(Failure::nameless(api))?,
        name: raw.name.unwrap_or_default(),
        is_active: state == AccountState::Active.as_str(),
        state,
        path: raw.paths.unwrap_or_default().first().map(|path| units_above(path)).unwrap_or_default(),
    })
}

/// The root and the units of a path such as `o-1/r-1/ou-1/ou-2/123456789012/`; none where it does not lead down from a root.
fn units_above(path: &str) -> Vec<String> {
    let is_unit = |part: &&str| part.starts_with("r-") || part.starts_with("ou-");
    let units = path.split('/').skip_while(|part| !part.starts_with("r-")).take_while(is_unit);
    units.map(str::to_owned).collect()
}

fn unit(api: Api, id: Option<String>, name: Option<String>) -> Result<OrganizationalUnit, Failure> {
    let id = id.filter(|id| !id.is_empty()).ok_or_else(|| Failure::malformed(api, "an organizational unit has no id"))?;
    Ok(OrganizationalUnit { id, name: name.unwrap_or_default() })
}
