//! Permission sets and account assignments, and the asynchronous requests that make and delete these.

pub(crate) mod api;
mod begin;
pub(crate) mod control;
mod handle;
mod ports;
mod reads;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sync_core::ids::{AccountId, GroupId, PermissionSetArn, RequestId, UserId};
use sync_core::records::{Assignment, AssignmentOperation, OperationStatus};

use crate::ids::IdMaker;

/// A permission set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionSet {
    /// Its ARN.
    pub arn: PermissionSetArn,
    /// Its name, which never changes.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Who gets a permission set on an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principal {
    /// The members of a group.
    Group(GroupId),
    /// One user.
    User(UserId),
}

impl Principal {
    /// `GROUP` or `USER`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Group(_) => "GROUP",
            Self::User(_) => "USER",
        }
    }

    /// The id of the group or the user.
    pub fn id(&self) -> &str {
        match self {
            Self::Group(id) => id.as_str(),
            Self::User(id) => id.as_str(),
        }
    }
}

/// An account assignment. It outlives its principal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoreAssignment {
    /// The account.
    pub account: AccountId,
    /// The permission set.
    pub permission_set: PermissionSetArn,
    /// The group or user.
    pub principal: Principal,
}

impl StoreAssignment {
    /// An assignment of a group.
    pub fn of_group(group: &GroupId, account: &AccountId, permission_set: &PermissionSetArn) -> Self {
        Self { account: account.clone(), permission_set: permission_set.clone(), principal: Principal::Group(group.clone()) }
    }

    /// The same as the engine has it; `None` where the principal is a user.
    pub fn record(&self) -> Option<Assignment> {
        let Principal::Group(group) = &self.principal else { return None };
        Some(Assignment { group: group.clone(), account: self.account.clone(), permission_set: self.permission_set.clone() })
    }

    /// Orders lists: by account, permission set and principal.
    pub(crate) fn key(&self) -> String {
        format!("{} {} {}", pair_key(&self.account, &self.permission_set), self.principal.kind(), self.principal.id())
    }
}

impl From<&Assignment> for StoreAssignment {
    fn from(assignment: &Assignment) -> Self {
        Self::of_group(&assignment.group, &assignment.account, &assignment.permission_set)
    }
}

/// How the keys of all assignments of a permission set on an account begin.
fn pair_key(account: &AccountId, permission_set: &PermissionSetArn) -> String {
    format!("{account} {permission_set}")
}

/// An asynchronous request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreRequest {
    /// Its id.
    pub id: RequestId,
    /// What it does.
    pub operation: AssignmentOperation,
    /// To what.
    pub assignment: StoreAssignment,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it comes, or came, to its end.
    pub due: Timestamp,
    /// Where it stands.
    pub status: OperationStatus,
    /// What a [`Fate`] has in store for it.
    pub(crate) failure: Option<String>,
}

/// What becomes of requests that are begun from now on. The first that fits and is not used up decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fate {
    /// `create` or `delete` only.
    pub operation: Option<FateOperation>,
    /// Requests for this account only.
    pub account: Option<AccountId>,
    /// Requests for this permission set only, by name or ARN.
    pub permission_set: Option<String>,
    /// How many requests it decides; `None` for all that follow.
    pub times: Option<u64>,
    /// They take this long, whatever the settings say.
    pub delay_ms: Option<u64>,
    /// They end `FAILED` with this `FailureReason`.
    pub failure: Option<String>,
}

/// The operation of a [`Fate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FateOperation {
    /// `CreateAccountAssignment`.
    Create,
    /// `DeleteAccountAssignment`.
    Delete,
}

impl Fate {
    /// Requests for this account fail with this reason.
    pub fn fails_on(account: &AccountId, reason: &str) -> Self {
        Self { account: Some(account.clone()), failure: Some(reason.to_owned()), ..Self::default() }
    }

    /// Requests for this account take so many milliseconds.
    pub fn delays_on(account: &AccountId, delay_ms: u64) -> Self {
        Self { account: Some(account.clone()), delay_ms: Some(delay_ms), ..Self::default() }
    }

