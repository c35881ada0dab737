//! AWS's throttles: a token bucket for each API, or one for all of Identity Store.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::quota::TokenBucket;

/// Throttles; none by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Throttles {
    /// Identity Store.
    pub identity_store: Option<Throttle>,
    /// All of sso-admin together.
    pub sso_admin: Option<Throttle>,
    /// Organizations. AWS's numbers are not known here.
    pub organizations: Option<Throttle>,
    /// The SCIM endpoint.
    pub scim: Option<ScimThrottle>,
}

/// The throttles of the SCIM endpoint: a bucket for each API, and one for all memberships together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScimThrottle {
    /// Calls a second, and at once after a rest, of each API that writes.
    pub writes_per_second: f64,
    /// The same of each API that reads.
    pub reads_per_second: f64,
    /// Membership changes a second, whichever API they come by; AWS does not publish its number.
    pub memberships_per_second: f64,
    /// Membership changes at once after a rest.
    pub memberships_burst: f64,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// Calls a second.
    pub per_second: f64,
    /// Calls at once after a rest.
    pub burst: f64,
    /// One bucket for all APIs instead of one for each.
    #[serde(default)]
    pub together: bool,
}

impl Throttles {
    /// As AWS's quota page counts: 20 a second for each API of Identity Store, 20 a second for all of sso-admin.
    pub fn aws() -> Self {
        let each = Throttle { per_second: 20.0, burst: 20.0, together: false };
        Self {
            identity_store: Some(each),
            sso_admin: Some(Throttle { together: true, ..each }),
            organizations: None,
            scim: Some(ScimThrottle::aws()),
        }
    }

    /// As the quota page counted once: 20 a second for all APIs of Identity Store together.
    pub fn aws_together() -> Self {
        let together = Throttle { per_second: 20.0, burst: 20.0, together: true };
        Self { identity_store: Some(together), sso_admin: Some(together), organizations: None, scim: Some(ScimThrottle::aws()) }
    }
}

impl ScimThrottle {
    /// 25 writes and 40 reads a second for each API, as the quota page has it, and a guess for memberships.
    pub fn aws() -> Self {
        Self { writes_per_second: 25.0, reads_per_second: 40.0, memberships_per_second: 500.0, memberships_burst: 500.0 }
    }

    fn of(self, operation: &str) -> Throttle {
        let is_read = operation.starts_with("ScimGet") || operation.starts_with("ScimList") || operation == "ScimServiceProviderConfig";
        let per_second = if is_read { self.reads_per_second } else { self.writes_per_second };
        Throttle { per_second, burst: per_second, together: false }
    }
}

/// A family of APIs that are throttled by one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    IdentityStore,
    SsoAdmin,
    Organizations,
    Scim,
}

impl Family {
    /// The family of an operation's name.
    pub(crate) fn of(operation: &str) -> Self {
        match operation {
            name if name.starts_with("Scim") => Self::Scim,
            "ListInstances"
            | "DescribeInstance"
            | "ListPermissionSets"
            | "DescribePermissionSet"
            | "CreateAccountAssignment"
            | "DeleteAccountAssignment"
            | "DescribeAccountAssignmentCreationStatus"
            | "DescribeAccountAssignmentDeletionStatus"
            | "ListAccountAssignmentCreationStatus"
            | "ListAccountAssignmentDeletionStatus"
            | "ListAccountAssignments"
            | "ListAccountAssignmentsForPrincipal"
            | "ListPermissionSetsProvisionedToAccount"
            | "ListAccountsForProvisionedPermissionSet" => Self::SsoAdmin,
            "DescribeOrganization"
            | "ListAccounts"
            | "DescribeAccount"
            | "ListRoots"
            | "ListOrganizationalUnitsForParent"
            | "ListAccountsForParent"
            | "ListTagsForResource" => Self::Organizations,
            _ => Self::IdentityStore,
        }
    }
}

/// The buckets as they stand.
#[derive(Debug, Default)]
pub(crate) struct Quota {
    throttles: Throttles,
    buckets: BTreeMap<(Family, &'static str), TokenBucket>,
}

impl Quota {
    pub(crate) fn new(throttles: Throttles) -> Self {
        Self { throttles, buckets: BTreeMap::new() }
    }

    /// Whether a call at `now` is within the limits. Without limits nobody asks for the time.
    pub(crate) fn take(&mut self, operation: &'static str, now: impl FnOnce() -> Timestamp) -> bool {
        let family = Family::of(operation);
        let throttle = match family {
            Family::IdentityStore => self.throttles.identity_store,
            Family::SsoAdmin => self.throttles.sso_admin,
            Family::Organizations => self.throttles.organizations,
            Family::Scim => self.throttles.scim.map(|scim| scim.of(operation)),
        };
        let Some(throttle) = throttle else { return true };
        let key = (family, if throttle.together { "" } else { operation });
        self.buckets.entry(key).or_insert_with(|| TokenBucket::new(throttle.per_second, throttle.burst)).take(now())
    }

    /// Whether so many membership changes over SCIM are within the limits at `now`.
    pub(crate) fn take_memberships(&mut self, changes: usize, now: Timestamp) -> bool {
        let Some(scim) = self.throttles.scim else { return true };
        let bucket = || TokenBucket::new(scim.memberships_per_second, scim.memberships_burst);
        self.buckets.entry((Family::Scim, "memberships")).or_insert_with(bucket).take_many(changes, now)
    }
}
