//! A rig for scenario tests: a simulated world, and engines on it as processes would have them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use engine::directory::Directory;
use engine::ledger::Ledger;
use engine::ports::Clock;
use engine::{Completed, Engine, ReconcileError, Request, Scope, TriggerScope, UserQuery};
use sim::identity_center::FakeIdentityCenter;
use sim::okta::FakeOkta;
use sim::{KillSwitch, MemoryTable, Shape, Time, TokioClock, World};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::plan::PlanHash;
use sync_core::policy::{Policy, Transport};
use sync_core::report::Mode;
use tokio::time::Instant;

/// An engine on a simulated world.
pub type SimEngine = Engine<FakeOkta, FakeIdentityCenter, MemoryTable, Time>;

/// A world, a policy, and the memory of one process.
#[derive(Debug, Clone)]
pub struct Rig {
    /// The world.
    pub world: World,
    /// The policy of this process.
    pub policy: Arc<Policy>,
    directory: Arc<Directory>,
    name: String,
}

/// How long a run may take where a test says nothing else: as long as Lambda lets it.
const LONGEST: Duration = Duration::from_secs(885);

/// What an operation on assignments takes, as was seen with AWS: without it none would ever meet another.
const ASSIGNMENT_MS: u64 = 3_000;

impl Rig {
    /// A rig on a world of this shape, on tokio's clock, which tests pause.
    ///
    /// # Panics
    /// If `policy` (what stands below `[groups] match`) is none.
    pub fn of(shape: &Shape, policy: &str) -> Self {
        let world = World::of(shape, TokioClock::start());
        world.aws.configure(|settings| settings.assignments.delay_ms = ASSIGNMENT_MS);
        Self::on(world, policy)
    }

    /// A rig on a world in lockstep: so many users, groups, and members of each.
    pub fn in_sync(users: usize, groups: usize, members: usize, policy: &str) -> Self {
        Self::of(&Shape { users, groups, members, ..Shape::default() }, policy)
    }

    /// A rig on a world.
    pub fn on(world: World, policy: &str) -> Self {
        let text = format!("[okta]\norg_url = \"https://{}\"\n[groups]\nmatch = ['^AWS-']\n{policy}", world.org);
        let policy = Policy::parse(&text).unwrap_or_else(|error| unreachable!("a test's policy is right: {error}"));
        Self { world, policy: Arc::new(policy), directory: Arc::default(), name: "first".to_owned() }
    }

    /// Another process on the same world.
    #[must_use]
    pub fn another(&self, name: &str) -> Self {
        Self { directory: Arc::default(), name: name.to_owned(), ..self.clone() }
    }

    /// Another process with another policy.
    #[must_use]
    pub fn with_policy(&self, policy: &str) -> Self {
        Self { policy: Self::on(self.world.clone(), policy).policy, ..self.another("other-policy") }
    }

    /// The same process, as this switch ends it.
    #[must_use]
    pub fn with_kill(&self, kill: &KillSwitch) -> Self {
        Self { world: self.world.with_kill(kill), ..self.another("doomed") }
    }

    /// An engine whose run must end after `limit`.
    pub fn engine(&self, limit: Duration) -> SimEngine {
        Engine {
            source: self.world.okta.clone(),
            target: self.target(),
            ledger: Ledger::new(self.world.table.clone()),
            clock: self.world.time.clone(),
            policy: Arc::clone(&self.policy),
            directory: Arc::clone(&self.directory),
            deadline: Instant::now() + limit,
        }
    }

    /// Identity Center, written to as the policy says.
    fn target(&self) -> FakeIdentityCenter {
        match self.policy.transport {
            Transport::IdentityStore => self.world.aws.clone(),
            Transport::Scim => self.world.aws.over_scim(),
        }
    }

    /// The ledger.
    pub fn ledger(&self) -> Ledger<MemoryTable> {
        Ledger::new(self.world.table.clone())
    }

