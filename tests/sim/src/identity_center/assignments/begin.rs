//! How requests are accepted or refused, and how they come to their end.

use std::time::Duration;

use sync_core::ids::{AccountId, PermissionSetArn, RequestId};
use sync_core::records::{AssignmentOperation, OperationStatus};

use super::{Fate, PermissionSet, Principal, StoreAssignment, StoreRequest};
use crate::identity_center::error::AwsError;
use crate::identity_center::organization::StoreAccount;
use crate::identity_center::state::StoreState;
use crate::time::later;

/// Who calls, as far as refusals say.
const CALLER: &str = "arn:aws:sts::111122223333:assumed-role/sim/sim";

pub(super) fn api_name(operation: AssignmentOperation) -> &'static str {
    match operation {
        AssignmentOperation::Create => "CreateAccountAssignment",
        AssignmentOperation::Delete => "DeleteAccountAssignment",
    }
}

impl StoreState {
    /// Accepts a request, which comes to its end later.
    pub(super) fn begin(&mut self, operation: AssignmentOperation, assignment: &StoreAssignment) -> Result<StoreRequest, AwsError> {
        self.may_change(operation, assignment)?;
        let name = self.existing_permission_set(&assignment.permission_set)?.name.clone();
        self.existing_account(&assignment.account)?;
        if operation == AssignmentOperation::Create {
            self.existing_principal(&assignment.principal)?;
        }
        self.has_free_slot(assignment)?;
        let exists = self.assignments.made.contains_key(&assignment.key());
        match operation {
            AssignmentOperation::Create if !exists => self.has_room_for(assignment)?,
            AssignmentOperation::Delete if !exists => return Err(AwsError::not_found("ACCOUNT_ASSIGNMENT", "")),
            AssignmentOperation::Create | AssignmentOperation::Delete => {}
        }
        let is_change = exists != (operation == AssignmentOperation::Create);
        self.version += u64::from(is_change);
        Ok(self.accept(operation, assignment, &name))
    }

    fn accept(&mut self, operation: AssignmentOperation, assignment: &StoreAssignment, name: &str) -> StoreRequest {
        let (now, delay) = (self.now(), self.settings.assignments.delay_ms);
        let own = &mut self.assignments;
        let fate = own.take_fate(operation, assignment, name);
        let request = StoreRequest {
            id: RequestId::new(&own.ids.uuid()).expect("a UUID is a RequestId"),
            operation,
            assignment: assignment.clone(),
            created_at: now,
            due: later(now, Duration::from_millis(fate.delay_ms.unwrap_or(delay))),
            status: OperationStatus::InProgress,
            failure: fate.failure,
        };
        own.due.insert((request.due, request.id.clone()));
        own.requests.insert(request.id.clone(), request.clone());
        own.most_in_flight = own.most_in_flight.max(own.due.len());
        request
    }

    fn may_change(&self, operation: AssignmentOperation, assignment: &StoreAssignment) -> Result<(), AwsError> {
        let settings = &self.settings.assignments;
        let Some(management) = self.organization.as_ref().map(|organization| &organization.management) else { return Ok(()) };
        let (account, set) = (&assignment.account, &assignment.permission_set);
        let shares_set = || settings.management_sets_are_off_limits && self.assignments.has_on(management, set);
        if settings.delegated_admin && (account == management || shares_set()) {
            let action = api_name(operation);
            let message = format!("User: {CALLER} is not authorized to perform: sso:{action} on resource: arn:aws:sso:::account/{account}");
            return Err(AwsError::denied(message));
        }
        Ok(())
    }

    pub(super) fn existing_permission_set(&self, arn: &PermissionSetArn) -> Result<&PermissionSet, AwsError> {
        self.assignments.permission_sets.get(arn).ok_or_else(|| AwsError::not_found("PERMISSION_SET", arn.as_str()))
    }

    /// As sso-admin says that there is no such account.
    pub(super) fn existing_account(&self, id: &AccountId) -> Result<&StoreAccount, AwsError> {
        let organization = self.organization.as_ref();
        organization.and_then(|organization| organization.accounts.get(id)).ok_or_else(|| AwsError::not_found("ACCOUNT", id.as_str()))
    }

