//! What the guard withholds, and what it lets through.

use crate::world::{World, execute, group_id, okta_group, okta_user, user_id};
use jiff::{SignedDuration, Timestamp};
use sync_core::action::GroupLabel;
use sync_core::guard::{ApprovalRefused, Judgement, RemovalGrant, Rule, Spend, Usage, Window, WindowBook, judge};
use sync_core::plan::PlanHash;
use sync_core::records::UserStatus;
use sync_core::snapshot::UserSighting;

/// Rule, limit, actual and number of actions of what was held.
fn held(judgement: &Judgement) -> Vec<(Rule, u64, u64, usize)> {
    judgement.held.entries.iter().map(|entry| (entry.rule, entry.limit, entry.actual, entry.actions.len())).collect()
}

fn used(usage: Usage) -> Window {
    Window::Used(usage)
}

#[test]
fn s01_an_empty_list_of_groups_removes_nothing_and_cannot_be_approved() {
    let world = (0..4).fold(World::in_sync(4, 3, ""), |world, g| world.not_listed(&format!("g{g}")));
    let judgement = world.judged();
    assert_eq!(held(&judgement), [(Rule::SourceEmpty, 0, 4, 12)]);
    assert!(judgement.approved.is_empty() && judgement.spend.is_empty());
    let approved = world.judged_with(&used(Usage::default()), Some(&judgement.held.hash())).unwrap();
    assert_eq!(held(&approved), [(Rule::SourceEmpty, 0, 4, 12)]);
    assert!(approved.approved.is_empty());
}

#[test]
fn s01_an_empty_list_is_held_even_where_there_is_nothing_to_remove() {
    let world = World::in_sync(1, 0, "").not_listed("g0");
    assert_eq!(held(&world.judged()), [(Rule::SourceEmpty, 0, 1, 0)]);
}

#[test]
fn s01_an_empty_list_cannot_be_approved_for_protected_groups_either() {
    let policy = "on_deleted_in_okta = 'delete'\n[guard]\nprotected_groups = ['^AWS-']\n";
    let world = (0..4).fold(World::in_sync(4, 3, policy), |world, g| world.not_listed(&format!("g{g}")));
    let judgement = world.judged();
    assert_eq!(held(&judgement), [(Rule::SourceEmpty, 0, 4, 4)]);
    let approved = world.judged_with(&used(Usage::default()), Some(&judgement.held.hash())).unwrap();
    assert!(approved.approved.is_empty(), "{approved:?}");
    let short = World::in_sync(3, 4, policy).short_list("g0", &[], 4);
    assert_eq!(held(&short.judged()), [(Rule::ProtectedGroups, 0, 4, 4)], "an implausible list of one group is another matter");
}

#[test]
fn s02_groups_that_vanish_together_are_not_believed_and_the_rest_goes_on() {
    let world = World::in_sync(4, 4, "").gone("g1").gone("g2").gone("g3").members("g0", &["u0", "u1", "u2"]);
    let judgement = world.judged();
    assert_eq!(held(&judgement), [(Rule::SourceShrunk, 1, 3, 12)]);
    let names: Vec<&str> = judgement.held.entries[0].groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["AWS-1", "AWS-2", "AWS-3"]);
    assert_eq!(judgement.approved.len(), 1);
}

#[test]
fn s02_groups_that_the_list_left_out_count_as_vanished() {
    let world = World::in_sync(4, 2, "").members("g0", &["u0"]);
    let mut facts = world.facts();
    facts.unlisted = ["g1", "g2"].map(|id| GroupLabel { okta_id: okta_group(id), name: id.to_owned() }).into();
    let judgement = judge(world.plan(), &facts, &world.policy.guard, &used(Usage::default()), None).unwrap();
    assert_eq!(held(&judgement), [(Rule::SourceShrunk, 1, 2, 0)]);
    assert_eq!(judgement.approved.len(), 1);
}

#[test]
fn s03_a_list_that_is_implausibly_short_holds_its_group_only() {
    let world = World::in_sync(3, 4, "").short_list("g0", &[], 4).members("g1", &["u4", "u5", "u6"]);
    let judgement = world.judged();
    assert_eq!(held(&judgement), [(Rule::SourceShrunk, 0, 4, 4)]);
    assert_eq!(judgement.approved.len(), 1);
}

