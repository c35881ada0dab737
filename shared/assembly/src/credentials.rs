//! The Okta credential, out of Secrets Manager, for the Okta client.

use std::sync::Arc;

use futures::future::BoxFuture;
use okta::OktaConfig;
use okta::auth::{Authorization, CredentialProvider, SswsToken};
use okta::oauth::{AccessTokens, ServiceApp};
use runtime::clock::SystemClock;
use runtime::secrets::{OktaCredential, SecretError, SecretSource, SecretStore, SecretsManager};
use runtime::telemetry::error_chain;
use secrecy::{ExposeSecret, SecretString};
use sync_core::error::{SourceError, SourceErrorKind};
use tokio::sync::Mutex;
use url::Url;

/// The credential under one secret id. Its text is in memory for as long as the store keeps it, and what was made of it (with the
/// access token, for an OAuth app) for as long as the text stays the same.
pub struct OktaCredentials<S = SecretsManager> {
    store: Arc<SecretStore<S>>,
    id: String,
    config: OktaConfig,
    reads_apps: bool,
    kept: Mutex<Option<Kept>>,
}

/// What was made of a text.
struct Kept {
    text: SecretString,
    provider: Arc<dyn CredentialProvider>,
    /// The refusal for which the secret was read again, and was the same.
    answered: Option<SourceError>,
}

const OPERATION: &str = "GetSecretValue";

impl<S: SecretSource> OktaCredentials<S> {
    /// Nothing is read yet. `reads_apps`: whether the policy has groups assigned to an app read, which takes an OAuth scope more.
    pub fn new(store: Arc<SecretStore<S>>, id: String, config: OktaConfig, reads_apps: bool) -> Self {
        Self { store, id, config, reads_apps, kept: Mutex::new(None) }
    }

    /// Whether the secret can be read and used, as far as is known without asking Okta.
    ///
    /// # Errors
    /// [`SourceError`] says what is wrong with the secret.
    pub async fn check(&self) -> Result<(), SourceError> {
        self.provider().await.map(drop)
    }

    /// A text that cannot be used is read once more: whoever corrects the secret should not have to wait until it has left the memory.
    async fn provider(&self) -> Result<Arc<dyn CredentialProvider>, SourceError> {
        let text = self.store.read(&self.id).await.map_err(|error| failed(&error))?;
        let mut kept = self.kept.lock().await;
        match self.provider_of(&mut kept, text) {
            Ok(provider) => Ok(provider),
            Err(_) => {
                let text = self.store.read_again(&self.id).await.map_err(|error| failed(&error))?;
                self.provider_of(&mut kept, text)
            }
        }
    }

    /// The provider for this text: the one that is there, or a new one.
    fn provider_of(&self, kept: &mut Option<Kept>, text: SecretString) -> Result<Arc<dyn CredentialProvider>, SourceError> {
        if let Some(kept) = kept.as_ref().filter(|kept| is_same(&kept.text, &text)) {
            return Ok(Arc::clone(&kept.provider));
        }
        let provider = self.make(&text)?;
        *kept = Some(Kept { text, provider: Arc::clone(&provider), answered: None });
        Ok(provider)
    }

    fn make(&self, text: &SecretString) -> Result<Arc<dyn CredentialProvider>, SourceError> {
        match OktaCredential::parse(&self.id, text).map_err(|error| failed(&error))? {
            OktaCredential::ApiToken(token) => Ok(Arc::new(SswsToken::new(&token))),
            OktaCredential::PrivateKey { client_id, private_key, key_id } => {
                let app = ServiceApp { client_id, private_key, key_id, reads_apps: self.reads_apps };
                let tokens = AccessTokens::new(&self.config, &app, Arc::new(SystemClock)).map_err(|error| {
                    let detail = format!("the secret {} is not as it should be: {}", self.id, error_chain(&error));
                    SourceError::new(SourceErrorKind::Unauthorized, OPERATION, detail)
                })?;
                Ok(Arc::new(tokens))
            }
        }
    }

    async fn authorization(&self, method: &str, url: &Url) -> Result<Authorization, SourceError> {
        let provider = self.provider().await?;
        match provider.authorize(method, url).await {
            Err(refusal) if refusal.kind == SourceErrorKind::Unauthorized => match self.newer(&provider, &refusal).await {
                Some(newer) => newer.authorize(method, url).await,
                None => Err(refusal),
            },
            result => result,
        }
    }

    /// The provider of what the secret holds by now, if that is another: the key of the refused one may have been rotated away since
    /// the secret was read. For one refusal the secret is read once, however many requests meet it.
    async fn newer(&self, refused: &Arc<dyn CredentialProvider>, refusal: &SourceError) -> Option<Arc<dyn CredentialProvider>> {
        let mut slot = self.kept.lock().await;
        let kept = slot.as_mut()?;
        if !Arc::ptr_eq(&kept.provider, refused) {
            return Some(Arc::clone(&kept.provider));
        }
        if kept.answered.as_ref() == Some(refusal) {
            return None;
        }
        kept.answered = Some(refusal.clone());
        let text = self.store.read_again(&self.id).await.ok()?;
        let newer = self.provider_of(&mut slot, text).ok()?;
        Some(newer).filter(|newer| !Arc::ptr_eq(newer, refused))
    }

    async fn renew(&self) -> Result<(), SourceError> {
        let text = self.store.read_again(&self.id).await.map_err(|error| failed(&error))?;
        let provider = self.provider_of(&mut *self.kept.lock().await, text)?;
        provider.refresh().await
    }
}

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

fn failed(error: &SecretError) -> SourceError {
    let kind = match error {
        SecretError::Unreachable { .. } => SourceErrorKind::Unavailable,
        SecretError::Missing { .. }
        | SecretError::Denied { .. }
        | SecretError::Refused { .. }
        | SecretError::Binary { .. }
        | SecretError::Shape { .. } => SourceErrorKind::Unauthorized,
    };
    SourceError::new(kind, OPERATION, error_chain(error))
}

impl<S: SecretSource> CredentialProvider for OktaCredentials<S> {
    fn authorize<'a>(&'a self, method: &'a str, url: &'a Url) -> BoxFuture<'a, Result<Authorization, SourceError>> {
        Box::pin(self.authorization(method, url))
    }

    fn refresh(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(self.renew())
    }
}

#[cfg(test)]
mod tests;
