//! Actions: one change to one object each, with everything that is needed to make it.

mod users;

use std::collections::BTreeSet;
use std::fmt;

pub use users::{UserCreation, UserDeparture, UserRef, UserUpdate};

use crate::ids::{AccountId, GroupId, MembershipId, OktaGroupId, OktaUserId, PermissionSetArn, Revision, UserId};
use crate::plan::GROUPS_AT_MOST;
use crate::records::UserStatus;

/// When an action's turn comes; the order of the variants is the order of execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// What leavers lose, and what becomes of them.
    RevokeLeaver,
    /// What is taken from users who gain nothing in this plan.
    Revoke,
    /// Users are made and changed.
    EnsureUser,
    /// Groups are made, adopted and renamed.
    EnsureGroup,
    /// What is granted.
    Grant,
    /// What is taken from users who gained something: after it, so that nobody has a gap.
    RevokeMoved,
    /// Groups are deleted and released.
    DeleteGroup,
}

/// A group as people know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupLabel {
    /// The Okta group.
    pub okta_id: OktaGroupId,
    /// Its name.
    pub name: String,
}

/// A user as people know them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserLabel {
    /// The Okta user, where one is known.
    pub okta_id: Option<OktaUserId>,
    /// Their login, or Identity Center's userName.
    pub name: String,
}

/// The Identity Center group that an action is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupRef {
    /// It exists.
    Existing(GroupId),
    /// It is made in the same plan, for this Okta group.
    New(OktaGroupId),
}

/// How a group that existed already was found to stand for an Okta group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdoptedBy {
    /// Its externalId is the Okta group's id.
    ExternalId,
    /// It has the same name, and nobody owns it.
    Name,
    /// It has the same name, and the Okta group that it stood for is gone.
    NameOfGone,
    /// It was ours until a run released it, which is undone.
    Undone,
}

/// Why a membership is removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemovalReason {
    /// Okta does not list the user as a member.
    NotMember,
    /// The user's status does not entitle.
    NotEntitled(UserStatus),
    /// The user is gone from Okta.
    UserGone,
    /// The group is gone from Okta.
    GroupGone,
    /// The group is matched no more.
    GroupUnmatched,
    /// The run that granted it is undone.
    Undone,
}

impl RemovalReason {
    /// Whether the reason makes the user a leaver.
    pub fn is_leaver(&self) -> bool {
        match self {
            Self::NotEntitled(_) | Self::UserGone => true,
            Self::NotMember | Self::GroupGone | Self::GroupUnmatched | Self::Undone => false,
        }
    }
}

impl fmt::Display for RemovalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMember => f.write_str("not a member in Okta"),
            Self::NotEntitled(status) => write!(f, "status {} in Okta does not entitle", status.as_str()),
            Self::UserGone => f.write_str("the user is gone from Okta"),
            Self::GroupGone => f.write_str("the group is gone from Okta"),
            Self::GroupUnmatched => f.write_str("the policy matches the group no more"),
            Self::Undone => f.write_str("the run that granted it is undone"),
        }
    }
}

/// Why an action that removes may not be believed: the guard withholds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weakness {
    /// Okta lists no managed group although some exist.
    SourceEmpty,
    /// The member list is implausibly short, read twice.
    ShortList,
}

/// A membership to be removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemoveMembership {
    /// The Okta group, and its name.
    pub group: GroupLabel,
    /// Whose it is.
    pub user: UserLabel,
    /// The group in Identity Center.
    pub group_id: GroupId,
    /// The user in Identity Center.
    pub user_id: UserId,
    /// The membership: the only thing that AWS takes.
    pub membership_id: MembershipId,
    /// Why.
    pub reason: RemovalReason,
    /// Set where the evidence does not bear the removal.
    pub weakness: Option<Weakness>,
}

/// An account and a permission set, as an action needs them and as people know them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssignmentTarget {
    /// The account.
    pub account: AccountId,
    /// Its name, where it is known.
    pub account_name: String,
    /// The permission set.
    pub permission_set: PermissionSetArn,
    /// Its name.
    pub permission_set_name: String,
}

/// Why an assignment is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AssignmentRemovalReason {
    /// The rules that speak of the group do not say it.
    NotByRule,
    /// Only a rule said it that is there no more.
    OrphanedRule,
    /// The group is about to be deleted, and AWS would leave the assignment behind.
    GroupDeleted,
    /// The run that made it is undone.
    Undone,
}

