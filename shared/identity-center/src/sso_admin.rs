//! Reading account assignments, their operations, and permission sets.

mod records;
mod writes;

use aws_sdk_ssoadmin::types::{
    AccountAssignment, AccountAssignmentForPrincipal, AccountAssignmentOperationStatus, AccountAssignmentOperationStatusMetadata,
    OperationStatusFilter, PermissionSet, PrincipalType, StatusValues,
};
use engine::ports::ReadAssignments;
use sync_core::error::TargetError;
use sync_core::ids::{AccountId, GroupId, PermissionSetArn, RequestId};
use sync_core::records::{Assignment, AssignmentOperation, AssignmentRequest, OperationStatus};

use crate::IdentityCenter;
use crate::api::Api;
use crate::errors::{Failure, sso_admin};
use crate::paging::{MAX_RESULTS, Page, all_pages};
use crate::whole::{HasList, IsObject, same};

impl ReadAssignments for IdentityCenter {
    async fn permission_sets(&self) -> Result<Vec<PermissionSetArn>, TargetError> {
        let api = Api::ListPermissionSets;
        let instance = self.instance().await?;
        let raw = all_pages(api, |token| self.permission_sets_page(&instance, token)).await?;
        let arns = raw.iter().map(|arn| PermissionSetArn::new(arn)).collect::<Result<_, _>>();
        Ok(arns.map_err(Failure::nameless(api))?)
    }

    async fn permission_set_name(&self, arn: &PermissionSetArn) -> Result<Option<String>, TargetError> {
        let api = Api::DescribePermissionSet;
        let Some(set) = known(self.permission_set(arn).await)? else { return Ok(None) };
        let described = PermissionSetArn::new(set.permission_set_arn().unwrap_or(arn.as_str())).map_err(Failure::nameless(api))?;
        same(api, arn, &described)?;
        let name = set.name.filter(|name| !name.is_empty());
        Ok(Some(name.ok_or_else(|| Failure::malformed(api, format!("{arn} has no name")))?))
    }

    async fn assignments_of_group(&self, group: &GroupId) -> Result<Vec<Assignment>, TargetError> {
        let api = Api::ListAccountAssignmentsForPrincipal;
        let instance = self.instance().await?;
        let raw = all_pages(api, |token| self.assignments_of_group_page(&instance, group, token)).await?;
        let rows = raw.iter().map(|row| records::assignment_of_principal(api, row, group)).collect::<Result<Vec<_>, _>>()?;
        let assignments: Vec<Assignment> = rows.into_iter().flatten().collect();
        assignments.iter().try_for_each(|assignment| same(api, group, &assignment.group))?;
        Ok(assignments)
    }

    /// sso-admin's `ResourceNotFoundException` names neither the account nor the set nor the instance, so it is an error and never an
    /// empty list: a pair without assignments is answered with one.
    async fn assignments_on(&self, account: &AccountId, permission_set: &PermissionSetArn) -> Result<Vec<Assignment>, TargetError> {
        let api = Api::ListAccountAssignments;
        let instance = self.instance().await?;
        let raw = all_pages(api, |token| self.assignments_on_page(&instance, (account, permission_set), token)).await?;
        let rows = raw.iter().map(|row| records::assignment(api, row, (account, permission_set))).collect::<Result<Vec<_>, _>>()?;
        let assignments: Vec<Assignment> = rows.into_iter().flatten().collect();
        for assignment in &assignments {
            same(api, account, &assignment.account)?;
            same(api, permission_set, &assignment.permission_set)?;
        }
        Ok(assignments)
    }

    /// The filter is applied once more on this side, for an AWS or an emulator that does not know it.
    async fn requests_in_progress(&self, operation: AssignmentOperation) -> Result<Vec<AssignmentRequest>, TargetError> {
        let api = list_api(operation);
        let instance = self.instance().await?;
        let raw = all_pages(api, |token| self.statuses_page(&instance, operation, token)).await?;
        let requests = raw.iter().map(|status| records::listed_request(api, status)).collect::<Result<Vec<_>, _>>()?;
        Ok(requests.into_iter().filter(|request| request.status == OperationStatus::InProgress).collect())
    }

