//! Identifiers, each its own type, checked and normalised where they are made.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// An identifier that cannot be one: what it was meant to be, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {value:?} {problem}")]
pub struct IdError {
    kind: &'static str,
    value: String,
    problem: &'static str,
}

/// Longest identifier taken. Identity Store's resource ids end at 100 characters, Okta's have 20.
const MAX_ID_CHARS: usize = 100;

/// How much of a bad identifier an error repeats.
const SHOWN_CHARS: usize = 40;

fn checked<'a>(kind: &'static str, raw: &'a str, allowed: impl Fn(u8) -> bool) -> Result<&'a str, IdError> {
    let value = raw.trim();
    let problem = if value.is_empty() {
        "is empty"
    } else if value.len() > MAX_ID_CHARS && value.chars().count() > MAX_ID_CHARS {
        "is longer than 100 characters"
    } else if !value.bytes().all(allowed) {
        "has a character that no such id has"
    } else {
        return Ok(value);
    };
    Err(IdError { kind, value: value.chars().take(SHOWN_CHARS).collect(), problem })
}

fn okta_char(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_' || c == b'-'
}

fn aws_char(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'-' || c == b'_'
}

/// The bare id of an Identity Store resource: AWS also writes it as an ARN, and sso-admin takes only the bare form.
fn bare(raw: &str) -> &str {
    raw.rsplit_once('/').filter(|_| raw.starts_with("arn:")).map_or(raw, |(_, id)| id)
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $allowed:ident, $prepare:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and normalises.
            ///
            /// # Errors
            /// [`IdError`] if it is empty, longer than 100 characters, or has a character that no such id has.
            pub fn new(raw: &str) -> Result<Self, IdError> {
                let prepare: fn(&str) -> &str = $prepare;
                checked($kind, prepare(raw), $allowed).map(|id| Self(id.into()))
            }

            /// The normalised form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(raw: String) -> Result<Self, IdError> {
                Self::new(&raw)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.as_str().to_owned()
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(raw: &str) -> Result<Self, IdError> {
                Self::new(raw)
            }
        }
    };
}

id_type!(
    /// An Okta group's id (`00g…`). It never changes and is never used again.
    OktaGroupId, "Okta group id", okta_char, |raw| raw
);
id_type!(
    /// An Okta user's id (`00u…`). It never changes and is never used again.
    OktaUserId, "Okta user id", okta_char, |raw| raw
);
id_type!(
    /// An Identity Store group's id. Assignments hang on it, so a group is never deleted and made anew to change it.
    GroupId, "GroupId", aws_char, bare
);
id_type!(
    /// An Identity Store user's id.
    UserId, "UserId", aws_char, bare
);
id_type!(
    /// An Identity Store membership's id, the only thing that `DeleteGroupMembership` takes.
    MembershipId, "MembershipId", aws_char, bare
);

fn arn_char(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b':' | b'/' | b'-' | b'_' | b'.')
}

id_type!(
    /// A permission set's ARN. Its name never changes, and its ARN never names another.
    PermissionSetArn, "PermissionSetArn", arn_char, |raw| raw
);
id_type!(
    /// The id under which AWS makes or deletes an assignment, asynchronously.
    RequestId, "RequestId", aws_char, |raw| raw
);

/// An AWS account's id: twelve digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(Box<str>);

impl AccountId {
    /// Checks and normalises.
    ///
    /// # Errors
    /// [`IdError`] if it is not twelve digits.
    pub fn new(raw: &str) -> Result<Self, IdError> {
        let value = raw.trim();
        if value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self(value.into()));
        }
        Err(IdError { kind: "account id", value: value.chars().take(SHOWN_CHARS).collect(), problem: "is not twelve digits" })
    }

    /// The twelve digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({})", self.0)
    }
}

impl TryFrom<String> for AccountId {
    type Error = IdError;
    fn try_from(raw: String) -> Result<Self, IdError> {
        Self::new(&raw)
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> String {
        id.0.into()
    }
}

/// The opaque version of an Identity Store user or group, sent back with updates and deletions where it is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(Box<str>);

impl Revision {
    /// `None` for an empty string, which is what the SDK makes of a missing one.
    pub fn new(raw: &str) -> Option<Self> {
        (!raw.is_empty()).then(|| Self(raw.into()))
    }

    /// As AWS gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_becomes_the_bare_id() {
        let id = GroupId::new("arn:aws:identitystore:::group/9067-abc").unwrap();
        assert_eq!(id.as_str(), "9067-abc");
    }

    #[test]
    fn ids_that_could_change_a_path_are_refused() {
        for raw in ["", " ", "00g/../users", "00g?x", "00g%2f", "ü"] {
            assert!(OktaGroupId::new(raw).is_err(), "{raw:?}");
        }
    }

    #[test]
    fn an_error_names_the_kind_and_a_part_of_the_value() {
        let error = OktaUserId::new(&"x".repeat(101)).unwrap_err().to_string();
        assert!(error.starts_with("Okta user id \"xxxx") && error.ends_with("is longer than 100 characters"), "{error}");
        assert!(error.len() < 120);
    }
}
