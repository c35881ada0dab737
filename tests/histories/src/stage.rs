//! The stage of a history: the simulated world, the reference model, and what ties them together.

mod accounts;
mod by_hand;
mod in_okta;
mod rules;
mod troubles;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sim::identity_center::{StoreAssignment, StoreGroup, StoreUser};
use sim::okta::Event;
use sim::{OrganizationShape, Shape, TokioClock, World};
use sync_core::ids::{GroupId, OktaGroupId, OktaUserId, UserId};
use sync_core::mark::Mark;
use sync_core::policy::Policy;
use tokio::time::Instant;

use crate::history::{Farewell, Op, Setup};
use crate::model::{Model, Moment, Person, Team};
use crate::policies::policy;

/// Names that groups get. The last two are no managed one's, and one that a group which is not ours has.
pub(crate) const NAMES: [&str; 7] = ["AWS-000", "AWS-001", "AWS-b", "AWS-c", "aWS-no", "Other", UNMANAGED];

/// A group that others keep in Identity Center, although its name would match.
pub(crate) const UNMANAGED: &str = "AWS-ControlTower";

/// How things stand with calls that go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Troubles {
    /// Since when nothing went wrong, and nothing was late.
    pub(crate) calm_since: Option<Moment>,
    /// Since when the ledger cannot be reached at all.
    pub(crate) ledger_down_since: Option<Moment>,
    /// When the ledger last lost its rows.
    pub(crate) ledger_lost_at: Option<Moment>,
    /// How late reads of either side may be, at the most so far, in milliseconds.
    pub(crate) staleness: u64,
}

/// The world and the model.
pub(crate) struct Stage {
    pub(crate) setup: Setup,
    pub(crate) world: World,
    pub(crate) policy: Arc<Policy>,
    pub(crate) model: Model,
    pub(crate) troubles: Troubles,
    /// What the policy said of users who are not entitled, from when on.
    pub(crate) farewells: Vec<(Moment, Farewell)>,
    /// Whether there is an organization in which something could be assigned.
    pub(crate) has_organization: bool,
    /// Okta's ids of the model's users and groups, by number.
    pub(crate) okta_users: Vec<OktaUserId>,
    pub(crate) okta_groups: Vec<OktaGroupId>,
    /// Whom each user of Identity Center stands for, by the number of the Okta user; nobody's are not in it.
    pub(crate) stands_for: BTreeMap<UserId, usize>,
    /// The user of Identity Center that each user has, by number.
    pub(crate) account_of: BTreeMap<usize, UserId>,
    /// The Okta groups that each group of Identity Center ever carried the mark of.
    pub(crate) owners: BTreeMap<GroupId, BTreeSet<usize>>,
    /// The groups that nobody but people may touch, as people left them.
    pub(crate) unmanaged: BTreeMap<GroupId, (StoreGroup, BTreeSet<UserId>)>,
    /// The users that nobody but people may touch, as people left them.
    pub(crate) unmanaged_users: BTreeMap<UserId, StoreUser>,
    /// The assignments that nobody but people may touch.
    pub(crate) frozen_assignments: BTreeSet<StoreAssignment>,
    /// Events that are under way.
    pub(crate) events: Vec<Event>,
    next_event: u64,
    /// Whether a managed group was deleted by hand, which leaves assignments behind.
    pub(crate) leaves_orphans: bool,
    pub(crate) strangers: Vec<UserId>,
    /// Whether every run under way looks at all groups of whom it takes something from.
    pub(crate) sees_all: bool,
    /// Whether somebody took something away by hand.
    pub(crate) is_damaged: bool,
    made: u32,
    began: Instant,
}

impl Stage {
    pub(crate) fn new(setup: &Setup, seed: u64) -> Self {
        let organization = OrganizationShape {
            accounts: 2,
            units: vec!["Prod".to_owned()],
            permission_sets: vec!["ReadOnly".to_owned(), "Admin".to_owned()],
        };
        let shape = Shape {
            users: usize::from(setup.users),
            groups: usize::from(setup.groups),
            members: usize::from(setup.members),
            external_ids: setup.external_ids,
            in_sync: setup.in_sync,
            organization: setup.rules.then_some(organization),
            seed,
            ..Shape::default()
        };
        let mut world = World::of(&shape, TokioClock::start());
        if setup.scim {
            world.aws = world.aws.over_scim();
        }
        let began = Instant::now();
        let mut stage = Self {
            setup: setup.clone(),
            policy: policy(setup),
            model: Model::under(setup.excludes),
            farewells: setup.managed.iter().map(|managed| (0, managed.farewell)).collect(),
            has_organization: setup.rules,
            troubles: Troubles { calm_since: Some(0), ledger_down_since: None, ledger_lost_at: None, staleness: 0 },
            okta_users: Vec::new(),
            okta_groups: Vec::new(),
            stands_for: BTreeMap::new(),
            account_of: BTreeMap::new(),
            owners: BTreeMap::new(),
            unmanaged: BTreeMap::new(),
            unmanaged_users: BTreeMap::new(),
            frozen_assignments: BTreeSet::new(),
            events: Vec::new(),
            next_event: world.okta.next_event(),
            leaves_orphans: false,
            strangers: Vec::new(),
            sees_all: true,
            is_damaged: false,
            made: 0,
            began,
            world,
        };
        stage.furnish();
        stage
    }