#[test]
fn s04_a_group_that_is_really_empty_is_emptied_within_the_budget() {
    let world = World::in_sync(3, 4, "").members("g0", &[]);
    assert!(world.judged().held.is_empty());
    assert_eq!(world.judged().approved.len(), 4);
    let small = World::in_sync(3, 4, "[guard]\nmax_membership_removals = 3\n").members("g0", &[]);
    assert_eq!(held(&small.judged()), [(Rule::MaxMembershipRemovals, 3, 4, 4)]);
}

#[test]
fn s06_a_pattern_that_matches_nothing_any_more_releases_nothing() {
    let world = (0..40).fold(World::in_sync(40, 1, ""), |world, g| world.okta_group(&format!("g{g}"), &format!("other-{g}"), &[]));
    let judgement = world.judged();
    assert_eq!(held(&judgement), [(Rule::SourceEmpty, 0, 40, 40)]);
    let partly = (0..30).fold(World::in_sync(40, 1, ""), |world, g| world.okta_group(&format!("g{g}"), &format!("other-{g}"), &[]));
    assert_eq!(held(&partly.judged()), [(Rule::MaxGroupDeletions, 3, 30, 30)]);
}

#[test]
fn s07_a_slow_leak_is_held_when_the_window_is_used_up() {
    let world = World::in_sync(50, 4, "[guard]\nmax_membership_removals = 1\nmax_percent = 5\n");
    let leaking = (0..4).fold(world.clone(), |world, g| {
        let members: Vec<String> = (0..2).map(|m| format!("u{}", g * 4 + m)).collect();
        world.members(&format!("g{g}"), &members.iter().map(String::as_str).collect::<Vec<_>>())
    });
    let start: Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
    let mut book = WindowBook::default();
    for hour in 0..2 {
        let now = start + SignedDuration::from_hours(hour);
        let judgement = leaking.judged_with(&used(book.usage(now, 24)), None).unwrap();
        if hour == 0 {
            assert_eq!(judgement.approved.len(), 8);
        } else {
            assert_eq!(held(&judgement), [(Rule::MaxMembershipRemovals, 10, 16, 8)]);
        }
        book.book(&format!("run{hour}"), &judgement.spend, now, 24);
    }
    let next_day = start + SignedDuration::from_hours(24);
    assert!(leaking.judged_with(&used(book.usage(next_day, 24)), None).unwrap().held.is_empty());
}

#[test]
fn s08_exactly_the_held_set_can_be_approved() {
    let world = World::in_sync(3, 4, "[guard]\nmax_membership_removals = 0\n").members("g0", &[]);
    let hash = world.judged().held.hash();
    let approved = world.judged_with(&used(Usage::default()), Some(&hash)).unwrap();
    assert!(approved.held.is_empty());
    assert_eq!((approved.approved.len(), approved.spend.memberships[&group_id("G0")]), (4, 4));
    let changed = world.clone().members("g0", &["u0"]);
    let refused = changed.judged_with(&used(Usage::default()), Some(&hash)).unwrap_err();
    assert_eq!(refused, ApprovalRefused { now: changed.judged().held.hash() });
    let nothing_held = World::in_sync(1, 1, "");
    assert!(nothing_held.judged_with(&used(Usage::default()), Some(&nothing_held.plan().hash())).is_err());
}

/// What is held is approved by the hash that a run gave which did the rest.
fn approved_after_the_rest_was_done(world: World, more: impl FnOnce(&mut World)) {
    let (window, first) = (used(Usage::default()), world.judged());
    assert!(!first.held.is_empty(), "{first:?}");
    let mut later = world;
    first.approved.actions().for_each(|(_, action)| execute(&mut later.actual, action));
    more(&mut later);
    let approved = later.judged_with(&window, Some(&first.held.hash()));
    let is_whole = approved.as_ref().is_ok_and(|now| now.held.is_empty() && now.approved.len() == first.held.actions().len());
    assert!(is_whole, "{approved:?}");
}

