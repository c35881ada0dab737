//! Reading the identity store.

use aws_sdk_identitystore::types::{Filter, Group, GroupMembership, MemberId, ResourceType, User};
use engine::ports::{ReadTarget, TargetCalls};
use sync_core::error::TargetError;
use sync_core::ids::{GroupId, UserId};
use sync_core::names::NameKey;
use sync_core::records::{DirectoryGroup, DirectoryUser, Listing, Membership};

use crate::IdentityCenter;
use crate::api::Api;
use crate::errors::{Failure, identity_store};
use crate::paging::{MAX_RESULTS, Page, all_pages};
use crate::records::{self, Asked};
use crate::whole::{HasList, same};

impl ReadTarget for IdentityCenter {
    async fn list_users(&self) -> Result<Listing<DirectoryUser>, TargetError> {
        let raw = all_pages(Api::ListUsers, |token| self.users_page(None, token)).await?;
        Ok(records::listing(raw, User::user_id, |raw| self.user_record(raw)))
    }

    /// The filter is compared once more on this side, as an emulator or a later AWS that does not know it would give every user.
    async fn users_named(&self, user_name: &str) -> Result<Vec<DirectoryUser>, TargetError> {
        let asked = NameKey::of(user_name);
        let raw = all_pages(Api::ListUsers, |token| self.users_page(Some(user_name), token)).await?;
        let users = raw.into_iter().map(|raw| self.user_record(raw)).collect::<Result<Vec<_>, _>>();
        let users = users.map_err(|error| Failure::malformed(Api::ListUsers, error.to_string()))?;
        Ok(users.into_iter().filter(|user| NameKey::of(&user.user_name) == asked).collect())
    }

    async fn user_with_external_id(&self, id: &str) -> Result<Option<Vec<DirectoryUser>>, TargetError> {
        match &self.scim {
            Some(scim) => self.found_by_scim(scim, id).await.map(Some),
            None => Ok(None),
        }
    }

    async fn user(&self, id: &UserId) -> Result<Option<DirectoryUser>, TargetError> {
        let send = || async {
            let request = self.aws.identity_store.describe_user().identity_store_id(&*self.store).user_id(id.as_str());
            let answer = request.set_extensions(self.details.extensions()).send().await;
            answer.map_err(|error| identity_store(Api::DescribeUser, error))
        };
        let Some(raw) = found(self.aws.caller.call(Api::DescribeUser, send).await, &ResourceType::User)? else { return Ok(None) };
        let user = self.described_user_record(raw).map_err(|error| Failure::malformed(Api::DescribeUser, error.to_string()))?;
        same(Api::DescribeUser, id, &user.id)?;
        Ok(Some(user))
    }

    async fn list_groups(&self) -> Result<Listing<DirectoryGroup>, TargetError> {
        let raw = all_pages(Api::ListGroups, |token| self.groups_page(token)).await?;
        Ok(records::listing(raw, Group::group_id, records::group))
    }

    async fn group(&self, id: &GroupId) -> Result<Option<DirectoryGroup>, TargetError> {
        let send = || async {
            let answer = self.aws.identity_store.describe_group().identity_store_id(&*self.store).group_id(id.as_str()).send().await;
            answer.map_err(|error| identity_store(Api::DescribeGroup, error))
        };
        let Some(raw) = found(self.aws.caller.call(Api::DescribeGroup, send).await, &ResourceType::Group)? else { return Ok(None) };
        let group = records::described_group(raw).map_err(|error| Failure::malformed(Api::DescribeGroup, error.to_string()))?;
        same(Api::DescribeGroup, id, &group.id)?;
        Ok(Some(group))
    }

    async fn memberships_of_group(&self, id: &GroupId) -> Result<Option<Vec<Membership>>, TargetError> {
        let api = Api::ListGroupMemberships;
        let raw = all_pages(api, |token| self.group_memberships_page(id, token)).await;
        let Some(raw) = found(raw, &ResourceType::Group)? else { return Ok(None) };
        let memberships = memberships(api, &raw, Asked::Group(id))?;
        memberships.iter().try_for_each(|membership| same(api, id, &membership.group))?;
        Ok(Some(memberships))
    }

