//! S40: accounts that are not ACTIVE, that do not exist, or that AWS does not tell of.

use scenarios::Rig;
use sim::{Fault, OrganizationShape, Shape, What};
use sync_core::ids::AccountId;
use sync_core::report::{Report, Status};

const BY_UNIT: &str = "[[assignment]]\ngroup = '^AWS-000$'\naccounts = ['ou:Workloads/Prod']\npermission_sets = ['Admin']\n";

const BY_ID: &str = "[[assignment]]\ngroup = '^AWS-000$'\naccounts = ['000000000001', '000000000004']\npermission_sets = ['Admin']\n";

/// Three groups; accounts 1 and 4 are in `Workloads/Prod`, 2 and 5 in `Workloads/Dev`, 3 and 6 in `Sandbox`.
fn rig(policy: &str) -> Rig {
    Rig::of(&Shape { organization: Some(OrganizationShape::default()), ..Shape::default() }, policy)
}

/// Who has what where, by the last two digits of the account.
fn given(rig: &Rig) -> Vec<String> {
    let line = |(group, account, set): (String, AccountId, String)| format!("{group} {set} {}", &account.as_str()[10..]);
    rig.world.aws.assignments_by_name().into_iter().map(line).collect()
}

fn kinds(report: &Report) -> Vec<&str> {
    report.unresolved.iter().map(|entry| entry.kind).collect()
}

fn exception(name: &str) -> What {
    What::Exception { name: name.to_owned(), reason: None }
}

#[tokio::test(start_paused = true)]
async fn s40_a_suspended_account_is_frozen_and_served_when_it_is_back() {
    for rule in [BY_UNIT, BY_ID] {
        let rig = rig(rule);
        rig.world.aws.set_account_state(&rig.world.account(1), "SUSPENDED");
        let report = rig.apply().await.report;
        assert_eq!((kinds(&report), given(&rig)), (vec!["account_not_active"], vec!["AWS-000 Admin 04".to_owned()]));
        rig.world.aws.set_account_state(&rig.world.account(1), "ACTIVE");
        rig.apply().await;
        assert_eq!(given(&rig).len(), 2, "the same process sees it at once");
    }
}

#[tokio::test(start_paused = true)]
async fn s40_an_account_that_cannot_be_looked_at_is_looked_for_in_the_list() {
    for containing in ["", "000000000001"] {
        let rig = rig(BY_ID);
        rig.world.aws.set_account_state(&rig.world.account(1), "SUSPENDED");
        rig.world.aws.inject(Fault::on("DescribeAccount", exception("UnknownOperationException")).containing(containing).always());
        let report = rig.apply().await.report;
        assert_eq!((kinds(&report), given(&rig)), (vec!["account_not_active"], vec!["AWS-000 Admin 04".to_owned()]));
        assert_eq!(report.outcomes.failed, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn s40_what_could_be_looked_at_counts_where_the_list_cannot_be_read_either() {
    let rig = rig(BY_ID);
    rig.world.aws.set_account_state(&rig.world.account(1), "SUSPENDED");
    rig.world.aws.inject(Fault::on("DescribeAccount", exception("AccessDeniedException")).containing("000000000004").always());
    rig.world.aws.inject(Fault::on("ListAccounts", exception("AccessDeniedException")).always());
    let report = rig.apply().await.report;
    assert_eq!((kinds(&report), given(&rig)), (vec!["account_not_active"], vec!["AWS-000 Admin 04".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn s40_an_account_that_does_not_exist_is_unknown_and_the_others_are_served() {
    let rig = rig(&BY_ID.replace("000000000001", "999999999999"));
    rig.world.aws.assign(&rig.world.assignment(0, 2, "ReadOnly"));
    let report = rig.apply().await.report;
    assert_eq!((kinds(&report), report.status), (vec!["unknown_account"], Status::Applied), "{report:?}");
    assert_eq!(given(&rig), ["AWS-000 ReadOnly 02", "AWS-000 Admin 04"], "nothing is removed on account of it");
}

#[tokio::test(start_paused = true)]
async fn units_are_found_where_roots_cannot_be_listed_and_accounts_say_where_they_are() {
    let rig = rig(BY_UNIT);
    rig.world.aws.inject(Fault::on("ListRoots", exception("UnknownOperationException")).always());
    let report = rig.apply().await.report;
    assert_eq!((report.status, given(&rig).len()), (Status::Applied, 2), "{report:?}");
}
