//! Which operations AWS lets us call, found out by calling each of them so that nothing can come of it.
//!
//! Reads ask for one record. Writes name objects that do not exist, or a name that AWS keeps for itself, so that AWS refuses them for that
//! reason wherever it does not refuse them for the lack of a permission. What a store makes all the same is undone at once.

use aws_sdk_identitystore::types::{AttributeOperation, MemberId, Name};
use aws_sdk_ssoadmin::types::{PrincipalType, TargetType};
use jiff::Timestamp;
use sync_core::error::TargetErrorKind;
use uuid::Uuid;

use crate::IdentityCenter;
use crate::api::Api;
use crate::errors::{Failure, identity_store, organizations, sso_admin};
use crate::skew::Skew;

/// A name that AWS gives to no user and to no group.
const RESERVED_NAME: &str = "Administrator";

/// An account that cannot exist.
const NO_ACCOUNT: &str = "000000000000";

/// What an operation is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Groups and memberships: always.
    Directory,
    /// Making, changing and deleting users: where users are managed.
    Users,
    /// Account assignments: where the policy has rules.
    Assignments,
    /// The accounts: where rules name accounts otherwise than by id.
    Organization,
    /// Their tags: where rules ask for tags.
    Tags,
}

/// What came of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// AWS's name for it.
    pub operation: &'static str,
    /// The IAM action that allows it.
    pub iam_action: String,
    /// What it is needed for.
    pub purpose: Purpose,
    /// What AWS said.
    pub found: Found,
}

/// What AWS said to an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It did it, or refused it for a reason that only the permitted get to hear.
    Allowed,
    /// It denied it; AWS's words, and what else to look at.
    Denied(String),
    /// It answered otherwise, which tells nothing about permissions.
    Unclear(String),
}

/// Every operation that Lockstep calls, and what came of trying it.
#[derive(Debug, Clone)]
pub struct Tried {
    /// In the order of AWS's services.
    pub accesses: Vec<Access>,
    /// How far AWS's clock is ahead of ours, in seconds; `None` where no answer told.
    pub clock_ahead_s: Option<i64>,
}

impl IdentityCenter {
    /// Tries every operation that Lockstep calls, one after the other. `now` is our clock.
    pub async fn try_all(&self, now: fn() -> Timestamp) -> Tried {
        let (skew, nobody) = (Skew::new(now), Uuid::new_v4().to_string());
        let mut accesses = Vec::new();
        for api in Api::ALL.iter().copied() {
            if let Some((purpose, outcome)) = self.try_one(api, &nobody, &skew).await {
                accesses.push(Access { operation: api.name(), iam_action: api.iam_action(), purpose, found: found(outcome) });
            }
        }
        Tried { accesses, clock_ahead_s: skew.seconds() }
    }

    /// `nobody` is the id of nothing, the same for all of it.
    async fn try_one(&self, api: Api, nobody: &str, skew: &Skew) -> Option<(Purpose, Result<(), Failure>)> {
        if let Some(outcome) = Box::pin(self.try_read(api, nobody)).await {
            return Some((Purpose::Directory, outcome));
        }
        if let Some(outcome) = Box::pin(self.try_write(api, nobody)).await {
            let is_about_users = matches!(api.name(), "CreateUser" | "UpdateUser" | "DeleteUser");
            return Some((if is_about_users { Purpose::Users } else { Purpose::Directory }, outcome));
        }
        if api == Api::ListInstances {
            return Some((Purpose::Directory, Box::pin(self.try_instances(skew)).await));
        }
        if let Some(outcome) = Box::pin(self.try_assignments(api, nobody)).await {
            return Some((Purpose::Assignments, outcome));
        }
        let outcome = Box::pin(self.try_organization(api)).await?;
        Some((if api == Api::ListTagsForResource { Purpose::Tags } else { Purpose::Organization }, outcome))
    }
}

/// Sends a request through the crate's one way to call AWS, and forgets the answer.
macro_rules! attempt {
    ($center:expr, $api:expr, $sort:ident, $request:expr) => {{
        let send = || async { $request.send().await.map(drop).map_err(|error| $sort($api, error)) };
        Some($center.aws.caller.call($api, send).await)
    }};
}

/// The same with a request that names the identity store.
macro_rules! store {
    ($center:expr, $api:expr, $begin:ident $(, $method:ident($($argument:expr),*))*) => {
        attempt!($center, $api, identity_store,
            $center.aws.identity_store.$begin().identity_store_id(&*$center.store)$(.$method($($argument),*))*)
    };
}

