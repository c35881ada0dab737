//! What authorizes a request, and how it is renewed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sync_core::error::SourceError;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

/// The header of a proof that the sender holds the key to which a token is bound (RFC 9449).
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// Where the headers that authorize a request come from.
pub trait CredentialProvider: Send + Sync {
    /// What authorizes one request of this method to this address, and no other. Called before each time that a request is sent, so
    /// it should come from memory. `url` is the address as it is sent, with its query.
    ///
    /// # Errors
    /// [`SourceError`] if there is nothing: `Unauthorized` where the secret is missing or malformed, or where Okta gives no access
    /// token for it; `Unavailable` where the secret could not be read, or where Okta did not answer.
    fn authorize<'a>(&'a self, method: &'a str, url: &'a Url) -> BoxFuture<'a, Result<Authorization, SourceError>>;

    /// Okta did not accept what was sent: forget what is cached and read or fetch it again. Called once for all the requests
    /// that were refused together.
    ///
    /// # Errors
    /// As for [`Self::authorize`].
    fn refresh(&self) -> BoxFuture<'_, Result<(), SourceError>>;
}

/// The headers that authorize one request. They are never shown.
#[derive(Clone)]
pub struct Authorization {
    value: SecretString,
    proof: Option<SecretString>,
}

impl Authorization {
    /// An API token.
    pub fn ssws(api_token: &SecretString) -> Self {
        Self::of("SSWS", api_token.expose_secret().trim(), None)
    }

    /// An access token that whoever holds it may use.
    pub(crate) fn bearer(access_token: &SecretString) -> Self {
        Self::of("Bearer", access_token.expose_secret(), None)
    }

    /// An access token that is bound to a key, and the proof for this one request that we hold the key.
    pub(crate) fn dpop(access_token: &SecretString, proof: SecretString) -> Self {
        Self::of("DPoP", access_token.expose_secret(), Some(proof))
    }

    fn of(scheme: &str, token: &str, proof: Option<SecretString>) -> Self {
        Self { value: format!("{scheme} {token}").into(), proof }
    }

    /// The headers, marked so that no log shows them.
    ///
    /// # Errors
    /// If it holds characters that no header can carry.
    pub(crate) fn headers(&self) -> Result<HeaderMap, InvalidHeaderValue> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, sensitive(&self.value)?);
        if let Some(proof) = &self.proof {
            headers.insert(DPOP, sensitive(proof)?);
        }
        Ok(headers)
    }
}

/// A header's value, marked so that no log shows it.
pub(crate) fn sensitive(text: &SecretString) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text.expose_secret())?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(..)")
    }
}

/// One API token that is given once and not renewed, as at a terminal.
pub struct SswsToken(Authorization);

impl SswsToken {
    /// A provider of this token.
    pub fn new(api_token: &SecretString) -> Self {
        Self(Authorization::ssws(api_token))
    }
}

impl fmt::Debug for SswsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SswsToken(..)")
    }
}

impl CredentialProvider for SswsToken {
    fn authorize<'a>(&'a self, _method: &'a str, _url: &'a Url) -> BoxFuture<'a, Result<Authorization, SourceError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn refresh(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async { Ok(()) })
    }
}

/// How long a refusal that a renewed credential met as well is repeated to those who ask, without asking Okta: a run that reads a thousand
/// groups with a token that was revoked should not ask a thousand times, nor read the secret as often. As for an access token that is
/// refused.
const REFUSAL_HOLDS: Duration = Duration::from_secs(10);

/// A provider, with requests that are refused together counted as one reason to refresh.
pub(crate) struct Credential {
    provider: Arc<dyn CredentialProvider>,
    /// The latest generation that Okta has accepted.
    accepted: AtomicU64,
    /// How many runs have begun.
    n_runs: AtomicU64,
    /// Locked while the value is refreshed.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    generation: u64,
    refusal: Option<Refusal>,
}

struct Refusal {
    error: SourceError,
    holds_until: Instant,
    /// The run that met it; the next one asks anew.
    in_run: u64,
}

/// Which value a request was sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(u64);

impl Credential {
    pub(crate) fn new(provider: Arc<dyn CredentialProvider>) -> Self {
        Self { provider, accepted: AtomicU64::new(0), n_runs: AtomicU64::new(0), state: Mutex::default() }
    }

    /// What authorizes a request, and its generation; after a refresh that is under way, so that the old value is not sent in vain. The
    /// generation is read first: the value may then be newer, never older.
    pub(crate) async fn authorize(&self, method: &str, url: &Url) -> Result<(Generation, Authorization), SourceError> {
        let generation = {
            let state = self.state.lock().await;
            self.repeat(state.refusal.as_ref())?;
            Generation(state.generation)
        };
        Ok((generation, self.provider.authorize(method, url).await?))
    }

    /// A run begins: what was refused before it may have been mended.
    pub(crate) fn begin_run(&self) {
        self.n_runs.fetch_add(1, Ordering::AcqRel);
    }

    /// Okta took the value of this generation for what it is.
    pub(crate) fn accepted(&self, generation: Generation) {
        self.accepted.fetch_max(generation.0, Ordering::AcqRel);
    }

    /// The value of this generation was refused: refreshes, unless someone has done so since.
    ///
    /// # Errors
    /// `refusal` itself where the value is that of a refresh and was never accepted: then it holds for all for a while.
    pub(crate) async fn refresh(&self, refused: Generation, refusal: &SourceError) -> Result<(), SourceError> {
        let mut state = self.state.lock().await;
        if state.generation != refused.0 {
            return Ok(());
        }
        self.hold(&mut state, refusal)?;
        self.provider.refresh().await?;
        *state = State { generation: state.generation + 1, refusal: None };
        Ok(())
    }

    /// The value of this generation was refused to a request that was sent with an older one before.
    pub(crate) async fn refused_again(&self, refused: Generation, refusal: &SourceError) {
        let mut state = self.state.lock().await;
        if state.generation == refused.0 {
            // What it answers is what the request fails with.
            let _ = self.hold(&mut state, refusal);
        }
    }

    /// Holds a refusal that no refresh would mend, unless one has held and is over: whoever mends the secret is heard by then.
    fn hold(&self, state: &mut State, refusal: &SourceError) -> Result<(), SourceError> {
        if state.refusal.is_some() {
            return self.repeat(state.refusal.as_ref());
        }
        let was_refreshed_in_vain = state.generation > self.accepted.load(Ordering::Acquire);
        if was_refreshed_in_vain {
            state.refusal = Some(Refusal {
                error: refusal.clone(),
                holds_until: Instant::now() + REFUSAL_HOLDS,
                in_run: self.n_runs.load(Ordering::Acquire),
            });
            return Err(refusal.clone());
        }
        Ok(())
    }

    /// The refusal, as long as it holds.
    fn repeat(&self, refusal: Option<&Refusal>) -> Result<(), SourceError> {
        let holds = |held: &&Refusal| Instant::now() < held.holds_until && held.in_run == self.n_runs.load(Ordering::Acquire);
        refusal.filter(holds).map_or(Ok(()), |held| Err(held.error.clone()))
    }
}
