use super::*;
use crate::records::{OktaGroup, UserStatus};

const SMALLEST: &str = "[okta]\norg_url = \"https://acme.okta.com\"\n[groups]\nmatch = ['^AWS-']\n";

fn error(text: &str) -> String {
    Policy::parse(text).unwrap_err().to_string()
}

fn with(more: &str) -> String {
    format!("{SMALLEST}{more}")
}

fn group(name: &str, kind: GroupType) -> OktaGroup {
    OktaGroup {
        id: crate::ids::OktaGroupId::new("00g1").unwrap(),
        name: name.to_owned(),
        description: String::new(),
        kind,
        last_updated: None,
        last_membership_updated: None,
        users_count: None,
    }
}

#[test]
fn the_smallest_policy_has_the_defaults_of_the_contract() {
    let policy = Policy::parse(SMALLEST).unwrap();
    assert_eq!(policy.groups.adopt, Adopt::ByExternalId);
    assert_eq!(policy.groups.on_deleted_in_okta, Disposal::Empty);
    assert_eq!(policy.groups.on_unmatched, Disposal::Release);
    assert_eq!(policy.guard.max_membership_removals, 100);
    assert_eq!((policy.guard.max_group_deletions, policy.guard.max_leavers, policy.guard.window_hours), (3, 50, 24));
    assert!((policy.limits.identity_store_tps - 19.0).abs() < f64::EPSILON);
    assert_eq!(policy.users.entitlement(&UserStatus::LockedOut), Entitlement::Entitled);
    assert_eq!(policy.users.entitlement(&UserStatus::Suspended), Entitlement::NotEntitled);
    assert_eq!(policy.users.entitlement(&UserStatus::Other("NEW".to_owned())), Entitlement::Unknown);
}

#[test]
fn every_key_of_the_contract_is_understood() {
    let text = r#"
[okta]
org_url = "https://acme.okta.com"
former_hosts = ["Old.okta.com"]
[groups]
match = ['^AWS-', '^aws#']
exclude = ['-legacy$']
types = ["OKTA_GROUP", "APP_GROUP"]
app_id = "0oa1"
adopt = "by_name"
on_deleted_in_okta = "delete"
on_unmatched = "empty"
[identity_center]
region = "eu-west-1"
instance_arn = "arn:aws:sso:::instance/ssoins-1"
identity_store_id = "d-1234567890"
assume_role_arn = ""
[users]
mode = "external"
user_name_from = "profile.awsName"
entitled = ["ACTIVE"]
on_not_entitled = "remove_memberships"
[writes]
mode = "shadow"
transport = "identity_store"
[guard]
window_hours = 48
max_membership_removals = 1
max_assignment_removals = 2
max_group_deletions = 0
max_user_removals = 4
max_leavers = 5
max_percent = 0
max_percent_of_group = 12.5
min_population = 3
max_assignment_additions = 7
sensitive_permission_sets = ["Admin"]
protected_groups = ['^AWS-break-glass']
[limits]
identity_store_tps = 38
sso_admin_tps = 10
scim_tps = 5
max_assignments_in_flight = 15
okta_rate_share = 0.5
"#;
    let policy = Policy::parse(text).unwrap();
    assert!(check::hosts(&policy).contains(&OrgHost::named("old.okta.com")));
    assert_eq!(policy.users.user_name_from, UserNameFrom::Profile("awsName".to_owned()));
    assert_eq!(policy.write_mode, WriteMode::Shadow);
    assert!(policy.guard.protects("AWS-break-glass-1"));
    assert!(policy.groups.matches(&group("aws#x", GroupType::AppGroup)));
    assert!(!policy.groups.matches(&group("AWS-legacy", GroupType::OktaGroup)));
}

#[test]
fn built_in_groups_never_match() {
    let policy = Policy::parse("[okta]\norg_url = \"https://a.okta.com\"\n[groups]\nmatch = ['']\n").unwrap();
    assert!(policy.groups.matches(&group("anything", GroupType::OktaGroup)));
    assert!(!policy.groups.matches(&group("Everyone", GroupType::BuiltIn)));
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let error = error(&with("colour = 1\n"));
    assert!(error.starts_with("policy line 5:") && error.contains("`colour`"), "{error}");
}

