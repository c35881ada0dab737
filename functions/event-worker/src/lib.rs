//! SQS batch: merged scope, reconcile, partial batch response. A lane is never blocked by what cannot be done yet.

pub mod fate;

use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use engine::continuation::Continuation;
use engine::{Completed, ReconcileError, Request, Scope, batch};
use fate::{Fate, Open};
use runtime::change_events::ChangeEvents;
use runtime::clock::SystemClock;
use runtime::config::Function;
use runtime::metrics::{Metric, Name};
use runtime::queue::{Later, TriggerQueue, later_delay};
use runtime::telemetry::error_chain;
use sync_core::report::Mode;
use sync_core::trigger::TriggerMessage;
use tokio::time::Instant;

use assembly::{Assembler, AssemblyError, deadline, end_chain, hand_over, run_id};

/// How long changes may be told: messages wait to be put off behind it, and a run that used all of its time has left 3 s.
const TELLING: Duration = Duration::from_millis(1_500);

/// The function.
pub struct EventWorker {
    /// Makes engines.
    pub assembler: Assembler,
    /// The queues.
    pub queue: TriggerQueue,
    /// Where changes are told.
    pub changes: ChangeEvents,
    /// The time.
    pub clock: SystemClock,
}

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
enum NoRun {
    /// There is no engine: the policy, a secret, or Identity Center was not found.
    #[error(transparent)]
    NoEngine(AssemblyError),
    /// The run could not be begun.
    #[error(transparent)]
    Refused(ReconcileError),
}

impl NoRun {
    fn event(&self) -> &'static str {
        match self {
            Self::NoEngine(_) => "no_engine",
            Self::Refused(_) => "run_refused",
        }
    }

    /// It counts as a run that failed, or silence would be all there is of it.
    fn metrics(&self) -> Vec<Metric> {
        vec![Metric::flag(Name::RunFailed, true)]
    }
}

/// A message that was understood.
struct Understood {
    message_id: String,
    trigger: TriggerMessage,
    n_received: u32,
}

impl EventWorker {
    /// Works off one batch. `deadline_ms` is Lambda's, in milliseconds since the epoch. Never fails as a whole: what could not be dealt
    /// with is named in the answer, and comes again.
    pub async fn handle(&self, event: SqsEvent, deadline_ms: u64) -> SqsBatchResponse {
        let mut response = SqsBatchResponse::default();
        let mut understood = Vec::new();
        for record in event.records {
            match record.body.as_deref().and_then(Continuation::parse) {
                Some(continuation) => self.go_on(&continuation, deadline_ms).await,
                None => self.take(record, &mut understood, &mut response).await,
            }
        }
        if understood.is_empty() {
            return response;
        }
        let sleep = batch::sleep_of(understood.iter().map(|message| &message.trigger), self.clock.now());
        tokio::time::sleep(sleep.unsigned_abs()).await;
        let open = self.reconcile(&understood, deadline_ms).await;
        let now = self.clock.now();
        runtime::metrics::emit(Function::EventWorker, now, &self.assembler.vitals(now).await);
        for message in understood {
            self.settle(message, &open, &mut response).await;
        }
        response
    }

    /// Goes on with a run of `reconcile` that was cut off, where both share a queue for later. What fails is left to the schedule.
    async fn go_on(&self, before: &Continuation, deadline_ms: u64) {
        let now = self.clock.now();
        let request = before.request(run_id(now));
        if let Some(completed) = self.run(&request, deadline_ms).await {
            self.tell(&completed, Vec::new()).await;
            hand_over(&self.queue, &self.assembler.ledger(), (&request, &completed), Some(before), self.clock.now()).await;
        } else {
            end_chain(&self.assembler.ledger(), Some(before), now).await;
        }
    }

    /// Runs once. Where there is no run at all, log and metrics say so: nobody else does.
    async fn run(&self, request: &Request, deadline_ms: u64) -> Option<Completed> {
        let now = self.clock.now();
        let result = match self.assembler.engine(deadline(deadline_ms, now)).await {
            Ok(engine) => Box::pin(engine.reconcile(request)).await.map_err(NoRun::Refused),
            Err(error) => Err(NoRun::NoEngine(error)),
        };
        let say = |why: &NoRun| {
            tracing::error!(event = why.event(), error = error_chain(why), "what it was for comes again later, or is left to the schedule");
            runtime::metrics::emit(Function::EventWorker, now, &why.metrics());
        };
        result.inspect_err(say).ok()
    }

