//! `groups.app_id`: only groups that are assigned to the app are managed, and its list is believed no more than any other.

use std::time::Duration;

use engine::{Scope, Since};
use scenarios::{Event, Rig};
use sim::{Fault, Shape, TokioClock, What, World};
use sync_core::report::{Mode, Report, Status};

const APP_GROUPS: &str = "GET /api/v1/apps/{id}/groups";

/// Four groups of four, in lockstep, all of them assigned to the app.
fn rig(policy: &str) -> (Rig, String) {
    let world = World::of(&Shape { users: 16, groups: 4, members: 4, ..Shape::default() }, TokioClock::start());
    let app = world.okta.add_app("amazon_aws_sso", "AWS IAM Identity Center");
    for number in 0..4 {
        world.okta.assign_group(&app, &world.okta_group(number));
    }
    let rig = Rig::on(world, &format!("app_id = \"{app}\"\n{policy}"));
    (rig, app)
}

/// The same after a full run, some time ago.
async fn settled(policy: &str) -> (Rig, String) {
    let (rig, app) = rig(policy);
    rig.apply().await;
    tokio::time::advance(Duration::from_secs(600)).await;
    rig.clear_logs();
    (rig, app)
}

fn held(report: &Report) -> Vec<&str> {
    report.held.iter().map(|entry| entry.rule).collect()
}

/// The groups that carry our mark.
fn marked(rig: &Rig) -> usize {
    rig.world.aws.all_groups().iter().filter(|group| group.description.as_ref().is_some_and(|text| text.contains("[okta:"))).count()
}

async fn incremental(rig: &Rig) -> Report {
    rig.another("incremental").must(Mode::Apply, Scope::ChangedSince(Since::Last)).await.report
}

#[tokio::test(start_paused = true)]
async fn groups_of_the_app_are_managed_and_others_are_not() {
    let (rig, app) = rig("");
    rig.join(0, [15]);
    let other = rig.world.okta.add_group("AWS-of-nobody");
    rig.world.okta.add_member(&other, &rig.world.okta_user(0));
    let report = rig.apply().await.report;
    assert_eq!((report.status, rig.writes()), (Status::Applied, 1), "{report:?}");
    rig.world.okta.assign_group(&app, &other);
    rig.apply().await;
    assert!(rig.agrees() && rig.world.aws.group_named("AWS-of-nobody").is_some());
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn s01_an_empty_list_of_the_apps_groups_holds_everything_in_every_scope() {
    for on_unmatched in ["release", "empty", "delete"] {
        let (rig, _) = settled(&format!("on_unmatched = \"{on_unmatched}\"\n")).await;
        rig.world.okta.inject(Fault::on(APP_GROUPS, What::Empty).always());
        let report = rig.another("full").apply().await.report;
        assert_eq!((report.status, held(&report), rig.writes()), (Status::Held, vec!["source_empty"], 0), "{report:?}");
        rig.leave(0, [0]);
        rig.join(1, [0]);
        incremental(&rig).await;
        rig.another("named").must(Mode::Apply, Scope::Groups(vec!["AWS-000".to_owned()])).await;
        rig.another("user").must(Mode::Apply, Scope::Users(vec!["user1@example.com".to_owned()])).await;
        rig.another("group event").on_group(&rig.world.okta_group(0), Event::Removal).await;
        let by_event = rig.another("user event").on_user(&rig.world.okta_user(1), Some(&rig.world.okta_group(0)), Event::Removal).await;
        assert_eq!((marked(&rig), rig.writes()), (4, 0), "{on_unmatched}");
        assert_eq!(by_event.report.unresolved[0].kind, "unreadable", "so that the message comes again");
        rig.world.okta.clear_faults();
        rig.another("healthy").apply().await;
        assert!(rig.agrees() && marked(&rig) == 4);
    }
}

#[tokio::test(start_paused = true)]
async fn s02_a_list_that_leaves_groups_of_the_app_out_once_releases_nothing() {
    for on_unmatched in ["release", "empty", "delete"] {
        for what in [What::Empty, What::Shortened { keep: 1 }] {
            let policy = format!("on_unmatched = \"{on_unmatched}\"\n");
            let weak = || Fault::on(APP_GROUPS, what.clone());
            let (rig, _) = settled(&policy).await;
            rig.join(2, [15]);
            rig.join(3, [11]);
            for scope in [Scope::ChangedSince(Since::Last), Scope::Groups(vec!["AWS-002".to_owned()]), Scope::All] {
                rig.world.okta.inject(weak());
                rig.another("run").must(Mode::Apply, scope).await;
            }
            rig.world.okta.clear_faults();
            rig.world.okta.inject(weak());
            rig.another("group event").on_group(&rig.world.okta_group(2), Event::Removal).await;
            rig.world.okta.clear_faults();
            rig.world.okta.inject(weak());
            rig.another("user event").on_user(&rig.world.okta_user(12), Some(&rig.world.okta_group(3)), Event::Removal).await;
            assert!(marked(&rig) == 4 && rig.agrees(), "{on_unmatched} {what:?}");
            assert!(rig.world.aws.writes().iter().all(|call| call.operation == "CreateGroupMembership"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s02_a_list_that_goes_on_leaving_groups_of_the_app_out_is_held() {
    let (rig, _) = settled("").await;
    rig.world.okta.inject(Fault::on(APP_GROUPS, What::Shortened { keep: 1 }).always());
    rig.join(0, [15]);
    let report = rig.another("full").apply().await.report;
    assert_eq!((report.status, held(&report), marked(&rig)), (Status::Held, vec!["max_group_deletions"], 4), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_really_taken_from_the_app_is_let_go_as_the_policy_says() {
    for (on_unmatched, marks, members) in [("release", 3, 4), ("empty", 4, 0)] {
        let (rig, app) = settled(&format!("on_unmatched = \"{on_unmatched}\"\n")).await;
        rig.world.okta.unassign_group(&app, &rig.world.okta_group(3));
        rig.another("full").apply().await;
        assert_eq!((marked(&rig), rig.world.aws.member_ids(&rig.world.group(3)).len()), (marks, members), "{on_unmatched}");
    }
    let (rig, app) = settled("").await;
    rig.world.okta.unassign_group(&app, &rig.world.okta_group(3));
    rig.join(3, [0]);
    incremental(&rig).await;
    assert_eq!(marked(&rig), 3, "an incremental run lets it go as well");
}
