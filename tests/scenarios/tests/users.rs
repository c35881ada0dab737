//! Managed users, over SCIM and over the Identity Store API.

use std::time::Duration;

use engine::Scope;
use scenarios::{Event, Rig};
use sim::okta::NewUser;
use sim::{Fault, Shape, What};
use sync_core::ids::UserId;
use sync_core::records::UserStatus;
use sync_core::report::{Mode, Report, Status};

const SCIM: &str = "[users]\nmode = \"managed\"\non_not_entitled = \"disable\"\n[writes]\ntransport = \"scim\"\n";
const STORE: &str = "[users]\nmode = \"managed\"\n";

fn kinds(report: &Report) -> Vec<&str> {
    report.unresolved.iter().map(|entry| entry.kind).collect()
}

fn actions(report: &Report) -> Vec<&str> {
    report.plan.iter().map(|entry| entry.action).collect()
}

/// A world that Identity Center knows nothing of.
fn unprovisioned(users: usize, groups: usize, members: usize, policy: &str) -> Rig {
    let rig = Rig::of(&Shape { users, groups, members, in_sync: false, ..Shape::default() }, policy);
    for user in rig.world.aws.all_users() {
        assert!(rig.world.aws.remove_user(&user.id));
    }
    rig
}

/// A world that a first load has brought into lockstep.
async fn loaded(users: usize, groups: usize, members: usize, policy: &str) -> Rig {
    let rig = unprovisioned(users, groups, members, policy);
    let report = rig.apply().await.report;
    assert_eq!(report.status, Status::Applied, "{:?}", report.failures);
    rig.clear_logs();
    rig
}

fn id_of(rig: &Rig, number: usize) -> UserId {
    rig.world.aws.user_named(&format!("user{number}@example.com")).expect("a user of the world").id
}

fn is_enabled(rig: &Rig, user: &UserId) -> bool {
    rig.world.aws.peek_user(user).expect("a user of the world").enabled
}

#[tokio::test(start_paused = true)]
async fn a_first_load_of_nine_thousand_memberships_takes_a_call_for_a_hundred() {
    let (users, groups, memberships) = (2000, 300, 9000);
    let rig = unprovisioned(users, groups, memberships / groups, SCIM);
    let report = rig.apply().await.report;
    assert_eq!(report.status, Status::Applied, "{:?}", report.failures);
    assert!(rig.agrees());
    let writes = rig.world.aws.write_attempts().len();
    assert!(writes <= users + 2 * groups + memberships.div_ceil(100), "{writes} writes");
    let calls = &report.calls;
    assert_eq!(calls.scim + calls.identity_store, rig.world.aws.log().len() as u64);
    let lists = rig.world.aws.log().len() - writes;
    assert!(lists <= 2 + groups, "{lists} reads");
    assert!(rig.world.aws.all_groups().iter().all(|group| group.external_ids.len() == 1), "each group got its externalId on the way");
    rig.clear_logs();
    assert_eq!((rig.apply().await.report.status, rig.world.aws.write_attempts().len()), (Status::Converged, 0));
}

