//! Schedule or manual invoke: a full run, an incremental one, a backfill. All of them are one payload and one reconcile.

pub mod duties;
pub mod payload;

use assembly::{Assembler, AssemblyError, Rest, closing, deadline, hand_over, run_id};
use duties::{Duties, WrongWay};
use engine::continuation::Continuation;
use engine::ledger::Ledger;
use engine::ports::{Table, TableError};
use engine::{ReconcileError, Request, Scope};
use jiff::Timestamp;
use payload::{Payload, PayloadError};
use runtime::change_events::ChangeEvents;
use runtime::clock::SystemClock;
use runtime::config::Function;
use runtime::metrics::{Metric, Name};
use runtime::queue::TriggerQueue;
use runtime::telemetry::error_chain;
use serde_json::{Value, json};
use sync_core::plan::PlanHash;
use sync_core::report::{Calls, Circumstances, Findings, Mode, Report};

/// An invocation that could not be carried out. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum InvocationError {
    /// The payload is not one of the contract's.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The payload came through the wrong alias.
    #[error(transparent)]
    WrongWay(#[from] WrongWay),
    /// There is no engine.
    #[error("nothing was read or written")]
    Assembly(#[source] AssemblyError),
    /// The run could not be begun.
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    /// The ledger did not take the pause.
    #[error("the pause was not recorded, and nothing changed")]
    Pause(#[source] TableError),
}

/// The function.
pub struct Reconcile {
    /// Makes engines.
    pub assembler: Assembler,
    /// The queue over which a run whose time is up goes on as another.
    pub queue: TriggerQueue,
    /// What the aliases are for.
    pub duties: Duties,
    /// Where changes are told.
    pub changes: ChangeEvents,
    /// The time.
    pub clock: SystemClock,
}

impl Reconcile {
    /// Carries out one invocation. `function_arn` is what was invoked, with the alias if there was one; `deadline_ms` is Lambda's, in
    /// milliseconds since the epoch.
    ///
    /// # Errors
    /// [`InvocationError`], logged once, with its chain in the message that the invoker sees.
    pub async fn handle(&self, payload: &Value, function_arn: &str, deadline_ms: u64) -> Result<Value, String> {
        let result = match self.admit(payload, function_arn) {
            Ok(payload) => self.carry_out(payload, deadline_ms).await,
            Err(error) => Err(error),
        };
        self.show_life(&result).await;
        result.map_err(|error| {
            let chain = error_chain(&error);
            tracing::error!(event = "invocation_refused", error = chain);
            chain
        })
    }

    fn admit(&self, payload: &Value, function_arn: &str) -> Result<Payload, InvocationError> {
        let payload = payload::parse(payload)?;
        self.duties.check(&payload, function_arn)?;
        Ok(payload)
    }

    /// Every invocation says how the whole is, one that failed most of all. For a payload that is refused nothing is read, not even that.
    async fn show_life(&self, result: &Result<Value, InvocationError>) {
        let now = self.clock.now();
        let mut metrics = match result {
            Err(InvocationError::Payload(_) | InvocationError::WrongWay(_)) => Vec::new(),
            Ok(_) | Err(_) => self.assembler.vitals(now).await,
        };
        metrics.push(Metric::flag(Name::InvocationFailed, result.is_err()));
        runtime::metrics::emit(Function::Reconcile, now, &metrics);
    }

    async fn carry_out(&self, payload: Payload, deadline_ms: u64) -> Result<Value, InvocationError> {
        match payload {
            Payload::Pause(pause) => set_pause(&self.assembler.ledger(), pause, self.clock.now()).await.map_err(InvocationError::Pause),
            Payload::Run { mode, scope, approve } => self.run(self.request(mode, scope, approve), None, deadline_ms).await,
            Payload::Undo { mode, run_id } => self.run(self.request(mode, Scope::Undo(run_id), None), None, deadline_ms).await,
            Payload::Continue(before) => self.run(before.request(run_id(self.clock.now())), Some(&before), deadline_ms).await,
        }
    }

    fn request(&self, mode: Mode, scope: Scope, approve: Option<PlanHash>) -> Request {
        Request { run_id: run_id(self.clock.now()), mode, scope, approve }
    }

    async fn run(&self, request: Request, before: Option<&Continuation>, deadline_ms: u64) -> Result<Value, InvocationError> {
        let now = self.clock.now();
        let engine = match self.assembler.engine(deadline(deadline_ms, now)).await {
            Ok(engine) => engine,
            Err(AssemblyError::Locate(error)) => return Ok(not_found(&request, &error.to_string())),
            Err(error) => return Err(InvocationError::Assembly(error)),
        };
        let completed = Box::pin(engine.reconcile(&request)).await?;
        runtime::report_log::log(Function::Reconcile, &completed.report, &completed.findings);
        let rest = hand_over(&self.queue, &self.assembler.ledger(), (&request, &completed), before, self.clock.now()).await;
        let until = closing(deadline_ms, self.clock.now());
        let lost = self.changes.publish(Function::Reconcile, &request.run_id, &completed.findings, until).await;
        let stopped = vec![Metric::flag(Name::RunStopped, rest == Rest::Stopped)];
        let metrics = [runtime::report_log::metrics(&completed.report, &completed.findings), lost, stopped].concat();
        runtime::metrics::emit(Function::Reconcile, now, &metrics);
        Ok(completed.report.to_json())
    }
}

/// A run that did not even find Identity Center.
fn not_found(request: &Request, error: &str) -> Value {
    let findings = Findings { failed_reads: vec![error.to_owned()], ..Findings::default() };
    let circumstances = Circumstances {
        run_id: request.run_id.clone(),
        mode: request.mode,
        scope: request.scope.to_json(),
        calls: Calls::default(),
        duration_ms: 0,
    };
    let report = Report::of(&findings, circumstances);
    runtime::report_log::log(Function::Reconcile, &report, &findings);
    report.to_json()
}

async fn set_pause<T: Table>(ledger: &Ledger<T>, pause: bool, now: Timestamp) -> Result<Value, TableError> {
    ledger.set_pause(pause, now).await?;
    let since = ledger.pause(now).await?.map(|pause| pause.since.to_string());
    tracing::warn!(event = "pause_set", paused = pause, since);
    Ok(json!({"paused": pause, "since": since}))
}
