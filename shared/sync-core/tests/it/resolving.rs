//! Which group and which user stands for which, and what is said where nobody can tell.

use crate::world::{World, group_id, lines, okta_group, okta_user, user_id};
use sync_core::reading::Reading;
use sync_core::records::UserStatus;
use sync_core::snapshot::{GroupSighting, UserSighting};
use sync_core::unresolved::UnresolvedKind;

/// Kind, Okta id, name and reason of what is unresolved.
fn said(world: &World) -> Vec<(UnresolvedKind, String, String, String)> {
    let entries = world.unresolved().into_iter();
    entries.map(|entry| (entry.kind, entry.okta_id.unwrap_or_default(), entry.name, entry.reason)).collect()
}

fn said_of(world: &World, okta_id: &str) -> (UnresolvedKind, String, String) {
    let mut entries: Vec<_> = said(world).into_iter().filter(|(_, id, _, _)| id == okta_id).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    entries.pop().map(|(kind, _, name, reason)| (kind, name, reason)).expect("it has one entry")
}

#[test]
fn a_group_that_would_stand_for_two_okta_groups_stands_for_neither() {
    let world = World::new("").okta_group("g1", "AWS-1", &[]).okta_group("g2", "AWS-2", &[]).okta_group("g3", "AWS-3", &[]);
    let world = world.directory_group("G1", "AWS-1", "", &["g1", "g2"]);
    assert_eq!(lines(&world.plan()).len(), 1, "AWS-3 is made: {:?}", lines(&world.plan()));
    for claimant in ["g1", "g2"] {
        let (kind, _, reason) = said_of(&world, claimant);
        assert_eq!(kind, UnresolvedKind::IdentityConflict);
        assert_eq!(reason, "group G1 would stand for each of the Okta groups g1, g2; give each its own");
    }
}

#[test]
fn whoever_cannot_get_their_name_gives_none_up_to_others() {
    let world = World::in_sync(3, 1, "").directory_group("X", "AWS-taken", "by hand", &[]);
    let world = world.okta_group("g0", "AWS-taken", &["u0"]).okta_group("g1", "AWS-0", &["u1"]).okta_group("g2", "AWS-1", &["u2"]);
    assert!(world.plan().is_empty(), "{:?}", lines(&world.plan()));
    let (kind, name, reason) = said_of(&world, "g0");
    assert_eq!((kind, name.as_str()), (UnresolvedKind::NotOurs, "AWS-taken"));
    assert!(reason.starts_with("group X has this name, and is not ours"), "{reason}");
    for (id, holder) in
        [("g1", "group G0 has this name, and stands for Okta group g0"), ("g2", "group G1 has this name, and stands for Okta group g1")]
    {
        let (kind, _, reason) = said_of(&world, id);
        assert_eq!((kind, reason.as_str()), (UnresolvedKind::DuplicateGroupName, holder));
    }
    let joined = world.user("u8").provisioned("u8").members("g0", &["u0", "u8"]);
    assert_eq!(lines(&joined.plan()), ["Grant add_membership AWS-taken u8@x.com: a member in Okta"], "its members go on");
}

#[test]
fn a_name_that_a_group_of_a_gone_okta_group_holds_is_said_with_what_to_do() {
    let world = World::in_sync(1, 0, "").gone("g0").okta_group("g7", "AWS-0", &[]);
    let (kind, _, reason) = said_of(&world, "g7");
    assert_eq!(kind, UnresolvedKind::NotOurs);
    assert!(reason.starts_with("group G0 still has this name, for an Okta group that is gone"), "{reason}");
}

#[test]
fn adoption_by_name_takes_only_what_nobody_owns() {
    let adopting = |description: &str, external_ids: &[&str]| {
        let world = World::new("adopt = 'by_name'\n").okta_group("g1", "AWS-1", &[]);
        let world = world.directory_group("G1", "AWS-1", description, external_ids);
        lines(&world.with(|world| drop(world.okta.groups.insert(okta_group("g9"), GroupSighting::Gone))).plan()).len()
    };
    assert_eq!(adopting("by hand", &[]), 1);
    assert_eq!(adopting("by hand", &["someone-elses"]), 0);
    assert_eq!(adopting("[okta:acme.okta.com/g9]", &[]), 1, "its Okta group is gone");
    assert_eq!(adopting("[okta:acme.okta.com/g8]", &[]), 0, "nobody says that its Okta group is gone");
    assert_eq!(adopting("[okta:other.okta.com/g9]", &[]), 0, "another org's");
}

#[test]
fn one_mark_on_several_groups_is_said_with_their_ids_and_names() {
    let twice = |world: World| world.marked("G0", "AWS-0", "g0").marked("G9", "AWS-9", "g0");
    let (kind, _, reason) = said_of(&twice(World::new("").okta_group("g0", "AWS-0", &[])), "g0");
    assert_eq!((kind, reason.as_str()), (UnresolvedKind::IdentityConflict, "its mark is on several groups: G0, G9"));
    let gone = twice(World::new("").okta_group("g1", "AWS-1", &[]).gone("g0"));
    let (kind, name, reason) = said_of(&gone, "g0");
    assert_eq!((kind, name.as_str()), (UnresolvedKind::IdentityConflict, "AWS-0, AWS-9"));
    assert_eq!(reason, "its mark is on several groups: G0, G9");
}

