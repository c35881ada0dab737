//! What is planned, world by world.

use crate::world::{World, group_id, lines, okta_group, okta_user, user_id};
use insta::assert_debug_snapshot;
use sync_core::action::{Action, Phase};
use sync_core::plan::{MayRemove, plan};
use sync_core::reading::Reading;
use sync_core::resolve::resolve;
use sync_core::snapshot::{GroupSighting, UserSighting};
use sync_core::unresolved::UnresolvedKind;

#[test]
fn a_world_in_sync_needs_nothing() {
    let world = World::in_sync(3, 4, "");
    assert!(world.plan().is_empty());
    assert!(world.unresolved().is_empty());
}

#[test]
fn a_first_run_makes_groups_and_memberships() {
    let world = World::new("").user("u1").user("u2").provisioned("u1").okta_group("g1", "AWS-new", &["u1", "u2"]).okta_group(
        "g2",
        "other",
        &["u1"],
    );
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "EnsureGroup create_group AWS-new: managed in Okta, and not in Identity Center",
        "Grant add_membership AWS-new u1@x.com: a member in Okta",
    ]
    "#);
    assert_eq!(world.kinds(), [UnresolvedKind::UserNotProvisioned], "s15: a member whom Identity Center does not have");
}

#[test]
fn a_made_group_carries_the_mark_after_oktas_text() {
    let plan = World::new("").okta_group("g1", "AWS-new", &[]).plan();
    let (_, action) = plan.actions().next().unwrap();
    let Action::CreateGroup { description, .. } = action else { panic!("{action:?}") };
    assert_eq!(description, "about AWS-new [okta:acme.okta.com/g1]");
}

#[test]
fn s09_what_is_not_ours_is_in_no_plan_and_a_foreign_member_of_a_managed_group_goes() {
    let world = World::in_sync(1, 2, "")
        .directory_group("CT", "AWSControlTowerAdmins", "made by Control Tower", &[])
        .directory_group("ORG2", "AWS-other", "[okta:other.okta.com/g9]", &[])
        .directory_group("SCIM", "AWS-scim", "", &["00g-elsewhere"])
        .directory_user("MANUAL", "breakglass", &[])
        .member("CT", "MANUAL")
        .member("ORG2", "MANUAL")
        .member("G0", "MANUAL");
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "Revoke remove_membership AWS-0 breakglass: not a member in Okta",
    ]
    "#);
}

#[test]
fn s10_a_rename_keeps_the_group_and_touches_no_membership() {
    let world = World::in_sync(1, 3, "").okta_group("g0", "AWS-renamed", &["u0", "u1", "u2"]);
    let plan = world.plan();
    assert_debug_snapshot!(lines(&plan), @r#"
    [
        "EnsureGroup rename_group AWS-renamed: renamed in Okta from \"AWS-0\"",
    ]
    "#);
    assert!(plan.actions().all(|(_, action)| action.group_id() == Some(&group_id("G0"))));
}

#[test]
fn renames_that_hand_names_on_are_done_in_one_plan() {
    let world = World::in_sync(2, 1, "").okta_group("g0", "AWS-1", &["u0"]).okta_group("g1", "AWS-2", &["u1"]);
    assert_eq!(world.plan().len(), 2);
    assert!(world.unresolved().is_empty());
}

#[test]
fn s11_a_changed_login_keeps_its_user_by_external_id() {
    let world = World::in_sync(1, 2, "").user_like("u0", "ada.new@x.com", "ACTIVE");
    assert!(world.plan().is_empty());
}

#[test]
fn s11_a_changed_login_keeps_its_user_by_the_pin_of_an_earlier_run() {
    let world = World::in_sync(1, 2, "").directory_user("U0", "u0@x.com", &[]).user_like("u0", "ada.new@x.com", "ACTIVE");
    assert_eq!(world.plan().len(), 1, "without externalId and pin nobody can know, and the guard's limits are what is left");
    let pinned = world.with(|world| drop(world.actual.pins.insert(okta_user("u0"), user_id("U0"))));
    assert!(pinned.plan().is_empty());
}

#[test]
fn s12_a_recycled_login_gets_nothing_and_hands_nothing_over() {
    let world = World::in_sync(2, 1, "").user_like("u9", "u0@x.com", "ACTIVE").members("g0", &[]).members("g1", &["u1", "u9"]);
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "Revoke remove_membership AWS-0 u0@x.com: not a member in Okta",
    ]
    "#);
    assert_eq!(world.kinds(), [UnresolvedKind::IdentityConflict]);
}

