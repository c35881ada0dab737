//! What to do about an answer, or about none. Decided on status and code, never on words.

use reqwest::header::HeaderMap;
use serde_json::Value;
use sync_core::error::{SourceError, SourceErrorKind};

use crate::errors::{ErrorBody, words};
use crate::request::{Missing, Request};
use crate::transport::{Answer, MAX_ANSWER_BYTES, NoAnswer};

/// How often a request is sent at most, for an error that may pass. Okta's own clients repeat two to five times.
pub(crate) const ATTEMPTS: u32 = 4;

/// How often a success that cannot be read is asked for. It is hardly ever chance, and a page is much to send again.
pub(crate) const ATTEMPTS_AT_MALFORMED: u32 = 3;

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It succeeded, with these headers.
    Found(Value, HeaderMap),
    /// Okta says that the object does not exist.
    Missing,
    /// It may succeed if sent again, up to `attempts` times in all.
    Again { attempts: u32, error: SourceError },
    /// The credential was not accepted: renew it and send once more.
    Renew(SourceError),
    /// It failed.
    Failed(SourceError),
}

/// The verdict on what came of a request.
pub(crate) fn judge(request: &Request, result: Result<Answer, NoAnswer>) -> Verdict {
    match result {
        Ok(answer) if answer.status == 200 => judge_success(request, answer),
        Ok(answer) => judge_error(request, &answer, &ErrorBody::read(&answer.body)),
        Err(no_answer) => judge_no_answer(request, &no_answer),
    }
}

fn judge_success(request: &Request, answer: Answer) -> Verdict {
    match serde_json::from_slice(&answer.body) {
        Ok(value) => Verdict::Found(value, answer.headers),
        Err(error) => {
            let detail = format!("the answer is not JSON at line {}, column {}", error.line(), error.column());
            Verdict::Again { attempts: ATTEMPTS_AT_MALFORMED, error: request.error(SourceErrorKind::Malformed, detail) }
        }
    }
}

fn judge_no_answer(request: &Request, no_answer: &NoAnswer) -> Verdict {
    match of_no_answer(no_answer) {
        (1, kind, detail) => Verdict::Failed(request.error(kind, detail)),
        (attempts, kind, detail) => Verdict::Again { attempts, error: request.error(kind, detail) },
    }
}

/// What it means that there is no answer, and how often to send the request in all.
pub(crate) fn of_no_answer(no_answer: &NoAnswer) -> (u32, SourceErrorKind, String) {
    match no_answer {
        NoAnswer::TimedOut => (ATTEMPTS, SourceErrorKind::Unavailable, "Okta did not answer in time".to_owned()),
        NoAnswer::Broken(words) => (ATTEMPTS, SourceErrorKind::Unavailable, format!("Okta could not be reached: {words}")),
        NoAnswer::CutShort(words) => (ATTEMPTS_AT_MALFORMED, SourceErrorKind::Malformed, format!("the answer ended too early: {words}")),
        NoAnswer::TooLarge => (1, SourceErrorKind::Malformed, format!("the answer has more than {MAX_ANSWER_BYTES} bytes")),
    }
}

fn judge_error(request: &Request, answer: &Answer, body: &ErrorBody) -> Verdict {
    let error = |kind: SourceErrorKind, advice: &str| {
        let separator = if advice.is_empty() { "" } else { "; " };
        request.error(kind, format!("{}{separator}{advice}", words(request, answer, body)))
    };
    match answer.status {
        404 if request.missing == Missing::IsAnAnswer && body.is("E0000007") => Verdict::Missing,
        404 => Verdict::Failed(error(SourceErrorKind::NotFound, &not_found_advice(request))),
        400 if body.is("E0000029") => Verdict::Failed(error(SourceErrorKind::LostCursor, "")),
        401 if body.is("E0000015") => Verdict::Failed(error(SourceErrorKind::Forbidden, &forbidden_advice(request))),
        401 => Verdict::Renew(error(SourceErrorKind::Unauthorized, UNAUTHORIZED_ADVICE)),
        403 => Verdict::Failed(error(SourceErrorKind::Forbidden, &forbidden_advice(request))),
        429 => Verdict::Again { attempts: ATTEMPTS, error: error(SourceErrorKind::Throttled, THROTTLED_ADVICE) },
        500 | 502 | 503 | 504 => Verdict::Again { attempts: ATTEMPTS, error: error(SourceErrorKind::Unavailable, "") },
        300..=399 => Verdict::Failed(error(SourceErrorKind::Rejected, "it redirects, which is not followed: correct okta.org_url")),
        400..=499 => Verdict::Failed(error(SourceErrorKind::Rejected, "")),
        500..=599 => Verdict::Failed(error(SourceErrorKind::Unavailable, "")),
        _ => Verdict::Failed(error(SourceErrorKind::Malformed, "which no read is answered with")),
    }
}

const UNAUTHORIZED_ADVICE: &str = "the credential is not accepted: it may have expired or been revoked (an API token dies after \
     30 days without use, and with the admin who made it; an OAuth app's access token with the app, and it is only good in the org \
     of the app: see okta.org_url); put a new one into the Okta secret";

const THROTTLED_ADVICE: &str = "others may use the same token, or the org has too many requests at one time";

fn forbidden_advice(request: &Request) -> String {
    let (scope, what) = (request.needs.scope(), request.needs.what());
    format!(
        "the credential may not read {what}: an API token needs an admin with the role Read-only Administrator or better, \
         an OAuth app needs the scope {scope} and such a role of its own (the app's tab Admin roles)"
    )
}

fn not_found_advice(request: &Request) -> String {
    let check = match request.missing {
        Missing::IsAnError(check) => check,
        Missing::IsAnAnswer => "okta.org_url",
    };
    format!("there is nothing at this address: correct {check}")
}

/// Whether this answer is a rate limit's.
pub(crate) fn is_throttled(answer: &Answer) -> bool {
    answer.status == 429
}
