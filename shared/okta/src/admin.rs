//! What a person at a terminal asks of Okta: single requests whose answers are looked at as they are, whatever their status, and the few
//! that register an event hook.
//!
//! Nothing here is used by a function. Every answer keeps what a diagnosis rests on: status, code, Okta's words, its clock and its rate limit.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
pub use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderMap, HeaderValue};
use serde_json::Value;
use sync_core::error::SourceError;
use url::Url;

use crate::auth::CredentialProvider;
use crate::config::{ConfigError, OktaConfig};
use crate::errors::{ErrorBody, told};
use crate::link::next_page;
use crate::rate::RateHeaders;
use crate::request::{add_query, encoded};
use crate::transport::{Answer, Http, NoAnswer};
use crate::verdict::{is_throttled, of_no_answer};

/// How often a request is sent that is over a rate limit. A window is a minute, so the second one is let out unless others use it all.
const MAX_SENT: u32 = 3;

/// Most pages of a list, of 200 records each: more apps and groups than any org has.
const MAX_PAGES: usize = 2_000;

/// Asks one Okta org, with one credential.
pub struct Admin {
    http: Http,
    org_url: Url,
    credentials: Arc<dyn CredentialProvider>,
}

/// An answer of Okta, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminAnswer {
    /// HTTP status.
    pub status: u16,
    /// Okta's `errorCode`, or OAuth's `error`.
    pub code: Option<String>,
    /// What Okta said, in a line: status, code, words, and the ids that its support asks for.
    pub words: String,
    /// Okta's clock, to the second.
    pub date: Option<Timestamp>,
    /// Requests that this credential may send a minute in the bucket of this address.
    pub rate_limit: Option<u64>,
    body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// There is nothing to authorize the request with.
    #[error("{0}")]
    Credential(SourceError),
    /// Okta did not answer, or not to its end.
    #[error("{0}")]
    NoAnswer(String),
}

/// A list that was read to its end, or the answer that ended it early.
pub type Listed = Result<Vec<Value>, AdminAnswer>;

impl AdminAnswer {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as it is.
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// Whether it is a success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Admin {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// [`ConfigError::Http`] if the HTTP client cannot start.
    pub fn new(config: &OktaConfig, credentials: Arc<dyn CredentialProvider>) -> Result<Self, ConfigError> {
        Ok(Self { http: Http::new(config)?, org_url: config.org_url.clone(), credentials })
    }

    /// A GET that asks for no authorization: what anyone may know of an org.
    ///
    /// # Errors
    /// [`AdminError::NoAnswer`]
    pub async fn get_public(&self, segments: &[&str]) -> Result<AdminAnswer, AdminError> {
        let sent = self.http.send(Method::GET, self.address(segments, &[]), HeaderMap::new(), None).await;
        sent.map(AdminAnswer::of).map_err(|error| AdminError::NoAnswer(of_no_answer(&error).2))
    }

    /// A GET below `/api/v1`.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn get(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<AdminAnswer, AdminError> {
        Ok(AdminAnswer::of(self.send(Method::GET, self.api(segments, query), None).await?))
    }

    /// A request below `/api/v1` that changes something, with a JSON body or none.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn change(&self, method: Method, segments: &[&str], body: Option<&Value>) -> Result<AdminAnswer, AdminError> {
        Ok(AdminAnswer::of(self.send(method, self.api(segments, &[]), body).await?))
    }

    /// A list below `/api/v1`, page by page.
    ///
    /// # Errors
    /// [`AdminError`]
    pub async fn list(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Listed, AdminError> {
        let (mut url, mut all) = (self.api(segments, query), Vec::new());
        for _ in 0..MAX_PAGES {
            let answer = self.send(Method::GET, url.clone(), None).await?;
            let next = next_page(&answer.headers, &self.org_url).map_err(AdminError::NoAnswer)?;
            let answer = AdminAnswer::of(answer);
            let (true, Value::Array(page)) = (answer.is_success(), answer.json()) else { return Ok(Err(answer)) };
            all.extend(page);
            match next.filter(|next| *next != url) {
                Some(next) => url = next,
                None => break,
            }
        }
        Ok(Ok(all))
    }

    async fn send(&self, method: Method, url: Url, body: Option<&Value>) -> Result<Answer, AdminError> {
        for _ in 1..MAX_SENT {
            let answer = self.send_once(method.clone(), &url, body).await?;
            if !is_throttled(&answer) {
                return Ok(answer);
            }
            let wait = RateHeaders::read(&answer.headers).map_or(Duration::from_secs(1), |rate| rate.resets_in());
            tracing::info!(wait_s = wait.as_secs(), "waiting for the next window of Okta's rate limit");
            tokio::time::sleep(wait).await;
        }
        self.send_once(method, &url, body).await
    }

    async fn send_once(&self, method: Method, url: &Url, body: Option<&Value>) -> Result<Answer, AdminError> {
        let authorization = self.credentials.authorize(method.as_str(), url).await.map_err(AdminError::Credential)?;
        let unusable = |_| AdminError::NoAnswer("the credential holds characters that no header can carry".to_owned());
        let mut headers = authorization.headers().map_err(unusable)?;
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, application/xml"));
        let body = body.map(|body| body.to_string().into_bytes());
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let sent = self.http.send(method, url.clone(), headers, body).await;
        sent.map_err(|error: NoAnswer| AdminError::NoAnswer(of_no_answer(&error).2))
    }

    fn api(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        self.address(&[&["api", "v1"], segments].concat(), query)
    }

    fn address(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.org_url.clone();
        url.set_path(&segments.iter().fold(String::new(), |path, segment| format!("{path}/{}", encoded(segment))));
        if !query.is_empty() {
            add_query(&mut url, query);
        }
        url
    }
}

impl AdminAnswer {
    fn of(answer: Answer) -> Self {
        let body = ErrorBody::read(&answer.body);
        let words = told(&answer, &body);
        let rate_limit = answer.headers.get("x-rate-limit-limit").and_then(|limit| limit.to_str().ok()?.trim().parse().ok());
        Self { status: answer.status, code: body.code, words, date: date(&answer.headers), rate_limit, body: answer.body }
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    Timestamp::try_from(httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?).ok()
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("org_url", &self.org_url.as_str()).finish_non_exhaustive()
    }
}
