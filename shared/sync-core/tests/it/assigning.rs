//! Assignments: what rules give, what they take, and what nobody may conclude.

use crate::world::{World, execute, group_id};
use insta::assert_debug_snapshot;
use proptest::prelude::*;
use sync_core::action::{Action, Phase};
use sync_core::actual::Target;
use sync_core::guard::{Judgement, Rule, Usage, Window};
use sync_core::plan::{GROUPS_AT_MOST, Plan, mark_full, places_in_question};
use sync_core::reading::Reading;
use sync_core::unresolved::UnresolvedKind;

/// Groups `AWS-0`… give `Admin` on accounts of unit `Prod`.
const RULE: &str = "[[assignment]]\ngroup = '^AWS-0$'\naccounts = ['ou:Prod']\npermission_sets = ['Admin']\n";

fn world(policy: &str) -> World {
    World::in_sync(2, 1, policy)
        .permission_sets(&["Admin", "ReadOnly"])
        .account(1, "prod-1", "Prod", "ACTIVE")
        .account(2, "prod-2", "Prod", "ACTIVE")
        .account(3, "dev-1", "Dev", "ACTIVE")
}

fn lines(plan: &Plan) -> Vec<String> {
    let line = |(phase, action): (Phase, &Action)| {
        let target =
            action.assignment().map(|target| format!("{} on {}", target.permission_set_name, target.account_name)).unwrap_or_default();
        format!("{phase:?} {} {} {target}: {}", action.name(), action.group().map_or("", |group| &group.name), action.reason())
    };
    plan.actions().map(line).collect()
}

fn held(judgement: &Judgement) -> Vec<(Rule, u64, u64, usize)> {
    judgement.held.entries.iter().map(|entry| (entry.rule, entry.limit, entry.actual, entry.actions.len())).collect()
}

#[test]
fn a_group_gets_what_its_rules_give_and_loses_what_they_do_not() {
    let world = world(RULE).gives("G0", 1, "ReadOnly").gives("G0", 1, "Admin").gives("G1", 3, "ReadOnly");
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "Grant create_assignment AWS-0 Admin on prod-2: rule 1 gives it to the group",
        "RevokeMoved delete_assignment AWS-0 ReadOnly on prod-1: no rule gives it to the group",
    ]
    "#);
}

#[test]
fn a_group_that_no_rule_speaks_of_is_never_touched() {
    assert!(world("").gives("G0", 1, "Admin").plan().is_empty());
}

#[test]
fn a_new_group_is_made_with_what_it_gives() {
    let world = world("[[assignment]]\ngroup = '^AWS-new$'\naccounts = ['000000000003']\npermission_sets = ['ReadOnly']\n").okta_group(
        "g7",
        "AWS-new",
        &[],
    );
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "EnsureGroup create_group AWS-new : managed in Okta, and not in Identity Center",
        "Grant create_assignment AWS-new ReadOnly on dev-1: rule 1 gives it to the group",
    ]
    "#);
}

#[test]
fn s10_a_renamed_group_gains_before_it_loses() {
    let rules = "[[assignment]]\ngroup = '^AWS-(?<set>[A-Za-z]+)$'\naccounts = ['000000000001']\npermission_sets = ['${set}']\n";
    let world = world(rules)
        .okta_group("g0", "AWS-Admin", &["u0"])
        .marked("G0", "AWS-ReadOnly", "g0")
        .member("G0", "U0")
        .gives("G0", 1, "ReadOnly");
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "EnsureGroup rename_group AWS-Admin : renamed in Okta from \"AWS-ReadOnly\"",
        "Grant create_assignment AWS-Admin Admin on prod-1: rule 1 gives it to the group",
        "RevokeMoved delete_assignment AWS-Admin ReadOnly on prod-1: no rule gives it to the group",
    ]
    "#);
}

#[test]
fn s40_an_account_that_is_not_active_is_frozen() {
    let world = world(RULE).account(2, "prod-2", "Prod", "SUSPENDED").gives("G0", 2, "ReadOnly");
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "Grant create_assignment AWS-0 Admin on prod-1: rule 1 gives it to the group",
    ]
    "#);
    assert_eq!(world.kinds(), [UnresolvedKind::AccountNotActive]);
}

#[test]
fn s41_the_management_account_is_left_alone_where_it_is_off_limits() {
    let world = world(RULE).with(|world| world.actual.organization.off_limits = Some(crate::world::account(1)));
    assert_eq!(world.plan().len(), 1);
    assert_eq!(world.kinds(), [UnresolvedKind::ManagementAccount]);
}

