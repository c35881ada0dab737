//! The filters that AWS takes: one attribute, `eq`, one value.

use std::fmt;

use sync_core::names::NameKey;

use super::group::GroupRecord;
use super::user::UserRecord;

/// Which users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserFilter<'a> {
    /// Whose userName this is. AWS may compare with or without regard to case.
    UserName(&'a str),
    /// Whose externalId this is.
    ExternalId(&'a str),
}

/// Which groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupFilter<'a> {
    /// Whose displayName this is. AWS may compare with or without regard to case.
    DisplayName(&'a str),
    /// Whose externalId this is.
    ExternalId(&'a str),
}

impl UserFilter<'_> {
    /// Whether it means this user. The endpoint is not trusted to have filtered: one that does not know a filter may answer with everyone.
    pub(super) fn means(self, user: &UserRecord) -> bool {
        match self {
            Self::UserName(name) => NameKey::of(name) == NameKey::of(&user.user.user_name),
            Self::ExternalId(id) => user.user.external_id.as_deref() == Some(id),
        }
    }
}

impl GroupFilter<'_> {
    /// Whether it means this group.
    pub(super) fn means(self, group: &GroupRecord) -> bool {
        match self {
            Self::DisplayName(name) => NameKey::of(name) == NameKey::of(&group.display_name),
            Self::ExternalId(id) => group.external_id.as_deref() == Some(id),
        }
    }
}

impl fmt::Display for UserFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UserName(name) => write!(f, "userName eq {}", quoted(name)),
            Self::ExternalId(id) => write!(f, "externalId eq {}", quoted(id)),
        }
    }
}

impl fmt::Display for GroupFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DisplayName(name) => write!(f, "displayName eq {}", quoted(name)),
            Self::ExternalId(id) => write!(f, "externalId eq {}", quoted(id)),
        }
    }
}

/// A value as RFC 7644 writes it: a JSON string.
fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_end_its_filter() {
        assert_eq!(UserFilter::UserName(r#"a" or userName pr "\"#).to_string(), r#"userName eq "a\" or userName pr \"\\""#);
        assert_eq!(GroupFilter::DisplayName("Büro").to_string(), "displayName eq \"Büro\"");
    }
}
