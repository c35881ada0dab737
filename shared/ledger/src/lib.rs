//! The ledger: a DynamoDB table that all runs share, as [`engine::ports::Table`].
//!
//! An item has `pk` and `sk` (strings, the keys), `version` (a number that grows by one with every write), `body` (a string, JSON),
//! `expires_at` (a number, seconds since 1970, on which the table's TTL is set; absent where the row stays) and `write_id` (a string
//! that is new with every write). DynamoDB drops an expired item within days, not at once, so here one counts as absent.
//!
//! What the rows mean is the engine's business. An item that was not written by this crate, or by a version of it that stored other
//! types, is a row with an empty body: the engine takes it for corrupt and writes over it.

mod errors;
mod expressions;
mod items;
mod table;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;

/// The table answers in milliseconds from the same region; what has no connection after two seconds will not have one soon.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Far above what a single item takes, and low enough for a second attempt within the operation.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// The most that a run spends on one look at the ledger, attempts and waits together. Longer than that, and it is better to know that
/// the ledger cannot be reached: removals are then held, and additions go on.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(8);

/// One lost packet or one busy partition is bridged, and no more.
const MAX_ATTEMPTS: u32 = 3;

/// The SDK's own first wait is a second, of eight that there are.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The ledger's table. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoTable {
    sdk: Client,
    table: Arc<str>,
}

impl DynamoTable {
    /// The table of this name; nothing is sent yet.
    pub fn new(config: &SdkConfig, table: &str) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS).with_initial_backoff(FIRST_WAIT);
        let builder = aws_sdk_dynamodb::config::Builder::from(config).timeout_config(timeouts).retry_config(retries);
        Self { sdk: Client::from_conf(builder.build()), table: table.into() }
    }
}
