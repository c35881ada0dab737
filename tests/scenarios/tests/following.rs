//! Who gains, and from whom nothing is taken first: runs that follow their losers, give back what a lost event would have given, and keep
//! the lease as long as a write takes.

use std::time::Duration;

use engine::{Scope, Since};
use scenarios::{Event, Rig};
use sim::{Fault, What};
use sync_core::report::{Mode, Status};

async fn later(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

fn members(rig: &Rig, group: usize) -> usize {
    rig.world.aws.member_ids(&rig.world.group(group)).len()
}

/// Every membership write, in order.
fn membership_writes(rig: &Rig) -> Vec<String> {
    let writes = rig.world.aws.writes().into_iter().map(|call| call.operation);
    writes.filter(|operation| operation.ends_with("GroupMembership")).collect()
}

#[tokio::test(start_paused = true)]
async fn s51_whoever_moved_out_of_the_group_that_an_operator_names_gains_first() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.apply().await;
    later(600).await;
    rig.join(1, [0]);
    rig.join(2, [11]);
    rig.leave(0, [0, 1]);
    rig.clear_logs();
    let named = Scope::Groups(vec!["AWS-000".to_owned()]);
    let dry = rig.another("dry").must(Mode::DryRun, named.clone()).await.report;
    let report = rig.another("operator").must(Mode::Apply, named).await.report;
    assert_eq!(report.plan, dry.plan);
    assert_eq!(membership_writes(&rig), ["DeleteGroupMembership", "CreateGroupMembership", "DeleteGroupMembership"], "{report:?}");
    assert_eq!((members(&rig, 0), members(&rig, 1), members(&rig, 2)), (2, 5, 4), "what else is open in other groups is not looked at");
}

#[tokio::test(start_paused = true)]
async fn s51_whoever_moved_to_a_group_that_is_not_there_yet_gains_it_first_as_well() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.apply().await;
    later(600).await;
    let made = rig.world.okta.add_group("AWS-new");
    rig.world.okta.add_member(&made, &rig.world.okta_user(0));
    rig.leave(0, [0]);
    rig.clear_logs();
    let report = rig.another("operator").must(Mode::Apply, Scope::Groups(vec!["AWS-000".to_owned()])).await.report;
    let writes: Vec<String> = rig.world.aws.writes().into_iter().map(|call| call.operation).collect();
    assert_eq!(writes, ["CreateGroup", "CreateGroupMembership", "DeleteGroupMembership"], "{report:?}");
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s27_a_grant_that_takes_longer_than_the_lease_does_not_come_after_what_another_run_took() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.apply().await;
    later(600).await;
    rig.join(0, [11]);
    rig.world.aws.inject(Fault::on("CreateGroupMembership", What::Delay { ms: 40_000 }));
    let leaves = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        rig.world.okta.suspend(&rig.world.okta_user(11));
        rig.another("worker").on_user(&rig.world.okta_user(11), None, Event::Leaver).await
    };
    let full = rig.another("full");
    let (_, worker) = tokio::join!(full.apply(), leaves);
    assert!(rig.agrees(), "whoever left has nothing: {:?}", worker.report);
    assert_eq!(worker.report.outcomes.changed, 2, "the worker waited for the grant, and took it away with the other");
}

#[tokio::test(start_paused = true)]
async fn s22_an_incremental_run_gives_back_what_a_lost_event_would_have_given() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.apply().await;
    later(600).await;
    rig.world.okta.suspend(&rig.world.okta_user(0));
    rig.must(Mode::Apply, Scope::ChangedSince(Since::Last)).await;
    assert_eq!(members(&rig, 0), 3);
    later(600).await;
    rig.world.okta.reactivate(&rig.world.okta_user(0));
    rig.world.okta.set_login(&rig.world.okta_user(5), "renamed@example.com");
    rig.clear_logs();
    let report = rig.another("incremental").must(Mode::Apply, Scope::ChangedSince(Since::Last)).await.report;
    assert_eq!((report.status, report.outcomes.changed), (Status::Applied, 1), "{report:?}");
    let looked_at =
        |user: usize| rig.world.okta.log().iter().any(|call| call.target.contains(&format!("{}/groups", rig.world.okta_user(user))));
    assert!(rig.agrees() && looked_at(0) && !looked_at(5), "whose status is as it was is not looked at");
    assert_eq!(rig.must(Mode::Apply, Scope::ChangedSince(Since::Last)).await.report.status, Status::Converged);
}
