//! A request until it has an answer: admitted, authorized, sent, judged, and sent again where that may help.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use sync_core::error::{SourceError, SourceErrorKind};
use tokio::time::Instant;

use crate::auth::{Authorization, Credential, CredentialProvider, Generation};
use crate::errors::request_id;
use crate::gate::{Gate, before, time_left};
use crate::request::Request;
use crate::transport::{Answer, Exchange, NoAnswer};
use crate::verdict::{Verdict, is_throttled, judge};

/// First pause before a request is sent again, doubled each time and with as much again by chance, so that those who failed
/// together do not come back together. Three of them are at most 7 s, well below the windows of a minute.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

const LONGEST_PAUSE: Duration = Duration::from_secs(8);

const RETRY_FOR: HeaderName = HeaderName::from_static("x-okta-retry-for");
const RETRY_COUNT: HeaderName = HeaderName::from_static("x-okta-retry-count");

/// An answer that is one.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A success, with its headers.
    Found(Value, HeaderMap),
    /// Okta says that the object does not exist.
    Missing,
}

pub(crate) struct Sender {
    exchange: Arc<dyn Exchange>,
    credential: Credential,
    gate: Gate,
    calls: AtomicU64,
    throttled: AtomicU64,
}

/// How a request has fared so far.
struct Attempts {
    n_sent: u32,
    n_repeats: u32,
    renewed: bool,
    pauses: ExponentialBackoff,
    first_request_id: Option<HeaderValue>,
}

/// What came of sending a request once.
struct Sent {
    result: Result<Answer, NoAnswer>,
    /// The bucket is closed until its window ends, so that being admitted is wait enough.
    bucket_closed: bool,
}

impl Sender {
    pub(crate) fn new(exchange: Arc<dyn Exchange>, provider: Arc<dyn CredentialProvider>, rate_share: f64) -> Self {
        Self {
            exchange,
            credential: Credential::new(provider),
            gate: Gate::new(rate_share),
            calls: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
        }
    }

    /// A run begins, which asks anew where the one before was refused.
    pub(crate) fn begin_run(&self) {
        self.credential.begin_run();
    }

    /// Requests sent so far.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Answers so far that were a rate limit's.
    pub(crate) fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    /// Sends a request until it succeeds, or fails for good, or the deadline comes.
    pub(crate) async fn get(&self, request: &Request, deadline: Option<Instant>) -> Result<Reply, SourceError> {
        let mut attempts = Attempts::none();
        loop {
            let (generation, sent) = self.send(request, &mut attempts, deadline).await?;
            match judge(request, sent.result) {
                Verdict::Found(value, headers) => {
                    self.credential.accepted(generation);
                    return Ok(Reply::Found(value, headers));
                }
                Verdict::Missing => {
                    self.credential.accepted(generation);
                    return Ok(Reply::Missing);
                }
                Verdict::Failed(error) => return Err(error),
                Verdict::Renew(error) if attempts.renewed => {
                    before(deadline, &request.operation, self.credential.refused_again(generation, &error)).await?;
                    return Err(error);
                }
                Verdict::Renew(error) => {
                    tracing::warn!(operation = request.operation, "Okta did not accept the credential; it is read again");
                    attempts.renewed = true;
                    before(deadline, &request.operation, self.credential.refresh(generation, &error)).await??;
                }
                Verdict::Again { attempts: most, error } => {
                    attempts.pause(most, error, sent.bucket_closed, deadline).await?;
                }
            }
        }
    }

    async fn send(&self, request: &Request, attempts: &mut Attempts, deadline: Option<Instant>) -> Result<(Generation, Sent), SourceError> {
        let operation = &request.operation;
        let admitted = self.gate.admit(request.bucket, operation, deadline).await?;
        // After the wait, in which the credential may have changed.
        let (generation, authorization) = before(deadline, operation, self.credential.authorize("GET", &request.url)).await??;
        let headers = attempts.headers(request, &authorization)?;
        attempts.n_sent += 1;
        self.calls.fetch_add(1, Ordering::Relaxed);
        let started = Instant::now();
        let result = before(deadline, operation, self.exchange.get(request.url.clone(), headers)).await?;
        log(operation, attempts.n_sent, started.elapsed(), &result);
        let bucket_closed = match &result {
            Ok(answer) => {
                attempts.remember(answer);
                self.throttled.fetch_add(u64::from(is_throttled(answer)), Ordering::Relaxed);
                admitted.answered(&answer.headers, is_throttled(answer))
            }
            Err(_) => false,
        };
        Ok((generation, Sent { result, bucket_closed }))
    }
}

impl Attempts {
    fn none() -> Self {
        Self { n_sent: 0, n_repeats: 0, renewed: false, pauses: pauses(), first_request_id: None }
    }

    fn headers(&self, request: &Request, authorization: &Authorization) -> Result<HeaderMap, SourceError> {
        let mut headers = authorization.headers().map_err(|_| {
            let detail = "the Okta credential has characters that no header can carry; correct the Okta secret";
            request.error(SourceErrorKind::Unauthorized, detail)
        })?;
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if self.n_repeats > 0 {
            headers.insert(RETRY_COUNT, self.n_repeats.into());
            headers.extend(self.first_request_id.clone().map(|id| (RETRY_FOR, id)));
        }
        Ok(headers)
    }

    fn remember(&mut self, answer: &Answer) {
        let id = || request_id(&answer.headers).and_then(|id| HeaderValue::from_str(id).ok());
        self.first_request_id = self.first_request_id.take().or_else(id);
    }

    /// Waits before the request is sent again.
    ///
    /// # Errors
    /// `error` itself after the last attempt, or where the pause does not fit before the deadline.
    async fn pause(&mut self, most: u32, error: SourceError, bucket_closed: bool, deadline: Option<Instant>) -> Result<(), SourceError> {
        let told = |why: &str| SourceError { detail: format!("{} ({why})", error.detail), ..error.clone() };
        if self.n_sent >= most {
            return Err(told(&format!("after {} attempts", self.n_sent)));
        }
        let pause = if bucket_closed { Duration::ZERO } else { self.pauses.next().unwrap_or(LONGEST_PAUSE) };
        if time_left(deadline).is_some_and(|left| left <= pause) {
            return Err(told("and no time is left to try again"));
        }
        self.n_repeats += 1;
        tracing::warn!(operation = error.operation, kind = ?error.kind, attempt = self.n_sent, pause_ms = pause.as_millis(), "a read from Okta is repeated");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// Pauses without an end, each of them at most [`LONGEST_PAUSE`] and as much again by chance.
pub(crate) fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::new().with_min_delay(FIRST_PAUSE).with_max_delay(LONGEST_PAUSE).without_max_times().with_jitter().build()
}

/// One line for each request that was sent.
pub(crate) fn log(operation: &str, attempt: u32, took: Duration, result: &Result<Answer, NoAnswer>) {
    let (status, request_id) = match result {
        Ok(answer) => (Some(answer.status), request_id(&answer.headers)),
        Err(_) => (None, None),
    };
    tracing::debug!(operation, status, attempt, ms = took.as_millis(), request_id, "Okta");
}
