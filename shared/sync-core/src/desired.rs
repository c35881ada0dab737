//! The desired state: what Okta and the policy say should be, in terms of Identity Center's own objects.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::{AdoptedBy, DisposalReason, GroupLabel, RemovalReason, UserLabel, Weakness};
use crate::actual::Target;
use crate::ids::{AccountId, GroupId, OktaGroupId, OktaUserId, UserId};
use crate::mark::Mark;
use crate::profile::{Attribute, UserRecord};

/// The desired state. What it does not mention is not touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DesiredState {
    /// The groups that are ours or shall be.
    pub groups: BTreeMap<OktaGroupId, DesiredGroup>,
    /// The users who gain a membership: what they lose, they lose last.
    pub movers: BTreeSet<UserId>,
    /// The users who should be in a group of which it is not known whether they are: they keep what they have.
    pub undecided: BTreeSet<UserId>,
    /// The users that Lockstep makes, changes, disables or deletes; none where the policy does not manage users.
    pub users: BTreeMap<OktaUserId, DesiredUser>,
}

/// A user that is ours or shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredUser {
    /// Who.
    pub label: UserLabel,
    /// The managed groups that list them, or that they are in.
    pub groups: BTreeSet<OktaGroupId>,
    /// What should become of them.
    pub fate: UserFate,
}

/// What should become of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserFate {
    /// They are made.
    Create(UserRecord),
    /// They exist, and shall be so.
    Keep {
        /// The user.
        id: UserId,
        /// What they shall be, as far as the policy says.
        record: UserRecord,
        /// Attributes that shall be unset.
        unset: BTreeSet<Attribute>,
    },
    /// They can sign in no more.
    Disable {
        /// The user.
        id: UserId,
        /// Why.
        reason: RemovalReason,
    },
    /// They are deleted.
    Delete {
        /// The user.
        id: UserId,
        /// Why.
        reason: RemovalReason,
    },
}

impl UserFate {
    /// The user in Identity Center, if they exist.
    pub fn user_id(&self) -> Option<&UserId> {
        match self {
            Self::Create(_) => None,
            Self::Keep { id, .. } | Self::Disable { id, .. } | Self::Delete { id, .. } => Some(id),
        }
    }
}

/// A group that is ours or shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredGroup {
    /// The Okta group, and its name.
    pub label: GroupLabel,
    /// What should become of it.
    pub fate: Fate,
    /// Who should be in it.
    pub members: DesiredMembers,
    /// What it should give.
    pub assignments: DesiredAssignments,
}

/// What a group should give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DesiredAssignments {
    /// What rules say that it gives, by the position of the first rule that says so.
    pub wanted: BTreeMap<Target, usize>,
    /// Accounts in which nothing is granted and nothing is taken.
    pub frozen: BTreeSet<AccountId>,
    /// What only rules say that are there no more: it stays until approved.
    pub orphaned: BTreeSet<Target>,
    /// What becomes of everything else that it gives.
    pub others: OtherAssignments,
}

/// What becomes of the assignments that the desired state does not name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OtherAssignments {
    /// They stay: no rule speaks of the group, or not all that its rules name was found.
    #[default]
    Keep,
    /// They are deleted: rules speak of the group, and speak for it.
    NotByRule,
    /// They are deleted because the group is.
    GroupDeleted,
}

/// What should become of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It exists, with this name and this mark.
    Keep {
        /// The group.
        id: GroupId,
        /// The DisplayName that it should have.
        display_name: String,
        /// The mark that it should have.
        mark: Mark,
        /// How it was found, if it is not ours yet.
        adopted_by: Option<AdoptedBy>,
    },
    /// It is made.
    Create {
        /// Its mark.
        mark: Mark,
        /// The text before the mark.
        text: String,
    },
    /// It is ours, and nothing can be concluded about it now: it stays as it is, and only leavers lose it.
    AsIs {
        /// The group.
        id: GroupId,
    },
    /// It stays, with its mark, and only its members go.
    Empty {
        /// The group.
        id: GroupId,
        /// Why.
        reason: DisposalReason,
        /// Set where the evidence does not bear it.
        weakness: Option<Weakness>,
    },
    /// It is deleted.
    Delete {
        /// The group.
        id: GroupId,
        /// Why.
        reason: DisposalReason,
        /// Set where the evidence does not bear it.
        weakness: Option<Weakness>,
    },
    /// Its mark is taken away.
    Release {
        /// The group.
        id: GroupId,
        /// Why.
        reason: DisposalReason,
        /// Set where the evidence does not bear it.
        weakness: Option<Weakness>,
    },
}

impl Fate {
    /// The group in Identity Center, if it exists.
    pub fn group_id(&self) -> Option<&GroupId> {
        match self {
            Self::Keep { id, .. } | Self::AsIs { id } | Self::Empty { id, .. } | Self::Delete { id, .. } | Self::Release { id, .. } => {
                Some(id)
            }
            Self::Create { .. } => None,
        }
    }
}

/// Who should be in a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DesiredMembers {
    /// Those who should.
    pub wanted: BTreeMap<UserId, UserLabel>,
    /// Those who should, and are made in the same plan.
    pub newcomers: BTreeMap<OktaUserId, UserLabel>,
    /// Those of whom it is known that they should not.
    pub unwanted: BTreeMap<UserId, (UserLabel, RemovalReason)>,
    /// Those of whom nothing may be concluded: they stay as they are.
    pub shielded: BTreeSet<UserId>,
    /// Whether someone is listed who may be anyone without an externalId: then nobody without one is taken for a stranger.
    pub anyone_nameless: bool,
    /// What becomes of everyone else who is in it.
    pub others: Others,
}

/// What becomes of the members that the desired state does not name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Others {
    /// Nothing is known of them: they stay.
    #[default]
    Keep,
    /// They are removed.
    Remove {
        /// Why.
        reason: RemovalReason,
        /// Set where the evidence does not bear it.
        weakness: Option<Weakness>,
    },
}
