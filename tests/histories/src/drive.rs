//! Runs a history: its steps in time, and the runs that they begin side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use engine::batch::{scope_of, sleep_of};
use engine::directory::Directory;
use engine::ledger::Ledger;
use engine::{Completed, Engine, ReconcileError, Request, Scope, Since};
use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use sim::KillSwitch;
use sync_core::plan::PlanHash;
use sync_core::report::Mode;
use sync_core::trigger::{Lane, TriggerMessage};
use tokio::time::{Instant, sleep_until};

use crate::history::{History, Kill, Op};
use crate::model::Moment;
use crate::stage::Stage;
use crate::watch::Watch;

/// As long as Lambda lets a function run, less its own margin.
const LONGEST: Duration = Duration::from_secs(885);

/// Most messages of one batch.
const BATCH: usize = 10;

/// Whose memory a run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Process {
    /// The worker of a lane.
    Worker(Lane),
    /// The schedule's function.
    Schedule,
    /// An operator's.
    Operator,
}

/// A run under way.
pub(crate) struct UnderWay {
    pub(crate) began: Moment,
    process: Process,
    messages: Vec<TriggerMessage>,
    kill: Option<KillSwitch>,
    /// Whether it looks at all groups of whom it takes something from; a run for a group does not see where its members went.
    sees_all: bool,
}

type Ended = (u64, Result<Completed, ReconcileError>);

/// A history under way.
pub(crate) struct Drive {
    pub(crate) stage: Stage,
    pub(crate) watch: Watch,
    pub(crate) under_way: BTreeMap<u64, UnderWay>,
    running: FuturesUnordered<LocalBoxFuture<'static, Ended>>,
    memories: BTreeMap<Process, Arc<Directory>>,
    queues: BTreeMap<Lane, Vec<TriggerMessage>>,
    runs: u64,
}

/// What a history broke.
pub(crate) type Broken = String;

impl Drive {
    pub(crate) fn new(history: &History) -> Self {
        Self {
            stage: Stage::new(&history.setup, history.seed),
            watch: Watch::default(),
            under_way: BTreeMap::new(),
            running: FuturesUnordered::new(),
            memories: BTreeMap::new(),
            queues: BTreeMap::new(),
            runs: 0,
        }
    }

    /// Goes through the steps.
    pub(crate) async fn through(&mut self, history: &History) -> Result<(), Broken> {
        if !history.setup.external_ids {
            // The first run writes down who is who.
            self.alone(Mode::Apply, None).await?;
        }
        for step in &history.steps {
            self.pass(Duration::from_millis(step.after_ms)).await?;
            self.step(&step.op).await?;
        }
        self.settle().await
    }

    async fn step(&mut self, op: &Op) -> Result<(), Broken> {
        match op {
            Op::Settle => return self.settle().await,
            Op::RunAll { dry, cold, kill } => {
                if *cold {
                    self.memories.remove(&Process::Schedule);
                }
                let mode = if *dry { Mode::DryRun } else { Mode::Apply };
                self.begin(Process::Schedule, mode, Scope::All, *kill);
            }
            Op::RunChanged { kill } => self.begin(Process::Schedule, Mode::Apply, Scope::ChangedSince(Since::Last), *kill),
            Op::RunGroup { group, kill } => {
                let id = self.stage.group(*group).and_then(|group| self.stage.okta_groups.get(group)).map(ToString::to_string);
                self.begin(Process::Operator, Mode::Apply, Scope::Groups(id.into_iter().collect()), *kill);
            }
            Op::RunUser { user, kill } => {
                let id = self.stage.user(*user).and_then(|user| self.stage.okta_users.get(user)).map(ToString::to_string);
                self.begin(Process::Operator, Mode::Apply, Scope::Users(id.into_iter().collect()), *kill);
            }
            Op::Deliver { picks, keep, cold, kill } => self.deliver(picks, *keep, *cold, *kill),
            Op::Lose { pick } => {
                if let Some(at) = usize::from(*pick).checked_rem(self.stage.events.len()) {
                    self.stage.events.remove(at);
                }
            }
            Op::ChangePolicy { .. } => {
                // A process keeps the policy that it began with, and what that may still do is not what the new one says.
                self.settle().await?;
                self.change(op);
            }
            other => self.change(other),
        }
        Ok(())
    }

