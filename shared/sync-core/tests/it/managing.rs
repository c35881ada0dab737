//! Users that Lockstep makes, changes, disables and deletes itself.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test support")]

use std::collections::{BTreeMap, BTreeSet};

use crate::world::{World, group_id, lines, okta_group, okta_user, user_id};
use sync_core::action::Action;
use sync_core::actual::Grace;
use sync_core::guard::{Judgement, Rule, Usage, Window};
use sync_core::plan::{MayRemove, Plan, Restriction, plan};
use sync_core::profile::{Attribute, UserDetails};
use sync_core::reading::Reading;
use sync_core::resolve::{departing, resolve, told_by_name};
use sync_core::snapshot::UserSighting;
use sync_core::unresolved::UnresolvedKind;

/// `[users]` as managed over SCIM, with what is added to it.
fn over_scim(users: &str) -> String {
    format!("[users]\nmode = 'managed'\n{users}\n[users.attributes]\ntitle = 'profile.title'\n[writes]\ntransport = 'scim'\n")
}

/// Managed groups and users, in sync, whose attributes are what fallbacks make of a login.
fn in_sync(groups: usize, members: usize, policy: &str) -> World {
    World::in_sync(groups, members, policy).with(|world| {
        world.actual.lists_all_users = true;
        for user in world.actual.users.values_mut() {
            let nick = user.user_name.split('@').next().unwrap().to_owned();
            let names = [Attribute::GivenName, Attribute::FamilyName, Attribute::DisplayName].map(|name| (name, nick.clone()));
            let attributes = names.into_iter().chain([(Attribute::Email, user.user_name.clone())]).collect();
            user.details = Some(Box::new(UserDetails { attributes, is_enabled: Some(true), revision: None }));
        }
    })
}

fn details<'a>(world: &'a mut World, id: &str) -> &'a mut UserDetails {
    world.actual.users.get_mut(&user_id(id)).unwrap().details.as_mut().unwrap()
}

fn profile(world: &mut World, id: &str, name: &str, value: &str) {
    let Some(UserSighting::Present(user)) = world.okta.users.get_mut(&okta_user(id)) else { panic!("{id} is there") };
    user.profile.insert(name.to_owned(), value.to_owned());
}

/// Action, user and what an update changes.
fn on_users(plan: &Plan) -> Vec<String> {
    let line = |action: &Action| {
        if let Action::UpdateUser(update) = action {
            return format!("update {} {}", update.user.name, update.differences().join(" "));
        }
        format!("{} {}", action.name(), action.user().map_or("", |user| &user.name))
    };
    plan.actions().map(|(_, action)| line(action)).collect()
}

fn held(judgement: &Judgement) -> Vec<(Rule, u64, u64, usize)> {
    judgement.held.entries.iter().map(|entry| (entry.rule, entry.limit, entry.actual, entry.actions.len())).collect()
}

#[test]
fn users_who_are_as_okta_has_them_need_nothing() {
    let world = in_sync(2, 2, &over_scim(""));
    assert!(world.plan().is_empty(), "{:?}", lines(&world.plan()));
    assert!(world.unresolved().is_empty());
}

#[test]
fn a_member_whom_identity_center_does_not_have_is_made_before_they_are_added() {
    let world = in_sync(1, 1, &over_scim("")).user("u9").members("g0", &["u0", "u9"]);
    assert_eq!(on_users(&world.plan()), ["create_user u9@x.com", "add_membership u9@x.com"]);
    assert!(world.unresolved().is_empty());
    let listed_by_user = in_sync(1, 1, &over_scim("")).user("u9").with(|world| {
        world.okta.member_lists.clear();
        world.okta.user_groups.insert(okta_user("u9"), Reading::Known([okta_group("g0")].into()));
    });
    assert_eq!(on_users(&listed_by_user.plan()), ["create_user u9@x.com", "add_membership u9@x.com"]);
    let in_no_group = in_sync(1, 1, &over_scim("")).user("u9");
    assert!(in_no_group.plan().is_empty(), "whom no managed group lists, nobody makes");
}

