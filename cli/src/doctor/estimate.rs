//! How long a run takes: calls over the rates that the sides allow. Reads of the two sides come one after the other; the APIs of the Identity
//! Store are counted apart, and go side by side.

use sync_core::policy::{LimitsPolicy, Transport};

use super::judge::quota::counted;

/// Records on a page of Okta, as Lockstep asks for them.
const OKTA_PAGE: u64 = 200;

/// Records on a page of Identity Center.
const AWS_PAGE: usize = 100;

/// Accounts on a page of Organizations.
const ACCOUNTS_PAGE: usize = 20;

/// Members that one request over SCIM puts into a group.
const MEMBERS_A_PATCH: u64 = 100;

/// Pages a second that Organizations gives; AWS publishes a table that nobody here has read, and this is the careful side.
const ORGANIZATIONS_TPS: f64 = 8.0;

/// Requests a minute where Okta has not said its limit: half of what a Workforce org has for groups.
const OKTA_PER_MINUTE: u64 = 250;

/// Seconds that one assignment takes; published runs of many hundred took about so long each, one after the other.
const ASSIGNMENT_S: f64 = 3.0;

/// The size of the world.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct World {
    /// All groups of Okta.
    pub(crate) okta_groups: usize,
    /// The managed ones.
    pub(crate) managed: Vec<Managed>,
    /// Users of the identity store.
    pub(crate) users: usize,
    /// Its groups.
    pub(crate) groups: usize,
    /// Accounts of the organization that were read.
    pub(crate) accounts: usize,
    /// Permission sets.
    pub(crate) permission_sets: usize,
    /// Whether assignments can be read by group.
    pub(crate) reads_by_group: bool,
    /// Users that have to be made, where Lockstep makes users.
    pub(crate) users_to_make: Option<usize>,
}

/// A managed group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Managed {
    /// Its members in Okta.
    pub(crate) members: u64,
    /// Whether it has to be made.
    pub(crate) is_new: bool,
    /// Members that it lacks.
    pub(crate) members_to_add: u64,
    /// Assignments that the rules give it, and that it lacks.
    pub(crate) assignments_to_make: usize,
}

/// How long runs take in a world.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Estimate {
    world: World,
    okta_calls: u64,
    okta_tps: f64,
    store_tps: f64,
    /// Where users and memberships are written over SCIM: its rate.
    scim_tps: Option<f64>,
    admin_tps: f64,
    in_flight: f64,
}

impl Estimate {
    /// The estimate under these limits; `okta_per_minute` is what Okta says this credential may send for groups.
    pub(crate) fn new(world: World, limits: &LimitsPolicy, transport: Transport, okta_per_minute: Option<u64>) -> Self {
        let members: u64 = world.managed.iter().map(|group| group.members.div_ceil(OKTA_PAGE).max(1)).sum();
        let pages = (world.okta_groups as u64).div_ceil(OKTA_PAGE).max(1);
        Self {
            okta_calls: pages + members,
            okta_tps: float(okta_per_minute.unwrap_or(OKTA_PER_MINUTE)) * limits.okta_rate_share / 60.0,
            store_tps: limits.identity_store_tps,
            scim_tps: (transport == Transport::Scim).then_some(limits.scim_tps),
            admin_tps: limits.sso_admin_tps,
            in_flight: f64::from(limits.max_assignments_in_flight),
            world,
        }
    }

    /// A full run that has nothing to do, in seconds.
    pub(crate) fn full_run_s(&self) -> f64 {
        let users = self.world.users.div_ceil(AWS_PAGE);
        let groups = self.world.groups.div_ceil(AWS_PAGE);
        let store = float(users.max(groups).max(self.member_lists()) as u64) / self.store_tps;
        let organization = float(self.world.accounts.div_ceil(ACCOUNTS_PAGE) as u64) / ORGANIZATIONS_TPS;
        store + self.admin_reads() / self.admin_tps + organization + float(self.okta_calls) / self.okta_tps
    }