#[test]
fn s40_an_account_that_was_looked_for_and_does_not_exist_is_unknown_and_the_others_are_served() {
    let rule = "[[assignment]]\ngroup = '^AWS-0$'\naccounts = ['000000000001', '000000000009']\npermission_sets = ['Admin']\n";
    let world = world(rule).gives("G0", 3, "ReadOnly").with(|world| {
        world.actual.organization.is_whole = false;
        world.actual.organization.absent.insert(crate::world::account(9));
    });
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "Grant create_assignment AWS-0 Admin on prod-1: rule 1 gives it to the group",
    ]
    "#);
    assert_eq!(world.kinds(), [UnresolvedKind::UnknownAccount]);
}

#[test]
fn s42_what_rests_on_a_place_that_could_not_be_read_waits_and_everything_else_is_done() {
    let rules = format!("{RULE}{}", RULE.replace("AWS-0", "AWS-1"));
    let world = world(&rules).gives("G0", 3, "ReadOnly").gives("G1", 3, "ReadOnly").with(|world| {
        let place = Target { account: crate::world::account(1), permission_set: world.actual.permission_sets["Admin"].clone() };
        world.actual.unread_places.insert(group_id("G0"), [place].into());
    });
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "Grant create_assignment AWS-0 Admin on prod-2: rule 1 gives it to the group",
        "Grant create_assignment AWS-1 Admin on prod-1: rule 2 gives it to the group",
        "Grant create_assignment AWS-1 Admin on prod-2: rule 2 gives it to the group",
        "RevokeMoved delete_assignment AWS-1 ReadOnly on dev-1: no rule gives it to the group",
    ]
    "#);
}

#[test]
fn s42_s43_what_a_rule_names_and_nobody_has_holds_removals_and_causes_none() {
    for rule in [
        "[[assignment]]\ngroup = '^AWS-0$'\naccounts = ['ou:Gone']\npermission_sets = ['Admin']\n",
        "[[assignment]]\ngroup = '^AWS-0$'\naccounts = ['ou:Prod']\npermission_sets = ['Renamed']\n",
        "[[assignment]]\ngroup = '^AWS-0$'\naccounts = ['000000000009']\npermission_sets = ['Admin']\n",
    ] {
        let world = world(rule).gives("G0", 1, "Admin");
        assert!(world.plan().is_empty(), "{rule}");
        assert!(matches!(world.kinds()[..], [UnresolvedKind::UnknownAccount | UnresolvedKind::UnknownPermissionSet]), "{rule}");
        assert!(world.unresolved()[0].reason.contains("rule 1"));
    }
    let unread = world(RULE).with(|world| drop(world.actual.assignments.insert(group_id("G0"), Reading::Unknown("throttled".to_owned()))));
    assert!(unread.plan().is_empty());
}

#[test]
fn s52_a_changed_rule_touches_only_its_own_assignments() {
    let second = "[[assignment]]\ngroup = '^AWS-1$'\naccounts = ['000000000003']\npermission_sets = ['Admin']\n";
    let changed = RULE.replace("Admin", "ReadOnly") + second;
    let world =
        world(&changed).gives("G0", 1, "Admin").gives("G0", 2, "Admin").gives("G1", 3, "Admin").former_rule("^AWS-0$", "ou:Prod", "Admin");
    let plan = world.plan();
    assert_eq!(plan.len(), 4, "{:?}", lines(&plan));
    assert!(plan.actions().all(|(_, action)| action.group().unwrap().name == "AWS-0"));
    assert!(world.judged().held.is_empty(), "the rule is still there, by its pattern");
}

#[test]
fn a_rule_that_vanished_leaves_its_assignments_until_approved() {
    for policy in ["", "[[assignment]]\ngroup = '^AWS-'\naccounts = ['000000000003']\npermission_sets = ['ReadOnly']\n"] {
        let world = world(policy)
            .gives("G0", 1, "Admin")
            .gives("G0", 3, "ReadOnly")
            .gives("G1", 3, "ReadOnly")
            .former_rule("^AWS-0$", "ou:Prod", "Admin");
        let judgement = world.judged();
        assert_eq!(held(&judgement), [(Rule::OrphanedRule, 0, 1, 1)], "{policy}");
        let approved = world.judged_with(&Window::Used(Usage::default()), Some(&judgement.held.hash())).unwrap();
        assert_eq!((approved.held.is_empty(), approved.spend.assignment_removals), (true, 1));
    }
}