    /// A change of the world, told apart from what runs do to it.
    fn change(&mut self, op: &Op) {
        let before = self.stage.forget_changes();
        debug_assert_eq!(before, 0, "what runs did was looked at before");
        self.stage.perform(op);
        self.stage.forget_changes();
        if matches!(op, Op::HandChangeUnmanaged { .. } | Op::Provision { .. }) {
            self.stage.remember_unmanaged();
        }
        if *op == Op::LedgerLost {
            self.watch.forget_budget();
        }
    }

    /// Lets time pass, and looks at what the runs do meanwhile.
    pub(crate) async fn pass(&mut self, time: Duration) -> Result<(), Broken> {
        let until = Instant::now() + time;
        loop {
            let ended = tokio::select! {
                biased;
                Some(ended) = self.running.next() => Some(ended),
                () = sleep_until(until) => None,
            };
            self.look()?;
            match ended {
                Some((id, result)) => self.end(id, &result)?,
                None => return Ok(()),
            }
        }
    }

    /// Lets all runs come to their end.
    pub(crate) async fn settle(&mut self) -> Result<(), Broken> {
        while let Some((id, result)) = self.running.next().await {
            self.look()?;
            self.end(id, &result)?;
        }
        Ok(())
    }

    fn look(&mut self) -> Result<(), Broken> {
        let began = self.under_way.values().map(|run| run.began).min();
        self.stage.sees_all = self.under_way.values().all(|run| run.sees_all);
        self.watch.look(&mut self.stage, began)
    }

