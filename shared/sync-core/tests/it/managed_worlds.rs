//! What holds of users in every world in which Lockstep manages them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::wildcard_enum_match_arm, reason = "test support")]

mod draw;

use std::collections::BTreeSet;

use crate::world::{HOST, World, execute, okta_group, okta_user, user_id};
use draw::{GROUPS, USERS, worlds};
use proptest::prelude::*;
use sync_core::action::{Action, UserRef};
use sync_core::actual::{ActualState, Grace};
use sync_core::guard::{Usage, Window};
use sync_core::ids::{GroupId, OktaGroupId, OktaUserId, UserId};
use sync_core::names::NameKey;
use sync_core::plan::{Plan, Restriction, plan};
use sync_core::profile::{Attribute, UserRecord};
use sync_core::reading::Reading;
use sync_core::records::DirectoryUser;
use sync_core::resolve::{departing, resolve, told_by_external_id, told_by_name};
use sync_core::snapshot::{GroupSighting, UserSighting};

/// Runs that suffice: names and addresses that change hands take one more each.
const ROUNDS: usize = 4;

fn replan(world: &World, actual: &ActualState) -> Plan {
    plan(&resolve(&world.okta, actual, &world.policy).0, actual)
}

fn address(user: &DirectoryUser) -> Option<NameKey> {
    user.details.as_ref()?.attributes.get(&Attribute::Email).map(|email| NameKey::of(email))
}

/// As Identity Center does it: each userName, and each address, is one user's.
fn is_taken(actual: &ActualState, own: Option<&UserId>, record: &UserRecord) -> bool {
    let email = record.attributes.get(&Attribute::Email).map(|email| NameKey::of(email));
    let is_in_the_way = |user: &DirectoryUser| {
        NameKey::of(&user.user_name) == NameKey::of(&record.user_name) || (email.is_some() && address(user) == email)
    };
    actual.users.values().filter(|user| Some(&user.id) != own).any(is_in_the_way)
}

/// Does it, unless Identity Center would refuse it.
fn attempt(actual: &mut ActualState, action: &Action) -> bool {
    let is_refused = match action {
        Action::CreateUser(creation) => is_taken(actual, None, &creation.record),
        Action::UpdateUser(update) => is_taken(actual, Some(&update.user_id), &update.to),
        Action::AddMembership { user_ref: UserRef::New(id), .. } => !actual.users.contains_key(&crate::world::made_user(id)),
        _ => false,
    };
    if !is_refused {
        execute(actual, action);
    }
    !is_refused
}

/// What a run writes down before it begins to apply: who is to go, so that an interruption does not lose them.
fn remember(world: &World, actual: &mut ActualState) {
    for id in departing(&world.okta, actual, &world.policy).into_keys() {
        actual.departing.entry(id).or_insert(Grace::Running);
    }
}

/// Plans and applies until nothing can be done any more; what is planned then, Identity Center refuses.
fn settle(world: &World, actual: &mut ActualState) -> Result<Plan, String> {
    for _ in 0..=ROUNDS {
        let plan = replan(world, actual);
        remember(world, actual);
        let done = plan.actions().filter(|(_, action)| attempt(actual, action)).count();
        if done == 0 {
            return Ok(plan);
        }
    }
    Err(format!("still to be done: {:?}", crate::world::lines(&replan(world, actual))))
}

fn settled(world: &World) -> ActualState {
    let mut actual = world.actual.clone();
    settle(world, &mut actual).unwrap();
    actual
}

fn is_managed(world: &World, id: &OktaGroupId) -> bool {
    matches!(world.okta.groups.get(id), Some(GroupSighting::Present(group)) if group.name.starts_with("AWS-"))
}

/// Whether a managed group of Okta's lists them.
fn is_listed(world: &World, id: &OktaUserId) -> bool {
    let lists = world.okta.member_lists.iter().filter(|(group, _)| is_managed(world, group));
    lists.filter_map(|(_, list)| list.known()).any(|list| list.members.contains(id))
}

/// Whether a group that carries our mark has them in it.
fn is_held(world: &World, id: &UserId) -> bool {
    let is_ours = |group: &GroupId| world.actual.mark(group).is_some_and(|mark| mark.host.as_str() == HOST);
    let groups = world.actual.group_lists.iter().filter(|(group, _)| is_ours(group));
    groups.filter_map(|(_, list)| list.known()).any(|members| members.contains_key(id))
}

