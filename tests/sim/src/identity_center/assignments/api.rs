//! The operations of sso-admin on permission sets and account assignments.

use serde_json::{Map, Value, json};
use sync_core::ids::{AccountId, GroupId, PermissionSetArn, UserId};
use sync_core::records::{AssignmentOperation, OperationStatus};

use super::reads::status_word;
use super::{Principal, StoreAssignment, StoreRequest};
use crate::fault::ListFault;
use crate::identity_center::error::AwsError;
use crate::identity_center::http::Api;
use crate::identity_center::input::{Input, listed};
use crate::identity_center::reads::Part;
use crate::identity_center::render::seconds;
use crate::identity_center::sso_admin;
use crate::identity_center::state::StoreState;

/// The operations.
pub(crate) const APIS: &[Api] = &[
    Api::read("ListPermissionSets", list_permission_sets),
    Api::read("DescribePermissionSet", describe_permission_set),
    Api::write("CreateAccountAssignment", create_assignment),
    Api::write("DeleteAccountAssignment", delete_assignment),
    Api::read("DescribeAccountAssignmentCreationStatus", describe_creation),
    Api::read("DescribeAccountAssignmentDeletionStatus", describe_deletion),
    Api::read("ListAccountAssignmentCreationStatus", list_creations),
    Api::read("ListAccountAssignmentDeletionStatus", list_deletions),
    Api::read("ListAccountAssignments", list_assignments_on),
    Api::read("ListAccountAssignmentsForPrincipal", list_assignments_of),
    Api::read("ListPermissionSetsProvisionedToAccount", list_sets_on),
    Api::read("ListAccountsForProvisionedPermissionSet", list_accounts_with),
];

/// How the ARNs of permission sets begin.
const SET_PREFIX: &str = "arn:aws:sso:::permissionSet/";

/// The largest `MaxResults`.
const MOST: usize = 100;

/// The words that AWS has for the status of a request.
const STATUSES: [&str; 3] = ["IN_PROGRESS", "SUCCEEDED", "FAILED"];

impl<'a> Input<'a> {
    /// Checks that the request names the instance.
    fn of_instance(body: &'a Value) -> Result<Self, AwsError> {
        let input = Self(body);
        let arn = input.required("InstanceArn")?;
        if arn == sso_admin::arn(0) { Ok(input) } else { Err(AwsError::not_found("INSTANCE", arn)) }
    }

    fn permission_set(&self) -> Result<PermissionSetArn, AwsError> {
        let arn = self.id("PermissionSetArn", PermissionSetArn::new)?;
        let is_one = arn.as_str().starts_with(SET_PREFIX);
        is_one.then_some(arn).ok_or_else(|| AwsError::invalid("PermissionSetArn is not the ARN of a permission set"))
    }

    fn principal(&self) -> Result<Principal, AwsError> {
        match self.required("PrincipalType")? {
            "GROUP" => self.id("PrincipalId", GroupId::new).map(Principal::Group),
            "USER" => self.id("PrincipalId", UserId::new).map(Principal::User),
            other => Err(AwsError::invalid(format!("PrincipalType must be USER or GROUP, not {other}"))),
        }
    }

    fn assignment(&self) -> Result<StoreAssignment, AwsError> {
        if self.required("TargetType")? != "AWS_ACCOUNT" {
            return Err(AwsError::invalid("TargetType must be AWS_ACCOUNT"));
        }
        let account = self.id("TargetId", AccountId::new)?;
        Ok(StoreAssignment { account, permission_set: self.permission_set()?, principal: self.principal()? })
    }

    fn status(&self) -> Result<Option<&'a str>, AwsError> {
        let status = self.inner("/Filter/Status");
        let is_known = status.is_none_or(|status| STATUSES.contains(&status));
        is_known.then_some(status).ok_or_else(|| AwsError::invalid(format!("Filter.Status must be one of {STATUSES:?}")))
    }

    /// The part that is asked for of a list of what is provisioned; none of it is of an old version.
    fn provisioned(&self, fault: ListFault) -> Result<Part<'a>, AwsError> {
        let part = self.part(fault, MOST)?;
        match self.text("ProvisioningStatus") {
            None | Some("LATEST_PERMISSION_SET_PROVISIONED") => Ok(part),
            Some("LATEST_PERMISSION_SET_NOT_PROVISIONED") => Ok(Part { fault: ListFault::Empty, ..part }),
            Some(other) => Err(AwsError::invalid(format!("ProvisioningStatus is not {other}"))),
        }
    }
}

