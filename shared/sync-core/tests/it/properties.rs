//! What holds in every world.

use std::collections::BTreeSet;

use crate::world::{HOST, World, execute, group_id, okta_group, user_id};
use proptest::prelude::*;
use sync_core::action::Action;
use sync_core::actual::ActualState;
use sync_core::guard::{Usage, Window};
use sync_core::plan::{Plan, Restriction, plan};
use sync_core::resolve::resolve;

const USERS: usize = 8;
const GROUPS: usize = 5;

#[derive(Debug, Clone)]
struct UserSpec {
    status: &'static str,
    login_case: bool,
    login_of: usize,
    directory: u8,
    pinned: bool,
}

#[derive(Debug, Clone)]
struct GroupSpec {
    presence: u8,
    name: usize,
    members: BTreeSet<usize>,
    directory: u8,
    directory_name: usize,
    directory_members: BTreeSet<usize>,
}

fn user_spec() -> impl Strategy<Value = UserSpec> {
    let status = prop::sample::select(vec!["ACTIVE", "ACTIVE", "ACTIVE", "SUSPENDED", "DEPROVISIONED", "STAGED", "ODD"]);
    (status, any::<bool>(), prop_oneof![9 => Just(usize::MAX), 1 => 0..USERS], 0..4u8, any::<bool>())
        .prop_map(|(status, login_case, login_of, directory, pinned)| UserSpec { status, login_case, login_of, directory, pinned })
}

fn group_spec() -> impl Strategy<Value = GroupSpec> {
    let members = || prop::collection::btree_set(0..USERS, 0..USERS);
    (0..8u8, 0..GROUPS + 1, members(), 0..8u8, 0..GROUPS + 1, members()).prop_map(
        |(presence, name, members, directory, directory_name, directory_members)| GroupSpec {
            presence,
            name,
            members,
            directory,
            directory_name,
            directory_members,
        },
    )
}

prop_compose! {
    fn worlds()(
        users in prop::collection::vec(user_spec(), USERS),
        groups in prop::collection::vec(group_spec(), GROUPS),
        policy in prop::sample::select(vec![
            "", "adopt = 'by_name'\n", "adopt = 'never'\n", "on_deleted_in_okta = 'delete'\n", "on_unmatched = 'empty'\non_deleted_in_okta = 'release'\n",
        ]),
    ) -> World {
        let mut world = World::new(policy);
        for (u, spec) in users.iter().enumerate() {
            world = with_user(world, u, spec);
        }
        for (g, spec) in groups.iter().enumerate() {
            world = with_group(world, g, spec);
        }
        world.directory_group("CT", "AWSControlTowerAdmins", "by Control Tower", &[]).directory_user("HAND", "by-hand", &[]).member("CT", "HAND")
    }
}

fn with_user(world: World, u: usize, spec: &UserSpec) -> World {
    let owner = if spec.login_of == usize::MAX { u } else { spec.login_of };
    let login = if spec.login_case { format!("U{owner}@X.com") } else { format!("u{owner}@x.com") };
    let id = format!("u{u}");
    let world = world.user_like(&id, &login, spec.status);
    let world = match spec.directory {
        0 => world,
        1 => world.directory_user(&format!("U{u}"), &format!("u{u}@x.com"), &[]),
        _ => world.directory_user(&format!("U{u}"), &format!("u{u}@x.com"), &[&id]),
    };
    let pinned = spec.pinned && spec.directory == 1;
    world.with(|world| {
        if pinned {
            world.actual.pins.insert(crate::world::okta_user(&id), user_id(&format!("U{u}")));
        }
    })
}

