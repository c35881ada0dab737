//! The engine's ports on the simulators: what they give, what faults make of it, and what they cost.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what fails here fails a test")]

use std::time::Duration;

use engine::ports::{Clock, Effect, Expect, GroupChange, ReadSource, ReadTarget, Row, Table, TableError, WriteTarget};
use sim::okta::{HiddenAs, Limits, NewUser, Staleness};
use sim::{Fault, KillSwitch, ManualClock, MemoryTable, Shape, What, World};
use sync_core::error::{SourceErrorKind, TargetErrorKind};
use sync_core::records::UserStatus;

fn member_count(world: &World) -> usize {
    world.actual().len()
}

#[tokio::test]
async fn a_world_in_lockstep_is_in_lockstep() {
    let world = World::disjoint(12, 3, 4);
    assert_eq!(world.wanted("AWS-"), world.actual());
    assert_eq!(member_count(&world), 12);
    assert!(world.okta.events().is_empty() && world.okta.log().is_empty() && world.aws.log().is_empty());
}

#[tokio::test]
async fn the_large_world_costs_a_call_a_page() {
    let world = World::large();
    assert_eq!(world.wanted("AWS-").len(), 9000);
    assert_eq!(world.aws.list_users().await.unwrap().items.len(), 2000);
    assert_eq!(world.aws.list_groups().await.unwrap().items.len(), 300);
    assert_eq!(world.aws.calls().identity_store, 20 + 3);
    assert_eq!(world.okta.list_groups(None).await.unwrap().items.len(), 301, "Everyone is a group as well");
    assert_eq!(world.okta.calls(), 2);
    let everyone = world.okta.members(&world.okta.everyone()).await.unwrap().unwrap();
    assert_eq!((everyone.items.len(), world.okta.calls()), (2000, 2 + 10));
}

#[tokio::test]
async fn a_suspended_or_deactivated_user_stays_a_member_and_a_deleted_one_vanishes() {
    let world = World::disjoint(4, 1, 4);
    let group = world.okta_group(0);
    world.okta.suspend(&world.okta_user(0));
    world.okta.deactivate(&world.okta_user(1));
    world.okta.delete_user(&world.okta_user(2));
    let members = world.okta.members(&group).await.unwrap().unwrap().items;
    let mut statuses: Vec<UserStatus> = members.into_iter().map(|user| user.status).collect();
    statuses.sort();
    assert_eq!(statuses, [UserStatus::Active, UserStatus::Suspended, UserStatus::Deprovisioned]);
    assert_eq!(world.okta.user(world.okta_user(2).as_str()).await.unwrap(), None);
    assert_eq!(world.okta.groups_of_user(&world.okta_user(2)).await.unwrap(), None);
}

#[tokio::test]
async fn changes_move_the_timestamps_that_okta_moves() {
    let clock = ManualClock::default();
    let world = World::of(&Shape::default(), clock.clone());
    let since = clock.now();
    clock.advance(Duration::from_secs(2));
    world.okta.add_member(&world.okta_group(0), &world.okta_user(11));
    world.okta.rename_group(&world.okta_group(1), "AWS-renamed");
    let everyone_counts = |name: &str| name != "Everyone";
    let changed = world.okta.list_groups(Some(since)).await.unwrap().items;
    let mut names: Vec<&str> = changed.iter().map(|group| group.name.as_str()).filter(|name| everyone_counts(name)).collect();
    names.sort_unstable();
    assert_eq!(names, ["AWS-000", "AWS-renamed"]);
    let group = world.okta.group(&world.okta_group(0)).await.unwrap().unwrap();
    assert!(group.last_membership_updated.unwrap() > since && group.last_updated.unwrap() < since);
    assert_eq!(group.users_count, Some(5));
}

#[tokio::test]
async fn a_member_just_added_is_not_listed_yet_where_reads_are_stale() {
    let clock = ManualClock::default();
    let world = World::of(&Shape::default(), clock.clone());
    world.okta.configure(|settings| {
        settings.staleness = Staleness { added_ms: 2000, removed_ms: 1000, user_groups: true, ..Staleness::default() }
    });
    let (group, newcomer, leaver) = (world.okta_group(0), world.okta_user(11), world.okta_user(0));
    world.okta.add_member(&group, &newcomer);
    world.okta.remove_member(&group, &leaver);
    let listed = async || world.okta.members(&group).await.unwrap().unwrap().items.into_iter().map(|user| user.id).collect::<Vec<_>>();
    let early = listed().await;
    assert!(!early.contains(&newcomer) && early.contains(&leaver));
    assert_eq!(world.okta.groups_of_user(&newcomer).await.unwrap().unwrap().items.len(), 2, "Everyone and the old group");
    clock.advance(Duration::from_millis(1000));
    assert!(!listed().await.contains(&leaver));
    clock.advance(Duration::from_millis(1000));
    assert!(listed().await.contains(&newcomer));
    assert_eq!(world.okta.groups_of_user(&newcomer).await.unwrap().unwrap().items.len(), 3);
}

