//! Runs that are overtaken by workers while they read or write: what was decided meanwhile is not undone on the strength of older reads.

use std::time::Duration;

use engine::{Completed, Scope};
use scenarios::{Event, Rig};
use sim::okta::Staleness;
use sim::{Fault, What};
use sync_core::report::Mode;

async fn sleep(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// A fault that keeps the members of a group waiting; `late` is `Delay` or `DelayAfter`.
fn slow_members(rig: &Rig, group: usize, late: What) {
    let fault = Fault::on("GET /api/v1/groups/{id}/users", late).containing(rig.world.okta_group(group).as_str());
    rig.world.okta.inject(fault);
}

fn order(rig: &Rig) -> Vec<String> {
    rig.world.aws.writes().into_iter().map(|call| call.operation).collect()
}

#[tokio::test(start_paused = true)]
async fn s46_who_is_suspended_while_a_full_run_reads_gets_nothing_although_other_groups_are_read_again() {
    let rig = Rig::in_sync(40, 4, 8, "");
    rig.join(0, [35]);
    rig.leave(1, [8]);
    slow_members(&rig, 3, What::DelayAfter { ms: 20_000 });
    let leaver = async {
        sleep(2_000).await;
        rig.world.okta.suspend(&rig.world.okta_user(35));
        sleep(6_000).await;
        rig.another("worker").on_user(&rig.world.okta_user(35), None, Event::Leaver).await
    };
    let full = rig.another("full");
    tokio::join!(full.apply(), leaver);
    assert!(rig.agrees(), "{:?}", order(&rig));
}

#[tokio::test(start_paused = true)]
async fn s46_what_a_later_round_gives_in_exchange_is_read_again_as_well() {
    let rig = Rig::in_sync(40, 4, 8, "");
    rig.join(3, [0]);
    rig.leave(0, [0]);
    // The grant takes effect at once, and its answer comes when the workers wait for their turn.
    rig.world.aws.inject(Fault::on("CreateGroupMembership", What::DelayAfter { ms: 5_000 }));
    let (user, given) = (rig.world.okta_user(0), rig.world.okta_group(3));
    let workers = async {
        while !rig.world.aws.member_ids(&rig.world.group(3)).contains(&rig.world.user(0)) {
            sleep(50).await;
        }
        rig.leave(3, [0]);
        let (removal, touch) = (rig.another("removal"), rig.another("touch"));
        tokio::join!(removal.on_group(&given, Event::Removal), touch.on_user(&user, None, Event::Grant))
    };
    let full = rig.another("full");
    tokio::join!(full.apply(), workers);
    assert!(rig.agrees(), "{:?}", order(&rig));
}

#[tokio::test(start_paused = true)]
async fn s46_a_group_that_is_read_again_overrules_what_was_read_of_its_users_before() {
    let rig = Rig::in_sync(40, 4, 8, "");
    rig.join(0, [35]);
    rig.world.okta.inject(Fault::on("GET /api/v1/users/{id}/groups", What::DelayAfter { ms: 20_000 }));
    let operator = rig.another("operator").must_owned(Mode::Apply, Scope::Users(vec!["user35@example.com".to_owned()]));
    let removal = async {
        sleep(2_000).await;
        rig.leave(0, [35]);
        sleep(6_000).await;
        rig.another("worker").on_user(&rig.world.okta_user(35), Some(&rig.world.okta_group(0)), Event::Removal).await
    };
    let (done, _): (Completed, Completed) = tokio::join!(operator, removal);
    assert!(rig.agrees(), "{:?}", done.report);
}

#[tokio::test(start_paused = true)]
async fn s46_a_user_who_joined_a_group_that_is_read_again_gains_it() {
    let rig = Rig::in_sync(40, 4, 8, "");
    rig.leave(0, [0]);
    rig.world.okta.inject(Fault::on("GET /api/v1/users/{id}/groups", What::DelayAfter { ms: 20_000 }));
    let operator = rig.another("operator").must_owned(Mode::Apply, Scope::Users(vec!["user0@example.com".to_owned()]));
    let comes_back = async {
        sleep(2_000).await;
        rig.join(0, [0]);
        sleep(6_000).await;
        rig.another("worker").on_user(&rig.world.okta_user(0), Some(&rig.world.okta_group(0)), Event::Grant).await
    };
    tokio::join!(operator, comes_back);
    assert!(rig.agrees() && order(&rig).is_empty(), "{:?}", order(&rig));
}

/// User 8 moves from group 1, which is read after that, to group 0, which was read before.
async fn move_in_between(rig: &Rig) {
    sleep(3_800).await;
    rig.join(0, [8]);
    rig.leave(1, [8]);
}

#[tokio::test(start_paused = true)]
async fn s33_who_moved_a_moment_ago_has_no_gap_although_oktas_filter_does_not_show_it_yet() {
    let rig = Rig::in_sync(40, 4, 8, "");
    rig.world.okta.configure(|settings| settings.staleness = Staleness { listed_ms: 500, ..Staleness::default() });
    slow_members(&rig, 1, What::Delay { ms: 4_000 });
    let full = rig.another("full");
    tokio::join!(full.apply(), move_in_between(&rig));
    assert!(rig.agrees());
    assert_eq!(order(&rig), ["CreateGroupMembership", "DeleteGroupMembership"]);
}

/// A full run takes user 11 out of group 0, and AWS lets it wait. Meanwhile another run reads that they are still in it, and Okta has
/// them back in it and out of group 1: what the other run would leave them with is being taken away.
#[tokio::test(start_paused = true)]
async fn s33_who_comes_back_while_their_removal_is_under_way_has_no_gap() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.join(0, [11]);
    rig.join(1, [11]);
    rig.apply().await;
    sleep(60_000).await;
    rig.leave(0, [11]);
    rig.world.aws.inject(Fault::on("DeleteGroupMembership", What::Delay { ms: 5_000 }).times(1));
    rig.clear_logs();
    let (slow, other) = (rig.another("slow"), rig.another("other"));
    let comes_back = async {
        sleep(2_500).await;
        rig.join(0, [11]);
        rig.leave(1, [11]);
    };
    let follows = async {
        sleep(2_000).await;
        other.apply().await
    };
    tokio::join!(slow.apply(), follows, comes_back);
    assert!(rig.agrees());
    assert_eq!(order(&rig), ["DeleteGroupMembership", "CreateGroupMembership", "DeleteGroupMembership"]);
}