    fn end(&mut self, id: u64, result: &Result<Completed, ReconcileError>) -> Result<(), Broken> {
        self.stage.look_at_marks();
        let Some(run) = self.under_way.remove(&id) else { return Ok(()) };
        if let Process::Worker(lane) = run.process
            && run.kill.is_some_and(|kill| kill.has_struck())
        {
            // A batch that nobody answered for becomes visible again.
            self.queues.entry(lane).or_default().extend(run.messages);
        }
        match result {
            Ok(completed) if self.stage.troubles.ledger_down_since.is_some_and(|down| down < run.began) => without_ledger(completed),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("a run could not be begun: {error}")),
        }
    }

    fn begin(&mut self, process: Process, mode: Mode, scope: Scope, kill: Option<Kill>) {
        let request = self.request(mode, scope, None);
        self.begin_request(process, request, Duration::ZERO, Vec::new(), kill);
    }

    pub(crate) fn request(&mut self, mode: Mode, scope: Scope, approve: Option<PlanHash>) -> Request {
        self.runs += 1;
        Request { run_id: format!("run-{:06}", self.runs), mode, scope, approve }
    }

    fn begin_request(&mut self, process: Process, request: Request, sleep: Duration, messages: Vec<TriggerMessage>, kill: Option<Kill>) {
        let kill = kill.map(|kill| match kill.loses_answer {
            true => KillSwitch::after_losing_the_answer(u64::from(kill.after)),
            false => KillSwitch::after(u64::from(kill.after)),
        });
        let id = self.runs;
        let engine = self.engine(process, kill.as_ref());
        let began = self.stage.now();
        let sees_all = match &request.scope {
            Scope::Groups(_) => false,
            Scope::Triggers(triggers) => triggers.groups_may_lose.is_empty(),
            Scope::All | Scope::ChangedSince(_) | Scope::Users(_) | Scope::Undo(_) => true,
        };
        self.under_way.insert(id, UnderWay { began, process, messages, kill, sees_all });
        self.running.push(Box::pin(async move {
            tokio::time::sleep(sleep).await;
            (id, engine.reconcile(&request).await)
        }));
    }

    fn engine(
        &mut self,
        process: Process,
        kill: Option<&KillSwitch>,
    ) -> Engine<sim::okta::FakeOkta, sim::identity_center::FakeIdentityCenter, sim::MemoryTable, sim::Time> {
        let is_busy = self.under_way.values().any(|run| run.process == process);
        if is_busy || kill.is_some() {
            self.memories.remove(&process);
        }
        let never = KillSwitch::never();
        let world = self.stage.world.with_kill(kill.unwrap_or(&never));
        Engine {
            source: world.okta,
            target: world.aws,
            ledger: Ledger::new(world.table),
            clock: world.time,
            policy: Arc::clone(&self.stage.policy),
            directory: Arc::clone(self.memories.entry(process).or_default()),
            deadline: Instant::now() + LONGEST,
        }
    }

    /// Events become messages as the hook makes them, and each lane whose worker is free takes a batch.
    fn deliver(&mut self, picks: &[u8], keep: bool, cold: bool, kill: Option<Kill>) {
        let picked = self.pick(picks, keep);
        let now = engine::ports::Clock::now(&self.stage.world.time);
        let body = sim::okta::delivery("https://acme.okta.com", "who1", "event", &picked, now).to_string();
        let delivery = okta::hook::decode_delivery(body.as_bytes());
        for trigger in delivery.map(|delivery| delivery.triggers).unwrap_or_default() {
            self.queues.entry(trigger.lane).or_default().push(trigger.message(now));
        }
        for lane in [Lane::Leavers, Lane::Removals, Lane::Rest] {
            let process = Process::Worker(lane);
            if cold {
                self.memories.remove(&process);
            }
            if !self.under_way.values().any(|run| run.process == process) {
                self.work(lane, kill);
            }
        }
    }

    fn pick(&mut self, picks: &[u8], keep: bool) -> Vec<sim::okta::Event> {
        let mut picked = Vec::new();
        let mut taken = BTreeSet::new();
        for pick in picks {
            if let Some(at) = usize::from(*pick).checked_rem(self.stage.events.len()) {
                picked.extend(self.stage.events.get(at).cloned());
                taken.insert(at);
            }
        }
        if !keep {
            taken.into_iter().rev().for_each(|at| drop(self.stage.events.remove(at)));
        }
        picked
    }

    fn work(&mut self, lane: Lane, kill: Option<Kill>) {
        let queue = self.queues.entry(lane).or_default();
        let messages: Vec<TriggerMessage> = queue.drain(..queue.len().min(BATCH)).collect();
        if messages.is_empty() {
            return;
        }
        let now = engine::ports::Clock::now(&self.stage.world.time);
        let sleep = sleep_of(&messages, now).unsigned_abs();
        let request = self.request(Mode::Apply, Scope::Triggers(scope_of(&messages)), None);
        self.begin_request(Process::Worker(lane), request, sleep, messages, kill);
    }

    /// One run, while nothing else happens.
    pub(crate) async fn alone(&mut self, mode: Mode, approve: Option<PlanHash>) -> Result<Completed, Broken> {
        // Two runs are never within one moment.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let request = self.request(mode, Scope::All, approve);
        let engine = self.engine(Process::Schedule, None);
        let began = self.stage.now();
        self.stage.sees_all = true;
        let completed = Box::pin(engine.reconcile(&request)).await.map_err(|error| format!("a run could not be begun: {error}"))?;
        self.watch.look(&mut self.stage, Some(began))?;
        self.stage.look_at_marks();
        Ok(completed)
    }
}

/// With the ledger out of reach for the whole of a run, the guard itself holds every removal, and says so; it is not left to the executor.
fn without_ledger(completed: &Completed) -> Result<(), Broken> {
    let (held, plan) = (completed.findings.held.by_action(), &completed.findings.plan);
    match plan.actions().map(|(_, action)| action).find(|action| action.is_removal() && !held.contains_key(action)) {
        Some(action) => Err(format!("the guard let a removal through without the ledger: {action:?}")),
        None => Ok(()),
    }
}