#[test]
fn s12_a_recycled_login_without_external_ids_is_told_by_the_pin() {
    let world = World::in_sync(1, 1, "")
        .directory_user("U0", "u0@x.com", &[])
        .with(|world| drop(world.actual.pins.insert(okta_user("u0"), user_id("U0"))))
        .user_like("u9", "u0@x.com", "ACTIVE")
        .okta_group("g5", "AWS-5", &["u9"]);
    assert_eq!(world.kinds(), [UnresolvedKind::IdentityConflict]);
    assert!(world.plan().actions().all(|(_, action)| action.user_id().is_none()));
}

#[test]
fn s13_case_and_composition_do_not_make_another_user() {
    let world = World::in_sync(1, 1, "").directory_user("U0", "Jose\u{301}@x.com", &[]).user_like("u0", "JOSÉ@X.com", "ACTIVE");
    assert!(world.plan().is_empty());
    assert!(world.unresolved().is_empty());
}

#[test]
fn s13_twins_that_differ_in_case_are_a_conflict_and_neither_is_removed() {
    let world = World::in_sync(1, 1, "")
        .directory_user("U0", "u0@x.com", &[])
        .user_like("u0", "u0@x.com", "ACTIVE")
        .user_like("u9", "U0@x.com", "ACTIVE")
        .members("g0", &["u0", "u9"]);
    assert!(world.plan().is_empty());
    assert_eq!(world.kinds(), [UnresolvedKind::IdentityConflict, UnresolvedKind::IdentityConflict]);
}

#[test]
fn s14_groups_that_share_a_name_are_quarantined_and_all_else_goes_on() {
    let world = World::in_sync(3, 2, "").okta_group("g7", "aws-0", &["u3"]).okta_group("g0", "AWS-0", &[]).members("g1", &["u2"]);
    let world = world.with(|world| {
        let Some(GroupSighting::Present(group)) = world.okta.groups.get_mut(&okta_group("g7")) else { panic!("g7 is there") };
        group.name = "AWS-0 ".to_owned();
    });
    assert_eq!(world.kinds(), [UnresolvedKind::DuplicateGroupName, UnresolvedKind::DuplicateGroupName]);
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "Revoke remove_membership AWS-1 u3@x.com: not a member in Okta",
    ]
    "#);
}

#[test]
fn s16_broken_records_are_quarantined_with_their_membership_and_the_others_applied() {
    let long = format!("AWS-{}", "x".repeat(1100));
    let world = World::in_sync(1, 3, "")
        .user_like("u0", "", "ACTIVE")
        .with(|world| drop(world.okta.users.insert(okta_user("u1"), UserSighting::Broken("no profile".to_owned()))))
        .user("u5")
        .provisioned("u5")
        .members("g0", &["u0", "u1", "u2", "u5"])
        .okta_group("g8", &long, &["u5"])
        .okta_group("g9", "AWS-🚀", &["u5"]);
    assert_eq!(world.kinds(), [UnresolvedKind::BadRecord, UnresolvedKind::BadRecord, UnresolvedKind::BadRecord]);
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "EnsureGroup create_group AWS-🚀: managed in Okta, and not in Identity Center",
        "Grant add_membership AWS-0 u5@x.com: a member in Okta",
        "Grant add_membership AWS-🚀 u5@x.com: a member in Okta",
    ]
    "#);
}

#[test]
fn s16_a_member_without_even_an_id_stops_removals_of_its_group_only() {
    let world = World::in_sync(2, 2, "").members("g1", &["u2"]).with(|world| {
        let list = sync_core::snapshot::MemberList { nameless: 1, ..Default::default() };
        world.okta.member_lists.insert(okta_group("g0"), Reading::Known(list));
    });
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "Revoke remove_membership AWS-1 u3@x.com: not a member in Okta",
    ]
    "#);
}

#[test]
fn s17_a_suspended_member_is_a_leaver_and_an_unknown_status_changes_nothing() {
    let world = World::in_sync(1, 3, "").user_like("u0", "u0@x.com", "SUSPENDED").user_like("u1", "u1@x.com", "HIBERNATING");
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "RevokeLeaver remove_membership AWS-0 u0@x.com: status SUSPENDED in Okta does not entitle",
    ]
    "#);
    assert_eq!(world.kinds(), [UnresolvedKind::UnknownStatus]);
}