/// Gives `ReadOnly` on account 3 to every group, and needs no organization for it.
const OF_ALL: &str = "[[assignment]]\ngroup = '^AWS-'\naccounts = ['000000000003']\npermission_sets = ['ReadOnly']\n";

/// What `OF_ALL` gives is there, and what a rule gave that is there no more.
fn bereft() -> World {
    let given = world(OF_ALL).gives("G0", 1, "Admin").gives("G0", 3, "ReadOnly").gives("G1", 3, "ReadOnly");
    given.former_rule("^AWS-", "000000000003", "ReadOnly").former_rule("^AWS-0$", "ou:Prod", "Admin")
}

#[test]
fn of_two_rules_of_one_pattern_the_one_that_vanished_leaves_its_assignments_until_approved() {
    let world = world(RULE).gives("G0", 1, "Admin").gives("G0", 2, "Admin").gives("G0", 3, "ReadOnly");
    let world = world.former_rule("^AWS-0$", "ou:Prod", "Admin").former_rule("^AWS-0$", "000000000003", "ReadOnly");
    assert_eq!(held(&world.judged()), [(Rule::OrphanedRule, 0, 1, 1)]);
    let changed = world.clone().with(|world| world.policy = crate::world::policy(&format!("{RULE}{}", RULE.replace("Admin", "ReadOnly"))));
    assert!(changed.judged().held.is_empty(), "the other is changed, and still there");
    assert!(lines(&changed.plan()).iter().any(|line| line.contains("delete_assignment AWS-0 ReadOnly on dev-1")));
}

#[test]
fn s42_s43_what_a_vanished_rule_gave_is_not_taken_while_nobody_can_say_what_it_was() {
    assert_eq!(held(&bereft().judged()), [(Rule::OrphanedRule, 0, 1, 1)]);
    let unread_organization = bereft().with(|world| world.actual.organization = Default::default());
    let unread_sets = bereft().permission_sets(&["ReadOnly"]);
    for (world, kind) in [(unread_organization, UnresolvedKind::UnknownAccount), (unread_sets, UnresolvedKind::UnknownPermissionSet)] {
        assert!(world.plan().is_empty(), "{:?}", lines(&world.plan()));
        assert_eq!(world.kinds(), [kind]);
        assert!(world.unresolved()[0].reason.starts_with("a rule that is there no more (\"^AWS-0$\"): "), "{:?}", world.unresolved());
    }
}

#[test]
fn s42_nothing_is_taken_as_given_by_no_rule_while_the_former_rules_are_unread() {
    let unread = bereft().gives("G1", 2, "ReadOnly").with(|world| {
        world.actual.former_rules.clear();
        world.actual.former_rules_unread = true;
    });
    assert!(unread.plan().is_empty(), "{:?}", lines(&unread.plan()));
    let read = unread.with(|world| world.actual.former_rules_unread = false);
    assert_eq!(read.plan().len(), 2);
}

#[test]
fn s40_s41_what_no_rule_gives_stays_in_an_account_that_is_frozen() {
    let world = world(RULE).gives("G0", 1, "Admin").gives("G0", 2, "Admin").gives("G0", 3, "ReadOnly");
    assert_eq!(world.plan().len(), 1);
    let suspended = world.clone().account(3, "dev-1", "Dev", "SUSPENDED");
    let off_limits = world.with(|world| world.actual.organization.off_limits = Some(crate::world::account(3)));
    for (world, kind) in [(suspended, UnresolvedKind::AccountNotActive), (off_limits, UnresolvedKind::ManagementAccount)] {
        assert!(world.plan().is_empty(), "{:?}", lines(&world.plan()));
        assert_eq!(world.kinds(), [kind]);
    }
}

#[test]
fn s40_what_a_vanished_rule_gave_in_a_frozen_account_is_neither_taken_nor_forgotten() {
    let has_frozen_orphans = |world: &World| sync_core::resolve::has_frozen_orphans(&world.okta, &world.actual, &world.policy);
    for (policy, held_elsewhere) in [(OF_ALL, 0), ("", 2)] {
        let world = bereft().with(|world| world.policy = crate::world::policy(policy));
        assert!(!has_frozen_orphans(&world));
        let suspended = world.account(1, "prod-1", "Prod", "SUSPENDED");
        assert_eq!(suspended.judged().held.actions().len(), held_elsewhere, "{policy}");
        assert!(suspended.judged().approved.is_empty() && has_frozen_orphans(&suspended));
    }
}

