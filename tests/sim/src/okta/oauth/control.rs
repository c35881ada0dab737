//! Apps as JSON, for the control plane.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{OAuthClient, PublicKey};
use crate::http::replace;
use crate::okta::FakeOkta;

/// An app that is made, or a change of one; what is not named stays, or is as [`OAuthClient::new`] has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientOrder {
    client_id: String,
    /// With one of the next two: a key more.
    key_id: Option<String>,
    /// PEM.
    public_key: Option<String>,
    jwk: Option<Value>,
    scopes: Option<BTreeSet<String>>,
    dpop_required: Option<bool>,
    admin_role: Option<bool>,
    active: Option<bool>,
}

impl ClientOrder {
    fn key(&self) -> Result<Option<(String, PublicKey)>, String> {
        let key = match (&self.public_key, &self.jwk) {
            (Some(pem), None) => PublicKey::from_pem(pem)?,
            (None, Some(jwk)) => PublicKey::from_jwk(jwk)?,
            (None, None) if self.key_id.is_none() => return Ok(None),
            _ => return Err("a key_id goes with either a public_key or a jwk".to_owned()),
        };
        let id = self.key_id.clone().ok_or("a key needs a key_id")?;
        Ok(Some((id, key)))
    }

    fn apply(self, client: &mut OAuthClient) {
        replace(&mut client.scopes, self.scopes);
        replace(&mut client.dpop_required, self.dpop_required);
        replace(&mut client.has_admin_role, self.admin_role);
        replace(&mut client.is_active, self.active);
    }
}

impl FakeOkta {
    pub(crate) fn make_client(&self, order: ClientOrder) -> Result<Value, String> {
        let (id, key) = order.key()?.ok_or("an app needs a key")?;
        let mut client = OAuthClient::new(&order.client_id, &id, key);
        let made = json!({"id": order.client_id});
        order.apply(&mut client);
        self.add_oauth_client(client);
        Ok(made)
    }

    pub(crate) fn change_client(&self, order: ClientOrder) -> Result<bool, String> {
        let key = order.key()?;
        let id = order.client_id.clone();
        Ok(self.edit_oauth_client(&id, |client| {
            client.keys.extend(key);
            order.apply(client);
        }))
    }
}

/// An app as the control plane shows it.
pub(crate) fn shown(client: &OAuthClient) -> Value {
    json!({
        "client_id": client.client_id, "key_ids": client.keys.keys().collect::<Vec<_>>(), "scopes": client.scopes,
        "dpop_required": client.dpop_required, "admin_role": client.has_admin_role, "active": client.is_active,
    })
}
