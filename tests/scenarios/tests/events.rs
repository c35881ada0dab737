//! S20 to S28, S50: what events may do, and what they cost.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::{Scope, TriggerScope, UserQuery};
use jiff::SignedDuration;
use scenarios::{Event, Rig};
use sim::okta::Staleness;
use sim::{Fault, What};
use sync_core::report::{Mode, Status};

#[tokio::test(start_paused = true)]
async fn s20_the_same_event_five_times_is_one_write() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let (user, group) = (rig.world.okta_user(11), rig.world.okta_group(0));
    rig.world.okta.add_member(&group, &user);
    for _ in 0..5 {
        rig.on_user(&user, Some(&group), Event::Grant).await;
    }
    assert_eq!(rig.writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn s21_any_order_of_add_remove_add_ends_as_okta_says() {
    use Event::{Grant, Removal};
    for order in [[Grant, Removal, Grant], [Removal, Grant, Grant], [Grant, Grant, Removal]] {
        for is_member in [true, false] {
            let rig = Rig::in_sync(12, 3, 4, "");
            let (user, group) = (rig.world.okta_user(11), rig.world.okta_group(0));
            if is_member {
                rig.world.okta.add_member(&group, &user);
            }
            for event in order {
                rig.on_user(&user, Some(&group), event).await;
            }
            assert!(rig.agrees());
            assert_eq!(rig.writes(), usize::from(is_member));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn s22_what_no_event_told_the_next_full_run_repairs() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.world.okta.add_member(&rig.world.okta_group(0), &rig.world.okta_user(11));
    rig.world.okta.suspend(&rig.world.okta_user(4));
    let report = rig.apply().await.report;
    assert_eq!((report.status, report.outcomes.changed), (Status::Applied, 2));
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s22_an_incremental_run_finds_what_changed_since_the_last() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.apply().await;
    tokio::time::advance(std::time::Duration::from_secs(600)).await;
    rig.world.okta.add_member(&rig.world.okta_group(0), &rig.world.okta_user(11));
    rig.clear_logs();
    let report = rig.must(Mode::Apply, Scope::ChangedSince(engine::Since::Last)).await.report;
    assert_eq!((report.status, report.outcomes.changed), (Status::Applied, 1));
    assert_eq!(rig.world.okta.counts().get("GET /api/v1/groups/{id}/users"), Some(&1), "only the group that changed");
}

#[tokio::test(start_paused = true)]
async fn s22_an_incremental_run_finds_who_left_although_no_event_told() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.apply().await;
    tokio::time::advance(std::time::Duration::from_secs(600)).await;
    rig.world.okta.suspend(&rig.world.okta_user(0));
    rig.world.okta.deactivate(&rig.world.okta_user(4));
    rig.clear_logs();
    let report = rig.must(Mode::Apply, Scope::ChangedSince(engine::Since::Last)).await.report;
    assert_eq!((report.status, report.outcomes.changed), (Status::Applied, 2), "{report:?}");
    assert!(rig.agrees());
    assert_eq!(rig.world.okta.counts().get("GET /api/v1/groups/{id}/users"), None, "no group changed");
}

#[tokio::test(start_paused = true)]
async fn s22_an_incremental_run_that_cannot_see_who_left_says_so_and_the_next_looks_again() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.apply().await;
    tokio::time::advance(std::time::Duration::from_secs(600)).await;
    rig.world.okta.suspend(&rig.world.okta_user(0));
    rig.world.okta.inject(Fault::on("GET /api/v1/users", What::Status { status: 500, code: None }).always());
    let report = rig.must(Mode::Apply, Scope::ChangedSince(engine::Since::Last)).await.report;
    assert_eq!((report.status, report.unresolved.len()), (Status::Partial, 1), "{report:?}");
    rig.world.okta.clear_faults();
    tokio::time::advance(std::time::Duration::from_secs(600)).await;
    let report = rig.must(Mode::Apply, Scope::ChangedSince(engine::Since::Last)).await.report;
    assert_eq!((report.status, report.outcomes.changed), (Status::Applied, 1), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn s23_a_stale_removal_after_the_user_was_added_again_removes_nothing() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let (user, group) = (rig.world.okta_user(0), rig.world.okta_group(0));
    rig.world.okta.remove_member(&group, &user);
    rig.world.okta.add_member(&group, &user);
    rig.on_user(&user, Some(&group), Event::Removal).await;
    assert_eq!(rig.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_removal_needs_the_group_to_be_visible() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let (user, group) = (rig.world.okta_user(0), rig.world.okta_group(0));
    rig.world.okta.configure(|settings| settings.hidden = BTreeSet::from([group.clone()]));
    let report = rig.on_user(&user, Some(&group), Event::Removal).await.report;
    assert_eq!(rig.writes(), 0, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_stale_read_leaves_out_is_granted_by_the_next_look() {
    let rig = Rig::in_sync(12, 3, 4, "");
    rig.world.okta.configure(|settings| settings.staleness = Staleness { added_ms: 2000, user_groups: true, ..Staleness::default() });
    let (user, group) = (rig.world.okta_user(11), rig.world.okta_group(0));
    rig.world.okta.add_member(&group, &user);
    rig.on_user(&user, Some(&group), Event::Grant).await;
    assert_eq!(rig.writes(), 0);
    tokio::time::advance(std::time::Duration::from_secs(3)).await;
    rig.on_user(&user, Some(&group), Event::Grant).await;
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s28_an_event_on_a_group_that_is_not_managed_costs_two_reads_at_most_and_writes_nothing() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let other = rig.world.okta.add_group("Marketing");
    rig.world.okta.add_member(&other, &rig.world.okta_user(0));
    rig.on_user(&rig.world.okta_user(1), None, Event::Grant).await;
    rig.clear_logs();
    let report = rig.on_user(&rig.world.okta_user(0), Some(&other), Event::Grant).await.report;
    assert!(report.calls.okta <= 2 && rig.writes() == 0, "{:?}", report.calls);
    let report = rig.on_group(&other, Event::Grant).await.report;
    assert!(report.calls.okta <= 2 && report.calls.identity_store == 0, "{:?}", report.calls);
}

#[tokio::test(start_paused = true)]
async fn s50_one_membership_event_costs_two_okta_and_three_identity_center_calls_at_any_size() {
    for groups in [3, 300] {
        let rig = Rig::in_sync(2000, groups, 4, "");
        rig.on_user(&rig.world.okta_user(1999), None, Event::Grant).await;
        let (user, group) = (rig.world.okta_user(11), rig.world.okta_group(0));
        rig.world.okta.add_member(&group, &user);
        let added = rig.on_user(&user, Some(&group), Event::Grant).await.report;
        assert_eq!((added.outcomes.changed, added.calls.okta, added.calls.identity_store), (1, 2, 3), "new to the process");
        rig.world.okta.remove_member(&group, &user);
        let removed = rig.on_user(&user, Some(&group), Event::Removal).await.report;
        assert_eq!((removed.outcomes.changed, removed.calls.okta, removed.calls.identity_store), (1, 2, 2), "known to the process");
    }
}

#[tokio::test(start_paused = true)]
async fn s50_a_suspension_costs_two_okta_calls_and_two_more_than_the_memberships() {
    let rig = Rig::in_sync(4, 3, 4, "");
    rig.on_user(&rig.world.okta_user(1), None, Event::Grant).await;
    rig.world.okta.suspend(&rig.world.okta_user(0));
    let report = rig.on_user(&rig.world.okta_user(0), None, Event::Leaver).await.report;
    assert_eq!((report.outcomes.changed, report.calls.okta, report.calls.identity_store), (3, 2, 2 + 3));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_user_loses_everything_that_is_ours() {
    let rig = Rig::in_sync(4, 3, 4, "");
    let user = rig.world.okta_user(0);
    let unmanaged = rig.world.aws.add_group("by-hand", "").unwrap();
    rig.world.aws.add_member(&unmanaged, &rig.world.user(0)).unwrap();
    rig.clear_logs();
    rig.on_user(&user, None, Event::Grant).await;
    rig.world.okta.delete_user(&user);
    let report = rig.on_user(&user, None, Event::Leaver).await.report;
    assert_eq!((report.outcomes.changed, report.status), (3, Status::Applied));
    assert!(rig.world.aws.member_ids(&unmanaged).contains(&rig.world.user(0)));
}

#[tokio::test(start_paused = true)]
async fn a_leaver_whose_name_differs_in_identity_center_is_found_all_the_same() {
    let rig = Rig::in_sync(4, 3, 4, "");
    rig.world.aws.rename_user(&rig.world.user(0), "another.name@example.com");
    rig.world.okta.suspend(&rig.world.okta_user(0));
    assert_eq!(rig.on_user(&rig.world.okta_user(0), None, Event::Leaver).await.report.outcomes.changed, 3);
}

#[tokio::test(start_paused = true)]
async fn a_burst_on_one_group_reads_the_group_and_answers_what_comes_later() {
    let rig = Rig::in_sync(60, 2, 10, "");
    let group = rig.world.okta_group(0);
    let joiners: Vec<usize> = (20..40).collect();
    rig.join(0, joiners.iter().copied());
    rig.on_user(&rig.world.okta_user(59), None, Event::Grant).await;
    rig.clear_logs();
    let batch = |users: &[usize]| {
        let not_before = Some(rig.ledger_time() - SignedDuration::from_secs(1));
        let query = |user: &usize| UserQuery {
            id: rig.world.okta_user(*user),
            login: Some(format!("user{user}@example.com")),
            read_status: false,
            groups: BTreeSet::from([group.clone()]),
            names_no_group: false,
            not_before,
        };
        Scope::Triggers(TriggerScope { users: users.iter().map(query).collect(), ..TriggerScope::default() })
    };
    let first = rig.must(Mode::Apply, batch(&joiners[..10])).await.report;
    assert_eq!((first.outcomes.changed, first.calls.okta), (20, 3), "the group twice by id, its members once");
    let second = rig.must(Mode::Apply, batch(&joiners[10..])).await.report;
    assert_eq!((second.status, second.calls.okta), (Status::Converged, 0), "answered by the earlier read");
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_only_grants_takes_nothing_away() {
    let rig = Rig::in_sync(12, 3, 4, "");
    let (user, group) = (rig.world.okta_user(0), rig.world.okta_group(0));
    rig.world.okta.remove_member(&group, &user);
    rig.on_user(&user, Some(&group), Event::Grant).await;
    rig.on_group(&group, Event::Grant).await;
    assert_eq!(rig.writes(), 0);
    rig.on_group(&group, Event::Removal).await;
    assert!(rig.agrees());
}

#[tokio::test(start_paused = true)]
async fn s51_a_leaver_gets_its_turn_behind_runs_that_follow_one_another_without_a_gap() {
    let rig = Rig::in_sync(40, 2, 4, "");
    rig.world.aws.set_latency(Duration::from_millis(300));
    let backlog = async {
        for user in 10..40 {
            rig.join(0, [user]);
            rig.another(&format!("rest-{user}")).on_user(&rig.world.okta_user(user), Some(&rig.world.okta_group(0)), Event::Grant).await;
        }
    };
    let leaver = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        rig.world.okta.suspend(&rig.world.okta_user(4));
        let began = tokio::time::Instant::now();
        rig.another("leaver").on_user(&rig.world.okta_user(4), None, Event::Leaver).await;
        assert!(!rig.world.aws.member_ids(&rig.world.group(1)).contains(&rig.world.user(4)));
        began.elapsed()
    };
    let ((), waited) = tokio::join!(backlog, leaver);
    assert!(waited < Duration::from_secs(6), "it left after {waited:?}");
    assert!(rig.agrees());
}

/// Users leave group 0 one by one, each with an event: how many memberships are left, and whether the last one was held.
async fn leave_one_by_one(rig: &Rig, users: std::ops::Range<usize>) -> (usize, bool) {
    let group = rig.world.okta_group(0);
    let mut is_held = false;
    for user in users {
        rig.leave(0, [user]);
        let report = rig.on_user(&rig.world.okta_user(user), Some(&group), Event::Removal).await.report;
        is_held = report.held.iter().any(|entry| entry.rule == "max_percent_of_group");
    }
    (rig.world.aws.member_ids(&rig.world.group(0)).len(), is_held)
}

#[tokio::test(start_paused = true)]
async fn a_groups_own_limit_is_of_what_it_was_before_the_window_whatever_full_runs_count_meanwhile() {
    for (members, limit) in [(20, 10), (12, 6)] {
        let rig = Rig::in_sync(24, 1, members, "");
        rig.apply().await;
        assert_eq!(leave_one_by_one(&rig, 0..limit - 2).await, (members + 2 - limit, false));
        rig.apply().await;
        assert_eq!(leave_one_by_one(&rig, limit - 2..limit).await, (members - limit, false));
        assert_eq!(leave_one_by_one(&rig, limit..limit + 1).await, (members - limit, true), "{members}");
    }
}

/// Triggers that grant, for users who name this group.
fn batch(rig: &Rig, group: usize, users: impl IntoIterator<Item = usize>) -> Scope {
    let query = |user: usize| UserQuery {
        id: rig.world.okta_user(user),
        login: Some(format!("user{user}@example.com")),
        read_status: false,
        groups: BTreeSet::from([rig.world.okta_group(group)]),
        names_no_group: false,
        not_before: Some(rig.ledger_time() - SignedDuration::from_secs(1)),
    };
    Scope::Triggers(TriggerScope { users: users.into_iter().map(query).collect(), ..TriggerScope::default() })
}

#[tokio::test(start_paused = true)]
async fn s24_a_burst_on_a_large_group_never_lists_everyone_on_account_of_who_is_in_it_already() {
    for is_known in [false, true] {
        let rig = Rig::in_sync(1_200, 2, 500, "");
        if is_known {
            rig.apply().await;
            tokio::time::advance(Duration::from_secs(600)).await;
        }
        rig.on_user(&rig.world.okta_user(1_150), None, Event::Grant).await;
        rig.join(0, 1_000..1_006);
        rig.clear_logs();
        let report = rig.must(Mode::Apply, batch(&rig, 0, 1_000..1_004)).await.report;
        assert_eq!((report.status, report.outcomes.changed), (Status::Applied, 4), "those whom the batch names: {report:?}");
        assert_eq!(rig.world.aws.counts().get("ListUsers").copied().unwrap_or_default(), 4, "one by one");
        let calls = (report.calls.okta, report.calls.identity_store);
        assert_eq!(calls, if is_known { (4, 5 + 4 + 4) } else { (5, 5 + 4 + 4) });
        rig.must(Mode::Apply, batch(&rig, 0, 1_004..1_006)).await;
        assert!(rig.agrees(), "the read answered nobody whom it did not name");
    }
}

#[tokio::test(start_paused = true)]
async fn s24_a_burst_of_many_on_a_large_group_tells_everyone_once() {
    let rig = Rig::in_sync(1_200, 2, 500, "");
    rig.on_user(&rig.world.okta_user(1_150), None, Event::Grant).await;
    rig.join(0, 1_000..1_060);
    let first = rig.must(Mode::Apply, batch(&rig, 0, 1_000..1_010)).await.report;
    assert_eq!((first.status, first.outcomes.changed), (Status::Applied, 60), "{first:?}");
    let second = rig.must(Mode::Apply, batch(&rig, 0, 1_010..1_020)).await.report;
    assert_eq!((second.status, second.calls.okta), (Status::Converged, 0));
}
