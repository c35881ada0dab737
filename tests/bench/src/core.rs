//! The core at scale: how long planning takes beside hashing the same input once, and what it holds in memory. In processor time, so that
//! a busy machine does not matter much.

use std::collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher};
use std::hash::{Hash, Hasher};

use sync_core::actual::ActualState;
use sync_core::ids::{GroupId, MembershipId, OktaGroupId, OktaUserId, UserId};
use sync_core::plan::plan;
use sync_core::policy::Policy;
use sync_core::reading::Reading;
use sync_core::records::{DirectoryGroup, DirectoryUser, GroupType, OktaGroup, OktaUser, UserStatus};
use sync_core::resolve::resolve;
use sync_core::snapshot::{GroupSighting, MemberList, OktaSnapshot, UserSighting};

use crate::MEMORY;
use crate::table::{Row, count};

struct Snapshots {
    okta: OktaSnapshot,
    actual: ActualState,
    memberships: u64,
}

fn id<T>(made: Result<T, sync_core::ids::IdError>) -> T {
    made.unwrap_or_else(|error| unreachable!("the ids are right: {error}"))
}

/// So many groups of a hundred members, in lockstep but for one membership in a hundred; ten users for each group.
fn snapshots(groups: usize) -> Snapshots {
    let (mut okta, mut actual) = (OktaSnapshot { lists_all_groups: true, ..OktaSnapshot::default() }, ActualState::default());
    let users: Vec<(OktaUserId, UserId)> = (0..groups * 10)
        .map(|n| (id(OktaUserId::new(&format!("00u{n:017}"))), id(UserId::new(&format!("{n:08}-1111-2222-3333-444444444444")))))
        .collect();
    for (number, (okta_user, user)) in users.iter().enumerate() {
        let login = format!("user{number}@example.com");
        let record = OktaUser {
            id: okta_user.clone(),
            status: UserStatus::Active,
            user_name: Some(login.clone()),
            login: login.clone(),
            profile: BTreeMap::new(),
        };
        okta.users.insert(okta_user.clone(), UserSighting::Present(record));
        let record = DirectoryUser { id: user.clone(), user_name: login, external_ids: vec![okta_user.to_string()], details: None };
        actual.users.insert(user.clone(), record);
    }
    for number in 0..groups {
        let (okta_group, group) =
            (id(OktaGroupId::new(&format!("00g{number:017}"))), id(GroupId::new(&format!("{number:08}-5555-6666-7777-888888888888"))));
        let name = format!("AWS-{number}");
        let members = (0..100).map(|member| (number * 7 + member * 13) % users.len()).filter_map(|member| users.get(member));
        let (mut listed, mut memberships) = (BTreeSet::new(), BTreeMap::new());
        for (member, (okta_user, user)) in members.enumerate() {
            listed.insert(okta_user.clone());
            if member > 0 {
                memberships.insert(user.clone(), id(MembershipId::new(&format!("{number:08}-{member:04}-9999-aaaa-bbbbbbbbbbbb"))));
            }
        }
        let record = OktaGroup {
            id: okta_group.clone(),
            name: name.clone(),
            description: String::new(),
            kind: GroupType::OktaGroup,
            last_updated: None,
            last_membership_updated: None,
            users_count: Some(100),
        };
        okta.groups.insert(okta_group.clone(), GroupSighting::Present(record));
        okta.member_lists.insert(okta_group.clone(), Reading::Known(MemberList { members: listed, ..MemberList::default() }));
        let description = format!("[okta:acme.okta.com/{okta_group}]").into();
        let record = DirectoryGroup { id: group.clone(), display_name: name, description, external_ids: Vec::new(), revision: None };
        actual.groups.insert(group.clone(), record);
        actual.group_lists.insert(group, Reading::Known(memberships));
    }
    Snapshots { okta, actual, memberships: groups as u64 * 100 }
}

/// Hashes every id of the memberships on both sides once.
fn hashed(snapshots: &Snapshots) -> u64 {
    let mut hasher = DefaultHasher::new();
    for list in snapshots.okta.member_lists.values().filter_map(Reading::known) {
        list.members.iter().for_each(|member| member.hash(&mut hasher));
    }
    for list in snapshots.actual.group_lists.values().filter_map(Reading::known) {
        list.iter().for_each(|member| member.hash(&mut hasher));
    }
    hasher.finish()
}

/// The processor time of this process, in ticks of a hundredth of a second.
fn processor_ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
    [11, 12].iter().filter_map(|field| fields.get(*field)?.parse::<u64>().ok()).sum()
}

/// Hundredths of a second for one round, over as many rounds as take half a second.
fn ticks_of<T>(mut round: impl FnMut() -> T) -> f64 {
    let (began, mut rounds) = (processor_ticks(), 0);
    loop {
        std::hint::black_box(round());
        rounds += 1;
        let spent = processor_ticks() - began;
        if spent >= 50 {
            return count(spent) / count(rounds);
        }
    }
}

/// Planning at four sizes.
pub(crate) fn planning(quick: bool) -> Vec<Row> {
    let policy = Policy::parse("[okta]\norg_url = \"https://acme.okta.com\"\n[groups]\nmatch = ['^AWS-']\n");
    let policy = policy.unwrap_or_else(|error| unreachable!("the policy is right: {error}"));
    let sizes: &[usize] = if quick { &[125, 250, 500, 1000] } else { &[1_250, 2_500, 5_000, 10_000] };
    let sizes: Vec<Size> = sizes.iter().map(|groups| Size::measured(*groups, &policy)).collect();
    let mut rows: Vec<Row> = sizes.iter().flat_map(Size::rows).collect();
    if let (Some(smallest), Some(largest)) = (sizes.first(), sizes.last()) {
        rows.push(Row::at_most("… planned ÷ hashing every id of it once", largest.planning / largest.hashing, 20.0, ""));
        let grown = largest.per_membership() / smallest.per_membership();
        rows.push(Row::at_most("… time a membership at this size ÷ at an eighth of it", grown, 2.5, ""));
        rows.push(Row::at_most("… memory a membership at this size ÷ at an eighth of it", largest.peak / smallest.peak, 1.2, ""));
    }
    rows
}

/// What planning costs at one size: hundredths of a second, and bytes for a membership.
struct Size {
    what: String,
    memberships: f64,
    hashing: f64,
    planning: f64,
    held: f64,
    peak: f64,
}

impl Size {
    fn measured(groups: usize, policy: &Policy) -> Self {
        let before = MEMORY.current_usage();
        let snapshots = snapshots(groups);
        let memberships = count(snapshots.memberships);
        let per_membership = |bytes: usize| count(bytes.saturating_sub(before) as u64) / memberships;
        let held = per_membership(MEMORY.current_usage());
        let planned = || plan(&resolve(&snapshots.okta, &snapshots.actual, policy).0, &snapshots.actual);
        MEMORY.reset_peak_usage();
        drop(planned());
        let peak = per_membership(MEMORY.peak_usage());
        let what = format!("{} users, {groups} groups, {} memberships", groups * 10, snapshots.memberships);
        Self { what, memberships, hashing: ticks_of(|| hashed(&snapshots)), planning: ticks_of(planned), held, peak }
    }

    fn per_membership(&self) -> f64 {
        self.planning / self.memberships
    }

    fn rows(&self) -> [Row; 3] {
        [
            Row::stated(format!("{}: planned in", self.what), self.planning * 10.0, "ms of processor time"),
            Row::stated("… both snapshots, a membership", self.held, "bytes"),
            Row::stated("… and the most while planning, a membership", self.peak, "bytes"),
        ]
    }
}
