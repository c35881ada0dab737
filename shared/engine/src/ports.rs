//! The ports. Reads and writes are apart, so that what decides can hold no writer.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use jiff::Timestamp;
use sync_core::error::{SourceError, TargetError};
use sync_core::ids::{AccountId, GroupId, MembershipId, OktaGroupId, OktaUserId, PermissionSetArn, RequestId, Revision, UserId};
pub use sync_core::outcome::Effect;
use sync_core::profile::UserRecord;
use sync_core::records::{
    Account, Assignment, AssignmentOperation, AssignmentRequest, ChangedUser, DirectoryGroup, DirectoryUser, Listing, Membership,
    OktaGroup, OktaUser, OrganizationalUnit,
};

/// Reads from Okta. Every list is read to its last page, or the call fails.
pub trait ReadSource: Send + Sync {
    /// Every group, with Okta's own count of members where it gives one; `since` narrows it to the groups that changed, or
    /// whose members changed, after that moment.
    fn list_groups(&self, since: Option<Timestamp>) -> impl Future<Output = Result<Listing<OktaGroup>, SourceError>> + Send;

    /// One group by id, with Okta's own count of members where it gives one; `None` if Okta says that it does not exist.
    fn group(&self, id: &OktaGroupId) -> impl Future<Output = Result<Option<OktaGroup>, SourceError>> + Send;

    /// The members of a group, of every status; `None` if Okta says that the group does not exist.
    fn members(&self, id: &OktaGroupId) -> impl Future<Output = Result<Option<Listing<OktaUser>>, SourceError>> + Send;

    /// One user by id or login; `None` if Okta says that they do not exist.
    fn user(&self, id_or_login: &str) -> impl Future<Output = Result<Option<OktaUser>, SourceError>> + Send;

    /// The users whose record (status or profile) changed after this moment, of every status. Who was deleted is not among them.
    fn changed_users(&self, since: Timestamp) -> impl Future<Output = Result<Listing<ChangedUser>, SourceError>> + Send;

    /// The groups of a user, of every type; `None` if Okta says that the user does not exist.
    fn groups_of_user(&self, id: &OktaUserId) -> impl Future<Output = Result<Option<Listing<OktaGroup>>, SourceError>> + Send;

    /// The groups that are assigned to an app. `NotFound` where the app does not exist.
    fn app_groups(&self, app_id: &str) -> impl Future<Output = Result<BTreeSet<OktaGroupId>, SourceError>> + Send;

    /// Requests sent so far, repeated ones included.
    fn calls(&self) -> u64;

    /// Those of them that were answered "too many" (429).
    fn throttled(&self) -> u64;
}

/// Reads from Identity Center. Every list is read to its last page, or the call fails.
pub trait ReadTarget: Send + Sync {
    /// Every user.
    fn list_users(&self) -> impl Future<Output = Result<Listing<DirectoryUser>, TargetError>> + Send;

    /// The users with this userName (one call). AWS may compare with or without regard to case.
    fn users_named(&self, user_name: &str) -> impl Future<Output = Result<Vec<DirectoryUser>, TargetError>> + Send;

    /// The user with this externalId, as far as the transport can look for one: `None` where it cannot, and only a list of everyone can say.
    fn user_with_external_id(&self, id: &str) -> impl Future<Output = Result<Option<Vec<DirectoryUser>>, TargetError>> + Send;

    /// One user by id; `None` if it does not exist.
    fn user(&self, id: &UserId) -> impl Future<Output = Result<Option<DirectoryUser>, TargetError>> + Send;

    /// Every group.
    fn list_groups(&self) -> impl Future<Output = Result<Listing<DirectoryGroup>, TargetError>> + Send;

    /// One group by id; `None` if it does not exist.
    fn group(&self, id: &GroupId) -> impl Future<Output = Result<Option<DirectoryGroup>, TargetError>> + Send;

    /// The memberships of a group; `None` if the group does not exist.
    fn memberships_of_group(&self, id: &GroupId) -> impl Future<Output = Result<Option<Vec<Membership>>, TargetError>> + Send;

    /// The memberships of a user; `None` if the user does not exist.
    fn memberships_of_user(&self, id: &UserId) -> impl Future<Output = Result<Option<Vec<Membership>>, TargetError>> + Send;

    /// Requests sent so far, repeated ones included.
    fn calls(&self) -> TargetCalls;
}

/// A change to a group; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupChange {
    /// The new DisplayName.
    pub display_name: Option<String>,
    /// The new Description; empty takes it away.
    pub description: Option<String>,
}

