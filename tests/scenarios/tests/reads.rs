//! S29 to S36, S42 to S51 on the reading side: what is whole, what is not, what it costs, and what stops in time.

use std::time::Duration;

use engine::{Request, Scope};
use scenarios::{Event, Rig};
use sim::{Fault, What};
use sync_core::report::{Mode, Status};

#[tokio::test(start_paused = true)]
async fn s29_a_list_that_breaks_on_a_later_page_removes_nothing_and_the_others_go_on() {
    for what in [What::Status { status: 500, code: None }, What::Truncated, What::Html { status: 502 }, What::SameCursor] {
        let rig = Rig::in_sync(1300, 2, 650, "");
        let group = rig.world.okta_group(0);
        rig.world.okta.inject(Fault::on("GET /api/v1/groups/{id}/users", what.clone()).containing(group.as_str()).skip(2).always());
        rig.leave(0, [0]);
        rig.leave(1, [650]);
        let report = rig.apply().await.report;
        assert_eq!((report.status, rig.writes()), (Status::Partial, 1), "{what:?}: {:?}", report.unresolved);
        assert_eq!(report.unresolved[0].kind, "unreadable");
    }
}

#[tokio::test(start_paused = true)]
async fn s30_a_group_that_goes_between_list_and_members_is_looked_for_and_then_removed_as_gone() {
    let rig = Rig::in_sync(16, 4, 4, "");
    let group = rig.world.okta_group(3);
    let okta = rig.world.okta.clone();
    rig.world.aws.inject(Fault::on("ListGroupMemberships", What::Delay { ms: 3000 }).containing(rig.world.group(3).as_str()));
    let goes = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        okta.delete_group(&group);
    };
    let (completed, ()) = tokio::join!(rig.apply(), goes);
    let reasons: Vec<&str> = completed.report.plan.iter().map(|entry| entry.reason.as_str()).collect();
    assert_eq!(reasons, ["the group is gone from Okta"; 4]);
    assert!(rig.world.aws.member_ids(&rig.world.group(3)).is_empty());
}

#[tokio::test(start_paused = true)]
async fn s30_members_that_answer_404_of_a_group_that_exists_are_unknown_and_not_gone() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let fault = Fault::on("GET /api/v1/groups/{id}/users", What::Status { status: 404, code: Some("E0000007".to_owned()) });
    rig.world.okta.inject(fault.containing(rig.world.okta_group(0).as_str()).always());
    let report = rig.apply().await.report;
    assert_eq!((report.status, rig.writes()), (Status::Partial, 0), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn s32_a_credential_that_is_refused_for_good_stops_the_run_and_removes_nothing() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.leave(0, [0]);
    let refused = What::Status { status: 401, code: Some("E0000011".to_owned()) };
    rig.world.okta.inject(Fault::on("**", refused.clone()).always());
    assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Failed, 0));
    let event = rig.on_user(&rig.world.okta_user(0), Some(&rig.world.okta_group(0)), Event::Removal).await.report;
    assert_eq!((event.status, rig.writes()), (Status::Partial, 0), "{event:?}");
}

#[tokio::test(start_paused = true)]
async fn s34_every_page_is_read_whatever_its_size() {
    for count in [101, 200, 201] {
        let rig = Rig::in_sync(count, 1, count, "");
        assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Converged, 0), "{count}");
    }
    let rig = Rig::in_sync(5, 3, 5, "");
    rig.world.aws.configure(|settings| settings.empty_pages = true);
    assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Converged, 0));
}

#[tokio::test(start_paused = true)]
async fn s35_what_is_so_already_is_a_success() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.join(0, [11]);
    rig.leave(1, [4]);
    rig.world.aws.inject(Fault::on("CreateGroupMembership", What::DropAfter));
    rig.world.aws.inject(Fault::on("DeleteGroupMembership", What::DropAfter));
    rig.apply().await;
    assert!(rig.agrees());
    assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Converged, 2));
}

