//! docs/doctor.md has a section for each check and each fact of the probe, and no other.

use std::collections::BTreeSet;

use super::super::checks::CHECKS;
use super::super::probe::fact_ids;

#[test]
fn each_check_and_each_fact_of_the_probe_has_its_section_and_no_other() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/doctor.md");
    let text = std::fs::read_to_string(path).unwrap();
    let sections: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let known: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).chain(fact_ids()).collect();
    assert_eq!(sections, known);
}

#[test]
fn each_title_stands_under_its_check() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/doctor.md");
    let text = std::fs::read_to_string(path).unwrap();
    for check in CHECKS {
        let heading = format!("### {}\n\n{}.", check.id, check.title);
        assert!(text.contains(&heading), "docs/doctor.md lacks:\n{heading}");
    }
}
