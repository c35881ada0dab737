//! The keys that sign: the app's own, and the one of this process to which access tokens are bound.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sync_core::error::{SourceError, SourceErrorKind};

use super::OPERATION;

/// What is wrong with a private key. The texts are fixed, because a parser's own words could quote the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a PEM, or one without a private key that can be read without a password.
    #[error(
        "private_key is no PEM of a private key without a password (its lines, from BEGIN to END, are parted by \\n in the secret's \
         JSON); accepted are RSA keys in PKCS#1 or PKCS#8, and P-256 keys in PKCS#8 or SEC 1"
    )]
    NotPem,
    /// A private key of another kind.
    #[error(
        "private_key is a key that cannot be used: accepted are RSA keys of 2,048 to 8,192 bits (PKCS#1 or PKCS#8) and keys on the curve \
         P-256 (PKCS#8 or SEC 1)"
    )]
    Unusable,
}

/// A private key, and the algorithm that goes with it.
pub(crate) struct SigningKey {
    key: EncodingKey,
    algorithm: Algorithm,
}

impl SigningKey {
    /// Reads the app's key: RSA is for RS256, P-256 for ES256.
    pub(crate) fn from_pem(pem: &SecretString) -> Result<Self, KeyError> {
        let pem = pem.expose_secret().as_bytes();
        match PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::NotPem)? {
            PrivateKeyDer::Pkcs1(der) => Self::rsa(EncodingKey::from_rsa_der(der.secret_pkcs1_der())),
            PrivateKeyDer::Sec1(der) => Self::p256(der.secret_sec1_der()),
            PrivateKeyDer::Pkcs8(der) => Self::p256(der.secret_pkcs8_der()).or_else(|_| {
                // The RSA key is inside, and this finds it.
                Self::rsa(EncodingKey::from_rsa_pem(pem).map_err(|_| KeyError::Unusable)?)
            }),
            _ => Err(KeyError::Unusable),
        }
    }

    /// A new key on P-256.
    fn generate() -> Self {
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let key = key.expect("a key needs nothing but the system's random numbers, without which no TLS connection begins either");
        Self { key: EncodingKey::from_ec_der(key.as_ref()), algorithm: Algorithm::ES256 }
    }

    fn rsa(key: EncodingKey) -> Result<Self, KeyError> {
        let algorithm = Algorithm::RS256;
        // Only the first signature shows whether the key is whole and long enough.
        jsonwebtoken::crypto::sign(b"", &key, algorithm).map_err(|_| KeyError::Unusable)?;
        Ok(Self { key, algorithm })
    }

    fn p256(der: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(|_| KeyError::Unusable)?;
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| KeyError::Unusable)?;
        Ok(Self { key: EncodingKey::from_ec_der(pkcs8.as_ref()), algorithm: Algorithm::ES256 })
    }

    /// A header that names the algorithm.
    pub(crate) fn header(&self) -> Header {
        Header::new(self.algorithm)
    }

    /// A signed token.
    pub(crate) fn sign(&self, header: &Header, claims: &impl Serialize) -> Result<SecretString, SourceError> {
        let signed = jsonwebtoken::encode(header, claims, &self.key);
        // The library's words are dropped: no one has promised that they quote nothing.
        let detail = "the key of the Okta app does not sign; put another one into the Okta secret";
        signed.map(SecretString::from).map_err(|_| SourceError::new(SourceErrorKind::Unauthorized, OPERATION, detail))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.algorithm)
    }
}

/// The key to which access tokens are bound. It is made anew by every process and never leaves it.
#[derive(Debug)]
pub(crate) struct ProofKey {
    key: SigningKey,
    header: Header,
}

impl ProofKey {
    pub(crate) fn generate() -> Self {
        let key = SigningKey::generate();
        let public = Jwk::from_encoding_key(&key.key, key.algorithm).expect("a key on P-256 has a public key");
        let header = Header { typ: Some("dpop+jwt".to_owned()), jwk: Some(public), ..key.header() };
        Self { key, header }
    }

    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<SecretString, SourceError> {
        self.key.sign(&self.header, claims)
    }
}