    async fn request(&self, operation: AssignmentOperation, id: &RequestId) -> Result<Option<AssignmentRequest>, TargetError> {
        let api = describe_api(operation);
        let Some(status) = known(self.status(operation, id).await)? else { return Ok(None) };
        let request = records::request(api, &status)?;
        same(api, id, &request.id)?;
        Ok(Some(request))
    }
}

impl IdentityCenter {
    /// How long a session of this permission set lasts, as AWS writes it (`PT1H`): what somebody keeps who has signed in already. `None` if
    /// the set does not exist, or AWS does not say.
    ///
    /// # Errors
    /// [`TargetError`] of the one call.
    pub async fn session_duration(&self, arn: &PermissionSetArn) -> Result<Option<String>, TargetError> {
        Ok(known(self.permission_set(arn).await)?.and_then(|set| set.session_duration).filter(|duration| !duration.is_empty()))
    }

    async fn permission_sets_page(&self, instance: &str, token: Option<String>) -> Result<Page<String>, Failure> {
        let api = Api::ListPermissionSets;
        let send = || async {
            let request = self.aws.sso_admin.list_permission_sets().instance_arn(instance).max_results(MAX_RESULTS);
            let answer = request.set_next_token(token.clone()).customize().interceptor(HasList("PermissionSets")).send().await;
            answer.map_err(|error| sso_admin(api, error))
        };
        let page = self.aws.caller.call(api, send).await?;
        Ok((page.permission_sets.unwrap_or_default(), page.next_token))
    }

    async fn permission_set(&self, arn: &PermissionSetArn) -> Result<PermissionSet, Failure> {
        let api = Api::DescribePermissionSet;
        let instance = self.instance().await?;
        let send = || async {
            let request = self.aws.sso_admin.describe_permission_set().instance_arn(&*instance);
            let answer = request.permission_set_arn(arn.as_str()).send().await;
            answer.map_err(|error| sso_admin(api, error))
        };
        let set = self.aws.caller.call(api, send).await?.permission_set;
        set.ok_or_else(|| Failure::malformed(api, "the answer has no PermissionSet"))
    }

    async fn assignments_of_group_page(
        &self,
        instance: &str,
        group: &GroupId,
        token: Option<String>,
    ) -> Result<Page<AccountAssignmentForPrincipal>, Failure> {
        let api = Api::ListAccountAssignmentsForPrincipal;
        let send = || async {
            let request = self.aws.sso_admin.list_account_assignments_for_principal().instance_arn(instance);
            let request = request.principal_type(PrincipalType::Group).principal_id(group.as_str());
            let request = request.max_results(MAX_RESULTS).set_next_token(token.clone());
            request.customize().interceptor(IsObject).send().await.map_err(|error| sso_admin(api, error))
        };
        let page = self.aws.caller.call(api, send).await?;
        Ok((page.account_assignments.unwrap_or_default(), page.next_token))
    }

    async fn assignments_on_page(
        &self,
        instance: &str,
        (account, permission_set): (&AccountId, &PermissionSetArn),
        token: Option<String>,
    ) -> Result<Page<AccountAssignment>, Failure> {
        let api = Api::ListAccountAssignments;
        let send = || async {
            let request = self.aws.sso_admin.list_account_assignments().instance_arn(instance);
            let request = request.account_id(account.as_str()).permission_set_arn(permission_set.as_str());
            let request = request.max_results(MAX_RESULTS).set_next_token(token.clone());
            request.customize().interceptor(IsObject).send().await.map_err(|error| sso_admin(api, error))
        };
        let page = self.aws.caller.call(api, send).await?;
        Ok((page.account_assignments.unwrap_or_default(), page.next_token))
    }

    async fn statuses_page(
        &self,
        instance: &str,
        operation: AssignmentOperation,
        token: Option<String>,
    ) -> Result<Page<AccountAssignmentOperationStatusMetadata>, Failure> {
        match operation {
            AssignmentOperation::Create => self.creations_page(instance, token).await,
            AssignmentOperation::Delete => self.deletions_page(instance, token).await,
        }
    }

