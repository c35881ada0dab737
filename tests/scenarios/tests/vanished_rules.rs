//! S40, S42, S52: what rules gave that are there no more, or that are not as they were.

use std::time::Duration;

use engine::Scope;
use scenarios::Rig;
use sim::identity_center::Fate;
use sim::{OrganizationShape, Shape};
use sync_core::ids::AccountId;
use sync_core::plan::PlanHash;
use sync_core::report::{Mode, Report, Status};

/// Account 1 is in `Workloads/Prod`, 2 in `Workloads/Dev`, 3 in `Sandbox`; 4 to 6 likewise.
const RULE: &str = "[[assignment]]\ngroup = '^AWS-000$'\naccounts = ['ou:Workloads/Prod']\npermission_sets = ['Admin']\n";
const OF_ALL: &str = "[[assignment]]\ngroup = '^AWS-'\naccounts = ['000000000003']\npermission_sets = ['ReadOnly']\n";

fn rig(policy: &str) -> Rig {
    let organization = Some(OrganizationShape { accounts: 6, ..OrganizationShape::default() });
    Rig::of(&Shape { groups: 1, organization, ..Shape::default() }, policy)
}

/// What has what where, by the last two digits of the account.
fn given(rig: &Rig) -> Vec<String> {
    let line = |(_, account, set): (String, AccountId, String)| format!("{set} {}", &account.as_str()[10..]);
    rig.world.aws.assignments_by_name().into_iter().map(line).collect()
}

fn held(report: &Report) -> Vec<(&str, usize)> {
    report.held.iter().map(|entry| (entry.rule, entry.actions)).collect()
}

async fn approve(rig: &Rig, report: &Report) -> Report {
    rig.run(Mode::Apply, Scope::All, PlanHash::parse(&report.plan_hash)).await.expect("the held set is the same").report
}

#[tokio::test(start_paused = true)]
async fn of_two_rules_of_one_pattern_the_one_that_vanished_is_approved_by_itself() {
    let second = "[[assignment]]\ngroup = '^AWS-000$'\naccounts = ['000000000003']\npermission_sets = ['ReadOnly']\n";
    let rig = rig(&format!("{RULE}{second}"));
    rig.apply().await;
    let without = rig.with_policy(RULE);
    for _ in 0..2 {
        let report = without.apply().await.report;
        assert_eq!((held(&report), given(&rig).len()), (vec![("orphaned_rule", 1)], 3), "{report:?}");
    }
    let report = without.apply().await.report;
    assert_eq!(approve(&without, &report).await.status, Status::Applied);
    assert_eq!((without.apply().await.report.status, given(&rig)), (Status::Converged, vec!["Admin 01".to_owned(), "Admin 04".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn s52_a_rule_that_was_changed_while_something_failed_has_not_vanished() {
    let rig = rig(RULE);
    rig.apply().await;
    let changed = rig.with_policy(&RULE.replace("Admin", "ReadOnly"));
    rig.world.aws.decide(Fate { permission_set: Some("Admin".to_owned()), failure: Some("no".to_owned()), ..Fate::default() });
    assert_eq!(changed.apply().await.report.outcomes.failed, 2);
    rig.world.aws.clear_fates();
    tokio::time::advance(Duration::from_secs(16 * 60)).await;
    let report = changed.apply().await.report;
    assert_eq!((report.status, given(&rig)), (Status::Applied, vec!["ReadOnly 01".to_owned(), "ReadOnly 04".to_owned()]), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn s42_former_rules_that_are_not_understood_are_not_no_rules() {
    let rig = rig(&format!("{RULE}{OF_ALL}"));
    rig.apply().await;
    let remembered = rig.world.table.rows().into_iter().find(|row| row.sk == "rules").unwrap();
    let without = rig.with_policy(OF_ALL);
    let mut spoilt = remembered.clone();
    spoilt.body = "{\"by\":\"a newer version\"}".to_owned();
    rig.world.table.plant(spoilt);
    for _ in 0..2 {
        let report = without.apply().await.report;
        assert_eq!((report.status, given(&rig).len()), (Status::Partial, 3), "{report:?}");
        assert!(report.unresolved.iter().any(|entry| entry.kind == "unreadable" && entry.reason.contains("followed before")));
    }
    rig.world.table.plant(remembered);
    assert_eq!(held(&without.apply().await.report), [("orphaned_rule", 2)]);
}

#[tokio::test(start_paused = true)]
async fn s40_what_a_vanished_rule_gave_in_a_suspended_account_is_asked_for_when_it_is_back() {
    let rig = rig(&format!("{RULE}{OF_ALL}"));
    rig.apply().await;
    rig.world.aws.set_account_state(&rig.world.account(1), "SUSPENDED");
    let without = rig.with_policy(OF_ALL);
    let report = without.apply().await.report;
    assert_eq!((held(&report), report.unresolved[0].kind), (vec![("orphaned_rule", 1)], "account_not_active"), "{report:?}");
    assert_eq!(approve(&without, &report).await.status, Status::Applied);
    assert_eq!(without.apply().await.report.status, Status::Converged);
    rig.world.aws.set_account_state(&rig.world.account(1), "ACTIVE");
    let back = without.apply().await.report;
    assert_eq!((held(&back), given(&rig)), (vec![("orphaned_rule", 1)], vec!["Admin 01".to_owned(), "ReadOnly 03".to_owned()]), "{back:?}");
    assert_eq!(approve(&without, &back).await.status, Status::Applied);
    assert_eq!((without.apply().await.report.status, given(&rig)), (Status::Converged, vec!["ReadOnly 03".to_owned()]));
}
