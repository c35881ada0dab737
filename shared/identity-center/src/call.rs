//! The one way to call AWS: wait for a place, count, send once, sort the answer, and perhaps send again.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::ports::TargetCalls;
use tokio::time::Instant;

use crate::api::{Api, Family};
use crate::errors::{Again, Failure};
use crate::pace::Paces;

/// How often a request is sent that AWS throttles. With the waits below that is half a minute, in which sixteen callers on one
/// limit of twenty a second are all served many times over; a caller with less time has a deadline.
const MAX_THROTTLED: u32 = 10;

/// The same for what begins work in the background. AWS throttles that by the work under way too, under the same code, and then
/// it helps to wait for work to end and not to ask again; who began the work knows how much of it there is. Four requests span
/// two seconds, and a limit of calls a second is over in one.
const MAX_THROTTLED_WORK: u32 = 4;

/// How often a request is sent whose answer does not come or cannot be used. AWS's own SDKs send three times; one more bridges the
/// few seconds that a failing host stays in rotation.
const MAX_UNANSWERED: u32 = 4;

/// The first wait after a throttled call, which then doubles: a quarter of the second by which AWS counts.
const THROTTLED_WAIT: Duration = Duration::from_millis(250);

/// The first wait after a call without an answer, which then doubles.
const UNANSWERED_WAIT: Duration = Duration::from_millis(100);

/// No single wait is longer than this, unless AWS asks for it.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Calls AWS within its limits and the run's deadline. Clones share limits and counts.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    shared: Arc<Shared>,
    deadline: Option<Instant>,
}

#[derive(Debug)]
struct Shared {
    paces: Paces,
    identity_store: AtomicU64,
    sso_admin: AtomicU64,
    organizations: AtomicU64,
    scim: AtomicU64,
    throttled: AtomicU64,
}

impl Caller {
    pub(crate) fn new(paces: Paces) -> Self {
        let [identity_store, sso_admin, organizations, scim, throttled] = [0; 5].map(AtomicU64::new);
        Self { shared: Arc::new(Shared { paces, identity_store, sso_admin, organizations, scim, throttled }), deadline: None }
    }

    /// The same caller for a run that must end at `deadline`.
    pub(crate) fn until(&self, deadline: Instant) -> Self {
        Self { shared: Arc::clone(&self.shared), deadline: Some(deadline) }
    }

    /// Requests sent so far, repeated ones included.
    pub(crate) fn calls(&self) -> TargetCalls {
        TargetCalls {
            identity_store: self.shared.identity_store.load(Ordering::Relaxed),
            sso_admin: self.shared.sso_admin.load(Ordering::Relaxed),
            organizations: self.shared.organizations.load(Ordering::Relaxed),
            scim: self.shared.scim.load(Ordering::Relaxed),
            throttled: self.shared.throttled.load(Ordering::Relaxed),
        }
    }

    /// Sends what `attempt` makes, until it is answered, or it makes no sense to send it again, or the time is up.
    ///
    /// An answer can be lost after the request took effect, so whatever is sent through here must bear being sent twice.
    pub(crate) async fn call<T, F>(&self, api: Api, attempt: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut tries = Tries::default();
        let mut last = None;
        loop {
            let failure = match self.once(api, &attempt, last.as_ref()).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(wait) = tries.wait_after(api, failure.again) else { return Err(failure) };
            tracing::debug!(api = api.name(), kind = ?failure.error.kind, wait_ms = wait.as_millis(), "sending again");
            self.in_time(tokio::time::sleep(wait)).await.ok_or_else(|| Failure::out_of_time(api, Some(&failure)))?;
            last = Some(failure);
        }
    }

    /// One request, when its turn has come.
    async fn once<T, F>(&self, api: Api, attempt: impl Fn() -> F, last: Option<&Failure>) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let out_of_time = || Failure::out_of_time(api, last);
        let pace = self.shared.paces.of(api);
        self.in_time(pace.wait()).await.ok_or_else(out_of_time)?;
        self.count(api);
        let answer = self.in_time(attempt()).await.ok_or_else(out_of_time)?;
        match &answer {
            Ok(_) => pace.succeeded(),
            Err(failure) => self.heed(api, failure.again),
        }
        answer
    }

    /// What an answer that is an error says about the limits.
    fn heed(&self, api: Api, again: Again) {
        match again {
            Again::Never => self.shared.paces.of(api).succeeded(),
            Again::Throttled(pause) => {
                self.shared.throttled.fetch_add(1, Ordering::Relaxed);
                self.shared.paces.throttled(api, pause.unwrap_or_default());
            }
            Again::Unavailable(_) => {}
        }
    }

    /// `None` where the deadline comes first. With a deadline in the past, nothing is begun.
    pub(crate) async fn in_time<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match self.deadline {
            None => Some(work.await),
            Some(deadline) if deadline <= Instant::now() => None,
            Some(deadline) => tokio::time::timeout_at(deadline, work).await.ok(),
        }
    }

    fn count(&self, api: Api) {
        let counter = match api.family() {
            Family::IdentityStore => &self.shared.identity_store,
            Family::SsoAdmin => &self.shared.sso_admin,
            Family::Organizations => &self.shared.organizations,
            Family::Scim => &self.shared.scim,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// How often one request was sent in vain.
#[derive(Debug, Default)]
struct Tries {
    throttled: u32,
    unanswered: u32,
}

impl Tries {
    /// How long to wait before sending the request again; `None` if it should not be.
    fn wait_after(&mut self, api: Api, again: Again) -> Option<Duration> {
        let max_throttled = if api.begins_work() { MAX_THROTTLED_WORK } else { MAX_THROTTLED };
        let (tries, max, first, asked) = match again {
            Again::Never => return None,
            Again::Throttled(pause) => (&mut self.throttled, max_throttled, THROTTLED_WAIT, pause),
            Again::Unavailable(pause) => (&mut self.unanswered, MAX_UNANSWERED, UNANSWERED_WAIT, pause),
        };
        *tries += 1;
        let wait = first.saturating_mul(1 << (*tries - 1)).min(MAX_WAIT);
        (*tries < max).then(|| jittered(wait).max(asked.unwrap_or_default()))
    }
}

/// Somewhere in the upper half of `wait`, so that callers who failed together do not come back together.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::random_range(0.5..1.0))
}

#[cfg(test)]
mod tests;