#[test]
fn nobody_is_made_who_may_be_there_already() {
    let newcomer = |change: fn(&mut World)| in_sync(1, 1, &over_scim("")).user("u9").members("g0", &["u0", "u9"]).with(change);
    let not_all_listed = newcomer(|world| world.actual.lists_all_users = false);
    assert!(not_all_listed.plan().is_empty());
    assert_eq!(not_all_listed.kinds(), [UnresolvedKind::UserNotProvisioned]);
    let sought = newcomer(|world| {
        world.actual.lists_all_users = false;
        world.actual.sought.insert(okta_user("u9"));
    });
    assert_eq!(on_users(&sought.plan()), ["create_user u9@x.com", "add_membership u9@x.com"]);
    let without_pins = newcomer(|world| world.actual.pins_unread = true);
    assert!(without_pins.plan().is_empty());
    assert_eq!(without_pins.kinds(), [UnresolvedKind::Unreadable]);
}

#[test]
fn an_update_changes_what_differs_and_nothing_else() {
    let titled = |title: &str| in_sync(1, 2, &over_scim("")).with(|world| profile(world, "u0", "title", title));
    assert_eq!(on_users(&titled("Dr").plan()), ["update u0@x.com title"]);
    let same = titled("Dr").with(|world| drop(details(world, "U0").attributes.insert(Attribute::Title, "Dr".to_owned())));
    assert!(same.plan().is_empty());
    let removed = in_sync(1, 2, &over_scim("")).with(|world| {
        details(world, "U0").attributes.insert(Attribute::Title, "Dr".to_owned());
        details(world, "U0").attributes.insert(Attribute::NickName, "by hand".to_owned());
        details(world, "U0").attributes.insert(Attribute::Email, "U0@X.com".to_owned());
    });
    let plan = removed.plan();
    let updates: Vec<_> =
        plan.actions().filter_map(|(_, a)| if let Action::UpdateUser(update) = a { Some(update) } else { None }).collect();
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].differences(), ["title"]);
    assert_eq!(updates[0].to.attributes.get(&Attribute::NickName).map(String::as_str), Some("by hand"), "not managed");
    assert_eq!(updates[0].to.attributes.get(&Attribute::Email).map(String::as_str), Some("U0@X.com"), "the same address");
    let unread = titled("Dr").with(|world| world.actual.users.get_mut(&user_id("U0")).unwrap().details = None);
    assert!(unread.plan().is_empty(), "whose attributes were not read is not changed");
    let of_no_group = titled("Dr").members("g0", &["u1"]);
    assert_eq!(on_users(&of_no_group.plan()), ["remove_membership u0@x.com"]);
}

#[test]
fn the_user_name_follows_okta_over_scim_alone_and_not_in_case() {
    let renamed = |policy: &str, name: &str| {
        in_sync(1, 1, policy).with(|world| world.actual.users.get_mut(&user_id("U0")).unwrap().user_name = name.to_owned())
    };
    assert_eq!(on_users(&renamed(&over_scim(""), "old@x.com").plan()), ["update u0@x.com userName"]);
    assert!(renamed(&over_scim(""), "U0@X.COM").plan().is_empty());
    let over_identity_store = renamed("[users]\nmode = 'managed'\n", "old@x.com");
    assert!(over_identity_store.plan().is_empty());
}

#[test]
fn over_scim_a_user_gets_the_external_id_and_keeps_those_of_others() {
    let with_ids = |ids: &[&str]| {
        in_sync(1, 1, &over_scim("")).with(|world| {
            world.actual.users.get_mut(&user_id("U0")).unwrap().external_ids = ids.iter().map(ToString::to_string).collect();
        })
    };
    assert_eq!(on_users(&with_ids(&[]).plan()), ["update u0@x.com externalId"]);
    assert!(with_ids(&["another-providers", "u0"]).plan().is_empty());
}

#[test]
fn a_disabled_user_who_is_entitled_is_let_in_again() {
    let world = in_sync(1, 1, &over_scim("")).with(|world| details(world, "U0").is_enabled = Some(false));
    assert_eq!(on_users(&world.plan()), ["update u0@x.com active"]);
}

