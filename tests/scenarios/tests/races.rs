//! What goes wrong between a read and a write, and between two processes: each once did harm.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::ledger::Touched;
use engine::{Completed, Scope, Since};
use scenarios::{Event, Rig};
use sim::{Fault, Shape, What};
use sync_core::plan::PlanHash;
use sync_core::report::{Mode, Report, Status};

async fn later(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

fn kinds(report: &Report) -> Vec<&str> {
    report.unresolved.iter().map(|entry| entry.kind).collect()
}

fn members(rig: &Rig, group: usize) -> usize {
    rig.world.aws.member_ids(&rig.world.group(group)).len()
}

/// A world without externalIds, whose users were pinned by a first run.
async fn pinned() -> Rig {
    let rig = Rig::of(&Shape { external_ids: false, ..Shape::default() }, "");
    rig.apply().await;
    later(600).await;
    rig.clear_logs();
    rig
}

/// What a worker leaves behind that wrote to a group, two seconds from now.
async fn touch(rig: &Rig, group: usize) {
    tokio::time::sleep(Duration::from_secs(2)).await;
    let touched = Touched { groups: BTreeSet::from([rig.world.okta_group(group)]), ..Touched::default() };
    rig.ledger().touch("worker", &touched, rig.ledger_time()).await.expect("the table is there");
}

/// A run whose reads take five seconds, while a worker writes to group 0.
async fn overtaken(rig: &Rig, operation: &str, run: impl Future<Output = Completed>) -> Completed {
    rig.world.okta.inject(Fault::on(operation, What::DelayAfter { ms: 5000 }));
    tokio::join!(run, touch(rig, 0)).0
}

#[tokio::test(start_paused = true)]
async fn a_run_for_one_user_that_reads_again_takes_nobody_else_for_a_stranger() {
    let rig = Rig::in_sync(40, 3, 8, "");
    rig.apply().await;
    later(600).await;
    rig.leave(0, [0, 1]);
    let run = rig.another("operator").must_owned(Mode::Apply, Scope::Users(vec!["user0@example.com".to_owned()]));
    let report = overtaken(&rig, "GET /api/v1/users/{id}/groups", run).await.report;
    assert_eq!((report.status, members(&rig, 0)), (Status::Applied, 7), "user 1 was not asked about: {report:?}");
}

#[tokio::test(start_paused = true)]
async fn whoever_is_provisioned_and_added_during_a_full_run_stays() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.apply().await;
    later(600).await;
    rig.world.okta.inject(Fault::on("GET /api/v1/groups", What::DelayAfter { ms: 20_000 }));
    let hire = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let joiner = rig.world.okta.add_user("new@example.com");
        rig.world.aws.add_user("new@example.com", Some(joiner.as_str())).unwrap();
        rig.world.okta.add_member(&rig.world.okta_group(0), &joiner);
        rig.on_user(&joiner, Some(&rig.world.okta_group(0)), Event::Grant).await
    };
    let full = rig.another("full");
    tokio::join!(full.apply(), hire);
    assert!(rig.agrees() && members(&rig, 0) == 5);
}