    /// Understands a message, or takes it out of the queue for good.
    async fn take(&self, record: SqsMessage, understood: &mut Vec<Understood>, response: &mut SqsBatchResponse) {
        let n_received = record.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1);
        let (message_id, body) = (record.message_id.unwrap_or_default(), record.body.unwrap_or_default());
        match TriggerMessage::parse(&body) {
            Ok(trigger) => understood.push(Understood { message_id, trigger, n_received }),
            Err(error) => {
                if let Err(error) = self.queue.dead_letter(&body, &error_chain(&error)).await {
                    tracing::error!(event = "dead_letter_failed", message_id, error = error_chain(&error), "the message comes again");
                    response.add_failure(message_id);
                }
            }
        }
    }

    async fn reconcile(&self, messages: &[Understood], deadline_ms: u64) -> Open {
        let now = self.clock.now();
        let scope = batch::scope_of(messages.iter().map(|message| &message.trigger));
        let request = Request { run_id: run_id(now), mode: Mode::Apply, scope: Scope::Triggers(scope), approve: None };
        let Some(completed) = self.run(&request, deadline_ms).await else { return Open::everything() };
        self.say(&completed, messages).await;
        Open::after(&completed)
    }

    async fn say(&self, completed: &Completed, messages: &[Understood]) {
        let now = self.clock.now();
        let oldest = messages.iter().map(|message| now.duration_since(message.trigger.arrived).as_secs_f64());
        self.tell(completed, vec![Metric::new(Name::OldestEventSeconds, oldest.fold(0.0, f64::max))]).await;
    }

    /// Says what a run came to: in the log, on the bus, and in the metrics.
    async fn tell(&self, completed: &Completed, mut metrics: Vec<Metric>) {
        runtime::report_log::log(Function::EventWorker, &completed.report, &completed.findings);
        metrics.extend(runtime::report_log::metrics(&completed.report, &completed.findings));
        let (run_id, until) = (&completed.report.run_id, Instant::now() + TELLING);
        metrics.extend(self.changes.publish(Function::EventWorker, run_id, &completed.findings, until).await);
        runtime::metrics::emit(Function::EventWorker, self.clock.now(), &metrics);
    }

    /// Acknowledges a message, puts it off, or leaves it where it is.
    async fn settle(&self, message: Understood, open: &Open, response: &mut SqsBatchResponse) {
        let Understood { message_id, trigger, n_received } = message;
        let fate = open.fate(&trigger);
        if fate == Fate::Answered {
            return;
        }
        let Some(delay) = later_delay(trigger.attempt) else {
            tracing::error!(event = "left_to_schedule", message_id, target = ?trigger.target, attempts = trigger.attempt, "put off too often");
            return;
        };
        match self.queue.later(&trigger, delay).await {
            Ok(Later::Queued) => tracing::info!(event = "put_off", message_id, target = ?trigger.target, delay_seconds = delay.as_secs()),
            Ok(Later::LeftToSchedule) if fate.is_the_schedules(n_received) => {
                tracing::warn!(event = "left_to_schedule", message_id, target = ?trigger.target, n_received, "there is no queue for later");
            }
            Ok(Later::LeftToSchedule) => response.add_failure(message_id),
            Err(error) => {
                tracing::error!(event = "put_off_failed", message_id, error = error_chain(&error), "the message comes again");
                response.add_failure(message_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s55_a_batch_without_a_run_counts_as_a_run_that_failed() {
        let no_engine = NoRun::NoEngine(AssemblyError::NoScimSecret);
        let refused = NoRun::Refused(ReconcileError::NoSuchRun("r-1".to_owned()));
        for (why, event) in [(no_engine, "no_engine"), (refused, "run_refused")] {
            assert_eq!((why.event(), why.metrics()), (event, vec![Metric::flag(Name::RunFailed, true)]));
            assert!(!error_chain(&why).is_empty());
        }
    }
}
