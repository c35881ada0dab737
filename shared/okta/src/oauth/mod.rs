//! OAuth 2.0 for an API service app: its private key signs who asks, Okta gives an access token for an hour, and the token is bound to
//! a key of this process where Okta demands it (DPoP, RFC 9449).
//!
//! Whether Okta demands it is learned from its answers, so there is nothing to configure.

mod endpoint;
mod jwt;
pub(crate) mod key;
mod token;
mod verdict;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::ports::Clock;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use sync_core::error::SourceError;
use tokio::sync::Mutex;
use url::Url;

use crate::auth::{Authorization, CredentialProvider};
use crate::config::{ConfigError, OktaConfig};
use crate::request::Needs;
use crate::transport::{Http, TokenExchange};
use endpoint::{Demands, TokenEndpoint};
pub use key::KeyError;
use token::{AccessToken, TokenType};

/// What is tried in errors of the token endpoint.
pub(crate) const OPERATION: &str = "POST /oauth2/v1/token";

/// How long a refusal that does not pass by itself is repeated to those who ask, without asking Okta: a run that reads a thousand
/// groups with a key that was revoked should not ask a thousand times.
const REFUSAL_HOLDS: SignedDuration = SignedDuration::from_secs(10);

/// An API service app, as its secret and the policy describe it.
#[derive(Clone)]
pub struct ServiceApp {
    /// The app's client id.
    pub client_id: String,
    /// Its private key, PEM: RSA in PKCS#1 or PKCS#8, P-256 in PKCS#8 or SEC 1.
    pub private_key: SecretString,
    /// The id (`kid`) under which Okta knows the public key.
    pub key_id: String,
    /// Whether groups assigned to an app are read, which takes a scope more.
    pub reads_apps: bool,
}

impl fmt::Debug for ServiceApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceApp").field("reads_apps", &self.reads_apps).finish_non_exhaustive()
    }
}

/// Why an app cannot be used. None of it holds a byte of the key.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The private key.
    #[error("the private key of the Okta app cannot be used")]
    Key(#[source] KeyError),
    /// The HTTP client cannot start.
    #[error("the client of the token endpoint cannot start")]
    Http(#[source] ConfigError),
}

/// The access tokens of one app: one at a time, renewed before it ends.
pub struct AccessTokens {
    endpoint: TokenEndpoint,
    /// How often a token was asked for, so that those who waited meanwhile share what came of it.
    n_fetches: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Arc<AccessToken>>,
    demands: Demands,
    refusal: Option<Refusal>,
}

struct Refusal {
    error: SourceError,
    holds_until: Timestamp,
}

impl AccessTokens {
    /// The tokens of an app in an org. Nothing is sent yet.
    ///
    /// # Errors
    /// [`AppError`] names what is wrong with the key, and what is accepted.
    pub fn new(config: &OktaConfig, app: &ServiceApp, clock: Arc<dyn Clock>) -> Result<Self, AppError> {
        let http = Http::new(config).map_err(AppError::Http)?;
        Self::over(Arc::new(http), config, app, clock)
    }

    /// The tokens of an app with these scopes and no others: a token is refused whole where the app was not granted one of them.
    ///
    /// # Errors
    /// [`AppError`]
    pub fn with_scopes(config: &OktaConfig, app: &ServiceApp, scopes: Vec<&'static str>, clock: Arc<dyn Clock>) -> Result<Self, AppError> {
        let http = Http::new(config).map_err(AppError::Http)?;
        Self::asking_for(Arc::new(http), config, app, scopes, clock)
    }

    pub(crate) fn over(
        exchange: Arc<dyn TokenExchange>,
        config: &OktaConfig,
        app: &ServiceApp,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AppError> {
        let needs = [Needs::Groups, Needs::Users].into_iter().chain(app.reads_apps.then_some(Needs::Apps));
        Self::asking_for(exchange, config, app, needs.map(Needs::scope).collect(), clock)
    }

    fn asking_for(
        exchange: Arc<dyn TokenExchange>,
        config: &OktaConfig,
        app: &ServiceApp,
        scopes: Vec<&'static str>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AppError> {
        let endpoint = TokenEndpoint::new(exchange, config, app, scopes, clock).map_err(AppError::Key)?;
        Ok(Self { endpoint, n_fetches: AtomicU64::new(0), state: Mutex::default() })
    }

    /// The token, from memory where it is good for a while yet. Those who ask at the same time cause one request.
    async fn token(&self) -> Result<Arc<AccessToken>, SourceError> {
        let n_seen = self.n_fetches.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        let now = self.endpoint.now();
        if let Some(token) = state.token.as_ref().filter(|token| now < token.renew_at) {
            return Ok(Arc::clone(token));
        }
        let has_waited = self.n_fetches.load(Ordering::Acquire) != n_seen;
        if let Some(refusal) = state.refusal.as_ref().filter(|refusal| has_waited || now < refusal.holds_until) {
            return Err(refusal.error.clone());
        }
        let fetched = self.endpoint.fetch(&mut state.demands).await;
        self.n_fetches.fetch_add(1, Ordering::AcqRel);
        state.remember(fetched, self.endpoint.now())
    }
}

impl State {
    fn remember(&mut self, fetched: Result<AccessToken, SourceError>, now: Timestamp) -> Result<Arc<AccessToken>, SourceError> {
        *self = Self { demands: std::mem::take(&mut self.demands), ..Self::default() };
        match fetched {
            Ok(token) => Ok(Arc::clone(self.token.insert(Arc::new(token)))),
            Err(error) => {
                let holds = if error.kind.is_transient() { SignedDuration::ZERO } else { REFUSAL_HOLDS };
                self.refusal = Some(Refusal { error: error.clone(), holds_until: now.checked_add(holds).unwrap_or(now) });
                Err(error)
            }
        }
    }
}

impl CredentialProvider for AccessTokens {
    fn authorize<'a>(&'a self, method: &'a str, url: &'a Url) -> BoxFuture<'a, Result<Authorization, SourceError>> {
        Box::pin(async move {
            let token = self.token().await?;
            match &token.kind {
                TokenType::Bearer => Ok(Authorization::bearer(&token.value)),
                TokenType::Dpop { hash } => Ok(Authorization::dpop(&token.value, self.endpoint.proof(method, url, hash)?)),
            }
        })
    }

    fn refresh(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async {
            let mut state = self.state.lock().await;
            (state.token, state.refusal) = (None, None);
            Ok(())
        })
    }
}

impl fmt::Debug for AccessTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessTokens(..)")
    }
}
