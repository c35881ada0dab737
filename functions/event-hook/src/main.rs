//! Wiring.

use std::sync::Arc;

use event_hook::EventHook;
use event_hook::http::Payload;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use runtime::aws::{self, Patience};
use runtime::clock::SystemClock;
use runtime::config::{self, HookConfig};
use runtime::prepared::Prepared;
use runtime::queue::TriggerQueue;
use runtime::secrets::{HookSecrets, SecretStore, SecretsManager};
use runtime::telemetry;

type Hook = EventHook<HookSecrets<SecretsManager>, TriggerQueue, SystemClock>;

/// One thread: a function handles one invocation at a time, and a pool of threads only makes the start longer.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init(config::log_level(config::from_env()).as_deref());
    let config =
        HookConfig::parse(config::from_env()).inspect_err(|error| tracing::error!(error = telemetry::error_chain(error), "no start"))?;
    let hook = Arc::new(Prepared::soon(move || wire(config.clone())));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Payload>| {
        let hook = Arc::clone(&hook);
        async move { hook.get().await.handle(event.payload, &event.context.request_id).await }
    }))
    .await
}

/// Nothing is called here: the secret is read when the first delivery comes, so that a verification needs none.
async fn wire(config: HookConfig) -> Hook {
    let aws = aws::sdk_config(Patience::Delivery).await;
    let store = SecretStore::new(SecretsManager::new(&aws));
    EventHook { secrets: HookSecrets::new(store, config.hook_secret), queue: TriggerQueue::new(&aws, config.queue_url), clock: SystemClock }
}
