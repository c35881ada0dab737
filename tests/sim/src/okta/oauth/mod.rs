//! OAuth 2.0: API service apps, the token endpoint, and what an access token opens.

mod admission;
mod control;
mod endpoint;
mod keys;
mod verify;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

pub(crate) use admission::{Presented, admit};
pub(crate) use control::{ClientOrder, shown};
pub(crate) use endpoint::{PATH, ask};
pub use keys::PublicKey;

use super::FakeOkta;

/// An API service app, as far as the token endpoint knows it.
#[derive(Debug, Clone)]
pub struct OAuthClient {
    /// Its client id.
    pub client_id: String,
    /// Its public keys, by key id (`kid`).
    pub keys: BTreeMap<String, PublicKey>,
    /// The scopes that were granted to it.
    pub scopes: BTreeSet<String>,
    /// Whether it is given tokens only for a proof of possession.
    pub dpop_required: bool,
    /// Whether it has an admin role, without which its scopes open nothing.
    pub has_admin_role: bool,
    /// Whether it is active.
    pub is_active: bool,
}

impl OAuthClient {
    /// An active app with one key, an admin role and the scopes to read groups, users and apps, as no one has demanded more of it.
    pub fn new(client_id: &str, key_id: &str, key: PublicKey) -> Self {
        Self {
            client_id: client_id.to_owned(),
            keys: BTreeMap::from([(key_id.to_owned(), key)]),
            scopes: ["okta.groups.read", "okta.users.read", "okta.apps.read"].map(str::to_owned).into(),
            dpop_required: false,
            has_admin_role: true,
            is_active: true,
        }
    }

    /// The same app, which is given tokens only for a proof of possession, as the Admin Console makes new ones.
    #[must_use]
    pub fn with_dpop(self) -> Self {
        Self { dpop_required: true, ..self }
    }
}

/// Everything about OAuth in an org.
#[derive(Debug, Default)]
pub(crate) struct OAuth {
    pub(crate) clients: BTreeMap<String, OAuthClient>,
    tokens: BTreeMap<String, Token>,
    /// The ids of assertions and proofs that were taken.
    spent: BTreeSet<String>,
    n_nonces: u64,
}

/// An access token.
#[derive(Debug)]
struct Token {
    client_id: String,
    scopes: BTreeSet<String>,
    /// The thumbprint of the key that it is bound to.
    key: Option<String>,
    ends: Timestamp,
}

impl OAuth {
    /// The nonce that proofs for the token endpoint must hold.
    pub(crate) fn nonce(&self) -> String {
        format!("sim-nonce-{}", self.n_nonces)
    }

    /// Spends an id; `false` if it was spent before.
    fn spend(&mut self, id: String) -> bool {
        self.spent.insert(id)
    }
}

/// OAuth, as the org's admins and time change it.
impl FakeOkta {
    /// Makes an API service app, or makes it anew.
    pub fn add_oauth_client(&self, client: OAuthClient) {
        let mut state = self.lock();
        state.version += 1;
        state.oauth.clients.insert(client.client_id.clone(), client);
    }

    /// Changes an app; `false` if there is none.
    pub fn edit_oauth_client(&self, client_id: &str, change: impl FnOnce(&mut OAuthClient)) -> bool {
        let mut state = self.lock();
        state.version += 1;
        state.oauth.clients.get_mut(client_id).map(change).is_some()
    }

    /// Makes the nonce another one; the old one is not taken any more.
    pub fn rotate_dpop_nonce(&self) {
        self.lock().oauth.n_nonces += 1;
    }

    /// Ends every access token. New ones are given.
    pub fn revoke_access_tokens(&self) {
        self.lock().oauth.tokens.clear();
    }
}
