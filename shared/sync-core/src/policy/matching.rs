//! Which Okta groups the policy manages, and why.

use regex::Regex;

use super::GroupsPolicy;
use crate::records::OktaGroup;

/// What the policy says of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupVerdict<'a> {
    /// It is managed, by the first pattern of `match` that fits.
    Managed(&'a str),
    /// No pattern of `match` fits.
    NoMatch,
    /// A pattern fits, and this one of `exclude` does as well.
    Excluded(&'a str),
    /// A pattern fits, but the group's type is none of `types`.
    OtherType,
}

impl GroupsPolicy {
    /// Whether a group's name and type make it a managed group (its app, if one is asked for, is another question).
    pub fn matches(&self, group: &OktaGroup) -> bool {
        matches!(self.verdict(group), GroupVerdict::Managed(_))
    }

    /// What the policy says of a group, its app aside.
    pub fn verdict(&self, group: &OktaGroup) -> GroupVerdict<'_> {
        let fitting = |patterns: &'_ [Regex]| patterns.iter().position(|pattern| pattern.is_match(&group.name));
        let Some(matched) = fitting(&self.matching).and_then(|index| self.matching.get(index)) else { return GroupVerdict::NoMatch };
        if !self.types.contains(&group.kind) {
            return GroupVerdict::OtherType;
        }
        match fitting(&self.exclude).and_then(|index| self.exclude.get(index)) {
            Some(excluding) => GroupVerdict::Excluded(excluding.as_str()),
            None => GroupVerdict::Managed(matched.as_str()),
        }
    }

    /// The patterns of `match`, as they are written.
    pub fn patterns(&self) -> &[Regex] {
        &self.matching
    }
}