#[test]
fn s08_what_a_new_group_was_not_given_can_be_approved_once_it_is_made() {
    let rules = "[[assignment]]\ngroup = '^AWS-new$'\naccounts = ['000000000001']\npermission_sets = ['Admin', 'ReadOnly']\n";
    for guard in ["sensitive_permission_sets = ['Admin']", "max_assignment_additions = 1"] {
        let world = World::in_sync(1, 2, &format!("{rules}[guard]\n{guard}\n")).permission_sets(&["Admin", "ReadOnly"]);
        let world = world.account(1, "prod", "Prod", "ACTIVE").okta_group("g7", "AWS-new", &["u0"]);
        approved_after_the_rest_was_done(world, |_| {});
    }
}

#[test]
fn s08_what_was_held_beside_a_move_can_be_approved_once_the_new_membership_is_there() {
    let world = World::in_sync(2, 3, "[guard]\nmax_membership_removals = 1\nmax_percent = 0\n");
    let world = world.members("g0", &["u0"]).members("g1", &["u3", "u4", "u5", "u1"]);
    approved_after_the_rest_was_done(world, |_| {});
}

#[test]
fn s08_what_was_held_beside_a_grant_to_the_same_group_can_be_approved_once_that_is_there() {
    let rule = |group: u8| format!("[[assignment]]\ngroup = '^AWS-{group}$'\naccounts = ['000000000001']\npermission_sets = ['Admin']\n");
    let world = World::in_sync(2, 0, &format!("{}{}[guard]\nmax_assignment_removals = 1\nmax_percent = 0\n", rule(0), rule(1)));
    let world = world.permission_sets(&["Admin", "ReadOnly"]).account(1, "prod", "Prod", "ACTIVE");
    let world = world.gives("G0", 1, "ReadOnly").gives("G1", 1, "Admin").gives("G1", 1, "ReadOnly");
    approved_after_the_rest_was_done(world, |_| {});
}

#[test]
fn s08_what_was_held_can_be_approved_once_it_is_known_whose_it_is() {
    let world = World::in_sync(1, 1, "[guard]\nmax_membership_removals = 1\nmax_percent = 0\n");
    let world = world.directory_user("U8", "a@x.com", &[]).directory_user("U7", "b@x.com", &[]).member("G0", "U8").member("G0", "U7");
    approved_after_the_rest_was_done(world, |world| drop(world.actual.pins.insert(okta_user("u8"), user_id("U8"))));
}

#[test]
fn s08_what_an_adopted_group_was_to_lose_can_be_approved_once_it_is_ours() {
    let world = World::in_sync(1, 2, "[guard]\nmax_membership_removals = 1\nmax_percent = 0\n").members("g0", &["u0"]);
    let world = world.okta_group("f0", "AWS-pushed", &[]).directory_group("F0", "AWS-pushed", "", &["f0"]).member("F0", "U0");
    approved_after_the_rest_was_done(world, |_| {});
}

#[test]
fn a_hash_is_64_hex_digits_and_nothing_else() {
    let hash = World::in_sync(1, 1, "").plan().hash();
    assert_eq!(PlanHash::parse(&hash.as_str().to_uppercase()), Some(hash));
    assert_eq!(PlanHash::parse("abc"), None);
    assert_eq!(PlanHash::parse(&"g".repeat(64)), None);
}

#[test]
fn a_class_that_is_over_its_limit_is_held_whole_and_grants_go_on() {
    let world = World::in_sync(3, 4, "[guard]\nmax_membership_removals = 4\n")
        .members("g0", &["u1"])
        .members("g1", &["u4"])
        .user("u99")
        .provisioned("u99");
    let world = world.members("g2", &["u8", "u9", "u10", "u11", "u99"]);
    let judgement = world.judged();
    assert_eq!(held(&judgement), [(Rule::MaxMembershipRemovals, 4, 6, 6)]);
    assert_eq!(judgement.approved.len(), 1);
}

#[test]
fn a_groups_own_limit_is_taken_out_before_its_class_is_counted() {
    let world = World::in_sync(2, 12, "[guard]\nmax_membership_removals = 2\n").members("g0", &["u0", "u1", "u2"]);
    let kept: Vec<String> = (12..23).map(|u| format!("u{u}")).collect();
    let world = world.members("g1", &kept.iter().map(String::as_str).collect::<Vec<_>>());
    let judgement = world.judged();
    assert_eq!(held(&judgement), [(Rule::MaxPercentOfGroup, 50, 75, 9)]);
    assert_eq!(judgement.approved.len(), 1);
}