/// Whether a user of Identity Center may be this Okta user at all: by externalId; without one, by what was written down, or by a name that was
/// not written down to be another's.
fn may_be(world: &World, okta_id: &OktaUserId, user: &DirectoryUser) -> bool {
    if !user.external_ids.is_empty() {
        return user.external_ids.iter().any(|external| external == okta_id.as_str());
    }
    let has_name = match world.okta.users.get(okta_id) {
        Some(UserSighting::Present(okta)) => okta.user_name.as_deref().map(NameKey::of) == Some(NameKey::of(&user.user_name)),
        _ => false,
    };
    let is_written_down = world.actual.pins.values().any(|pinned| *pinned == user.id);
    (has_name && !is_written_down) || world.actual.pins.get(okta_id) == Some(&user.id)
}

/// Whether two Okta users have one userName.
fn has_namesakes(world: &World) -> bool {
    let name = |sighting: &UserSighting| match sighting {
        UserSighting::Present(user) => user.user_name.as_deref().map(NameKey::of),
        _ => None,
    };
    let names: Vec<NameKey> = world.okta.users.values().filter_map(name).collect();
    names.iter().collect::<BTreeSet<_>>().len() < names.len()
}

/// The users of Identity Center that are nobody's whom a group of ours lists, holds or held.
fn none_of_ours(world: &World) -> Vec<&DirectoryUser> {
    let is_ours = |user: &DirectoryUser, okta_id: &OktaUserId| {
        let is_seen = is_listed(world, okta_id) || is_held(world, &user.id) || world.actual.departing.contains_key(okta_id);
        is_seen && may_be(world, okta_id, user)
    };
    world.actual.users.values().filter(|user| !world.okta.users.keys().any(|okta_id| is_ours(user, okta_id))).collect()
}

fn status<'a>(world: &'a World, id: &OktaUserId) -> Option<&'a str> {
    match world.okta.users.get(id)? {
        UserSighting::Present(user) => Some(user.status.as_str()),
        UserSighting::Gone => Some("GONE"),
        UserSighting::StatusUnread | UserSighting::Broken(_) | UserSighting::Unknown(_) => None,
    }
}

fn okta_id(action: &Action) -> &OktaUserId {
    action.user().and_then(|user| user.okta_id.as_ref()).unwrap()
}

/// Users as they are but for their ids, which Identity Center draws.
fn users_of(actual: &ActualState) -> BTreeSet<(String, Vec<String>, String)> {
    let seen = |user: &DirectoryUser| (user.user_name.clone(), user.external_ids.clone(), format!("{:?}", user.details));
    actual.users.values().map(seen).collect()
}

/// The lines of a plan, in no order.
fn sorted_lines(world: &World) -> Vec<String> {
    let mut lines = crate::world::lines(&world.plan());
    lines.sort();
    lines
}

