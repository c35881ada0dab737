//! One exchange over HTTP: a request that is sent, and its answer whole, or why there is none.

use std::error::Error;

use futures::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, redirect};

use crate::config::{ConfigError, OktaConfig};

/// Longest body of an answer, in bytes. A page of 200 users has about 400 KB.
pub(crate) const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Who asks, for Okta's System Log.
const USER_AGENT: &str = concat!("lockstep/", env!("CARGO_PKG_VERSION"));

/// An answer that arrived whole, whatever it says.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer. The texts never hold an address or a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Nothing came, or not all of it, in the time that a request has.
    TimedOut,
    /// The connection could not be made, or broke before an answer began.
    Broken(String),
    /// A success whose body ended too early.
    CutShort(String),
    /// A body over [`MAX_ANSWER_BYTES`].
    TooLarge,
}

/// Sends a GET and waits for its answer; a seam, so that tests can own both the answers and the time.
pub(crate) trait Exchange: Send + Sync {
    fn get(&self, url: Url, headers: HeaderMap) -> BoxFuture<'_, Result<Answer, NoAnswer>>;
}

/// Sends a form to the token endpoint, the only thing that is ever sent but a GET; the same seam.
pub(crate) trait TokenExchange: Send + Sync {
    fn post(&self, url: Url, headers: HeaderMap, form: String) -> BoxFuture<'_, Result<Answer, NoAnswer>>;
}

/// The exchange over the network.
pub(crate) struct Http(Client);

impl Http {
    pub(crate) fn new(config: &OktaConfig) -> Result<Self, ConfigError> {
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(config.connect_timeout)
            .timeout(config.request_timeout)
            // A redirect would carry the token to wherever an answer points.
            .redirect(redirect::Policy::none())
            .https_only(config.org_url.scheme() == "https")
            .build()
            .map_err(ConfigError::Http)?;
        Ok(Self(client))
    }

    /// Sends a request of any method, with a body or without one.
    #[cfg(feature = "admin")]
    pub(crate) async fn send(
        &self,
        method: reqwest::Method,
        url: Url,
        headers: HeaderMap,
        body: Option<Vec<u8>>,
    ) -> Result<Answer, NoAnswer> {
        let request = self.0.request(method, url).headers(headers);
        Self::exchange(body.into_iter().fold(request, RequestBuilder::body)).await
    }

    async fn exchange(request: RequestBuilder) -> Result<Answer, NoAnswer> {
        let response = request.send().await.map_err(|error| no_answer(error, NoAnswer::Broken))?;
        let (status, mut headers) = (response.status(), response.headers().clone());
        if !is_dated(&headers) {
            headers.insert(DATE, received_now());
        }
        let body = match read_body(response).await {
            // What matters of an error is its status; half a body only loses its words.
            Err(NoAnswer::CutShort(_)) if status != StatusCode::OK => Vec::new(),
            body => body?,
        };
        Ok(Answer { status: status.as_u16(), headers, body })
    }
}

fn is_dated(headers: &HeaderMap) -> bool {
    headers.get(DATE).and_then(|date| date.to_str().ok()).is_some_and(|date| httpdate::parse_http_date(date).is_ok())
}

/// The time by our own clock, for an answer without a `Date` that can be read: HTTP asks a recipient that has a clock for it (RFC 9110, 6.6.1), and the end
/// of a rate limit's window is counted from it.
#[expect(clippy::disallowed_methods, reason = "what the server leaves out is the time of receipt, and no decision but a wait rests on it")]
fn received_now() -> HeaderValue {
    HeaderValue::from_str(&httpdate::fmt_http_date(std::time::SystemTime::now())).expect("a date is plain text")
}

impl Exchange for Http {
    fn get(&self, url: Url, headers: HeaderMap) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        Box::pin(Self::exchange(self.0.get(url).headers(headers)))
    }
}

impl TokenExchange for Http {
    fn post(&self, url: Url, headers: HeaderMap, form: String) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        Box::pin(Self::exchange(self.0.post(url).headers(headers).header(CONTENT_TYPE, form_type).body(form)))
    }
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, NoAnswer> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| no_answer(error, NoAnswer::CutShort))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(NoAnswer::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The address is left out: its path may hold a login.
fn no_answer(error: reqwest::Error, otherwise: fn(String) -> NoAnswer) -> NoAnswer {
    if error.is_timeout() {
        return NoAnswer::TimedOut;
    }
    let error = error.without_url();
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    otherwise(words)
}