impl fmt::Display for AssignmentRemovalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotByRule => "no rule gives it to the group",
            Self::OrphanedRule => "the rule that gave it is there no more",
            Self::GroupDeleted => "the group is about to be deleted",
            Self::Undone => "the run that made it is undone",
        })
    }
}

/// Why a group is deleted or released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DisposalReason {
    /// Gone from Okta.
    Gone,
    /// Matched no more.
    Unmatched,
    /// The run that made or adopted it is undone.
    Undone,
}

impl fmt::Display for DisposalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "the group is gone from Okta",
            Self::Unmatched => "the policy matches the group no more",
            Self::Undone => "the run that made or adopted it is undone",
        })
    }
}

/// A change to an existing group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupEdit {
    /// The Okta group, and its name there.
    pub group: GroupLabel,
    /// The group in Identity Center.
    pub group_id: GroupId,
    /// Its DisplayName when it was read.
    pub display_name: String,
    /// Its Description when it was read.
    pub description: String,
    /// Its revision when it was read, where AWS gave one.
    pub revision: Option<Revision>,
}

/// One change to one object. The order of the variants is the order within a phase: renames free names before groups are made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// A group's name follows Okta's.
    RenameGroup(GroupEdit),
    /// A group that exists gets our mark, and Okta's name.
    AdoptGroup {
        /// The group.
        edit: GroupEdit,
        /// How it was found.
        by: AdoptedBy,
        /// Its new Description.
        marked: String,
    },
    /// A group is made, with its mark.
    CreateGroup {
        /// The Okta group, and its name.
        group: GroupLabel,
        /// Its Description, with the mark.
        description: String,
    },
    /// A user is put into a group.
    AddMembership {
        /// The Okta group, and its name.
        group: GroupLabel,
        /// Who.
        user: UserLabel,
        /// The group in Identity Center.
        group_ref: GroupRef,
        /// The user in Identity Center.
        user_ref: UserRef,
    },
    /// A membership is removed.
    RemoveMembership(RemoveMembership),
    /// A user is made.
    CreateUser(UserCreation),
    /// A user's attributes follow Okta's, or it may sign in again.
    UpdateUser(UserUpdate),
    /// A user can sign in no more; it stays, with its id.
    DisableUser(UserDeparture),
    /// A user is deleted.
    DeleteUser(UserDeparture),
    /// A group is given a permission set on an account.
    CreateAssignment {
        /// The Okta group, and its name.
        group: GroupLabel,
        /// The group in Identity Center.
        group_ref: GroupRef,
        /// What it is given.
        target: AssignmentTarget,
        /// The position of the rule that says so; 0 where a run is undone.
        rule: usize,
        /// Whether as many groups as AWS allows have it already: then it is not tried.
        is_full: bool,
    },
    /// A permission set on an account is taken from a group.
    DeleteAssignment {
        /// The Okta group, and its name.
        group: GroupLabel,
        /// The group in Identity Center.
        group_id: GroupId,
        /// What it loses.
        target: AssignmentTarget,
        /// Why.
        reason: AssignmentRemovalReason,
    },
    /// The mark is taken away, and nothing else.
    ReleaseGroup {
        /// The group.
        edit: GroupEdit,
        /// Its new Description.
        unmarked: String,
        /// Why.
        reason: DisposalReason,
        /// Set where the evidence does not bear it.
        weakness: Option<Weakness>,
    },
    /// A group is deleted.
    DeleteGroup {
        /// The group.
        edit: GroupEdit,
        /// How many members it has.
        members: u64,
        /// Why.
        reason: DisposalReason,
        /// Set where the evidence does not bear it.
        weakness: Option<Weakness>,
    },
}

