//! Event hooks and log streams: who may deliver, and what a delivery asks for.
//!
//! An event is a doorbell: all that is taken from it is which user or group to look at, in which lane, and hints that are
//! checked against a read. So an odd event is ignored, never an error of the delivery that holds it.

mod decode;
mod depth;
mod events;

#[cfg(test)]
mod tests;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

pub use decode::{Delivery, HookError, MAX_BODY_BYTES, MAX_DEPTH, decode_delivery, decode_system_log_event, is_partner_bus_event};
pub use events::{PROVISIONING_EVENT_TYPES, SUBSCRIBED_EVENT_TYPES};

/// The header of Okta's one-time verification GET. Its case differs between the fronts of a Lambda function.
pub const CHALLENGE_HEADER: &str = "x-okta-verification-challenge";

/// Longest challenge that is echoed. API Gateway takes at most 10,240 bytes of headers, so a real one is shorter.
const MAX_CHALLENGE_BYTES: usize = 8 * 1024;

/// The body that answers a verification challenge; `None` for an empty or outsized one. No secret is asked for, and the echo
/// gives nothing away.
pub fn verification_answer(challenge: &str) -> Option<Value> {
    let usable = !challenge.is_empty() && challenge.len() <= MAX_CHALLENGE_BYTES;
    usable.then(|| json!({ "verification": challenge }))
}

/// Whether the `Authorization` header equals the current or the previous secret. An empty secret is equal to nothing.
///
/// Digests of equal length are compared, and both secrets always, so that the time tells neither how much of a guess was
/// right, nor how long the secrets are, nor which of the two it was.
pub fn is_authorized(authorization: Option<&[u8]>, current: &SecretString, previous: Option<&SecretString>) -> bool {
    let given = Sha256::digest(authorization.unwrap_or_default());
    let accepted = equals(&given, Some(current)) | equals(&given, previous);
    accepted.into()
}

fn equals(given: &[u8], secret: Option<&SecretString>) -> Choice {
    let secret = secret.map(ExposeSecret::expose_secret).unwrap_or_default();
    let usable = Choice::from(u8::from(!secret.is_empty()));
    given.ct_eq(Sha256::digest(secret.as_bytes()).as_slice()) & usable
}