fn list_permission_sets(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let part = Input::of_instance(body)?.part(fault, MOST)?;
    Ok(listed(state.list_permission_sets(part, |set| set.arn.as_str().into())?, "PermissionSets"))
}

fn describe_permission_set(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let set = state.existing_permission_set(&Input::of_instance(body)?.permission_set()?)?;
    Ok(json!({"PermissionSet": {
        "PermissionSetArn": set.arn.as_str(),
        "Name": set.name,
        "CreatedDate": seconds(set.created_at),
        "SessionDuration": "PT1H",
    }}))
}

fn create_assignment(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let wanted = Input::of_instance(body)?.assignment()?;
    let request = state.begin(AssignmentOperation::Create, &wanted)?;
    Ok(json!({"AccountAssignmentCreationStatus": described(&request)}))
}

fn delete_assignment(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let unwanted = Input::of_instance(body)?.assignment()?;
    let request = state.begin(AssignmentOperation::Delete, &unwanted)?;
    Ok(json!({"AccountAssignmentDeletionStatus": described(&request)}))
}

fn describe_creation(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let id = Input::of_instance(body)?.required("AccountAssignmentCreationRequestId")?;
    let request = state.existing_request(AssignmentOperation::Create, id)?;
    Ok(json!({"AccountAssignmentCreationStatus": described(request)}))
}

fn describe_deletion(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let id = Input::of_instance(body)?.required("AccountAssignmentDeletionRequestId")?;
    let request = state.existing_request(AssignmentOperation::Delete, id)?;
    Ok(json!({"AccountAssignmentDeletionStatus": described(request)}))
}

fn list_creations(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of_instance(body)?;
    let page = state.list_requests(AssignmentOperation::Create, input.status()?, input.part(fault, MOST)?, summary)?;
    Ok(listed(page, "AccountAssignmentsCreationStatus"))
}

fn list_deletions(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of_instance(body)?;
    let page = state.list_requests(AssignmentOperation::Delete, input.status()?, input.part(fault, MOST)?, summary)?;
    Ok(listed(page, "AccountAssignmentsDeletionStatus"))
}

fn list_assignments_on(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of_instance(body)?;
    let (account, set) = (input.id("AccountId", AccountId::new)?, input.permission_set()?);
    Ok(listed(state.list_assignments_on(&account, &set, input.part(fault, MOST)?, row)?, "AccountAssignments"))
}

fn list_assignments_of(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of_instance(body)?;
    let account = input.inner("/Filter/AccountId").map(AccountId::new).transpose();
    let account = account.map_err(|error| AwsError::invalid(error.to_string()))?;
    let page = state.list_assignments_of(&input.principal()?, account.as_ref(), input.part(fault, MOST)?, row)?;
    Ok(listed(page, "AccountAssignments"))
}

fn list_sets_on(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of_instance(body)?;
    let account = input.id("AccountId", AccountId::new)?;
    Ok(listed(state.list_sets_on(&account, input.provisioned(fault)?, |id| Value::from(id))?, "PermissionSets"))
}

fn list_accounts_with(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let input = Input::of_instance(body)?;
    Ok(listed(state.list_accounts_with(&input.permission_set()?, input.provisioned(fault)?, |id| Value::from(id))?, "AccountIds"))
}

fn row(assignment: &StoreAssignment) -> Value {
    json!({
        "AccountId": assignment.account.as_str(),
        "PermissionSetArn": assignment.permission_set.as_str(),
        "PrincipalType": assignment.principal.kind(),
        "PrincipalId": assignment.principal.id(),
    })
}

/// What lists of requests tell: not what a request is for, nor why it failed.
fn summary(request: &StoreRequest) -> Value {
    Value::Object(known(request))
}

fn known(request: &StoreRequest) -> Map<String, Value> {
    Map::from_iter([
        ("Status".to_owned(), status_word(&request.status).into()),
        ("RequestId".to_owned(), request.id.as_str().into()),
        ("CreatedDate".to_owned(), seconds(request.created_at)),
    ])
}

fn described(request: &StoreRequest) -> Value {
    let assignment = &request.assignment;
    let mut body = known(request);
    let more = json!({
        "TargetId": assignment.account.as_str(),
        "TargetType": "AWS_ACCOUNT",
        "PermissionSetArn": assignment.permission_set.as_str(),
        "PrincipalType": assignment.principal.kind(),
        "PrincipalId": assignment.principal.id(),
    });
    body.extend(more.as_object().cloned().unwrap_or_default());
    if let OperationStatus::Failed(reason) = &request.status {
        body.insert("FailureReason".to_owned(), reason.as_str().into());
    }
    Value::Object(body)
}