    /// Tells the model what the world was built with, and puts in what is not ours.
    fn furnish(&mut self) {
        let page = usize::from(self.setup.page);
        // Nobody looks at calls before the end.
        self.keep_logs(false);
        self.world.okta.configure(|settings| settings.page_size = page);
        let habits = self.setup.habits;
        self.world.aws.configure(|settings| {
            settings.page_size = page;
            habits.teach(settings);
        });
        for (okta, user) in self.world.users.clone() {
            let login = format!("user{}@example.com", self.okta_users.len());
            if self.setup.managed.as_ref().is_some_and(|managed| !managed.provisioned) {
                self.world.aws.remove_user(&user);
            } else {
                self.stands_for.insert(user.clone(), self.okta_users.len());
                self.account_of.insert(self.okta_users.len(), user);
            }
            self.add_person(okta, login);
        }
        for (okta, _) in self.world.groups.clone() {
            let name = format!("AWS-{:03}", self.okta_groups.len());
            let members = self.world.okta.member_ids(&okta);
            let members = (0..self.okta_users.len()).filter(|user| self.okta_users.get(*user).is_some_and(|id| members.contains(id)));
            let members = members.collect();
            self.add_team(okta, name, members);
        }
        self.furnish_unmanaged();
        self.world.aws.membership_changes();
        self.world.aws.user_changes();
        self.model.remember(0);
        self.look_at_marks();
    }

    fn furnish_unmanaged(&mut self) {
        let stranger = self.world.aws.add_user("breakglass@example.com", None);
        let foreign = self.world.aws.add_group("Elsewhere", "kept by another [okta:other.okta.com/00gElsewhere]");
        let by_hand = self.world.aws.add_group(UNMANAGED, "kept by hand");
        for group in [foreign, by_hand].into_iter().flatten() {
            stranger.iter().chain(self.account_of.get(&0)).for_each(|user| drop(self.world.aws.add_member(&group, user)));
            self.watch_unmanaged(&group);
            if self.setup.rules {
                let (account, set) = (self.world.account(1), self.world.permission_set("Admin"));
                self.freeze(StoreAssignment::of_group(&group, &account, &set));
            }
        }
        stranger.iter().for_each(|user| self.keep_user(user));
        self.strangers.extend(stranger);
    }

    fn freeze(&mut self, assignment: StoreAssignment) {
        self.world.aws.assign(&assignment);
        self.frozen_assignments.insert(assignment);
    }

    pub(crate) fn watch_unmanaged(&mut self, group: &GroupId) {
        if let Some(record) = self.world.aws.peek_group(group) {
            self.unmanaged.insert(group.clone(), (record, self.world.aws.member_ids(group)));
        }
    }

    fn add_person(&mut self, id: OktaUserId, login: String) {
        self.okta_users.push(id);
        self.model.people.push(Person::new(login));
    }

    fn add_team(&mut self, id: OktaGroupId, name: String, members: BTreeSet<usize>) {
        self.okta_groups.push(id);
        self.model.teams.push(Team { name, exists: true, members });
    }

    /// Milliseconds since the history began.
    pub(crate) fn now(&self) -> Moment {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The moment of a timestamp of the world's clock.
    pub(crate) fn moment(&self, at: jiff::Timestamp) -> Moment {
        let start = engine::ports::Clock::now(&self.world.time) - std::time::Duration::from_millis(self.now());
        u64::try_from(at.duration_since(start).as_millis()).unwrap_or_default()
    }

    pub(crate) fn user(&self, number: u8) -> Option<usize> {
        usize::from(number).checked_rem(self.okta_users.len())
    }

    pub(crate) fn group(&self, number: u8) -> Option<usize> {
        usize::from(number).checked_rem(self.okta_groups.len())
    }

    /// The groups of Identity Center that carry the mark of an Okta group of ours, with its number.
    pub(crate) fn marked(&self) -> Vec<(usize, StoreGroup)> {
        let owner = |group: StoreGroup| {
            let mark = Mark::read(group.description.as_deref()?)?;
            let number = self.okta_groups.iter().position(|id| *id == mark.group)?;
            (mark.host == self.world.org).then_some((number, group))
        };
        self.world.aws.all_groups().into_iter().filter_map(owner).collect()
    }

    /// Whether a group in Identity Center that is not its own had its name, or may have it still: then it can be that it is not made.
    pub(crate) fn shares_its_name(&self, number: usize) -> bool {
        let Some(team) = self.model.teams.get(number) else { return false };
        let others = self.model.teams.iter().enumerate().filter(|(other, _)| *other != number);
        team.name == UNMANAGED || others.into_iter().any(|(_, other)| other.name.eq_ignore_ascii_case(&team.name))
    }

    /// Remembers whose mark each group carries.
    pub(crate) fn look_at_marks(&mut self) {
        for (owner, group) in self.marked() {
            self.owners.entry(group.id).or_default().insert(owner);
        }
    }

    /// Does what is no run. What cannot be done changes nothing.
    pub(crate) fn perform(&mut self, op: &Op) {
        let now = self.now();
        if let Op::ChangePolicy { to } = op {
            self.change_policy(*to);
        } else if !(self.perform_in_okta(op) || self.perform_by_hand(op)) {
            self.perform_trouble(op);
        }
        if self.world.okta.next_event() > self.next_event {
            self.events.extend(self.world.okta.events_from(self.next_event));
            self.next_event = self.world.okta.next_event();
        }
        self.model.remember(now);
    }
}
