//! The records that Okta and Identity Center give, reduced to what decisions need.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, GroupId, MembershipId, OktaGroupId, OktaUserId, PermissionSetArn, RequestId, Revision, UserId};
use crate::mark::Description;
use crate::profile::UserDetails;

/// An Okta group's `type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupType {
    /// Made and kept in Okta.
    OktaGroup,
    /// Mastered by an application, such as Active Directory.
    AppGroup,
    /// `Everyone` and its like, never managed.
    BuiltIn,
    /// A type that Okta did not have when this was written.
    Other(String),
}

impl GroupType {
    /// Okta's own word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::OktaGroup => "OKTA_GROUP",
            Self::AppGroup => "APP_GROUP",
            Self::BuiltIn => "BUILT_IN",
            Self::Other(name) => name,
        }
    }

    /// From Okta's own word.
    pub fn parse(word: &str) -> Self {
        match word {
            "OKTA_GROUP" => Self::OktaGroup,
            "APP_GROUP" => Self::AppGroup,
            "BUILT_IN" => Self::BuiltIn,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// An Okta group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OktaGroup {
    /// Its id.
    pub id: OktaGroupId,
    /// Its name, as given; not unique, and changeable.
    pub name: String,
    /// Its description, empty if it has none.
    pub description: String,
    /// Its type.
    pub kind: GroupType,
    /// When its name or description last changed.
    pub last_updated: Option<Timestamp>,
    /// When its members last changed.
    pub last_membership_updated: Option<Timestamp>,
    /// Okta's own count of its members (`expand=stats`), where it was given.
    pub users_count: Option<u64>,
}

/// An Okta user's `status`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum UserStatus {
    /// In use.
    Active,
    /// In use, password to be changed.
    PasswordExpired,
    /// In use, sign-in locked for the moment.
    LockedOut,
    /// In use, password being reset.
    Recovery,
    /// Activated, without a credential yet.
    Provisioned,
    /// Not activated.
    Staged,
    /// Suspended; keeps its group memberships.
    Suspended,
    /// Deactivated; keeps its group memberships.
    Deprovisioned,
    /// A status that Okta did not have when this was written: nothing is granted and nothing is taken.
    Other(String),
}

impl UserStatus {
    /// Okta's own word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "ACTIVE",
            Self::PasswordExpired => "PASSWORD_EXPIRED",
            Self::LockedOut => "LOCKED_OUT",
            Self::Recovery => "RECOVERY",
            Self::Provisioned => "PROVISIONED",
            Self::Staged => "STAGED",
            Self::Suspended => "SUSPENDED",
            Self::Deprovisioned => "DEPROVISIONED",
            Self::Other(name) => name,
        }
    }

    /// From Okta's own word.
    pub fn parse(word: &str) -> Self {
        match word {
            "ACTIVE" => Self::Active,
            "PASSWORD_EXPIRED" => Self::PasswordExpired,
            "LOCKED_OUT" => Self::LockedOut,
            "RECOVERY" => Self::Recovery,
            "PROVISIONED" => Self::Provisioned,
            "STAGED" => Self::Staged,
            "SUSPENDED" => Self::Suspended,
            "DEPROVISIONED" => Self::Deprovisioned,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl From<String> for UserStatus {
    fn from(word: String) -> Self {
        Self::parse(&word)
    }
}

impl From<UserStatus> for String {
    fn from(status: UserStatus) -> Self {
        status.as_str().to_owned()
    }
}

/// An Okta user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OktaUser {
    /// Their id.
    pub id: OktaUserId,
    /// Their status.
    pub status: UserStatus,
    /// What equals Identity Center's userName (`[users] user_name_from`); `None` where the record has no such text.
    pub user_name: Option<String>,
    /// `login`, for reports; empty where the record has none.
    pub login: String,
    /// The texts of the profile that the policy asks for, by attribute; empty where it does not manage users.
    pub profile: BTreeMap<String, String>,
}

/// An Okta user whose record changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedUser {
    /// The user, as they are now.
    pub user: OktaUser,
    /// When their status changed last; `None` where Okta does not say.
    pub status_changed: Option<Timestamp>,
}

/// An element of a list that is no record: where it stood, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRecord {
    /// The id, if it had a usable one.
    pub id: Option<String>,
    /// What is wrong.
    pub problem: String,
}

/// A list that was read to its last page, with the elements that could not be understood set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// The records.
    pub items: Vec<T>,
    /// What was no record.
    pub bad: Vec<BadRecord>,
}

impl<T> Listing<T> {
    /// A list in which every element was a record.
    pub fn of(items: Vec<T>) -> Self {
        Self { items, bad: Vec::new() }
    }
}

/// An Identity Store user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryUser {
    /// Its id.
    pub id: UserId,
    /// Its userName.
    pub user_name: String,
    /// The ids that external providers gave it, whatever their issuer. Written over SCIM only.
    pub external_ids: Vec<String>,
    /// What else was read of it; `None` where the policy does not manage users.
    pub details: Option<Box<UserDetails>>,
}

/// An Identity Store group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryGroup {
    /// Its id.
    pub id: GroupId,
    /// Its DisplayName.
    pub display_name: String,
    /// Its Description, empty if it has none.
    pub description: Description,
    /// The ids that external providers gave it, whatever their issuer.
    pub external_ids: Vec<String>,
    /// Its version, where AWS gave one.
    pub revision: Option<Revision>,
}

/// An Identity Store membership of a user in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Its id.
    pub id: MembershipId,
    /// The group.
    pub group: GroupId,
    /// The user.
    pub user: UserId,
}

/// An account assignment of a group: a permission set on an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// The group.
    pub group: GroupId,
    /// The account.
    pub account: AccountId,
    /// The permission set.
    pub permission_set: PermissionSetArn,
}

/// Whether an assignment is being made or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssignmentOperation {
    /// `CreateAccountAssignment`.
    Create,
    /// `DeleteAccountAssignment`.
    Delete,
}

/// Where an asynchronous operation stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperationStatus {
    /// Under way.
    InProgress,
    /// At its end, and in effect.
    Succeeded,
    /// At its end, and not in effect, with AWS's `FailureReason`.
    Failed(String),
}

/// An asynchronous operation on an assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentRequest {
    /// Its id.
    pub id: RequestId,
    /// Where it stands.
    pub status: OperationStatus,
    /// When it was begun, where AWS says so.
    pub created: Option<Timestamp>,
    /// What it makes or deletes; `None` where AWS does not say (lists of requests do not), or where the principal is a user.
    pub assignment: Option<Assignment>,
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Whether it is ACTIVE (`State`, or `Status` where AWS gives no `State`).
    pub is_active: bool,
    /// AWS's own word for that.
    pub state: String,
    /// The ids of the root and the organizational units above it, from the root down; empty where AWS did not say.
    pub path: Vec<String>,
}

/// An organizational unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationalUnit {
    /// Its id (`ou-…`), or the root's (`r-…`).
    pub id: String,
    /// Its name.
    pub name: String,
}
