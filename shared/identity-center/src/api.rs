//! The operations of AWS that this crate calls: their names, and which limit each counts against.

/// An operation of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Api {
    ListUsers,
    DescribeUser,
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
    ListInstances,
}

/// A service of AWS, as quotas and counts see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// 20 calls a second for each API of an identity store.
    IdentityStore,
    /// 20 calls a second for all its APIs together.
    SsoAdmin,
}

impl Api {
    /// All of them.
    pub(crate) const ALL: [Self; 13] = [
        Self::ListUsers,
        Self::DescribeUser,
        Self::ListGroups,
        Self::DescribeGroup,
        Self::ListGroupMemberships,
        Self::ListGroupMembershipsForMember,
        Self::IsMemberInGroups,
        Self::CreateGroup,
        Self::UpdateGroup,
        Self::DeleteGroup,
        Self::CreateGroupMembership,
        Self::DeleteGroupMembership,
        Self::ListInstances,
    ];

    /// AWS's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ListUsers => "ListUsers",
            Self::DescribeUser => "DescribeUser",
            Self::ListGroups => "ListGroups",
            Self::DescribeGroup => "DescribeGroup",
            Self::ListGroupMemberships => "ListGroupMemberships",
            Self::ListGroupMembershipsForMember => "ListGroupMembershipsForMember",
            Self::IsMemberInGroups => "IsMemberInGroups",
            Self::CreateGroup => "CreateGroup",
            Self::UpdateGroup => "UpdateGroup",
            Self::DeleteGroup => "DeleteGroup",
            Self::CreateGroupMembership => "CreateGroupMembership",
            Self::DeleteGroupMembership => "DeleteGroupMembership",
            Self::ListInstances => "ListInstances",
        }
    }

    /// The service that it belongs to.
    pub(crate) fn family(self) -> Family {
        if self == Self::ListInstances { Family::SsoAdmin } else { Family::IdentityStore }
    }

    /// The IAM action that allows it.
    pub(crate) fn iam_action(self) -> String {
        let service = match self.family() {
            Family::IdentityStore => "identitystore",
            Family::SsoAdmin => "sso",
        };
        format!("{service}:{}", self.name())
    }
}