    /// Decides so many requests.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    fn fits(&self, operation: AssignmentOperation, assignment: &StoreAssignment, name: &str) -> bool {
        let meant = match self.operation {
            None => true,
            Some(FateOperation::Create) => operation == AssignmentOperation::Create,
            Some(FateOperation::Delete) => operation == AssignmentOperation::Delete,
        };
        let set = self.permission_set.as_ref().is_none_or(|set| set == name || set == assignment.permission_set.as_str());
        meant && set && self.account.as_ref().is_none_or(|account| *account == assignment.account)
    }
}

/// Settings of simulated account assignments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignmentSettings {
    /// A request comes to its end, and takes effect, so many milliseconds after it was begun; with 0 before the next call. AWS needs
    /// about three seconds.
    pub delay_ms: u64,
    /// Requests under way at most, creations and deletions together. AWS allows 15.
    pub max_in_flight: usize,
    /// Groups on one permission set and account at most. AWS allows 100.
    pub max_groups: usize,
    /// One request for each account at one time, instead of one for each permission set on it. AWS's quota page says "one role of an
    /// account at a time", and its users meet conflicts on the same permission set.
    pub one_per_account: bool,
    /// The caller is a delegated administrator, who has no `ListAccountAssignmentsForPrincipal`, and no say on the management account.
    pub delegated_admin: bool,
    /// A delegated administrator has no say, on any account, on permission sets that are provisioned in the management account.
    pub management_sets_are_off_limits: bool,
    /// `ListAccountAssignmentsForPrincipal` knows principals that are gone from the identity store. AWS does not say whether it does.
    pub knows_gone_principals: bool,
    /// AWS forgets requests so many milliseconds after their end; `null` for never.
    pub forgets_after_ms: Option<u64>,
    /// Elements on a page at most, whatever `MaxResults` asks for: with less than 100, pages are shorter than they were asked to be.
    pub page_size: usize,
    /// Every page is preceded by an empty one that has only a token.
    pub empty_pages: bool,
}

impl Default for AssignmentSettings {
    fn default() -> Self {
        Self {
            delay_ms: 0,
            max_in_flight: 15,
            max_groups: 100,
            one_per_account: false,
            delegated_admin: false,
            management_sets_are_off_limits: false,
            knows_gone_principals: true,
            forgets_after_ms: None,
            page_size: 100,
            empty_pages: false,
        }
    }
}

/// Permission sets, assignments and requests.
#[derive(Debug)]
pub(crate) struct AssignmentState {
    ids: IdMaker,
    permission_sets: BTreeMap<PermissionSetArn, PermissionSet>,
    /// By [`StoreAssignment::key`].
    made: BTreeMap<String, StoreAssignment>,
    requests: BTreeMap<RequestId, StoreRequest>,
    /// The requests under way, by the time of their end.
    due: BTreeSet<(Timestamp, RequestId)>,
    fates: Vec<Fate>,
    /// The most requests that were under way at one time.
    most_in_flight: usize,
}

impl AssignmentState {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            ids: IdMaker::new(seed ^ 0x5e75_0000),
            permission_sets: BTreeMap::new(),
            made: BTreeMap::new(),
            requests: BTreeMap::new(),
            due: BTreeSet::new(),
            fates: Vec::new(),
            most_in_flight: 0,
        }
    }

    fn in_flight(&self) -> impl Iterator<Item = &StoreRequest> {
        self.due.iter().filter_map(|(_, id)| self.requests.get(id))
    }

    /// The permission sets that are provisioned on an account, or the accounts on which one is: those of its assignments.
    fn has_on(&self, account: &AccountId, permission_set: &PermissionSetArn) -> bool {
        self.on(account, permission_set).next().is_some()
    }

    /// The assignments of a permission set on an account, with their keys.
    fn on(&self, account: &AccountId, permission_set: &PermissionSetArn) -> impl Iterator<Item = (&str, &StoreAssignment)> + use<'_> {
        let prefix = format!("{} ", pair_key(account, permission_set));
        let rest = self.made.range(prefix.clone()..).map(|(key, assignment)| (key.as_str(), assignment));
        rest.take_while(move |(key, _)| key.starts_with(&prefix))
    }
}
