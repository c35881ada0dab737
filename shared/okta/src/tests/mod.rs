//! Facts about the client. Answers come from a script and time is paused, except in `wire`, which goes over a socket.

mod limits;
mod oauth;
mod paging;
mod reads;
mod recorded;
mod retries;
mod secrets;
mod wire;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use sync_core::error::{SourceError, SourceErrorKind};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::policy::UserNameFrom;
use tokio::time::Instant;
use url::Url;

use crate::auth::{Authorization, CredentialProvider};
use crate::transport::{Answer, Exchange, NoAnswer, TokenExchange};
use crate::{OktaClient, OktaConfig};

const ORG: &str = "https://acme.okta.com";
const TOKEN: &str = "00abcSECRETtoken";

type Handler = dyn Fn(&Seen) -> Result<Answer, NoAnswer> + Send + Sync;

/// A request as it was sent.
#[derive(Debug, Clone)]
struct Seen {
    /// Its number, from 0.
    number: usize,
    method: &'static str,
    url: Url,
    headers: HeaderMap,
    /// Empty where nothing was sent with it.
    form: String,
    at: Instant,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn query(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// A field of the form, decoded.
    fn field(&self, name: &str) -> String {
        let mut fields = url::form_urlencoded::parse(self.form.as_bytes()).filter(|(key, _)| key == name);
        fields.next().unwrap_or_else(|| panic!("no {name} was sent")).1.into_owned()
    }
}

/// An org whose answers a closure gives, each after the same time.
struct Org {
    handler: Box<Handler>,
    takes: Duration,
    seen: Mutex<Vec<Seen>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl Org {
    fn answering(handler: impl Fn(&Seen) -> Result<Answer, NoAnswer> + Send + Sync + 'static) -> Arc<Self> {
        Self::slow(Duration::ZERO, handler)
    }

    fn slow(takes: Duration, handler: impl Fn(&Seen) -> Result<Answer, NoAnswer> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            handler: Box::new(handler),
            takes,
            seen: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        })
    }

    /// An org that gives these answers in turn, and the last one for ever.
    fn giving(answers: Vec<Result<Answer, NoAnswer>>) -> Arc<Self> {
        Self::answering(move |seen| answers[seen.number.min(answers.len() - 1)].clone())
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn client(self: &Arc<Self>) -> OktaClient {
        self.client_with(&config(), Arc::new(Token::default()))
    }

    fn client_with(self: &Arc<Self>, config: &OktaConfig, credentials: Arc<dyn CredentialProvider>) -> OktaClient {
        OktaClient::over(Arc::clone(self) as Arc<dyn Exchange>, config, credentials)
    }
}

impl Org {
    async fn answer(&self, method: &'static str, url: Url, headers: HeaderMap, form: String) -> Result<Answer, NoAnswer> {
        let seen = {
            let mut all = self.seen.lock().unwrap();
            let number = all.len();
            all.push(Seen { number, method, url, headers, form, at: Instant::now() });
            all.last().unwrap().clone()
        };
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        let answer = (self.handler)(&seen);
        tokio::time::sleep(self.takes).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        answer
    }
}

impl Exchange for Org {
    fn get(&self, url: Url, headers: HeaderMap) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        Box::pin(self.answer("GET", url, headers, String::new()))
    }
}

impl TokenExchange for Org {
    fn post(&self, url: Url, headers: HeaderMap, form: String) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        Box::pin(self.answer("POST", url, headers, form))
    }
}

/// A credential that counts how often it was refreshed, and changes then.
#[derive(Default)]
struct Token {
    n_refreshed: AtomicUsize,
}

impl CredentialProvider for Token {
    fn authorize<'a>(&'a self, _: &'a str, _: &'a Url) -> BoxFuture<'a, Result<Authorization, SourceError>> {
        let token = format!("{TOKEN}{}", self.n_refreshed.load(Ordering::SeqCst));
        Box::pin(async move { Ok(Authorization::ssws(&token.into())) })
    }

    fn refresh(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            self.n_refreshed.fetch_add(1, Ordering::SeqCst);
            Ok(())
        })
    }
}

fn config() -> OktaConfig {
    OktaConfig::new(&Url::parse(ORG).unwrap(), UserNameFrom::Login).unwrap()
}

fn answer(status: u16, body: &str, headers: &[(&str, &str)]) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    Answer { status, headers: map, body: body.as_bytes().to_vec() }
}

fn ok(body: &Value) -> Result<Answer, NoAnswer> {
    Ok(answer(200, &body.to_string(), &[]))
}

fn ok_with(body: &Value, headers: &[(&str, &str)]) -> Result<Answer, NoAnswer> {
    Ok(answer(200, &body.to_string(), headers))
}

fn fails(status: u16, code: &str) -> Result<Answer, NoAnswer> {
    fails_with(status, code, &[])
}

fn fails_with(status: u16, code: &str, headers: &[(&str, &str)]) -> Result<Answer, NoAnswer> {
    let body = json!({ "errorCode": code, "errorSummary": "Okta's words", "errorLink": code, "errorId": "oae1", "errorCauses": [] });
    Ok(answer(status, &body.to_string(), headers))
}

fn group_json(id: &str) -> Value {
    json!({ "id": id, "type": "OKTA_GROUP", "profile": { "name": format!("AWS-{id}"), "description": null } })
}

fn user_json(id: &str) -> Value {
    json!({ "id": id, "status": "ACTIVE", "profile": { "login": format!("{id}@example.com") } })
}

fn group_id(id: &str) -> OktaGroupId {
    OktaGroupId::new(id).unwrap()
}

fn user_id(id: &str) -> OktaUserId {
    OktaUserId::new(id).unwrap()
}

fn kind<T: std::fmt::Debug>(result: Result<T, SourceError>) -> SourceErrorKind {
    result.unwrap_err().kind
}
