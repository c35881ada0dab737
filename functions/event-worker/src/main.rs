//! Wiring.

use std::sync::Arc;

use assembly::Assembler;
use aws_lambda_events::event::sqs::SqsEvent;
use event_worker::EventWorker;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::aws::{self, Patience};
use runtime::change_events::ChangeEvents;
use runtime::clock::SystemClock;
use runtime::config::{self, WorkerConfig};
use runtime::prepared::Prepared;
use runtime::queue::TriggerQueue;
use runtime::telemetry;

/// One thread: a run is one task, which waits for others most of the time, and a pool of threads only makes the start longer.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(config::log_level(config::from_env()).as_deref());
    let config =
        WorkerConfig::parse(config::from_env()).inspect_err(|error| tracing::error!(error = telemetry::error_chain(error), "no start"))?;
    let worker = Arc::new(Prepared::soon(move || wire(config.clone())));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        let worker = Arc::clone(&worker);
        // Boxed: the futures of the SDK inside one another are too deep for the compiler.
        Box::pin(async move { Ok::<_, Error>(worker.get().await.handle(event.payload, event.context.deadline).await) })
    }))
    .await
}

/// Nothing is read here: what cannot be read is said when a batch comes, and the batch comes again.
async fn wire(config: WorkerConfig) -> EventWorker {
    let WorkerConfig { run, dead_letter_url } = config;
    let aws = aws::sdk_config(Patience::Run).await;
    EventWorker {
        queue: TriggerQueue::new(&aws, run.queue_url.clone()).with_later(run.later_queue_url.clone()).with_dead_letters(dead_letter_url),
        changes: ChangeEvents::new(&aws, run.event_bus.clone()),
        assembler: Assembler::new(run.into(), aws),
        clock: SystemClock,
    }
}
