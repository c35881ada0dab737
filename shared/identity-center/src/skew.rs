//! How far AWS's clock is off ours.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ssoadmin::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_ssoadmin::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ssoadmin::error::BoxError;
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Reads the `Date` of every answer that passes, an error's as well.
#[derive(Debug, Clone)]
pub(crate) struct Skew {
    now: fn() -> Timestamp,
    ahead_s: Arc<Mutex<Option<i64>>>,
}

impl Skew {
    pub(crate) fn new(now: fn() -> Timestamp) -> Self {
        Self { now, ahead_s: Arc::default() }
    }

    /// By how many seconds AWS's clock is ahead, by the last answer.
    pub(crate) fn seconds(&self) -> Option<i64> {
        *self.ahead_s.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Skew {
    fn name(&self) -> &'static str {
        "Skew"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(date);
        if let Some(date) = date {
            let ahead = date.as_second() - (self.now)().as_second();
            *self.ahead_s.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
        Ok(())
    }
}

fn date(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}