#[tokio::test(start_paused = true)]
async fn a_group_made_although_its_answer_was_lost_is_found_by_its_mark() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let made = rig.world.okta.add_group("AWS-new");
    rig.world.okta.add_member(&made, &rig.world.okta_user(1));
    rig.world.aws.inject(Fault::on("CreateGroup", What::DropAfter));
    let first = rig.apply().await.report;
    assert_eq!((first.status, first.outcomes.failed, first.outcomes.not_attempted), (Status::Partial, 1, 1));
    let second = rig.apply().await.report;
    assert_eq!((second.status, second.plan.len()), (Status::Applied, 1), "only the membership is left");
    assert_eq!(rig.world.aws.all_groups().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn s42_a_look_up_that_fails_is_no_absence() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.leave(1, [4]);
    let denied = What::Exception { name: "AccessDeniedException".to_owned(), reason: None };
    rig.world.aws.inject(Fault::on("ListGroupMemberships", denied).containing(rig.world.group(0).as_str()).always());
    let report = rig.apply().await.report;
    assert_eq!(rig.writes(), 1, "the other group's difference: {report:?}");
    assert_eq!(report.status, Status::Partial, "{report:?}");
    for operation in ["ListGroups", "ListUsers"] {
        let rig = Rig::in_sync(12, 3, 4, "");
        let throttled = What::Exception { name: "ThrottlingException".to_owned(), reason: None };
        rig.world.aws.inject(Fault::on(operation, throttled).always());
        assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Failed, 0), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn s44_a_failed_removal_is_decided_anew_and_ends_as_okta_says() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.leave(0, [0, 1, 2]);
    rig.world
        .aws
        .inject(Fault::on("DeleteGroupMembership", What::Exception { name: "ValidationException".to_owned(), reason: None }).skip(1));
    let report = rig.apply().await.report;
    assert_eq!((report.status, report.outcomes.changed, report.outcomes.failed), (Status::Partial, 2, 1));
    rig.join(0, [0, 1, 2]);
    rig.apply().await;
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s48_drift_on_the_side_of_aws_is_repaired() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let aws = &rig.world.aws;
    aws.remove_member(&rig.world.group(0), &rig.world.user(0));
    aws.add_member(&rig.world.group(0), &rig.world.user(9)).unwrap();
    aws.remove_group(&rig.world.group(1));
    let report = rig.apply().await.report;
    assert_eq!(report.status, Status::Applied, "{report:?}");
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s49_a_no_op_of_2000_users_and_300_groups_is_323_identity_store_calls_and_no_write() {
    let rig = Rig::in_sync(2000, 300, 30, "");
    let report = rig.apply().await.report;
    assert_eq!((report.status, report.calls.identity_store, rig.writes()), (Status::Converged, 323, 0));
    assert_eq!(report.calls.okta, 2 + 300, "the list of groups in two pages, and each member list");
}

#[tokio::test(start_paused = true)]
async fn s51_who_moves_keeps_the_old_membership_where_the_new_one_fails() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.leave(0, [0]);
    rig.join(1, [0]);
    rig.world
        .aws
        .inject(Fault::on("CreateGroupMembership", What::Exception { name: "ServiceQuotaExceededException".to_owned(), reason: None }));
    let report = rig.apply().await.report;
    assert_eq!((report.outcomes.failed, report.outcomes.not_attempted, rig.writes()), (1, 1, 0));
    rig.apply().await;
    let writes = rig.world.aws.writes();
    assert_eq!(writes.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>(), ["CreateGroupMembership", "DeleteGroupMembership"]);
}

#[tokio::test(start_paused = true)]
async fn s51_a_leaver_goes_before_everything_else() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.join(0, [11]);
    rig.leave(2, [9]);
    rig.world.okta.suspend(&rig.world.okta_user(5));
    rig.apply().await;
    let first = rig.world.aws.writes().remove(0);
    assert_eq!(first.operation, "DeleteGroupMembership");
    assert!(!rig.world.aws.member_ids(&rig.world.group(1)).contains(&rig.world.user(5)));
}

#[tokio::test(start_paused = true)]
async fn a_run_stops_in_time_says_what_is_left_and_the_next_goes_on() {
    let rig = Rig::in_sync(400, 4, 0, "");
    (0..4).for_each(|group| rig.join(group, group * 100..group * 100 + 100));
    rig.world.aws.set_latency(Duration::from_millis(200));
    let request = Request { run_id: "short".to_owned(), mode: Mode::Apply, scope: Scope::All, approve: None };
    let report = rig.engine(Duration::from_secs(6)).reconcile(&request).await.unwrap().report;
    assert_eq!(report.status, Status::Partial);
    assert!(report.outcomes.changed > 0 && report.outcomes.not_attempted > 0, "{:?}", report.outcomes);
    assert!(report.failures.iter().all(|failure| failure.error.contains("time was up")));
    rig.apply().await;
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn evidence_that_grew_old_is_looked_at_again_before_anything_is_taken_away() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.world.okta.suspend(&rig.world.okta_user(0));
    rig.leave(1, [4]);
    rig.world
        .okta
        .inject(Fault::on("GET /api/v1/groups/{id}/users", What::DelayAfter { ms: 60_000 }).containing(rig.world.okta_group(2).as_str()));
    let okta = rig.world.okta.clone();
    let (user, back) = (rig.world.okta_user(0), rig.world.okta_user(4));
    let changes = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        okta.set_status(&user, sync_core::records::UserStatus::Active);
        okta.add_member(&rig.world.okta_group(1), &back);
    };
    let (completed, ()) = tokio::join!(rig.apply(), changes);
    assert_eq!(rig.writes(), 0, "{:?}", completed.report);
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn an_undo_takes_back_what_a_run_did_and_only_while_paused() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.join(0, [11]);
    rig.leave(1, [4]);
    rig.world.okta.rename_group(&rig.world.okta_group(2), "AWS-renamed");
    let before = rig.world.aws.members_by_name();
    let run = rig.apply().await.report;
    assert_eq!(run.outcomes.changed, 3);
    let dry = rig.must(Mode::Apply, Scope::Undo(run.run_id.clone())).await.report;
    assert_eq!((dry.status, dry.plan.len(), rig.writes()), (Status::Planned, 3, 3));
    rig.ledger().set_pause(true, rig.ledger_time()).await.unwrap();
    let undone = rig.must(Mode::Apply, Scope::Undo(run.run_id.clone())).await.report;
    assert_eq!((undone.status, undone.outcomes.changed), (Status::Applied, 3), "{undone:?}");
    assert_eq!(rig.world.aws.members_by_name(), before);
    let paused = rig.apply().await.report;
    assert_eq!((paused.status, rig.writes()), (Status::Planned, 6), "a paused run is dry");
    assert!(rig.run(Mode::DryRun, Scope::Undo("no-such-run".to_owned()), None).await.is_err());
}
