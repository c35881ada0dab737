//! What a call is let in with, and what it may read with it.

use super::verify::{Proved, key_of};
use crate::http::HttpCall;
use crate::okta::error::OktaError;
use crate::okta::state::OktaState;

/// What a call shows.
#[derive(Debug)]
pub(crate) struct Presented {
    scheme: String,
    token: String,
    proof: Option<String>,
    method: String,
    /// As it was sent, percent-encoded.
    path: String,
}

impl Presented {
    pub(crate) fn by(call: &HttpCall) -> Self {
        let authorization = call.header("authorization");
        // Okta's own Python client sends no space after SSWS, so Okta asks for none.
        let schemes = ["SSWS", "Bearer", "DPoP"].into_iter();
        let found = schemes.filter_map(|scheme| Some((scheme, authorization.strip_prefix(scheme)?))).next();
        let (scheme, token) = found.unwrap_or_default();
        Self {
            scheme: scheme.to_owned(),
            token: token.trim().to_owned(),
            proof: call.headers.get("dpop").map(|_| call.header("dpop").to_owned()),
            method: call.method.to_string(),
            path: call.path.clone(),
        }
    }
}

/// Lets a call in, or says why not.
pub(crate) fn admit(state: &mut OktaState, presented: &Presented, operation: &str) -> Result<(), OktaError> {
    let unknown = || OktaError::of_status(401, None);
    if presented.scheme == "SSWS" {
        return if state.settings.tokens.contains(&presented.token) { Ok(()) } else { Err(unknown()) };
    }
    let now = state.now();
    let token = state.oauth.tokens.get(&presented.token).filter(|token| now < token.ends).ok_or_else(unknown)?;
    let client = state.oauth.clients.get(&token.client_id).filter(|client| client.is_active).ok_or_else(unknown)?;
    let is_allowed = client.has_admin_role && scopes_for(operation).is_none_or(|scopes| scopes.iter().any(|s| token.scopes.contains(s)));
    let scheme = if token.key.is_some() { "DPoP" } else { "Bearer" };
    if presented.scheme != scheme {
        return Err(unknown());
    }
    if let Some(key) = token.key.clone() {
        let url = format!("{}{}", state.settings.org_url, presented.path);
        let proved = Proved { method: &presented.method, url: &url, token: Some(&presented.token), now: now.as_second() };
        let shown = key_of(&mut state.oauth, presented.proof.as_deref().unwrap_or_default(), &proved);
        if shown.map(|(shown, _)| shown) != Ok(key) {
            return Err(unknown());
        }
    }
    if is_allowed { Ok(()) } else { Err(OktaError::forbidden()) }
}

/// The scopes of which an operation needs one; `None` for what is no operation.
fn scopes_for(operation: &str) -> Option<[String; 2]> {
    let (method, path) = operation.split_once(' ')?;
    let family = path.strip_prefix("/api/v1/")?.split('/').next()?;
    let manage = format!("okta.{family}.manage");
    Some([if method == "GET" { format!("okta.{family}.read") } else { manage.clone() }, manage])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_a_group_are_read_with_the_scope_for_groups() {
        let scopes = |operation: &str| scopes_for(operation).unwrap();
        assert_eq!(scopes("GET /api/v1/groups/{id}/users"), ["okta.groups.read", "okta.groups.manage"]);
        assert_eq!(scopes("GET /api/v1/users/{id}/groups")[0], "okta.users.read");
        assert_eq!(scopes("GET /api/v1/apps/{id}/groups")[0], "okta.apps.read");
        assert_eq!(scopes("DELETE /api/v1/groups/{id}"), ["okta.groups.manage", "okta.groups.manage"]);
        assert_eq!(scopes_for("(no such operation)"), None);
    }
}