impl IdentityCenter {
    async fn try_read(&self, api: Api, nobody: &str) -> Option<Result<(), Failure>> {
        match api.name() {
            "ListUsers" => store!(self, api, list_users, max_results(1)),
            "ListGroups" => store!(self, api, list_groups, max_results(1)),
            "DescribeUser" => store!(self, api, describe_user, user_id(nobody)),
            "DescribeGroup" => store!(self, api, describe_group, group_id(nobody)),
            "ListGroupMemberships" => store!(self, api, list_group_memberships, group_id(nobody), max_results(1)),
            "ListGroupMembershipsForMember" => {
                store!(self, api, list_group_memberships_for_member, member_id(member(nobody)), max_results(1))
            }
            "IsMemberInGroups" => store!(self, api, is_member_in_groups, member_id(member(nobody)), group_ids(nobody)),
            _ => None,
        }
    }

    async fn try_write(&self, api: Api, nobody: &str) -> Option<Result<(), Failure>> {
        let operation = || AttributeOperation::builder().attribute_path("displayName").attribute_value(RESERVED_NAME.into()).build().ok();
        match api.name() {
            "CreateGroup" => Some(self.try_create_group(api).await),
            "UpdateGroup" => store!(self, api, update_group, group_id(nobody), set_operations(operation().map(|one| vec![one]))),
            "DeleteGroup" => store!(self, api, delete_group, group_id(nobody)),
            "CreateGroupMembership" => Some(self.try_create_membership(api, nobody).await),
            "DeleteGroupMembership" => store!(self, api, delete_group_membership, membership_id(nobody)),
            "CreateUser" => Some(self.try_create_user(api).await),
            "UpdateUser" => store!(self, api, update_user, user_id(nobody), set_operations(operation().map(|one| vec![one]))),
            "DeleteUser" => store!(self, api, delete_user, user_id(nobody)),
            _ => None,
        }
    }

    /// AWS says that it keeps this name for itself. Did it not, then the group must not stay.
    async fn try_create_group(&self, api: Api) -> Result<(), Failure> {
        let request = || self.aws.identity_store.create_group().identity_store_id(&*self.store).display_name(RESERVED_NAME);
        let send = || async { request().send().await.map_err(|error| identity_store(api, error)) };
        let made = self.aws.caller.call(api, send).await?;
        store!(self, api, delete_group, group_id(made.group_id())).unwrap_or(Ok(()))
    }

    /// Likewise the user.
    async fn try_create_user(&self, api: Api) -> Result<(), Failure> {
        let name = || Name::builder().given_name(RESERVED_NAME).family_name(RESERVED_NAME).build();
        let request = || self.aws.identity_store.create_user().identity_store_id(&*self.store).user_name(RESERVED_NAME);
        let request = || request().display_name(RESERVED_NAME).name(name());
        let send = || async { request().send().await.map_err(|error| identity_store(api, error)) };
        let made = self.aws.caller.call(api, send).await?;
        store!(self, api, delete_user, user_id(made.user_id())).unwrap_or(Ok(()))
    }

    /// AWS says that neither of the two is there. Did it not mind, then the membership must not stay.
    async fn try_create_membership(&self, api: Api, nobody: &str) -> Result<(), Failure> {
        let request = || self.aws.identity_store.create_group_membership().identity_store_id(&*self.store).group_id(nobody);
        let send = || async { request().member_id(member(nobody)).send().await.map_err(|error| identity_store(api, error)) };
        let made = self.aws.caller.call(api, send).await?;
        store!(self, api, delete_group_membership, membership_id(made.membership_id())).unwrap_or(Ok(()))
    }

    /// AWS says that there is no such permission set, account or group, now or, as the request is asynchronous, in a moment. Did it not
    /// mind, then the assignment must not stay.
    async fn try_create_assignment(&self, api: Api, nothing: &Nothing<'_>) -> Result<(), Failure> {
        let request = || self.aws.sso_admin.create_account_assignment().instance_arn(nothing.instance).permission_set_arn(nothing.set);
        let request = || request().target_id(NO_ACCOUNT).target_type(TargetType::AwsAccount).principal_id(nothing.principal);
        attempt!(self, api, sso_admin, request().principal_type(PrincipalType::Group)).unwrap_or(Ok(()))?;
        self.try_delete_assignment(api, nothing).await
    }

    async fn try_delete_assignment(&self, api: Api, nothing: &Nothing<'_>) -> Result<(), Failure> {
        let request = || self.aws.sso_admin.delete_account_assignment().instance_arn(nothing.instance).permission_set_arn(nothing.set);
        let request = || request().target_id(NO_ACCOUNT).target_type(TargetType::AwsAccount).principal_id(nothing.principal);
        attempt!(self, api, sso_admin, request().principal_type(PrincipalType::Group)).unwrap_or(Ok(()))
    }

