//! sso-admin's records, made into ours.

use aws_sdk_ssoadmin::primitives::DateTime;
use aws_sdk_ssoadmin::types::{
    AccountAssignment, AccountAssignmentForPrincipal, AccountAssignmentOperationStatus, AccountAssignmentOperationStatusMetadata,
    PrincipalType, StatusValues,
};
use jiff::Timestamp;
use sync_core::ids::{AccountId, GroupId, PermissionSetArn, RequestId};
use sync_core::records::{Assignment, AssignmentRequest, OperationStatus};

use crate::api::Api;
use crate::errors::Failure;

/// An assignment as sso-admin writes it.
struct Row<'a> {
    principal_type: Option<&'a PrincipalType>,
    principal: Option<&'a str>,
    account: Option<&'a str>,
    permission_set: Option<&'a str>,
}

/// A row of the list of an account and a permission set, which it need not repeat.
pub(super) fn assignment(
    api: Api,
    raw: &AccountAssignment,
    (account, set): (&AccountId, &PermissionSetArn),
) -> Result<Option<Assignment>, Failure> {
    let row = Row {
        principal_type: raw.principal_type(),
        principal: raw.principal_id(),
        account: raw.account_id().or(Some(account.as_str())),
        permission_set: raw.permission_set_arn().or(Some(set.as_str())),
    };
    row.assignment(api)
}

/// A row of the list of a group, which it need not repeat.
pub(super) fn assignment_of_principal(
    api: Api,
    raw: &AccountAssignmentForPrincipal,
    group: &GroupId,
) -> Result<Option<Assignment>, Failure> {
    let row = Row {
        principal_type: raw.principal_type().or(Some(&PrincipalType::Group)),
        principal: raw.principal_id().or(Some(group.as_str())),
        account: raw.account_id(),
        permission_set: raw.permission_set_arn(),
    };
    row.assignment(api)
}

/// An operation with what it makes or deletes, as far as the answer tells it.
pub(super) fn request(api: Api, raw: &AccountAssignmentOperationStatus) -> Result<AssignmentRequest, Failure> {
    let row = Row {
        principal_type: raw.principal_type(),
        principal: raw.principal_id(),
        account: raw.target_id(),
        permission_set: raw.permission_set_arn(),
    };
    Ok(AssignmentRequest {
        id: request_id(api, raw.request_id())?,
        status: status(api, raw.status(), raw.failure_reason())?,
        created: raw.created_date().and_then(timestamp),
        assignment: if row.principal_type.is_some() { row.assignment(api)? } else { None },
    })
}

/// An operation of a list, which says little about it.
pub(super) fn listed_request(api: Api, raw: &AccountAssignmentOperationStatusMetadata) -> Result<AssignmentRequest, Failure> {
    Ok(AssignmentRequest {
        id: request_id(api, raw.request_id())?,
        status: status(api, raw.status(), None)?,
        created: raw.created_date().and_then(timestamp),
        assignment: None,
    })
}

impl Row<'_> {
    /// `None` where the principal is no group: nothing that we could have made or could take away. A group's that cannot be named
    /// is an error, as it would be taken for absent.
    fn assignment(&self, api: Api) -> Result<Option<Assignment>, Failure> {
        match self.principal_type {
            Some(PrincipalType::Group) => self.of_group(api).map(Some),
            Some(_) => Ok(None),
            None => Err(Failure::malformed(api, "an assignment does not say whether it is a group's")),
        }
    }

    fn of_group(&self, api: Api) -> Result<Assignment, Failure> {
        let nameless = Failure::nameless(api);
        Ok(Assignment {
            group: GroupId::new(self.principal.unwrap_or_default()).map_err(&nameless)?,
            account: AccountId::new(self.account.unwrap_or_default()).map_err(&nameless)?,
            permission_set: PermissionSetArn::new(self.permission_set.unwrap_or_default()).map_err(&nameless)?,
        })
    }
}

fn request_id(api: Api, raw: Option<&str>) -> Result<RequestId, Failure> {
    RequestId::new(raw.unwrap_or_default()).map_err(Failure::nameless(api))
}

/// A status that is not known here may be an end or not: it is none of the three.
fn status(api: Api, raw: Option<&StatusValues>, reason: Option<&str>) -> Result<OperationStatus, Failure> {
    match raw {
        Some(StatusValues::InProgress) => Ok(OperationStatus::InProgress),
        Some(StatusValues::Succeeded) => Ok(OperationStatus::Succeeded),
        Some(StatusValues::Failed) => Ok(OperationStatus::Failed(reason.unwrap_or("AWS gives no FailureReason").to_owned())),
        other => Err(Failure::malformed(api, format!("an operation of status {:?}", other.map(StatusValues::as_str)))),
    }
}

fn timestamp(raw: &DateTime) -> Option<Timestamp> {
    Timestamp::new(raw.secs(), i32::try_from(raw.subsec_nanos()).ok()?).ok()
}
