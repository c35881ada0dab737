//! The token endpoint: `POST /oauth2/v1/token`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use super::verify::{Proved, client_of, key_of};
use super::{OAuthClient, Token};
use crate::http::HttpCall;
use crate::okta::error::OktaError;
use crate::okta::http::Outcome;
use crate::okta::routes::Effect;
use crate::okta::state::OktaState;
use crate::time::later;

/// Its path.
pub(crate) const PATH: &str = "/oauth2/v1/token";

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What is asked for.
struct Request {
    form: BTreeMap<String, String>,
    proof: Option<String>,
}

impl Request {
    fn field(&self, name: &str) -> &str {
        self.form.get(name).map(String::as_str).unwrap_or_default()
    }
}

/// The effect of a call.
pub(crate) fn ask(call: &HttpCall) -> Effect {
    let request = Request {
        form: url::form_urlencoded::parse(&call.body).into_owned().collect(),
        proof: call.headers.get("dpop").map(|_| call.header("dpop").to_owned()),
    };
    Box::new(move |state, _| give(state, &request))
}

fn refused(status: u16, code: &str, description: &str) -> OktaError {
    OktaError::new(status, code, description)
}

fn give(state: &mut OktaState, request: &Request) -> Result<Outcome, OktaError> {
    if request.field("grant_type") != "client_credentials" {
        return Err(refused(400, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server."));
    }
    let client = authenticated(state, request)?;
    let key = bound_to(state, &client, request.proof.as_deref())?;
    let scopes: BTreeSet<String> = request.field("scope").split_ascii_whitespace().map(str::to_owned).collect();
    if scopes.is_empty() || !scopes.is_subset(&client.scopes) {
        let description = "One or more scopes are not configured for the authorization server resource.";
        return Err(refused(400, "invalid_scope", description));
    }
    Ok(issued(state, client.client_id, scopes, key))
}

fn authenticated(state: &mut OktaState, request: &Request) -> Result<OAuthClient, OktaError> {
    if request.field("client_assertion_type") != ASSERTION_TYPE {
        return Err(refused(401, "invalid_client", "The client_assertion_type is not supported."));
    }
    let (audience, now) = (format!("{}{PATH}", state.settings.org_url), state.now().as_second());
    let client = client_of(&mut state.oauth, request.field("client_assertion"), &audience, now);
    client.map_err(|problem| refused(401, "invalid_client", problem))
}

/// The thumbprint of the key that the token is to be bound to, if a proof is shown.
fn bound_to(state: &mut OktaState, client: &OAuthClient, proof: Option<&str>) -> Result<Option<String>, OktaError> {
    let invalid = |problem: &str| refused(400, "invalid_dpop_proof", problem);
    let Some(proof) = proof else {
        let is_needed = client.dpop_required;
        return if is_needed { Err(invalid("The DPoP proof JWT header is missing.")) } else { Ok(None) };
    };
    let (url, now) = (format!("{}{PATH}", state.settings.org_url), state.now().as_second());
    let proved = Proved { method: "POST", url: &url, token: None, now };
    let (key, nonce) = key_of(&mut state.oauth, proof, &proved).map_err(invalid)?;
    if nonce.as_deref() != Some(state.oauth.nonce().as_str()) {
        return Err(refused(400, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof."));
    }
    Ok(Some(key))
}

fn issued(state: &mut OktaState, client_id: String, scopes: BTreeSet<String>, key: Option<String>) -> Outcome {
    let lifetime = state.settings.access_token_seconds;
    let value = format!("sim-access-{}", state.ids.okta("AT."));
    let kind = if key.is_some() { "DPoP" } else { "Bearer" };
    let scope = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
    let ends = later(state.now(), Duration::from_secs(lifetime));
    state.oauth.tokens.insert(value.clone(), Token { client_id, scopes, key, ends });
    Outcome::ok(json!({"token_type": kind, "expires_in": lifetime, "access_token": value, "scope": scope}))
}
