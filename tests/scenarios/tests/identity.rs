//! S10 to S19: who is who, and what is what.

use engine::Scope;
use scenarios::{Event, Rig};
use serde_json::json;
use sim::okta::NewUser;
use sim::{OrganizationShape, Shape};
use sync_core::records::UserStatus;
use sync_core::report::{Mode, Report, Status};

fn kinds(report: &Report) -> Vec<&str> {
    report.unresolved.iter().map(|entry| entry.kind).collect()
}

fn actions(report: &Report) -> Vec<&str> {
    report.plan.iter().map(|entry| entry.action).collect()
}

#[tokio::test(start_paused = true)]
async fn s10_a_rename_keeps_the_group_id_and_writes_nothing_else() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.world.okta.rename_group(&rig.world.okta_group(0), "AWS-renamed");
    let report = rig.on_group(&rig.world.okta_group(0), Event::Grant).await.report;
    assert_eq!((actions(&report), report.status, rig.writes()), (vec!["rename_group"], Status::Applied, 1));
    assert_eq!(rig.world.aws.peek_group(&rig.world.group(0)).unwrap().display_name, "AWS-renamed");
    assert_eq!(rig.world.aws.member_ids(&rig.world.group(0)).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn names_that_groups_swapped_are_swapped() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.world.okta.rename_group(&rig.world.okta_group(0), "AWS-aside");
    rig.world.okta.rename_group(&rig.world.okta_group(1), "AWS-000");
    rig.world.okta.rename_group(&rig.world.okta_group(0), "AWS-001");
    let report = rig.apply().await.report;
    assert_eq!(report.status, Status::Applied, "{:?}", report.failures);
    let name = |number| rig.world.aws.peek_group(&rig.world.group(number)).unwrap().display_name;
    assert_eq!((name(0), name(1)), ("AWS-001".to_owned(), "AWS-000".to_owned()));
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn s11_a_changed_login_keeps_its_user_on_every_path() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let user = rig.world.okta_user(0);
    rig.world.okta.set_login(&user, "ada.married@example.com");
    rig.on_user(&user, None, Event::Grant).await;
    rig.on_user(&user, Some(&rig.world.okta_group(0)), Event::Removal).await;
    rig.on_group(&rig.world.okta_group(0), Event::Removal).await;
    rig.must(Mode::Apply, Scope::Groups(vec!["AWS-000".to_owned()])).await;
    rig.must(Mode::Apply, Scope::Users(vec!["ada.married@example.com".to_owned()])).await;
    assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Converged, 0));
}

#[tokio::test(start_paused = true)]
async fn s11_without_external_ids_the_pins_of_an_earlier_run_keep_the_user() {
    let rig = Rig::of(&Shape { external_ids: false, ..Shape::default() }, "");
    assert_eq!(rig.apply().await.report.status, Status::Converged);
    let user = rig.world.okta_user(0);
    rig.world.okta.set_login(&user, "ada.married@example.com");
    let fresh = rig.another("fresh");
    fresh.on_user(&user, Some(&rig.world.okta_group(0)), Event::Removal).await;
    fresh.on_group(&rig.world.okta_group(0), Event::Removal).await;
    assert_eq!((fresh.apply().await.report.status, rig.writes()), (Status::Converged, 0));
}

#[tokio::test(start_paused = true)]
async fn s12_a_recycled_login_is_a_conflict_and_gets_nothing() {
    for external_ids in [true, false] {
        let rig = Rig::of(&Shape { external_ids, ..Shape::default() }, "");
        rig.apply().await;
        rig.world.okta.delete_user(&rig.world.okta_user(0));
        let namesake = rig.world.okta.add_user("user0@example.com");
        rig.world.okta.add_member(&rig.world.okta_group(1), &namesake);
        let fresh = rig.another("fresh");
        let by_event = fresh.on_user(&namesake, Some(&rig.world.okta_group(1)), Event::Grant).await.report;
        assert_eq!((kinds(&by_event), rig.writes()), (vec!["identity_conflict"], 0), "externalIds: {external_ids}");
        let report = fresh.apply().await.report;
        assert_eq!((kinds(&report), actions(&report)), (vec!["identity_conflict"], vec!["remove_membership"]));
        assert!(rig.world.aws.all_memberships().iter().all(|membership| membership.user != rig.world.user(0)));
    }
}