#[test]
fn a_group_that_could_not_be_read_by_its_id_is_said_once() {
    let world = |marked: bool, lists_all: bool| {
        let world = World::in_sync(2, 1, "").with(|world| {
            world.okta.lists_all_groups = lists_all;
            world.okta.groups.insert(okta_group("g7"), GroupSighting::Unknown("500".to_owned()));
        });
        said(&if marked { world.marked("G7", "AWS-7", "g7") } else { world })
    };
    let entry = |name: &str| vec![(UnresolvedKind::Unreadable, "g7".to_owned(), name.to_owned(), "500".to_owned())];
    assert_eq!(world(false, false), entry(""));
    assert_eq!(world(true, false), entry("AWS-7"));
    assert_eq!(world(true, true), entry("AWS-7"));
    assert!(world(false, true).is_empty(), "what is broken in a list is said where the list is read");
}

#[test]
fn only_groups_of_the_app_are_managed_where_an_app_is_given() {
    let world = World::new("").okta_group("g1", "AWS-1", &[]).okta_group("g2", "AWS-2", &[]).okta_group("g3", "other", &[]);
    let world = world.with(|world| world.okta.assigned = Some(["g2", "g3"].map(okta_group).into()));
    assert_eq!(lines(&world.plan()), ["EnsureGroup create_group AWS-2: managed in Okta, and not in Identity Center"]);
}

#[test]
fn a_user_is_called_by_their_login_and_without_one_by_their_user_name() {
    let leaver = |login: &str| {
        let world = World::in_sync(1, 2, "").directory_user("U0", "in-aws@x.com", &["u0"]).user_like("u0", login, "SUSPENDED");
        world.plan().actions().filter_map(|(_, action)| Some(action.user()?.name.clone())).collect::<Vec<_>>()
    };
    assert_eq!(leaver("in-okta@x.com"), ["in-okta@x.com"]);
    assert_eq!(leaver(""), ["in-aws@x.com"]);
}

#[test]
fn whoever_the_group_lists_stays_whatever_their_own_list_of_groups_lacks() {
    let without_g0 = |world: &mut World| drop(world.okta.user_groups.insert(okta_user("u0"), Reading::Known([].into())));
    assert!(World::in_sync(2, 2, "").with(without_g0).plan().is_empty());
    let unlisted = World::in_sync(2, 2, "").with(without_g0).with(|world| world.okta.member_lists.clear());
    assert_eq!(lines(&unlisted.plan()), ["Revoke remove_membership AWS-0 u0@x.com: not a member in Okta"]);
}

#[test]
fn a_conflict_is_said_of_those_too_who_are_not_entitled_and_nobody_is_removed_for_it() {
    let world = World::in_sync(1, 2, "").with(|world| {
        world.actual.users.get_mut(&user_id("U1")).expect("it is in sync").external_ids = vec!["u0".to_owned()];
        let Some(UserSighting::Present(user)) = world.okta.users.get_mut(&okta_user("u0")) else { return };
        user.status = UserStatus::Suspended;
    });
    let (kind, _, reason) = said_of(&world, "u0");
    assert_eq!(kind, UnresolvedKind::IdentityConflict);
    assert_eq!(reason, "it is the externalId of several users: U0, U1");
    assert!(world.plan().is_empty(), "{:?}", lines(&world.plan()));
}

#[test]
fn a_user_name_proves_nothing_while_pins_are_unread_and_belongs_to_whom_it_is_pinned() {
    let nameless = || World::in_sync(1, 1, "").directory_user("U9", "u9@x.com", &[]).user("u9").members("g0", &["u0", "u9"]);
    assert_eq!(lines(&nameless().plan()), ["Grant add_membership AWS-0 u9@x.com: a member in Okta"]);
    let unread = nameless().with(|world| world.actual.pins_unread = true);
    assert!(unread.plan().is_empty());
    assert_eq!(said_of(&unread, "u9").0, UnresolvedKind::Unreadable);
    let in_it = unread.member("G0", "U9").members("g0", &["u0", "u9"]);
    assert!(in_it.plan().is_empty(), "whoever may be them stays");
    let pinned = nameless().with(|world| drop(world.actual.pins.insert(okta_user("u5"), user_id("U9"))));
    assert!(pinned.plan().is_empty());
    let (kind, _, reason) = said_of(&pinned, "u9");
    assert_eq!(kind, UnresolvedKind::IdentityConflict);
    assert!(reason.starts_with("user U9 has this userName and belongs to Okta user u5"), "{reason}");
}

#[test]
fn two_okta_users_who_would_be_one_are_a_conflict_and_keep_what_they_have() {
    let world = World::in_sync(1, 2, "").with(|world| {
        for user in world.actual.users.values_mut() {
            user.external_ids.clear();
        }
        world.actual.pins = [("u0", "U0"), ("u1", "U0")].map(|(id, user)| (okta_user(id), user_id(user))).into();
    });
    assert!(lines(&world.plan()).iter().all(|line| !line.contains("u0@")), "{:?}", lines(&world.plan()));
    for twin in ["u0", "u1"] {
        let (kind, _, reason) = said_of(&world, twin);
        assert_eq!(kind, UnresolvedKind::IdentityConflict);
        assert_eq!(reason, "user U0 would be each of the Okta users u0, u1; rename all but one of them");
    }
}

#[test]
fn a_member_who_could_not_be_identified_is_said_and_stays() {
    let world = World::in_sync(1, 1, "").member("G0", "U7").member("G0", "U8").directory_user("U8", "eight@x.com", &["u8"]);
    let (kind, _, reason) = said_of(&world, "g0");
    assert_eq!(kind, UnresolvedKind::Unreadable);
    assert_eq!(reason, "1 of its members in Identity Center, U7 among them, could not be identified: they stay");
    assert_eq!(lines(&world.plan()), ["Revoke remove_membership AWS-0 eight@x.com: not a member in Okta"]);
    assert!(world.actual.known_members(&group_id("G0")).contains_key(&user_id("U7")));
}
