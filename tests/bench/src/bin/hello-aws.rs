//! The least that a Lambda function can be that calls AWS twice, for a secret and to queue a message: what the first answer of `event-hook`
//! is measured beside.

use aws_config::BehaviorVersion;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::{Value, json};

/// AWS's endpoint is taken from the environment, as by every SDK.
const QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/000000000000/triggers.fifo";

#[tokio::main]
async fn main() -> Result<(), Error> {
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    let queue = aws_sdk_sqs::Client::new(&config);
    let answer = |_: LambdaEvent<Value>| async {
        secrets.get_secret_value().secret_id("hook").send().await?;
        queue.send_message().queue_url(QUEUE).message_body("hello").message_group_id("rest").send().await?;
        Ok::<_, Error>(json!({ "statusCode": 204 }))
    };
    run(service_fn(answer)).await
}
