//! What other tools leave behind, and what Lockstep makes of it: nothing is made anew, and nothing is written without need.

use scenarios::Rig;
use sim::Shape;
use sim::identity_center::ExternalId;
use sync_core::report::{Report, Status};

const SCIM: &str = "[users]\nmode = \"managed\"\non_not_entitled = \"disable\"\n[writes]\ntransport = \"scim\"\n";
const SHADOW: &str = "[users]\nmode = \"managed\"\non_not_entitled = \"disable\"\n[writes]\nmode = \"shadow\"\ntransport = \"scim\"\n";

fn actions(report: &Report) -> Vec<&str> {
    let mut actions: Vec<&str> = report.plan.iter().map(|entry| entry.action).collect();
    actions.dedup();
    actions
}

/// Twelve users and three groups of four that another tool made: no marks, and these externalIds.
fn left_behind(policy: &str, of_user: impl Fn(&str) -> Option<String>, of_group: impl Fn(&str) -> Option<String>) -> Rig {
    let rig = Rig::of(&Shape::default(), policy);
    let world = &rig.world;
    let scim = |id: Option<String>| -> Vec<ExternalId> { id.iter().map(|id| ExternalId::scim(id)).collect() };
    for (number, (okta, user)) in world.users.iter().enumerate() {
        world.okta.set_profile(okta, "displayName", format!("user{number}"));
        world.aws.set_user_external_ids(user, &scim(of_user(okta.as_str())));
    }
    for (okta, group) in &world.groups {
        let group = group.as_ref().expect("every group is there already");
        world.aws.describe_group(group, "");
        world.aws.set_group_external_ids(group, &scim(of_group(okta.as_str())));
    }
    rig.clear_logs();
    rig
}

/// Every id and every membership, which must be the same afterwards.
fn ids(rig: &Rig) -> (Vec<String>, Vec<String>, Vec<String>) {
    let aws = &rig.world.aws;
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    let users = aws.all_users().iter().map(|user| user.id.to_string()).collect();
    let groups = aws.all_groups().iter().map(|group| group.id.to_string()).collect();
    let memberships = aws.all_memberships().iter().map(|membership| membership.id.to_string()).collect();
    (sorted(users), sorted(groups), sorted(memberships))
}

#[tokio::test(start_paused = true)]
async fn from_oktas_scim_app_it_runs_beside_it_in_shadow_and_then_writes_one_mark_a_group() {
    let shadow = left_behind(SHADOW, |id| Some(id.to_owned()), |id| Some(id.to_owned()));
    let before = ids(&shadow);
    let report = shadow.apply().await.report;
    assert_eq!((report.status, actions(&report)), (Status::Planned, vec!["adopt_group"]), "{:?}", report.plan);
    assert_eq!(shadow.world.aws.write_attempts().len(), 0);
    let rig = shadow.with_policy(SCIM);
    assert_eq!(rig.apply().await.report.status, Status::Applied);
    assert_eq!((rig.writes(), ids(&rig)), (3, before), "one mark a group, and no user or membership is touched");
    rig.clear_logs();
    assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Converged, 0));
}

#[tokio::test(start_paused = true)]
async fn from_ssosync_groups_are_adopted_by_name_and_users_get_their_external_id_once() {
    let policy = format!("adopt = \"by_name\"\n{SCIM}");
    let rig = left_behind(&policy, |_| None, |_| None);
    let before = ids(&rig);
    let report = rig.apply().await.report;
    assert_eq!((report.status, actions(&report)), (Status::Applied, vec!["update_user", "adopt_group"]), "{:?}", report.failures);
    assert!(report.plan.iter().filter(|entry| entry.user.is_some()).all(|entry| entry.reason == "differs from Okta in externalId"));
    assert_eq!((rig.writes(), ids(&rig)), (12 + 3, before));
    rig.clear_logs();
    assert_eq!((rig.apply().await.report.status, rig.writes()), (Status::Converged, 0));
}

#[tokio::test(start_paused = true)]
async fn from_ssosync_over_the_identity_store_no_user_is_written_to_and_s47_a_lost_ledger_changes_nothing() {
    let rig = left_behind("adopt = \"by_name\"\n[users]\nmode = \"managed\"\n", |_| None, |_| None);
    let before = ids(&rig);
    let report = rig.apply().await.report;
    assert_eq!((report.status, actions(&report), rig.writes()), (Status::Applied, vec!["adopt_group"], 3), "{:?}", report.failures);
    rig.world.table.wipe();
    rig.clear_logs();
    assert_eq!((rig.another("later").apply().await.report.status, rig.writes()), (Status::Converged, 0));
    assert_eq!(ids(&rig), before);
}

#[tokio::test(start_paused = true)]
async fn from_idp_scim_sync_ids_of_another_directory_are_someone_elses_until_they_are_taken_away() {
    let policy = format!("adopt = \"by_name\"\n{SCIM}");
    let rig = left_behind(&policy, |id| Some(format!("1{}", id.len())), |id| Some(format!("g{}", id.len())));
    let before = ids(&rig);
    let report = rig.apply().await.report;
    assert_eq!((actions(&report), rig.world.aws.write_attempts().len()), (Vec::<&str>::new(), 0));
    assert!(report.unresolved.iter().all(|entry| entry.kind == "not_ours") && report.unresolved.len() == 3, "{:?}", report.unresolved);
    // What the guide says: the externalIds of the other directory are removed.
    assert!(rig.world.aws.all_users().iter().all(|user| rig.world.aws.set_user_external_ids(&user.id, &[])));
    assert!(rig.world.aws.all_groups().iter().all(|group| rig.world.aws.set_group_external_ids(&group.id, &[])));
    let report = rig.apply().await.report;
    assert_eq!((report.status, actions(&report)), (Status::Applied, vec!["update_user", "adopt_group"]), "{:?}", report.failures);
    assert_eq!((rig.writes(), ids(&rig)), (12 + 3, before));
}

#[tokio::test(start_paused = true)]
async fn s19_a_group_made_anew_in_okta_takes_over_its_namesake_over_scim_as_well() {
    let rig = left_behind(&format!("adopt = \"by_name\"\n{SCIM}"), |id| Some(id.to_owned()), |id| Some(id.to_owned()));
    rig.apply().await;
    let before = ids(&rig);
    let old = rig.world.okta_group(0);
    let members = rig.world.okta.member_ids(&old);
    rig.world.okta.delete_group(&old);
    let new = rig.world.okta.add_group("AWS-000");
    assert!(members.iter().all(|member| rig.world.okta.add_member(&new, member)));
    rig.clear_logs();
    let report = rig.apply().await.report;
    assert_eq!((actions(&report), rig.writes()), (vec!["adopt_group"], 1), "{:?}", report.unresolved);
    assert_eq!(ids(&rig), before);
}
