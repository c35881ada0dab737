//! SQS batch: merged scope, reconcile, partial batch response. A lane is never blocked by what cannot be done yet.

pub mod fate;

use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use engine::continuation::Continuation;
use engine::{Completed, Request, Scope, batch};
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

use assembly::{Assembler, deadline, end_chain, hand_over, run_id};

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

/// A message that was understood.
struct Understood {
    message_id: String,
    trigger: TriggerMessage,
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
        let engine = match self.assembler.engine(deadline(deadline_ms, now)).await {
            Ok(engine) => engine,
            Err(error) => {
                tracing::error!(event = "no_engine", error = error_chain(&error), "the schedule goes on");
                return end_chain(&self.assembler.ledger(), Some(before), now).await;
            }
        };
        match Box::pin(engine.reconcile(&request)).await {
            Ok(completed) => {
                self.tell(&completed, Vec::new()).await;
                hand_over(&self.queue, &self.assembler.ledger(), (&request, &completed), Some(before), self.clock.now()).await;
            }
            Err(error) => {
                tracing::error!(event = "run_refused", error = error_chain(&error), "the schedule goes on");
                end_chain(&self.assembler.ledger(), Some(before), self.clock.now()).await;
            }
        }
    }

    /// Understands a message, or takes it out of the queue for good.
    async fn take(&self, record: SqsMessage, understood: &mut Vec<Understood>, response: &mut SqsBatchResponse) {
        let (message_id, body) = (record.message_id.unwrap_or_default(), record.body.unwrap_or_default());
        match TriggerMessage::parse(&body) {
            Ok(trigger) => understood.push(Understood { message_id, trigger }),
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
        let engine = match self.assembler.engine(deadline(deadline_ms, now)).await {
            Ok(engine) => engine,
            Err(error) => {
                tracing::error!(event = "no_engine", error = error_chain(&error), "the messages come again later");
                return Open::everything();
            }
        };
        match Box::pin(engine.reconcile(&request)).await {
            Ok(completed) => {
                self.say(&completed, messages).await;
                Open::after(&completed)
            }
            Err(error) => {
                tracing::error!(event = "run_refused", error = error_chain(&error));
                Open::everything()
            }
        }
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
        let Understood { message_id, trigger } = message;
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
            Ok(Later::LeftToSchedule) if fate == Fate::NotYet => {
                tracing::info!(event = "left_to_schedule", message_id, target = ?trigger.target, "there is no queue for later");
            }
            Ok(Later::LeftToSchedule) => response.add_failure(message_id),
            Err(error) => {
                tracing::error!(event = "put_off_failed", message_id, error = error_chain(&error), "the message comes again");
                response.add_failure(message_id);
            }
        }
    }
}
