//! What the handler needs from outside, small enough that a test can be it.

use std::future::Future;

use jiff::Timestamp;
use runtime::clock::SystemClock;
use runtime::queue::{QueueError, TriggerQueue};
use runtime::secrets::{HookSecret, HookSecrets, SecretError, SecretSource};
use sync_core::trigger::TriggerMessage;

/// The hook's shared secret.
pub trait Secrets: Send + Sync {
    /// The secret, from memory where it is fresh.
    fn current(&self) -> impl Future<Output = Result<HookSecret, SecretError>> + Send;

    /// The secret, read again; `None` where that was done too often of late.
    fn again(&self) -> impl Future<Output = Result<Option<HookSecret>, SecretError>> + Send;
}

/// The queue of triggers.
pub trait Queue: Send + Sync {
    /// Queues all of them, or fails.
    fn send_all(&self, messages: &[TriggerMessage]) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// The time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

impl<S: SecretSource> Secrets for HookSecrets<S> {
    async fn current(&self) -> Result<HookSecret, SecretError> {
        Self::current(self).await
    }

    async fn again(&self) -> Result<Option<HookSecret>, SecretError> {
        Self::again(self).await
    }
}

impl Queue for TriggerQueue {
    async fn send_all(&self, messages: &[TriggerMessage]) -> Result<(), QueueError> {
        Self::send_all(self, messages).await
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Self::now(*self)
    }
}