#[test]
fn a_groups_own_limit_counts_what_the_window_took_already_and_begins_at_the_smallest_population() {
    let world = World::in_sync(1, 8, "").members("g0", &["u0", "u1", "u2", "u3"]);
    assert!(world.judged().held.is_empty(), "eight members are below the population of ten");
    let usage = Usage { by_group: [(group_id("G0"), 4)].into(), memberships: 4, ..Usage::default() };
    let judgement = world.judged_with(&used(usage), None).unwrap();
    assert_eq!(held(&judgement), [(Rule::MaxPercentOfGroup, 50, 66, 4)], "they were twelve when the window began");
}

#[test]
fn leavers_draw_on_their_own_limit_and_on_nothing_else() {
    let policy = "[guard]\nmax_membership_removals = 0\nmax_leavers = 3\n";
    let world =
        (0..5).fold(World::in_sync(1, 12, policy), |world, u| world.user_like(&format!("u{u}"), &format!("u{u}@x.com"), "SUSPENDED"));
    let judgement = world.judged();
    assert_eq!(held(&judgement), [(Rule::MaxLeavers, 3, 5, 2)]);
    assert_eq!(judgement.spend.leavers.len(), 3);
    assert!(judgement.spend.memberships.is_empty());
}

#[test]
fn a_leaver_counts_once_in_the_window_however_often_a_run_comes_back() {
    let world = World::in_sync(2, 1, "[guard]\nmax_leavers = 1\n").user_like("u0", "u0@x.com", "SUSPENDED");
    let usage = Usage { leavers: [user_id("U0")].into(), ..Usage::default() };
    assert!(world.judged_with(&used(usage), None).unwrap().held.is_empty());
    let other = Usage { leavers: [user_id("U1")].into(), ..Usage::default() };
    assert_eq!(held(&world.judged_with(&used(other), None).unwrap()), [(Rule::MaxLeavers, 1, 2, 1)]);
}

#[test]
fn groups_are_deleted_a_quarter_at_most_and_at_least_one_and_their_members_are_counted() {
    let policy = "on_deleted_in_okta = 'delete'\n[guard]\nmax_membership_removals = 5\n";
    let one = World::in_sync(4, 4, policy).gone("g0").judged();
    assert_eq!((one.approved.len(), one.spend.groups, one.spend.members_of_deleted), (1, 1, 4));
    let with_members = World::in_sync(4, 6, policy).gone("g0").judged();
    assert_eq!(held(&with_members), [(Rule::MaxMembershipRemovals, 5, 6, 1)]);
    let spent = Usage { groups: 1, ..Usage::default() };
    assert_eq!(
        held(&World::in_sync(4, 4, policy).gone("g0").judged_with(&used(spent), None).unwrap()),
        [(Rule::MaxGroupDeletions, 1, 2, 1)]
    );
    let none = World::in_sync(4, 1, "on_deleted_in_okta = 'delete'\n[guard]\nmax_group_deletions = 0\n").gone("g0").judged();
    assert_eq!(held(&none), [(Rule::SourceShrunk, 0, 1, 1)]);
}

#[test]
fn protected_groups_lose_nothing_not_even_leavers() {
    let policy = "[guard]\nprotected_groups = ['^AWS-0$']\n";
    let world = World::in_sync(2, 2, policy).user_like("u0", "u0@x.com", "SUSPENDED").members("g1", &["u2"]);
    let judgement = world.judged();
    assert_eq!(held(&judgement), [(Rule::ProtectedGroups, 0, 1, 1)]);
    assert_eq!(judgement.approved.len(), 1);
}

#[test]
fn without_the_ledger_removals_are_held_and_grants_go_on() {
    let world = World::in_sync(2, 2, "").user("u9").provisioned("u9").members("g0", &["u0", "u9"]);
    let judgement = world.judged_with(&Window::Unavailable, None).unwrap();
    assert_eq!(held(&judgement), [(Rule::StateUnavailable, 0, 1, 1)]);
    assert_eq!(judgement.approved.len(), 1);
    let approved = world.judged_with(&Window::Unavailable, Some(&judgement.held.hash())).unwrap();
    assert_eq!(held(&approved), [(Rule::StateUnavailable, 0, 1, 1)], "what cannot be recorded cannot be approved");
}