#[tokio::test]
async fn broken_records_are_set_aside_and_a_missing_login_is_no_user_name() {
    let world = World::disjoint(1, 1, 1);
    let group = world.okta_group(0);
    let nameless = world.okta.add_user_with(NewUser::named("ghost@example.com").without("login"));
    let broken = world.okta.add_user("broken@example.com");
    for user in [&nameless, &broken] {
        world.okta.add_member(&group, user);
    }
    world.okta.break_user(&broken, Some(serde_json::json!({"id": broken.as_str(), "profile": null})));
    let members = world.okta.members(&group).await.unwrap().unwrap();
    assert_eq!(members.items.len(), 2);
    assert_eq!(members.items.iter().find(|user| user.id == nameless).unwrap().user_name, None);
    assert_eq!(members.bad[0].id.as_deref(), Some(broken.as_str()));
}

#[tokio::test]
async fn a_fault_becomes_the_kind_that_the_real_client_would_give() {
    let world = World::disjoint(2, 1, 2);
    let status = |status, code: Option<&str>| What::Status { status, code: code.map(str::to_owned) };
    for (what, kind) in [
        (status(403, None), SourceErrorKind::Forbidden),
        (status(401, None), SourceErrorKind::Unauthorized),
        (status(401, Some("E0000015")), SourceErrorKind::Forbidden),
        (status(404, None), SourceErrorKind::NotFound),
        (status(400, Some("E0000029")), SourceErrorKind::LostCursor),
        (status(400, None), SourceErrorKind::Rejected),
        (status(500, None), SourceErrorKind::Unavailable),
        (What::Html { status: 502 }, SourceErrorKind::Unavailable),
        (What::Throttle { seconds: 30 }, SourceErrorKind::Throttled),
        (What::Truncated, SourceErrorKind::Malformed),
        (What::CutOff, SourceErrorKind::Malformed),
        (What::SameCursor, SourceErrorKind::Malformed),
        (What::EndlessCursor, SourceErrorKind::Malformed),
        (What::DropBefore, SourceErrorKind::Unavailable),
    ] {
        world.okta.clear_faults();
        world.okta.inject(Fault::on("GET /api/v1/groups", what.clone()).always());
        assert_eq!(world.okta.list_groups(None).await.unwrap_err().kind, kind, "{what:?}");
    }
    world.okta.inject(Fault::on("GET /api/v1/groups/{id}", status(404, None)));
    assert_eq!(world.okta.group(&world.okta_group(0)).await.unwrap(), None);
}

#[tokio::test]
async fn lists_can_lie() {
    let world = World::disjoint(12, 3, 4);
    world.okta.configure(|settings| settings.page_size = 2);
    let group = world.okta_group(0);
    let members = async || world.okta.members(&group).await.unwrap().unwrap().items.len();
    for (what, left) in [(What::Empty, 0), (What::Shortened { keep: 1 }, 1), (What::NoNextPage, 2)] {
        world.okta.inject(Fault::on("GET /api/v1/groups/{id}/users", what));
        assert_eq!(members().await, left);
    }
    assert_eq!(members().await, 4);
}

#[tokio::test]
async fn a_group_that_the_role_cannot_see_is_in_no_list() {
    let world = World::disjoint(4, 1, 4);
    let group = world.okta_group(0);
    world.okta.configure(|settings| settings.hidden.extend([group.clone()]));
    assert!(world.okta.list_groups(None).await.unwrap().items.iter().all(|listed| listed.id != group));
    assert_eq!(world.okta.groups_of_user(&world.okta_user(0)).await.unwrap().unwrap().items.len(), 1);
    assert_eq!(world.okta.group(&group).await.unwrap_err().kind, SourceErrorKind::Forbidden);
    world.okta.configure(|settings| settings.hidden_as = HiddenAs::NotFound);
    assert_eq!(world.okta.members(&group).await.unwrap(), None);
}

