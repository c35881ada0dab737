//! Okta's API over HTTP: authentication, paths, pages with `Link` headers, rate limit headers, errors.

use serde_json::{Value, json};

use super::error::OktaError;
use super::oauth::{PATH, Presented, admit};
use super::routes::{Route, Run};
use super::state::{LinkStyle, OktaState};
use super::{FakeOkta, render};
use crate::call::{Failure, Operation, Reply, perform};
use crate::fault::Page;
use crate::http::{Answer, Face, HttpCall};

/// A result, before it becomes an answer.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    pub(crate) body: Option<Value>,
    /// XML instead of a body, with the status 200.
    pub(crate) text: Option<String>,
    /// For lists: the page's length, and the next page's cursor if there is one. `None` for what is no list.
    pub(crate) paging: Option<Paging>,
}

/// What the `Link` headers of a page rest on.
#[derive(Debug)]
pub(crate) struct Paging {
    pub(crate) limit: usize,
    pub(crate) next: Option<String>,
}

impl Outcome {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body), text: None, paging: None }
    }

    /// A document that is no JSON.
    pub(crate) fn text(xml: String) -> Self {
        Self { text: Some(xml), ..Self::done() }
    }

    pub(crate) fn done() -> Self {
        Self { status: 204, body: None, text: None, paging: None }
    }

    pub(crate) fn page(page: Page<Value>, limit: usize) -> Self {
        let paging = Some(Paging { limit, next: page.next });
        Self { status: 200, body: Some(Value::Array(page.items)), text: None, paging }
    }

    /// A list without `Link` headers.
    pub(crate) fn unlinked(page: Page<Value>) -> Self {
        Self::ok(Value::Array(page.items))
    }
}

impl Face for FakeOkta {
    async fn answer(&self, call: HttpCall) -> Option<Answer> {
        let Route { name, writing, run } = super::routes::route(&call);
        let query = if call.query.is_empty() { String::new() } else { format!("?{}", readable(&call.query)) };
        let operation = Operation { name, target: format!("{}{query}", call.path), writing };
        let presented = Presented::by(&call);
        let (effect, verifies, is_open) = match run {
            Run::Now(effect) => (effect, None, false),
            Run::Open(effect) => (effect, None, true),
            Run::Verify(hook) => (super::routes::hook_must_exist(hook.clone()), Some(hook), false),
        };
        let effect = |state: &mut OktaState, fault| {
            if !is_open {
                admit(state, &presented, name)?;
            }
            effect(state, fault)
        };
        let mut reply = perform(&self.state, &self.client, operation, effect).await;
        if let (Some(hook), Ok(_)) = (verifies, &reply.result) {
            reply.result = self.verify_hook(&hook).await.map_err(Failure::Api);
        }
        self.render(&call, reply)
    }
}

/// The query for the log, decoded as far as it stays one line.
fn readable(query: &str) -> String {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
}

impl FakeOkta {
    fn render(&self, call: &HttpCall, reply: Reply<Outcome, OktaState>) -> Option<Answer> {
        let mut state = self.lock();
        let request_id = state.ids.okta("req");
        let error_id = state.ids.okta("oae");
        let mut answer = match reply.result {
            Ok(outcome) => rendered(&state, call, outcome),
            // The token endpoint has errors of its own, and the API's where the trouble is not about tokens.
            Err(Failure::Api(error)) if call.path == PATH && !error.code.starts_with("E0") => refusal(&state, &error),
            Err(Failure::Api(error)) => Answer::json(error.status, &render::error(&error, &error_id)),
            Err(Failure::Html(status)) => Answer::html(status),
            Err(Failure::Lost) => return None,
        };
        if let Some(rate) = reply.rate {
            answer = answer
                .with("x-rate-limit-limit", &rate.limit)
                .with("x-rate-limit-remaining", &rate.remaining)
                .with("x-rate-limit-reset", &rate.reset);
        }
        if answer.status == 401 {
            answer = answer.with("www-authenticate", "SSWS");
        }
        let answer = answer
            .with("date", &crate::http::http_date(state.now()))
            .with("x-okta-request-id", &request_id)
            .with("cache-control", "no-cache, no-store");
        Some(answer.with_body(reply.body))
    }
}

fn refusal(state: &OktaState, error: &OktaError) -> Answer {
    let answer = Answer::json(error.status, &json!({"error": error.code, "error_description": error.summary}));
    if error.code == "use_dpop_nonce" { answer.with("dpop-nonce", &state.oauth.nonce()) } else { answer }
}

fn rendered(state: &OktaState, call: &HttpCall, outcome: Outcome) -> Answer {
    let answer = match (&outcome.body, outcome.text) {
        (Some(body), _) => Answer::json(outcome.status, body),
        (None, Some(xml)) => Answer::typed(200, "application/xml;charset=ISO-8859-1", xml.into_bytes()),
        (None, None) => Answer::empty(outcome.status),
    };
    match outcome.paging {
        Some(paging) => linked(state, call, answer, &paging),
        None => answer,
    }
}

fn linked(state: &OktaState, call: &HttpCall, answer: Answer, paging: &Paging) -> Answer {
    let base = format!("{}{}", state.settings.org_url, call.path);
    let here = link(&base, call, call.parameter("after").as_deref(), paging.limit, "self");
    let next = paging.next.as_deref().map(|next| link(&base, call, Some(next), paging.limit, "next"));
    match state.settings.links {
        LinkStyle::Lines => {
            let answer = answer.with("link", &here);
            next.into_iter().fold(answer, |answer, next| answer.with("link", &next))
        }
        LinkStyle::NextFirst => {
            let answer = next.into_iter().fold(answer, |answer, next| answer.with("link", &next));
            answer.with("link", &here)
        }
        LinkStyle::Joined => {
            let all: Vec<String> = [Some(here), next].into_iter().flatten().collect();
            answer.with("link", &all.join(", "))
        }
    }
}

fn link(base: &str, call: &HttpCall, after: Option<&str>, limit: usize, rel: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(after.map(|after| ("after", after)));
    query.append_pair("limit", &limit.to_string());
    query.extend_pairs(call.parameters().iter().filter(|(key, _)| key != "after" && key != "limit"));
    format!("<{base}?{}>; rel=\"{rel}\"", query.finish())
}