#[test]
fn while_functions_disagree_on_the_policy_only_leavers_lose_anything() {
    let world = World::in_sync(2, 2, "").members("g0", &["u0"]).user_like("u2", "u2@x.com", "SUSPENDED");
    let mut facts = world.facts();
    facts.policy_changed = true;
    let judgement = judge(world.plan(), &facts, &world.policy.guard, &used(Usage::default()), None).unwrap();
    assert_eq!(held(&judgement), [(Rule::PolicyChanged, 0, 1, 1)]);
    assert_eq!(judgement.approved.len(), 1);
}

#[test]
fn an_approved_plan_is_made_of_a_judgement_and_a_grant() {
    let judgement = World::in_sync(1, 2, "").members("g0", &["u0"]).judged();
    let grant = RemovalGrant::reserved_by_ledger(&judgement.spend);
    let (plan, held, spend) = judgement.approve(grant);
    assert_eq!((plan.actions().count(), held.is_empty(), spend.memberships.len()), (1, true, 1));
}

#[test]
fn the_book_gives_back_what_was_not_used_and_survives_its_row() {
    let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
    let reserved = Spend {
        memberships: [(group_id("G0"), 5)].into(),
        leavers: [user_id("U1")].into(),
        groups: 1,
        members_of_deleted: 2,
        ..Spend::default()
    };
    let mut book = WindowBook::default();
    book.book("r1", &reserved, now, 24);
    assert_eq!(book.usage(now, 24).memberships, 7);
    book.settle("r1", &Spend { memberships: [(group_id("G0"), 2)].into(), ..Spend::default() });
    let read = WindowBook::parse(&book.body()).unwrap();
    assert_eq!(read, book);
    let usage = read.usage(now, 24);
    assert_eq!((usage.memberships, usage.groups, usage.leavers.len()), (2, 0, 0));
    assert!(WindowBook::parse("{\"entries\":[{\"what\":1}]}").is_err());
}

#[test]
fn a_status_read_of_the_user_makes_the_removal_a_leavers() {
    let world = World::in_sync(2, 1, "").members("g0", &[]).with(|world| {
        let Some(UserSighting::Present(user)) = world.okta.users.get_mut(&okta_user("u0")) else { panic!("u0 is there") };
        user.status = UserStatus::Deprovisioned;
    });
    assert_eq!(world.judged().spend.leavers.len(), 1, "proved not entitled, though Okta does not list them in the group either");
}

#[test]
fn only_what_the_ledger_or_the_policy_holds_passes_by_itself() {
    let rules = [Rule::SourceEmpty, Rule::SourceShrunk, Rule::ProtectedGroups, Rule::MaxLeavers, Rule::OrphanedRule];
    assert!(rules.iter().all(|rule| !rule.passes_by_itself()));
    assert!(Rule::StateUnavailable.passes_by_itself() && Rule::PolicyChanged.passes_by_itself());
}

#[test]
fn a_group_is_protected_by_its_name_on_either_side_and_still_gains() {
    let policy = "[guard]\nprotected_groups = ['^AWS-0$']\n";
    let renamed_in_okta = World::in_sync(2, 3, policy).okta_group("g0", "AWS-zero", &["u0", "u1", "u3"]);
    let judgement = renamed_in_okta.judged();
    assert_eq!(held(&judgement), [(Rule::ProtectedGroups, 0, 1, 1)], "the removal of u2");
    assert_eq!(judgement.approved.len(), 2, "the new name, and the membership of u3");
    let renamed_by_hand = World::in_sync(2, 3, policy).marked("G0", "AWS-by-hand", "g0").members("g0", &["u0"]).with(|world| {
        let members = World::in_sync(2, 3, "").actual.group_lists;
        world.actual.group_lists = members;
    });
    assert_eq!(held(&renamed_by_hand.judged()), [(Rule::ProtectedGroups, 0, 2, 2)]);
}

