//! Full runs that read only those members again of whom something moved: what it saves, and that nothing is ever done on the strength of
//! what is only remembered.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::ports::ReadSource;
use scenarios::Rig;
use serde_json::json;
use sim::{Fault, Shape, What, World};
use sync_core::report::{Report, Status};

const MEMBERS: &str = "GET /api/v1/groups/{id}/users";

/// A world in lockstep of which a run has remembered everything, a while ago.
async fn remembered(users: usize, groups: usize, members: usize, policy: &str) -> Rig {
    let rig = Rig::in_sync(users, groups, members, policy);
    assert_eq!(rig.apply().await.report.status, Status::Converged);
    passes(&rig, 600).await;
    rig
}

async fn passes(rig: &Rig, seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
    rig.clear_logs();
}

fn lists_read(rig: &Rig) -> u64 {
    rig.world.okta.counts().get(MEMBERS).copied().unwrap_or_default()
}

async fn repaired(rig: &Rig) -> Report {
    let report = rig.apply().await.report;
    assert!(rig.agrees(), "{report:?}");
    report
}

#[tokio::test(start_paused = true)]
async fn s49_a_second_no_op_of_2000_users_and_300_groups_costs_okta_three_pages() {
    let rig = remembered(2000, 300, 30, "").await;
    let report = rig.apply().await.report;
    assert_eq!((report.status, report.calls.okta, report.calls.identity_store), (Status::Converged, 3, 323));
    assert_eq!(rig.world.okta.counts().get("GET /api/v1/users"), Some(&1), "two pages of groups, and one of changed users");
    assert!(rig.world.aws.write_attempts().is_empty());
    let put = rig.world.table.counts().get("PutItem").copied().unwrap_or_default();
    assert!(put < 8, "what did not change is not written again: {put} rows were");
}

