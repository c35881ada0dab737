//! What is signed: who asks for a token, and that a request comes from the holder of a key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

/// How long an assertion is good, in seconds: enough for clocks that differ by minutes. Okta takes an hour at most.
const ASSERTION_LASTS: i64 = 300;

/// Who asks for a token. It has no `iat`, which Okta does not need, so that a clock that is ahead does no harm.
#[derive(Debug, Serialize)]
pub(crate) struct Assertion<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    jti: String,
}

impl<'a> Assertion<'a> {
    /// An assertion that can be used once.
    pub(crate) fn new(client_id: &'a str, token_url: &'a Url, now: Timestamp) -> Self {
        Self {
            iss: client_id,
            sub: client_id,
            aud: token_url.as_str(),
            exp: now.as_second() + ASSERTION_LASTS,
            jti: Uuid::new_v4().to_string(),
        }
    }
}

/// That one request comes from the holder of the key that signs this.
#[derive(Debug, Serialize)]
pub(crate) struct Proof<'a> {
    htm: &'a str,
    htu: String,
    iat: i64,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<&'a str>,
}

impl<'a> Proof<'a> {
    /// For a request without a token, such as the one for a token.
    pub(crate) fn new(method: &'a str, url: &Url, now: Timestamp) -> Self {
        Self { htm: method, htu: without_query(url), iat: now.as_second(), jti: Uuid::new_v4().to_string(), nonce: None, ath: None }
    }

    /// With the nonce that Okta gave.
    pub(crate) fn with_nonce(self, nonce: Option<&'a str>) -> Self {
        Self { nonce, ..self }
    }

    /// For a request with a token of this hash.
    pub(crate) fn for_token(self, hash: &'a str) -> Self {
        Self { ath: Some(hash), ..self }
    }
}

/// The address without query and fragment, its path encoded as it is sent.
fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// A token's hash, as proofs name it.
pub(crate) fn hash(token: &SecretString) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.expose_secret()))
}
