//! The two shapes in which this function is invoked, and the answer to the first.
//!
//! Own structs, although `aws_lambda_events` has some: those fail the invocation over a header or a method that they cannot
//! represent, and know nothing of the second shape; these hold five fields, and the body is moved, never copied.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use okta::hook::{HookError, MAX_BODY_BYTES};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What Lambda gives: an HTTP request (payload format 2.0, as function URLs and HTTP APIs send it, or 1.0, as REST APIs do), an EventBridge
/// event, or what a rule's `InputPath` leaves of one: the System Log event alone. It has no `Debug`: headers and body hold secrets.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload {
    request_context: Option<RequestContext>,
    http_method: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    body: Option<String>,
    is_base64_encoded: Option<bool>,
    detail: Option<Value>,
    event_type: Option<Value>,
    uuid: Option<Value>,
    published: Option<Value>,
    outcome: Option<Value>,
    target: Option<Value>,
}

#[derive(Deserialize)]
struct RequestContext {
    http: Option<Http>,
}

#[derive(Deserialize)]
struct Http {
    method: String,
}

/// What the payload is.
pub enum Invocation {
    /// An HTTP request.
    Request(Request),
    /// An EventBridge event's `detail`.
    Event(Value),
    /// Neither.
    Unknown,
}

/// An HTTP request.
pub struct Request {
    /// Its method, in capitals.
    pub method: String,
    headers: BTreeMap<String, String>,
    body: String,
    is_base64: bool,
}

impl From<Payload> for Invocation {
    fn from(payload: Payload) -> Self {
        let method = payload.request_context.and_then(|context| context.http).map(|http| http.method).or(payload.http_method);
        match (method, payload.detail, payload.event_type) {
            (Some(method), _, _) => Self::Request(Request {
                method,
                headers: payload.headers.unwrap_or_default(),
                body: payload.body.unwrap_or_default(),
                is_base64: payload.is_base64_encoded.unwrap_or_default(),
            }),
            (None, Some(detail), _) => Self::Event(detail),
            (None, None, Some(event_type)) => {
                let Payload { uuid, published, outcome, target, .. } = payload;
                Self::Event(json!({ "eventType": event_type, "uuid": uuid, "published": published, "outcome": outcome, "target": target }))
            }
            (None, None, None) => Self::Unknown,
        }
    }
}

impl Request {
    /// A header's value. Function URLs send names in small letters, other fronts as the client wrote them.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body's bytes.
    ///
    /// # Errors
    /// Why it cannot be taken: too long, which is seen before anything is decoded, or not the Base64 that it is said to be.
    pub fn body(&self) -> Result<Cow<'_, [u8]>, BodyError> {
        if !self.is_base64 {
            return Ok(Cow::Borrowed(self.body.as_bytes()));
        }
        let bytes = base64::decoded_len_estimate(self.body.len());
        // The estimate is up to two bytes too high; what is that close to the limit is measured when it is decoded.
        if bytes > MAX_BODY_BYTES + 2 {
            return Err(HookError::TooLarge { bytes }.into());
        }
        STANDARD.decode(&self.body).map(Cow::Owned).map_err(|_| BodyError::NotBase64)
    }
}

/// Why a body cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is no delivery.
    #[error(transparent)]
    NoDelivery(#[from] HookError),
    /// It is said to be Base64, and is not.
    #[error("the body is not the Base64 that it is said to be")]
    NotBase64,
}

/// The answer to an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// The status code.
    pub status_code: u16,
    /// The headers.
    pub headers: BTreeMap<&'static str, &'static str>,
    /// The body; empty for none.
    pub body: String,
}

impl Response {
    /// An answer without a body.
    pub fn empty(status_code: u16) -> Self {
        Self { status_code, headers: BTreeMap::new(), body: String::new() }
    }

    /// An answer in JSON.
    pub fn json(status_code: u16, body: &Value) -> Self {
        Self { status_code, headers: BTreeMap::from([("content-type", "application/json")]), body: body.to_string() }
    }

    /// An answer that says what is wrong.
    pub fn error(status_code: u16, what: &str) -> Self {
        Self::json(status_code, &json!({ "error": what }))
    }

    /// With one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, value);
        self
    }
}
