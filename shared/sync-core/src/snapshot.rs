//! What Okta said: groups, members and users, each as far as it was read.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{OktaGroupId, OktaUserId};
use crate::reading::Reading;
use crate::records::{OktaGroup, OktaUser};

/// What a look at one Okta group found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupSighting {
    /// It is there.
    Present(OktaGroup),
    /// A read by its id says that it does not exist.
    Gone,
    /// It could not be read; the reason is for people.
    Unknown(String),
}

/// What a look at one Okta user found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserSighting {
    /// They are there.
    Present(OktaUser),
    /// A read by their id says that they do not exist.
    Gone,
    /// Their groups were read, but not they themselves: they are not granted anything.
    StatusUnread,
    /// Their record is no record; what is wrong with it is for people.
    Broken(String),
    /// They could not be read; the reason is for people.
    Unknown(String),
}

/// The members of a group, from a list that was read to its last page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemberList {
    /// Those listed, of every status.
    pub members: BTreeSet<OktaUserId>,
    /// Set where the list is implausible, even read twice: what it should have been.
    pub shorter_than: Option<Shortfall>,
    /// How many of its elements were no records and had no id either: one of them may be anyone.
    pub nameless: usize,
}

/// Why a member list is implausible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortfall {
    /// The group's own count, or where it has none, the number of members that Identity Center has.
    pub expected: u64,
    /// How many were listed.
    pub listed: u64,
}

/// What Okta said in one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OktaSnapshot {
    /// Whether the list of all groups was read whole; otherwise only what is in `groups` was looked at.
    pub lists_all_groups: bool,
    /// The groups that were seen or looked for.
    pub groups: BTreeMap<OktaGroupId, GroupSighting>,
    /// The groups of ours that the whole list did not have, and of which a read by id does not say that they are gone.
    pub unlisted: BTreeSet<OktaGroupId>,
    /// The groups that are assigned to the app of `[groups] app_id`; `None` where the policy names no app.
    pub assigned: Option<BTreeSet<OktaGroupId>>,
    /// Members by group.
    pub member_lists: BTreeMap<OktaGroupId, Reading<MemberList>>,
    /// Single members by group, of groups of which nothing else is said.
    pub members_seen: BTreeMap<OktaGroupId, BTreeSet<OktaUserId>>,
    /// Groups by user.
    pub user_groups: BTreeMap<OktaUserId, Reading<BTreeSet<OktaGroupId>>>,
    /// The users that were seen or looked for.
    pub users: BTreeMap<OktaUserId, UserSighting>,
}

impl OktaSnapshot {
    /// The group, if it is there.
    pub fn present(&self, id: &OktaGroupId) -> Option<&OktaGroup> {
        match self.groups.get(id)? {
            GroupSighting::Present(group) => Some(group),
            GroupSighting::Gone | GroupSighting::Unknown(_) => None,
        }
    }
}
