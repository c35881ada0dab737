//! The policy: which groups are managed, how users are matched, what the guard allows, how fast calls may go.
//!
//! A policy exists only if every key of its file was understood; an error names the key and the line.

mod check;
mod matching;
mod place;
mod raw;
#[cfg(test)]
mod tests;
mod users;

pub use matching::GroupVerdict;

use std::collections::BTreeSet;

use regex::Regex;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

pub(crate) use users::DISPLAY_NAME;
pub use users::{Entitlement, Farewell, ManagedUsers, OnNotEntitled, UsersPolicy};

use crate::assignments::AssignmentRule;
use crate::mark::OrgHost;
use crate::records::GroupType;

/// What is wrong with a policy file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy line {line}: {problem}")]
pub struct PolicyError {
    /// The line, counted from 1.
    pub line: usize,
    /// The key, and what is wrong with its value.
    pub problem: String,
}

/// A policy that was checked whole.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The org.
    pub okta: OktaPolicy,
    /// Which groups are managed.
    pub groups: GroupsPolicy,
    /// Where Identity Center is.
    pub identity_center: IdentityCenterPolicy,
    /// How users are matched, and who is entitled.
    pub users: UsersPolicy,
    /// Whether anything is written at all.
    pub write_mode: WriteMode,
    /// By which way it is written.
    pub transport: Transport,
    /// How much may be removed.
    pub guard: GuardPolicy,
    /// Which groups get which permission sets on which accounts.
    pub assignments: Vec<AssignmentRule>,
    /// How fast calls may go.
    pub limits: LimitsPolicy,
    hash: String,
}

/// `[okta]`.
#[derive(Debug, Clone)]
pub struct OktaPolicy {
    /// The org's address, without a path.
    pub org_url: Url,
    /// Its host, as marks carry it.
    pub host: OrgHost,
    /// Hosts this org had before: their marks are ours too.
    pub former_hosts: BTreeSet<OrgHost>,
}

/// `[groups]`.
#[derive(Debug, Clone)]
pub struct GroupsPolicy {
    matching: Vec<Regex>,
    exclude: Vec<Regex>,
    types: Vec<GroupType>,
    /// Only groups that are assigned to this app, if given.
    pub app_id: Option<String>,
    /// Which groups that exist already are taken over.
    pub adopt: Adopt,
    /// What becomes of a managed group that is gone from Okta.
    pub on_deleted_in_okta: Disposal,
    /// What becomes of a managed group that is still there, but matched no more.
    pub on_unmatched: Disposal,
}

/// `[groups] adopt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Adopt {
    /// None.
    Never,
    /// A group whose externalId is the Okta group's id.
    #[default]
    ByExternalId,
    /// That, or a group of the same name that nobody owns.
    ByName,
}

/// What becomes of a managed group that Okta no longer stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposal {
    /// Its members are removed; it stays, with its mark.
    Empty,
    /// It is deleted. A deleted `GroupId` never comes back.
    Delete,
    /// The mark is taken away, and nothing else.
    Release,
}

/// `[identity_center]`; what is empty is found.
#[derive(Debug, Clone, Default)]
pub struct IdentityCenterPolicy {
    /// Its region.
    pub region: String,
    /// The instance's ARN.
    pub instance_arn: String,
    /// The identity store's id.
    pub identity_store_id: String,
    /// The role to assume for it.
    pub assume_role_arn: String,
}

/// `[users] user_name_from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserNameFrom {
    /// `profile.login`.
    Login,
    /// `profile.email`.
    Email,
    /// Another attribute of the profile.
    Profile(String),
}

/// `[writes] mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    /// Changes are made.
    #[default]
    Apply,
    /// Everything but the changes.
    Shadow,
}

/// `[writes] transport`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// The Identity Store API: one membership a request; it cannot set externalId, and cannot disable a user.
    #[default]
    IdentityStore,
    /// SCIM for users, memberships and a group's externalId; groups are still made, renamed and marked over the Identity Store API.
    Scim,
}

/// `[guard]`: the limits of removals, counted over all runs in the window.
#[derive(Debug, Clone)]
pub struct GuardPolicy {
    /// The window, in hours.
    pub window_hours: u32,
    /// Memberships removed.
    pub max_membership_removals: u64,
    /// Assignments removed.
    pub max_assignment_removals: u64,
    /// Groups deleted or released.
    pub max_group_deletions: u64,
    /// Users disabled or deleted.
    pub max_user_removals: u64,
    /// Users whose memberships are removed because they are gone or not entitled.
    pub max_leavers: u64,
    /// Percent of all managed memberships (assignments) that may be removed, where that is more.
    pub max_percent: f64,
    /// Percent of one group's members that may be removed.
    pub max_percent_of_group: f64,
    /// The size from which on a group has that limit.
    pub min_population: u64,
    /// Assignments made.
    pub max_assignment_additions: u64,
    /// Permission sets, by name, whose granting is held until approved.
    pub sensitive_permission_sets: BTreeSet<String>,
    protected_groups: Vec<Regex>,
}

/// `[limits]`: calls a second.
#[derive(Debug, Clone, Copy)]
pub struct LimitsPolicy {
    /// Identity Store, per API.
    pub identity_store_tps: f64,
    /// sso-admin, all APIs together.
    pub sso_admin_tps: f64,
    /// SCIM, per API.
    pub scim_tps: f64,
    /// Assignments being made or deleted at one time.
    pub max_assignments_in_flight: u32,
    /// Share of Okta's own limit that may be used, above 0 and at most 1.
    pub okta_rate_share: f64,
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// [`PolicyError`] names the line and the key: an unknown key, a value of another type, a regular expression that does not
    /// compile, an `org_url` that is not https off loopback, a limit out of its range.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let file: raw::File = toml::from_str(text).map_err(|error| check::from_toml(text, &error))?;
        let hash = hash_of(text);
        check::checked(text, file, hash)
    }

    /// 64 hex digits over what the file says, comments and layout aside.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Whether a group that is made gets the Okta group's id as its externalId as well: the transport can set it.
    pub fn labels_groups(&self) -> bool {
        self.transport == Transport::Scim
    }

    /// Whether a mark of this host is ours.
    pub fn owns_host(&self, host: &OrgHost) -> bool {
        *host == self.okta.host || self.okta.former_hosts.contains(host)
    }
}

fn hash_of(text: &str) -> String {
    let table: toml::Table = toml::from_str(text).unwrap_or_default();
    hex::encode(Sha256::digest(table.to_string().as_bytes()))
}

impl GuardPolicy {
    /// Whether a group of this name is never removed from, deleted or released.
    pub fn protects(&self, name: &str) -> bool {
        self.protected_groups.iter().any(|pattern| pattern.is_match(name))
    }
}