#[tokio::test(start_paused = true)]
async fn a_pinned_user_is_told_from_memory_as_well() {
    for kind in [Event::Removal, Event::Leaver] {
        let rig = pinned().await;
        let user = rig.world.okta_user(0);
        rig.on_user(&user, None, Event::Grant).await;
        if kind == Event::Leaver {
            rig.world.okta.delete_user(&user);
        } else {
            rig.leave(0, [0]);
        }
        rig.on_user(&user, Some(&rig.world.okta_group(0)), kind).await;
        assert_eq!(members(&rig, 0), 3, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn s12_a_pin_is_never_handed_on_to_a_namesake() {
    let rig = pinned().await;
    rig.world.okta.delete_user(&rig.world.okta_user(0));
    let namesake = rig.world.okta.add_user("user0@example.com");
    rig.world.okta.add_member(&rig.world.okta_group(0), &namesake);
    let by_event = rig.another("cold").on_group(&rig.world.okta_group(0), Event::Grant).await.report;
    assert_eq!(kinds(&by_event), ["identity_conflict"]);
    assert_eq!(rig.ledger().pin(&namesake, rig.ledger_time()).await.unwrap(), None);
    assert_eq!(kinds(&rig.apply().await.report), ["identity_conflict"]);
}

#[tokio::test(start_paused = true)]
async fn s11_pins_that_cannot_be_read_are_not_no_pins() {
    let rig = pinned().await;
    rig.world.okta.set_login(&rig.world.okta_user(0), "married@example.com");
    rig.world.table.inject(Fault::on("Query", What::DropBefore));
    let report = rig.another("full").apply().await.report;
    assert_eq!((report.status, rig.writes()), (Status::Partial, 0), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn s47_a_pin_that_is_not_understood_makes_nobody_a_stranger() {
    for pk in ["pin", "pinned"] {
        let rig = pinned().await;
        rig.world.okta.set_login(&rig.world.okta_user(0), "married@example.com");
        let mut row = rig.world.table.rows().into_iter().find(|row| row.pk == pk).unwrap();
        row.body = "{\"by\":\"a newer version\"}".to_owned();
        rig.world.table.plant(row);
        rig.another("full").apply().await;
        rig.another("worker").on_group(&rig.world.okta_group(0), Event::Removal).await;
        assert_eq!(rig.writes(), 0, "{pk}");
    }
}

#[tokio::test(start_paused = true)]
async fn s08_an_approval_holds_for_the_first_round_and_never_fails_a_run_that_wrote() {
    let rig = Rig::in_sync(40, 4, 4, "[guard]\nmax_membership_removals = 0\n");
    rig.apply().await;
    later(600).await;
    rig.leave(0, [0]);
    rig.leave(1, [4]);
    let hash = PlanHash::parse(&rig.apply().await.report.plan_hash);
    later(60).await;
    let operator = rig.another("operator");
    let run = async { operator.run(Mode::Apply, Scope::All, hash).await.unwrap() };
    let report = overtaken(&rig, "GET /api/v1/groups/{id}/users", run).await.report;
    assert_eq!((report.status, rig.writes()), (Status::Held, 1), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn s07_what_a_round_reserved_and_did_not_use_is_given_back_before_the_next() {
    let rig = Rig::in_sync(40, 4, 8, "[guard]\nmax_membership_removals = 4\nmax_percent = 0\n");
    rig.apply().await;
    later(600).await;
    rig.leave(0, [0, 1, 2]);
    let full = rig.another("full");
    let report = overtaken(&rig, "GET /api/v1/groups/{id}/users", full.apply()).await.report;
    assert_eq!((report.status, rig.writes()), (Status::Applied, 3), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn once_the_ledger_is_gone_nothing_more_is_taken_away() {
    for skip in 0..14 {
        let rig = Rig::in_sync(12, 3, 4, "");
        rig.apply().await;
        later(600).await;
        rig.leave(0, [0]);
        rig.clear_logs();
        rig.world.table.inject(Fault::on("**", What::DropBefore).skip(skip).always());
        rig.another("full").apply().await;
        let writing = rig.world.table.log().iter().filter(|call| call.error.is_none() && call.status == 200).count();
        assert!(rig.writes() == 0 || writing >= 8, "removed after {writing} answers of the ledger");
    }
}

#[tokio::test(start_paused = true)]
async fn a_user_with_another_name_in_identity_center_is_found_by_the_externalid() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.world.aws.rename_user(&rig.world.user(0), "somebody-else@example.com");
    rig.leave(0, [0]);
    rig.another("cold").on_user(&rig.world.okta_user(0), Some(&rig.world.okta_group(0)), Event::Removal).await;
    assert!(rig.agrees());
    rig.world.aws.rename_user(&rig.world.user(1), "another@example.com");
    let leaver = rig.world.okta_user(1);
    rig.world.okta.delete_user(&leaver);
    rig.another("cold2").on_user(&leaver, None, Event::Leaver).await;
    assert_eq!(members(&rig, 0), 2);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_another_process_made_is_known_when_it_matters() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.on_user(&rig.world.okta_user(0), None, Event::Grant).await;
    let made = rig.world.okta.add_group("AWS-new");
    rig.world.okta.add_member(&made, &rig.world.okta_user(0));
    rig.another("reconcile").apply().await;
    later(60).await;
    rig.world.okta.remove_member(&made, &rig.world.okta_user(0));
    rig.on_user(&rig.world.okta_user(0), Some(&made), Event::Removal).await;
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn where_nobody_can_say_who_moved_only_leavers_lose_anything_and_it_is_said() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.apply().await;
    later(600).await;
    rig.world.okta.suspend(&rig.world.okta_user(0));
    rig.leave(1, [4]);
    rig.world.okta.inject(Fault::on("GET /api/v1/groups", What::Status { status: 500, code: None }).skip(1).always());
    let report = rig.another("full").apply().await.report;
    assert_eq!((report.status, rig.writes()), (Status::Partial, 1), "{report:?}");
    rig.world.okta.clear_faults();
    rig.apply().await;
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn an_explicit_moment_does_not_move_the_watermark() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.apply().await;
    later(600).await;
    rig.leave(0, [0]);
    later(600).await;
    rig.must(Mode::Apply, Scope::ChangedSince(Since::Moment(rig.ledger_time()))).await;
    assert!(!rig.agrees());
    later(60).await;
    rig.must(Mode::Apply, Scope::ChangedSince(Since::Last)).await;
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s33_who_moves_during_an_incremental_run_has_no_gap_either() {
    let rig = Rig::in_sync(40, 4, 8, "");
    rig.apply().await;
    later(600).await;
    rig.join(0, [30]);
    rig.join(1, [31]);
    let slow = Fault::on("GET /api/v1/groups/{id}/users", What::Delay { ms: 4000 }).containing(rig.world.okta_group(0).as_str());
    rig.world.okta.inject(slow);
    let moves = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        rig.join(1, [0]);
        rig.leave(0, [0]);
    };
    let incremental = rig.another("incremental");
    tokio::join!(incremental.must(Mode::Apply, Scope::ChangedSince(Since::Last)), moves);
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s33_who_moves_during_an_incremental_run_to_a_group_that_it_did_not_list_has_no_gap_either() {
    let rig = Rig::in_sync(40, 4, 8, "");
    rig.apply().await;
    later(600).await;
    rig.join(0, [30]);
    let slow = Fault::on("GET /api/v1/groups/{id}/users", What::Delay { ms: 4000 }).containing(rig.world.okta_group(0).as_str());
    rig.world.okta.inject(slow);
    rig.clear_logs();
    let moves = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        rig.join(1, [0]);
        rig.leave(0, [0]);
    };
    let incremental = rig.another("incremental");
    tokio::join!(incremental.must(Mode::Apply, Scope::ChangedSince(Since::Last)), moves);
    assert!(rig.agrees());
    let order: Vec<String> = rig.world.aws.writes().into_iter().map(|call| call.operation).collect();
    assert_eq!(order, ["CreateGroupMembership", "CreateGroupMembership", "DeleteGroupMembership"]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_or_a_budget_that_is_not_understood_stops_removals_and_is_not_begun_anew() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.apply().await;
    rig.leave(0, [0]);
    rig.ledger().set_pause(true, rig.ledger_time()).await.unwrap();
    let mut row = rig.world.table.rows().into_iter().find(|row| row.sk == "pause").unwrap();
    row.body = "{\"since\":\"2026-11-24T00:00:00Z\",\"by\":\"a newer version\"}".to_owned();
    rig.world.table.plant(row);
    assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Planned, 0));
    rig.ledger().set_pause(false, rig.ledger_time()).await.unwrap();
    rig.leave(1, [4]);
    rig.apply().await;
    assert_eq!(rig.writes(), 2);
    let mut budget = rig.world.table.rows().into_iter().find(|row| row.pk == "budget").unwrap();
    budget.body = "{\"entries\":[],\"by\":\"a newer version\"}".to_owned();
    rig.world.table.plant(budget);
    rig.leave(2, [8]);
    let report = rig.apply().await.report;
    assert_eq!((report.held[0].rule, rig.writes()), ("state_unavailable", 2));
}

#[tokio::test(start_paused = true)]
async fn one_failed_look_for_the_pause_takes_nothing_away() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.ledger().set_pause(true, rig.ledger_time()).await.unwrap();
    rig.leave(0, [0]);
    rig.world.table.inject(Fault::on("GetItem", What::DropBefore));
    let report = rig.apply().await.report;
    assert_eq!((report.status, rig.writes()), (Status::Held, 0), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn s51_a_group_is_not_deleted_while_its_members_could_not_be_granted_their_new_one() {
    let rig = Rig::in_sync(40, 8, 4, "on_deleted_in_okta = \"delete\"\n");
    rig.apply().await;
    rig.join(1, 0..4);
    rig.world.okta.delete_group(&rig.world.okta_group(0));
    let denied = What::Exception { name: "ServiceQuotaExceededException".to_owned(), reason: None };
    rig.world.aws.inject(Fault::on("CreateGroupMembership", denied).always());
    rig.another("full").apply().await;
    assert!(rig.world.aws.peek_group(&rig.world.group(0)).is_some());
}

#[tokio::test(start_paused = true)]
async fn s51_the_event_of_a_groups_deletion_gives_its_members_what_they_were_given_instead() {
    for disposal in ["empty", "delete"] {
        let rig = Rig::in_sync(40, 8, 4, &format!("on_deleted_in_okta = \"{disposal}\"\n"));
        rig.apply().await;
        let (old, new) = (rig.world.okta_group(0), rig.world.okta.add_group("AWS-new"));
        for user in 0..4 {
            rig.world.okta.add_member(&new, &rig.world.okta_user(user));
        }
        rig.world.okta.delete_group(&old);
        rig.clear_logs();
        let report = rig.on_group(&old, Event::Removal).await.report;
        assert_eq!(report.status, Status::Applied, "{disposal}: {report:?}");
        assert!(rig.agrees(), "{disposal}: {report:?}");
        let order: Vec<String> = rig.world.aws.writes().into_iter().map(|call| call.operation).collect();
        assert_eq!(
            order[..5],
            ["CreateGroup", "CreateGroupMembership", "CreateGroupMembership", "CreateGroupMembership", "CreateGroupMembership"]
        );
        assert!(order[5..].iter().all(|operation| operation.starts_with("Delete")), "{disposal}: {order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_stays_in_a_group_that_others_lose_is_not_looked_at() {
    let rig = Rig::in_sync(40, 8, 4, "");
    rig.apply().await;
    rig.leave(0, [0]);
    rig.clear_logs();
    rig.on_group(&rig.world.okta_group(0), Event::Removal).await;
    assert_eq!((rig.writes(), rig.world.okta.counts().get("GET /api/v1/users/{id}/groups")), (1, Some(&1)));
}

#[tokio::test(start_paused = true)]
async fn s51_an_undone_move_gains_before_it_loses() {
    let rig = Rig::in_sync(40, 4, 8, "");
    rig.leave(0, [0]);
    rig.join(1, [0]);
    let run_id = rig.apply().await.report.run_id;
    rig.clear_logs();
    rig.ledger().set_pause(true, rig.ledger_time()).await.unwrap();
    rig.must(Mode::Apply, Scope::Undo(run_id)).await;
    let order: Vec<String> = rig.world.aws.writes().into_iter().map(|call| call.operation).collect();
    assert_eq!(order, ["CreateGroupMembership", "DeleteGroupMembership"]);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_is_said_so_that_its_message_comes_again() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.leave(0, [0]);
    rig.world.okta.inject(Fault::on("GET /api/v1/groups/{id}", What::Status { status: 500, code: None }).always());
    let removal = rig.on_user(&rig.world.okta_user(0), Some(&rig.world.okta_group(0)), Event::Removal).await.report;
    assert_eq!((kinds(&removal), rig.writes()), (vec!["unreadable"], 0));
    let new = rig.on_group(&rig.world.okta.add_group("AWS-new"), Event::Grant).await.report;
    assert_eq!(kinds(&new), ["unreadable"]);
}

#[tokio::test(start_paused = true)]
async fn s07_runs_and_workers_side_by_side_never_exceed_the_budget_together() {
    for seed in 1..6 {
        let shape = Shape { users: 60, groups: 5, members: 12, seed, ..Shape::default() };
        let rig = Rig::of(&shape, "[guard]\nmax_membership_removals = 7\nmax_percent = 0\n");
        rig.apply().await;
        later(600).await;
        rig.clear_logs();
        (0..5).for_each(|group| rig.leave(group, group * 12..group * 12 + 3));
        let worker = |group: usize, user: usize| {
            let rig = rig.another(&format!("worker-{group}-{user}"));
            async move { rig.on_user(&rig.world.okta_user(group * 12 + user), Some(&rig.world.okta_group(group)), Event::Removal).await }
        };
        let workers = futures::future::join_all(
            (0..5).flat_map(|group| (0..3).map(move |user| (group, user))).map(|(group, user)| worker(group, user)),
        );
        let (schedule, by_hand) = (rig.another("schedule"), rig.another("by-hand"));
        tokio::join!(workers, schedule.apply(), by_hand.apply());
        assert!(rig.writes() <= 7, "seed {seed}: {} removals", rig.writes());
        assert!(rig.writes() > 0, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn s07_what_was_not_used_is_given_back_although_the_record_of_the_run_cannot_be_written() {
    let rig = Rig::in_sync(40, 4, 8, "[guard]\nmax_membership_removals = 4\nmax_percent = 0\n");
    rig.leave(0, [0, 1, 2]);
    rig.join(1, [39]);
    let denied = What::Exception { name: "AccessDeniedException".to_owned(), reason: None };
    rig.world.aws.inject(Fault::on("DeleteGroupMembership", denied).always());
    rig.world.table.inject(Fault::on("PutItem", What::DropBefore).containing("run ").always());
    assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Partial, 1));
    rig.world.aws.clear_faults();
    rig.world.table.clear_faults();
    let report = rig.another("next").apply().await.report;
    assert_eq!((report.status, rig.writes()), (Status::Applied, 4), "{report:?}");
}