impl Action {
    /// The contract's name of it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RenameGroup(_) => "rename_group",
            Self::AdoptGroup { .. } => "adopt_group",
            Self::CreateGroup { .. } => "create_group",
            Self::AddMembership { .. } => "add_membership",
            Self::RemoveMembership(_) => "remove_membership",
            Self::CreateUser(_) => "create_user",
            Self::UpdateUser(_) => "update_user",
            Self::DisableUser(_) => "disable_user",
            Self::DeleteUser(_) => "delete_user",
            Self::CreateAssignment { .. } => "create_assignment",
            Self::DeleteAssignment { .. } => "delete_assignment",
            Self::ReleaseGroup { .. } => "release_group",
            Self::DeleteGroup { .. } => "delete_group",
        }
    }

    /// The Okta group that it is about; `None` for what is done to a user.
    pub fn group(&self) -> Option<&GroupLabel> {
        match self {
            Self::RenameGroup(edit) | Self::AdoptGroup { edit, .. } | Self::ReleaseGroup { edit, .. } | Self::DeleteGroup { edit, .. } => {
                Some(&edit.group)
            }
            Self::CreateGroup { group, .. }
            | Self::AddMembership { group, .. }
            | Self::CreateAssignment { group, .. }
            | Self::DeleteAssignment { group, .. } => Some(group),
            Self::RemoveMembership(removal) => Some(&removal.group),
            Self::CreateUser(_) | Self::UpdateUser(_) | Self::DisableUser(_) | Self::DeleteUser(_) => None,
        }
    }

    /// The Okta groups that it rests on: the one that it is about, or those that a user was found in.
    pub fn groups(&self) -> BTreeSet<&OktaGroupId> {
        match self {
            Self::CreateUser(creation) => creation.groups.iter().collect(),
            Self::UpdateUser(update) => update.groups.iter().collect(),
            Self::DisableUser(departure) | Self::DeleteUser(departure) => departure.groups.iter().collect(),
            Self::RenameGroup(_)
            | Self::AdoptGroup { .. }
            | Self::CreateGroup { .. }
            | Self::AddMembership { .. }
            | Self::RemoveMembership(_)
            | Self::CreateAssignment { .. }
            | Self::DeleteAssignment { .. }
            | Self::ReleaseGroup { .. }
            | Self::DeleteGroup { .. } => self.group().map(|group| &group.okta_id).into_iter().collect(),
        }
    }

    /// Whether it rests on one of these Okta groups.
    pub fn is_of_any(&self, groups: &BTreeSet<OktaGroupId>) -> bool {
        self.groups().into_iter().any(|group| groups.contains(group))
    }

    /// The user that it is about, as people know them.
    pub fn user(&self) -> Option<&UserLabel> {
        match self {
            Self::AddMembership { user, .. } => Some(user),
            Self::RemoveMembership(removal) => Some(&removal.user),
            Self::CreateUser(creation) => Some(&creation.user),
            Self::UpdateUser(update) => Some(&update.user),
            Self::DisableUser(departure) | Self::DeleteUser(departure) => Some(&departure.user),
            Self::RenameGroup(_)
            | Self::AdoptGroup { .. }
            | Self::CreateGroup { .. }
            | Self::CreateAssignment { .. }
            | Self::DeleteAssignment { .. }
            | Self::ReleaseGroup { .. }
            | Self::DeleteGroup { .. } => None,
        }
    }

    /// The user that it is about, in Identity Center; `None` for one that is yet to be made.
    pub fn user_id(&self) -> Option<&UserId> {
        match self {
            Self::AddMembership { user_ref, .. } => user_ref.existing(),
            Self::RemoveMembership(removal) => Some(&removal.user_id),
            Self::UpdateUser(update) => Some(&update.user_id),
            Self::DisableUser(departure) | Self::DeleteUser(departure) => Some(&departure.user_id),
            Self::CreateUser(_)
            | Self::RenameGroup(_)
            | Self::AdoptGroup { .. }
            | Self::CreateGroup { .. }
            | Self::CreateAssignment { .. }
            | Self::DeleteAssignment { .. }
            | Self::ReleaseGroup { .. }
            | Self::DeleteGroup { .. } => None,
        }
    }

    /// Whom it disables or deletes.
    pub fn departure(&self) -> Option<&UserDeparture> {
        if let Self::DisableUser(departure) | Self::DeleteUser(departure) = self { Some(departure) } else { None }
    }

    /// Whether it is done to a user, and to no group.
    pub fn is_on_user(&self) -> bool {
        self.group().is_none()
    }

    /// The Identity Center group that it is about; `None` for one that is yet to be made.
    pub fn group_id(&self) -> Option<&GroupId> {
        match self {
            Self::RenameGroup(edit) | Self::AdoptGroup { edit, .. } | Self::ReleaseGroup { edit, .. } | Self::DeleteGroup { edit, .. } => {
                Some(&edit.group_id)
            }
            Self::RemoveMembership(removal) => Some(&removal.group_id),
            Self::DeleteAssignment { group_id, .. } => Some(group_id),
            Self::AddMembership { group_ref: GroupRef::Existing(id), .. }
            | Self::CreateAssignment { group_ref: GroupRef::Existing(id), .. } => Some(id),
            Self::AddMembership { group_ref: GroupRef::New(_), .. }
            | Self::CreateAssignment { group_ref: GroupRef::New(_), .. }
            | Self::CreateGroup { .. }
            | Self::CreateUser(_)
            | Self::UpdateUser(_)
            | Self::DisableUser(_)
            | Self::DeleteUser(_) => None,
        }
    }

    /// What of an assignment it is about.
    pub fn assignment(&self) -> Option<&AssignmentTarget> {
        match self {
            Self::CreateAssignment { target, .. } | Self::DeleteAssignment { target, .. } => Some(target),
            Self::RenameGroup(_)
            | Self::AdoptGroup { .. }
            | Self::CreateGroup { .. }
            | Self::AddMembership { .. }
            | Self::RemoveMembership(_)
            | Self::CreateUser(_)
            | Self::UpdateUser(_)
            | Self::DisableUser(_)
            | Self::DeleteUser(_)
            | Self::ReleaseGroup { .. }
            | Self::DeleteGroup { .. } => None,
        }
    }

    /// Whether it takes something away.
    pub fn is_removal(&self) -> bool {
        match self {
            Self::RemoveMembership(_)
            | Self::DisableUser(_)
            | Self::DeleteUser(_)
            | Self::DeleteAssignment { .. }
            | Self::ReleaseGroup { .. }
            | Self::DeleteGroup { .. } => true,
            Self::CreateUser(_)
            | Self::UpdateUser(_)
            | Self::RenameGroup(_)
            | Self::AdoptGroup { .. }
            | Self::CreateGroup { .. }
            | Self::AddMembership { .. }
            | Self::CreateAssignment { .. } => false,
        }
    }

    /// Why, for people.
    pub fn reason(&self) -> String {
        match self {
            Self::RenameGroup(edit) => format!("renamed in Okta from {:?}", edit.display_name),
            Self::AdoptGroup { by: AdoptedBy::ExternalId, .. } => "its externalId is the Okta group's id".to_owned(),
            Self::AdoptGroup { by: AdoptedBy::Name, .. } => "it has the Okta group's name, and nobody owns it".to_owned(),
            Self::AdoptGroup { by: AdoptedBy::NameOfGone, .. } => {
                "it has the Okta group's name, and the group that it stood for is gone".to_owned()
            }
            Self::AdoptGroup { by: AdoptedBy::Undone, .. } => "the run that released it is undone".to_owned(),
            Self::CreateGroup { .. } => "managed in Okta, and not in Identity Center".to_owned(),
            Self::AddMembership { .. } => "a member in Okta".to_owned(),
            Self::RemoveMembership(removal) => removal.reason.to_string(),
            Self::CreateUser(_) => "entitled by a managed group, and not in Identity Center".to_owned(),
            Self::UpdateUser(update) if update.is_undo => "the run that changed it is undone".to_owned(),
            Self::UpdateUser(update) => format!("differs from Okta in {}", update.differences().join(", ")),
            Self::DisableUser(departure) if departure.reason == RemovalReason::Undone => "the run that let them in is undone".to_owned(),
            Self::DisableUser(departure) | Self::DeleteUser(departure) => departure.reason.to_string(),
            Self::CreateAssignment { rule, is_full: true, .. } => {
                format!("rule {rule} gives it to the group, but AWS allows {GROUPS_AT_MOST} groups for one permission set on one account")
            }
            Self::CreateAssignment { rule: 0, .. } => "the run that deleted it is undone".to_owned(),
            Self::CreateAssignment { rule, .. } => format!("rule {rule} gives it to the group"),
            Self::DeleteAssignment { reason, .. } => reason.to_string(),
            Self::ReleaseGroup { reason, .. } | Self::DeleteGroup { reason, .. } => reason.to_string(),
        }
    }
}
