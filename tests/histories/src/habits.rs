//! How Identity Center behaves where AWS does not say, or says one thing and was seen to do another. Lockstep must get on with each.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use sim::identity_center::Settings;

/// What an operation on assignments takes, in milliseconds, as was seen with AWS.
const ASSIGNMENT_MS: u64 = 3_000;

/// Habits of an identity store; by default those that are thought the likeliest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question to AWS by itself")]
pub struct Habits {
    /// Memberships stay when their user or group is deleted.
    pub keeps_memberships: bool,
    /// Names that differ in case are different names.
    pub tells_case: bool,
    /// Deleting what is gone is a success.
    pub forgives_deletes: bool,
    /// A conflict has status 409.
    pub conflicts_are_409: bool,
    /// One operation at a time for each account, instead of one for each permission set on it.
    pub one_per_account: bool,
    /// Assignments of a group that is gone are not listed for it.
    pub forgets_principals: bool,
    /// What became of an operation is forgotten a minute after its end.
    pub forgets_operations: bool,
    /// Several may have one externalId.
    pub repeats_external_ids: bool,
    /// A PatchGroup that is refused in part has done what came before.
    pub patches_in_part: bool,
    /// Adding who is a member already, over SCIM, is a conflict.
    pub members_conflict: bool,
    /// Every page comes after an empty one.
    pub empty_pages: bool,
    /// An operation on assignments is at its end when it is first asked about.
    pub assigns_at_once: bool,
}

impl Habits {
    /// Those of a seed, drawn by themselves, so that what happens in its history does not depend on them. In every other history they are
    /// the likeliest, but for the time that assignments take.
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = StdRng::seed_from_u64(seed ^ 0x004a_b175);
        if seed.is_multiple_of(2) {
            return Self { assigns_at_once: !seed.is_multiple_of(4), ..Self::default() };
        }
        let mut is_so = || dice.random_ratio(1, 3);
        Self {
            keeps_memberships: is_so(),
            tells_case: is_so(),
            forgives_deletes: is_so(),
            conflicts_are_409: is_so(),
            one_per_account: is_so(),
            forgets_principals: is_so(),
            forgets_operations: is_so(),
            repeats_external_ids: is_so(),
            patches_in_part: is_so(),
            members_conflict: is_so(),
            empty_pages: is_so(),
            assigns_at_once: dice.random_bool(0.5),
        }
    }

    /// Makes a store behave so.
    pub(crate) fn teach(self, settings: &mut Settings) {
        settings.cascade = !self.keeps_memberships;
        settings.names_ignore_case = !self.tells_case;
        settings.forgiving_deletes = self.forgives_deletes;
        settings.conflict_status = if self.conflicts_are_409 { 409 } else { 400 };
        settings.empty_pages = self.empty_pages;
        settings.assignments.delay_ms = if self.assigns_at_once { 0 } else { ASSIGNMENT_MS };
        settings.assignments.one_per_account = self.one_per_account;
        settings.assignments.knows_gone_principals = !self.forgets_principals;
        settings.assignments.forgets_after_ms = self.forgets_operations.then_some(60_000);
        settings.assignments.empty_pages = self.empty_pages;
        settings.scim.external_ids_are_unique = !self.repeats_external_ids;
        settings.scim.patches_are_atomic = !self.patches_in_part;
        settings.scim.members_conflict = self.members_conflict;
    }
}
