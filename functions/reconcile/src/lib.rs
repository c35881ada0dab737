//! Schedule or manual invoke: a full run, an incremental one, a backfill. All of them are one payload and one reconcile.

pub mod duties;
pub mod payload;

use assembly::{Assembler, AssemblyError, Rest, closing, deadline, hand_over, run_id};
use duties::{Duties, WrongWay};
use engine::continuation::Continuation;
use engine::ledger::Ledger;
use engine::ports::{Table, TableError};
use engine::{ReconcileError, Request, Scope, Since};
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
        let now = self.clock.now();
        let vitals = if asks_the_ledger(&result) { self.assembler.vitals(now).await } else { Vec::new() };
        runtime::metrics::emit(Function::Reconcile, now, &metrics(&result, vitals));
        result.map(|answer| answer.json).map_err(|error| {
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

    async fn carry_out(&self, payload: Payload, deadline_ms: u64) -> Result<Answer, InvocationError> {
        match payload {
            Payload::Pause(pause) => {
                let json = set_pause(&self.assembler.ledger(), pause, self.clock.now()).await.map_err(InvocationError::Pause)?;
                Ok(Answer { json, metrics: Vec::new(), is_whole_shadow: false })
            }
            Payload::Run { mode, scope, approve } => self.run(self.request(mode, scope, approve), None, deadline_ms).await,
            Payload::Undo { mode, run_id } => self.run(self.request(mode, Scope::Undo(run_id), None), None, deadline_ms).await,
            Payload::Continue(before) => self.run(before.request(run_id(self.clock.now())), Some(&before), deadline_ms).await,
        }
    }

    fn request(&self, mode: Mode, scope: Scope, approve: Option<PlanHash>) -> Request {
        Request { run_id: run_id(self.clock.now()), mode, scope, approve }
    }

    async fn run(&self, request: Request, before: Option<&Continuation>, deadline_ms: u64) -> Result<Answer, InvocationError> {
        let engine = match self.assembler.engine(deadline(deadline_ms, self.clock.now())).await {
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
        let of_run = runtime::report_log::metrics(&completed.report, &completed.findings);
        // Without a watermark what changed since the last run is everything.
        let is_of_all = matches!(request.scope, Scope::All | Scope::ChangedSince(Since::Last));
        let is_whole_shadow = is_of_all && completed.is_whole_shadow;
        Ok(Answer { json: completed.report.to_json(), metrics: [of_run, lost, stopped].concat(), is_whole_shadow })
    }
}

/// What an invocation came to.
struct Answer {
    json: Value,
    /// What it adds to the metrics.
    metrics: Vec<Metric>,
    /// Whether it was a shadow run that saw everything.
    is_whole_shadow: bool,
}

/// Every invocation says how the whole is, one that failed most of all. For a payload that is refused nothing is read, not even that.
fn asks_the_ledger(result: &Result<Answer, InvocationError>) -> bool {
    !matches!(result, Err(InvocationError::Payload(_) | InvocationError::WrongWay(_)))
}

/// All that an invocation says, whatever it came to. The ledger knows nothing of shadow runs: where no run has ever written, one that saw
/// everything is as complete as it can be, and silence would be an alarm.
fn metrics(result: &Result<Answer, InvocationError>, vitals: Vec<Metric>) -> Vec<Metric> {
    let of_run = result.as_ref().map(|answer| answer.metrics.clone()).unwrap_or_default();
    let is_known = vitals.contains(&Metric::flag(Name::LedgerUnavailable, false));
    let is_unsaid = vitals.iter().all(|metric| metric.name != Name::SecondsSinceCompleteRun);
    let is_shadow = is_known && is_unsaid && result.as_ref().is_ok_and(|answer| answer.is_whole_shadow);
    let shadow = is_shadow.then(|| Metric::new(Name::SecondsSinceCompleteRun, 0.0));
    let failed = Metric::flag(Name::InvocationFailed, result.is_err());
    vitals.into_iter().chain(of_run).chain(shadow).chain([failed]).collect()
}

/// A run that did not even find Identity Center: it has a report, as failed as one whose lists could not be read.
fn not_found(request: &Request, error: &str) -> Answer {
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
    Answer { json: report.to_json(), metrics: runtime::report_log::metrics(&report, &findings), is_whole_shadow: false }
}

async fn set_pause<T: Table>(ledger: &Ledger<T>, pause: bool, now: Timestamp) -> Result<Value, TableError> {
    ledger.set_pause(pause, now).await?;
    let since = ledger.pause(now).await?.map(|pause| pause.since.to_string());
    tracing::warn!(event = "pause_set", paused = pause, since);
    Ok(json!({"paused": pause, "since": since}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(metrics: &[Metric], name: Name) -> Option<f64> {
        metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value)
    }

    #[test]
    fn s55_a_run_that_does_not_find_identity_center_counts_as_failed() {
        let request = Request { run_id: "r-1".to_owned(), mode: Mode::Apply, scope: Scope::All, approve: None };
        let result = Ok(not_found(&request, "sso:ListInstances is denied"));
        let metrics = metrics(&result, Vec::new());
        assert_eq!((value(&metrics, Name::RunFailed), value(&metrics, Name::InvocationFailed)), (Some(1.0), Some(0.0)));
        assert!(asks_the_ledger(&result));
        let Ok(answer) = result else { unreachable!("it has an answer") };
        assert_eq!(answer.json["status"], "failed");
    }

    #[test]
    fn s55_an_invocation_that_is_refused_counts_and_asks_nobody() {
        let refused = Err(InvocationError::Payload(payload::parse(&json!([])).unwrap_err()));
        assert_eq!(value(&metrics(&refused, Vec::new()), Name::InvocationFailed), Some(1.0));
        assert!(!asks_the_ledger(&refused));
        let assembly = Err(InvocationError::Assembly(AssemblyError::NoScimSecret));
        assert_eq!(value(&metrics(&assembly, Vec::new()), Name::InvocationFailed), Some(1.0));
        assert!(asks_the_ledger(&assembly), "how long ago the last complete run was is the news then");
    }

    #[test]
    fn a_shadow_run_that_saw_everything_is_no_silence_and_hides_no_complete_run_of_long_ago() {
        let answer = |is_whole_shadow| Ok(Answer { json: Value::Null, metrics: Vec::new(), is_whole_shadow });
        let never = || vec![Metric::flag(Name::LedgerUnavailable, false)];
        let unreachable = || vec![Metric::flag(Name::LedgerUnavailable, true)];
        let long_ago = || vec![Metric::new(Name::SecondsSinceCompleteRun, 1e6), Metric::flag(Name::LedgerUnavailable, false)];
        let since = |is_whole_shadow, vitals| value(&metrics(&answer(is_whole_shadow), vitals), Name::SecondsSinceCompleteRun);
        assert_eq!(since(true, never()), Some(0.0));
        assert_eq!(since(false, never()), None);
        assert_eq!(since(true, unreachable()), None);
        assert_eq!(since(true, long_ago()), Some(1e6));
    }
}
