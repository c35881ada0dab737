//! The operations of AWS that this crate calls: their names, and which limit each counts against.

/// A service of AWS, as quotas and counts see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// 20 calls a second for each API of an identity store.
    IdentityStore,
    /// 20 calls a second for all its APIs together.
    SsoAdmin,
    /// A limit for the whole organization, which everyone in it who asks shares.
    Organizations,
    /// 25 writes and 40 reads a second for each API of the SCIM endpoint; each membership counts besides, against a limit that AWS does
    /// not publish.
    Scim,
}

macro_rules! named {
    ($api:ident) => {
        stringify!($api)
    };
    ($api:ident, $name:literal) => {
        $name
    };
}

macro_rules! apis {
    ($($family:ident { $($api:ident $(= $name:literal)?,)+ })+) => {
        /// An operation of AWS.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Api {
            $($($api,)+)+
        }

        impl Api {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$($(Self::$api,)+)+];

            /// AWS's name for it.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $($(Self::$api => named!($api $(, $name)?),)+)+
                }
            }

            /// The service that it belongs to.
            pub(crate) fn family(self) -> Family {
                match self {
                    $($(Self::$api)|+ => Family::$family,)+
                }
            }
        }
    };
}

apis! {
    IdentityStore {
        ListUsers,
        DescribeUser,
        CreateUser,
        UpdateUser,
        DeleteUser,
        ListGroups,
        DescribeGroup,
        ListGroupMemberships,
        ListGroupMembershipsForMember,
        IsMemberInGroups,
        CreateGroup,
        UpdateGroup,
        DeleteGroup,
        CreateGroupMembership,
        DeleteGroupMembership,
    }
    SsoAdmin {
        ListInstances,
        ListPermissionSets,
        DescribePermissionSet,
        ListAccountAssignmentsForPrincipal,
        ListAccountAssignments,
        ListAccountAssignmentCreationStatus,
        ListAccountAssignmentDeletionStatus,
        DescribeAccountAssignmentCreationStatus,
        DescribeAccountAssignmentDeletionStatus,
        CreateAccountAssignment,
        DeleteAccountAssignment,
    }
    Organizations {
        ListAccounts,
        DescribeAccount,
        DescribeOrganization,
        ListRoots,
        ListOrganizationalUnitsForParent,
        ListAccountsForParent,
        ListTagsForResource,
    }
    Scim {
        ScimCreateUser = "SCIM CreateUser",
        ScimGetUser = "SCIM GetUser",
        ScimListUsers = "SCIM ListUsers",
        ScimPutUser = "SCIM PutUser",
        ScimPatchUser = "SCIM PatchUser",
        ScimDeleteUser = "SCIM DeleteUser",
        ScimCreateGroup = "SCIM CreateGroup",
        ScimListGroups = "SCIM ListGroups",
        ScimPatchGroup = "SCIM PatchGroup",
        ScimDeleteGroup = "SCIM DeleteGroup",
        ScimServiceProviderConfig = "SCIM ServiceProviderConfig",
    }
}

impl Api {
    /// Whether it begins something that goes on after the answer, of which AWS allows only so many at a time.
    pub(crate) fn begins_work(self) -> bool {
        matches!(self, Self::CreateAccountAssignment | Self::DeleteAccountAssignment)
    }

    /// Whether it is about permission sets and account assignments, and so about one instance.
    pub(crate) fn is_about_assignments(self) -> bool {
        self.family() == Family::SsoAdmin && self != Self::ListInstances
    }

    /// The IAM action that allows it.
    pub(crate) fn iam_action(self) -> String {
        let service = match self.family() {
            Family::IdentityStore => "identitystore",
            Family::SsoAdmin => "sso",
            Family::Organizations => "organizations",
            // The prefix of its events in CloudTrail; a token allows it, and no policy.
            Family::Scim => "identitystore-scim",
        };
        format!("{service}:{}", self.name())
    }

    /// What else to look at where AWS denies it to a role that has the action.
    pub(crate) fn beyond_iam(self) -> &'static str {
        match self.family() {
            Family::IdentityStore => "look for the store's network rules (DescribeIdentityStore) and its KMS key",
            Family::SsoAdmin if self == Self::ListAccountAssignmentsForPrincipal => {
                "AWS gives it to the management account only: a delegated administrator has to list the assignments of each account \
                 and permission set instead"
            }
            Family::SsoAdmin if self.begins_work() => {
                "this is a delegated administrator, who can change nothing in the management account, nor with a permission set that \
                 is assigned there"
            }
            Family::SsoAdmin => "look whether this is the management account or a delegated administrator, and at the instance's KMS key",
            Family::Organizations => "look whether this is the management account or a delegated administrator of any service",
            Family::Scim => "look at the SCIM token",
        }
    }
}
