//! Names as people write them, and the form in which they are compared.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

/// What Identity Center does not take in any text, such as control characters and the joiners of composed emoji.
pub(crate) static NOT_TAKEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[^\p{L}\p{M}\p{S}\p{N}\p{P}\t\n\r \x{a0}\x{3000}]").expect("a constant that a test uses"));

/// The form in which names are compared: trimmed, canonically composed, lower case.
///
/// AWS does not say whether userName and displayName are unique with or without regard to case. Comparing without it is
/// the careful side: twins that differ in case only are a conflict, never two things.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct NameKey(Box<str>);

impl NameKey {
    /// The key of a name.
    pub fn of(name: &str) -> Self {
        if name.is_ascii() {
            // Composed already: the same key, for a tenth of the time, and most names are so.
            return Self(name.trim().to_ascii_lowercase().into());
        }
        let lower: String = name.trim().nfc().flat_map(char::to_lowercase).collect();
        Self(lower.nfc().collect::<String>().into())
    }

    /// The folded name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is wrong with a name that Identity Center would not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but white space.
    #[error("is empty")]
    Empty,
    /// Longer than Identity Center takes.
    #[error("is longer than {max} characters")]
    TooLong {
        /// The most that Identity Center takes.
        max: usize,
    },
    /// Has a character that is in no text or, in a userName, a space.
    #[error("has a character that Identity Center does not take")]
    BadCharacter,
    /// One of the names that Identity Center keeps for itself.
    #[error("is reserved by Identity Center")]
    Reserved,
}

/// Names that Identity Center keeps for itself, for users and groups alike.
const RESERVED: [&str; 2] = ["administrator", "awsadministrators"];

/// Checks a group's DisplayName: 1 to 1,024 characters that Identity Center takes, none reserved.
pub fn check_group_name(name: &str) -> Result<(), NameError> {
    check(name, 1024, |_| false)
}

/// Checks a userName: 1 to 128 characters that Identity Center takes, without white space, none reserved.
pub fn check_user_name(name: &str) -> Result<(), NameError> {
    check(name, 128, char::is_whitespace)
}

fn check(name: &str, max: usize, forbidden: fn(char) -> bool) -> Result<(), NameError> {
    if name.trim().is_empty() {
        Err(NameError::Empty)
    } else if name.chars().count() > max {
        Err(NameError::TooLong { max })
    } else if name.chars().any(forbidden) || NOT_TAKEN.is_match(name) {
        Err(NameError::BadCharacter)
    } else if RESERVED.contains(&NameKey::of(name).as_str()) {
        Err(NameError::Reserved)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_or_composition_have_one_key() {
        assert_eq!(NameKey::of("User0@X.com"), NameKey::of(" user0@x.COM "));
        assert_eq!(NameKey::of("Jose\u{301}"), NameKey::of("JOSÉ"));
        assert_ne!(NameKey::of("admin"), NameKey::of("\u{ff41}dmin"), "a wide letter is another letter");
    }

    #[test]
    fn s16_names_that_identity_center_refuses_are_named() {
        assert_eq!(check_group_name("  "), Err(NameError::Empty));
        assert_eq!(check_group_name(&"g".repeat(1025)), Err(NameError::TooLong { max: 1024 }));
        assert_eq!(check_group_name("a\u{7}b"), Err(NameError::BadCharacter));
        assert_eq!(check_group_name("AWS-👩\u{200d}💻"), Err(NameError::BadCharacter), "s16: the joiner of a composed emoji");
        assert_eq!(check_group_name("AWS\u{2003}admins"), Err(NameError::BadCharacter), "a space that is none of Identity Center's");
        assert_eq!(check_group_name("AWS\u{a0}admins\tof\u{3000}東京"), Ok(()));
        assert_eq!(check_group_name("AWSAdministrators"), Err(NameError::Reserved));
        assert_eq!(check_group_name("AWS 🚀 team"), Ok(()));
        assert_eq!(check_user_name("a b@x.com"), Err(NameError::BadCharacter));
        assert_eq!(check_user_name("a\u{200b}b@x.com"), Err(NameError::BadCharacter));
        assert_eq!(check_user_name(&"u".repeat(129)), Err(NameError::TooLong { max: 128 }));
    }
}
