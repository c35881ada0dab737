//! What an answer means. Decided on the HTTP status, and on whether an API or a page answers; never on its words.

use std::time::Duration;

use httpdate::parse_http_date;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, RETRY_AFTER};
use serde_json::Value;
use sync_core::error::TargetErrorKind as Kind;

use super::transport::{Answer, NoAnswer};
use crate::api::Api;
use crate::errors::{About, Again, Failure, MAX_PAUSE};

/// How much of the other side's own words an error repeats, in characters.
const SHOWN_CHARS: usize = 200;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// The words of an answer that is an error; all of them may be missing, because proxies answer with pages of their own.
#[derive(Debug, Default)]
struct ErrorBody {
    /// Whether a SCIM endpoint answers: with an error of its schema (AWS writes `schema`, the standard `schemas`, others only its `status`), or
    /// with what is of SCIM's media type. What stands before one answers with pages, or with objects of another kind.
    is_from_scim: bool,
    detail: Option<String>,
    scim_type: Option<String>,
    request_id: Option<String>,
}

impl ErrorBody {
    fn read(answer: &Answer) -> Self {
        let header = answer.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(shown);
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
            return Self { is_from_scim: answer.body.is_empty() && is_scim(&answer.headers), request_id: header, ..Self::default() };
        };
        let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(shown);
        Self {
            is_from_scim: ["schemas", "schema", "status"].iter().any(|name| body.get(name).is_some()) || is_scim(&answer.headers),
            detail: text("detail"),
            scim_type: text("scimType"),
            request_id: text("exceptionRequestId").or(header),
        }
    }

    /// Status, type, words, and the id that AWS's support asks for.
    fn told(&self, status: u16) -> String {
        let kind = self.scim_type.as_ref().map(|kind| format!(" {kind}")).unwrap_or_default();
        let detail = self.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
        format!("HTTP {status}{kind}{detail} (request {})", self.request_id.as_deref().unwrap_or("without id"))
    }
}

fn is_scim(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("application/scim+json")
}

fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_CHARS).collect()
}

/// The answer where it is a success, and what it means where it is none.
pub(super) fn judge(api: Api, result: Result<Answer, NoAnswer>) -> Result<Answer, Failure> {
    match result {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(answer),
        Ok(answer) => Err(refused(api, &answer)),
        Err(no_answer) => Err(unanswered(api, no_answer)),
    }
}

/// A success that cannot be read. It took effect, perhaps: sent again, it meets that.
pub(super) fn unreadable(api: Api, problem: impl Into<String>) -> Failure {
    Failure { again: Again::Unavailable(None), ..Failure::malformed(api, problem) }
}

fn unanswered(api: Api, no_answer: NoAnswer) -> Failure {
    let unavailable = |words: String| Failure { again: Again::Unavailable(None), ..Failure::new(api, Kind::Unavailable, words) };
    match no_answer {
        NoAnswer::TimedOut => unavailable("the SCIM endpoint did not answer in time".to_owned()),
        NoAnswer::Broken(words) => unavailable(format!("the SCIM endpoint could not be reached: {words}")),
        NoAnswer::TooLarge => Failure::malformed(api, "the answer is larger than any that was foreseen"),
        NoAnswer::BadToken => {
            let words = "the SCIM token has characters that no header can carry: correct the SCIM secret";
            Failure { about: About::TokenRefused, ..Failure::new(api, Kind::Denied, words) }
        }
    }
}

fn refused(api: Api, answer: &Answer) -> Failure {
    let body = ErrorBody::read(answer);
    let pause = retry_after(&answer.headers);
    let (kind, again) = match answer.status {
        401 | 403 => (Kind::Denied, Again::Never),
        404 => (Kind::NotFound, Again::Never),
        408 => (Kind::Unavailable, Again::Unavailable(pause)),
        409 => (Kind::NameTaken, Again::Never),
        429 => (Kind::Throttled, Again::Throttled(pause)),
        300..=499 => (Kind::Invalid, Again::Never),
        500..=599 => (Kind::Unavailable, Again::Unavailable(pause)),
        _ => (Kind::Malformed, Again::Never),
    };
    let about = match answer.status {
        401 => About::TokenRefused,
        // Only the endpoint itself can say that something does not exist. A page from elsewhere says that the address is wrong.
        404 if body.is_from_scim => About::Missing(None),
        _ => About::Nothing,
    };
    Failure { again, about, ..Failure::new(api, kind, body.told(answer.status) + advice(answer.status, body.is_from_scim)) }
}