    async fn memberships_of_user(&self, id: &UserId) -> Result<Option<Vec<Membership>>, TargetError> {
        let api = Api::ListGroupMembershipsForMember;
        let raw = all_pages(api, |token| self.user_memberships_page(id, token)).await;
        let Some(raw) = found(raw, &ResourceType::User)? else { return Ok(None) };
        let memberships = memberships(api, &raw, Asked::User(id))?;
        memberships.iter().try_for_each(|membership| same(api, id, &membership.user))?;
        Ok(Some(memberships))
    }

    fn calls(&self) -> TargetCalls {
        self.aws.caller.calls()
    }
}

impl IdentityCenter {
    async fn users_page(&self, user_name: Option<&str>, token: Option<String>) -> Result<Page<User>, Failure> {
        let filter = user_name.map(user_name_filter).transpose()?;
        let send = || async {
            let request = self.aws.identity_store.list_users().identity_store_id(&*self.store).max_results(MAX_RESULTS);
            let request = request.set_extensions(self.details.extensions());
            #[expect(deprecated, reason = "the other way, GetUserId, needs DescribeUser as well: two calls for one")]
            let request = request.set_filters(filter.clone().map(|filter| vec![filter])).set_next_token(token.clone());
            let answer = request.customize().interceptor(HasList("Users")).send().await;
            answer.map_err(|error| identity_store(Api::ListUsers, error))
        };
        let page = self.aws.caller.call(Api::ListUsers, send).await?;
        Ok((page.users, page.next_token))
    }

    async fn groups_page(&self, token: Option<String>) -> Result<Page<Group>, Failure> {
        let send = || async {
            let request = self.aws.identity_store.list_groups().identity_store_id(&*self.store).max_results(MAX_RESULTS);
            let answer = request.set_next_token(token.clone()).customize().interceptor(HasList("Groups")).send().await;
            answer.map_err(|error| identity_store(Api::ListGroups, error))
        };
        let page = self.aws.caller.call(Api::ListGroups, send).await?;
        Ok((page.groups, page.next_token))
    }

    async fn group_memberships_page(&self, id: &GroupId, token: Option<String>) -> Result<Page<GroupMembership>, Failure> {
        let send = || async {
            let request = self.aws.identity_store.list_group_memberships().identity_store_id(&*self.store).group_id(id.as_str());
            let request = request.max_results(MAX_RESULTS).set_next_token(token.clone());
            let answer = request.customize().interceptor(HasList("GroupMemberships")).send().await;
            answer.map_err(|error| identity_store(Api::ListGroupMemberships, error))
        };
        let page = self.aws.caller.call(Api::ListGroupMemberships, send).await?;
        Ok((page.group_memberships, page.next_token))
    }

    async fn user_memberships_page(&self, id: &UserId, token: Option<String>) -> Result<Page<GroupMembership>, Failure> {
        let send = || async {
            let member = MemberId::UserId(id.as_str().to_owned());
            let request = self.aws.identity_store.list_group_memberships_for_member().identity_store_id(&*self.store).member_id(member);
            let request = request.max_results(MAX_RESULTS).set_next_token(token.clone());
            let answer = request.customize().interceptor(HasList("GroupMemberships")).send().await;
            answer.map_err(|error| identity_store(Api::ListGroupMembershipsForMember, error))
        };
        let page = self.aws.caller.call(Api::ListGroupMembershipsForMember, send).await?;
        Ok((page.group_memberships, page.next_token))
    }
}

fn user_name_filter(user_name: &str) -> Result<Filter, Failure> {
    let filter = Filter::builder().attribute_path("UserName").attribute_value(user_name).build();
    filter.map_err(|error| Failure::malformed(Api::ListUsers, error.to_string()))
}

/// `None` where AWS says that the thing itself does not exist.
fn found<T>(answer: Result<T, Failure>, resource: &ResourceType) -> Result<Option<T>, Failure> {
    match answer {
        Ok(thing) => Ok(Some(thing)),
        Err(failure) if failure.is_missing(resource) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// A membership that cannot be named cannot be set aside either: it would be taken for absent.
fn memberships(api: Api, raw: &[GroupMembership], asked: Asked<'_>) -> Result<Vec<Membership>, Failure> {
    let memberships: Result<Vec<Option<Membership>>, _> = raw.iter().map(|raw| records::membership(raw, asked)).collect();
    let memberships = memberships.map_err(|error| Failure::malformed(api, error.to_string()))?;
    Ok(memberships.into_iter().flatten().collect())
}