#[tokio::test(start_paused = true)]
async fn over_the_identity_store_users_are_made_and_pinned_and_a_second_run_finds_nothing_to_do() {
    let rig = unprovisioned(12, 3, 4, STORE);
    assert_eq!(rig.apply().await.report.status, Status::Applied);
    assert!(rig.agrees());
    assert_eq!(rig.ledger().pins(rig.ledger_time()).await.unwrap().len(), 12);
    rig.world.okta.set_login(&rig.world.okta_user(0), "ada.married@example.com");
    rig.clear_logs();
    let before = id_of(&rig, 0);
    let report = rig.apply().await.report;
    assert_eq!(actions(&report), ["update_user"], "s11: their pin knows them");
    assert_eq!(report.plan[0].reason, "differs from Okta in email", "no API but SCIM changes a userName");
    assert_eq!(id_of(&rig, 0), before);
    rig.world.okta.set_profile(&rig.world.okta_user(1), "lastName", "Lovelace");
    assert_eq!(actions(&rig.apply().await.report), ["update_user"]);
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn a_joiner_is_made_at_once_with_two_calls_to_okta_and_a_handful_to_aws() {
    let rig = loaded(12, 3, 4, SCIM).await;
    rig.on_user(&rig.world.okta_user(0), None, Event::Grant).await;
    let joiner = rig.world.okta.add_user_with(NewUser::named("new@example.com").with("displayName", "New Comer"));
    rig.world.okta.add_member(&rig.world.okta_group(0), &joiner);
    rig.clear_logs();
    let report = rig.on_user(&joiner, Some(&rig.world.okta_group(0)), Event::Grant).await.report;
    assert_eq!((actions(&report), report.status), (vec!["create_user", "add_membership"], Status::Applied), "{:?}", report.failures);
    assert!(rig.agrees());
    // The user's groups and record; who has this userName, who has this externalId, the user, the membership.
    assert_eq!((report.calls.okta, report.calls.identity_store, report.calls.scim), (2, 1, 3), "{:?}", rig.world.aws.log());
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn s17_suspended_and_unsuspended_is_the_same_user_again() {
    let rig = loaded(12, 3, 4, SCIM).await;
    let (okta, user) = (rig.world.okta_user(0), id_of(&rig, 0));
    rig.world.okta.suspend(&okta);
    let report = rig.on_user(&okta, None, Event::Leaver).await.report;
    assert_eq!(actions(&report), ["remove_membership", "disable_user"], "{:?}", report.failures);
    assert!(!is_enabled(&rig, &user) && rig.agrees());
    assert_eq!(rig.apply().await.report.status, Status::Converged);
    rig.world.okta.set_status(&okta, UserStatus::Active);
    let report = rig.another("worker").on_user(&okta, None, Event::Grant).await.report;
    assert_eq!(actions(&report), ["update_user", "add_membership"], "{:?}", report.failures);
    assert!(is_enabled(&rig, &user) && rig.agrees());
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn s11_a_changed_login_is_an_update_of_the_same_user() {
    let rig = loaded(12, 3, 4, SCIM).await;
    let (okta, user) = (rig.world.okta_user(0), id_of(&rig, 0));
    rig.world.okta.set_login(&okta, "ada.married@example.com");
    let report = rig.on_user(&okta, None, Event::Grant).await.report;
    assert_eq!(actions(&report), ["update_user"], "{:?}", report.failures);
    assert_eq!(rig.world.aws.user_named("ada.married@example.com").unwrap().id, user);
    assert_eq!(rig.writes(), 1);
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn s12_a_recycled_login_is_nobodys_user() {
    let rig = loaded(12, 3, 4, SCIM).await;
    let old = id_of(&rig, 0);
    rig.world.okta.set_login(&rig.world.okta_user(0), "left@example.com");
    rig.world.okta.delete_user(&rig.world.okta_user(0));
    let new = rig.world.okta.add_user("user0@example.com");
    rig.world.okta.add_member(&rig.world.okta_group(1), &new);
    let report = rig.apply().await.report;
    assert!(kinds(&report).contains(&"identity_conflict"), "{:?}", report.unresolved);
    assert!(!actions(&report).contains(&"create_user") && !actions(&report).contains(&"update_user"));
    assert!(!rig.world.aws.member_ids(&rig.world.aws.group_named("AWS-001").unwrap().id).contains(&old));
}

#[tokio::test(start_paused = true)]
async fn s16_a_record_that_no_fallback_mends_is_set_aside_and_the_others_are_made() {
    let rig = unprovisioned(12, 3, 4, SCIM);
    rig.world.okta.set_profile(&rig.world.okta_user(0), "firstName", "x".repeat(1025));
    rig.world.okta.set_profile(&rig.world.okta_user(1), "firstName", serde_json::Value::Null);
    rig.world.okta.set_profile(&rig.world.okta_user(2), "lastName", "👩\u{200d}💻");
    let report = rig.apply().await.report;
    assert_eq!((kinds(&report), report.status), (vec!["bad_record"], Status::Applied), "{:?}", report.failures);
    assert_eq!((rig.world.aws.all_users().len(), rig.world.aws.all_memberships().len()), (11, 11));
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn a_member_who_cannot_be_added_is_reported_alone() {
    let rig = loaded(40, 1, 2, SCIM).await;
    rig.join(0, 2..40);
    rig.apply().await;
    rig.leave(0, 2..40);
    let rig = rig.with_policy(&format!("{SCIM}[guard]\nmax_membership_removals = 100\nmax_percent_of_group = 100\n"));
    rig.apply().await;
    rig.join(0, 2..40);
    let bad = id_of(&rig, 17);
    rig.world.aws.inject(Fault {
        on: "ScimPatchGroup".to_owned(),
        containing: Some(bad.to_string()),
        skip: 0,
        times: None,
        what: What::Exception { name: "ValidationException".to_owned(), reason: None },
        after_effect: false,
    });
    rig.clear_logs();
    let report = rig.apply().await.report;
    assert_eq!((report.outcomes.changed, report.outcomes.failed, report.status), (37, 1, Status::Partial), "{:?}", report.failures);
    assert!(report.failures[0].action.contains("user17@example.com"), "{:?}", report.failures);
    assert!(rig.world.aws.write_attempts().len() <= 12, "halved until one is left");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_disabled_before_their_grace_is_over_and_whoever_comes_back_begins_anew() {
    let rig =
        loaded(12, 3, 4, "[users]\nmode = \"managed\"\non_not_entitled = \"disable\"\ngrace_hours = 2\n[writes]\ntransport = \"scim\"\n")
            .await;
    let (okta, user) = (rig.world.okta_user(0), id_of(&rig, 0));
    rig.world.okta.suspend(&okta);
    assert_eq!(actions(&rig.apply().await.report), ["remove_membership"]);
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(rig.apply().await.report.status, Status::Converged);
    rig.world.okta.set_status(&okta, UserStatus::Active);
    assert_eq!(actions(&rig.apply().await.report), ["add_membership"]);
    rig.world.okta.suspend(&okta);
    rig.apply().await;
    tokio::time::advance(Duration::from_secs(5400)).await;
    assert_eq!(rig.apply().await.report.status, Status::Converged, "an hour and a half since the second suspension");
    tokio::time::advance(Duration::from_secs(3600)).await;
    assert_eq!(actions(&rig.apply().await.report), ["disable_user"]);
    assert!(!is_enabled(&rig, &user));
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

const DELETE: &str = "[users]\nmode = \"managed\"\non_not_entitled = \"delete\"\n[writes]\ntransport = \"scim\"\n";

#[tokio::test(start_paused = true)]
async fn s17_only_who_was_deactivated_or_is_gone_is_deleted() {
    let rig = loaded(12, 3, 4, DELETE).await;
    let (suspended, left) = (id_of(&rig, 0), id_of(&rig, 1));
    rig.world.okta.suspend(&rig.world.okta_user(0));
    rig.world.okta.deactivate(&rig.world.okta_user(1));
    let report = rig.apply().await.report;
    assert_eq!(actions(&report), ["remove_membership", "remove_membership", "disable_user", "delete_user"], "{:?}", report.failures);
    assert!(rig.world.aws.peek_user(&left).is_none() && !is_enabled(&rig, &suspended));
    rig.world.okta.delete_user(&rig.world.okta_user(2));
    rig.on_user(&rig.world.okta_user(2), None, Event::Leaver).await;
    assert_eq!(rig.world.aws.all_users().len(), 10);
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn s17_who_was_deleted_in_okta_without_an_event_is_deleted_by_the_next_full_run() {
    let rig = loaded(12, 3, 4, DELETE).await;
    // The run after the one that made them reads them, and remembers that Okta had them.
    rig.apply().await;
    let (left, stranger) = (id_of(&rig, 0), rig.world.aws.add_user("other@example.com", Some("00uofAnotherOrg00000")).unwrap());
    rig.world.aws.add_member(&rig.world.aws.group_named("AWS-000").unwrap().id, &stranger);
    rig.world.okta.delete_user(&rig.world.okta_user(0));
    let report = rig.apply().await.report;
    assert_eq!(actions(&report), ["remove_membership", "delete_user", "remove_membership"], "{:?}", report.failures);
    assert!(rig.world.aws.peek_user(&left).is_none());
    assert!(is_enabled(&rig, &stranger), "whoever Okta never listed may be another org's");
    assert_eq!(rig.apply().await.report.status, Status::Converged);
}

#[tokio::test(start_paused = true)]
async fn users_removed_draw_on_a_budget_of_their_own_and_are_remembered_until_it_is_done() {
    let rig = loaded(12, 3, 4, &format!("{DELETE}[guard]\nmax_user_removals = 1\n")).await;
    rig.world.okta.deactivate(&rig.world.okta_user(0));
    rig.world.okta.deactivate(&rig.world.okta_user(1));
    let report = rig.apply().await.report;
    assert_eq!((report.held[0].rule, report.held[0].actual, report.outcomes.changed), ("max_user_removals", 2, 2));
    rig.world.okta.delete_user(&rig.world.okta_user(0));
    rig.world.okta.delete_user(&rig.world.okta_user(1));
    let report = rig.apply().await.report;
    assert_eq!((actions(&report), report.held[0].rule), (vec!["delete_user", "delete_user"], "max_user_removals"));
    let rig = rig.with_policy(DELETE);
    rig.apply().await;
    assert_eq!(rig.world.aws.all_users().len(), 10);
    rig.apply().await;
    assert!(rig.ledger().departing(rig.ledger_time()).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn users_outside_managed_groups_and_users_of_someone_else_are_never_touched() {
    let rig = loaded(12, 3, 4, DELETE).await;
    let outsider = rig.world.okta.add_user("outside@example.com");
    let known = rig.world.aws.add_user("outside@example.com", Some(outsider.as_str())).unwrap();
    let stranger = rig.world.aws.add_user("break.glass@example.com", Some("00uofAnotherOrg00000")).unwrap();
    rig.world.okta.deactivate(&outsider);
    rig.on_user(&outsider, None, Event::Leaver).await;
    assert_eq!(rig.apply().await.report.status, Status::Converged);
    assert!(is_enabled(&rig, &known) && is_enabled(&rig, &stranger));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_of_a_first_load_writes_nothing_and_says_all_of_it() {
    let rig = unprovisioned(12, 3, 4, SCIM);
    let dry = rig.dry().await.report;
    assert_eq!((dry.status, rig.world.aws.write_attempts().len()), (Status::Planned, 0));
    let applied = rig.apply().await.report;
    assert_eq!((dry.plan, dry.plan_hash), (applied.plan, applied.plan_hash));
}

#[tokio::test(start_paused = true)]
async fn a_run_for_one_user_makes_that_one_only() {
    let rig = unprovisioned(12, 3, 4, SCIM);
    let report = rig.must(Mode::Apply, Scope::Users(vec!["user0@example.com".to_owned()])).await.report;
    assert_eq!(actions(&report), ["create_user", "create_group", "add_membership"], "{:?}", report.failures);
    assert_eq!(rig.world.aws.all_users().len(), 1);
}
