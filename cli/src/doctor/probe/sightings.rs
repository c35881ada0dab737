//! What the probe saw, beside what Lockstep assumes.

use serde::Serialize;

/// Whether what was seen is what Lockstep assumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Holds {
    /// It is.
    AsAssumed,
    /// Lockstep is right with this and with its opposite.
    EitherWay,
    /// It is not: something in Lockstep rests on a mistake.
    Otherwise,
    /// It could not be seen.
    NotSeen,
}

/// A fact about AWS, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Sighting {
    /// Its id, which is also the heading of its section in docs/doctor.md.
    pub(super) fact: &'static str,
    /// What it is about.
    pub(super) title: &'static str,
    /// What was seen.
    pub(super) seen: String,
    /// What Lockstep assumes.
    pub(super) assumed: &'static str,
    /// How the two go together.
    pub(super) holds: Holds,
}

/// A fact that the probe looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fact {
    /// Its id.
    pub(super) id: &'static str,
    /// What it is about.
    pub(super) title: &'static str,
    /// What Lockstep assumes.
    pub(super) assumed: &'static str,
}

const fn fact(id: &'static str, title: &'static str, assumed: &'static str) -> Fact {
    Fact { id, title, assumed }
}

pub(super) const ISSUER: Fact =
    fact("probe.issuer", "The issuer of external ids that SCIM wrote", "nothing: users are known by the id, whoever issued it");
pub(super) const REVISION: Fact =
    fact("probe.revision", "New objects carry a Revision", "it may be missing; where there is one, updates send it");
pub(super) const STALE_REVISION: Fact = fact(
    "probe.stale_revision",
    "An update with an old Revision",
    "ConflictException with the reason CONCURRENT_MODIFICATION, whatever the HTTP status",
);
pub(super) const GROUP_NAME: Fact = fact(
    "probe.group_name",
    "A second group of the same DisplayName",
    "ConflictException with the reason UNIQUENESS_CONSTRAINT_VIOLATION, whatever the HTTP status",
);
pub(super) const GROUP_NAME_CASE: Fact = fact(
    "probe.group_name_case",
    "A second group whose DisplayName differs in case",
    "either: names that differ in case only are never both made",
);
pub(super) const USER_NAME: Fact = fact(
    "probe.user_name",
    "A second user of the same userName",
    "ConflictException with the reason UNIQUENESS_CONSTRAINT_VIOLATION, whatever the HTTP status",
);
pub(super) const USER_NAME_CASE: Fact =
    fact("probe.user_name_case", "A second user whose userName differs in case", "either: users are matched without regard to case");
pub(super) const USER_FILTER_CASE: Fact =
    fact("probe.user_filter_case", "ListUsers by a userName in another case", "either: what is not found so is found by a full run");
pub(super) const MEMBERSHIP_TWICE: Fact =
    fact("probe.membership_twice", "The same membership a second time", "ConflictException, which counts as done");
pub(super) const MEMBERSHIP_LISTED: Fact =
    fact("probe.membership_listed", "A new membership is listed at once", "either: nothing is read again to confirm it");
pub(super) const RENAME_USER: Fact =
    fact("probe.rename_user", "UpdateUser with the path userName", "either: users are renamed by who provisions them, or over SCIM");
pub(super) const USER_STATUS: Fact =
    fact("probe.user_status", "UpdateUser with the path userStatus", "it is refused: a user can be disabled over SCIM only");
pub(super) const BY_PRINCIPAL: Fact = fact(
    "probe.by_principal",
    "ListAccountAssignmentsForPrincipal from this account",
    "either: where it is denied, assignments are read by account and permission set",
);
pub(super) const CASCADE_USER: Fact =
    fact("probe.cascade_user", "Memberships of a user who is deleted", "either: a member who is nobody is taken for gone");
pub(super) const CASCADE_GROUP: Fact =
    fact("probe.cascade_group", "Memberships of a group that is deleted", "either: memberships are read by group");
pub(super) const DELETE_TWICE: Fact =
    fact("probe.delete_twice", "Deleting a group that is gone", "a success, or ResourceNotFoundException, which counts as one");
pub(super) const NO_GROUP: Fact =
    fact("probe.no_group", "The members of a group that is gone", "ResourceNotFoundException, and never an empty list");

/// All facts, in the order in which they are looked at.
#[cfg(test)]
pub(super) const ALL: [Fact; 17] = [
    ISSUER,
    REVISION,
    STALE_REVISION,
    GROUP_NAME,
    GROUP_NAME_CASE,
    USER_NAME,
    USER_NAME_CASE,
    USER_FILTER_CASE,
    MEMBERSHIP_TWICE,
    MEMBERSHIP_LISTED,
    RENAME_USER,
    USER_STATUS,
    BY_PRINCIPAL,
    CASCADE_USER,
    CASCADE_GROUP,
    DELETE_TWICE,
    NO_GROUP,
];

impl Fact {
    pub(super) fn seen(self, seen: impl Into<String>, holds: Holds) -> Sighting {
        Sighting { fact: self.id, title: self.title, seen: seen.into(), assumed: self.assumed, holds }
    }

    pub(super) fn unseen(self, why: impl Into<String>) -> Sighting {
        self.seen(why, Holds::NotSeen)
    }
}