#[test]
fn who_is_not_entitled_is_disabled_and_who_has_left_deleted_as_the_policy_says() {
    let leaver = |policy: &str, status: &str| on_users(&in_sync(1, 2, policy).user_like("u0", "u0@x.com", status).plan());
    let disable = over_scim("on_not_entitled = 'disable'");
    let delete = over_scim("on_not_entitled = 'delete'");
    assert_eq!(leaver(&over_scim(""), "SUSPENDED"), ["remove_membership u0@x.com"]);
    assert_eq!(leaver(&disable, "SUSPENDED"), ["remove_membership u0@x.com", "disable_user u0@x.com"]);
    assert_eq!(leaver(&disable, "DEPROVISIONED"), ["remove_membership u0@x.com", "disable_user u0@x.com"]);
    assert_eq!(leaver(&delete, "SUSPENDED"), ["remove_membership u0@x.com", "disable_user u0@x.com"]);
    assert_eq!(leaver(&delete, "DEPROVISIONED"), ["remove_membership u0@x.com", "delete_user u0@x.com"]);
    assert_eq!(leaver("[users]\nmode = 'managed'\non_not_entitled = 'delete'\n", "SUSPENDED"), ["remove_membership u0@x.com"]);
    assert!(leaver(&delete, "ODD").is_empty());
    let gone = in_sync(1, 2, &delete).with(|world| drop(world.okta.users.insert(okta_user("u0"), UserSighting::Gone)));
    assert_eq!(on_users(&gone.plan()), ["remove_membership u0@x.com", "delete_user u0@x.com"]);
    let disabled = in_sync(1, 2, &disable).user_like("u0", "u0@x.com", "SUSPENDED").with(|world| {
        details(world, "U0").is_enabled = Some(false);
        world.actual.group_lists.insert(group_id("G0"), Reading::Known(BTreeMap::new()));
        world.okta.member_lists.remove(&okta_group("g0"));
        world.actual.departing.insert(okta_user("u0"), Grace::Over);
    });
    assert!(disabled.plan().is_empty());
}

#[test]
fn a_stranger_who_is_not_entitled_is_left_alone() {
    let policy = over_scim("on_not_entitled = 'delete'");
    let stranger = in_sync(1, 2, &policy).user_like("u0", "u0@x.com", "DEPROVISIONED").members("g0", &["u1"]).with(|world| {
        world.actual.group_lists.insert(group_id("G0"), Reading::Known(BTreeMap::new()));
    });
    let on_u0 = |world: &World| on_users(&world.plan()).into_iter().filter(|line| line.contains("u0@")).collect::<Vec<_>>();
    assert!(on_u0(&stranger).is_empty(), "no group of ours lists or holds them");
    assert!(departing(&stranger.okta, &stranger.actual, &stranger.policy).is_empty());
    let remembered = stranger.with(|world| world.actual.departing = [(okta_user("u0"), Grace::Running)].into());
    assert_eq!(on_u0(&remembered), ["delete_user u0@x.com"], "an earlier run saw them in one");
    let of_another = remembered.with(|world| drop(world.actual.pins.insert(okta_user("u0"), user_id("U9"))));
    assert_eq!(on_u0(&of_another), ["delete_user u0@x.com"], "their externalId says that it is they");
    let namesake = of_another.with(|world| world.actual.users.get_mut(&user_id("U0")).unwrap().external_ids.clear());
    assert!(on_u0(&namesake).is_empty(), "whom it was said of is gone, and this one has only their name");
    let own = namesake.with(|world| drop(world.actual.pins.insert(okta_user("u0"), user_id("U0"))));
    assert_eq!(on_u0(&own), ["delete_user u0@x.com"]);
}

#[test]
fn who_is_not_entitled_is_left_until_their_grace_is_over_and_remembered_meanwhile() {
    let policy = over_scim("on_not_entitled = 'disable'\ngrace_hours = 24");
    let world = |grace: Option<Grace>| {
        in_sync(1, 2, &policy)
            .user_like("u0", "u0@x.com", "SUSPENDED")
            .with(|world| world.actual.departing = grace.map(|grace| (okta_user("u0"), grace)).into_iter().collect())
    };
    for grace in [None, Some(Grace::Running)] {
        let world = world(grace);
        assert_eq!(on_users(&world.plan()), ["remove_membership u0@x.com"], "{grace:?}");
        let remembered = departing(&world.okta, &world.actual, &world.policy);
        assert_eq!(remembered, BTreeMap::from([(okta_user("u0"), user_id("U0"))]), "{grace:?}");
    }
    assert_eq!(on_users(&world(Some(Grace::Over)).plan()), ["remove_membership u0@x.com", "disable_user u0@x.com"]);
}

