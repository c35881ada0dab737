//! The checks: each has an id, a title, a judgement, and a section in docs/doctor.md under its id.

use super::facts::{Facts, Read};
use super::judge::{app, aws, clock, hook, ledger, okta, policy, quota, scim};
use super::verdict::{Finding, Judgement};

/// A check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Check {
    /// Its id.
    pub(crate) id: &'static str,
    /// What is checked.
    pub(crate) title: &'static str,
    judge: fn(&Facts) -> Read<Judgement>,
}

const fn check(id: &'static str, title: &'static str, judge: fn(&Facts) -> Read<Judgement>) -> Check {
    Check { id, title, judge }
}

/// All checks, in the order in which a person would mend them.
pub(crate) const CHECKS: [Check; 28] = [
    check("policy.file", "The policy can be used", policy::file),
    check("okta.reachable", "Okta answers", okta::reachable),
    check("okta.credential", "Okta accepts the credential", okta::credential),
    check("okta.users", "The credential sees users", okta::users),
    check("okta.groups", "The credential sees groups", okta::groups),
    check("okta.apps", "The credential sees apps", okta::apps),
    check("app.present", "The app AWS IAM Identity Center", app::present),
    check("app.saml", "Its sign-on mode is SAML 2.0", app::saml),
    check("app.metadata", "Its SAML metadata", app::metadata),
    check("app.certificate", "Its signing certificate", app::certificate),
    check("app.name_id", "Its NameID is Identity Center's userName", app::name_id),
    check("app.two_writers", "Nobody else writes managed groups", app::two_writers),
    check("hook.registered", "The event hook is registered and active", hook::registered),
    check("hook.verified", "The event hook is verified", hook::verified),
    check("hook.events", "The event hook delivers what is needed", hook::events),
    check("aws.instance", "The instance and its identity store", aws::instance),
    check("aws.permissions", "Permission for each AWS API", aws::permissions),
    check("aws.account", "Management account or delegated administrator", aws::account),
    check("scim.token", "The SCIM token", scim::token),
    check("ledger.table", "The ledger's table", ledger::table),
    check("policy.matches", "Each pattern matches a group", policy::matches),
    check("policy.rules", "Each rule's permission sets and accounts exist", policy::rules),
    check("quota.directory", "Users and groups fit the identity store", quota::directory),
    check("quota.assignments", "Groups on one permission set and account", quota::assignments),
    check("quota.full_run", "The time of a full run", quota::full_run),
    check("quota.first_load", "The time of a first load", quota::first_load),
    check("clock.okta", "Okta's clock and ours", clock::okta),
    check("clock.aws", "AWS's clock and ours", clock::aws),
];

/// Judges everything. A check that cannot be made says why, and hides no other.
pub(crate) fn judge_all(facts: &Facts) -> Vec<Finding> {
    CHECKS.iter().map(|check| check.judge(facts)).collect()
}

impl Check {
    fn judge(&self, facts: &Facts) -> Finding {
        let judgement = (self.judge)(facts).unwrap_or_else(|unread| Judgement::skipped(unread.0));
        Finding { check: self.id, title: self.title, verdict: judgement.verdict, seen: judgement.seen, mend: judgement.mend }
    }
}