#[tokio::test(start_paused = true)]
async fn s13_case_makes_no_other_user_and_twins_are_a_conflict_for_both() {
    let rig = Rig::of(&Shape { external_ids: false, ..Shape::default() }, "");
    rig.world.okta.set_login(&rig.world.okta_user(0), "User0@Example.COM");
    assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Converged, 0));
    let twins = Rig::of(&Shape { external_ids: false, ..Shape::default() }, "");
    let twin = twins.world.okta.add_user("USER0@example.com");
    twins.world.okta.add_member(&twins.world.okta_group(0), &twin);
    let report = twins.apply().await.report;
    assert_eq!((kinds(&report), twins.writes()), (vec!["identity_conflict", "identity_conflict"], 0));
}

#[tokio::test(start_paused = true)]
async fn s14_groups_of_one_name_are_quarantined_and_all_else_goes_on() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let twin = rig.world.okta.add_group("AWS-000");
    rig.world.okta.add_member(&twin, &rig.world.okta_user(5));
    rig.world.okta.remove_member(&rig.world.okta_group(0), &rig.world.okta_user(0));
    rig.world.okta.remove_member(&rig.world.okta_group(1), &rig.world.okta_user(4));
    let report = rig.apply().await.report;
    assert_eq!((kinds(&report), rig.writes()), (vec!["duplicate_group_name", "duplicate_group_name"], 1));
    let by_event = rig.on_group(&twin, Event::Grant).await.report;
    assert_eq!((kinds(&by_event), rig.writes()), (vec!["duplicate_group_name", "duplicate_group_name"], 1));
}

#[tokio::test(start_paused = true)]
async fn s15_a_member_who_is_not_provisioned_waits_and_the_others_are_applied() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let (joiner, known) = (rig.world.okta.add_user("joiner@example.com"), rig.world.okta_user(11));
    for user in [&joiner, &known] {
        rig.world.okta.add_member(&rig.world.okta_group(0), user);
    }
    let report = rig.apply().await.report;
    assert_eq!((report.status, kinds(&report), rig.writes()), (Status::Applied, vec!["user_not_provisioned"], 1));
    rig.world.aws.add_user("joiner@example.com", Some(joiner.as_str())).unwrap();
    let later = rig.on_user(&joiner, None, Event::Grant).await.report;
    assert_eq!((later.status, later.outcomes.changed), (Status::Applied, 1));
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s16_broken_records_are_quarantined_and_keep_what_they_have() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let (okta, group) = (&rig.world.okta, rig.world.okta_group(0));
    okta.break_user(&rig.world.okta_user(0), Some(json!({"id": rig.world.okta_user(0).as_str(), "status": "ACTIVE", "profile": null})));
    okta.break_user(&rig.world.okta_user(1), Some(json!({"id": rig.world.okta_user(1).as_str(), "status": "ACTIVE", "profile": {}})));
    okta.add_group(&format!("AWS-{}", "n".repeat(1100)));
    let emoji = okta.add_group("AWS-🚀");
    okta.add_member(&group, &rig.world.okta_user(9));
    okta.add_member(&emoji, &okta.add_user_with(NewUser::named("no.name@example.com").without("firstName").without("lastName")));
    let report = rig.apply().await.report;
    assert_eq!((actions(&report), report.outcomes.changed), (vec!["create_group", "add_membership"], 2));
    assert_eq!(kinds(&report).iter().filter(|kind| **kind == "bad_record").count(), 3, "{:?}", report.unresolved);
    assert_eq!(rig.world.aws.member_ids(&rig.world.group(0)).len(), 5);
}

