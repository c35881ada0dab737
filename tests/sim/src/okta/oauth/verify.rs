//! What is signed, verified: assertions of apps, and proofs of possession.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, decode_header};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::keys::PublicKey;
use super::{OAuth, OAuthClient};
use crate::http::decoded;

/// How far ahead an assertion may end, in seconds.
const LONGEST_ASSERTION: i64 = 3_600;

/// How far the time of a proof may be off, in seconds. Okta does not say.
const PROOF_LASTS: i64 = 300;

/// The app that has signed an assertion.
///
/// # Errors
/// What is wrong with it.
pub(super) fn client_of(oauth: &mut OAuth, assertion: &str, audience: &str, now: i64) -> Result<OAuthClient, &'static str> {
    let header = decode_header(assertion).map_err(|_| "The client_assertion is not a JWT.")?;
    let claimed: Value = jsonwebtoken::dangerous::insecure_decode_claims(assertion).map_err(|_| "The client_assertion is not a JWT.")?;
    let client = text(&claimed, "sub").and_then(|id| oauth.clients.get(id)).filter(|client| client.is_active).cloned();
    let client = client.ok_or("Invalid value for 'client_id' parameter.")?;
    let key = match &header.kid {
        Some(kid) => client.keys.get(kid),
        None if client.keys.len() == 1 => client.keys.values().next(),
        None => None,
    };
    let key = key.ok_or("The client_assertion JWT kid is invalid.")?;
    let claims = key.claims_of(assertion).ok_or("The client_assertion signature is invalid.")?;
    check_assertion(&claims, &client.client_id, audience, now)?;
    if let Some(id) = text(&claims, "jti")
        && !oauth.spend(format!("assertion {} {id}", client.client_id))
    {
        return Err("The client_assertion token has already been used.");
    }
    Ok(client)
}

fn check_assertion(claims: &Value, client_id: &str, audience: &str, now: i64) -> Result<(), &'static str> {
    if claims["iss"] != client_id {
        return Err("The issuer of the client_assertion is not the client.");
    }
    if claims["aud"] != audience {
        return Err("The audience claim for client_assertion must be the endpoint invoked for the request.");
    }
    match claims["exp"].as_i64() {
        Some(exp) if exp <= now => Err("The client_assertion token is expired."),
        Some(exp) if exp > now + LONGEST_ASSERTION => Err("The client_assertion token has an expiration too far into the future."),
        Some(_) => Ok(()),
        None => Err("The client_assertion has no exp."),
    }
}

/// A request for which a proof is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proved<'a> {
    pub(super) method: &'a str,
    /// Without a query.
    pub(super) url: &'a str,
    /// The access token that comes with it.
    pub(super) token: Option<&'a str>,
    pub(super) now: i64,
}

/// The thumbprint of the key that a proof shows, and the nonce in it.
///
/// # Errors
/// What is wrong with it.
pub(super) fn key_of(oauth: &mut OAuth, proof: &str, proved: &Proved<'_>) -> Result<(String, Option<String>), &'static str> {
    let header = decode_header(proof).map_err(|_| "The DPoP proof is not a JWT.")?;
    if header.typ.as_deref() != Some("dpop+jwt") {
        return Err("The DPoP proof JWT typ is not dpop+jwt.");
    }
    if matches!(header.alg, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) || shows_private_key(proof) {
        return Err("The DPoP proof JWT must be signed with a key whose public half alone it shows.");
    }
    let jwk = header.jwk.ok_or("The DPoP proof JWT has no jwk.")?;
    let key = DecodingKey::from_jwk(&jwk).map_err(|_| "The jwk of the DPoP proof JWT is no key.")?;
    let claims = PublicKey(key).claims_of(proof).ok_or("The DPoP proof JWT signature is invalid.")?;
    check_proof(&claims, proved)?;
    let id = text(&claims, "jti").filter(|id| !id.is_empty()).ok_or("The DPoP proof JWT has no jti.")?;
    if !oauth.spend(format!("proof {id}")) {
        return Err("The DPoP proof JWT has already been used.");
    }
    Ok((thumbprint(&jwk)?, text(&claims, "nonce").map(str::to_owned)))
}

fn check_proof(claims: &Value, proved: &Proved<'_>) -> Result<(), &'static str> {
    if claims["htm"] != proved.method {
        return Err("The htm of the DPoP proof JWT is not the method of the request.");
    }
    // RFC 9449 compares addresses normalised: Okta's own Python client signs `%40` and sends `@`.
    if text(claims, "htu").map(decoded) != Some(decoded(proved.url)) {
        return Err("The htu of the DPoP proof JWT is not the address of the request.");
    }
    if claims["iat"].as_i64().is_none_or(|iat| (iat - proved.now).abs() > PROOF_LASTS) {
        return Err("The iat of the DPoP proof JWT is not about now.");
    }
    let hash = proved.token.map(|token| URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
    if text(claims, "ath") != hash.as_deref() {
        return Err("The ath of the DPoP proof JWT is not the hash of the access token.");
    }
    Ok(())
}

fn text<'a>(claims: &'a Value, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

fn shows_private_key(proof: &str) -> bool {
    let header = proof.split('.').next().and_then(|header| URL_SAFE_NO_PAD.decode(header).ok());
    let header: Value = header.and_then(|header| serde_json::from_slice(&header).ok()).unwrap_or_default();
    ["d", "k"].iter().any(|part| header.pointer(&format!("/jwk/{part}")).is_some())
}

fn thumbprint(jwk: &Jwk) -> Result<String, &'static str> {
    jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| "The jwk of the DPoP proof JWT is no key.")
}
