//! The gate that every request passes: a place in the rate limit's window, and one of the few that may be in flight.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use sync_core::error::{SourceError, SourceErrorKind};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::rate::{Bucket, Buckets, RateHeaders, Turn};

/// Requests in flight at one time. Okta allows an org 75 (35 on the smallest plan), for all its integrations together.
const MAX_IN_FLIGHT: usize = 8;

pub(crate) struct Gate {
    buckets: Mutex<Buckets>,
    answered: Notify,
    slots: Semaphore,
    began: Instant,
}

/// A request that may be sent. Dropped without an answer, it gives back its slot and keeps what it has reserved.
pub(crate) struct Admitted<'a> {
    gate: &'a Gate,
    bucket: Bucket,
    is_open: bool,
    _slot: SemaphorePermit<'a>,
}

impl Gate {
    pub(crate) fn new(share: f64) -> Self {
        Self {
            buckets: Mutex::new(Buckets::new(share)),
            answered: Notify::new(),
            slots: Semaphore::new(MAX_IN_FLIGHT),
            began: Instant::now(),
        }
    }

    /// Waits until a request of this bucket may go out.
    ///
    /// # Errors
    /// `Throttled` if the window ends after the deadline; `OutOfTime` if the deadline comes first.
    pub(crate) async fn admit(&self, bucket: Bucket, operation: &str, deadline: Option<Instant>) -> Result<Admitted<'_>, SourceError> {
        loop {
            // Made before the turn is asked for, so that no answer in between goes unnoticed.
            let answered = self.answered.notified();
            let slot = before(deadline, operation, self.slots.acquire()).await?.expect("the semaphore is never closed");
            let turn = self.buckets().take(bucket, self.now());
            match turn {
                Turn::Now => return Ok(Admitted { gate: self, bucket, is_open: true, _slot: slot }),
                Turn::AfterAnswer => {
                    drop(slot);
                    before(deadline, operation, answered).await?;
                }
                Turn::After(wait) => {
                    drop(slot);
                    wait_for_window(bucket, operation, wait, deadline).await?;
                }
            }
        }
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Admitted<'_> {
    /// The request was answered. Says whether its bucket is closed until its window ends, because the answer was a 429.
    pub(crate) fn answered(mut self, headers: &HeaderMap, throttled: bool) -> bool {
        self.is_open = false;
        let closed = self.gate.buckets().answered(self.bucket, RateHeaders::read(headers), throttled, self.gate.now());
        self.gate.answered.notify_waiters();
        closed
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.gate.buckets().unanswered(self.bucket);
            self.gate.answered.notify_waiters();
        }
    }
}

/// What `work` gives, or `OutOfTime` if the deadline comes first. After the deadline `work` is not begun.
pub(crate) async fn before<T>(deadline: Option<Instant>, operation: &str, work: impl Future<Output = T>) -> Result<T, SourceError> {
    let Some(deadline) = deadline else { return Ok(work.await) };
    let out_of_time = || SourceError::new(SourceErrorKind::OutOfTime, operation, "the run's time was up before Okta had answered");
    if deadline <= Instant::now() {
        return Err(out_of_time());
    }
    tokio::time::timeout_at(deadline, work).await.map_err(|_| out_of_time())
}

/// How long it is to the deadline; `None` if there is none.
pub(crate) fn time_left(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

async fn wait_for_window(bucket: Bucket, operation: &str, wait: Duration, deadline: Option<Instant>) -> Result<(), SourceError> {
    if let Some(left) = time_left(deadline).filter(|left| *left < wait) {
        let detail = format!(
            "Okta's rate limit for {} lets the next request out in {:.0} s, and this run has {:.0} s left; it is used up to \
             limits.okta_rate_share, or by others who use the same token",
            bucket.as_str(),
            wait.as_secs_f64().ceil(),
            left.as_secs_f64().floor(),
        );
        return Err(SourceError::new(SourceErrorKind::Throttled, operation, detail));
    }
    tracing::info!(bucket = bucket.as_str(), wait_ms = wait.as_millis(), "waiting for the next window of Okta's rate limit");
    tokio::time::sleep(wait).await;
    Ok(())
}
