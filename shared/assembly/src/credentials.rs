//! The Okta credential, out of Secrets Manager, for the Okta client.

use std::sync::Arc;

use futures::future::BoxFuture;
use okta::auth::{CredentialProvider, ssws};
use runtime::secrets::{OktaCredential, SecretError, SecretStore, SecretsManager};
use runtime::telemetry::error_chain;
use secrecy::SecretString;
use sync_core::error::{SourceError, SourceErrorKind};

/// The credential under one secret id. It is in memory for as long as the store keeps it.
pub struct OktaCredentials {
    store: Arc<SecretStore<SecretsManager>>,
    id: String,
}

const OPERATION: &str = "GetSecretValue";

impl OktaCredentials {
    /// Nothing is read yet.
    pub fn new(store: Arc<SecretStore<SecretsManager>>, id: String) -> Self {
        Self { store, id }
    }

    fn header(&self, text: &SecretString) -> Result<SecretString, SourceError> {
        match OktaCredential::parse(&self.id, text).map_err(|error| failed(&error))? {
            OktaCredential::ApiToken(token) => Ok(ssws(&token)),
            OktaCredential::PrivateKey { .. } => {
                let detail = format!("secret {} holds an OAuth 2.0 key, which this version cannot use; put an api_token there", self.id);
                Err(SourceError::new(SourceErrorKind::Unauthorized, OPERATION, detail))
            }
        }
    }
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

impl CredentialProvider for OktaCredentials {
    fn current(&self) -> BoxFuture<'_, Result<SecretString, SourceError>> {
        Box::pin(async {
            let text = self.store.read(&self.id).await.map_err(|error| failed(&error))?;
            self.header(&text)
        })
    }

    fn refresh(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async {
            let text = self.store.read_again(&self.id).await.map_err(|error| failed(&error))?;
            self.header(&text).map(drop)
        })
    }
}
