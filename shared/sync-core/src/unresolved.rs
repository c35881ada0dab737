//! What cannot be acted on yet, with its reason.

/// The contract's kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnresolvedKind {
    /// A member whom Identity Center does not have.
    UserNotProvisioned,
    /// Two that could be one, or one that is someone else.
    IdentityConflict,
    /// A record that is no record, or that Identity Center would not take.
    BadRecord,
    /// Two Okta groups of one name.
    DuplicateGroupName,
    /// A status that nobody knows.
    UnknownStatus,
    /// It could not be read whole.
    Unreadable,
    /// The name is taken by something that is not ours.
    NotOurs,
    /// A rule names a permission set that does not exist.
    UnknownPermissionSet,
    /// A rule names accounts that do not exist.
    UnknownAccount,
    /// An account is not ACTIVE: nothing is granted and nothing is taken there.
    AccountNotActive,
    /// A delegated administrator may not touch the management account.
    ManagementAccount,
}

impl UnresolvedKind {
    /// The contract's name of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserNotProvisioned => "user_not_provisioned",
            Self::IdentityConflict => "identity_conflict",
            Self::BadRecord => "bad_record",
            Self::DuplicateGroupName => "duplicate_group_name",
            Self::UnknownStatus => "unknown_status",
            Self::Unreadable => "unreadable",
            Self::NotOurs => "not_ours",
            Self::UnknownPermissionSet => "unknown_permission_set",
            Self::UnknownAccount => "unknown_account",
            Self::AccountNotActive => "account_not_active",
            Self::ManagementAccount => "management_account",
        }
    }
}

/// Something in Okta that cannot be acted on yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unresolved {
    /// The kind.
    pub kind: UnresolvedKind,
    /// The Okta id, where there is one.
    pub okta_id: Option<String>,
    /// The name, for people.
    pub name: String,
    /// Why, and what would mend it.
    pub reason: String,
}
