//! S41, S42: what a delegated administrator reads, and what they leave alone.

use scenarios::Rig;
use sim::{Fault, OrganizationShape, Shape, What};
use sync_core::ids::AccountId;
use sync_core::report::{Report, Status};

const ALL: &str = "[[assignment]]\ngroup = '^AWS-000$'\naccounts = ['all']\npermission_sets = ['Admin']\n";

const BY_ID: &str = "[[assignment]]\ngroup = '^AWS-000$'\naccounts = ['000000000001', '000000000004']\npermission_sets = ['Admin']\n";

/// Three groups and six accounts beside the management account, seen by a delegated administrator.
fn rig(policy: &str) -> Rig {
    let organization = Some(OrganizationShape { accounts: 6, ..OrganizationShape::default() });
    let rig = Rig::of(&Shape { organization, ..Shape::default() }, policy);
    rig.world.aws.configure(|settings| settings.assignments.delegated_admin = true);
    rig
}

/// Who has what where, by the last two digits of the account.
fn given(rig: &Rig) -> Vec<String> {
    let line = |(group, account, set): (String, AccountId, String)| format!("{group} {set} {}", &account.as_str()[10..]);
    rig.world.aws.assignments_by_name().into_iter().map(line).collect()
}

fn kinds(report: &Report) -> Vec<&str> {
    report.unresolved.iter().map(|entry| entry.kind).collect()
}

fn denied() -> What {
    What::Exception { name: "AccessDeniedException".to_owned(), reason: None }
}

#[tokio::test(start_paused = true)]
async fn s41_a_delegated_administrator_leaves_the_management_account_alone() {
    let rig = rig(ALL);
    let report = rig.apply().await.report;
    assert_eq!((kinds(&report), report.outcomes.failed), (vec!["management_account"], 0), "{report:?}");
    assert_eq!(given(&rig).len(), 6);
    assert!(report.notes[0].contains("by account and permission set"), "{:?}", report.notes);
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn s41_a_delegated_administrator_who_makes_the_first_groups_leaves_the_management_account_alone() {
    let rig = rig(ALL);
    rig.world.aws.remove_group(&rig.world.group(0));
    let report = rig.apply().await.report;
    assert_eq!((kinds(&report), report.outcomes.failed), (vec!["management_account"], 0), "{report:?}");
    assert_eq!(given(&rig).len(), 6);
}

#[tokio::test(start_paused = true)]
async fn s41_a_management_account_that_nobody_names_is_a_note_and_not_a_failure() {
    let rig = rig(BY_ID);
    rig.world.aws.inject(Fault::on("DescribeOrganization", denied()).always());
    let report = rig.apply().await.report;
    assert_eq!((report.status, given(&rig).len()), (Status::Applied, 2), "{report:?}");
    assert!(report.notes.iter().any(|note| note.contains("the management account could not be read")), "{:?}", report.notes);
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn s41_a_delegated_administrator_does_not_ask_for_the_assignments_on_the_management_account() {
    let rig = rig(ALL);
    let management = rig.world.aws.add_organization();
    rig.world.aws.inject(Fault::on("ListAccountAssignments", denied()).containing(management.as_str()).always());
    let report = rig.apply().await.report;
    assert_eq!((kinds(&report), given(&rig).len()), (vec!["management_account"], 6), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn s42_a_place_that_a_delegated_administrator_cannot_read_concerns_only_the_group_that_a_rule_names_it_for() {
    let second = "[[assignment]]\ngroup = '^AWS-001$'\naccounts = ['000000000002']\npermission_sets = ['Admin']\n";
    let rig = rig(&format!("{BY_ID}{second}"));
    for group in [0, 1] {
        rig.world.aws.assign(&rig.world.assignment(group, 2, "Admin"));
        rig.world.aws.assign(&rig.world.assignment(group, 4, "Admin"));
    }
    rig.world.aws.inject(Fault::on("ListAccountAssignments", denied()).containing("000000000001").always());
    let report = rig.apply().await.report;
    assert_eq!((report.status, kinds(&report)), (Status::Partial, vec!["unreadable"]), "{report:?}");
    assert_eq!(report.unresolved[0].name, "AWS-000");
    assert_eq!(
        given(&rig),
        ["AWS-000 Admin 02", "AWS-000 Admin 04", "AWS-001 Admin 02"],
        "the first keeps what it has, the second is in order"
    );
}

#[tokio::test(start_paused = true)]
async fn s42_a_delegated_administrator_is_not_stopped_by_an_account_that_does_not_exist() {
    let rig = rig(&BY_ID.replace("000000000001", "999999999999"));
    let report = rig.apply().await.report;
    assert_eq!(
        (report.status, kinds(&report), given(&rig)),
        (Status::Applied, vec!["unknown_account"], vec!["AWS-000 Admin 04".to_owned()])
    );
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn s49_a_delegated_administrator_asks_about_two_groups_before_reading_by_account() {
    let rig = rig("[[assignment]]\ngroup = '^AWS-'\naccounts = ['000000000001']\npermission_sets = ['Admin']\n");
    let report = rig.apply().await.report;
    assert_eq!((report.status, given(&rig).len()), (Status::Applied, 3), "{report:?}");
    let asked = rig.world.aws.log().into_iter().filter(|call| call.operation == "ListAccountAssignmentsForPrincipal").count();
    assert_eq!(asked, 2);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_a_delegated_administrator_cannot_delete_is_emptied_and_named() {
    let rig = rig(&format!("on_deleted_in_okta = \"delete\"\n{BY_ID}"));
    rig.apply().await;
    rig.world.okta.delete_group(&rig.world.okta_group(0));
    let report = rig.apply().await.report;
    assert_eq!((report.status, report.outcomes.changed), (Status::Applied, 4), "{report:?}");
    assert!(rig.world.aws.peek_group(&rig.world.group(0)).is_some());
    assert!(rig.world.aws.member_ids(&rig.world.group(0)).is_empty(), "it gives nobody anything any more");
    let named = |note: &String| note.contains("AWS-000") && note.contains("is emptied instead");
    assert!(report.notes.iter().any(named), "{:?}", report.notes);
    assert_eq!((rig.apply().await.report.status, given(&rig).len()), (Status::Converged, 2));
    rig.world.aws.configure(|settings| settings.assignments.delegated_admin = false);
    assert_eq!((rig.apply().await.report.status, given(&rig).len()), (Status::Applied, 0), "the management account deletes it");
    assert!(rig.world.aws.peek_group(&rig.world.group(0)).is_none());
}
