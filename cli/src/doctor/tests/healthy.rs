//! A world in which everything is as it should be.

use std::collections::{BTreeMap, BTreeSet};

use identity_center::{Access, Found, Location, Purpose};
use jiff::Timestamp;
use okta::hook::SUBSCRIBED_EVENT_TYPES;
use sync_core::assignments::{AccountFacts, Organization};
use sync_core::ids::{AccountId, OktaGroupId};
use sync_core::policy::Policy;
use sync_core::records::{GroupType, OktaGroup};

use super::super::checks::{CHECKS, judge_all};
use super::super::facts::{
    AppFacts, Asked, AwsFacts, CredentialForm, Facts, HookFacts, LedgerFacts, Metadata, OktaFacts, Present, PresentGroup, ScimFacts,
    UsersSeen,
};
use super::super::verdict::Verdict;

pub(super) const MANAGEMENT: &str = "111122223333";

pub(super) const POLICY: &str = r#"
[okta]
org_url = "https://acme.okta.com"
[groups]
match = ['^AWS-']
[[assignment]]
group = '^AWS-(?<set>\w+)$'
accounts = ["ou:Workloads"]
permission_sets = ["${set}"]
"#;

pub(super) fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

pub(super) fn in_days(days: i64) -> Timestamp {
    Timestamp::from_second(now().as_second() + days * 86_400).unwrap()
}

pub(crate) fn policy(text: &str) -> Policy {
    Policy::parse(text).unwrap()
}

pub(crate) fn group(number: usize, name: &str, kind: GroupType, members: u64) -> OktaGroup {
    OktaGroup {
        id: OktaGroupId::new(&format!("00g{number}")).unwrap(),
        name: name.to_owned(),
        description: String::new(),
        kind,
        last_updated: None,
        last_membership_updated: None,
        users_count: Some(members),
    }
}

pub(super) fn hook() -> HookFacts {
    HookFacts {
        id: "who1".to_owned(),
        name: "Lockstep".to_owned(),
        uri: "https://hook.example/".to_owned(),
        is_active: true,
        is_verified: true,
        event_types: SUBSCRIBED_EVENT_TYPES.map(str::to_owned).to_vec(),
        has_filter: false,
        header: "authorization".to_owned(),
    }
}

pub(super) fn app() -> AppFacts {
    AppFacts {
        id: "0oa1".to_owned(),
        label: "AWS IAM Identity Center".to_owned(),
        is_active: true,
        sign_on_mode: "SAML_2_0".to_owned(),
        user_name_template: "${source.login}".to_owned(),
        name_id_template: None,
        metadata: Asked::Given(Metadata { entity_id: "http://www.okta.com/exk1".to_owned(), is_whole: true, document: Vec::new() }),
        key_expires: Asked::Given(Some(in_days(3000))),
        pushed: Asked::Given(Vec::new()),
    }
}

pub(super) fn access(operation: &'static str, purpose: Purpose) -> Access {
    Access { operation, iam_action: format!("x:{operation}"), purpose, found: Found::Allowed }
}

fn okta() -> OktaFacts {
    OktaFacts {
        org_url: "https://acme.okta.com".to_owned(),
        organization: Asked::Given(()),
        credential: Ok(CredentialForm::ApiToken),
        users: Asked::Given(UsersSeen { n: 12, n_other_email: 0 }),
        groups: Asked::Given(vec![
            group(0, "Everyone", GroupType::BuiltIn, 12),
            group(1, "AWS-Admin", GroupType::OktaGroup, 4),
            group(2, "AWS-ReadOnly", GroupType::OktaGroup, 8),
            group(3, "Marketing", GroupType::OktaGroup, 3),
        ]),
        apps: Asked::Given(vec![app()]),
        hooks: Asked::Given(vec![hook()]),
        clock_ahead_s: Some(0),
        groups_per_minute: Some(250),
    }
}

fn organization() -> Organization {
    let account = |name: &str| AccountFacts {
        name: name.to_owned(),
        is_active: true,
        state: "ACTIVE".to_owned(),
        units: vec!["Workloads".to_owned()],
        tags: None,
    };
    let ids = ["000000000001", "000000000002"].map(|id| (AccountId::new(id).unwrap(), account(id)));
    Organization { is_whole: true, accounts: BTreeMap::from(ids), ..Organization::default() }
}

fn aws() -> AwsFacts {
    AwsFacts {
        account: Ok(MANAGEMENT.to_owned()),
        location: Ok(Location { identity_store_id: "d-1".to_owned(), instance_arn: Some("arn:aws:sso:::instance/ssoins-1".to_owned()) }),
        accesses: Ok(vec![
            access("ListGroups", Purpose::Directory),
            access("CreateUser", Purpose::Users),
            access("ListAccountAssignmentsForPrincipal", Purpose::Assignments),
            access("ListAccounts", Purpose::Organization),
            access("ListTagsForResource", Purpose::Tags),
        ]),
        clock_ahead_s: Some(-1),
        management: Ok(AccountId::new(MANAGEMENT).unwrap()),
        n_users: Ok(12),
        groups: Ok(vec![("AWS-Admin".to_owned(), String::new())]),
        permission_sets: Ok(vec!["Admin".to_owned(), "ReadOnly".to_owned()]),
        organization: Ok(organization()),
        scim: Ok(ScimFacts { expires: Some(in_days(200)), answer: Ok(()) }),
    }
}

/// Groups that are there: the number in their id, members, and assignments.
pub(super) fn present<const N: usize>(groups: [(usize, u64, usize); N]) -> Present {
    let id = |number| OktaGroupId::new(&format!("00g{number}")).unwrap();
    let groups = groups.map(|(number, members, assignments)| (id(number), PresentGroup { members, assignments }));
    Present { groups: BTreeMap::from(groups), n_absent_users: 0 }
}

pub(super) fn facts() -> Facts {
    Facts {
        now: now(),
        policy: Ok(policy(POLICY)),
        hook_url: Some("https://hook.example".to_owned()),
        okta: Ok(okta()),
        aws: aws(),
        present: Ok(present([(1, 4, 2)])),
        ledger: Ok(LedgerFacts { paused: None, last_complete: Some(now()) }),
    }
}

pub(super) fn okta_of(facts: &mut Facts) -> &mut OktaFacts {
    facts.okta.as_mut().unwrap()
}

#[test]
fn every_check_passes() {
    for finding in judge_all(&facts()) {
        assert_eq!(finding.verdict, Verdict::Pass, "{finding:?}");
        assert!(!finding.seen.is_empty() && finding.mend.is_none(), "{finding:?}");
    }
}

#[test]
fn every_check_has_an_id_of_its_own() {
    let ids: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
    assert_eq!(ids.len(), CHECKS.len());
}
