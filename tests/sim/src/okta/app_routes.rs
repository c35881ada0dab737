//! What only an app's admins look at: its sign-on metadata, its signing keys, and the groups that it pushes.

use serde_json::{Value, json};

use super::error::OktaError;
use super::http::Outcome;
use super::render::{moment, signing_kid};
use super::routes::{Effect, Route, Run};
use super::state::{App, OktaState};
use crate::fault::Page;
use crate::http::HttpCall;

/// The routes below an app.
pub(crate) fn admin(method: &str, rest: &[&str], call: &HttpCall) -> Option<Route> {
    let kid = call.parameter("kid");
    let (name, id, run): (&'static str, &str, Effect) = match (method, rest) {
        ("GET", [id, "sso", "saml", "metadata"]) => {
            let app = (*id).to_owned();
            let run = move |state: &mut OktaState, _| metadata(state, &app, kid.as_deref());
            ("GET /api/v1/apps/{id}/sso/saml/metadata", id, Box::new(run))
        }
        ("GET", [id, "credentials", "keys"]) => {
            let app = (*id).to_owned();
            ("GET /api/v1/apps/{id}/credentials/keys", id, Box::new(move |state, _| keys(state.existing_app(&app)?)))
        }
        ("GET", [id, "group-push", "mappings"]) => {
            let app = (*id).to_owned();
            ("GET /api/v1/apps/{id}/group-push/mappings", id, Box::new(move |state, _| mappings(state, &app)))
        }
        _ => return None,
    };
    (!id.is_empty()).then_some(Route { name, writing: false, run: Run::Now(run) })
}

/// The org as anyone may see it.
pub(crate) fn organization(method: &str) -> Option<Route> {
    let run = |state: &mut OktaState, _| {
        let links = json!({"organization": {"href": state.settings.org_url}});
        Ok(Outcome::ok(json!({"id": "00osimorg00000000000", "pipeline": "idx", "settings": {}, "_links": links})))
    };
    let name = "GET /.well-known/okta-organization";
    (method == "GET").then(|| Route { name, writing: false, run: Run::Open(Box::new(run)) })
}

fn metadata(state: &OktaState, id: &str, kid: Option<&str>) -> Result<Outcome, OktaError> {
    let app = state.existing_app(id)?;
    if kid != Some(signing_kid(app).as_str()) {
        return Err(OktaError::not_found(kid.unwrap_or_default(), "JsonWebKey"));
    }
    let sign_on = format!("{}/app/{}/{}/sso/saml", state.settings.org_url, app.name, app.id);
    let service = |binding: &str| {
        format!(r#"<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:{binding}" Location="{sign_on}"/>"#)
    };
    Ok(Outcome::text(format!(
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?><md:EntityDescriptor entityID="http://www.okta.com/{id}" "#,
            r#"xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"><md:IDPSSODescriptor WantAuthnRequestsSigned="false" "#,
            r#"protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing">"#,
            r#"<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{certificate}"#,
            r#"</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>{post}{redirect}</md:IDPSSODescriptor></md:EntityDescriptor>"#,
        ),
        id = app.id,
        certificate = CERTIFICATE,
        post = service("HTTP-POST"),
        redirect = service("HTTP-Redirect"),
    )))
}

/// No certificate, and no one here reads it as one.
const CERTIFICATE: &str = "c2ltdWxhdGVkIGNlcnRpZmljYXRl";

fn keys(app: &App) -> Result<Outcome, OktaError> {
    let key = json!({
        "kid": signing_kid(app), "kty": "RSA", "use": "sig", "e": "AQAB", "x5c": [CERTIFICATE],
        "created": moment(Some(app.created)), "lastUpdated": moment(Some(app.created)), "expiresAt": moment(Some(app.key_expires)),
    });
    Ok(Outcome::unlinked(Page { items: vec![key], next: None }))
}

fn mappings(state: &OktaState, id: &str) -> Result<Outcome, OktaError> {
    let app = state.existing_app(id)?;
    let mapping = |(number, (group, status)): (usize, (&sync_core::ids::OktaGroupId, &String))| -> Value {
        json!({
            "id": format!("gPm{number:017}"), "created": moment(Some(app.created)), "lastUpdated": moment(Some(app.created)),
            "sourceGroupId": group.as_str(), "targetGroupId": format!("00gtarget{number:011}"), "status": status, "errorSummary": null,
        })
    };
    let items = app.pushed.iter().enumerate().map(mapping).collect();
    Ok(Outcome::page(Page { items, next: None }, 1000))
}
