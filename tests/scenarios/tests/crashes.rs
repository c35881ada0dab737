//! S27, S45, S46, S47: crashes, two runs at once, and a ledger that is lost, corrupted or out of reach.

use engine::ledger::Touched;
use scenarios::{Event, Rig};
use sim::{Fault, KillSwitch, What};
use sync_core::report::Status;

/// A world in which a run has adds, removes, a leaver, a mover, a rename and a new group to do.
fn busy() -> Rig {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.join(0, [11]);
    rig.leave(0, [0]);
    rig.leave(1, [4]);
    rig.join(2, [4]);
    rig.world.okta.suspend(&rig.world.okta_user(5));
    rig.world.okta.rename_group(&rig.world.okta_group(2), "AWS-renamed");
    let made = rig.world.okta.add_group("AWS-new");
    rig.world.okta.add_member(&made, &rig.world.okta_user(1));
    rig
}

#[tokio::test(start_paused = true)]
async fn s45_killed_at_every_single_call_the_next_run_ends_as_okta_says_with_at_most_one_write_repeated() {
    let whole = busy();
    let counting = KillSwitch::never();
    whole.with_kill(&counting).apply().await;
    let needed = whole.writes();
    assert!(whole.agrees() && needed == 8, "{needed}");
    for k in 0..counting.calls() {
        for kill in [KillSwitch::after(k), KillSwitch::after_losing_the_answer(k)] {
            let rig = busy();
            rig.with_kill(&kill).apply().await;
            tokio::time::advance(std::time::Duration::from_secs(16)).await;
            let report = rig.apply().await.report;
            assert!(rig.agrees(), "killed at {k}: {report:?}");
            assert!(rig.world.aws.write_attempts().len() <= needed + 1, "killed at {k}: {:?}", rig.world.aws.write_attempts());
            assert_eq!(rig.apply().await.report.status, Status::Converged, "killed at {k}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s45_a_worker_killed_at_every_single_call_leaves_nothing_that_the_next_look_does_not_mend() {
    for k in 0..12 {
        let rig = Rig::in_sync(12, 3, 4, "");
        rig.world.okta.suspend(&rig.world.okta_user(0));
        rig.with_kill(&KillSwitch::after(k)).on_user(&rig.world.okta_user(0), None, Event::Leaver).await;
        tokio::time::advance(std::time::Duration::from_secs(16)).await;
        rig.on_user(&rig.world.okta_user(0), None, Event::Leaver).await;
        assert!(rig.agrees(), "killed at {k}");
        assert_eq!(rig.writes(), 1, "killed at {k}");
    }
}

#[tokio::test(start_paused = true)]
async fn s46_two_runs_at_once_end_right_and_neither_fails() {
    let rig = busy();
    let (first, second) = (rig.another("schedule"), rig.another("by-hand"));
    let (one, two) = tokio::join!(first.apply(), second.apply());
    for report in [&one.report, &two.report] {
        assert!(matches!(report.status, Status::Applied | Status::Converged), "{report:?}");
    }
    assert!(rig.agrees());
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn s27_an_event_during_a_full_run_is_serialized_and_nothing_flaps() {
    let rig = busy();
    let (full, worker) = (rig.another("schedule"), rig.another("worker"));
    let (user, group) = (rig.world.okta_user(0), rig.world.okta_group(0));
    rig.world.aws.set_latency(std::time::Duration::from_millis(40));
    let event = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        rig.world.okta.add_member(&group, &user);
        worker.on_user(&user, Some(&group), Event::Grant).await
    };
    let (report, _) = tokio::join!(full.apply(), event);
    assert!(rig.agrees(), "{report:?}");
    let on_pair = rig.world.aws.writes().iter().filter(|call| call.target.contains(rig.world.user(0).as_str())).count();
    assert!(on_pair <= 2, "removed and added again at the most");
}

#[tokio::test(start_paused = true)]
async fn s27_what_a_worker_decided_while_a_full_run_was_under_way_is_read_again() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.join(0, [11]);
    let reads_end = rig.world.okta.clone();
    let touched = Touched { groups: [rig.world.okta_group(0)].into(), users: [rig.world.okta_user(11)].into() };
    rig.world
        .okta
        .inject(Fault::on("GET /api/v1/groups/{id}/users", What::Delay { ms: 20_000 }).containing(rig.world.okta_group(2).as_str()));
    let worker = async {
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        reads_end.suspend(&rig.world.okta_user(11));
        rig.ledger().touch("worker", &touched, rig.ledger_time()).await.unwrap();
    };
    tokio::join!(rig.apply(), worker);
    let granted = rig.world.aws.writes().iter().any(|call| call.operation == "CreateGroupMembership");
    assert!(!granted, "the full run had read the user as active, and the worker knew better");
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s33_who_moves_while_the_groups_are_read_has_no_gap() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.world
        .okta
        .inject(Fault::on("GET /api/v1/groups/{id}/users", What::Delay { ms: 5_000 }).containing(rig.world.okta_group(0).as_str()));
    let moves = async {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        rig.join(1, [0]);
        rig.leave(0, [0]);
    };
    tokio::join!(rig.apply(), moves);
    assert!(rig.agrees());
    let writes = rig.world.aws.writes();
    assert_eq!(writes.iter().map(|call| call.operation.as_str()).collect::<Vec<_>>(), ["CreateGroupMembership", "DeleteGroupMembership"]);
}

#[tokio::test(start_paused = true)]
async fn s47_a_ledger_that_is_lost_or_corrupted_costs_no_write() {
    let rig = busy();
    rig.apply().await;
    rig.clear_logs();
    rig.world.table.wipe();
    assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Converged, 0));
    rig.world.table.inject(Fault::on("GetItem", What::Corrupt).always());
    rig.world.table.inject(Fault::on("Query", What::Corrupt).always());
    rig.leave(2, [8]);
    assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Applied, 1));
}

#[tokio::test(start_paused = true)]
async fn without_the_ledger_removals_are_held_and_grants_go_on() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.join(0, [11]);
    rig.leave(1, [4]);
    for operation in ["GetItem", "PutItem", "Query", "DeleteItem"] {
        rig.world.table.inject(Fault::on(operation, What::Status { status: 500, code: None }).always());
    }
    let report = rig.apply().await.report;
    assert_eq!((report.status, report.held[0].rule, rig.writes()), (Status::Held, "state_unavailable", 1));
    let event = rig.on_user(&rig.world.okta_user(4), Some(&rig.world.okta_group(1)), Event::Removal).await.report;
    assert_eq!((event.held[0].rule, rig.writes()), ("state_unavailable", 1));
    rig.world.table.clear_faults();
    rig.apply().await;
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn a_worker_with_another_policy_only_adds_and_removes_leavers() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.apply().await;
    let newer = rig.with_policy("exclude = ['^AWS-999$']\n");
    rig.leave(0, [0]);
    rig.join(0, [11]);
    rig.world.okta.suspend(&rig.world.okta_user(4));
    let removal = newer.on_user(&rig.world.okta_user(0), Some(&rig.world.okta_group(0)), Event::Removal).await.report;
    assert_eq!((removal.held[0].rule, rig.writes()), ("policy_changed", 0));
    newer.on_user(&rig.world.okta_user(11), Some(&rig.world.okta_group(0)), Event::Grant).await;
    newer.on_user(&rig.world.okta_user(4), None, Event::Leaver).await;
    assert_eq!(rig.writes(), 2);
    newer.apply().await;
    assert!(rig.agrees());
}