fn advice(status: u16, is_from_scim: bool) -> &'static str {
    match status {
        401 => {
            "; the SCIM token is not accepted: it has expired, was revoked, or is of another tenant than the endpoint. Make a new one in IAM \
             Identity Center, Settings, Automatic provisioning (two may be valid at a time), and put it with the endpoint shown there \
             into the SCIM secret"
        }
        403 => {
            "; the SCIM endpoint does not allow it: look whether automatic provisioning is on, and at the identity store's network rules \
             (ScimAllowSourceIps)"
        }
        404 if !is_from_scim => "; this is no answer of a SCIM endpoint: correct the endpoint in the SCIM secret",
        300..=399 => "; it redirects, which is not followed: correct the endpoint in the SCIM secret",
        _ => "",
    }
}

/// `Retry-After` as a number of seconds, or as a moment, which the answer's own `Date` is the clock for.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let now = parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
            parse_http_date(text).ok()?.duration_since(now).ok()?
        }
    };
    Some(pause.min(MAX_PAUSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
        Answer { status, headers, body: body.as_bytes().to_vec() }
    }

    fn failure(status: u16, body: &str) -> Failure {
        judge(Api::ScimPatchGroup, Ok(answer(status, &[("x-amzn-requestid", "r-1")], body))).unwrap_err()
    }

    const SCIM: &str = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404","detail":"no such group"}"#;

    #[test]
    fn the_status_decides_and_the_words_do_not() {
        for (status, kind) in [
            (400, Kind::Invalid),
            (401, Kind::Denied),
            (403, Kind::Denied),
            (404, Kind::NotFound),
            (409, Kind::NameTaken),
            (429, Kind::Throttled),
            (500, Kind::Unavailable),
            (503, Kind::Unavailable),
            (302, Kind::Invalid),
        ] {
            for body in ["", "<html>404 401 409</html>", SCIM, "[]", "{\"detail\":7}"] {
                assert_eq!(failure(status, body).error.kind, kind, "{status} {body}");
            }
        }
    }

    #[test]
    fn only_a_scim_endpoint_says_that_something_does_not_exist() {
        for said in [SCIM, &SCIM.replace("schemas", "schema"), r#"{"status":404,"detail":"no such group"}"#] {
            assert_eq!(failure(404, said).about, About::Missing(None), "{said}");
        }
        for body in ["", "{}"] {
            let headers = [("content-type", "application/scim+json;charset=UTF-8")];
            assert_eq!(judge(Api::ScimGetUser, Ok(answer(404, &headers, body))).unwrap_err().about, About::Missing(None));
        }
        for page in ["<html>no such page</html>", "", "no such page", "[]", "\"no such page\"", r#"{"message":"Not Found"}"#] {
            let page = failure(404, page);
            assert_eq!(page.about, About::Nothing);
            assert!(page.error.detail.ends_with("correct the endpoint in the SCIM secret"), "{}", page.error.detail);
        }
    }

    #[test]
    fn an_error_tells_status_type_words_and_the_id_for_support() {
        let body = r#"{"schema":["urn:ietf:params:scim:api:messages:2.0:Error"],"scimType":"invalidValue","detail":"a\nb","exceptionRequestId":"e-1"}"#;
        assert_eq!(failure(400, body).error.to_string(), "SCIM PatchGroup: HTTP 400 invalidValue: a b (request e-1)");
        assert_eq!(failure(502, "").error.to_string(), "SCIM PatchGroup: HTTP 502 (request r-1)");
        let long = format!(r#"{{"detail":"{}"}}"#, "ü".repeat(500));
        assert!(failure(400, &long).error.detail.contains(&format!(": {} (", "ü".repeat(200))));
    }

    #[test]
    fn a_401_says_what_to_do() {
        let refused = failure(401, "");
        assert_eq!((refused.about, refused.again), (About::TokenRefused, Again::Never));
        for word in ["expired", "revoked", "another tenant", "Automatic provisioning", "SCIM secret"] {
            assert!(refused.error.detail.contains(word), "{}", refused.error.detail);
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_moment_and_never_more_than_half_a_minute() {
        let date = ("date", "Tue, 24 Nov 2026 10:00:00 GMT");
        for (headers, expected) in [
            (vec![("retry-after", "3")], Some(3)),
            (vec![("retry-after", "Tue, 24 Nov 2026 10:00:05 GMT"), date], Some(5)),
            (vec![("retry-after", "Tue, 24 Nov 2026 10:00:05 GMT")], None),
            (vec![("retry-after", "Tue, 24 Nov 2026 09:00:05 GMT"), date], None),
            (vec![("retry-after", "86400")], Some(30)),
            (vec![("retry-after", "soon")], None),
            (vec![], None),
        ] {
            let again = judge(Api::ScimGetUser, Ok(answer(429, &headers, ""))).unwrap_err().again;
            assert_eq!(again, Again::Throttled(expected.map(Duration::from_secs)), "{headers:?}");
        }
    }
}
