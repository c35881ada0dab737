use std::collections::BTreeMap;

use super::*;
use crate::ids::AccountId;

fn rule(group: &str, accounts: &[&str], sets: &[&str]) -> Result<AssignmentRule, RuleError> {
    let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    AssignmentRule::parse(1, &RuleText { group: group.to_owned(), accounts: owned(accounts), permission_sets: owned(sets) })
}

fn account(name: &str, units: &[&str], tag: Option<(&str, &str)>) -> AccountFacts {
    AccountFacts {
        name: name.to_owned(),
        is_active: true,
        state: "ACTIVE".to_owned(),
        units: units.iter().map(ToString::to_string).collect(),
        tags: Some(tag.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>()),
    }
}

fn organization() -> Organization {
    let accounts = [
        ("000000000001", account("prod-web", &["Workloads", "Prod"], Some(("team", "web")))),
        ("000000000002", account("prod-data", &["Workloads", "Prod"], Some(("team", "data")))),
        ("000000000003", account("dev-web", &["Workloads", "Dev"], Some(("team", "web")))),
        ("000000000004", account("root-level", &[], None)),
    ];
    let accounts = accounts.into_iter().map(|(id, facts)| (AccountId::new(id).unwrap(), facts)).collect();
    Organization { is_whole: true, accounts, ..Organization::default() }
}

fn derived(rule: &AssignmentRule, group: &str) -> (Vec<String>, Vec<String>, usize) {
    let derived = rule.derive(group, &organization()).unwrap();
    let tails = derived.accounts.iter().map(|id| id.as_str()[11..].to_owned()).collect();
    (tails, derived.permission_sets.into_iter().collect(), derived.problems.len())
}

#[test]
fn oktas_own_naming_conventions_work_as_they_stand() {
    let default = rule(r"^aws\#\S+\#(?{{role}}[\w\-]+)\#(?{{accountid}}\d+)$", &["${accountid}"], &["${role}"]).unwrap();
    assert_eq!(derived(&default, "aws#prod#ReadOnly#000000000001"), (vec!["1".to_owned()], vec!["ReadOnly".to_owned()], 0));
    let other = rule(r"aws_(?{{accountid}}\d+)_(?{{role}}[a-zA-Z0-9+=,.@\-_]+)", &["${accountid}"], &["${role}"]).unwrap();
    assert_eq!(derived(&other, "aws_000000000002_Admin"), (vec!["2".to_owned()], vec!["Admin".to_owned()], 0));
    let contract = rule(r"^aws#[^#]+#(?<permission_set>[\w+=,.@-]+)#(?<account>\d{12})$", &["${account}"], &["${permission_set}"]).unwrap();
    assert!(contract.derive("aws#x#Admin#12", &organization()).is_none());
}

#[test]
fn accounts_are_selected_by_name_unit_tag_or_all() {
    let accounts = |selector: &str| derived(&rule("^AWS-(?<team>[a-z]+)", &[selector], &["Admin"]).unwrap(), "AWS-web").0.join("");
    assert_eq!(accounts("name:prod-*"), "12");
    assert_eq!(accounts("name:*-${team}"), "13");
    assert_eq!(accounts("name:dev-we?"), "3");
    assert_eq!(accounts("ou:Workloads"), "123");
    assert_eq!(accounts("ou:/Workloads/Prod/"), "12");
    assert_eq!(accounts("tag:team=${team}"), "13");
    assert_eq!(accounts("all"), "1234");
}

#[test]
fn what_nobody_has_is_a_problem_that_names_the_rule() {
    for selector in ["name:none-*", "ou:Workloads/Test", "tag:team=nobody", "000000000009"] {
        let derived = rule("^AWS-", &[selector, "000000000001"], &["Admin"]).unwrap().derive("AWS-x", &organization()).unwrap();
        assert_eq!((derived.accounts.len(), derived.problems.len()), (1, 1), "{selector}");
        assert!(derived.problems[0].reason.contains("rule 1 (\"^AWS-\")"), "{:?}", derived.problems);
    }
    let unread = Organization::default();
    let derived = rule("^AWS-", &["000000000009"], &["Admin"]).unwrap().derive("AWS-x", &unread).unwrap();
    assert_eq!(derived.accounts.len(), 1, "without the organization nobody can say that there is no such account");
}

#[test]
fn a_rule_that_cannot_be_one_is_named() {
    for (group, accounts, sets, part) in [
        ("(", &["all"][..], &["A"][..], "no regular expression"),
        ("^x$", &["12345"], &["A"], "\"12345\" is no account selector"),
        ("^x$", &["everything"], &["A"], "no account selector"),
        ("^x$", &["tag:team"], &["A"], "no tag:key=value"),
        ("^x$", &["${account}"], &["A"], "the capture \"account\""),
        ("^x$", &["all"], &["${set}"], "the capture \"set\""),
        ("^x$", &["all"], &["${set"], "without its"),
        ("^x$", &[], &["A"], "at least one"),
        ("^x$", &["all"], &[], "at least one"),
    ] {
        let error = rule(group, accounts, sets).unwrap_err().to_string();
        assert!(error.starts_with(&format!("[[assignment]] rule 1 ({group:?}): ")) && error.contains(part), "{error}");
    }
}

#[test]
fn a_rule_has_vanished_where_none_of_its_pattern_can_stand_for_it() {
    let text = |group: &str, set: &str| {
        let owned = |text: &str| vec![text.to_owned()];
        RuleText { group: group.to_owned(), accounts: owned("all"), permission_sets: owned(set) }
    };
    let gone = |former: &[&str], current: &[&str]| {
        let texts = |rules: &[&str]| rules.iter().map(|rule| text(&rule[..1], &rule[1..])).collect::<Vec<_>>();
        let (former, current) = (texts(former), texts(current));
        vanished(&former, &current).into_iter().map(|rule| format!("{}{}", rule.group, rule.permission_sets[0])).collect::<Vec<_>>()
    };
    assert!(gone(&["a1", "b1"], &["b1", "a1", "c1"]).is_empty());
    assert!(gone(&["a1", "a2"], &["a3", "a2"]).is_empty(), "a1 was changed");
    assert_eq!(gone(&["a1", "a2"], &["a2"]), ["a1"]);
    assert_eq!(gone(&["a1", "a1"], &["a1"]), ["a1"], "each as often as it is missing");
    assert_eq!(gone(&["a1", "b1"], &["b2"]), ["a1"]);
    assert_eq!(gone(&["a1", "a2", "a3"], &["a3", "a4"]), ["a1", "a2"], "nobody can say which of them a4 was");
}
