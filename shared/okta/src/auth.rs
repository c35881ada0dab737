//! What is sent as `Authorization`, and how it is renewed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use sync_core::error::SourceError;
use tokio::sync::Mutex;

/// Where the value of `Authorization` comes from.
pub trait CredentialProvider: Send + Sync {
    /// The whole value of the header, such as `SSWS 00…`. Called before every request, so it should come from memory.
    ///
    /// # Errors
    /// [`SourceError`] if there is none: `Unauthorized` where the secret is missing or malformed, `Unavailable` where it
    /// could not be read.
    fn current(&self) -> BoxFuture<'_, Result<SecretString, SourceError>>;

    /// Okta did not accept the value: forget what is cached and read or fetch it again. Called once for all the requests
    /// that were refused together.
    ///
    /// # Errors
    /// As for [`Self::current`].
    fn refresh(&self) -> BoxFuture<'_, Result<(), SourceError>>;
}

/// The value of `Authorization` for an API token.
pub fn ssws(api_token: &SecretString) -> SecretString {
    format!("SSWS {}", api_token.expose_secret().trim()).into()
}

/// One API token that is given once and not renewed, as at a terminal.
pub struct SswsToken(SecretString);

impl SswsToken {
    /// A provider of this token.
    pub fn new(api_token: &SecretString) -> Self {
        Self(ssws(api_token))
    }
}

impl fmt::Debug for SswsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SswsToken(..)")
    }
}

impl CredentialProvider for SswsToken {
    fn current(&self) -> BoxFuture<'_, Result<SecretString, SourceError>> {
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

    /// The value, and its generation; after a refresh that is under way, so that the old value is not sent in vain. The
    /// generation is read first: the value may then be newer, never older.
    pub(crate) async fn current(&self) -> Result<(Generation, SecretString), SourceError> {
        drop(self.refreshing.lock().await);
        let generation = Generation(self.generation.load(Ordering::Acquire));
        Ok((generation, self.provider.current().await?))
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
