//! Beginning to make and to delete account assignments. AWS goes on with both after the answer.
//!
//! A request whose answer was lost is sent again. AWS takes a second creation of one assignment for the same, or calls it a conflict
//! with the first; a second deletion meets the first, or finds the assignment gone.

use aws_sdk_ssoadmin::types::{AccountAssignmentOperationStatus, PrincipalType, TargetType};
use engine::ports::{ReadAssignments, WriteAssignments};
use sync_core::error::TargetError;
use sync_core::ids::RequestId;
use sync_core::records::{Assignment, AssignmentRequest, OperationStatus};

use super::records;
use crate::IdentityCenter;
use crate::api::Api;
use crate::errors::{Failure, sso_admin};
use crate::whole::same;

/// Stands for the request of a deletion that AWS did not have to begin. No request of AWS has this id.
const ALREADY_GONE: &str = "already-gone";

impl WriteAssignments for IdentityCenter {
    async fn create_assignment(&self, assignment: &Assignment) -> Result<AssignmentRequest, TargetError> {
        let api = Api::CreateAccountAssignment;
        let instance = self.instance().await?;
        let send = || async {
            let request = self.aws.sso_admin.create_account_assignment().instance_arn(&*instance);
            let request = request.target_type(TargetType::AwsAccount).target_id(assignment.account.as_str());
            let request = request.principal_type(PrincipalType::Group).principal_id(assignment.group.as_str());
            let answer = request.permission_set_arn(assignment.permission_set.as_str()).send().await;
            answer.map_err(|error| sso_admin(api, error))
        };
        let answer = self.aws.caller.call(api, send).await?;
        Ok(begun(api, assignment, answer.account_assignment_creation_status)?)
    }

    /// `ResourceNotFoundException` does not say what is missing, so the assignment counts as gone only if the list of its account and
    /// set can be read, and does not show it.
    async fn delete_assignment(&self, assignment: &Assignment) -> Result<AssignmentRequest, TargetError> {
        let api = Api::DeleteAccountAssignment;
        let instance = self.instance().await?;
        let send = || async {
            let request = self.aws.sso_admin.delete_account_assignment().instance_arn(&*instance);
            let request = request.target_type(TargetType::AwsAccount).target_id(assignment.account.as_str());
            let request = request.principal_type(PrincipalType::Group).principal_id(assignment.group.as_str());
            let answer = request.permission_set_arn(assignment.permission_set.as_str()).send().await;
            answer.map_err(|error| sso_admin(api, error))
        };
        match self.aws.caller.call(api, send).await {
            Ok(answer) => Ok(begun(api, assignment, answer.account_assignment_deletion_status)?),
            Err(failure) if failure.is_absent() && !self.is_assigned(assignment).await? => Ok(already_gone(assignment)),
            Err(failure) => Err(failure.into()),
        }
    }
}

impl IdentityCenter {
    async fn is_assigned(&self, assignment: &Assignment) -> Result<bool, TargetError> {
        Ok(self.assignments_on(&assignment.account, &assignment.permission_set).await?.contains(assignment))
    }
}

/// What AWS has begun, which must be what was asked for.
fn begun(api: Api, asked: &Assignment, answer: Option<AccountAssignmentOperationStatus>) -> Result<AssignmentRequest, Failure> {
    let status = answer.ok_or_else(|| Failure::malformed(api, "the answer has no status"))?;
    let request = records::request(api, &status)?;
    if let Some(begun) = &request.assignment {
        same(api, &asked.group, &begun.group)?;
        same(api, &asked.account, &begun.account)?;
        same(api, &asked.permission_set, &begun.permission_set)?;
    }
    Ok(AssignmentRequest { assignment: Some(asked.clone()), ..request })
}

fn already_gone(assignment: &Assignment) -> AssignmentRequest {
    AssignmentRequest {
        id: RequestId::new(ALREADY_GONE).expect("letters and a hyphen are what such an id has"),
        status: OperationStatus::Succeeded,
        created: None,
        assignment: Some(assignment.clone()),
    }
}