#[tokio::test]
async fn a_window_that_is_used_up_refuses_until_it_ends() {
    let clock = ManualClock::default();
    let world = World::of(&Shape::default(), clock.clone());
    world.okta.limit(Limits::all(2).window(Duration::from_secs(5)));
    let group = world.okta_group(0);
    for _ in 0..2 {
        world.okta.group(&group).await.unwrap();
    }
    assert_eq!(world.okta.group(&group).await.unwrap_err().kind, SourceErrorKind::Throttled);
    world.okta.members(&group).await.unwrap();
    clock.advance(Duration::from_secs(5));
    world.okta.group(&group).await.unwrap();
}

#[tokio::test]
async fn a_membership_is_made_once_and_removed_once() {
    let world = World::disjoint(12, 3, 4);
    let (group, user) = (world.group(0), world.user(11));
    assert_eq!(world.aws.create_membership(&group, &user).await.unwrap(), Effect::Changed);
    assert_eq!(world.aws.create_membership(&group, &user).await.unwrap(), Effect::AlreadyInEffect);
    let memberships = world.aws.memberships_of_user(&user).await.unwrap().unwrap();
    let membership = memberships.iter().find(|membership| membership.group == group).unwrap();
    assert_eq!(world.aws.delete_membership(&membership.id).await.unwrap(), Effect::Changed);
    assert_eq!(world.aws.delete_membership(&membership.id).await.unwrap(), Effect::AlreadyInEffect);
    assert_eq!((world.aws.writes().len(), world.aws.write_attempts().len()), (2, 4));
    world.aws.configure(|settings| settings.forgiving_deletes = true);
    assert_eq!(world.aws.delete_membership(&membership.id).await.unwrap(), Effect::Changed, "no one can tell");
    assert_eq!(world.aws.writes().len(), 2);
}

#[tokio::test]
async fn a_lost_answer_leaves_its_effect() {
    let world = World::disjoint(12, 3, 4);
    let (group, user) = (world.group(0), world.user(11));
    world.aws.inject(Fault::on("CreateGroupMembership", What::DropBefore));
    world.aws.inject(Fault::on("CreateGroupMembership", What::DropAfter));
    for members in [4, 5] {
        assert_eq!(world.aws.create_membership(&group, &user).await.unwrap_err().kind, TargetErrorKind::Unavailable);
        assert_eq!(world.aws.member_ids(&group).len(), members);
    }
    let mutated: Vec<bool> = world.aws.log().iter().map(|call| call.mutated).collect();
    assert_eq!(mutated, [false, true]);
    world.aws.inject(Fault::on("DeleteGroup", What::Status { status: 500, code: None }).after_effect());
    assert_eq!(world.aws.delete_group(&group, None).await.unwrap_err().kind, TargetErrorKind::Unavailable);
    assert_eq!(world.aws.delete_group(&group, None).await.unwrap(), Effect::AlreadyInEffect);
}

#[tokio::test]
async fn a_revision_that_is_old_is_refused() {
    let world = World::disjoint(12, 3, 4);
    let group = world.aws.group(&world.group(0)).await.unwrap().unwrap();
    let change = GroupChange { display_name: Some("AWS-new".to_owned()), description: None };
    world.aws.update_group(&group.id, &change, group.revision.as_ref()).await.unwrap();
    let error = world.aws.update_group(&group.id, &change, group.revision.as_ref()).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::ConcurrentModification);
    let error = world.aws.delete_group(&group.id, group.revision.as_ref()).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::ConcurrentModification);
    world.aws.update_group(&group.id, &change, None).await.unwrap();
}

#[tokio::test]
async fn names_are_unique_whatever_their_case() {
    let world = World::disjoint(2, 1, 2);
    assert_eq!(world.aws.create_group("aws-000", "").await.unwrap_err().kind, TargetErrorKind::NameTaken);
    assert_eq!(world.aws.create_group("Administrator", "").await.unwrap_err().kind, TargetErrorKind::Invalid);
    assert_eq!(world.aws.create_group("x", &"d".repeat(1025)).await.unwrap_err().kind, TargetErrorKind::Invalid);
    assert_eq!(world.aws.users_named("USER0@example.com").await.unwrap().len(), 1);
    world.aws.configure(|settings| settings.names_ignore_case = false);
    assert!(world.aws.users_named("USER0@example.com").await.unwrap().is_empty());
    world.aws.create_group("aws-000", "").await.unwrap();
}

#[tokio::test]
async fn pages_of_one_and_empty_pages_with_a_token_lead_to_the_whole_list() {
    let world = World::disjoint(12, 3, 4);
    world.aws.configure(|settings| {
        settings.page_size = 1;
        settings.empty_pages = true;
    });
    assert_eq!(world.aws.list_users().await.unwrap().items.len(), 12);
    assert_eq!(world.aws.calls().identity_store, 24);
    assert_eq!(world.aws.memberships_of_group(&world.group(2)).await.unwrap().unwrap().len(), 4);
}