#[test]
fn nobody_departs_who_is_entitled_or_whom_someone_else_provisions() {
    let seen = |world: &World| departing(&world.okta, &world.actual, &world.policy).into_keys().collect::<Vec<_>>();
    let delete = over_scim("on_not_entitled = 'delete'");
    assert!(seen(&in_sync(1, 2, &delete)).is_empty());
    assert!(seen(&in_sync(1, 2, "").user_like("u0", "u0@x.com", "SUSPENDED")).is_empty());
    assert!(seen(&in_sync(1, 2, &over_scim("")).user_like("u0", "u0@x.com", "SUSPENDED")).is_empty(), "nothing but memberships is taken");
    let gone = in_sync(1, 2, &delete).with(|world| drop(world.okta.users.insert(okta_user("u1"), UserSighting::Gone)));
    assert_eq!(seen(&gone), [okta_user("u1")]);
    let unread = in_sync(1, 2, &delete).with(|world| drop(world.okta.users.insert(okta_user("u1"), UserSighting::StatusUnread)));
    assert!(seen(&unread).is_empty());
}

#[test]
fn namesakes_are_a_conflict_and_neither_is_made() {
    let world = in_sync(1, 1, &over_scim(""))
        .user_like("u8", "same@x.com", "ACTIVE")
        .user_like("u9", "SAME@x.com", "ACTIVE")
        .user("u7")
        .members("g0", &["u0", "u7", "u8", "u9"]);
    assert_eq!(on_users(&world.plan()), ["create_user u7@x.com", "add_membership u7@x.com"]);
    assert_eq!(world.kinds(), [UnresolvedKind::IdentityConflict, UnresolvedKind::IdentityConflict]);
}

#[test]
fn an_address_that_two_would_have_is_given_to_neither_and_taken_from_nobody() {
    let shared = |world: &mut World| {
        profile(world, "u8", "email", "Same@x.com");
        profile(world, "u9", "email", "same@x.com");
    };
    let newcomers = in_sync(1, 1, &over_scim("")).user("u8").user("u9").members("g0", &["u0", "u8", "u9"]).with(shared);
    assert!(newcomers.plan().is_empty());
    assert_eq!(newcomers.kinds(), [UnresolvedKind::BadRecord, UnresolvedKind::BadRecord]);
    let holder = in_sync(1, 2, &over_scim("")).user("u9").members("g0", &["u0", "u1", "u9"]).with(|world| {
        profile(world, "u9", "email", "U0@x.com");
        profile(world, "u0", "title", "Dr");
    });
    assert_eq!(on_users(&holder.plan()), ["update u0@x.com title"], "whoever has it keeps it, and is changed like anyone");
    assert_eq!(holder.kinds(), [UnresolvedKind::BadRecord]);
    let of_a_stranger = in_sync(2, 1, &over_scim("")).members("g0", &[]).with(|world| profile(world, "u1", "email", "u0@x.com"));
    assert_eq!(on_users(&of_a_stranger.plan()), ["remove_membership u0@x.com"], "a user whom no group lists has an address too");
    assert_eq!(of_a_stranger.kinds(), [UnresolvedKind::BadRecord]);
}

#[test]
fn a_user_whom_identity_center_would_not_take_is_refused_with_the_reason_and_stays_as_they_are() {
    let refused = in_sync(1, 2, &over_scim("")).with(|world| profile(world, "u0", "title", &"x".repeat(1025)));
    assert!(refused.plan().is_empty());
    assert!(refused.unresolved()[0].reason.ends_with("; the user stays as it is"), "{:?}", refused.unresolved());
    let at_most = in_sync(1, 2, &over_scim("")).with(|world| profile(world, "u0", "title", &"x".repeat(1024)));
    assert_eq!(on_users(&at_most.plan()), ["update u0@x.com title"]);
}

#[test]
fn users_disabled_and_deleted_have_a_limit_that_counts_each_once() {
    let leavers = |limit: u64| {
        let policy = over_scim("on_not_entitled = 'delete'") + &format!("[guard]\nmax_user_removals = {limit}\n");
        let world = in_sync(1, 9, &policy).user_like("u0", "u0@x.com", "SUSPENDED");
        world.user_like("u1", "u1@x.com", "DEPROVISIONED").user_like("u2", "u2@x.com", "DEPROVISIONED")
    };
    let judgement = leavers(3).judged();
    assert!(judgement.held.is_empty());
    assert_eq!((judgement.spend.users.len(), judgement.spend.leavers.len(), judgement.spend.memberships.len()), (3, 3, 0));
    assert_eq!(held(&leavers(2).judged()), [(Rule::MaxUserRemovals, 2, 3, 3)]);
    let window = |users: &[&str]| Window::Used(Usage { users: users.iter().map(|id| user_id(id)).collect(), ..Usage::default() });
    assert!(leavers(3).judged_with(&window(&["U0", "U1"]), None).unwrap().held.is_empty(), "they came back");
    assert_eq!(held(&leavers(3).judged_with(&window(&["U8"]), None).unwrap()), [(Rule::MaxUserRemovals, 3, 4, 3)]);
    let nobody = in_sync(1, 2, &(over_scim("") + "[guard]\nmax_user_removals = 0\n")).members("g0", &["u0"]);
    assert!(nobody.judged_with(&window(&["U8"]), None).unwrap().held.is_empty(), "an old use holds nothing that is not asked for");
}