#[tokio::test(start_paused = true)]
async fn s17_suspended_and_unsuspended_ends_as_okta_says_in_either_order() {
    for events in [[Event::Leaver, Event::Grant], [Event::Grant, Event::Leaver]] {
        let rig = Rig::in_sync(12, 3, 4, "");
        let user = rig.world.okta_user(0);
        rig.world.okta.suspend(&user);
        rig.on_user(&user, None, Event::Leaver).await;
        assert_eq!(rig.writes(), 1);
        rig.world.okta.set_status(&user, UserStatus::Active);
        for event in events {
            rig.on_user(&user, None, event).await;
        }
        assert!(rig.agrees());
        assert_eq!(rig.world.aws.all_users().len(), 12);
    }
}

#[tokio::test(start_paused = true)]
async fn s18_only_the_one_membership_goes() {
    let rig = Rig::in_sync(4, 3, 4, "");
    rig.world.okta.remove_member(&rig.world.okta_group(1), &rig.world.okta_user(0));
    rig.on_user(&rig.world.okta_user(0), Some(&rig.world.okta_group(1)), Event::Removal).await;
    assert!(rig.agrees() && rig.writes() == 1);
}

#[tokio::test(start_paused = true)]
async fn s19_a_group_made_again_is_adopted_where_the_policy_says_so_and_keeps_its_id() {
    let rig = Rig::in_sync(12, 4, 3, "adopt = \"by_name\"\n");
    rig.world.okta.delete_group(&rig.world.okta_group(0));
    let again = rig.world.okta.add_group("AWS-000");
    for user in 0..3 {
        rig.world.okta.add_member(&again, &rig.world.okta_user(user));
    }
    let report = rig.apply().await.report;
    assert_eq!((actions(&report), report.status, rig.writes()), (vec!["adopt_group"], Status::Applied, 1));
    assert_eq!(rig.world.aws.group_named("AWS-000").unwrap().id, rig.world.group(0));
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s19_a_group_made_again_takes_over_what_its_namesake_gives() {
    let rule = "[[assignment]]\ngroup = '^AWS-000$'\naccounts = ['000000000001']\npermission_sets = ['Admin']\n";
    let shape = Shape { organization: Some(OrganizationShape::default()), ..Shape::default() };
    let rig = Rig::of(&shape, &format!("adopt = \"by_name\"\n{rule}"));
    rig.apply().await;
    let (given, members) = (rig.world.aws.all_assignments(), rig.world.okta.member_ids(&rig.world.okta_group(0)));
    rig.world.okta.delete_group(&rig.world.okta_group(0));
    let again = rig.world.okta.add_group("AWS-000");
    assert!(members.iter().all(|member| rig.world.okta.add_member(&again, member)));
    rig.clear_logs();
    let report = rig.apply().await.report;
    assert_eq!((actions(&report), report.status, rig.writes()), (vec!["adopt_group"], Status::Applied, 1));
    assert_eq!((rig.world.aws.all_assignments(), given.len()), (given, 1));
}

#[tokio::test(start_paused = true)]
async fn s19_what_the_native_app_left_behind_is_adopted_by_external_id() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let group = rig.world.okta.add_group("AWS-pushed");
    let pushed = rig.world.aws.add_group("AWS-pushed", "").unwrap();
    rig.world.aws.set_group_external_ids(&pushed, &[sim::identity_center::ExternalId::scim(group.as_str())]);
    let report = rig.apply().await.report;
    assert_eq!((actions(&report), report.status), (vec!["adopt_group"], Status::Applied));
    assert_eq!(rig.world.aws.all_groups().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_gone_from_okta_is_emptied_and_its_id_stays() {
    let rig = Rig::in_sync(12, 4, 3, "");
    rig.world.okta.delete_group(&rig.world.okta_group(0));
    let report = rig.on_group(&rig.world.okta_group(0), Event::Removal).await.report;
    assert_eq!((report.status, rig.writes()), (Status::Applied, 3));
    assert!(rig.world.aws.member_ids(&rig.world.group(0)).is_empty());
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}
