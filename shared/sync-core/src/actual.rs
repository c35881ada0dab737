//! The actual state: what Identity Center reports, as far as it was read.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::assignments::{Organization, RuleText};
use crate::ids::{AccountId, GroupId, MembershipId, OktaUserId, PermissionSetArn, UserId};
use crate::mark::Mark;
use crate::reading::Reading;
use crate::records::{DirectoryGroup, DirectoryUser, Membership};

/// The actual state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActualState {
    /// Every group, ours or not: names are taken by all of them.
    pub groups: BTreeMap<GroupId, DirectoryGroup>,
    /// The users that were listed or looked up.
    pub users: BTreeMap<UserId, DirectoryUser>,
    /// Whether the list of all users was read whole.
    pub lists_all_users: bool,
    /// The Okta users who were looked for by externalId as well as by name, and not found.
    pub sought: BTreeSet<OktaUserId>,
    /// The Okta users of whom an earlier run found that they are not entitled, and whether their grace is over.
    pub departing: BTreeMap<OktaUserId, Grace>,
    /// Which Identity Center user an Okta user was found to be before, for users without an externalId.
    pub pins: BTreeMap<OktaUserId, UserId>,
    /// Whether pins could not be read: then nobody without an externalId can be told by name, or taken for a stranger.
    pub pins_unread: bool,
    /// Whether permission sets were not read: then nothing is said of what a group that is to be made should give.
    pub permission_sets_unread: bool,
    /// Members by group.
    pub group_lists: BTreeMap<GroupId, Reading<BTreeMap<UserId, MembershipId>>>,
    /// Groups by user.
    pub user_lists: BTreeMap<UserId, Reading<BTreeMap<GroupId, MembershipId>>>,
    /// Assignments by group.
    pub assignments: BTreeMap<GroupId, Reading<BTreeSet<Target>>>,
    /// The places where it could not be read whether a group has an assignment, where the rest of what it gives is known.
    pub unread_places: BTreeMap<GroupId, BTreeSet<Target>>,
    /// How many groups, ours or not, have a permission set on an account, where that was read.
    pub crowds: BTreeMap<Target, usize>,
    /// The permission sets by name; names are unique.
    pub permission_sets: BTreeMap<String, PermissionSetArn>,
    /// The organization, as far as rules ask for it.
    pub organization: Organization,
    /// Rules that were followed before.
    pub former_rules: Vec<RuleText>,
    /// Whether those could not be read: then what no rule gives may be what one gave that is there no more.
    pub former_rules_unread: bool,
}

/// What an assignment gives: a permission set on an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The account.
    pub account: AccountId,
    /// The permission set.
    pub permission_set: PermissionSetArn,
}

/// Whether a user who is not entitled may still come back unharmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grace {
    /// Not long enough ago for the policy's `grace_hours`.
    Running,
    /// Long enough ago.
    Over,
}

/// What is known of one user in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing<'a> {
    /// In it, by this membership.
    Member(&'a MembershipId),
    /// Not in it.
    NotMember,
    /// Not read.
    Unknown,
}

impl ActualState {
    /// What is known of a user in a group.
    pub fn standing(&self, group: &GroupId, user: &UserId) -> Standing<'_> {
        let by_group = self.group_lists.get(group).and_then(Reading::known).map(|members| members.get(user));
        let by_user = || self.user_lists.get(user).and_then(Reading::known).map(|groups| groups.get(group));
        match by_group.or_else(by_user) {
            Some(Some(id)) => Standing::Member(id),
            Some(None) => Standing::NotMember,
            None => Standing::Unknown,
        }
    }

    /// The users who are known to be in a group, with their memberships.
    pub fn known_members<'a>(&'a self, group: &'a GroupId) -> BTreeMap<&'a UserId, &'a MembershipId> {
        if let Some(members) = self.group_lists.get(group).and_then(Reading::known) {
            return members.iter().collect();
        }
        let of_user = |(user, list): (&'a UserId, &'a Reading<BTreeMap<GroupId, MembershipId>>)| Some((user, list.known()?.get(group)?));
        self.user_lists.iter().filter_map(of_user).collect()
    }

    /// The Okta id of a user, as Identity Center has it or as an earlier run found it.
    pub fn okta_id(&self, user: &UserId) -> Option<OktaUserId> {
        let external_id = || OktaUserId::new(self.users.get(user)?.external_ids.first()?).ok();
        external_id().or_else(|| self.pins.iter().find(|(_, pinned)| *pinned == user).map(|(id, _)| id.clone()))
    }

    /// How many members a group has; `None` if they were not read whole.
    pub fn size(&self, group: &GroupId) -> Option<usize> {
        self.group_lists.get(group).and_then(Reading::known).map(BTreeMap::len)
    }

    /// The assignments that a group is known to have.
    pub fn known_assignments(&self, group: &GroupId) -> Option<&BTreeSet<Target>> {
        self.assignments.get(group)?.known()
    }

    /// The name of a permission set, where it is known, else its ARN.
    pub fn permission_set_name(&self, arn: &PermissionSetArn) -> String {
        let named = self.permission_sets.iter().find(|(_, known)| *known == arn);
        named.map_or_else(|| arn.to_string(), |(name, _)| name.clone())
    }

    /// The mark that a group carries, whoever's it is.
    pub fn mark(&self, group: &GroupId) -> Option<&Mark> {
        self.groups.get(group)?.description.mark()
    }
}

/// A group's memberships by user.
pub fn by_user(memberships: Vec<Membership>) -> BTreeMap<UserId, MembershipId> {
    memberships.into_iter().map(|membership| (membership.user, membership.id)).collect()
}

/// A user's memberships by group.
pub fn by_group(memberships: Vec<Membership>) -> BTreeMap<GroupId, MembershipId> {
    memberships.into_iter().map(|membership| (membership.group, membership.id)).collect()
}