fn with_group(world: World, g: usize, spec: &GroupSpec) -> World {
    let (id, name) = (format!("g{g}"), format!("AWS-{}", spec.name));
    let members: Vec<String> = spec.members.iter().map(|u| format!("u{u}")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let mut world = match spec.presence {
        0 => world.gone(&id),
        1 => world.okta_group(&id, &format!("other-{g}"), &members),
        2 => world.okta_group(&id, &name, &members).short_list(&id, &members, 99),
        _ => world.okta_group(&id, &name, &members),
    };
    let (directory, directory_name) = (format!("G{g}"), format!("AWS-{}", spec.directory_name));
    world = match spec.directory {
        0 => return world,
        1 => world.directory_group(&directory, &directory_name, "by hand", &[]),
        2 => world.directory_group(&directory, &directory_name, "", &[&id]),
        3 => world.directory_group(&directory, &directory_name, "[okta:other.okta.com/g0]", &[]),
        _ => world.marked(&directory, &directory_name, &id),
    };
    spec.directory_members.iter().fold(world, |world, u| {
        let user = format!("U{u}");
        if world.actual.users.contains_key(&user_id(&user)) { world.member(&directory, &user) } else { world }
    })
}

fn replan(world: &World, actual: &ActualState) -> Plan {
    plan(&resolve(&world.okta, actual, &world.policy).0, actual)
}

/// Whether a group is ours, or may become so by the policy.
fn may_be_ours(world: &World, action: &Action) -> bool {
    let Some(id) = action.group_id() else { return true };
    let Some(group) = world.actual.groups.get(id) else { return false };
    match world.actual.mark(id) {
        Some(mark) => mark.host.as_str() == HOST,
        None => matches!(action, Action::AdoptGroup { .. }) || replanned_as_adopted(world, id) || group.description.is_empty(),
    }
}

fn replanned_as_adopted(world: &World, id: &sync_core::ids::GroupId) -> bool {
    world.plan().actions().any(|(_, action)| matches!(action, Action::AdoptGroup { edit, .. } if edit.group_id == *id))
}

/// Runs of plan and apply until nothing is left to do; names that change hands may take more than one.
fn settle(world: &World, actual: &mut ActualState) -> usize {
    for round in 0..4 {
        let plan = replan(world, actual);
        if plan.is_empty() {
            return round;
        }
        plan.actions().for_each(|(_, action)| execute(actual, action));
    }
    usize::MAX
}

proptest! {
    #[test]
    fn planning_is_deterministic(world in worlds()) {
        prop_assert_eq!(world.plan(), world.clone().plan());
        prop_assert_eq!(world.unresolved(), world.clone().unresolved());
    }

    #[test]
    fn applying_and_planning_again_is_empty(world in worlds()) {
        let mut actual = world.actual.clone();
        prop_assert!(settle(&world, &mut actual) <= 2, "left: {:?}", crate::world::lines(&replan(&world, &actual)));
    }

    #[test]
    fn s45_any_interrupted_prefix_converges_to_the_same_end(world in worlds(), cut in 0..=100usize) {
        let plan = world.plan();
        let done = plan.len() * cut / 100;
        let mut interrupted = world.actual.clone();
        plan.actions().take(done).for_each(|(_, action)| execute(&mut interrupted, action));
        let mut whole = world.actual.clone();
        settle(&world, &mut whole);
        settle(&world, &mut interrupted);
        prop_assert_eq!(interrupted.group_lists, whole.group_lists);
        prop_assert_eq!(interrupted.groups, whole.groups);
    }

    #[test]
    fn planning_commutes_with_scoping(world in worlds(), groups in prop::collection::btree_set(0..GROUPS, 0..GROUPS), users in prop::collection::btree_set(0..USERS, 0..USERS)) {
        let desired = resolve(&world.okta, &world.actual, &world.policy).0;
        let whole = plan(&desired, &world.actual);
        let some_groups = Restriction::Groups(groups.iter().map(|g| okta_group(&format!("g{g}"))).collect());
        prop_assert_eq!(plan(&some_groups.of_desired(&desired), &some_groups.of_actual(&world.actual)), some_groups.of_plan(&whole));
        let some_users = Restriction::Users(users.iter().map(|u| user_id(&format!("U{u}"))).collect());
        let part = plan(&some_users.of_desired(&desired), &some_users.of_actual(&world.actual));
        prop_assert_eq!(some_users.of_plan(&part), some_users.of_plan(&whole));
    }

    #[test]
    fn s09_nothing_outside_ownership_is_ever_in_a_plan(world in worlds()) {
        for (_, action) in world.plan().actions() {
            prop_assert!(action.group_id() != Some(&group_id("CT")));
            prop_assert!(may_be_ours(&world, action), "{action:?}");
        }
    }

    #[test]
    fn s51_nobody_who_gains_loses_anything_before(world in worlds()) {
        let plan = world.plan();
        let gaining: BTreeSet<_> = plan.actions().filter(|(_, action)| action.name() == "add_membership").filter_map(|(_, action)| action.user_id()).collect();
        let mut granting_is_over = false;
        for (_, action) in plan.actions() {
            granting_is_over |= action.name() == "add_membership";
            if let Action::RemoveMembership(removal) = action && gaining.contains(&removal.user_id) && !removal.reason.is_leaver() {
                prop_assert!(granting_is_over, "{action:?} comes before a grant");
            }
        }
    }

    #[test]
    fn the_guard_withholds_or_approves_and_loses_nothing(world in worlds(), memberships in 0..6u64) {
        let usage = Usage { memberships, ..Usage::default() };
        let judgement = world.judged_with(&Window::Used(usage), None).unwrap();
        let held = judgement.held.actions();
        prop_assert_eq!(held.len() + judgement.approved.len(), world.plan().len());
        prop_assert!(held.actions().all(|(_, action)| action.is_removal()), "grants are never held");
        prop_assert!(judgement.spend.memberships.values().sum::<u64>() + judgement.spend.members_of_deleted + memberships <= 100);
    }
}