    /// What a first load adds, in seconds: the users, groups, memberships and assignments that are missing, in this order.
    pub(crate) fn first_load_s(&self) -> f64 {
        let (users, groups) = (float(self.world.users_to_make.unwrap_or_default() as u64), float(self.new_groups()));
        let writes = match self.scim_tps {
            None => (users + groups + float(self.memberships())) / self.store_tps,
            // A group is made by the Identity Store API. One request fills a hundred places in it and sets its externalId on the way.
            Some(scim_tps) => groups / self.store_tps + (users + float(self.patches())) / scim_tps,
        };
        writes + float(self.assignments() as u64) * ASSIGNMENT_S / self.in_flight
    }

    /// The calls of a full run, in words.
    pub(crate) fn calls(&self) -> String {
        let lists = counted(self.member_lists(), "member list");
        let okta = counted(size(self.okta_calls), "call");
        format!("{okta} to Okta at {:.1} a second, {lists} of Identity Center at {:.0}", self.okta_tps, self.store_tps)
    }

    /// The writes of a first load, in words.
    pub(crate) fn writes(&self) -> String {
        let users = self.world.users_to_make.map(|users| format!("{}, ", counted(users, "user"))).unwrap_or_default();
        let groups = counted(size(self.new_groups()), "group");
        let memberships = counted(size(self.memberships()), "membership");
        let by = match self.scim_tps {
            None => String::new(),
            Some(_) => format!(" by {} over SCIM", counted(size(self.patches()), "request")),
        };
        format!("to make: {users}{groups}, {memberships}{by}, {}", counted(self.assignments(), "assignment"))
    }

    /// Requests over SCIM that fill the groups. One that has to be made takes one even without members, for its externalId.
    fn patches(&self) -> u64 {
        let requests = |group: &Managed| group.members_to_add.div_ceil(MEMBERS_A_PATCH).max(u64::from(group.is_new));
        self.world.managed.iter().map(requests).sum()
    }

    fn new_groups(&self) -> u64 {
        self.world.managed.iter().filter(|group| group.is_new).count() as u64
    }

    fn memberships(&self) -> u64 {
        self.world.managed.iter().map(|group| group.members_to_add).sum()
    }

    fn assignments(&self) -> usize {
        self.world.managed.iter().map(|group| group.assignments_to_make).sum()
    }

    fn member_lists(&self) -> usize {
        self.world.managed.iter().filter(|group| !group.is_new).count()
    }

