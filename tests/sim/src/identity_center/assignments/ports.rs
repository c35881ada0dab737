//! The engine's [`ReadAssignments`] and [`WriteAssignments`] on simulated account assignments, without HTTP in between.

use engine::ports::{ReadAssignments, WriteAssignments};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{AccountId, GroupId, PermissionSetArn, RequestId};
use sync_core::records::{Assignment, AssignmentOperation, AssignmentRequest, OperationStatus};

use super::begin::api_name;
use super::{Principal, StoreAssignment, StoreRequest};
use crate::call::Operation;
use crate::identity_center::FakeIdentityCenter;
use crate::identity_center::ports::or_none;
use crate::identity_center::reads::Part;
use crate::identity_center::state::StoreState;

/// The id of a request that there was no need for.
const NO_REQUEST: &str = "already-gone";

impl ReadAssignments for FakeIdentityCenter {
    async fn permission_sets(&self) -> Result<Vec<PermissionSetArn>, TargetError> {
        let read = |state: &StoreState, part: Part<'_>| state.list_permission_sets(part, |set| set.arn.clone());
        self.whole("ListPermissionSets", "", read).await
    }

    async fn permission_set_name(&self, arn: &PermissionSetArn) -> Result<Option<String>, TargetError> {
        let operation = Operation::read("DescribePermissionSet", format!("PermissionSetArn={arn}"));
        or_none(self.one(operation, |state, _| state.existing_permission_set(arn).map(|set| set.name.clone())).await)
    }

    async fn assignments_of_group(&self, group: &GroupId) -> Result<Vec<Assignment>, TargetError> {
        let principal = Principal::Group(group.clone());
        let read = |state: &StoreState, part: Part<'_>| state.list_assignments_of(&principal, None, part, StoreAssignment::record);
        let found = self.whole("ListAccountAssignmentsForPrincipal", &format!("PrincipalId={group}"), read).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn assignments_on(&self, account: &AccountId, permission_set: &PermissionSetArn) -> Result<Vec<Assignment>, TargetError> {
        let read = |state: &StoreState, part: Part<'_>| state.list_assignments_on(account, permission_set, part, StoreAssignment::record);
        let parameters = format!("AccountId={account} PermissionSetArn={permission_set}");
        let found = self.whole("ListAccountAssignments", &parameters, read).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn requests_in_progress(&self, operation: AssignmentOperation) -> Result<Vec<AssignmentRequest>, TargetError> {
        let name = match operation {
            AssignmentOperation::Create => "ListAccountAssignmentCreationStatus",
            AssignmentOperation::Delete => "ListAccountAssignmentDeletionStatus",
        };
        let summary = |request: &StoreRequest| AssignmentRequest { assignment: None, ..request_record(request) };
        let read = |state: &StoreState, part: Part<'_>| state.list_requests(operation, Some("IN_PROGRESS"), part, summary);
        self.whole(name, "Status=IN_PROGRESS", read).await
    }

    async fn request(&self, operation: AssignmentOperation, id: &RequestId) -> Result<Option<AssignmentRequest>, TargetError> {
        let name = match operation {
            AssignmentOperation::Create => "DescribeAccountAssignmentCreationStatus",
            AssignmentOperation::Delete => "DescribeAccountAssignmentDeletionStatus",
        };
        let described = Operation::read(name, format!("RequestId={id}"));
        or_none(self.one(described, |state, _| state.existing_request(operation, id.as_str()).map(request_record)).await)
    }
}

impl WriteAssignments for FakeIdentityCenter {
    async fn create_assignment(&self, assignment: &Assignment) -> Result<AssignmentRequest, TargetError> {
        self.begin_request(AssignmentOperation::Create, assignment).await
    }

    async fn delete_assignment(&self, assignment: &Assignment) -> Result<AssignmentRequest, TargetError> {
        match self.begin_request(AssignmentOperation::Delete, assignment).await {
            Err(error) if error.kind == TargetErrorKind::NotFound && !self.is_assigned(assignment).await? => Ok(AssignmentRequest {
                id: RequestId::new(NO_REQUEST).expect("letters and a hyphen are a RequestId"),
                status: OperationStatus::Succeeded,
                created: None,
                assignment: Some(assignment.clone()),
            }),
            begun => begun,
        }
    }
}

impl FakeIdentityCenter {
    /// The exception does not say what is missing: it counts only where the list can be read, and does not show the assignment.
    async fn is_assigned(&self, assignment: &Assignment) -> Result<bool, TargetError> {
        Ok(self.assignments_on(&assignment.account, &assignment.permission_set).await?.contains(assignment))
    }

    async fn begin_request(&self, operation: AssignmentOperation, assignment: &Assignment) -> Result<AssignmentRequest, TargetError> {
        let Assignment { group, account, permission_set } = assignment;
        let parameters = format!("PermissionSetArn={permission_set} PrincipalId={group} TargetId={account}");
        let wanted = StoreAssignment::from(assignment);
        let begin = |state: &mut StoreState, _| state.begin(operation, &wanted).map(|request| request_record(&request));
        self.one(Operation::write(api_name(operation), parameters), begin).await
    }
}

fn request_record(request: &StoreRequest) -> AssignmentRequest {
    AssignmentRequest {
        id: request.id.clone(),
        status: request.status.clone(),
        created: Some(request.created_at),
        assignment: request.assignment.record(),
    }
}
