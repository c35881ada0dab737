//! What to do about an answer of the token endpoint, or about none. Decided on status and code, never on words.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::Value;
use sync_core::error::{SourceError, SourceErrorKind};

use super::OPERATION;
use super::token::{AccessToken, missing_scope};
use crate::errors::{ErrorBody, told};
use crate::rate::RateHeaders;
use crate::transport::{Answer, NoAnswer};
use crate::verdict::{ATTEMPTS, ATTEMPTS_AT_MALFORMED, of_no_answer};

/// What was asked for, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) scopes: &'a [&'static str],
    /// Whether a proof was sent.
    pub(crate) is_proved: bool,
    /// Whether another nonce may be followed.
    pub(crate) follows_nonce: bool,
    pub(crate) at: Timestamp,
}

/// What to do.
pub(crate) enum Verdict {
    /// It was given.
    Granted(AccessToken),
    /// Ask again with a proof.
    Prove,
    /// Ask again with this nonce in the proof.
    Nonce(String),
    /// It may be given if asked for again, up to `attempts` times in all, after a pause that Okta names.
    Again { attempts: u32, error: SourceError, pause: Option<Duration> },
    /// It was refused.
    Failed(SourceError),
}

/// The verdict on what came of a request.
pub(crate) fn judge(asked: &Asked<'_>, result: Result<Answer, NoAnswer>) -> Verdict {
    match result {
        Ok(answer) if answer.status == 200 => judge_success(asked, &answer),
        Ok(answer) => judge_error(asked, &answer),
        Err(no_answer) => {
            let (attempts, kind, detail) = of_no_answer(&no_answer);
            Verdict::Again { attempts, error: error(kind, detail), pause: None }
        }
    }
}

fn error(kind: SourceErrorKind, detail: impl Into<String>) -> SourceError {
    SourceError::new(kind, OPERATION, detail)
}

fn judge_success(asked: &Asked<'_>, answer: &Answer) -> Verdict {
    let malformed =
        |problem: &str| Verdict::Again { attempts: ATTEMPTS_AT_MALFORMED, error: error(SourceErrorKind::Malformed, problem), pause: None };
    // The parser's words are dropped: they can quote what it read.
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else { return malformed("the answer is not JSON") };
    if let Some(scope) = missing_scope(&body, asked.scopes) {
        let detail = format!("Okta gave an access token without the scope {scope}: grant it to the app (its tab Okta API Scopes)");
        return Verdict::Failed(error(SourceErrorKind::Unauthorized, detail));
    }
    AccessToken::read(&body, asked.is_proved, asked.at).map_or_else(malformed, Verdict::Granted)
}

fn judge_error(asked: &Asked<'_>, answer: &Answer) -> Verdict {
    let body = ErrorBody::read(&answer.body);
    if let Some(verdict) = judge_demand(asked, answer, &body) {
        return verdict;
    }
    let failure = |kind, advice: &str| {
        let separator = if advice.is_empty() { "" } else { "; " };
        error(kind, format!("{}{separator}{advice}", told(answer, &body)))
    };
    let again = |kind, pause| Verdict::Again { attempts: ATTEMPTS, error: failure(kind, ""), pause };
    match answer.status {
        429 => again(SourceErrorKind::Throttled, window_left(&answer.headers)),
        500 | 502 | 503 | 504 => again(SourceErrorKind::Unavailable, None),
        _ if body.is("temporarily_unavailable") || body.is("server_error") => again(SourceErrorKind::Unavailable, None),
        404 => Verdict::Failed(failure(SourceErrorKind::NotFound, "there is nothing at this address: correct okta.org_url")),
        300..=399 => Verdict::Failed(failure(SourceErrorKind::Rejected, "it redirects, which is not followed: correct okta.org_url")),
        400 if body.code.is_none() => Verdict::Again {
            attempts: ATTEMPTS_AT_MALFORMED,
            error: failure(SourceErrorKind::Malformed, "without a word of why"),
            pause: None,
        },
        400..=499 => {
            let (kind, advice) = refusal(body.code.as_deref(), answer.status, asked.scopes);
            Verdict::Failed(failure(kind, &advice))
        }
        500..=599 => Verdict::Failed(failure(SourceErrorKind::Unavailable, "")),
        _ => Verdict::Failed(failure(SourceErrorKind::Malformed, "which no token is given with")),
    }
}

/// What Okta demands before it gives a token, if that is what it says.
fn judge_demand(asked: &Asked<'_>, answer: &Answer, body: &ErrorBody) -> Option<Verdict> {
    let (demands_nonce, demands_proof) = (body.is("use_dpop_nonce"), body.is("invalid_dpop_proof"));
    if answer.status != 400 && answer.status != 401 || !(demands_nonce || demands_proof) {
        return None;
    }
    match nonce(&answer.headers) {
        Some(nonce) if asked.follows_nonce => Some(Verdict::Nonce(nonce)),
        _ if !asked.is_proved => Some(Verdict::Prove),
        None if demands_nonce => {
            let detail = "Okta wants a nonce in the proof of possession, and gives none in a header dpop-nonce";
            Some(Verdict::Failed(error(SourceErrorKind::Malformed, detail)))
        }
        _ => None,
    }
}

/// The nonce that an answer gives.
pub(crate) fn nonce(headers: &HeaderMap) -> Option<String> {
    headers.get("dpop-nonce")?.to_str().ok().map(str::to_owned)
}

fn window_left(headers: &HeaderMap) -> Option<Duration> {
    RateHeaders::read(headers).filter(|rate| !rate.is_about_concurrency()).map(|rate| rate.resets_in())
}

/// What a refusal means, and what to do about it.
fn refusal(code: Option<&str>, status: u16, scopes: &[&str]) -> (SourceErrorKind, String) {
    let scopes = scopes.join(" ");
    let advice = match (code, status) {
        (Some("invalid_client"), _) => {
            "client_id, key_id and private_key of the Okta secret do not belong together: the app must be active, and must list the \
             public half of this key, active, under this key id (the app's tab General, Public Keys)"
                .to_owned()
        }
        (Some("invalid_scope"), _) => format!("grant the app each of the scopes {scopes} (its tab Okta API Scopes)"),
        (Some("access_denied" | "consent_required"), _) => {
            format!("a super admin must consent to the scopes {scopes} for this app (its tab Okta API Scopes), and the app must be active")
        }
        (Some("unauthorized_client" | "unsupported_grant_type"), _) => "the app may not ask for tokens in this way: it must be an API \
             service app with the grant type Client Credentials, and authenticate with Public key / Private key"
            .to_owned(),
        (Some("invalid_dpop_proof" | "use_dpop_nonce"), _) => "the proof of possession was sent as Okta demands it and is still not \
             accepted: see whether this machine's clock is right, or clear Require Demonstrating Proof of Possession (DPoP) header in \
             token requests (the app's tab General)"
            .to_owned(),
        (_, 401 | 403) => "the Okta secret's app is not accepted: see in Okta whether it is active, and belongs to the org of \
             okta.org_url"
            .to_owned(),
        _ => return (SourceErrorKind::Rejected, String::new()),
    };
    (SourceErrorKind::Unauthorized, advice)
}