#[test]
fn a_group_that_is_deleted_loses_everything_that_it_gives_first() {
    let world = world("on_deleted_in_okta = 'delete'\n").gone("g0").gives("G0", 1, "Admin");
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "Revoke delete_assignment AWS-0 Admin on prod-1: the group is about to be deleted",
        "DeleteGroup delete_group AWS-0 : the group is gone from Okta",
    ]
    "#);
    let unread = world.with(|world| drop(world.actual.assignments.remove(&group_id("G0"))));
    assert!(unread.plan().is_empty(), "what a group gives is to be known before it is deleted");
}

#[test]
fn assignments_have_limits_of_their_own() {
    let removals = world(&format!("{RULE}[guard]\nmax_assignment_removals = 1\n")).gives("G0", 1, "ReadOnly").gives("G0", 2, "ReadOnly");
    assert_eq!(held(&removals.judged()), [(Rule::MaxAssignmentRemovals, 1, 2, 2)]);
    let additions = world(&format!("{RULE}[guard]\nmax_assignment_additions = 1\n"));
    assert_eq!(held(&additions.judged()), [(Rule::MaxAssignmentAdditions, 1, 2, 2)]);
    let sensitive = world(&format!("{RULE}[guard]\nsensitive_permission_sets = ['Admin']\n"));
    assert_eq!(held(&sensitive.judged()), [(Rule::SensitivePermissionSets, 0, 2, 2)]);
}

proptest! {
    #[test]
    fn assignments_end_as_rules_times_accounts_times_sets_exactly(
        given in prop::collection::btree_set((0..2u8, 1..4u8, any::<bool>()), 0..10),
        by_rule in prop::collection::vec((0..2u8, prop::sample::select(vec!["all", "ou:Prod", "name:dev-*"]), any::<bool>()), 1..4),
    ) {
        let name = |admin: bool| if admin { "Admin" } else { "ReadOnly" };
        let rules: String = by_rule.iter().map(|(group, accounts, admin)| {
            format!("[[assignment]]\ngroup = '^AWS-{group}$'\naccounts = ['{accounts}']\npermission_sets = ['{}']\n", name(*admin))
        }).collect();
        let world = given.iter().fold(world(&rules), |world, (group, account, admin)| world.gives(&format!("G{group}"), *account, name(*admin)));
        let mut actual = world.actual.clone();
        world.plan().actions().for_each(|(_, action)| execute(&mut actual, action));
        for group in 0..2u8 {
            let spoken: Vec<_> = by_rule.iter().filter(|(of, _, _)| *of == group).collect();
            let expected: std::collections::BTreeSet<_> = if spoken.is_empty() {
                given.iter().filter(|(of, _, _)| *of == group).map(|(_, account, admin)| (*account, name(*admin))).collect()
            } else {
                spoken.iter().flat_map(|(_, accounts, admin)| match *accounts {
                    "all" => vec![1, 2, 3],
                    "ou:Prod" => vec![1, 2],
                    _ => vec![3],
                }.into_iter().map(|account| (account, name(*admin)))).collect()
            };
            let targets = actual.known_assignments(&group_id(&format!("G{group}"))).unwrap();
            let found: std::collections::BTreeSet<_> = targets.iter().map(|target| {
                let digit = target.account.as_str().as_bytes()[11] - b'0';
                (digit, name(target.permission_set == crate::world::permission_set("Admin")))
            }).collect();
            prop_assert_eq!(found, expected);
        }
        let again = World { actual, ..world };
        prop_assert!(again.plan().is_empty());
    }
}

#[test]
fn what_is_exactly_at_an_assignment_limit_goes_through_and_the_window_counts() {
    let used = |usage: Usage| Window::Used(usage);
    let removals = world(&format!("{RULE}[guard]\nmax_assignment_removals = 3\nmax_percent = 0\n"))
        .gives("G0", 1, "Admin")
        .gives("G0", 2, "Admin")
        .gives("G0", 1, "ReadOnly")
        .gives("G0", 2, "ReadOnly");
    assert!(removals.judged_with(&used(Usage { assignment_removals: 1, ..Usage::default() }), None).unwrap().held.is_empty());
    let more = removals.judged_with(&used(Usage { assignment_removals: 2, ..Usage::default() }), None).unwrap();
    assert_eq!(held(&more), [(Rule::MaxAssignmentRemovals, 3, 4, 2)]);
    let additions = world(&format!("{RULE}[guard]\nmax_assignment_additions = 3\n"));
    let judgement = additions.judged_with(&used(Usage { assignment_additions: 1, ..Usage::default() }), None).unwrap();
    assert_eq!((judgement.held.is_empty(), judgement.spend.assignment_additions), (true, 2));
    let more = additions.judged_with(&used(Usage { assignment_additions: 2, ..Usage::default() }), None).unwrap();
    assert_eq!(held(&more), [(Rule::MaxAssignmentAdditions, 3, 4, 2)]);
}