#[test]
fn statuses_that_are_temporary_keep_access() {
    for status in ["ACTIVE", "PASSWORD_EXPIRED", "LOCKED_OUT", "RECOVERY", "PROVISIONED"] {
        assert!(World::in_sync(1, 1, "").user_like("u0", "u0@x.com", status).plan().is_empty(), "{status}");
    }
    for status in ["STAGED", "SUSPENDED", "DEPROVISIONED"] {
        assert_eq!(World::in_sync(1, 1, "").user_like("u0", "u0@x.com", status).plan().len(), 1, "{status}");
    }
}

#[test]
fn s18_a_user_in_three_groups_loses_only_the_one() {
    let mut world = World::in_sync(3, 1, "");
    for group in ["0", "1", "2"] {
        world = world.members(&format!("g{group}"), &["u0", "u1", "u2"]);
        for user in ["U0", "U1", "U2"] {
            world = world.member(&format!("G{group}"), user);
        }
    }
    let world = world.members("g1", &["u1", "u2"]);
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "Revoke remove_membership AWS-1 u0@x.com: not a member in Okta",
    ]
    "#);
}

#[test]
fn s19_a_group_made_again_under_its_old_name_is_adopted_only_by_policy() {
    let again = |policy| World::in_sync(1, 2, policy).gone("g0").okta_group("g9", "AWS-0", &["u0", "u1"]);
    assert_debug_snapshot!(lines(&again("adopt = 'by_name'\n").plan()), @r#"
    [
        "EnsureGroup adopt_group AWS-0: it has the Okta group's name, and the group that it stood for is gone",
    ]
    "#);
    let kept = again("");
    assert_eq!(kept.kinds(), [UnresolvedKind::NotOurs]);
    assert!(kept.plan().actions().all(|(_, action)| action.name() == "remove_membership"));
}

#[test]
fn adoption_is_by_mark_then_external_id_then_name_as_the_policy_allows() {
    let by_external_id = |policy| World::new(policy).okta_group("g1", "AWS-a", &[]).directory_group("X", "old name", "hello", &["g1"]);
    let by_name = |policy| World::new(policy).okta_group("g1", "AWS-a", &[]).directory_group("X", "aws-A", "", &[]);
    assert_debug_snapshot!(lines(&by_external_id("").plan()), @r#"
    [
        "EnsureGroup adopt_group AWS-a: its externalId is the Okta group's id",
    ]
    "#);
    assert_eq!(lines(&by_external_id("adopt = 'never'\n").plan()).len(), 1, "another group is made, under its own name");
    assert!(by_name("").plan().is_empty());
    assert_eq!(by_name("").kinds(), [UnresolvedKind::NotOurs]);
    assert_debug_snapshot!(lines(&by_name("adopt = 'by_name'\n").plan()), @r#"
    [
        "EnsureGroup adopt_group AWS-a: it has the Okta group's name, and nobody owns it",
    ]
    "#);
}

#[test]
fn a_group_that_another_org_marked_is_never_adopted() {
    let world =
        World::new("adopt = 'by_name'\n").okta_group("g1", "AWS-a", &[]).directory_group("X", "AWS-a", "[okta:other.okta.com/g1]", &["g1"]);
    assert!(world.plan().is_empty());
    assert_eq!(world.kinds(), [UnresolvedKind::NotOurs]);
}

#[test]
fn a_mark_of_a_former_host_is_ours() {
    let world = World::new("").okta_group("g1", "AWS-b", &[]).directory_group("X", "AWS-a", "[okta:old.okta.com/g1]", &[]);
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "EnsureGroup rename_group AWS-b: renamed in Okta from \"AWS-a\"",
    ]
    "#);
}

#[test]
fn two_groups_with_one_mark_are_a_conflict_and_stay_as_they_are() {
    let world = World::in_sync(1, 2, "").marked("G9", "AWS-copy", "g0").members("g0", &[]);
    assert!(world.plan().is_empty());
    assert_eq!(world.kinds(), [UnresolvedKind::IdentityConflict]);
}

#[test]
fn s48_a_group_deleted_by_hand_is_made_again_with_its_members() {
    let world = World::in_sync(1, 2, "").with(|world| {
        world.actual.groups.clear();
        world.actual.group_lists.clear();
    });
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "EnsureGroup create_group AWS-0: managed in Okta, and not in Identity Center",
        "Grant add_membership AWS-0 u0@x.com: a member in Okta",
        "Grant add_membership AWS-0 u1@x.com: a member in Okta",
    ]
    "#);
}

#[test]
fn what_becomes_of_groups_that_are_gone_or_unmatched_is_the_policys() {
    let gone = |policy| lines(&World::in_sync(2, 1, policy).gone("g0").plan());
    assert_debug_snapshot!([gone(""), gone("on_deleted_in_okta = 'delete'\n"), gone("on_deleted_in_okta = 'release'\n")], @r#"
    [
        [
            "Revoke remove_membership AWS-0 u0@x.com: the group is gone from Okta",
        ],
        [
            "DeleteGroup delete_group AWS-0: the group is gone from Okta",
        ],
        [
            "DeleteGroup release_group AWS-0: the group is gone from Okta",
        ],
    ]
    "#);
    let unmatched = |policy| lines(&World::in_sync(2, 1, policy).okta_group("g0", "other", &["u0"]).plan());
    assert_debug_snapshot!([unmatched(""), unmatched("on_unmatched = 'empty'\n")], @r#"
    [
        [
            "DeleteGroup release_group AWS-0: the policy matches the group no more",
        ],
        [
            "Revoke remove_membership AWS-0 u0@x.com: the policy matches the group no more",
        ],
    ]
    "#);
}

#[test]
fn s42_what_could_not_be_read_is_not_touched() {
    let unread_members = World::in_sync(2, 2, "").with(|world| {
        world.okta.member_lists.insert(okta_group("g0"), Reading::Unknown("403".to_owned()));
    });
    assert!(unread_members.plan().is_empty());
    assert_eq!(unread_members.kinds(), [UnresolvedKind::Unreadable]);
    let unread_group = World::in_sync(2, 2, "").with(|world| {
        world.okta.groups.insert(okta_group("g0"), GroupSighting::Unknown("500".to_owned()));
        world.okta.member_lists.remove(&okta_group("g0"));
    });
    assert!(unread_group.plan().is_empty());
    let unread_actual = World::in_sync(2, 2, "").members("g0", &[]).with(|world| {
        world.actual.group_lists.insert(group_id("G0"), Reading::Unknown("throttled".to_owned()));
    });
    assert!(unread_actual.plan().is_empty());
}

#[test]
fn s51_who_moves_gains_before_they_lose_and_a_leaver_goes_first() {
    let world =
        World::in_sync(2, 2, "").members("g0", &["u1"]).members("g1", &["u0", "u2", "u3"]).user_like("u3", "u3@x.com", "DEPROVISIONED");
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "RevokeLeaver remove_membership AWS-1 u3@x.com: status DEPROVISIONED in Okta does not entitle",
        "Grant add_membership AWS-1 u0@x.com: a member in Okta",
        "RevokeMoved remove_membership AWS-0 u0@x.com: not a member in Okta",
    ]
    "#);
}

/// A look at one user, as after an event: their groups, perhaps they themselves, and their memberships.
fn one_user(user: &str, groups: &[&str], sighting: Option<UserSighting>) -> World {
    let mut world = World::in_sync(2, 2, "");
    world.okta.lists_all_groups = false;
    world.okta.member_lists.clear();
    if let Some(sighting) = sighting {
        world.okta.users.insert(okta_user(user), sighting);
    }
    world.okta.users.retain(|id, _| *id == okta_user(user));
    world.okta.user_groups.insert(okta_user(user), Reading::Known(groups.iter().map(|id| okta_group(id)).collect()));
    let mut memberships = std::collections::BTreeMap::new();
    for (group, list) in std::mem::take(&mut world.actual.group_lists) {
        if let Some(id) = list.known().and_then(|members| members.get(&user_id(&user.to_uppercase()))) {
            memberships.insert(group, id.clone());
        }
    }
    world.actual.user_lists.insert(user_id(&user.to_uppercase()), Reading::Known(memberships));
    world
}

#[test]
fn a_look_at_one_user_plans_for_that_user_alone() {
    let added = one_user("u0", &["g0", "g1"], None);
    assert_debug_snapshot!(lines(&added.plan()), @r#"
    [
        "Grant add_membership AWS-1 u0@x.com: a member in Okta",
    ]
    "#);
    let removed = one_user("u0", &[], Some(UserSighting::StatusUnread));
    assert_debug_snapshot!(lines(&removed.plan()), @r#"
    [
        "Revoke remove_membership AWS-0 u0@x.com: not a member in Okta",
    ]
    "#);
}

#[test]
fn a_membership_that_seems_gone_stays_where_the_group_cannot_be_seen() {
    let hidden = one_user("u0", &[], Some(UserSighting::StatusUnread)).not_listed("g0");
    assert!(hidden.plan().is_empty());
    let unread = one_user("u0", &["g0", "g1"], Some(UserSighting::StatusUnread));
    assert!(unread.plan().is_empty(), "nobody is granted anything before their status was read");
}

#[test]
fn a_user_who_is_gone_or_not_entitled_loses_every_membership_of_ours() {
    let gone = one_user("u0", &[], Some(UserSighting::Gone)).not_listed("g0");
    let suspended = one_user("u0", &["g0"], None).user_like("u0", "u0@x.com", "SUSPENDED");
    for world in [gone, suspended] {
        let plan = world.plan();
        assert_eq!(plan.actions().map(|(phase, _)| phase).collect::<Vec<_>>(), [Phase::RevokeLeaver]);
    }
}

#[test]
fn a_trigger_that_only_grants_takes_nothing() {
    let world = World::in_sync(2, 2, "").members("g0", &["u1"]).members("g1", &["u0", "u2", "u3"]);
    let only = |users: &[&str], groups: &[&str]| {
        let users = users.iter().map(|id| okta_user(id)).collect();
        let groups = groups.iter().map(|id| okta_group(id)).collect();
        world.plan().grants_and(&MayRemove::Only { users, groups }).len()
    };
    assert_eq!(world.plan().grants_and(&MayRemove::Everything).len(), 2);
    assert_eq!(only(&[], &[]), 1);
    assert_eq!(only(&["u0"], &[]), 2);
    assert_eq!(only(&[], &["g0"]), 2);
    assert_eq!(only(&["u1"], &["g1"]), 1);
}

#[test]
fn resolve_and_plan_are_functions_of_their_arguments_alone() {
    let world = World::in_sync(3, 3, "").members("g0", &["u1", "u8"]).gone("g2");
    let (desired, unresolved) = resolve(&world.okta, &world.actual, &world.policy);
    assert_eq!((desired.clone(), unresolved), resolve(&world.okta.clone(), &world.actual.clone(), &world.policy));
    assert_eq!(plan(&desired, &world.actual).hash(), plan(&desired, &world.actual.clone()).hash());
}

#[test]
fn a_leaver_loses_a_quarantined_group_too() {
    let world =
        World::in_sync(2, 2, "").okta_group("g7", "AWS-0", &[]).members("g1", &["u0", "u2", "u3"]).user_like("u0", "u0@x.com", "SUSPENDED");
    assert_debug_snapshot!(lines(&world.plan()), @r#"
    [
        "RevokeLeaver remove_membership AWS-0 u0@x.com: status SUSPENDED in Okta does not entitle",
    ]
    "#);
}

#[test]
fn a_member_without_external_id_stays_while_somebody_unknown_may_be_them() {
    let world = || {
        let world = World::in_sync(1, 1, "").directory_user("U5", "five@x.com", &[]).directory_user("U6", "six@x.com", &["u6"]);
        world.member("G0", "U5").member("G0", "U6")
    };
    let removed = |world: &World| {
        let user = |(_, action): (_, &Action)| (action.user().unwrap().okta_id.clone(), action.user_id().unwrap().clone());
        world.plan().actions().map(user).collect::<Vec<_>>()
    };
    let six = || (Some(okta_user("u6")), user_id("U6"));
    assert_eq!(removed(&world()), [(None, user_id("U5")), six()]);
    let broken = world().members("g0", &["u0", "u7"]).with(|world| {
        world.okta.users.insert(okta_user("u7"), UserSighting::Broken("no profile".to_owned()));
    });
    assert_eq!(removed(&broken), [six()], "U5 may be u7, whose record is broken");
    let without_pins = world().with(|world| world.actual.pins_unread = true);
    assert_eq!(removed(&without_pins), [six()], "U5 may be anyone, as long as nobody can say who was who");
    let pinned =
        world().with(|world| world.actual.pins = [("u4", "U4"), ("u5", "U5")].map(|(id, user)| (okta_user(id), user_id(user))).into());
    assert_eq!(removed(&pinned), [(Some(okta_user("u5")), user_id("U5")), six()], "known by the pin of an earlier run");
}

#[test]
fn whoever_may_be_moving_to_a_group_that_was_not_read_keeps_what_they_have() {
    let world = World::in_sync(2, 2, "").members("g0", &["u1"]).members("g1", &["u0", "u2", "u3"]);
    assert_eq!(world.plan().len(), 2);
    let unread = world.with(|world| drop(world.actual.group_lists.insert(group_id("G1"), Reading::Unknown("throttled".to_owned()))));
    assert!(unread.plan().is_empty(), "{:?}", lines(&unread.plan()));
}