#[test]
fn what_is_exactly_at_a_limit_goes_through() {
    let memberships = World::in_sync(3, 4, "[guard]\nmax_membership_removals = 4\n").members("g0", &[]);
    assert_eq!(memberships.judged().approved.len(), 4);
    let ten = World::in_sync(1, 10, "").members("g0", &["u0", "u1", "u2", "u3", "u4"]);
    assert_eq!(ten.judged().approved.len(), 5, "half of a group");
    let six = World::in_sync(1, 10, "").members("g0", &["u0", "u1", "u2", "u3"]);
    assert_eq!(held(&six.judged()), [(Rule::MaxPercentOfGroup, 50, 60, 6)], "from min_population members on, that many among them");
    let leavers = World::in_sync(1, 2, "[guard]\nmax_leavers = 1\n").user_like("u0", "u0@x.com", "SUSPENDED");
    assert!(leavers.judged().held.is_empty());
}

#[test]
fn groups_that_an_unmatched_name_would_empty_are_not_believed_together() {
    let policy = "on_unmatched = 'empty'\n";
    let world = (0..2).fold(World::in_sync(4, 1, policy), |world, g| world.okta_group(&format!("g{g}"), &format!("other-{g}"), &[]));
    assert_eq!(held(&world.judged()), [(Rule::SourceShrunk, 1, 2, 2)]);
    let one = World::in_sync(4, 1, policy).okta_group("g0", "other-0", &[]);
    assert!(one.judged().held.is_empty());
}

#[test]
fn everything_that_runs_took_adds_up_in_the_window() {
    let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
    let spend = |leaver: &str| Spend {
        memberships: [(group_id("G0"), 5), (group_id("G1"), 1)].into(),
        members_of_deleted: 2,
        groups: 3,
        assignment_removals: 4,
        assignment_additions: 6,
        leavers: [user_id("U1"), user_id(leaver)].into(),
        users: [user_id("U2"), user_id(leaver)].into(),
    };
    let mut book = WindowBook::default();
    book.book("r1", &spend("U3"), now, 24);
    book.book("r2", &spend("U4"), now, 24);
    let expected = Usage {
        memberships: 16,
        groups: 6,
        assignment_removals: 8,
        assignment_additions: 12,
        by_group: [(group_id("G0"), 10), (group_id("G1"), 2)].into(),
        leavers: ["U1", "U3", "U4"].map(user_id).into(),
        users: ["U2", "U3", "U4"].map(user_id).into(),
    };
    assert_eq!(book.usage(now, 24), expected);
    assert_eq!(WindowBook::parse(&book.body()).unwrap().usage(now, 24), expected);
}

#[test]
fn a_settled_run_keeps_its_place_in_the_window_and_a_run_that_took_nothing_leaves_no_trace() {
    let start: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
    let spend = |count: u64| Spend { memberships: [(group_id("G0"), count)].into(), ..Spend::default() };
    let mut book = WindowBook::default();
    book.book("r1", &Spend::default(), start, 24);
    assert_eq!(book, WindowBook::default());
    book.book("r1", &spend(5), start, 24);
    book.book("r2", &spend(3), start + SignedDuration::from_hours(1), 24);
    book.settle("r9", &spend(9));
    assert_eq!(book.usage(start, 24).memberships, 8, "a run that booked nothing has nothing to settle");
    book.settle("r1", &spend(4));
    let nearly = start + SignedDuration::from_hours(24) - SignedDuration::from_secs(1);
    assert_eq!((book.usage(nearly, 24).memberships, book.usage(start + SignedDuration::from_hours(24), 24).memberships), (7, 3));
    book.settle("r1", &Spend::default());
    book.settle("r2", &Spend::default());
    assert_eq!(book, WindowBook::default());
    book.book("r3", &spend(1), start, 24);
    book.book("r4", &spend(1), start + SignedDuration::from_hours(24), 24);
    assert!(!book.body().contains("r3"), "what has left the window is forgotten");
}

#[test]
fn new_members_take_nothing_of_the_window() {
    let world = World::in_sync(1, 1, "[guard]\nmax_assignment_additions = 0\nmax_membership_removals = 0\n").user("u9").provisioned("u9");
    let judgement = world.members("g0", &["u0", "u9"]).judged();
    assert!(judgement.held.is_empty() && judgement.spend.is_empty());
    assert_eq!(judgement.approved.len(), 1);
}
