//! The Okta org, as a person asks it: with the credential of the functions, one OAuth scope at a time, so that a scope that was not granted
//! fails by itself.

use std::sync::Arc;

use okta::OktaConfig;
use okta::admin::{Admin, AdminAnswer, AdminError};
use okta::auth::{CredentialProvider, SswsToken};
use okta::oauth::{AccessTokens, ServiceApp};
use runtime::clock::SystemClock;
use runtime::secrets::{OktaCredential, SecretStore, SecretsManager};
use runtime::telemetry::error_chain;
use secrecy::SecretString;
use serde_json::Value;
use sync_core::error::SourceErrorKind;
use sync_core::policy::Policy;

use super::facts::{Asked, CredentialForm, Read, Refusal, Unread};
use crate::session::Session;

/// An org, and what can be asked of it.
pub(crate) struct Org {
    config: OktaConfig,
    credential: Read<OktaCredential>,
}

impl Org {
    /// Reads the credential; nothing is sent to Okta.
    ///
    /// # Errors
    /// [`Unread`] where the org's address is none.
    pub(crate) async fn open(session: &Session, policy: &Policy) -> Read<Self> {
        let config = OktaConfig::new(&policy.okta.org_url, policy.users.user_name_from.clone());
        let config = config.map_err(|error| Unread(error_chain(&error)))?;
        Ok(Self { config, credential: credential(session).await })
    }

    /// The form of the credential.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(crate) fn form(&self) -> Read<CredentialForm> {
        self.credential.as_ref().map_err(Clone::clone).map(|credential| match credential {
            OktaCredential::ApiToken(_) => CredentialForm::ApiToken,
            OktaCredential::PrivateKey { .. } => CredentialForm::ServiceApp,
        })
    }

    /// The org with one scope. An API token has none, and may do what its admin may.
    ///
    /// # Errors
    /// Why the credential cannot be used.
    pub(crate) fn with_scope(&self, scope: &'static str) -> Read<Admin> {
        let provider: Arc<dyn CredentialProvider> = match self.credential.as_ref().map_err(Clone::clone)? {
            OktaCredential::ApiToken(token) => Arc::new(SswsToken::new(token)),
            OktaCredential::PrivateKey { client_id, private_key, key_id } => {
                let (client_id, private_key, key_id) = (client_id.clone(), private_key.clone(), key_id.clone());
                let app = ServiceApp { client_id, private_key, key_id, reads_apps: false };
                let tokens = AccessTokens::with_scopes(&self.config, &app, vec![scope], Arc::new(SystemClock));
                Arc::new(tokens.map_err(|error| Unread(error_chain(&error)))?)
            }
        };
        self.admin(provider)
    }

    /// The org as anyone may ask it.
    ///
    /// # Errors
    /// Where no HTTP client can start.
    pub(crate) fn in_public(&self) -> Read<Admin> {
        self.admin(Arc::new(SswsToken::new(&SecretString::from(""))))
    }

    fn admin(&self, provider: Arc<dyn CredentialProvider>) -> Read<Admin> {
        Admin::new(&self.config, provider).map_err(|error| Unread(error_chain(&error)))
    }
}

async fn credential(session: &Session) -> Read<OktaCredential> {
    let id = session.settings().okta_secret().map_err(|error| Unread(error_chain(&error)))?;
    let store = SecretStore::new(SecretsManager::new(session.aws().await));
    let text = store.read(&id).await.map_err(|error| Unread(error_chain(&error)))?;
    OktaCredential::parse(&id, &text).map_err(|error| Unread(error_chain(&error)))
}

/// What an answer is to someone who asked for one object.
pub(crate) fn asked<T>(answer: Result<AdminAnswer, AdminError>, read: impl FnOnce(&AdminAnswer) -> T) -> Asked<T> {
    match answer {
        Ok(answer) if answer.is_success() => Asked::Given(read(&answer)),
        Ok(answer) => Asked::Refused(refusal(&answer)),
        Err(error) => unanswered(&error),
    }
}

/// What a list is to someone who asked for it.
pub(crate) fn listed<T>(answer: Result<okta::admin::Listed, AdminError>, read: impl Fn(&Value) -> Option<T>) -> Asked<Vec<T>> {
    match answer {
        Ok(Ok(items)) => Asked::Given(items.iter().filter_map(read).collect()),
        Ok(Err(answer)) => Asked::Refused(refusal(&answer)),
        Err(error) => unanswered(&error),
    }
}

fn refusal(answer: &AdminAnswer) -> Refusal {
    Refusal { status: answer.status, code: answer.code.clone(), words: answer.words.clone() }
}

fn unanswered<T>(error: &AdminError) -> Asked<T> {
    match error {
        AdminError::Credential(error) if error.kind == SourceErrorKind::Unauthorized => Asked::NoCredential(error.to_string()),
        AdminError::Credential(error) => Asked::NoAnswer(error.to_string()),
        AdminError::NoAnswer(why) => Asked::NoAnswer(why.clone()),
    }
}