    async fn try_instances(&self, skew: &Skew) -> Result<(), Failure> {
        let send = || async {
            let request = self.aws.sso_admin.list_instances().max_results(1).customize().interceptor(skew.clone());
            request.send().await.map(drop).map_err(|error| sso_admin(Api::ListInstances, error))
        };
        self.aws.caller.call(Api::ListInstances, send).await
    }

    async fn try_assignments(&self, api: Api, nobody: &str) -> Option<Result<(), Failure>> {
        if !api.is_about_assignments() {
            return None;
        }
        let instance = match self.instance().await {
            Ok(instance) => instance,
            Err(failure) => return Some(Err(failure)),
        };
        // An ARN of AWS's form, of this instance, that no permission set has.
        let set = format!("{}/ps-0000000000000000", instance.replacen(":instance/", ":permissionSet/", 1));
        let (admin, nothing) = (&self.aws.sso_admin, Nothing { instance: &instance, set: &set, principal: nobody });
        match api.name() {
            "ListPermissionSets" => attempt!(self, api, sso_admin, admin.list_permission_sets().instance_arn(&*instance).max_results(1)),
            "DescribePermissionSet" => {
                attempt!(self, api, sso_admin, admin.describe_permission_set().instance_arn(&*instance).permission_set_arn(&set))
            }
            "ListAccountAssignmentsForPrincipal" => {
                let request = || admin.list_account_assignments_for_principal().instance_arn(&*instance).principal_id(nobody);
                attempt!(self, api, sso_admin, request().principal_type(PrincipalType::Group).max_results(1))
            }
            "ListAccountAssignments" => {
                let request = || admin.list_account_assignments().instance_arn(&*instance).permission_set_arn(&set);
                attempt!(self, api, sso_admin, request().account_id(NO_ACCOUNT).max_results(1))
            }
            "ListAccountAssignmentCreationStatus" => {
                attempt!(self, api, sso_admin, admin.list_account_assignment_creation_status().instance_arn(&*instance).max_results(1))
            }
            "ListAccountAssignmentDeletionStatus" => {
                attempt!(self, api, sso_admin, admin.list_account_assignment_deletion_status().instance_arn(&*instance).max_results(1))
            }
            "DescribeAccountAssignmentCreationStatus" => {
                let request = || admin.describe_account_assignment_creation_status().instance_arn(&*instance);
                attempt!(self, api, sso_admin, request().account_assignment_creation_request_id(nobody))
            }
            "DescribeAccountAssignmentDeletionStatus" => {
                let request = || admin.describe_account_assignment_deletion_status().instance_arn(&*instance);
                attempt!(self, api, sso_admin, request().account_assignment_deletion_request_id(nobody))
            }
            "CreateAccountAssignment" => Some(self.try_create_assignment(api, &nothing).await),
            "DeleteAccountAssignment" => Some(self.try_delete_assignment(api, &nothing).await),
            _ => None,
        }
    }

    async fn try_organization(&self, api: Api) -> Option<Result<(), Failure>> {
        let organization = &self.aws.organizations;
        match api.name() {
            "ListAccounts" => attempt!(self, api, organizations, organization.list_accounts().max_results(1)),
            "DescribeAccount" => attempt!(self, api, organizations, organization.describe_account().account_id(NO_ACCOUNT)),
            "DescribeOrganization" => attempt!(self, api, organizations, organization.describe_organization()),
            "ListRoots" => attempt!(self, api, organizations, organization.list_roots().max_results(1)),
            "ListOrganizationalUnitsForParent" => {
                let request = || organization.list_organizational_units_for_parent().parent_id("r-0000").max_results(1);
                attempt!(self, api, organizations, request())
            }
            "ListAccountsForParent" => {
                attempt!(self, api, organizations, organization.list_accounts_for_parent().parent_id("r-0000").max_results(1))
            }
            "ListTagsForResource" => attempt!(self, api, organizations, organization.list_tags_for_resource().resource_id(NO_ACCOUNT)),
            _ => None,
        }
    }
}

/// An assignment that cannot be.
struct Nothing<'a> {
    instance: &'a str,
    set: &'a str,
    principal: &'a str,
}

fn member(id: &str) -> MemberId {
    MemberId::UserId(id.to_owned())
}

/// What an outcome says about the permission. What AWS knows of an object's absence or of an input's meaning it tells after it has
/// looked at the permission.
fn found(outcome: Result<(), Failure>) -> Found {
    use TargetErrorKind as Kind;
    let Err(failure) = outcome else { return Found::Allowed };
    match failure.error.kind {
        Kind::Denied => Found::Denied(failure.error.detail),
        Kind::NotFound | Kind::NameTaken | Kind::ConcurrentModification | Kind::Invalid => Found::Allowed,
        Kind::QuotaExceeded | Kind::Throttled | Kind::Unavailable | Kind::Malformed | Kind::OutOfTime => {
            Found::Unclear(failure.error.detail)
        }
    }
}
