//! The state of a simulated identity store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::ports::Clock;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sync_core::ids::{GroupId, MembershipId, UserId};
use sync_core::names::NameKey;

use super::assignments::{AssignmentSettings, AssignmentState};
use super::error::AwsError;
use super::organization::{Organization, OrganizationSettings};
use super::quota::Quota;
use super::scim::ScimSettings;
use crate::call::Desk;
use crate::ids::{IdMaker, STORE_DIGITS};
use crate::time::{Time, later};

/// An id that an external provider gave, as SCIM writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalId {
    /// Who gave it. What AWS writes there is not known.
    pub issuer: String,
    /// The id.
    pub id: String,
}

impl ExternalId {
    /// An id that came over SCIM.
    pub fn scim(id: &str) -> Self {
        Self { issuer: "https://scim.example/sim".to_owned(), id: id.to_owned() }
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreUser {
    /// Its id.
    pub id: UserId,
    /// Its userName.
    pub user_name: String,
    /// Ids that external providers gave it.
    pub external_ids: Vec<ExternalId>,
    /// Whether it can sign in.
    pub enabled: bool,
    /// `DisplayName`, `Name`, `Emails` and so on, as the API writes them.
    pub attributes: Map<String, Value>,
    /// Grows with every change.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    pub(crate) keys: UserKeys,
}

/// What a user's uniqueness rests on, for speed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserKeys {
    name: NameKey,
    pub(crate) email: Option<String>,
}

impl UserKeys {
    pub(crate) fn of(user_name: &str, attributes: &Map<String, Value>) -> Self {
        Self { name: NameKey::of(user_name), email: email(attributes).map(str::to_lowercase) }
    }
}

/// The first e-mail address in the attributes.
pub(crate) fn email(attributes: &Map<String, Value>) -> Option<&str> {
    attributes.get("Emails")?.as_array()?.first()?.get("Value")?.as_str()
}

/// A group, without its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreGroup {
    /// Its id.
    pub id: GroupId,
    /// Its DisplayName.
    pub display_name: String,
    /// Its Description.
    pub description: Option<String>,
    /// Ids that external providers gave it.
    pub external_ids: Vec<ExternalId>,
    /// Grows with every change.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    pub(crate) key: NameKey,
}

/// A membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreMembership {
    /// Its id.
    pub id: MembershipId,
    /// The group.
    pub group: GroupId,
    /// The user.
    pub user: UserId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A membership that was made, or that went, whoever did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipChange {
    /// When.
    pub at: Timestamp,
    /// Whether it was made.
    pub made: bool,
    /// The group.
    pub group: GroupId,
    /// The user.
    pub user: UserId,
}

/// A user that was made, changed or removed, whoever did it.
#[derive(Debug, Clone, PartialEq)]
pub struct UserChange {
    /// When.
    pub at: Timestamp,
    /// As it was; `None` where it was made.
    pub before: Option<StoreUser>,
    /// As it is; `None` where it was removed.
    pub after: Option<StoreUser>,
}

/// Settings of a simulated identity store.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `d-` and ten hexadecimal digits.
    pub identity_store_id: String,
    /// How many instances of IAM Identity Center `ListInstances` shows; the first is this one.
    pub instances: usize,
    /// Elements on a page at most, whatever `MaxResults` asks for. AWS's own limit is 100.
    pub page_size: usize,
    /// Every page is preceded by an empty one that has only a token.
    pub empty_pages: bool,
    /// A membership made within so many milliseconds is not listed yet. AWS documents nothing of the kind.
    pub stale_ms: u64,
    /// Names are unique, and looked up, without regard to case. AWS does not say whether they are.
    pub names_ignore_case: bool,
    /// Deleting a user or a group takes its memberships with it. AWS does not say so.
    pub cascade: bool,
    /// Deleting what is not there is a success. The service's model calls deletions idempotent, and its users meet
    /// `ResourceNotFoundException`.
    pub forgiving_deletes: bool,
    /// Users and groups at most.
    pub capacity: usize,
    /// HTTP status of `ConflictException`: 400 was seen, 409 is claimed.
    pub conflict_status: u16,
    /// The account that callers are told they are in.
    pub account: String,
    /// How far AWS's clock is ahead of the world's, in milliseconds, as the `Date` header of its answers tells.
    pub skew_ms: i64,
    /// Account assignments.
    pub assignments: AssignmentSettings,
    /// The organization.
    pub organization: OrganizationSettings,
    /// The SCIM endpoint.
    pub scim: ScimSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            identity_store_id: format!("d-{STORE_DIGITS}"),
            instances: 1,
            page_size: 100,
            empty_pages: false,
            stale_ms: 0,
            names_ignore_case: true,
            cascade: true,
            forgiving_deletes: false,
            capacity: 200_000,
            conflict_status: 400,
            account: super::organization::MANAGEMENT.to_owned(),
            skew_ms: 0,
            assignments: AssignmentSettings::default(),
            organization: OrganizationSettings::default(),
            scim: ScimSettings::default(),
        }
    }
}

