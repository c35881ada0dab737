//! What the SCIM endpoint says to the token.

use std::sync::Arc;

use futures::future::BoxFuture;
use identity_center::Connection;
use identity_center::scim::{CheckError, CredentialProvider, Endpoint, ScimClient, ScimCredential};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use runtime::config;
use runtime::secrets::{ScimSecret, SecretStore, SecretsManager};
use runtime::telemetry::error_chain;
use secrecy::SecretString;
use sync_core::error::TargetError;

use super::super::facts::{Read, ScimFacts, ScimTrouble, Unread};
use crate::session::Session;

/// Asks the endpoint that the secret names, where one is named.
pub(super) async fn facts(session: &Session, connection: &Connection, secret: Option<&str>) -> Read<ScimFacts> {
    let from_env = || config::from_env()("LOCKSTEP_SCIM_SECRET").filter(|id| !id.trim().is_empty());
    let Some(id) = secret.map(str::to_owned).or_else(from_env) else {
        return Err(Unread::because(
            "no SCIM secret was named: --scim-secret (LOCKSTEP_SCIM_SECRET); needed where the policy writes over SCIM",
        ));
    };
    let text = SecretStore::new(SecretsManager::new(session.aws().await)).read(&id).await;
    let read = text.map_err(|error| Unread(error_chain(&error))).and_then(|text| credential(&id, &text));
    let (credential, expires) = match read {
        Ok(read) => read,
        Err(why) => return Ok(ScimFacts { expires: None, answer: Err((ScimTrouble::Secret, why)) }),
    };
    let answer = match ScimClient::new(connection, Arc::new(Fixed(credential))) {
        Ok(client) => client.check().await.map_err(|error| (trouble(&error), Unread(error.to_string()))),
        Err(error) => Err((ScimTrouble::NoAnswer, Unread(error.to_string()))),
    };
    Ok(ScimFacts { expires, answer })
}

fn trouble(error: &CheckError) -> ScimTrouble {
    match error {
        CheckError::Token(_) => ScimTrouble::Token,
        CheckError::NotAllowed(_) => ScimTrouble::NotAllowed,
        CheckError::Address(_) => ScimTrouble::Address,
        CheckError::NoAnswer(_) => ScimTrouble::NoAnswer,
    }
}

/// What the secret holds, as the functions read it. No error repeats a value.
fn credential(id: &str, text: &SecretString) -> Read<(ScimCredential, Option<Timestamp>)> {
    let secret = ScimSecret::parse(id, text).map_err(|error| Unread(error_chain(&error)))?;
    let endpoint = Endpoint::parse(&secret.endpoint).map_err(|error| Unread(format!("the secret {id}: {}", error_chain(&error))))?;
    // The token may be dead from the beginning of its last day on.
    let expires = secret.expires.and_then(|day| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok());
    Ok((ScimCredential { endpoint, token: secret.token }, expires))
}

/// A credential that is not renewed: the check is one request.
struct Fixed(ScimCredential);

impl CredentialProvider for Fixed {
    fn current(&self) -> BoxFuture<'_, Result<ScimCredential, TargetError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn other_than<'a>(&'a self, _refused: &'a ScimCredential) -> BoxFuture<'a, Result<Option<ScimCredential>, TargetError>> {
        Box::pin(async { Ok(None) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Read<Option<Timestamp>> {
        credential("lockstep/scim", &text.into()).map(|(_, expires)| expires)
    }

    #[test]
    fn the_day_of_the_end_is_optional() {
        let secret = |rest: &str| format!(r#"{{"endpoint":"https://scim.eu-west-1.amazonaws.com/x/scim/v2","token":"hunter2"{rest}}}"#);
        assert_eq!(read(&secret("")), Ok(None));
        assert_eq!(read(&secret(r#","expires":"2027-01-31""#)), Ok(Some("2027-01-31T00:00:00Z".parse().unwrap())));
    }

    #[test]
    fn s54_what_is_wrong_with_the_secret_is_said_without_a_value() {
        for text in
            ["hunter2", "{}", r#"{"endpoint":"hunter2","token":"hunter2"}"#, r#"{"token":"hunter2"}"#, r#"{"endpoint":"https://x/y"}"#]
        {
            let why = read(text).unwrap_err().0;
            assert!(why.contains("lockstep/scim") && !why.contains("hunter2"), "{why}");
        }
    }
}
