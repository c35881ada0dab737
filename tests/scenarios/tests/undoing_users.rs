//! What an undo does to users: what can be taken back is, nobody is deleted, and what is not taken back is said.

use engine::Scope;
use scenarios::Rig;
use sim::Shape;
use sync_core::ids::UserId;
use sync_core::records::UserStatus;
use sync_core::report::{Mode, Report, Status};

const SCIM: &str = "[users]\nmode = \"managed\"\non_not_entitled = \"disable\"\n[writes]\ntransport = \"scim\"\n";
const STORE: &str = "[users]\nmode = \"managed\"\n";

fn actions(report: &Report) -> Vec<&str> {
    report.plan.iter().map(|entry| entry.action).collect()
}

/// A world of six users in two groups, in lockstep.
async fn loaded(policy: &str) -> Rig {
    let rig = Rig::of(&Shape { users: 6, groups: 2, members: 2, in_sync: false, ..Shape::default() }, policy);
    for user in rig.world.aws.all_users() {
        assert!(rig.world.aws.remove_user(&user.id));
    }
    let report = rig.apply().await.report;
    assert_eq!(report.status, Status::Applied, "{:?}", report.failures);
    rig.clear_logs();
    rig
}

fn named(rig: &Rig, name: &str) -> UserId {
    rig.world.aws.user_named(name).expect("a user of the world").id
}

fn is_enabled(rig: &Rig, user: &UserId) -> bool {
    rig.world.aws.peek_user(user).expect("nobody is deleted").enabled
}

/// Undoes a run while paused, and says what was done.
async fn undone(rig: &Rig, run: &Report) -> Report {
    rig.ledger().set_pause(true, rig.ledger_time()).await.expect("the table answers");
    let report = rig.must(Mode::Apply, Scope::Undo(run.run_id.clone())).await.report;
    rig.ledger().set_pause(false, rig.ledger_time()).await.expect("the table answers");
    report
}

