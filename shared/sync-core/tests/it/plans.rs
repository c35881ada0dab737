//! What can be told of a plan, and taken from it.

use crate::world::{World, lines, okta_user, user_id};
use insta::assert_debug_snapshot;
use sync_core::plan::MayRemove;

#[test]
fn a_run_that_may_only_take_from_leavers_grants_as_well() {
    let world = World::in_sync(2, 3, "").members("g0", &["u0", "u1", "u3"]).user_like("u4", "u4@x.com", "SUSPENDED");
    assert_debug_snapshot!(lines(&world.plan().grants_and(&MayRemove::LeaversOnly)), @r#"
    [
        "RevokeLeaver remove_membership AWS-1 u4@x.com: status SUSPENDED in Okta does not entitle",
        "Grant add_membership AWS-0 u3@x.com: a member in Okta",
    ]
    "#);
    assert_eq!(world.plan().len(), 3, "u2 is no member any more, and no leaver");
}

#[test]
fn losers_are_those_taken_out_and_the_members_of_deleted_groups_and_no_leaver() {
    let policy = "on_deleted_in_okta = 'delete'\n";
    let world = World::in_sync(3, 2, policy).members("g0", &["u1", "u2"]).gone("g1").user_like("u4", "u4@x.com", "SUSPENDED");
    assert_eq!(world.plan().len(), 4, "{:?}", lines(&world.plan()));
    assert_eq!(world.plan().losers(&world.actual), ["u0", "u2", "u3"].map(okta_user).into());
}

#[test]
fn of_a_plan_what_these_leavers_lose_can_be_taken_and_put_to_another() {
    let world = World::in_sync(1, 4, "").members("g0", &["u0", "u1", "u2"]);
    let world = world.user_like("u0", "u0@x.com", "SUSPENDED").user_like("u1", "u1@x.com", "SUSPENDED");
    let of_u1 = world.plan().of_leavers(&["u1", "u3"].map(okta_user).into());
    assert_debug_snapshot!(lines(&of_u1), @r#"
    [
        "RevokeLeaver remove_membership AWS-0 u1@x.com: status SUSPENDED in Okta does not entitle",
    ]
    "#);
    let of_u0 = world.plan().of_leavers(&[okta_user("u0")].into());
    assert_eq!(of_u1.and(of_u0), world.plan().grants_and(&MayRemove::LeaversOnly));
    let leavers = sync_core::resolve::leavers(&world.okta, &world.actual, &world.policy);
    assert_eq!(leavers, ["U0", "U1"].map(user_id).into());
}

#[test]
fn the_hash_tells_groups_and_users_and_is_the_same_before_a_group_is_made_and_after() {
    let only_adds = |world: World| world.plan().partition(|action| action.name() == "add_membership").0;
    let adds = |group: &str, user: &str| {
        let world = World::in_sync(2, 1, "").user("u8").user("u9").provisioned("u8").provisioned("u9");
        let kept = group.replace('g', "u");
        only_adds(world.members(group, &[&kept, user]))
    };
    let plans = [adds("g0", "u8"), adds("g0", "u9"), adds("g1", "u8")];
    assert!(plans.iter().all(|plan| plan.len() == 1));
    let hashes: std::collections::BTreeSet<_> = plans.iter().map(sync_core::plan::Plan::hash).collect();
    assert_eq!(hashes.len(), plans.len());
    let made = only_adds(World::new("").user("u8").provisioned("u8").okta_group("g0", "AWS-0", &["u8"]));
    assert_eq!((made.len(), made.hash()), (1, adds("g0", "u8").hash()));
}
