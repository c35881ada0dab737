//! Random worlds with managed users.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::{World, okta_user, user_id};
use proptest::prelude::*;
use sync_core::actual::Grace;
use sync_core::profile::{Attribute, UserDetails};
use sync_core::snapshot::UserSighting;

pub(super) const USERS: usize = 6;
pub(super) const GROUPS: usize = 3;

#[derive(Debug, Clone)]
struct UserSpec {
    standing: &'static str,
    login_of: usize,
    email_of: usize,
    title: Option<&'static str>,
    grace: Option<Grace>,
    record: Record,
}

/// What Identity Center has of a user.
#[derive(Debug, Clone)]
struct Record {
    kind: Kind,
    is_pinned: bool,
    is_renamed: bool,
    is_enabled: Option<bool>,
    is_read: bool,
    has_old_address: bool,
    title: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Absent,
    /// Without an externalId.
    Nameless,
    /// With the Okta user's id as its externalId.
    Labelled,
    /// With somebody else's.
    SomeoneElse,
}

#[derive(Debug, Clone)]
struct GroupSpec {
    presence: u8,
    members: BTreeSet<usize>,
    is_marked: bool,
    held: BTreeSet<usize>,
}

#[derive(Debug, Clone)]
struct PolicySpec {
    transport_and_farewell: (&'static str, &'static str),
    grace_hours: u32,
    max_user_removals: u64,
    max_leavers: u64,
    is_protected: bool,
}

fn title() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![None, None, Some("Dr"), Some("Ms")])
}

/// Mostly their own, else somebody's.
fn whose() -> impl Strategy<Value = usize> {
    prop_oneof![6 => Just(usize::MAX), 1 => 0..USERS]
}

prop_compose! {
    fn record()(
        kind in prop::sample::select(vec![Kind::Absent, Kind::Nameless, Kind::Labelled, Kind::Labelled, Kind::SomeoneElse]),
        (is_pinned, is_renamed) in (any::<bool>(), prop::bool::weighted(0.2)),
        is_enabled in prop::sample::select(vec![Some(true), Some(true), Some(false), None]),
        is_read in prop::bool::weighted(0.9),
        has_old_address in prop::bool::weighted(0.2),
        title in title(),
    ) -> Record {
        Record { kind, is_pinned, is_renamed, is_enabled, is_read, has_old_address, title }
    }
}

prop_compose! {
    fn user_spec()(
        standing in prop::sample::select(vec![
            "ACTIVE", "ACTIVE", "ACTIVE", "LOCKED_OUT", "SUSPENDED", "DEPROVISIONED", "DEPROVISIONED", "STAGED", "ODD", "GONE", "UNREAD",
        ]),
        (login_of, email_of) in (whose(), whose()),
        title in title(),
        grace in prop::sample::select(vec![None, None, Some(Grace::Running), Some(Grace::Over)]),
        record in record(),
    ) -> UserSpec {
        UserSpec { standing, login_of, email_of, title, grace, record }
    }
}

fn group_spec() -> impl Strategy<Value = GroupSpec> {
    let some = || prop::collection::btree_set(0..USERS, 0..USERS);
    let spec = |(presence, members, is_marked, held)| GroupSpec { presence, members, is_marked, held };
    (0..8u8, some(), prop::bool::weighted(0.8), some()).prop_map(spec)
}

prop_compose! {
    fn policy_spec()(
        transport_and_farewell in prop::sample::select(vec![
            ("scim", "remove_memberships"), ("scim", "disable"), ("scim", "delete"),
            ("identity_store", "remove_memberships"), ("identity_store", "delete"),
        ]),
        grace_hours in prop::sample::select(vec![0, 24]),
        (max_user_removals, max_leavers) in (0..4u64, 0..5u64),
        is_protected in prop::bool::weighted(0.2),
    ) -> PolicySpec {
        PolicySpec { transport_and_farewell, grace_hours, max_user_removals, max_leavers, is_protected }
    }
}

fn policy(spec: &PolicySpec) -> String {
    let (transport, farewell) = spec.transport_and_farewell;
    format!(
        "[users]\nmode = 'managed'\non_not_entitled = '{farewell}'\ngrace_hours = {}\n[users.attributes]\ntitle = 'profile.title'\n\
         [writes]\ntransport = '{transport}'\n[guard]\nmax_user_removals = {}\nmax_leavers = {}\n{}",
        spec.grace_hours,
        spec.max_user_removals,
        spec.max_leavers,
        if spec.is_protected { "protected_groups = ['^AWS-0$']\n" } else { "" }
    )
}