#[tokio::test(start_paused = true)]
async fn whoever_a_run_made_is_disabled_and_comes_back_with_the_same_user_id() {
    let rig = loaded(SCIM).await;
    rig.join(0, [4]);
    let run = rig.apply().await.report;
    assert_eq!(actions(&run), ["create_user", "add_membership"], "{:?}", run.failures);
    let user = named(&rig, "user4@example.com");
    let back = undone(&rig, &run).await;
    assert_eq!((back.status, actions(&back)), (Status::Applied, vec!["remove_membership", "disable_user"]), "{back:?}");
    assert!(!is_enabled(&rig, &user) && rig.world.aws.all_users().len() == 5, "disabled, and not deleted");
    let again = rig.apply().await.report;
    assert_eq!(actions(&again), ["update_user", "add_membership"], "{:?}", again.failures);
    assert!(is_enabled(&rig, &user) && rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn whoever_was_given_more_since_they_were_made_stays_enabled() {
    let rig = loaded(SCIM).await;
    rig.join(0, [4]);
    let run = rig.apply().await.report;
    rig.join(1, [4]);
    rig.apply().await;
    let back = undone(&rig, &run).await;
    assert_eq!(actions(&back), ["remove_membership"], "{back:?}");
    assert!(back.notes.iter().any(|note| note.contains("create_user") && note.contains("1 groups")), "{:?}", back.notes);
    assert!(is_enabled(&rig, &named(&rig, "user4@example.com")));
}

#[tokio::test(start_paused = true)]
async fn over_the_identity_store_whoever_was_made_stays_and_the_report_says_so() {
    let rig = loaded(STORE).await;
    rig.join(0, [4]);
    let run = rig.apply().await.report;
    let back = undone(&rig, &run).await;
    assert_eq!((back.status, actions(&back)), (Status::Applied, vec!["remove_membership"]), "{back:?}");
    assert!(back.notes.iter().any(|note| note.contains("create_user") && note.contains("only SCIM disables")), "{:?}", back.notes);
    assert!(is_enabled(&rig, &named(&rig, "user4@example.com")));
}

#[tokio::test(start_paused = true)]
async fn whom_an_undo_disables_draws_on_the_budget_of_removed_users() {
    let rig = loaded(&format!("{SCIM}[guard]\nmax_user_removals = 1\nmax_percent = 0\n")).await;
    rig.join(0, [4, 5]);
    let run = rig.apply().await.report;
    let back = undone(&rig, &run).await;
    assert_eq!(back.status, Status::Held, "{back:?}");
    assert!(is_enabled(&rig, &named(&rig, "user4@example.com")) && is_enabled(&rig, &named(&rig, "user5@example.com")));
}

#[tokio::test(start_paused = true)]
async fn an_updated_user_is_as_before_where_the_update_is_still_in_effect() {
    for (policy, name_goes_back) in [(SCIM, true), (STORE, false)] {
        let rig = loaded(policy).await;
        let (okta, user) = (rig.world.okta_user(0), named(&rig, "user0@example.com"));
        let before = rig.world.aws.peek_user(&user).unwrap();
        rig.world.okta.set_profile(&okta, "displayName", "Someone Else");
        if name_goes_back {
            rig.world.okta.set_login(&okta, "else@example.com");
        }
        let run = rig.apply().await.report;
        assert_eq!(actions(&run), ["update_user"], "{:?}", run.failures);
        assert_ne!(rig.world.aws.peek_user(&user).unwrap(), before);
        let back = undone(&rig, &run).await;
        assert_eq!((back.status, actions(&back)), (Status::Applied, vec!["update_user"]), "{back:?}");
        let after = rig.world.aws.peek_user(&user).unwrap();
        assert_eq!((after.user_name, after.attributes), (before.user_name, before.attributes));
        assert_eq!(undone(&rig, &run).await.status, Status::Converged, "what is undone is not in effect any more");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attribute_that_was_changed_again_stays_as_it_is() {
    let rig = loaded(SCIM).await;
    let okta = rig.world.okta_user(0);
    let family = rig.world.aws.peek_user(&named(&rig, "user0@example.com")).unwrap().attributes["Name"]["FamilyName"].clone();
    rig.world.okta.set_profile(&okta, "displayName", "Second");
    rig.world.okta.set_profile(&okta, "lastName", "Second");
    let run = rig.apply().await.report;
    rig.world.okta.set_profile(&okta, "displayName", "Third");
    rig.apply().await;
    let back = undone(&rig, &run).await;
    assert!(back.notes.iter().any(|note| note.contains("is not undone in displayName")), "{:?}", back.notes);
    let user = rig.world.aws.peek_user(&named(&rig, "user0@example.com")).unwrap();
    assert_eq!(user.attributes["DisplayName"], "Third");
    assert_eq!(user.attributes["Name"]["FamilyName"], family);
}

#[tokio::test(start_paused = true)]
async fn whoever_a_run_let_in_again_is_disabled_again() {
    let rig = loaded(SCIM).await;
    let (okta, user) = (rig.world.okta_user(0), named(&rig, "user0@example.com"));
    rig.world.okta.suspend(&okta);
    rig.apply().await;
    rig.world.okta.set_status(&okta, UserStatus::Active);
    let run = rig.apply().await.report;
    assert!(is_enabled(&rig, &user));
    let back = undone(&rig, &run).await;
    assert_eq!(actions(&back), ["remove_membership", "disable_user"], "{back:?}");
    assert!(!is_enabled(&rig, &user));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_user_does_not_come_back_and_the_report_says_why() {
    let rig = loaded(&SCIM.replace("\"disable\"", "\"delete\"")).await;
    rig.world.okta.deactivate(&rig.world.okta_user(0));
    let run = rig.apply().await.report;
    assert_eq!(actions(&run), ["remove_membership", "delete_user"], "{:?}", run.failures);
    let users = rig.world.aws.all_users().len();
    let back = undone(&rig, &run).await;
    assert!(back.notes.iter().any(|note| note.contains("delete_user") && note.contains("never comes back")), "{:?}", back.notes);
    assert_eq!(rig.world.aws.all_users().len(), users);
}