    /// Names of permission sets are remembered, so a function that stays warm asks for them once.
    fn admin_reads(&self) -> f64 {
        if self.world.permission_sets == 0 {
            return 0.0;
        }
        let sets = self.world.permission_sets;
        let reads = if self.world.reads_by_group { self.world.managed.len() } else { self.world.accounts * sets };
        float((sets + reads) as u64)
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of calls are far below the precision of f64")]
fn float(n: u64) -> f64 {
    n as f64
}

fn size(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// A span of time in words.
pub(crate) fn span(seconds: f64) -> String {
    if seconds < 90.0 { format!("{:.0} s", seconds.max(1.0).ceil()) } else { format!("{:.0} min", (seconds / 60.0).ceil()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> LimitsPolicy {
        let limits = "identity_store_tps = 20.0\nsso_admin_tps = 20.0\nmax_assignments_in_flight = 10\nokta_rate_share = 1.0";
        let text = format!("[okta]\norg_url = \"https://acme.okta.com\"\n[groups]\nmatch = ['^AWS-']\n[limits]\n{limits}");
        sync_core::policy::Policy::parse(&text).unwrap().limits
    }

    fn managed(n: usize, members: u64, is_new: bool) -> Vec<Managed> {
        vec![Managed { members, is_new, members_to_add: if is_new { members } else { 0 }, assignments_to_make: 0 }; n]
    }

    #[test]
    fn a_full_run_is_the_calls_over_the_rates() {
        let world = World { okta_groups: 1000, managed: managed(300, 30, false), users: 10_000, groups: 300, ..World::default() };
        let estimate = Estimate::new(world, &limits(), Transport::IdentityStore, Some(300));
        // 300 lists of members at 20 a second, and 5 pages and 300 lists at 5 a second.
        assert!((estimate.full_run_s() - (15.0 + 61.0)).abs() < 0.01, "{}", estimate.full_run_s());
        assert!(estimate.first_load_s() < 0.01);
    }

    #[test]
    fn long_lists_of_members_take_a_call_for_each_page() {
        let world = World { okta_groups: 1, managed: managed(1, 1001, false), ..World::default() };
        assert_eq!(Estimate::new(world, &limits(), Transport::IdentityStore, None).okta_calls, 1 + 6);
    }

    #[test]
    fn reads_by_account_cost_accounts_times_permission_sets() {
        let by = |reads_by_group| {
            let world = World { managed: managed(200, 1, false), accounts: 100, permission_sets: 20, reads_by_group, ..World::default() };
            Estimate::new(world, &limits(), Transport::IdentityStore, None).admin_reads()
        };
        assert_eq!((by(true), by(false)), (220.0, 2020.0));
    }

    #[test]
    fn a_first_load_makes_what_is_missing() {
        let mut groups = managed(10, 1000, true);
        groups.iter_mut().for_each(|group| group.assignments_to_make = 10);
        groups.push(Managed { members: 500, is_new: false, members_to_add: 90, assignments_to_make: 0 });
        let world = World { managed: groups, users_to_make: Some(400), ..World::default() };
        let estimate = Estimate::new(world, &limits(), Transport::IdentityStore, None);
        let expected = f64::from(400 + 10 + 10_000 + 90) / 20.0 + 30.0;
        assert!((estimate.first_load_s() - expected).abs() < 0.01, "{}", estimate.first_load_s());
        assert_eq!(estimate.writes(), "to make: 400 users, 10 groups, 10090 memberships, 100 assignments");
    }

    #[test]
    fn over_scim_a_first_load_is_a_request_a_user_two_a_group_and_one_for_a_hundred_memberships() {
        let load = |users_to_make| {
            Estimate::new(World { managed: managed(300, 30, true), users_to_make, ..World::default() }, &limits(), Transport::Scim, None)
        };
        let groups = 300.0 / 20.0 + 300.0 / 19.0;
        assert!((load(None).first_load_s() - groups).abs() < 0.01, "{}", load(None).first_load_s());
        // People are counted once, in however many groups they are.
        assert!((load(Some(2000)).first_load_s() - (groups + 2000.0 / 19.0)).abs() < 0.01, "{}", load(Some(2000)).first_load_s());
        assert_eq!(load(None).writes(), "to make: 300 groups, 9000 memberships by 300 requests over SCIM, 0 assignments");
        assert!(load(Some(2000)).writes().starts_with("to make: 2000 users, 300 groups"));
        let (users, groups, requests) = (2000, load(None).new_groups(), load(None).patches());
        assert!(users + groups + requests <= 2000 + 2 * 300 + 9000 / 100, "U + 2·G + ⌈P/100⌉");
    }

    #[test]
    fn a_request_over_scim_carries_a_hundred_and_none_goes_to_a_group_that_lacks_nobody() {
        let patches = |members, is_new| {
            Estimate::new(World { managed: managed(1, members, is_new), ..World::default() }, &limits(), Transport::Scim, None).patches()
        };
        assert_eq!((patches(201, true), patches(0, true), patches(201, false)), (3, 1, 0));
    }

    #[test]
    fn a_span_is_told_in_seconds_or_minutes() {
        assert_eq!([0.0, 12.2, 90.0, 2500.0].map(span), ["1 s", "13 s", "2 min", "42 min"]);
    }
}