#[tokio::test(start_paused = true)]
async fn s48_drift_on_the_side_of_aws_is_repaired_and_only_its_groups_are_read() {
    let rig = remembered(60, 20, 3, "").await;
    let aws = &rig.world.aws;
    aws.remove_member(&rig.world.group(0), &rig.world.user(0));
    aws.add_member(&rig.world.group(1), &rig.world.user(9)).unwrap();
    aws.remove_group(&rig.world.group(2));
    assert_eq!(repaired(&rig).await.outcomes.changed, 6);
    assert_eq!(lists_read(&rig), 3);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_remembered_of_an_okta_that_counts_no_members_and_may_date_nothing() {
    let rig = Rig::in_sync(12, 3, 4, "");
    for group in rig.world.okta.list_groups(None).await.unwrap().items {
        let (id, name, date) = (group.id.as_str(), group.name, "2026-01-01T00:00:00.000Z");
        let undated =
            json!({"id": id, "type": "OKTA_GROUP", "profile": {"name": name}, "lastUpdated": date, "lastMembershipUpdated": date});
        rig.world.okta.break_group(&group.id, Some(undated));
    }
    rig.apply().await;
    passes(&rig, 600).await;
    rig.leave(0, [0]);
    rig.join(1, [0]);
    assert_eq!(repaired(&rig).await.outcomes.changed, 2);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_members_is_seen_and_only_its_groups_are_read() {
    let rig = remembered(60, 20, 3, "").await;
    rig.join(0, [50]);
    rig.leave(1, [3]);
    assert_eq!(repaired(&rig).await.outcomes.changed, 2);
    // Once each, and once more because they changed within the last minute and something is taken away.
    let read: BTreeSet<String> =
        rig.world.okta.log().into_iter().filter(|call| call.operation == MEMBERS).map(|call| call.target).collect();
    assert_eq!(read.len(), 2, "{read:?}");
}

#[tokio::test(start_paused = true)]
async fn s17_who_is_suspended_or_deactivated_leaves_all_groups_and_who_comes_back_returns() {
    let rig = remembered(30, 10, 6, "").await;
    let (suspended, gone) = (rig.world.okta_user(0), rig.world.okta_user(1));
    rig.world.okta.set_latency(Duration::from_millis(10));
    rig.world.okta.suspend(&suspended);
    rig.world.okta.deactivate(&gone);
    assert_eq!(repaired(&rig).await.outcomes.changed, 4);
    let read = rig.world.okta.log().into_iter().position(|call| call.operation == MEMBERS).expect("the group is read again");
    assert!(rig.world.okta.log()[read].at < rig.world.aws.writes()[0].at, "before anything is taken away");
    passes(&rig, 600).await;
    rig.world.okta.set_status(&suspended, sync_core::records::UserStatus::Active);
    assert_eq!(repaired(&rig).await.outcomes.changed, 2);
    passes(&rig, 600).await;
    rig.world.okta.delete_user(&rig.world.okta_user(7));
    assert_eq!(repaired(&rig).await.outcomes.changed, 2);
}

#[tokio::test(start_paused = true)]
async fn s11_a_login_that_changes_is_followed() {
    let shape = Shape { users: 30, groups: 5, members: 6, external_ids: false, ..Shape::default() };
    let rig = Rig::of(&shape, "");
    rig.apply().await;
    passes(&rig, 600).await;
    rig.world.okta.set_login(&rig.world.okta_user(0), "renamed@example.com");
    rig.world.aws.rename_user(&rig.world.user(0), "renamed@example.com");
    let report = rig.apply().await.report;
    assert_eq!((report.status, rig.writes(), lists_read(&rig)), (Status::Converged, 0, 0), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn s47_what_is_remembered_may_be_lost_spoilt_or_of_another_version() {
    type Spoil = fn(&Rig);
    let spoils: [(&str, Spoil); 4] = [
        ("lost", |rig| rig.world.table.wipe()),
        ("spoilt on the way", |rig| rig.world.table.inject(Fault::on("Query", What::Corrupt).always())),
        ("no text of ours", |rig| edit(rig, |_| "{\"form\":".to_owned())),
        ("another version", |rig| edit(rig, |body| body.replace("\"form\":1", "\"form\":2"))),
    ];
    for (what, spoil) in spoils {
        let rig = remembered(30, 10, 3, "").await;
        spoil(&rig);
        let report = rig.apply().await.report;
        assert_eq!((report.status, rig.writes(), lists_read(&rig)), (Status::Converged, 0, 10), "{what}: {report:?}");
    }
    let rig = remembered(30, 10, 3, "").await;
    let other = rig.with_policy("[users]\nuser_name_from = \"email\"");
    other.apply().await;
    assert_eq!(lists_read(&other), 10, "another policy may read the same records in another way");
}

/// Changes the rows that remember members, as nobody should.
fn edit(rig: &Rig, change: impl Fn(String) -> String) {
    for row in rig.world.table.rows().into_iter().filter(|row| row.pk.starts_with("member")) {
        rig.world.table.plant(engine::ports::Row { body: change(row.body.clone()), ..row });
    }
}

#[tokio::test(start_paused = true)]
async fn a_memory_that_lies_takes_nothing_away_and_gives_nothing() {
    let rig = remembered(30, 10, 3, "").await;
    let (member, stranger) = (rig.world.okta_user(0).to_string(), rig.world.okta_user(20).to_string());
    edit(&rig, |body| body.replace(&format!("\"members\":[\"{member}\""), &format!("\"members\":[\"{stranger}\"")));
    let changed = rig.world.table.rows().iter().any(|row| row.body.contains(&format!("\"members\":[\"{stranger}\"")));
    assert!(changed, "the row says now that another user is a member");
    let report = rig.apply().await.report;
    assert_eq!((report.status, rig.writes(), lists_read(&rig)), (Status::Converged, 0, 1), "{report:?}");

    let rig = remembered(30, 10, 3, "").await;
    edit(&rig, |body| body.replace("\"status\":\"ACTIVE\"", "\"status\":\"SUSPENDED\""));
    let report = rig.apply().await.report;
    assert_eq!((report.status, rig.writes(), lists_read(&rig)), (Status::Converged, 0, 10), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn where_okta_cannot_say_who_changed_or_the_ledger_is_away_everything_is_read() {
    let rig = remembered(30, 10, 3, "").await;
    rig.world.okta.inject(Fault::on("GET /api/v1/users", What::Status { status: 403, code: None }).always());
    assert_eq!(rig.apply().await.report.status, Status::Converged);
    assert_eq!(lists_read(&rig), 10);
    rig.world.okta.clear_faults();
    passes(&rig, 600).await;
    rig.world.table.inject(Fault::on("Query", What::Status { status: 500, code: None }).containing("member").always());
    assert_eq!(rig.apply().await.report.status, Status::Converged);
    assert_eq!(lists_read(&rig), 10);
}

#[tokio::test(start_paused = true)]
async fn every_group_is_read_within_a_day_and_never_all_of_them_in_one_run_again() {
    let rig = remembered(60, 60, 3, "").await;
    let (mut unread, mut most) = (rig.world.okta.group_ids(), 0);
    unread.retain(|id| rig.world.okta.peek_group(id).is_some_and(|group| group.name.starts_with("AWS-")));
    for _ in 0..23 {
        passes(&rig, 3600).await;
        rig.apply().await;
        most = most.max(lists_read(&rig));
        let log = rig.world.okta.log();
        unread.retain(|id| !log.iter().any(|call| call.operation == MEMBERS && call.target.contains(id.as_str())));
    }
    assert!(unread.is_empty(), "{unread:?} were not read for a day");
    assert!(most < 20, "{most} of 60 groups were read in one run");
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_uses_what_is_remembered_and_remembers_nothing() {
    let rig = Rig::on(World::disjoint(30, 10, 3), "");
    rig.dry().await;
    assert!(rig.world.table.rows().iter().all(|row| !row.pk.starts_with("member")));
    rig.apply().await;
    rig.clear_logs();
    rig.dry().await;
    assert_eq!(lists_read(&rig), 0);
}