#[tokio::test]
async fn deleting_takes_memberships_with_it() {
    let world = World::disjoint(12, 3, 4);
    world.aws.delete_group(&world.group(0), None).await.unwrap();
    assert!(world.aws.remove_user(&world.user(4)));
    assert_eq!(member_count(&world), 12 - 4 - 1);
    assert_eq!(world.aws.memberships_of_group(&world.group(0)).await.unwrap(), None);
    assert_eq!(world.aws.memberships_of_user(&world.user(4)).await.unwrap(), None);
    assert!(world.aws.memberships_of_user(&world.user(0)).await.unwrap().unwrap().is_empty());
}

#[tokio::test]
async fn a_killed_process_does_nothing_more_and_another_goes_on() {
    let world = World::disjoint(12, 3, 4);
    let kill = KillSwitch::after(2);
    let dying = world.with_kill(&kill);
    dying.okta.list_groups(None).await.unwrap();
    dying.aws.list_users().await.unwrap();
    assert!(dying.aws.create_membership(&world.group(0), &world.user(11)).await.is_err());
    assert!(dying.table.get("a", "b", world.time.now()).await.is_err());
    assert!(kill.has_struck() && member_count(&world) == 12);
    assert_eq!(world.aws.log().len(), 1, "a dead process sends nothing");
    let losing = world.with_kill(&KillSwitch::after_losing_the_answer(0));
    assert!(losing.aws.create_membership(&world.group(0), &world.user(11)).await.is_err());
    assert!(losing.aws.create_membership(&world.group(0), &world.user(10)).await.is_err());
    assert_eq!(member_count(&world), 13);
}

fn row(body: &str) -> Row {
    Row { pk: "p".to_owned(), sk: "s".to_owned(), version: 0, body: body.to_owned(), expires_at: None }
}

#[tokio::test]
async fn the_table_keeps_what_a_write_rests_on() {
    let (table, now) = (MemoryTable::default(), ManualClock::default().now());
    assert_eq!(table.put(&row("1"), Expect::Absent, now).await.unwrap(), 1);
    assert!(matches!(table.put(&row("2"), Expect::Absent, now).await, Err(TableError::Conflict { .. })));
    let read = table.get("p", "s", now).await.unwrap().unwrap();
    assert_eq!(table.put(&read, Expect::Version(1), now).await.unwrap(), 2);
    assert!(matches!(table.put(&read, Expect::Version(1), now).await, Err(TableError::Conflict { .. })));
    assert!(matches!(table.delete("p", "s", Expect::Version(1)).await, Err(TableError::Conflict { .. })));
    table.put(&Row { expires_at: Some(now), ..read }, Expect::Version(2), now).await.unwrap();
    assert_eq!(table.get("p", "s", now).await.unwrap(), None);
    assert!(table.query("p", now).await.unwrap().is_empty());
    assert_eq!(table.put(&row("3"), Expect::Absent, now).await.unwrap(), 4, "the version goes on from the expired row's");
    let later = now + jiff::SignedDuration::from_millis(1);
    table.put(&Row { expires_at: Some(later), ..row("4") }, Expect::Anything, now).await.unwrap();
    assert!(table.get("p", "s", later).await.unwrap().is_some(), "times are kept in whole seconds, rounded up");
}

#[tokio::test]
async fn the_table_can_be_gone_contested_or_corrupt() {
    let (table, now) = (MemoryTable::default(), ManualClock::default().now());
    table.inject(Fault::on("PutItem", What::DropAfter));
    assert!(matches!(table.put(&row("body"), Expect::Absent, now).await, Err(TableError::Unavailable { .. })));
    table.inject(Fault::on("*Item", What::Conflict));
    assert!(matches!(table.put(&row("x"), Expect::Anything, now).await, Err(TableError::Conflict { pk, .. }) if pk == "p"));
    table.inject(Fault::on("GetItem", What::Corrupt));
    assert_ne!(table.get("p", "s", now).await.unwrap().unwrap().body, "body");
    assert_eq!(table.get("p", "s", now).await.unwrap().unwrap().body, "body");
}

#[tokio::test]
async fn a_delay_moves_a_clock_that_is_moved_by_hand() {
    let clock = ManualClock::default();
    let world = World::of(&Shape::default(), clock.clone());
    let before = clock.now();
    world.aws.set_latency(Duration::from_millis(50));
    world.aws.inject(Fault::on("ListUsers", What::Delay { ms: 1000 }));
    world.aws.list_users().await.unwrap();
    assert_eq!(clock.now().duration_since(before).as_millis(), 1050);
}