prop_compose! {
    pub(super) fn worlds()(
        users in prop::collection::vec(user_spec(), USERS),
        groups in prop::collection::vec(group_spec(), GROUPS),
        policy_spec in policy_spec(),
    ) -> World {
        let mut world = World::new(&policy(&policy_spec)).with(|world| world.actual.lists_all_users = true);
        world = world.directory_group("CT", "AWSControlTowerAdmins", "by Control Tower", &[]);
        world = in_directory(world, "HAND", "by-hand@x.com", &[], &users[0].record);
        for (u, spec) in users.iter().enumerate() {
            world = with_directory_user(with_okta_user(world, u, spec), u, spec);
        }
        for (g, spec) in groups.iter().enumerate() {
            world = with_group(world, g, spec);
        }
        world.member("CT", "HAND")
    }
}

fn with_okta_user(world: World, u: usize, spec: &UserSpec) -> World {
    let id = format!("u{u}");
    let owner = if spec.login_of == usize::MAX { u } else { spec.login_of };
    let world = match spec.standing {
        "GONE" => world.with(|world| drop(world.okta.users.insert(okta_user(&id), UserSighting::Gone))),
        "UNREAD" => world.with(|world| drop(world.okta.users.insert(okta_user(&id), UserSighting::StatusUnread))),
        status => world.user_like(&id, &format!("u{owner}@x.com"), status),
    };
    world.with(|world| {
        if let Some(UserSighting::Present(user)) = world.okta.users.get_mut(&okta_user(&id)) {
            let owner = if spec.email_of == usize::MAX { u } else { spec.email_of };
            user.profile.insert("email".to_owned(), format!("mail{owner}@x.com"));
            user.profile.extend(spec.title.map(|title| ("title".to_owned(), title.to_owned())));
        }
        world.actual.departing.extend(spec.grace.map(|grace| (okta_user(&id), grace)));
    })
}

fn with_directory_user(world: World, u: usize, spec: &UserSpec) -> World {
    let (okta_id, id) = (format!("u{u}"), format!("U{u}"));
    let name = if spec.record.is_renamed { format!("formerly-u{u}@x.com") } else { format!("u{u}@x.com") };
    let elsewhere = format!("elsewhere-{u}");
    let external_ids: &[&str] = match spec.record.kind {
        Kind::Absent => return world,
        Kind::Nameless => &[],
        Kind::Labelled => &[&okta_id],
        Kind::SomeoneElse => &[&elsewhere],
    };
    let is_pinned = spec.record.is_pinned && spec.record.kind == Kind::Nameless;
    in_directory(world, &id, &name, external_ids, &spec.record).with(|world| {
        if is_pinned {
            world.actual.pins.insert(okta_user(&okta_id), user_id(&id));
        }
    })
}

/// A user with the attributes that fallbacks make of a login.
fn in_directory(world: World, id: &str, name: &str, external_ids: &[&str], record: &Record) -> World {
    let nick = name.split('@').next().unwrap_or(name).to_owned();
    let names = [Attribute::GivenName, Attribute::FamilyName, Attribute::DisplayName].map(|name| (name, nick.clone()));
    let number = id.trim_start_matches('U');
    let email = if record.has_old_address { format!("old{number}@x.com") } else { format!("mail{number}@x.com") };
    let title = record.title.map(|title| (Attribute::Title, title.to_owned()));
    let attributes: BTreeMap<_, _> = names.into_iter().chain([(Attribute::Email, email)]).chain(title).collect();
    let details = record.is_read.then(|| Box::new(UserDetails { attributes, is_enabled: record.is_enabled, revision: None }));
    world.directory_user(id, name, external_ids).with(|world| {
        if let Some(user) = world.actual.users.get_mut(&user_id(id)) {
            user.details = details;
        }
    })
}

fn with_group(world: World, g: usize, spec: &GroupSpec) -> World {
    let (id, name, directory) = (format!("g{g}"), format!("AWS-{g}"), format!("G{g}"));
    let members: Vec<String> = spec.members.iter().map(|u| format!("u{u}")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let world = match spec.presence {
        0 => world.gone(&id),
        1 => world.okta_group(&id, &format!("other-{g}"), &members),
        2 => world.okta_group(&id, &name, &members).short_list(&id, &members, 99),
        _ => world.okta_group(&id, &name, &members),
    };
    if !spec.is_marked {
        return world;
    }
    let held = spec.held.iter().map(|u| format!("U{u}"));
    let held: Vec<String> = held.filter(|user| world.actual.users.contains_key(&user_id(user))).collect();
    held.iter().fold(world.marked(&directory, &name, &id), |world, user| world.member(&directory, user))
}
