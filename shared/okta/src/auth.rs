//! What authorizes a request, and how it is renewed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sync_core::error::SourceError;
use tokio::sync::Mutex;
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

/// A provider, with requests that are refused together counted as one reason to refresh.
pub(crate) struct Credential {
    provider: Arc<dyn CredentialProvider>,
    generation: AtomicU64,
    refreshing: Mutex<()>,
}

/// Which value a request was sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generation(u64);

impl Credential {
    pub(crate) fn new(provider: Arc<dyn CredentialProvider>) -> Self {
        Self { provider, generation: AtomicU64::new(0), refreshing: Mutex::new(()) }
    }

    /// What authorizes a request, and its generation; after a refresh that is under way, so that the old value is not sent in vain. The
    /// generation is read first: the value may then be newer, never older.
    pub(crate) async fn authorize(&self, method: &str, url: &Url) -> Result<(Generation, Authorization), SourceError> {
        drop(self.refreshing.lock().await);
        let generation = Generation(self.generation.load(Ordering::Acquire));
        Ok((generation, self.provider.authorize(method, url).await?))
    }

    /// The value of this generation was refused: refreshes, unless someone has done so since.
    pub(crate) async fn refresh(&self, refused: Generation) -> Result<(), SourceError> {
        let _alone = self.refreshing.lock().await;
        if self.generation.load(Ordering::Acquire) == refused.0 {
            self.provider.refresh().await?;
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
        Ok(())
    }
}