    /// One run.
    ///
    /// # Errors
    /// As for `reconcile`.
    pub async fn run(&self, mode: Mode, scope: Scope, approve: Option<PlanHash>) -> Result<Completed, ReconcileError> {
        // Two runs are never within one moment.
        tokio::time::advance(Duration::from_millis(2)).await;
        let number = self.world.table.rows().len() + self.world.okta.log().len() + self.world.aws.log().len();
        let request = Request { run_id: format!("{}-{number:06}", self.name), mode, scope, approve };
        Box::pin(self.engine(LONGEST).reconcile(&request)).await
    }

    /// A full applying run.
    pub async fn apply(&self) -> Completed {
        self.must(Mode::Apply, Scope::All).await
    }

    /// A full dry run.
    pub async fn dry(&self) -> Completed {
        self.must(Mode::DryRun, Scope::All).await
    }

    /// A run that can be begun.
    ///
    /// # Panics
    /// If it cannot.
    pub async fn must(&self, mode: Mode, scope: Scope) -> Completed {
        match self.run(mode, scope, None).await {
            Ok(completed) => completed,
            Err(error) => unreachable!("the run can be begun: {error}"),
        }
    }

    /// The same, by a process that nobody else needs.
    pub async fn must_owned(self, mode: Mode, scope: Scope) -> Completed {
        self.must(mode, scope).await
    }

    /// What a worker does for an event on a user that names a group.
    pub async fn on_user(&self, user: &OktaUserId, group: Option<&OktaGroupId>, kind: Event) -> Completed {
        let login = self.world.okta.peek_user(user).map(|user| user.login().to_owned());
        let query = UserQuery {
            id: user.clone(),
            login,
            read_status: kind == Event::Leaver,
            groups: group.into_iter().cloned().collect(),
            names_no_group: group.is_none(),
            not_before: None,
        };
        let may_lose = (kind != Event::Grant).then(|| user.clone());
        let triggers = TriggerScope { users: vec![query], users_may_lose: may_lose.into_iter().collect(), ..TriggerScope::default() };
        self.must(Mode::Apply, Scope::Triggers(triggers)).await
    }

    /// What a worker does for an event on a group.
    pub async fn on_group(&self, group: &OktaGroupId, kind: Event) -> Completed {
        let groups = BTreeSet::from([group.clone()]);
        let groups_may_lose = if kind == Event::Grant { BTreeSet::new() } else { groups.clone() };
        self.must(Mode::Apply, Scope::Triggers(TriggerScope { groups, groups_may_lose, ..TriggerScope::default() })).await
    }

    /// Puts users into a group in Okta, both by their numbers.
    pub fn join(&self, group: usize, users: impl IntoIterator<Item = usize>) {
        for user in users {
            self.world.okta.add_member(&self.world.okta_group(group), &self.world.okta_user(user));
        }
    }

    /// Takes users out of a group in Okta, both by their numbers.
    pub fn leave(&self, group: usize, users: impl IntoIterator<Item = usize>) {
        for user in users {
            self.world.okta.remove_member(&self.world.okta_group(group), &self.world.okta_user(user));
        }
    }

    /// The time in the world.
    pub fn ledger_time(&self) -> jiff::Timestamp {
        self.world.time.now()
    }

    /// Whether both sides agree: who should be in what, and who is.
    pub fn agrees(&self) -> bool {
        self.world.wanted("AWS-") == self.world.actual()
    }

    /// Writes that changed Identity Center since the logs were cleared.
    pub fn writes(&self) -> usize {
        self.world.aws.writes().len()
    }

    /// Forgets all calls.
    pub fn clear_logs(&self) {
        self.world.okta.clear_log();
        self.world.aws.clear_log();
        self.world.table.clear_log();
    }
}

/// What an event may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Lane `rest`.
    Grant,
    /// Lane `removals`.
    Removal,
    /// Lane `leavers`.
    Leaver,
}