#[test]
fn what_vanished_groups_give_is_held_with_them_and_what_rules_take_from_others_is_not() {
    let rules = "[[assignment]]\ngroup = '^AWS-'\naccounts = ['ou:Prod']\npermission_sets = ['Admin']\n";
    let in_sync = |policy: &str| {
        let world = World::in_sync(4, 0, policy).permission_sets(&["Admin", "ReadOnly"]).account(1, "prod-1", "Prod", "ACTIVE");
        (0..4).fold(world, |world, g| world.gives(&format!("G{g}"), 1, "Admin"))
    };
    let vanished = in_sync(&format!("on_deleted_in_okta = 'delete'\n{rules}")).gone("g0").gone("g1");
    assert_eq!(held(&vanished.judged()), [(Rule::SourceShrunk, 1, 2, 4)]);
    let by_rule = (0..4).fold(in_sync(rules), |world, g| world.gives(&format!("G{g}"), 1, "ReadOnly"));
    let judgement = by_rule.judged();
    assert_eq!((judgement.held.is_empty(), judgement.approved.len()), (true, 4));
}

/// Groups of which all should have one permission set, and `given` have it.
fn crowd(groups: usize, given: usize) -> World {
    let rules = "[[assignment]]\ngroup = '^AWS-'\naccounts = ['000000000001']\npermission_sets = ['Admin']\n";
    let world = World::in_sync(groups, 0, rules).permission_sets(&["Admin"]).account(1, "prod-1", "Prod", "ACTIVE");
    (0..given).fold(world, |world, g| world.gives(&format!("G{g}"), 1, "Admin"))
}

fn full(world: &World) -> Vec<bool> {
    let marked = mark_full(world.plan(), &world.actual);
    let is_full = |(_, action): (Phase, &Action)| matches!(action, Action::CreateAssignment { is_full: true, .. });
    marked.actions().map(is_full).collect()
}

fn target() -> Target {
    Target { account: crate::world::account(1), permission_set: crate::world::permission_set("Admin") }
}

#[test]
fn the_group_that_is_one_too_many_for_a_permission_set_is_marked() {
    assert_eq!(full(&crowd(100, 98)), [false, false]);
    assert_eq!(full(&crowd(101, 98)), [false, false, true]);
    let with_others = |crowd_is: usize| crowd(3, 0).with(|world| world.actual.crowds = [(target(), crowd_is)].into());
    assert_eq!(full(&with_others(98)), [false, false, true], "groups that are not ours count where they were read");
    assert_eq!(full(&with_others(GROUPS_AT_MOST + 5)), [true, true, true]);
}

#[test]
fn other_groups_are_counted_where_they_may_decide_and_were_not() {
    let in_question = |world: &World| places_in_question(&world.plan(), &world.actual).into_iter().collect::<Vec<_>>();
    assert_eq!(in_question(&crowd(3, 0)), [target()]);
    assert_eq!(in_question(&crowd(100, 98)), [target()]);
    assert!(in_question(&crowd(101, 98)).is_empty(), "our own are too many");
    assert!(in_question(&crowd(3, 3)).is_empty(), "nothing is granted");
    assert!(in_question(&crowd(3, 0).with(|world| world.actual.crowds = [(target(), 7)].into())).is_empty(), "they were counted");
}

#[test]
fn s40_what_stays_in_any_case_is_not_said_to_be_frozen() {
    let world = world(&RULE.replace("Admin", "NoSuch")).gives("G0", 3, "ReadOnly").account(3, "dev-1", "Dev", "SUSPENDED");
    assert_eq!(world.kinds(), [UnresolvedKind::UnknownPermissionSet]);
    assert!(world.plan().is_empty(), "{:?}", lines(&world.plan()));
}

#[test]
fn s41_a_delegated_administrator_deletes_a_group_that_is_seen_whole_and_empties_any_other() {
    let names = |world: &World| world.plan().actions().map(|(_, action)| action.name()).collect::<Vec<_>>();
    let delegated = World::in_sync(5, 1, "on_deleted_in_okta = 'delete'\n").gone("g1").with(|world| {
        world.actual.organization.is_delegated = true;
    });
    assert_eq!(names(&delegated), ["delete_group"]);
    let unseen = delegated.with(|world| drop(world.actual.assignments.remove(&group_id("G1"))));
    assert_eq!(names(&unseen), ["remove_membership"]);
}