    async fn creations_page(
        &self,
        instance: &str,
        token: Option<String>,
    ) -> Result<Page<AccountAssignmentOperationStatusMetadata>, Failure> {
        let api = Api::ListAccountAssignmentCreationStatus;
        let send = || async {
            let request = self.aws.sso_admin.list_account_assignment_creation_status().instance_arn(instance);
            let request = request.filter(in_progress()).max_results(MAX_RESULTS).set_next_token(token.clone());
            request.customize().interceptor(IsObject).send().await.map_err(|error| sso_admin(api, error))
        };
        let page = self.aws.caller.call(api, send).await?;
        Ok((page.account_assignments_creation_status.unwrap_or_default(), page.next_token))
    }

    async fn deletions_page(
        &self,
        instance: &str,
        token: Option<String>,
    ) -> Result<Page<AccountAssignmentOperationStatusMetadata>, Failure> {
        let api = Api::ListAccountAssignmentDeletionStatus;
        let send = || async {
            let request = self.aws.sso_admin.list_account_assignment_deletion_status().instance_arn(instance);
            let request = request.filter(in_progress()).max_results(MAX_RESULTS).set_next_token(token.clone());
            request.customize().interceptor(IsObject).send().await.map_err(|error| sso_admin(api, error))
        };
        let page = self.aws.caller.call(api, send).await?;
        Ok((page.account_assignments_deletion_status.unwrap_or_default(), page.next_token))
    }

    async fn status(&self, operation: AssignmentOperation, id: &RequestId) -> Result<AccountAssignmentOperationStatus, Failure> {
        let instance = self.instance().await?;
        let status = match operation {
            AssignmentOperation::Create => self.creation(&instance, id).await?,
            AssignmentOperation::Delete => self.deletion(&instance, id).await?,
        };
        status.ok_or_else(|| Failure::malformed(describe_api(operation), "the answer has no status"))
    }

    async fn creation(&self, instance: &str, id: &RequestId) -> Result<Option<AccountAssignmentOperationStatus>, Failure> {
        let api = Api::DescribeAccountAssignmentCreationStatus;
        let send = || async {
            let request = self.aws.sso_admin.describe_account_assignment_creation_status().instance_arn(instance);
            let answer = request.account_assignment_creation_request_id(id.as_str()).send().await;
            answer.map_err(|error| sso_admin(api, error))
        };
        Ok(self.aws.caller.call(api, send).await?.account_assignment_creation_status)
    }

    async fn deletion(&self, instance: &str, id: &RequestId) -> Result<Option<AccountAssignmentOperationStatus>, Failure> {
        let api = Api::DescribeAccountAssignmentDeletionStatus;
        let send = || async {
            let request = self.aws.sso_admin.describe_account_assignment_deletion_status().instance_arn(instance);
            let answer = request.account_assignment_deletion_request_id(id.as_str()).send().await;
            answer.map_err(|error| sso_admin(api, error))
        };
        Ok(self.aws.caller.call(api, send).await?.account_assignment_deletion_status)
    }
}

fn list_api(operation: AssignmentOperation) -> Api {
    match operation {
        AssignmentOperation::Create => Api::ListAccountAssignmentCreationStatus,
        AssignmentOperation::Delete => Api::ListAccountAssignmentDeletionStatus,
    }
}

fn describe_api(operation: AssignmentOperation) -> Api {
    match operation {
        AssignmentOperation::Create => Api::DescribeAccountAssignmentCreationStatus,
        AssignmentOperation::Delete => Api::DescribeAccountAssignmentDeletionStatus,
    }
}

fn in_progress() -> OperationStatusFilter {
    OperationStatusFilter::builder().status(StatusValues::InProgress).build()
}

/// `None` where AWS says that what was asked for does not exist.
fn known<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(thing) => Ok(Some(thing)),
        Err(failure) if failure.is_absent() => Ok(None),
        Err(failure) => Err(failure),
    }
}
