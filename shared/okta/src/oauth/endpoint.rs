//! The token endpoint of an org: asked until it gives a token, or refuses for good.

use std::sync::Arc;
use std::time::Duration;

use backon::ExponentialBackoff;
use engine::ports::Clock;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sync_core::error::{SourceError, SourceErrorKind};
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::jwt::{Assertion, Proof};
use super::key::{KeyError, ProofKey, SigningKey};
use super::token::AccessToken;
use super::verdict::{Asked, Verdict, judge, nonce};
use super::{OPERATION, ServiceApp};
use crate::auth::{DPOP, sensitive};
use crate::config::OktaConfig;
use crate::sender::{log, pauses};
use crate::transport::{Answer, NoAnswer, TokenExchange};

/// How often a nonce is followed for one token. One is new after a day, so a second one is chance and a third one a fault.
const MAX_NONCES: u32 = 3;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(crate) struct TokenEndpoint {
    exchange: Arc<dyn TokenExchange>,
    url: Url,
    client_id: String,
    key_id: String,
    key: SigningKey,
    scopes: Vec<&'static str>,
    proof_key: ProofKey,
    clock: Arc<dyn Clock>,
}

/// What Okta was found to demand. It is kept from one token to the next.
#[derive(Debug, Default)]
pub(crate) struct Demands {
    proof: bool,
    nonce: Option<String>,
}

/// How asking has fared so far.
struct Attempts {
    n_sent: u32,
    n_failed: u32,
    n_nonces: u32,
    pauses: ExponentialBackoff,
}

impl TokenEndpoint {
    pub(crate) fn new(
        exchange: Arc<dyn TokenExchange>,
        config: &OktaConfig,
        app: &ServiceApp,
        scopes: Vec<&'static str>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, KeyError> {
        let mut url = config.org_url.clone();
        url.set_path("/oauth2/v1/token");
        Ok(Self {
            exchange,
            url,
            client_id: app.client_id.clone(),
            key_id: app.key_id.clone(),
            key: SigningKey::from_pem(&app.private_key)?,
            scopes,
            proof_key: ProofKey::generate(),
            clock,
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The proof for one request with a token of this hash.
    pub(crate) fn proof(&self, method: &str, url: &Url, hash: &str) -> Result<SecretString, SourceError> {
        self.proof_key.sign(&Proof::new(method, url, self.now()).for_token(hash))
    }

    /// Asks for a token until there is one, or none to be had.
    pub(crate) async fn fetch(&self, demands: &mut Demands) -> Result<AccessToken, SourceError> {
        let mut attempts = Attempts { n_sent: 0, n_failed: 0, n_nonces: 0, pauses: pauses() };
        loop {
            let asked =
                Asked { scopes: &self.scopes, is_proved: demands.proof, follows_nonce: attempts.n_nonces < MAX_NONCES, at: self.now() };
            let result = self.send(demands, &mut attempts).await?;
            match judge(&asked, result) {
                Verdict::Granted(token) => return Ok(token),
                Verdict::Failed(error) => return Err(error),
                Verdict::Prove => {
                    tracing::info!("Okta demands a proof of possession (DPoP) from this app; it is sent from now on");
                    demands.proof = true;
                }
                Verdict::Nonce(nonce) => {
                    attempts.n_nonces += 1;
                    *demands = Demands { proof: true, nonce: Some(nonce) };
                }
                Verdict::Again { attempts: most, error, pause } => attempts.pause(most, error, pause).await?,
            }
        }
    }

    /// Sends a request once, with an assertion and a proof of its own, since each of them is good for one.
    async fn send(&self, demands: &mut Demands, attempts: &mut Attempts) -> Result<Result<Answer, NoAnswer>, SourceError> {
        let assertion = self.assertion()?;
        let proof = if demands.proof { Some(self.token_proof(demands.nonce.as_deref())?) } else { None };
        let headers = headers(proof.as_ref())?;
        attempts.n_sent += 1;
        let started = Instant::now();
        let result = self.exchange.post(self.url.clone(), headers, self.form(&assertion)).await;
        log(OPERATION, attempts.n_sent, started.elapsed(), &result);
        Ok(result.map(|answer| {
            demands.nonce = nonce(&answer.headers).or_else(|| demands.nonce.take());
            without(answer, [Some(&assertion), proof.as_ref()])
        }))
    }

    fn assertion(&self) -> Result<SecretString, SourceError> {
        let mut header = self.key.header();
        header.kid = Some(self.key_id.clone());
        self.key.sign(&header, &Assertion::new(&self.client_id, &self.url, self.now()))
    }

    fn token_proof(&self, nonce: Option<&str>) -> Result<SecretString, SourceError> {
        self.proof_key.sign(&Proof::new("POST", &self.url, self.now()).with_nonce(nonce))
    }

    fn form(&self, assertion: &SecretString) -> String {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", &self.scopes.join(" "))
            .append_pair("client_assertion_type", ASSERTION_TYPE)
            .append_pair("client_assertion", assertion.expose_secret())
            .finish()
    }
}

fn headers(proof: Option<&SecretString>) -> Result<HeaderMap, SourceError> {
    let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    if let Some(proof) = proof {
        let unsendable = |_| SourceError::new(SourceErrorKind::Malformed, OPERATION, "the proof of possession fits into no header");
        headers.insert(DPOP, sensitive(proof).map_err(unsendable)?);
    }
    Ok(headers)
}

/// An answer that repeats what was signed would carry it into an error.
fn without(answer: Answer, signed: [Option<&SecretString>; 2]) -> Answer {
    if answer.status == 200 {
        return answer;
    }
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    let body = signed.into_iter().flatten().fold(body, |body, signed| body.replace(signed.expose_secret(), "{signed}"));
    Answer { body: body.into_bytes(), ..answer }
}

impl Attempts {
    /// Waits before a token is asked for again.
    ///
    /// # Errors
    /// `error` itself after the last attempt.
    async fn pause(&mut self, most: u32, error: SourceError, pause: Option<Duration>) -> Result<(), SourceError> {
        self.n_failed += 1;
        if self.n_failed >= most {
            let detail = format!("{} (after {} attempts)", error.detail, self.n_failed);
            return Err(SourceError { detail, ..error });
        }
        let pause = pause.or_else(|| self.pauses.next()).unwrap_or_default();
        tracing::warn!(operation = OPERATION, kind = ?error.kind, attempt = self.n_sent, pause_ms = pause.as_millis(), "a token is asked for again");
        tokio::time::sleep(pause).await;
        Ok(())
    }
}