/// One change to the members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberChange {
    /// A user is put into it.
    Add(UserId),
    /// A user is taken out of it.
    Remove {
        /// Who.
        user: UserId,
        /// Their membership: what the Identity Store API asks for.
        membership: MembershipId,
    },
}

/// Writes to Identity Center. Each call is safe to repeat.
pub trait WriteTarget: Send + Sync {
    /// Makes a group. `NameTaken` where a group of this name exists, as after an answer that was lost: look it up.
    fn create_group(&self, display_name: &str, description: &str) -> impl Future<Output = Result<GroupId, TargetError>> + Send;

    /// Changes a group, at this revision where it is known.
    fn update_group(
        &self,
        id: &GroupId,
        change: &GroupChange,
        at: Option<&Revision>,
    ) -> impl Future<Output = Result<(), TargetError>> + Send;

    /// Deletes a group, at this revision where it is known. One that is gone already is `AlreadyInEffect`.
    fn delete_group(&self, id: &GroupId, at: Option<&Revision>) -> impl Future<Output = Result<Effect, TargetError>> + Send;

    /// Adds a user to a group. One that is in it already is `AlreadyInEffect`.
    fn create_membership(&self, group: &GroupId, user: &UserId) -> impl Future<Output = Result<Effect, TargetError>> + Send;

    /// Removes a membership. One that is gone already is `AlreadyInEffect`.
    fn delete_membership(&self, id: &MembershipId) -> impl Future<Output = Result<Effect, TargetError>> + Send;

    /// Most membership changes of one [`Self::change_members`]: what the transport carries in one request.
    fn most_changes_at_once(&self) -> usize;

    /// Changes the members of one group, and sets its externalId on the way where it is given and the transport can. An error says that not
    /// all of it took effect. A transport that carries one change at a time makes one request of each.
    fn change_members(
        &self,
        group: &GroupId,
        external_id: Option<&str>,
        changes: &[MemberChange],
    ) -> impl Future<Output = Result<Effect, TargetError>> + Send;

    /// Makes a user. `NameTaken` where one of this userName or e-mail address exists, as after an answer that was lost: look it up.
    fn create_user(&self, user: &UserRecord) -> impl Future<Output = Result<UserId, TargetError>> + Send;

    /// Changes a user from what was read to what is wanted, at this revision where it is known.
    fn update_user(
        &self,
        id: &UserId,
        from: &UserRecord,
        to: &UserRecord,
        at: Option<&Revision>,
    ) -> impl Future<Output = Result<(), TargetError>> + Send;

    /// Disables a user: they can sign in no more, and stay.
    fn disable_user(&self, id: &UserId) -> impl Future<Output = Result<Effect, TargetError>> + Send;

    /// Deletes a user, at this revision where it is known. One that is gone already is `AlreadyInEffect`.
    fn delete_user(&self, id: &UserId, at: Option<&Revision>) -> impl Future<Output = Result<Effect, TargetError>> + Send;
}

/// Reads of account assignments (sso-admin). Every list is read to its last page, or the call fails.
pub trait ReadAssignments: Send + Sync {
    /// The ARNs of all permission sets.
    fn permission_sets(&self) -> impl Future<Output = Result<Vec<PermissionSetArn>, TargetError>> + Send;

    /// The name of a permission set; `None` if it does not exist.
    fn permission_set_name(&self, arn: &PermissionSetArn) -> impl Future<Output = Result<Option<String>, TargetError>> + Send;

    /// The assignments of a group on all accounts (`ListAccountAssignmentsForPrincipal`). `Denied` where AWS gives this to the management
    /// account only: then [`Self::assignments_on`] is what is left.
    fn assignments_of_group(&self, group: &GroupId) -> impl Future<Output = Result<Vec<Assignment>, TargetError>> + Send;

    /// The assignments of one permission set on one account, of groups only (`ListAccountAssignments`). Empty where the account or the
    /// set has none.
    fn assignments_on(
        &self,
        account: &AccountId,
        permission_set: &PermissionSetArn,
    ) -> impl Future<Output = Result<Vec<Assignment>, TargetError>> + Send;

    /// The operations that are under way, without what they make or delete: one call for up to a hundred.
    fn requests_in_progress(
        &self,
        operation: AssignmentOperation,
    ) -> impl Future<Output = Result<Vec<AssignmentRequest>, TargetError>> + Send;

    /// One operation, with what it makes or deletes; `None` if AWS does not know it (any more).
    fn request(
        &self,
        operation: AssignmentOperation,
        id: &RequestId,
    ) -> impl Future<Output = Result<Option<AssignmentRequest>, TargetError>> + Send;
}

