//! Public keys of apps.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::Value;

/// A public key, RSA or on an elliptic curve.
#[derive(Debug, Clone)]
pub struct PublicKey(pub(super) DecodingKey);

impl PublicKey {
    /// Reads a PEM (`BEGIN PUBLIC KEY`).
    ///
    /// # Errors
    /// If it is none.
    pub fn from_pem(pem: &str) -> Result<Self, String> {
        let pem = pem.as_bytes();
        let key = DecodingKey::from_ec_pem(pem).or_else(|_| DecodingKey::from_rsa_pem(pem));
        key.map(Self).map_err(|error| format!("no public key in PEM: {error}"))
    }

    /// Reads a JWK.
    ///
    /// # Errors
    /// If it is none.
    pub fn from_jwk(jwk: &Value) -> Result<Self, String> {
        let jwk: Jwk = serde_json::from_value(jwk.clone()).map_err(|error| format!("no JWK: {error}"))?;
        DecodingKey::from_jwk(&jwk).map(Self).map_err(|error| format!("no public key in JWK: {error}"))
    }

    /// The claims of a token, if this key has signed it; nothing else of it is looked at, because the time here is the world's.
    pub(super) fn claims_of(&self, jwt: &str) -> Option<Value> {
        let mut validation = Validation::new_for_family(self.0.family());
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_aud) = (false, false);
        jsonwebtoken::decode(jwt, &self.0, &validation).ok().map(|token| token.claims)
    }
}
