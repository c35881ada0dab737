//! A way in for fuzzing (`--cfg fuzzing` alone): the client with answers instead of a network.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use sync_core::policy::UserNameFrom;
use url::Url;

use crate::auth::SswsToken;
use crate::transport::{Answer, Exchange, NoAnswer};
use crate::{OktaClient, OktaConfig};

/// An answer, as it comes off a connection.
#[derive(Debug, Clone)]
pub struct ScriptedAnswer {
    /// The status.
    pub status: u16,
    /// The header lines: name and value. What HTTP does not allow is left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A client of `org_url` with the API token `token`, which gets these answers in turn, and after them none.
///
/// # Panics
/// If `org_url` is no address of an org.
pub fn client(org_url: &str, token: &str, answers: impl IntoIterator<Item = ScriptedAnswer>) -> OktaClient {
    let url = Url::parse(org_url).expect("the target names an address");
    let config = OktaConfig::new(&url, UserNameFrom::Login).expect("the target names an org");
    let script = Script(Mutex::new(answers.into_iter().map(whole).collect()));
    OktaClient::over(Arc::new(script), &config, Arc::new(SswsToken::new(&token.to_owned().into())))
}

struct Script(Mutex<VecDeque<Answer>>);

impl Exchange for Script {
    fn get(&self, _: Url, _: HeaderMap) -> BoxFuture<'_, Result<Answer, NoAnswer>> {
        let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        Box::pin(async { next.ok_or_else(|| NoAnswer::Broken("the script has ended".to_owned())) })
    }
}

fn whole(answer: ScriptedAnswer) -> Answer {
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    Answer { status: answer.status, headers, body: answer.body }
}
