//! How the AWS clients of this crate are set up, and what is kept of a call that failed.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};

use crate::telemetry::error_chain;

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Okta waits 3 s for an answer, asks once more, and then drops the delivery: a call that hangs is worth one more try, and
    /// must be over in time for a 503 to be sent.
    Delivery,
    /// A run has minutes; its own deadline is the engine's business.
    Run,
}

impl Patience {
    /// The limits of one connection, one attempt, and one call with all its attempts.
    ///
    /// For a delivery: two attempts of 1 s and the pause between them are 2.2 s, which leaves 0.8 s of Okta's 3 s for the start
    /// of the function and for the network. SQS and Secrets Manager answer in tens of milliseconds, so 1 s means that it hangs.
    pub fn timeouts(self) -> TimeoutConfig {
        let (connect, attempt, call) = match self {
            Self::Delivery => (1_000, 1_000, 2_200),
            Self::Run => (3_000, 5_000, 20_000),
        };
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_millis(connect))
            .operation_attempt_timeout(Duration::from_millis(attempt))
            .operation_timeout(Duration::from_millis(call))
            .build()
    }

    /// How often a call is tried. The SDK's first pause is up to 1 s by default, which a delivery does not have.
    pub fn retries(self) -> RetryConfig {
        match self {
            Self::Delivery => RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(150)),
            Self::Run => RetryConfig::standard().with_max_attempts(4),
        }
    }
}

/// Region, credentials and endpoints as every AWS SDK finds them, with these limits.
pub async fn sdk_config(patience: Patience) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).timeout_config(patience.timeouts()).retry_config(patience.retries()).load().await
}

/// What is kept of a call to AWS that failed: its own code and words, and nothing of the request or the answer, which may hold
/// a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct AwsError {
    code: Option<String>,
    text: String,
}

impl AwsError {
    /// AWS's code, such as `AccessDeniedException`; `None` where AWS did not answer, or not understandably.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// An error that AWS gave inside of an answer.
    pub fn of_answer(code: &str, message: Option<&str>) -> Self {
        Self { code: Some(code.to_owned()), text: format!("{code}: {}", message.unwrap_or("no words")) }
    }

    /// An answer that leaves out what was asked for.
    pub(crate) fn incomplete() -> Self {
        Self { code: None, text: "AWS's answer is incomplete".to_owned() }
    }

    /// The part of `error` that is safe to show.
    pub(crate) fn of_call<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Self {
        let text = match error {
            SdkError::ServiceError(context) => {
                let meta = context.err();
                format!("{}: {}", meta.code().unwrap_or("error without a code"), meta.message().unwrap_or("no words"))
            }
            SdkError::TimeoutError(_) => "AWS did not answer in time".to_owned(),
            SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                Some(connector) => format!("no connection to AWS: {}", error_chain(connector)),
                None => "no connection to AWS".to_owned(),
            },
            SdkError::ConstructionFailure(_) => "the request could not be built or signed: are there credentials and a region?".to_owned(),
            // Its source may quote the answer.
            SdkError::ResponseError(_) | _ => "AWS's answer cannot be understood".to_owned(),
        };
        Self { code: error.code().map(str::to_owned), text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s26_both_attempts_of_a_delivery_and_the_pause_between_them_fit_into_the_call() {
        let timeouts = Patience::Delivery.timeouts();
        let retries = Patience::Delivery.retries();
        let attempts = timeouts.operation_attempt_timeout().unwrap() * retries.max_attempts();
        let call = timeouts.operation_timeout().unwrap();
        assert!(attempts + retries.initial_backoff() <= call, "the second attempt would be cut short");
        assert!(call < Duration::from_secs(3), "Okta would not wait for the answer");
    }
}