#[test]
fn a_bad_value_is_named_with_its_line() {
    for (more, line, part) in [
        ("exclude = ['ok', '(']\n", 5, "groups.exclude: \"(\" is no regular expression"),
        ("types = ['BUILT_IN']\n", 5, "BUILT_IN groups are never managed"),
        ("types = []\n", 5, "groups.types: at least one of OKTA_GROUP and APP_GROUP is needed"),
        ("adopt = 'always'\n", 5, "unknown variant `always`"),
        ("[users]\nentitled = ['ACTIVE',\n 'ASLEEP']\n", 7, "users.entitled: \"ASLEEP\""),
        ("[users]\nuser_name_from = 'name'\n", 6, "users.user_name_from"),
        ("[guard]\nmax_leavers = -1\n", 6, "invalid value"),
        ("[guard]\nmax_percent = 101\n", 6, "guard.max_percent"),
        ("[guard]\nwindow_hours = 0\n", 6, "guard.window_hours"),
        ("[limits]\nidentity_store_tps = 0\n", 6, "limits.identity_store_tps"),
        ("[limits]\nokta_rate_share = 1.5\n", 6, "limits.okta_rate_share"),
        ("[users]\non_not_entitled = 'disable'\n", 6, "need users.mode = \"managed\""),
        ("[users]\ngrace_hours = 24\n", 6, "users.grace_hours needs users.mode"),
        ("[users.attributes]\ntitle = 'profile.title'\n", 6, "users.attributes needs users.mode"),
        ("[users]\nmode = 'managed'\non_not_entitled = 'disable'\n", 7, "no Identity Store API sets UserStatus"),
        ("[users]\nmode = 'managed'\n[users.attributes]\ncolour = 'profile.c'\n", 8, "\"colour\" is no attribute"),
        ("[users]\nmode = 'managed'\n[users.attributes]\nexternalId = 'profile.c'\n", 8, "the ledger pins who is who"),
        ("[users]\nmode = 'managed'\n[users.attributes]\nuserName = 'profile.c'\n", 8, "users.user_name_from"),
        ("[users]\nmode = 'managed'\n[users.attributes]\ntitle = 'title'\n", 8, "title = \"title\" is not \"profile.<attribute>\""),
        ("[[assignment]]\ngroup = 'x'\n", 5, "missing field `accounts`"),
        ("[[assignment]]\ngroup = 'x'\naccounts = ['all']\npermission_sets = ['${y}']\n", 5, "rule 1 (\"x\")"),
        ("[[assignment]]\ngroup = 'x'\naccount = ['all']\n", 7, "unknown field `account`"),
    ] {
        let error = error(&with(more));
        assert!(error.starts_with(&format!("policy line {line}: ")) && error.contains(part), "{more:?} gave {error}");
    }
}

#[test]
fn a_value_of_another_type_is_named_with_its_key_and_line() {
    for (more, start) in [
        ("[limits]\nidentity_store_tps = 'fast'\n", "policy line 6: limits.identity_store_tps: invalid type"),
        ("[guard]\nwindow_hours = 24\nmax_leavers = '50'\n", "policy line 7: guard.max_leavers: invalid type"),
        ("[guard]\nmax_leavers = -1\n", "policy line 6: guard.max_leavers: invalid value"),
        ("adopt = 'always'\n", "policy line 5: groups.adopt: unknown variant `always`"),
        ("types = [\n 'OKTA_GROUP',\n 7]\n", "policy line 7: groups.types: invalid type"),
        ("[users.attributes]\ntitle = 7\n", "policy line 6: users.attributes.title: invalid type"),
        ("users.attributes = { title = 7 }\n", "policy line 5: groups.users: unknown field"),
        ("limits = 3\n", "policy line 5: groups.limits: unknown field"),
        ("[[assignment]]\ngroup = 'x'\naccounts = 7\npermission_sets = []\n", "policy line 7: assignment.accounts: invalid type"),
        ("[[assignment]]\ngroup = 'x'\naccount = []\n", "policy line 7: assignment.account: unknown field"),
        ("[colours]\n", "policy line 5: colours: unknown field"),
    ] {
        let error = error(&with(more));
        assert!(error.starts_with(start), "{more:?} gave {error}");
    }
    assert!(error("writes = 3\n").starts_with("policy line 1: writes: invalid type"));
}

#[test]
fn what_is_no_toml_is_named_with_its_line_alone() {
    let error = error(&with("adopt = = 3\n"));
    assert!(error.starts_with("policy line 5: ") && !error.contains("groups.adopt"), "{error}");
}

#[test]
fn the_org_url_is_https_or_loopback_and_nothing_more() {
    let parse = |url: &str| Policy::parse(&format!("[okta]\norg_url = \"{url}\"\n[groups]\nmatch = ['x']\n"));
    for url in ["https://acme.okta.com", "https://acme.okta.com/", "http://127.0.0.1:4500", "http://localhost:1", "http://[::1]:9"] {
        assert!(parse(url).is_ok(), "{url}");
    }
    for url in ["http://acme.okta.com", "acme.okta.com", "https://acme.okta.com/api", "ftp://127.0.0.1", "https://u:p@acme.okta.com", ""] {
        let error = parse(url).unwrap_err().to_string();
        assert!(error.starts_with("policy line 2: okta.org_url"), "{url} gave {error}");
    }
}

