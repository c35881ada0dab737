//! Errors of the two sides, as decisions need them: a kind, what was tried, and the other side's own words.

use std::fmt;

/// What went wrong on the Okta side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceErrorKind {
    /// The credential is not accepted (401 `E0000011`, `E0000004`, or a token endpoint's refusal).
    Unauthorized,
    /// The credential lacks a role, a scope or a feature (403, or 401 `E0000015`). Never the same as "empty".
    Forbidden,
    /// A list's address answered 404, or a path does not exist: a wrong `org_url` or `app_id`.
    NotFound,
    /// Okta dropped the cursor of a list (400 `E0000029`); the list must be begun anew.
    LostCursor,
    /// Rate limit, for longer than this run can wait.
    Throttled,
    /// 5xx, a broken connection, or a time-out, after all retries.
    Unavailable,
    /// An answer that cannot be understood: not JSON, cut short, of another shape, a link to another host.
    Malformed,
    /// Okta says the request is wrong (other 4xx): a defect of ours or of the policy.
    Rejected,
    /// The run's time is up.
    OutOfTime,
}

impl SourceErrorKind {
    /// Whether the same read may succeed later without anyone doing anything.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable | Self::Malformed | Self::LostCursor | Self::OutOfTime)
    }
}

/// What went wrong on the side of Identity Center.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetErrorKind {
    /// `ResourceNotFoundException`.
    NotFound,
    /// `ConflictException` with `UNIQUENESS_CONSTRAINT_VIOLATION`: the name is taken.
    NameTaken,
    /// `ConflictException` with `CONCURRENT_MODIFICATION`: someone else wrote first.
    ConcurrentModification,
    /// `AccessDeniedException`, or a credential that AWS does not accept.
    Denied,
    /// `ServiceQuotaExceededException`.
    QuotaExceeded,
    /// `ThrottlingException`, after all retries.
    Throttled,
    /// `InternalServerException`, a broken connection, or a time-out, after all retries.
    Unavailable,
    /// `ValidationException`, or a record that AWS would not take.
    Invalid,
    /// An answer that cannot be understood.
    Malformed,
    /// The run's time is up.
    OutOfTime,
}

impl TargetErrorKind {
    /// Whether the same call may succeed later without anyone doing anything.
    pub fn is_transient(self) -> bool {
        match self {
            Self::ConcurrentModification | Self::Throttled | Self::Unavailable | Self::Malformed | Self::OutOfTime => true,
            Self::NotFound | Self::NameTaken | Self::Denied | Self::QuotaExceeded | Self::Invalid => false,
        }
    }
}

macro_rules! side_error {
    ($(#[$doc:meta])* $name:ident, $kind:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            /// The kind, on which decisions rest.
            pub kind: $kind,
            /// What was tried, such as `ListGroups` or `GET /api/v1/groups/00g1`.
            pub operation: String,
            /// The other side's words and codes, and what the operator should do; for people only.
            pub detail: String,
        }

        impl $name {
            /// An error of this kind.
            pub fn new(kind: $kind, operation: impl Into<String>, detail: impl Into<String>) -> Self {
                Self { kind, operation: operation.into(), detail: detail.into() }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}: {}", self.operation, self.detail)
            }
        }

        impl std::error::Error for $name {}
    };
}

side_error!(
    /// A read from Okta that failed.
    SourceError, SourceErrorKind
);
side_error!(
    /// A call to Identity Center that failed.
    TargetError, TargetErrorKind
);