/// The store.
#[derive(Debug)]
pub(crate) struct StoreState {
    pub(crate) time: Time,
    pub(crate) settings: Settings,
    pub(crate) desk: Desk,
    pub(crate) quota: Quota,
    pub(crate) ids: IdMaker,
    pub(crate) version: u64,
    pub(crate) users: BTreeMap<UserId, StoreUser>,
    pub(crate) groups: BTreeMap<GroupId, StoreGroup>,
    pub(crate) memberships: BTreeMap<MembershipId, StoreMembership>,
    /// The same by group, for speed.
    pub(crate) by_group: BTreeMap<GroupId, BTreeMap<UserId, MembershipId>>,
    /// The same by user, for speed.
    pub(crate) by_user: BTreeMap<UserId, BTreeSet<MembershipId>>,
    /// What changed in the memberships, where that is watched.
    pub(crate) watched: Option<Vec<MembershipChange>>,
    /// What changed in the users, where that is watched.
    pub(crate) watched_users: Option<Vec<UserChange>>,
    pub(crate) assignments: AssignmentState,
    pub(crate) organization: Option<Organization>,
}

impl StoreState {
    pub(crate) fn new(time: Time, seed: u64) -> Self {
        Self {
            time,
            settings: Settings::default(),
            desk: Desk::default(),
            quota: Quota::default(),
            ids: IdMaker::new(seed ^ 0x00a5_5a00),
            version: 0,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            memberships: BTreeMap::new(),
            by_group: BTreeMap::new(),
            by_user: BTreeMap::new(),
            watched: None,
            watched_users: None,
            assignments: AssignmentState::new(seed),
            organization: None,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.time.now()
    }

    /// The users of this name: one at most, where names ignore case.
    pub(crate) fn users_named(&self, user_name: &str) -> impl Iterator<Item = &StoreUser> + use<'_> {
        let (key, exact) = (NameKey::of(user_name), self.exactly(user_name));
        self.users.values().filter(move |user| user.keys.name == key && exact.as_ref().is_none_or(|name| *name == user.user_name))
    }

    /// The groups of this name: one at most, where names ignore case.
    pub(crate) fn groups_named(&self, display_name: &str) -> impl Iterator<Item = &StoreGroup> + use<'_> {
        let (key, exact) = (NameKey::of(display_name), self.exactly(display_name));
        self.groups.values().filter(move |group| group.key == key && exact.as_ref().is_none_or(|name| *name == group.display_name))
    }

    fn exactly(&self, name: &str) -> Option<String> {
        (!self.settings.names_ignore_case).then(|| name.to_owned())
    }

    pub(crate) fn user_named(&self, user_name: &str) -> Option<&StoreUser> {
        self.users_named(user_name).next()
    }

    pub(crate) fn group_named(&self, display_name: &str) -> Option<&StoreGroup> {
        self.groups_named(display_name).next()
    }

    pub(crate) fn existing_user(&self, id: &str) -> Result<&StoreUser, AwsError> {
        UserId::new(id).ok().and_then(|id| self.users.get(&id)).ok_or_else(|| AwsError::not_found("USER", id))
    }

    pub(crate) fn existing_group(&self, id: &str) -> Result<&StoreGroup, AwsError> {
        GroupId::new(id).ok().and_then(|id| self.groups.get(&id)).ok_or_else(|| AwsError::not_found("GROUP", id))
    }

    pub(crate) fn existing_membership(&self, id: &str) -> Result<&StoreMembership, AwsError> {
        let found = MembershipId::new(id).ok().and_then(|id| self.memberships.get(&id));
        found.ok_or_else(|| AwsError::not_found("GROUP_MEMBERSHIP", id))
    }

    pub(crate) fn membership_of(&self, group: &GroupId, user: &UserId) -> Option<&MembershipId> {
        self.by_group.get(group)?.get(user)
    }

    /// Whether a list shows a membership at this moment.
    pub(crate) fn lists(&self, membership: &StoreMembership) -> bool {
        let stale = Duration::from_millis(self.settings.stale_ms);
        stale.is_zero() || later(membership.created_at, stale) <= self.now()
    }
}
