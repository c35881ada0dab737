//! The event types that the template's rule lets through, against those that lead to triggers.

use std::collections::BTreeSet;
use std::path::PathBuf;

use okta::hook::{PROVISIONING_EVENT_TYPES, SUBSCRIBED_EVENT_TYPES};

fn types_of_the_rule() -> BTreeSet<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/template.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().skip_while(|line| line.trim() != "eventType:").skip(1);
    lines.map_while(|line| line.trim().strip_prefix("- ").map(str::to_owned)).collect()
}

#[test]
fn the_rule_of_the_partner_bus_lets_through_what_is_of_interest_and_nothing_else() {
    let mut types = types_of_the_rule();
    assert!(types.remove("prefix: application.provision.user."));
    assert_eq!(types, SUBSCRIBED_EVENT_TYPES.iter().map(|name| (*name).to_owned()).collect());
    assert!(PROVISIONING_EVENT_TYPES.iter().all(|name| name.starts_with("application.provision.user.")));
}

#[test]
fn the_rule_matches_the_source_and_not_the_detail_type() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/template.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let rule = text.split("\n  OktaEventRule:\n").nth(1).unwrap().split("\n  OktaEventRulePermission:\n").next().unwrap();
    assert!(rule.contains("source: [{ prefix: aws.partner/okta.com/ }]"), "{rule}");
    assert!(!rule.lines().any(|line| line.trim_start().starts_with("detail-type")), "it is documented nowhere");
}