#[test]
fn a_former_host_is_a_host_as_marks_say_it_and_nothing_more() {
    let parse = |host: &str| {
        Policy::parse(&format!("[okta]\norg_url = 'https://a.okta.com'\nformer_hosts = ['{host}']\n[groups]\nmatch = ['x']\n"))
    };
    for host in ["old.okta.com", "Old.Okta.com", "127.0.0.1:4500", "[::1]:9"] {
        assert!(parse(host).is_ok_and(|policy| policy.owns_host(&OrgHost::named(host))), "{host}");
    }
    for host in ["https://old.okta.com", "old.okta.com/", "old.okta.com/x", "u@old.okta.com", "old.okta.com:443", "old okta", ""] {
        let error = parse(host).unwrap_err().to_string();
        assert!(error.starts_with(&format!("policy line 3: okta.former_hosts: {host:?} is not a host")), "{host} gave {error}");
    }
}

#[test]
fn what_is_required_is_named() {
    assert!(error("").contains("`okta`"));
    assert!(error("[okta]\norg_url = 'https://a.okta.com'\n").contains("`groups`"));
    assert!(error("[okta]\norg_url = 'https://a.okta.com'\n[groups]\nmatch = []\n").contains("groups.match"));
}

#[test]
fn the_hash_is_over_what_is_said_and_not_over_how() {
    let hash = |text: &str| Policy::parse(text).unwrap().hash().to_owned();
    assert_eq!(hash(SMALLEST), hash(&format!("# a comment\n\n{SMALLEST}")));
    assert_ne!(hash(SMALLEST), hash(&with("exclude = ['x']\n")));
}

#[test]
fn what_is_managed_is_read_with_its_attributes() {
    let text = with(
        "[users]\nmode = 'managed'\non_not_entitled = 'delete'\ngrace_hours = 48\n[users.attributes]\n\
         title = 'profile.title'\n'enterprise.costCenter' = 'profile.cost_center'\n[writes]\ntransport = 'scim'\n",
    );
    let policy = Policy::parse(&text).unwrap();
    let managed = policy.users.managed.as_ref().unwrap();
    assert_eq!((policy.transport, managed.over_scim, managed.grace_hours), (Transport::Scim, true, 48));
    let names: Vec<&str> = managed.attributes.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["name.givenName", "name.familyName", "displayName", "email", "title", "enterprise.costCenter"]);
    let read: Vec<String> = policy.users.profile_attributes().into_iter().collect();
    assert_eq!(read, ["cost_center", "displayName", "email", "firstName", "lastName", "title"]);
    assert_eq!(managed.farewell(None), Farewell::Delete);
    assert_eq!(managed.farewell(Some(&UserStatus::Deprovisioned)), Farewell::Delete);
    assert_eq!(managed.farewell(Some(&UserStatus::Suspended)), Farewell::Disable, "s17: a suspension may end any day");
}

#[test]
fn without_managed_users_no_profile_is_read() {
    let policy = Policy::parse(SMALLEST).unwrap();
    assert!(policy.users.managed.is_none() && policy.users.profile_attributes().is_empty());
    assert_eq!(policy.transport, Transport::IdentityStore);
}

#[test]
fn a_problem_stays_short_whatever_the_file_holds() {
    let long = "(".repeat(100_000);
    for text in [
        format!("[okta]\norg_url = \"https://acme.okta.com\"\n[groups]\nmatch = ['{long}']\n"),
        with(&format!("[[assignment]]\ngroup = '{long}'\naccounts = [\"all\"]\npermission_sets = [\"x\"]\n")),
        with(&format!("[users]\nuser_name_from = '{long}'\n")),
        with(&format!("['{long}']\n")),
    ] {
        let problem = error(&text);
        assert!(problem.starts_with("policy line ") && problem.chars().count() < 1_100, "{}", problem.len());
    }
}

#[test]
fn an_editor_of_another_system_changes_nothing() {
    let smallest = Policy::parse(SMALLEST).unwrap();
    let (marked, ended) = (format!("\u{feff}{SMALLEST}"), SMALLEST.replace('\n', "\r\n"));
    for text in [&marked, &ended] {
        assert_eq!(Policy::parse(text).unwrap().hash(), smallest.hash(), "{text:?}");
    }
    let wrong = with("exclude = ['x']\n[unknown]\n");
    let line = |text: &str| Policy::parse(text).unwrap_err().line;
    assert_eq!(line(&wrong.replace('\n', "\r\n")), line(&wrong));
    assert_eq!(line(&format!("\u{feff}{wrong}")), line(&wrong));
}