    pub(super) fn existing_principal(&self, principal: &Principal) -> Result<(), AwsError> {
        match principal {
            Principal::Group(id) => self.existing_group(id.as_str()).map(drop),
            Principal::User(id) => self.existing_user(id.as_str()).map(drop),
        }
    }

    fn has_free_slot(&self, assignment: &StoreAssignment) -> Result<(), AwsError> {
        let settings = &self.settings.assignments;
        let same = |other: &StoreAssignment| {
            other.account == assignment.account && (settings.one_per_account || other.permission_set == assignment.permission_set)
        };
        if self.assignments.due.len() >= settings.max_in_flight {
            let message = "There are too many requests processing. Please try again later.";
            return Err(AwsError::new("ThrottlingException", 400, message));
        }
        if self.assignments.in_flight().any(|request| same(&request.assignment)) {
            let message = "There is a conflicting operation in process on this resource. Please try again later.";
            return Err(AwsError::new("ConflictException", self.settings.conflict_status, message));
        }
        Ok(())
    }

    fn has_room_for(&self, assignment: &StoreAssignment) -> Result<(), AwsError> {
        let is_group = |principal: &Principal| matches!(principal, Principal::Group(_));
        let others = self.assignments.on(&assignment.account, &assignment.permission_set);
        let groups = others.filter(|(_, other)| is_group(&other.principal)).count();
        if is_group(&assignment.principal) && groups >= self.settings.assignments.max_groups {
            let message = "The number of groups that are assigned to this permission set on this account exceeds the quota";
            return Err(AwsError::new("ServiceQuotaExceededException", 400, message));
        }
        Ok(())
    }

    /// Brings to their end the requests whose time has come.
    pub(in crate::identity_center) fn finish_due(&mut self) {
        while let Some((at, id)) = self.assignments.due.first().cloned()
            && at <= self.now()
        {
            self.assignments.due.remove(&(at, id.clone()));
            self.finish(&id);
        }
    }

    /// Brings all requests to their end.
    pub(in crate::identity_center) fn finish_all(&mut self) {
        while let Some((_, id)) = self.assignments.due.pop_first() {
            self.finish(&id);
        }
    }

    fn finish(&mut self, id: &RequestId) {
        let Some(request) = self.assignments.requests.get(id) else { return };
        let failure = request.failure.clone().or_else(|| self.closed_account(&request.assignment.account));
        let (operation, assignment) = (request.operation, request.assignment.clone());
        let status = match (failure, operation) {
            (Some(reason), _) => OperationStatus::Failed(reason),
            (None, AssignmentOperation::Create) => {
                self.assignments.made.insert(assignment.key(), assignment);
                OperationStatus::Succeeded
            }
            (None, AssignmentOperation::Delete) => {
                self.assignments.made.remove(&assignment.key());
                OperationStatus::Succeeded
            }
        };
        let now = self.now();
        if let Some(request) = self.assignments.requests.get_mut(id) {
            request.status = status;
            request.due = request.due.min(now);
        }
        self.version += 1;
    }

    /// What AWS says at the end of a request for an account that is not in use.
    fn closed_account(&self, id: &AccountId) -> Option<String> {
        let is_active = self.existing_account(id).is_ok_and(StoreAccount::is_active);
        (!is_active).then(|| {
            format!(
                "AWS SSO is unable to complete your request at this time. Obtaining permissions to manage your AWS account '{id}' is \
                 taking longer than usual. This is usually temporary. Please try again later."
            )
        })
    }
}

impl super::AssignmentState {
    fn take_fate(&mut self, operation: AssignmentOperation, assignment: &StoreAssignment, name: &str) -> Fate {
        let Some(fate) = self.fates.iter_mut().find(|fate| fate.fits(operation, assignment, name)) else { return Fate::default() };
        fate.times = fate.times.map(|times| times.saturating_sub(1));
        let fate = fate.clone();
        self.fates.retain(|fate| fate.times != Some(0));
        fate
    }
}
