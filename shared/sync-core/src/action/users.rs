//! Actions on users: they are made, changed, disabled and deleted.

use std::collections::BTreeSet;

use super::{RemovalReason, UserLabel};
use crate::ids::{OktaGroupId, OktaUserId, Revision, UserId};
use crate::profile::{Attribute, UserRecord};

/// The Identity Center user that an action is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserRef {
    /// It exists.
    Existing(UserId),
    /// It is made in the same plan, for this Okta user.
    New(OktaUserId),
}

impl UserRef {
    /// The user, if it exists.
    pub fn existing(&self) -> Option<&UserId> {
        match self {
            Self::Existing(id) => Some(id),
            Self::New(_) => None,
        }
    }
}

/// A user to be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserCreation {
    /// Who.
    pub user: UserLabel,
    /// The Okta user.
    pub okta_id: OktaUserId,
    /// What it shall be.
    pub record: UserRecord,
    /// The managed groups that list them.
    pub groups: BTreeSet<OktaGroupId>,
}

/// A user to be changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserUpdate {
    /// Who.
    pub user: UserLabel,
    /// The user in Identity Center.
    pub user_id: UserId,
    /// What it was when it was read.
    pub from: UserRecord,
    /// What it shall be, whole: what Lockstep does not manage is as it was read.
    pub to: UserRecord,
    /// Its revision when it was read, where AWS gave one.
    pub revision: Option<Revision>,
    /// The managed groups that list them.
    pub groups: BTreeSet<OktaGroupId>,
    /// Whether it undoes what an earlier run did.
    pub is_undo: bool,
}

impl UserUpdate {
    /// What differs, in the policy's words.
    pub fn differences(&self) -> Vec<&'static str> {
        let (from, to) = (&self.from, &self.to);
        let names: BTreeSet<Attribute> = from.attributes.keys().chain(to.attributes.keys()).copied().collect();
        let mut differences = Vec::new();
        differences.extend((from.user_name != to.user_name).then_some("userName"));
        differences.extend((to.external_id.is_some() && from.external_id != to.external_id).then_some("externalId"));
        differences.extend((from.is_enabled.is_some() && to.is_enabled.is_some() && from.is_enabled != to.is_enabled).then_some("active"));
        differences.extend(names.iter().filter(|name| from.attributes.get(name) != to.attributes.get(name)).map(|name| name.as_str()));
        differences
    }

    /// Whether it lets a disabled user in again.
    pub fn enables(&self) -> bool {
        self.from.is_enabled == Some(false) && self.to.is_enabled == Some(true)
    }
}

/// A user to be disabled or deleted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserDeparture {
    /// Who.
    pub user: UserLabel,
    /// The user in Identity Center.
    pub user_id: UserId,
    /// Its revision when it was read, where AWS gave one.
    pub revision: Option<Revision>,
    /// Why.
    pub reason: RemovalReason,
    /// The managed groups that list them, or that they are in.
    pub groups: BTreeSet<OktaGroupId>,
}
