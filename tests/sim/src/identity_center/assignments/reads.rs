//! What sso-admin lists, page by page, whatever carries it.

use std::collections::BTreeSet;
use std::time::Duration;

use sync_core::ids::{AccountId, PermissionSetArn, RequestId};
use sync_core::records::{AssignmentOperation, OperationStatus};

use super::{PermissionSet, Principal, StoreAssignment, StoreRequest};
use crate::fault::Page;
use crate::identity_center::error::AwsError;
use crate::identity_center::reads::{Pages, Part};
use crate::identity_center::state::StoreState;
use crate::time::later;

impl StoreState {
    fn assignment_pages(&self) -> Pages {
        Pages { size: self.settings.assignments.page_size, empty: self.settings.assignments.empty_pages }
    }

    pub(super) fn list_permission_sets<T>(&self, part: Part<'_>, map: impl Fn(&PermissionSet) -> T) -> Result<Page<T>, AwsError> {
        let sets = self.assignments.permission_sets.values().map(|set| (set.arn.as_str(), set));
        self.assignment_pages().page("permission sets", part, sets, map)
    }

    /// The assignments of a principal, on one account or on all.
    pub(super) fn list_assignments_of<T>(
        &self,
        principal: &Principal,
        account: Option<&AccountId>,
        part: Part<'_>,
        map: impl Fn(&StoreAssignment) -> T,
    ) -> Result<Page<T>, AwsError> {
        if self.settings.assignments.delegated_admin {
            let message = "ListAccountAssignmentsForPrincipal must be called from the management account of the organization";
            return Err(AwsError::denied(message));
        }
        let made = self.assignments.made.iter();
        let own = made.filter(|(_, assignment)| assignment.principal == *principal).map(|(key, assignment)| (key.as_str(), assignment));
        let own = own.filter(|(_, assignment)| account.is_none_or(|account| assignment.account == *account));
        if !self.settings.assignments.knows_gone_principals {
            self.existing_principal(principal)?;
        }
        self.assignment_pages().page(principal.id(), part, own, map)
    }

    pub(super) fn list_assignments_on<T>(
        &self,
        account: &AccountId,
        permission_set: &PermissionSetArn,
        part: Part<'_>,
        map: impl Fn(&StoreAssignment) -> T,
    ) -> Result<Page<T>, AwsError> {
        self.existing_account(account)?;
        self.existing_permission_set(permission_set)?;
        self.assignment_pages().page(&format!("{account} {permission_set}"), part, self.assignments.on(account, permission_set), map)
    }

    pub(super) fn list_sets_on<T>(&self, account: &AccountId, part: Part<'_>, map: impl Fn(&str) -> T) -> Result<Page<T>, AwsError> {
        self.existing_account(account)?;
        let on = self.assignments.made.values().filter(|assignment| assignment.account == *account);
        let sets: BTreeSet<&str> = on.map(|assignment| assignment.permission_set.as_str()).collect();
        self.assignment_pages().page(account.as_str(), part, sets.into_iter().map(|set| (set, set)), map)
    }

    pub(super) fn list_accounts_with<T>(
        &self,
        permission_set: &PermissionSetArn,
        part: Part<'_>,
        map: impl Fn(&str) -> T,
    ) -> Result<Page<T>, AwsError> {
        self.existing_permission_set(permission_set)?;
        let with = self.assignments.made.values().filter(|assignment| assignment.permission_set == *permission_set);
        let accounts: BTreeSet<&str> = with.map(|assignment| assignment.account.as_str()).collect();
        self.assignment_pages().page(permission_set.as_str(), part, accounts.into_iter().map(|account| (account, account)), map)
    }

    /// The requests in this status (AWS's word for it), or all.
    pub(super) fn list_requests<T>(
        &self,
        operation: AssignmentOperation,
        status: Option<&str>,
        part: Part<'_>,
        map: impl Fn(&StoreRequest) -> T,
    ) -> Result<Page<T>, AwsError> {
        let list = match operation {
            AssignmentOperation::Create => "creations",
            AssignmentOperation::Delete => "deletions",
        };
        let meant = |request: &&StoreRequest| {
            request.operation == operation && status.is_none_or(|status| status == status_word(&request.status)) && self.remembers(request)
        };
        let requests = self.assignments.requests.values().filter(meant).map(|request| (request.id.as_str(), request));
        self.assignment_pages().page(list, part, requests, map)
    }

    pub(super) fn existing_request(&self, operation: AssignmentOperation, id: &str) -> Result<&StoreRequest, AwsError> {
        let found = RequestId::new(id).ok().and_then(|id| self.assignments.requests.get(&id));
        let found = found.filter(|request| request.operation == operation && self.remembers(request));
        found.ok_or_else(|| AwsError::not_found("REQUEST", id))
    }

    fn remembers(&self, request: &StoreRequest) -> bool {
        let Some(after) = self.settings.assignments.forgets_after_ms else { return true };
        request.status == OperationStatus::InProgress || later(request.due, Duration::from_millis(after)) > self.now()
    }
}

/// AWS's word for a status.
pub(super) fn status_word(status: &OperationStatus) -> &'static str {
    match status {
        OperationStatus::InProgress => "IN_PROGRESS",
        OperationStatus::Succeeded => "SUCCEEDED",
        OperationStatus::Failed(_) => "FAILED",
    }
}