#[test]
fn whoever_keeps_a_membership_is_not_deleted() {
    let policy = over_scim("on_not_entitled = 'delete'") + "[guard]\nmax_leavers = 1\nprotected_groups = ['^AWS-0$']\n";
    let world = in_sync(2, 2, &policy).user_like("u0", "u0@x.com", "DEPROVISIONED").user_like("u2", "u2@x.com", "DEPROVISIONED").user_like(
        "u3",
        "u3@x.com",
        "DEPROVISIONED",
    );
    let judgement = world.judged();
    assert_eq!(held(&judgement), [(Rule::ProtectedGroups, 0, 1, 2), (Rule::MaxLeavers, 1, 2, 2)]);
    assert_eq!(on_users(&judgement.approved), ["remove_membership u2@x.com", "delete_user u2@x.com"]);
    assert_eq!(on_users(&judgement.held.entries[0].actions), ["remove_membership u0@x.com", "delete_user u0@x.com"]);
}

#[test]
fn while_functions_disagree_on_the_policy_leavers_are_still_deleted() {
    let policy = over_scim("on_not_entitled = 'delete'");
    let world = in_sync(1, 3, &policy).user_like("u0", "u0@x.com", "DEPROVISIONED").members("g0", &["u0", "u1"]);
    let mut facts = world.facts();
    facts.policy_changed = true;
    let window = Window::Used(Usage::default());
    let judgement = sync_core::guard::judge(world.plan(), &facts, &world.policy.guard, &window, None).unwrap();
    assert_eq!(held(&judgement), [(Rule::PolicyChanged, 0, 1, 1)]);
    assert_eq!(on_users(&judgement.approved), ["remove_membership u0@x.com", "delete_user u0@x.com"]);
    assert_eq!(on_users(&world.plan().grants_and(&MayRemove::LeaversOnly)), ["remove_membership u0@x.com", "delete_user u0@x.com"]);
}

#[test]
fn planning_of_users_commutes_with_scoping() {
    let policy = over_scim("on_not_entitled = 'delete'");
    let world = in_sync(2, 3, &policy).user("u9").members("g1", &["u3", "u4", "u5", "u9"]).with(|world| {
        profile(world, "u0", "title", "Dr");
        profile(world, "u4", "title", "Dr");
    });
    let world = world.user_like("u1", "u1@x.com", "DEPROVISIONED").user_like("u5", "u5@x.com", "SUSPENDED");
    let desired = resolve(&world.okta, &world.actual, &world.policy).0;
    for (restriction, expected) in [
        (Restriction::Groups([okta_group("g0")].into()), 3),
        (Restriction::Groups([okta_group("g1")].into()), 5),
        (Restriction::Groups(BTreeSet::new()), 0),
        (Restriction::Users([user_id("U0"), user_id("U1")].into()), 3),
        (Restriction::Users([user_id("U5")].into()), 2),
    ] {
        let part = plan(&restriction.of_desired(&desired), &restriction.of_actual(&world.actual));
        assert_eq!(part, restriction.of_plan(&world.plan()), "{restriction:?}");
        assert_eq!(part.len(), expected, "{restriction:?}: {:?}", lines(&part));
    }
}

#[test]
fn only_who_was_told_by_their_name_alone_is_remembered() {
    let seen = |world: &World| told_by_name(&world.okta, &world.actual).into_iter().collect::<Vec<_>>();
    let nameless = |world: World| world.with(|world| world.actual.users.get_mut(&user_id("U0")).unwrap().external_ids.clear());
    assert!(seen(&World::in_sync(1, 2, "")).is_empty(), "an externalId tells them for good");
    let by_name = nameless(World::in_sync(1, 2, ""));
    assert_eq!(seen(&by_name), [(okta_user("u0"), user_id("U0"))]);
    assert!(seen(&by_name.with(|world| drop(world.actual.pins.insert(okta_user("u0"), user_id("U0"))))).is_empty(), "remembered already");
}