/// Writes of account assignments: begun here, and at their end later.
pub trait WriteAssignments: Send + Sync {
    /// Begins to make an assignment. `ConcurrentModification` where AWS is changing the same thing: wait, and try again.
    fn create_assignment(&self, assignment: &Assignment) -> impl Future<Output = Result<AssignmentRequest, TargetError>> + Send;

    /// Begins to delete an assignment. One that is gone already is `Succeeded`.
    fn delete_assignment(&self, assignment: &Assignment) -> impl Future<Output = Result<AssignmentRequest, TargetError>> + Send;
}

/// Reads of the organization.
pub trait ReadOrganization: Send + Sync {
    /// Every account (pages of 20, and pages may be empty).
    fn accounts(&self) -> impl Future<Output = Result<Vec<Account>, TargetError>> + Send;

    /// One account by id; `None` if it is not in the organization.
    fn account(&self, id: &AccountId) -> impl Future<Output = Result<Option<Account>, TargetError>> + Send;

    /// The management account.
    fn management_account(&self) -> impl Future<Output = Result<AccountId, TargetError>> + Send;

    /// The root of the organization.
    fn root(&self) -> impl Future<Output = Result<OrganizationalUnit, TargetError>> + Send;

    /// The organizational units directly below a unit or the root.
    fn units_below(&self, id: &str) -> impl Future<Output = Result<Vec<OrganizationalUnit>, TargetError>> + Send;

    /// The accounts directly below a unit or the root.
    fn accounts_below(&self, id: &str) -> impl Future<Output = Result<Vec<Account>, TargetError>> + Send;

    /// The tags of an account.
    fn tags(&self, id: &AccountId) -> impl Future<Output = Result<BTreeMap<String, String>, TargetError>> + Send;
}

/// All reads from the side of AWS.
pub trait ReadAws: ReadTarget + ReadAssignments + ReadOrganization {}

impl<T: ReadTarget + ReadAssignments + ReadOrganization> ReadAws for T {}

/// All writes to the side of AWS.
pub trait WriteAws: WriteTarget + WriteAssignments {}

impl<T: WriteTarget + WriteAssignments> WriteAws for T {}

/// Requests sent to AWS, by family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TargetCalls {
    /// Identity Store.
    pub identity_store: u64,
    /// SCIM.
    pub scim: u64,
    /// sso-admin.
    pub sso_admin: u64,
    /// Organizations.
    pub organizations: u64,
    /// Those of all of them that were answered "too many".
    pub throttled: u64,
}

/// A row of the ledger's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
    /// Grows by one with every write; 0 before the first.
    pub version: u64,
    /// JSON, whose form belongs to the kind of row.
    pub body: String,
    /// When the table may drop it by itself.
    pub expires_at: Option<Timestamp>,
}

/// What a write to the table may rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Whatever is there.
    Anything,
    /// Nothing is there.
    Absent,
    /// The row of this version is there.
    Version(u64),
}

/// Why the table did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// What the write rested on is not so any more: read again.
    #[error("the row {pk}/{sk} was changed by someone else")]
    Conflict {
        /// Partition key.
        pk: String,
        /// Sort key.
        sk: String,
    },
    /// The table cannot be reached, or refuses: its own words.
    #[error("the ledger table cannot be used ({operation}): {detail}")]
    Unavailable {
        /// The operation of DynamoDB.
        operation: &'static str,
        /// Its words.
        detail: String,
    },
}

/// The ledger's table: rows with a version, and writes that rest on it. What the rows mean is the engine's business.
pub trait Table: Send + Sync {
    /// A row, read consistently; `None` if there is none or it has expired at `now`.
    fn get(&self, pk: &str, sk: &str, now: Timestamp) -> impl Future<Output = Result<Option<Row>, TableError>> + Send;

    /// Writes a row with version + 1 if `expect` holds; an expired row counts as absent. Returns the version written.
    fn put(&self, row: &Row, expect: Expect, now: Timestamp) -> impl Future<Output = Result<u64, TableError>> + Send;

    /// Deletes a row if `expect` holds; one that is gone already is fine with `Anything`.
    fn delete(&self, pk: &str, sk: &str, expect: Expect) -> impl Future<Output = Result<(), TableError>> + Send;

    /// The rows of a partition, in the order of `sk`, those that have expired at `now` left out, read consistently.
    fn query(&self, pk: &str, now: Timestamp) -> impl Future<Output = Result<Vec<Row>, TableError>> + Send;
}

/// The time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}
