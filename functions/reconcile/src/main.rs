//! Wiring.

use std::sync::Arc;

use assembly::Assembler;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use reconcile::Reconcile;
use reconcile::duties::Duties;
use runtime::aws::{self, Patience};
use runtime::change_events::ChangeEvents;
use runtime::clock::SystemClock;
use runtime::config::{self, ReconcileConfig};
use runtime::prepared::Prepared;
use runtime::queue::TriggerQueue;
use runtime::telemetry;
use serde_json::Value;

/// One thread: a run is one task, which waits for others most of the time, and a pool of threads only makes the start longer.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(config::log_level(config::from_env()).as_deref());
    let config = ReconcileConfig::parse(config::from_env())
        .inspect_err(|error| tracing::error!(error = telemetry::error_chain(error), "no start"))?;
    let function = Arc::new(Prepared::soon(move || wire(config.clone())));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let function = Arc::clone(&function);
        // Boxed: the futures of the SDK inside one another are too deep for the compiler.
        Box::pin(async move {
            let function = function.get().await;
            function.handle(&event.payload, &event.context.invoked_function_arn, event.context.deadline).await
        })
    }))
    .await
}

/// Nothing is read here: a policy or secret that cannot be read is an error of the invocation, which says so.
async fn wire(config: ReconcileConfig) -> Reconcile {
    let ReconcileConfig { run, approve_alias } = config;
    let aws = aws::sdk_config(Patience::Run).await;
    Reconcile {
        queue: TriggerQueue::new(&aws, run.queue_url.clone()).with_later(run.later_queue_url.clone()),
        duties: Duties { approve_alias },
        changes: ChangeEvents::new(&aws, run.event_bus.clone()),
        assembler: Assembler::new(run.into(), aws),
        clock: SystemClock,
    }
}
