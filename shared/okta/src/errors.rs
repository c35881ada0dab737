//! Okta's error answers: codes for decisions, words for people.

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::request::{LOGIN, Request};
use crate::transport::Answer;

/// How much of Okta's own words an error repeats, in characters.
const SHOWN_CHARS: usize = 200;

/// Longest code or id that is taken, in characters. Okta's have at most 25.
const MAX_CODE_CHARS: usize = 64;

/// What an error's body says; all of it may be missing, because proxies answer with pages of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    pub(crate) code: Option<String>,
    summary: Option<String>,
    id: Option<String>,
}

impl ErrorBody {
    /// Reads a body of any shape.
    pub(crate) fn read(body: &[u8]) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return Self::default() };
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let code = |name: &str| text(name).filter(|code| is_code(code)).map(str::to_owned);
        let summary = text("errorSummary").or_else(|| text("error_description")).map(shown);
        Self { code: code("errorCode").or_else(|| code("error")), summary, id: code("errorId") }
    }

    /// Whether it has this code.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

/// The id that Okta gave a request.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-okta-request-id")?.to_str().ok().filter(|id| is_code(id))
}

/// What Okta said, with a login of the request not repeated.
pub(crate) fn words(request: &Request, answer: &Answer, body: &ErrorBody) -> String {
    let hide = |summary: &str| request.login.as_deref().map_or_else(|| summary.to_owned(), |login| summary.replace(login, LOGIN));
    told(answer, &ErrorBody { summary: body.summary.as_deref().map(hide), ..body.clone() })
}

/// What Okta said: status, code, words, and the ids that its support asks for.
pub(crate) fn told(answer: &Answer, body: &ErrorBody) -> String {
    let mut words = format!("Okta answered {}", answer.status);
    if let Some(code) = &body.code {
        words.push_str(&format!(" {code}"));
    }
    if let Some(summary) = &body.summary {
        words.push_str(&format!(": {summary}"));
    }
    let ids = [("error id", body.id.as_deref()), ("request id", request_id(&answer.headers))];
    let ids: Vec<String> = ids.iter().filter_map(|(name, id)| id.map(|id| format!("{name} {id}"))).collect();
    if !ids.is_empty() {
        words.push_str(&format!(" ({})", ids.join(", ")));
    }
    words
}

fn is_code(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@' | '.');
    !text.is_empty() && text.chars().count() <= MAX_CODE_CHARS && text.chars().all(allowed)
}

fn shown(summary: &str) -> String {
    summary.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use reqwest::Url;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("x-okta-request-id", "X0f5-AAM".parse().unwrap());
        Answer { status, headers, body: body.as_bytes().to_vec() }
    }

    fn words_of(status: u16, body: &str) -> String {
        let request = Request::user(&Url::parse("https://acme.okta.com").unwrap(), "ada@example.com").unwrap();
        let answer = answer(status, body);
        words(&request, &answer, &ErrorBody::read(&answer.body))
    }

    #[test]
    fn the_codes_and_ids_are_told_and_the_login_is_not() {
        let body = r#"{"errorCode":"E0000007","errorSummary":"Not found: ada@example.com (User)","errorId":"oae1"}"#;
        assert_eq!(words_of(404, body), "Okta answered 404 E0000007: Not found: {login} (User) (error id oae1, request id X0f5-AAM)");
        let oauth = r#"{"error":"invalid_dpop_proof","error_description":"The DPoP proof JWT header is missing."}"#;
        assert!(words_of(400, oauth).starts_with("Okta answered 400 invalid_dpop_proof: The DPoP proof JWT header is missing."));
    }

    #[test]
    fn bodies_of_any_shape_are_survived() {
        for body in [
            "",
            "<html>Bad gateway</html>",
            "[]",
            "null",
            "7",
            r#"{"errorCode":7,"errorSummary":[],"errorId":{}}"#,
            r#"{"errorCode":"a\nb"}"#,
        ] {
            assert_eq!(words_of(502, body), "Okta answered 502 (request id X0f5-AAM)", "{body}");
        }
    }

    #[test]
    fn long_words_are_cut_and_line_ends_do_not_reach_the_log() {
        let body = format!(r#"{{"errorCode":"E1","errorSummary":"a\n{}"}}"#, "ü".repeat(500));
        let words = words_of(400, &body);
        assert!(words.contains(&format!("E1: a {} (", "ü".repeat(198))), "{words}");
    }
}
