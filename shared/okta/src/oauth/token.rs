//! The access token, out of the answer of the token endpoint.

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde_json::Value;

use super::jwt::hash;

/// How long a token lasts where the answer does not say, in seconds. Okta's last an hour, whatever one wishes.
const USUAL_LIFETIME: i64 = 3_600;

/// Longest lifetime that is believed, in seconds.
const LONGEST_LIFETIME: i64 = 86_400;

/// So long before its end a token is not used any more, in seconds: as long as a request may take, twice. Of a token that lasts less
/// than five minutes it is a fifth.
const MARGIN: i64 = 60;

/// A token, and how it is sent.
pub(crate) struct AccessToken {
    pub(crate) value: SecretString,
    pub(crate) kind: TokenType,
    /// From here on it is not used any more.
    pub(crate) renew_at: Timestamp,
}

/// What Okta calls `token_type`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenType {
    Bearer,
    /// Bound to our key; the hash is what the proofs name it by.
    Dpop {
        hash: String,
    },
}

impl AccessToken {
    /// Reads an answer to what was asked for at a moment.
    ///
    /// # Errors
    /// What is wrong with it, in fixed words.
    pub(crate) fn read(answer: &Value, is_proved: bool, asked_at: Timestamp) -> Result<Self, &'static str> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let value = text("access_token").filter(|token| !token.is_empty()).ok_or("the answer has no access_token")?;
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the answer's access_token has characters that no header can carry");
        }
        let value = SecretString::from(value);
        let kind = match text("token_type").map(str::to_ascii_lowercase).as_deref() {
            Some("bearer") => TokenType::Bearer,
            Some("dpop") if is_proved => TokenType::Dpop { hash: hash(&value) },
            Some("dpop") => return Err("the answer's token is bound to a key, and none was shown"),
            Some(_) => return Err("the answer's token_type is neither Bearer nor DPoP"),
            None => return Err("the answer has no token_type"),
        };
        Ok(Self { value, kind, renew_at: renew_at(answer.get("expires_in"), asked_at)? })
    }
}

fn renew_at(expires_in: Option<&Value>, asked_at: Timestamp) -> Result<Timestamp, &'static str> {
    let lifetime = match expires_in {
        None | Some(Value::Null) => USUAL_LIFETIME,
        Some(seconds) => seconds.as_i64().filter(|seconds| *seconds > 0).ok_or("the answer's expires_in is no number of seconds")?,
    };
    let lifetime = lifetime.min(LONGEST_LIFETIME);
    let used = SignedDuration::from_secs(lifetime) - SignedDuration::from_secs(MARGIN).min(SignedDuration::from_secs(lifetime) / 5);
    asked_at.checked_add(used).map_err(|_| "the token ends beyond all time")
}

/// The first of these scopes that an answer does not grant. One that names no scopes grants what was asked for.
pub(crate) fn missing_scope(answer: &Value, scopes: &[&'static str]) -> Option<&'static str> {
    let granted: Vec<&str> = answer.get("scope").and_then(Value::as_str)?.split_ascii_whitespace().collect();
    scopes.iter().copied().find(|scope| !granted.contains(scope))
}