/// A run for user 11 alone is overtaken by a full run, and they move on before it decides anew: the list of their groups that it has is
/// older than the groups that it reads again.
#[tokio::test(start_paused = true)]
async fn s33_who_moves_on_before_a_run_for_them_decides_anew_has_no_gap() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.join(1, [11]);
    rig.world.okta.inject(Fault::on("GET /api/v1/users/{id}/groups", What::DelayAfter { ms: 300 }).times(1));
    let (single, full) = (rig.another("single"), rig.another("full"));
    let users = Scope::Users(vec![rig.world.okta_user(11).to_string()]);
    let moves_on = async {
        sleep(700).await;
        rig.join(0, [11]);
        rig.leave(1, [11]);
    };
    let follows = async {
        sleep(100).await;
        full.apply().await
    };
    tokio::join!(single.must(Mode::Apply, users), follows, moves_on);
    assert!(rig.agrees());
    assert_eq!(order(&rig), ["CreateGroupMembership", "CreateGroupMembership", "DeleteGroupMembership"]);
}

#[tokio::test(start_paused = true)]
async fn s49_a_run_that_takes_nothing_from_movers_does_not_wait_for_oktas_filter() {
    let rig = Rig::in_sync(40, 4, 8, "");
    rig.join(0, [35]);
    rig.world.okta.suspend(&rig.world.okta_user(8));
    sleep(600_000).await;
    let began = tokio::time::Instant::now();
    rig.apply().await;
    assert!(rig.agrees() && began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_removal_of_a_group_that_another_process_made_lately_is_not_missed() {
    for on_deleted in ["empty", "delete"] {
        let rig = Rig::in_sync(12, 3, 4, &format!("on_deleted_in_okta = \"{on_deleted}\"\n"));
        let worker = rig.another("worker");
        worker.on_user(&rig.world.okta_user(0), None, Event::Grant).await;
        let made = rig.world.okta.add_group("AWS-new");
        rig.world.okta.add_member(&made, &rig.world.okta_user(0));
        rig.another("reconcile").apply().await;
        sleep(60_000).await;
        rig.world.okta.delete_group(&made);
        worker.on_group(&made, Event::Removal).await;
        assert!(rig.agrees(), "{on_deleted}");
    }
}
