//! Each known trouble: exactly its own checks see it, and say how to mend it.

use identity_center::{Found, Purpose};
use sync_core::records::GroupType;

use super::super::facts::{Asked, CredentialForm, Facts, LedgerFacts, Metadata, Refusal, ScimFacts, ScimTrouble, Unread, UsersSeen};
use super::super::verdict::Verdict::{Fail, Skipped, Warn};
use super::healthy::{MANAGEMENT, POLICY, access, app, facts, group, hook, in_days, okta_of, policy, present};
use super::{finding, troubles};
use crate::doctor::verdict::Verdict;

/// Makes a trouble, and looks that exactly these checks see it, the first with a mending step that names these words.
fn produces(make: impl FnOnce(&mut Facts), expected: &[(&'static str, Verdict)], mend: &str) {
    let mut facts = facts();
    make(&mut facts);
    assert_eq!(troubles(&facts), expected);
    let finding = finding(&facts, expected[0].0);
    assert!(finding.mend.as_ref().is_some_and(|step| step.contains(mend)), "{finding:?}");
    assert!(!finding.seen.is_empty());
}

fn refused<T>(status: u16, code: &str) -> Asked<T> {
    Asked::Refused(Refusal { status, code: Some(code.to_owned()), words: format!("Okta answered {status} {code}") })
}

fn unread(why: &str) -> Unread {
    Unread::because(why)
}

#[test]
fn a_policy_that_cannot_be_used_hides_nothing_but_what_rests_on_it() {
    let mut facts = facts();
    facts.policy = Err(unread("policy line 3: …"));
    assert_eq!(troubles(&facts), [("policy.file", Fail)]);
    assert_eq!(finding(&facts, "okta.reachable").verdict, Verdict::Pass);
    assert_eq!(finding(&facts, "policy.matches").verdict, Skipped);
}

#[test]
fn okta_that_does_not_answer_is_one_failure() {
    let silent = |facts: &mut Facts| {
        let okta = okta_of(facts);
        let why = || "timed out".to_owned();
        okta.organization = Asked::NoAnswer(why());
        (okta.users, okta.groups) = (Asked::NoAnswer(why()), Asked::NoAnswer(why()));
        (okta.apps, okta.hooks) = (Asked::NoAnswer(why()), Asked::NoAnswer(why()));
        (okta.clock_ahead_s, okta.groups_per_minute) = (None, None);
    };
    produces(silent, &[("okta.reachable", Fail)], "okta.org_url");
}

#[test]
fn an_address_that_is_no_org_is_said() {
    let no_org = |facts: &mut Facts| {
        let okta = okta_of(facts);
        okta.organization = refused(404, "E0000008");
        (okta.users, okta.groups) = (refused(404, "E0000008"), refused(404, "E0000008"));
        (okta.apps, okta.hooks) = (refused(404, "E0000008"), refused(404, "E0000008"));
    };
    produces(no_org, &[("okta.reachable", Fail)], "without -admin");
    let admin = |facts: &mut Facts| {
        okta_of(facts).org_url = "https://acme-admin.okta.com".to_owned();
        okta_of(facts).organization = refused(404, "E0000008");
    };
    produces(admin, &[("okta.reachable", Fail)], "without -admin");
}

#[test]
fn an_org_that_gives_what_it_is_asked_for_needs_no_page_about_itself() {
    let mut facts = facts();
    okta_of(&mut facts).organization = refused(404, "E0000022");
    assert_eq!(troubles(&facts), []);
}

#[test]
fn a_dead_token_is_one_failure() {
    let dead = |facts: &mut Facts| {
        let okta = okta_of(facts);
        (okta.users, okta.groups) = (refused(401, "E0000011"), refused(401, "E0000011"));
        (okta.apps, okta.hooks) = (refused(401, "E0000011"), refused(401, "E0000011"));
    };
    produces(dead, &[("okta.credential", Fail)], "put-secret-value");
}

#[test]
fn a_secret_that_cannot_be_read_is_one_failure() {
    let missing = |facts: &mut Facts| {
        let okta = okta_of(facts);
        okta.credential = Err(unread("there is no secret"));
        let why = || "there is no secret".to_owned();
        (okta.users, okta.groups) = (Asked::Withheld(why()), Asked::Withheld(why()));
        (okta.apps, okta.hooks) = (Asked::Withheld(why()), Asked::Withheld(why()));
    };
    produces(missing, &[("okta.credential", Fail)], "put-secret-value");
}

#[test]
fn a_401_about_permissions_is_not_about_the_token() {
    produces(|facts| okta_of(facts).users = refused(401, "E0000015"), &[("okta.users", Fail)], "Read-only Administrator");
}

#[test]
fn s05_a_missing_admin_role_is_seen_behind_its_empty_200() {
    let trap = |facts: &mut Facts| {
        let okta = okta_of(facts);
        okta.users = Asked::Given(UsersSeen::default());
        okta.groups = refused(403, "E0000006");
    };
    produces(trap, &[("okta.users", Fail), ("okta.groups", Fail)], "Read-only Administrator");
}

#[test]
fn s01_an_empty_list_of_groups_is_no_org_without_groups() {
    produces(|facts| okta_of(facts).groups = Asked::Given(Vec::new()), &[("okta.groups", Fail), ("policy.matches", Fail)], "Administrator");
}

#[test]
fn a_role_on_some_groups_only_hides_everyone() {
    let narrow = |facts: &mut Facts| {
        let groups = vec![group(1, "AWS-Admin", GroupType::OktaGroup, 4), group(2, "AWS-ReadOnly", GroupType::OktaGroup, 8)];
        okta_of(facts).groups = Asked::Given(groups);
    };
    produces(narrow, &[("okta.groups", Warn)], "without a restriction");
}

#[test]
fn a_scope_that_was_not_granted_is_named() {
    let ungranted = |facts: &mut Facts| {
        let okta = okta_of(facts);
        okta.credential = Ok(CredentialForm::ServiceApp);
        okta.users = Asked::NoCredential("invalid_scope".to_owned());
    };
    produces(ungranted, &[("okta.users", Fail)], "okta.users.read");
}

#[test]
fn apps_that_may_not_be_read_matter_where_the_policy_names_one() {
    produces(|facts| okta_of(facts).apps = refused(403, "E0000006"), &[("okta.apps", Warn)], "Administrator");
    let named = |facts: &mut Facts| {
        facts.policy = Ok(policy(&POLICY.replace("[groups]", "[groups]\napp_id = \"0oa1\"")));
        okta_of(facts).apps = refused(403, "E0000006");
    };
    produces(named, &[("okta.apps", Fail)], "Administrator");
}

#[test]
fn the_app_is_there_and_active_and_the_only_one() {
    produces(|facts| okta_of(facts).apps = Asked::Given(Vec::new()), &[("app.present", Fail)], "Browse App Catalog");
    let inactive =
        |facts: &mut Facts| okta_of(facts).apps = Asked::Given(vec![super::super::facts::AppFacts { is_active: false, ..app() }]);
    produces(inactive, &[("app.present", Fail)], "Activate");
    produces(|facts| okta_of(facts).apps = Asked::Given(vec![app(), app()]), &[("app.present", Warn)], "groups.app_id");
    let other = |facts: &mut Facts| facts.policy = Ok(policy(&POLICY.replace("[groups]", "[groups]\napp_id = \"0oa9\"")));
    produces(other, &[("app.present", Warn)], "groups.app_id");
}

fn with_app(facts: &mut Facts, change: impl FnOnce(&mut super::super::facts::AppFacts)) {
    let mut changed = app();
    change(&mut changed);
    okta_of(facts).apps = Asked::Given(vec![changed]);
}

#[test]
fn sign_on_is_by_saml_with_whole_metadata_and_a_certificate_that_lasts() {
    produces(|facts| with_app(facts, |app| app.sign_on_mode = "AUTO_LOGIN".to_owned()), &[("app.saml", Fail)], "SAML 2.0");
    let broken = Metadata { entity_id: String::new(), is_whole: false, document: Vec::new() };
    produces(|facts| with_app(facts, |app| app.metadata = Asked::Given(broken)), &[("app.metadata", Fail)], "Signing Certificates");
    produces(
        |facts| with_app(facts, |app| app.key_expires = Asked::Given(Some(in_days(-1)))),
        &[("app.certificate", Fail)],
        "new certificate",
    );
    produces(
        |facts| with_app(facts, |app| app.key_expires = Asked::Given(Some(in_days(29)))),
        &[("app.certificate", Warn)],
        "new certificate",
    );
}

#[test]
fn the_name_id_is_the_user_name_that_the_policy_says() {
    let email = || "${source.email}".to_owned();
    // As long as login and e-mail address are the same, a mismatch harms nobody.
    produces(|facts| with_app(facts, |app| app.user_name_template = email()), &[("app.name_id", Warn)], "username format");
    let differing = |facts: &mut Facts| {
        with_app(facts, |app| app.name_id_template = Some("${user.email}".to_owned()));
        okta_of(facts).users = Asked::Given(UsersSeen { n: 12, n_other_email: 1 });
    };
    produces(differing, &[("app.name_id", Fail)], "users.user_name_from");
    let custom = "${fn:substringBefore(source.login, \"@\")}".to_owned();
    produces(|facts| with_app(facts, |app| app.user_name_template = custom), &[("app.name_id", Warn)], "one attribute");
    let mut same = facts();
    same.policy = Ok(policy(&POLICY.replace("[groups]", "[users]\nuser_name_from = \"profile.awsName\"\n[groups]")));
    with_app(&mut same, |app| {
        (app.user_name_template, app.name_id_template) = ("${user.awsName}".to_owned(), Some("${user.userName}".to_owned()));
    });
    assert_eq!(troubles(&same), []);
}

#[test]
fn a_managed_group_that_the_app_pushes_has_two_writers() {
    let pushed = |facts: &mut Facts| with_app(facts, |app| app.pushed = Asked::Given(vec!["00g3".to_owned(), "00g2".to_owned()]));
    produces(pushed, &[("app.two_writers", Fail)], "Leave the group");
    let mut facts = facts();
    with_app(&mut facts, |app| app.pushed = Asked::Given(vec!["00g3".to_owned()]));
    assert_eq!(troubles(&facts), [], "Marketing is nobody else's business");
}

fn with_hook(facts: &mut Facts, change: impl FnOnce(&mut super::super::facts::HookFacts)) {
    let mut changed = hook();
    change(&mut changed);
    okta_of(facts).hooks = Asked::Given(vec![changed]);
}

#[test]
fn the_hook_is_there_active_verified_and_whole() {
    produces(|facts| okta_of(facts).hooks = Asked::Given(Vec::new()), &[("hook.registered", Fail)], "lockstep hook register");
    produces(
        |facts| with_hook(facts, |hook| hook.uri = "https://other/".to_owned()),
        &[("hook.registered", Fail)],
        "lockstep hook register",
    );
    produces(|facts| with_hook(facts, |hook| hook.is_active = false), &[("hook.registered", Fail)], "Activate");
    produces(|facts| with_hook(facts, |hook| hook.header = "x-secret".to_owned()), &[("hook.registered", Fail)], "hook register");
    produces(|facts| with_hook(facts, |hook| hook.is_verified = false), &[("hook.verified", Fail)], "lockstep hook verify");
    produces(|facts| with_hook(facts, |hook| drop(hook.event_types.pop())), &[("hook.events", Fail)], "lockstep hook register");
    produces(|facts| with_hook(facts, |hook| hook.has_filter = true), &[("hook.events", Warn)], "Edit filters");
}

#[test]
fn without_an_address_the_hook_with_most_of_our_event_types_is_ours() {
    let mut facts = facts();
    facts.hook_url = None;
    let other =
        super::super::facts::HookFacts { name: "other".to_owned(), event_types: vec!["user.lifecycle.create".to_owned()], ..hook() };
    okta_of(&mut facts).hooks = Asked::Given(vec![other, hook()]);
    assert_eq!(troubles(&facts), []);
}

#[test]
fn an_instance_that_is_not_found_is_one_failure() {
    let lost = |facts: &mut Facts| {
        facts.aws.location = Err(unread("more than one instance"));
        facts.aws.accesses = Err(unread("no instance was found"));
        facts.aws.management = Err(unread("no instance was found"));
        (facts.aws.n_users, facts.aws.groups) = (Err(unread("no instance")), Err(unread("no instance")));
        (facts.aws.permission_sets, facts.aws.organization) = (Err(unread("no instance")), Err(unread("no instance")));
    };
    produces(lost, &[("aws.instance", Fail)], "instance_arn");
}

fn denied(facts: &mut Facts, operation: &'static str, purpose: Purpose) {
    let mut access = access(operation, purpose);
    access.found = Found::Denied(format!("{operation}: AccessDeniedException"));
    facts.aws.accesses.as_mut().unwrap().push(access);
}

#[test]
fn what_is_denied_fails_where_this_policy_needs_it() {
    produces(|facts| denied(facts, "CreateGroup", Purpose::Directory), &[("aws.permissions", Fail)], "role");
    produces(|facts| denied(facts, "ListRoots", Purpose::Organization), &[("aws.permissions", Fail)], "role");
    let mut without_need = facts();
    denied(&mut without_need, "ListTagsForResource", Purpose::Tags);
    denied(&mut without_need, "DeleteUser", Purpose::Users);
    assert_eq!(troubles(&without_need), []);
    let unclear = |facts: &mut Facts| facts.aws.accesses.as_mut().unwrap()[0].found = Found::Unclear("HTTP 500".to_owned());
    produces(unclear, &[("aws.permissions", Warn)], "Try again");
}

#[test]
fn the_seen_names_the_denied_action() {
    let mut facts = facts();
    denied(&mut facts, "CreateGroup", Purpose::Directory);
    assert!(finding(&facts, "aws.permissions").seen.contains("x:CreateGroup"));
}

#[test]
fn a_delegated_administrator_is_told_what_that_costs() {
    let delegated = |facts: &mut Facts| {
        facts.aws.account = Ok("000000000001".to_owned());
        facts.aws.accesses.as_mut().unwrap().retain(|access| access.operation != "ListAccountAssignmentsForPrincipal");
        denied(facts, "ListAccountAssignmentsForPrincipal", Purpose::Assignments);
    };
    produces(delegated, &[("aws.account", Warn)], "permission sets of its own");
    let mut facts = facts();
    delegated(&mut facts);
    let seen = finding(&facts, "aws.account").seen;
    assert!(seen.contains(MANAGEMENT) && seen.contains("2 × 2 calls"), "{seen}");
    produces(
        |facts| facts.aws.management = Err(unread("AWSOrganizationsNotInUseException")),
        &[("aws.account", Fail)],
        "Delegated administrator",
    );
}

#[test]
fn a_scim_token_that_ends_is_told_in_days() {
    let scim = |expires| move |facts: &mut Facts| facts.aws.scim = Ok(ScimFacts { expires, answer: Ok(()) });
    produces(scim(Some(in_days(-1))), &[("scim.token", Fail)], "Generate token");
    produces(scim(Some(in_days(29))), &[("scim.token", Warn)], "Generate token");
    produces(scim(None), &[("scim.token", Warn)], "expires");
}

#[test]
fn what_is_wrong_with_scim_is_mended_by_its_own_step() {
    for (trouble, mend) in [
        (ScimTrouble::Secret, "Let the secret hold"),
        (ScimTrouble::Token, "Generate token"),
        (ScimTrouble::Address, "SCIM endpoint shown there"),
        (ScimTrouble::NotAllowed, "Automatic provisioning must be on"),
        (ScimTrouble::NoAnswer, "the host in the secret's endpoint"),
    ] {
        let answer = Err((trouble, unread("seen")));
        let make = |facts: &mut Facts| facts.aws.scim = Ok(ScimFacts { expires: Some(in_days(200)), answer });
        produces(make, &[("scim.token", Fail)], mend);
    }
}

#[test]
fn a_policy_that_writes_over_scim_needs_the_secret() {
    let nameless = |facts: &mut Facts| {
        facts.aws.scim = Err(unread("no SCIM secret was named"));
        facts.policy = Ok(policy(&POLICY.replace("[groups]", "[writes]\ntransport = \"scim\"\n[groups]")));
    };
    produces(nameless, &[("scim.token", Fail)], "--scim-secret");
    let mut without_need = facts();
    without_need.aws.scim = Err(unread("no SCIM secret was named"));
    assert_eq!(finding(&without_need, "scim.token").verdict, Skipped);
}

#[test]
fn the_ledger_says_when_runs_are_paused_or_do_not_complete() {
    let paused = |facts: &mut Facts| facts.ledger = Ok(LedgerFacts { paused: Some(in_days(-1)), last_complete: None });
    produces(paused, &[("ledger.table", Warn)], "lockstep resume");
    let old = |facts: &mut Facts| facts.ledger = Ok(LedgerFacts { paused: None, last_complete: Some(in_days(-2)) });
    produces(old, &[("ledger.table", Warn)], "schedule");
    let mut unreadable = facts();
    unreadable.ledger = Err(unread("ResourceNotFoundException"));
    assert_eq!(finding(&unreadable, "ledger.table").verdict, Skipped);
}

#[test]
fn patterns_and_rules_that_match_nothing_are_named() {
    let none = |facts: &mut Facts| facts.policy = Ok(policy(&POLICY.replace("'^AWS-'", "'^aws#'")));
    produces(none, &[("policy.matches", Fail)], "groups.match");
    let one = |facts: &mut Facts| facts.policy = Ok(policy(&POLICY.replace("'^AWS-'", "'^AWS-', '^aws#'")));
    produces(one, &[("policy.matches", Warn)], "lockstep policy check");
}

#[test]
fn s43_what_a_rule_names_and_nobody_has_is_named() {
    produces(|facts| facts.aws.permission_sets = Ok(vec!["Admin".to_owned()]), &[("policy.rules", Fail)], "Permission sets");
    produces(
        |facts| facts.policy = Ok(policy(&POLICY.replace("ou:Workloads", "ou:Nowhere"))),
        &[("policy.rules", Fail)],
        "Permission sets",
    );
    let mut facts = facts();
    facts.aws.permission_sets = Ok(vec!["Admin".to_owned()]);
    assert!(finding(&facts, "policy.rules").seen.contains("ReadOnly"));
}

#[test]
fn quotas_are_compared_with_what_will_be() {
    produces(|facts| facts.aws.n_users = Ok(150_000), &[("quota.directory", Warn)], "Service Quotas");
    let many = |facts: &mut Facts| facts.aws.groups = Ok(vec![("x".to_owned(), String::new()); 100_000]);
    produces(many, &[("quota.directory", Fail)], "Service Quotas");
}

#[test]
fn more_groups_on_one_set_and_account_than_aws_allows_fail() {
    let crowd = |n: usize| {
        move |facts: &mut Facts| {
            let groups = (0..n).map(|number| group(number, &format!("AWS-Admin-{number}"), GroupType::OktaGroup, 1));
            okta_of(facts).groups = Asked::Given(groups.chain([group(9999, "Everyone", GroupType::BuiltIn, 1)]).collect());
            facts.policy = Ok(policy(&POLICY.replace("'^AWS-(?<set>\\w+)$'", "'^AWS-(?<set>Admin)'")));
        }
    };
    produces(crowd(71), &[("quota.assignments", Warn)], "one group in common");
    produces(crowd(101), &[("quota.assignments", Fail)], "one group in common");
}

#[test]
fn a_world_that_takes_too_long_is_told_so() {
    let large = |members: u64, n: usize| {
        move |facts: &mut Facts| {
            let groups = (0..n).map(|number| group(number, &format!("AWS-{number}"), GroupType::OktaGroup, members));
            okta_of(facts).groups = Asked::Given(groups.chain([group(99_999, "Everyone", GroupType::BuiltIn, 1)]).collect());
            let text = POLICY.split("[[assignment]]").next().unwrap();
            facts.policy = Ok(policy(text));
        }
    };
    produces(large(1, 2_500), &[("quota.full_run", Warn), ("quota.first_load", Warn)], "okta_rate_share");
    produces(large(1, 4_000), &[("quota.full_run", Fail), ("quota.first_load", Warn)], "okta_rate_share");
    produces(large(1000, 20), &[("quota.first_load", Warn)], "backfill --watch");
}

#[test]
fn a_first_load_is_told_by_what_is_missing_and_not_by_what_is_listed() {
    let seen = |facts: &Facts| finding(facts, "quota.first_load").seen;
    let mut facts = facts();
    assert!(seen(&facts).contains("to make: 1 group, 8 memberships, 2 assignments"), "{}", seen(&facts));
    facts.present = Ok(present([(1, 1, 0), (2, 6, 1)]));
    assert!(seen(&facts).contains("to make: 0 groups, 5 memberships, 3 assignments"), "{}", seen(&facts));
    let managed = "[users]\nmode = \"managed\"\n[writes]\ntransport = \"scim\"\n[groups]";
    facts.policy = Ok(policy(&POLICY.replace("[groups]", managed)));
    facts.present = Ok(super::super::facts::Present { n_absent_users: 3, ..present([(1, 4, 2)]) });
    let expected = "to make: 3 users, 1 group, 8 memberships by 1 request over SCIM, 2 assignments";
    assert!(seen(&facts).contains(expected), "{}", seen(&facts));
    facts.present = Ok(present([(1, 4, 2), (2, 8, 2)]));
    assert!(seen(&facts).contains("to make: 0 users, 0 groups, 0 memberships by 0 requests"), "{}", seen(&facts));
}

#[test]
fn what_could_not_be_compared_is_no_estimate_of_a_first_load_and_still_one_of_a_full_run() {
    let mut facts = facts();
    facts.present = Err(unread("ListGroupMemberships: AccessDeniedException"));
    assert_eq!(finding(&facts, "quota.first_load").verdict, Skipped);
    assert!(finding(&facts, "quota.full_run").seen.contains("1 member list"), "AWS-Admin is there by its name");
}

#[test]
fn clocks_are_compared_both_ways() {
    for (ahead, verdict) in [(31, Warn), (-31, Warn), (240, Fail), (-240, Fail)] {
        produces(|facts| okta_of(facts).clock_ahead_s = Some(ahead), &[("clock.okta", verdict)], "NTP");
        produces(|facts| facts.aws.clock_ahead_s = Some(ahead), &[("clock.aws", verdict)], "NTP");
    }
    let mut silent = facts();
    silent.aws.clock_ahead_s = None;
    assert_eq!(finding(&silent, "clock.aws").verdict, Skipped);
}