proptest! {
    #[test]
    fn applying_and_planning_users_again_is_empty_but_for_what_identity_center_refuses(world in worlds()) {
        let mut actual = world.actual.clone();
        let rest = settle(&world, &mut actual);
        prop_assert!(rest.is_ok(), "{rest:?}");
        for (_, action) in rest.unwrap().actions() {
            prop_assert!(!attempt(&mut actual, action), "{action:?}");
        }
    }

    #[test]
    fn users_who_are_none_of_ours_stay_as_they_are(world in worlds()) {
        let actual = settled(&world);
        for user in none_of_ours(&world) {
            prop_assert_eq!(actual.users.get(&user.id), Some(user));
        }
    }

    #[test]
    fn only_who_is_listed_by_a_managed_group_is_made_or_changed_and_only_while_entitled(world in worlds()) {
        for (_, action) in world.plan().actions().filter(|(_, action)| matches!(action, Action::CreateUser(_) | Action::UpdateUser(_))) {
            prop_assert!(is_listed(&world, okta_id(action)), "{action:?}");
            prop_assert!(matches!(status(&world, okta_id(action)), Some("ACTIVE" | "LOCKED_OUT")), "{action:?}");
        }
    }

    #[test]
    fn only_who_is_not_entitled_is_disabled_and_only_who_has_left_deleted_when_their_grace_is_over(world in worlds()) {
        let managed = world.policy.users.managed.as_ref().unwrap();
        for (_, action) in world.plan().actions() {
            let Some(departure) = action.departure() else { continue };
            let (id, is_deletion) = (okta_id(action), matches!(action, Action::DeleteUser(_)));
            let has_left = matches!(status(&world, id), Some("DEPROVISIONED" | "GONE"));
            prop_assert!(has_left || (!is_deletion && matches!(status(&world, id), Some("SUSPENDED" | "STAGED"))), "{action:?}");
            prop_assert!(managed.says_farewell() && (is_deletion || managed.over_scim), "{action:?}");
            prop_assert!(managed.grace_hours == 0 || world.actual.departing.get(id) == Some(&Grace::Over), "{action:?}");
            prop_assert!(may_be(&world, id, &world.actual.users[&departure.user_id]), "{action:?}");
        }
    }

    #[test]
    fn a_name_and_an_address_are_one_users_and_an_okta_user_is_one(world in worlds()) {
        let actual = settled(&world);
        let names: BTreeSet<NameKey> = actual.users.values().map(|user| NameKey::of(&user.user_name)).collect();
        prop_assert_eq!(names.len(), actual.users.len());
        let made = |id: &OktaUserId| actual.users.contains_key(&crate::world::made_user(id));
        for id in world.okta.users.keys().filter(|id| made(id)) {
            let twins: Vec<_> = world.actual.users.values().filter(|user| may_be(&world, id, user)).collect();
            prop_assert!(twins.is_empty(), "{id} was made, and is {twins:?}");
        }
    }

    #[test]
    fn nobody_is_made_who_was_not_looked_for_by_every_way(world in worlds(), sought in prop::collection::btree_set(0..USERS, 0..USERS), pins_unread in any::<bool>()) {
        let sought: BTreeSet<OktaUserId> = sought.iter().map(|u| okta_user(&format!("u{u}"))).collect();
        let world = world.with(|world| {
            world.actual.lists_all_users = false;
            world.actual.sought.clone_from(&sought);
            world.actual.pins_unread = pins_unread;
        });
        for (_, action) in world.plan().actions().filter(|(_, action)| matches!(action, Action::CreateUser(_))) {
            prop_assert!(sought.contains(okta_id(action)) && !pins_unread, "{action:?}");
        }
    }

    #[test]
    fn users_removed_stay_within_what_is_left_and_whoever_is_deleted_keeps_no_membership(world in worlds(), used in 0..4usize, leavers in 0..4usize) {
        let of_before = |count: usize| (0..count).map(|n| user_id(&format!("BEFORE{n}"))).collect::<BTreeSet<_>>();
        let usage = Usage { users: of_before(used), leavers: of_before(leavers), ..Usage::default() };
        let judgement = world.judged_with(&Window::Used(usage), None).unwrap();
        let approved = || judgement.approved.actions().map(|(_, action)| action);
        let gone: BTreeSet<_> = approved().filter_map(Action::departure).map(|departure| departure.user_id.clone()).collect();
        prop_assert!(gone.is_empty() || (gone.len() + used) as u64 <= world.policy.guard.max_user_removals, "{gone:?}");
        prop_assert_eq!(&judgement.spend.users, &gone);
        let left = approved().filter_map(|action| match action {
            Action::RemoveMembership(removal) if removal.reason.is_leaver() => Some(&removal.user_id),
            _ => None,
        });
        let left: BTreeSet<_> = left.collect();
        prop_assert!(left.is_empty() || (left.len() + leavers) as u64 <= world.policy.guard.max_leavers, "{left:?}");
        let kept: BTreeSet<_> = judgement.held.actions().actions().filter(|(_, action)| action.name() == "remove_membership").filter_map(|(_, action)| action.user_id().cloned()).collect();
        let deleted = approved().filter(|action| action.name() == "delete_user").filter_map(Action::user_id);
        prop_assert!(deleted.into_iter().all(|user| !kept.contains(user)), "deleted, with a membership that is held");
        prop_assert_eq!(judgement.held.actions().len() + judgement.approved.len(), world.plan().len());
    }

    #[test]
    fn memberships_go_before_their_users_and_users_are_made_before_their_memberships(world in worlds()) {
        let plan = world.plan();
        let order: Vec<&Action> = plan.actions().map(|(_, action)| action).collect();
        for (at, action) in order.iter().enumerate() {
            if let Action::DisableUser(departure) | Action::DeleteUser(departure) = action {
                let rest = order[at..].iter().filter(|later| later.name() == "remove_membership");
                prop_assert!(rest.into_iter().all(|later| later.user_id() != Some(&departure.user_id)), "{action:?}");
            }
            if let Action::AddMembership { user_ref: UserRef::New(id), .. } = action {
                let is_made = |earlier: &&Action| matches!(earlier, Action::CreateUser(creation) if creation.okta_id == *id);
                prop_assert!(order[..at].iter().any(is_made), "{action:?}");
            }
        }
    }

    #[test]
    fn the_order_in_which_identity_center_lists_users_and_their_ids_changes_nothing(mut world in worlds(), backwards in worlds_backwards()) {
        prop_assert_eq!(sorted_lines(&backwards.0), sorted_lines(&backwards.1));
        let before = world.plan();
        for user in world.actual.users.values_mut() {
            user.external_ids.push("of-another-provider".to_owned());
        }
        let with_others = sorted_lines(&world);
        world.actual.users.values_mut().for_each(|user| user.external_ids.reverse());
        prop_assert_eq!(sorted_lines(&world), with_others, "{:?}", before);
    }

    #[test]
    fn s45_users_come_to_the_same_end_after_any_interruption(world in worlds(), cut in 0..=100usize) {
        // Of two who have one name, one is told by it only while the other has a user of their own; then both are a conflict.
        if has_namesakes(&world) {
            return Ok(());
        }
        let plan = world.plan();
        let mut interrupted = world.actual.clone();
        remember(&world, &mut interrupted);
        plan.actions().take(plan.len() * cut / 100).for_each(|(_, action)| {
            attempt(&mut interrupted, action);
        });
        let rest = settle(&world, &mut interrupted);
        prop_assert!(rest.is_ok(), "{rest:?}");
        prop_assert_eq!(users_of(&interrupted), users_of(&settled(&world)));
    }

    #[test]
    fn planning_of_users_commutes_with_scoping(world in worlds(), groups in prop::collection::btree_set(0..GROUPS, 0..GROUPS), users in prop::collection::btree_set(0..USERS, 0..USERS)) {
        let desired = resolve(&world.okta, &world.actual, &world.policy).0;
        let whole = plan(&desired, &world.actual);
        let some_groups = Restriction::Groups(groups.iter().map(|g| okta_group(&format!("g{g}"))).collect());
        prop_assert_eq!(plan(&some_groups.of_desired(&desired), &some_groups.of_actual(&world.actual)), some_groups.of_plan(&whole));
        let some_users = Restriction::Users(users.iter().map(|u| user_id(&format!("U{u}"))).collect());
        let part = plan(&some_users.of_desired(&desired), &some_users.of_actual(&world.actual));
        prop_assert_eq!(some_users.of_plan(&part), some_users.of_plan(&whole));
    }

    #[test]
    fn whoever_is_disabled_or_deleted_was_to_be_remembered_and_whoever_is_remembered_is_known(world in worlds()) {
        let remembered = departing(&world.okta, &world.actual, &world.policy);
        for (_, action) in world.plan().actions() {
            if let Some(departure) = action.departure() {
                prop_assert_eq!(remembered.get(okta_id(action)), Some(&departure.user_id));
            }
        }
        let told = told_by_name(&world.okta, &world.actual).into_iter().chain(told_by_external_id(&world.okta, &world.actual));
        for (id, user) in told.chain(remembered) {
            prop_assert!(may_be(&world, &id, &world.actual.users[&user]), "{id} {user}");
        }
    }
}

/// One world twice, with the UserIds of Identity Center in one order and in the other.
fn worlds_backwards() -> impl Strategy<Value = (World, World)> {
    worlds().prop_map(|world| (world.clone(), world.with(|world| backwards(&mut world.actual))))
}

fn backwards(actual: &mut ActualState) {
    let ids: Vec<UserId> = actual.users.keys().cloned().collect();
    let other = |id: &UserId| ids[ids.len() - 1 - ids.iter().position(|known| known == id).unwrap()].clone();
    let users = std::mem::take(&mut actual.users);
    actual.users = users.into_iter().map(|(id, user)| (other(&id), DirectoryUser { id: other(&id), ..user })).collect();
    actual.pins.values_mut().filter(|user| ids.contains(user)).for_each(|user| *user = other(user));
    for list in actual.group_lists.values_mut() {
        if let Reading::Known(members) = list {
            *members = std::mem::take(members).into_iter().map(|(user, membership)| (other(&user), membership)).collect();
        }
    }
}
