//! One exchange over HTTP: a request that is sent, and its answer whole, or why there is none.

use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::errors::chain;

/// TCP sends a lost SYN again after one and after three seconds; a little more than that lets the second one count.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// A PatchGroup makes a hundred changes, so more than for other calls of AWS. What stands before such endpoints gives up after 29 s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest body of an answer, in bytes. A page of 100 users has about 200 KB.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Who asks.
const USER_AGENT: &str = concat!("lockstep/", env!("CARGO_PKG_VERSION"));

/// The media type of SCIM.
const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");

/// An answer that arrived whole, whatever it says.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Why there is no answer. The texts never hold an address or a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Nothing came, or not all of it, in the time that a request has.
    TimedOut,
    /// The connection could not be made, or broke.
    Broken(String),
    /// A body over [`MAX_ANSWER_BYTES`].
    TooLarge,
    /// The token cannot be sent in a header.
    BadToken,
}

/// The HTTP client.
#[derive(Debug, Clone)]
pub(super) struct Http(Client);

impl Http {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        // A redirect would carry the token to wherever an answer points.
        let builder = Client::builder().user_agent(USER_AGENT).redirect(redirect::Policy::none());
        Ok(Self(builder.connect_timeout(CONNECT_TIMEOUT).timeout(REQUEST_TIMEOUT).build()?))
    }

    pub(super) async fn exchange(&self, method: Method, url: Url, token: &SecretString, body: Option<&Value>) -> Result<Answer, NoAnswer> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).map_err(|_| NoAnswer::BadToken)?;
        authorization.set_sensitive(true);
        let request = self.0.request(method, url).header(AUTHORIZATION, authorization).header(ACCEPT, SCIM_JSON);
        let request = match body {
            Some(body) => request.header(CONTENT_TYPE, SCIM_JSON).body(body.to_string()),
            None => request,
        };
        answer_to(request).await
    }
}

async fn answer_to(request: RequestBuilder) -> Result<Answer, NoAnswer> {
    let response = request.send().await.map_err(no_answer)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = match read_body(response).await {
        // What matters of an error is its status; half a body only loses its words.
        Err(NoAnswer::Broken(_)) if !status.is_success() => Vec::new(),
        body => body?,
    };
    Ok(Answer { status: status.as_u16(), headers, body })
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, NoAnswer> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(NoAnswer::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The address is left out: it holds the tenant, and a filter with a userName.
fn no_answer(error: reqwest::Error) -> NoAnswer {
    if error.is_timeout() { NoAnswer::TimedOut } else { NoAnswer::Broken(chain(&error.without_url())) }
}
