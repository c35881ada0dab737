//! Proofs of possession: switched on by Okta's answers, one for each request.

use std::collections::BTreeSet;

use engine::ports::ReadSource;
use jsonwebtoken::jwk::Jwk;
use serde_json::json;
use sha2::{Digest, Sha256};
use sync_core::error::SourceErrorKind;

use super::*;

/// A proof's header and claims, verified with the key that the header shows.
fn proof(seen: &Seen) -> (Value, Value) {
    let proof = seen.header("dpop").expect("a proof was sent");
    let jwk: Jwk = serde_json::from_value(parts(proof).0["jwk"].clone()).unwrap();
    verified(proof, &(DecodingKey::from_jwk(&jwk).unwrap(), Algorithm::ES256))
}

fn unproved() -> Result<Answer, NoAnswer> {
    refused(400, "invalid_dpop_proof")
}

fn nonce(nonce: &str) -> Result<Answer, NoAnswer> {
    refused_with(400, "use_dpop_nonce", &[("dpop-nonce", nonce)])
}

fn nonces(org: &Org) -> Vec<Option<String>> {
    token_calls(org).iter().skip(1).map(|seen| proof(seen).1["nonce"].as_str().map(str::to_owned)).collect()
}

#[tokio::test(start_paused = true)]
async fn dpop_is_switched_on_by_itself_and_its_nonce_is_followed() {
    let org = org_with_tokens(vec![unproved(), nonce("n1"), token("DPoP")]);
    client_of(&org).list_groups(None).await.unwrap();
    let asked = token_calls(&org);
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0].header("dpop"), None);
    let (header, claims) = proof(&asked[1]);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
    let members: Vec<&String> = header["jwk"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["alg", "crv", "kty", "x", "y"], "the public half alone");
    assert_eq!((&claims["htm"], &claims["htu"]), (&json!("POST"), &json!("https://acme.okta.com/oauth2/v1/token")));
    assert_eq!((&claims["iat"], claims.get("ath")), (&json!(TestClock::START), None));
    assert_eq!(nonces(&org), [None, Some("n1".to_owned())]);
    let ids: BTreeSet<String> = asked.iter().map(|seen| parts(&seen.field("client_assertion")).1["jti"].to_string()).collect();
    let proofs: BTreeSet<String> = asked.iter().skip(1).map(|seen| proof(seen).1["jti"].to_string()).collect();
    assert_eq!((ids.len(), proofs.len()), (3, 2), "each is good for one request");
}

#[tokio::test(start_paused = true)]
async fn a_bound_token_is_sent_with_a_proof_of_its_own_for_every_request() {
    let org = Org::answering(|seen| match (is_token_call(seen), seen.number) {
        (true, 0) => unproved(),
        (true, _) => token("DPoP"),
        (false, 2) => fails(503, "E0000009"),
        (false, _) => ok(&json!([])),
    });
    let client = client_of(&org);
    client.list_groups(None).await.unwrap();
    client.user("a/b+c?d@example.com").await.unwrap_err();
    client.members(&group_id("00g1")).await.unwrap();
    let read = reads(&org);
    let expected = ["/api/v1/groups", "/api/v1/groups", "/api/v1/users/a%2Fb%2Bc%3Fd@example.com"];
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(ACCESS_TOKEN));
    for (seen, path) in read.iter().zip(expected) {
        assert_eq!(seen.header("authorization").unwrap(), format!("DPoP {ACCESS_TOKEN}"));
        let (_, claims) = proof(seen);
        assert_eq!((&claims["htm"], &claims["htu"]), (&json!("GET"), &json!(format!("{ORG}{path}"))));
        assert_eq!((&claims["ath"], claims.get("nonce")), (&json!(hash), None));
        assert_eq!(seen.url.path(), path);
    }
    assert!(read[0].url.query().is_some(), "which the proof leaves out");
    let ids: BTreeSet<String> = read.iter().map(|seen| proof(seen).1["jti"].to_string()).collect();
    assert_eq!((ids.len(), token_calls(&org).len()), (read.len(), 2), "a repeat has a new one");
    let keys: BTreeSet<String> = org.seen().iter().skip(1).map(|seen| proof(seen).0["jwk"].to_string()).collect();
    assert_eq!(keys.len(), 1, "one key for a process");
}

#[tokio::test(start_paused = true)]
async fn the_next_token_is_asked_for_with_proof_and_nonce_at_once() {
    let org = org_with_tokens(vec![unproved(), nonce("n1"), token("DPoP")]);
    let client = client_of(&org);
    client.list_groups(None).await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600)).await;
    client.list_groups(None).await.unwrap();
    assert_eq!(nonces(&org), [None, Some("n1".to_owned()), Some("n1".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn s32_a_changed_nonce_is_followed() {
    let org = org_with_tokens(vec![unproved(), nonce("n1"), token("DPoP"), nonce("n2"), token("DPoP")]);
    let client = client_of(&org);
    client.list_groups(None).await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600)).await;
    client.list_groups(None).await.unwrap();
    let n = |nonce: &str| Some(nonce.to_owned());
    assert_eq!(nonces(&org), [None, n("n1"), n("n1"), n("n2")]);
}

#[tokio::test(start_paused = true)]
async fn a_nonce_that_comes_with_a_token_is_for_the_next_one() {
    let with_nonce = ok_with(&json!({ "token_type": "DPoP", "expires_in": 3600, "access_token": "a" }), &[("dpop-nonce", "n2")]);
    let org = org_with_tokens(vec![unproved(), nonce("n1"), with_nonce]);
    let client = client_of(&org);
    client.list_groups(None).await.unwrap();
    tokio::time::advance(Duration::from_secs(3_600)).await;
    client.list_groups(None).await.unwrap();
    assert_eq!(nonces(&org)[2], Some("n2".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_bound_is_sent_as_a_bearer_token_though_a_proof_was_shown() {
    let org = org_with_tokens(vec![unproved(), token("Bearer")]);
    client_of(&org).list_groups(None).await.unwrap();
    let read = &reads(&org)[0];
    assert_eq!(read.header("authorization").unwrap(), format!("Bearer {ACCESS_TOKEN}"));
    assert_eq!(read.header("dpop"), None);
}

#[tokio::test(start_paused = true)]
async fn a_proof_that_stays_refused_names_the_checkbox() {
    let org = org_with_tokens(vec![unproved()]);
    let error = client_of(&org).list_groups(None).await.unwrap_err();
    assert_eq!((error.kind, token_calls(&org).len()), (SourceErrorKind::Unauthorized, 2));
    assert!(error.detail.contains("clear Require Demonstrating Proof of Possession (DPoP) header in token requests"), "{error}");
    assert!(error.detail.contains("clock"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn nonces_are_not_followed_for_ever() {
    let n_asked = AtomicUsize::new(0);
    let org = Org::answering(move |_| nonce(&format!("n{}", n_asked.fetch_add(1, Ordering::SeqCst))));
    let error = client_of(&org).list_groups(None).await.unwrap_err();
    assert_eq!((error.kind, token_calls(&org).len()), (SourceErrorKind::Unauthorized, 4));
    assert!(error.detail.contains("use_dpop_nonce"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_nonce_that_is_demanded_and_not_given_is_malformed() {
    let org = org_with_tokens(vec![unproved(), refused(400, "use_dpop_nonce")]);
    assert_eq!(kind(client_of(&org).list_groups(None).await), SourceErrorKind::Malformed);
    assert_eq!(token_calls(&org).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn s32_a_bound_token_that_is_refused_midway_is_asked_for_once_more() {
    let org = Org::answering(|seen| match (is_token_call(seen), seen.number) {
        (true, 0) => unproved(),
        (true, _) => token("DPoP"),
        (false, 2) => fails(401, "E0000011"),
        (false, _) => ok(&json!([])),
    });
    client_of(&org).list_groups(None).await.unwrap();
    assert_eq!((token_calls(&org).len(), reads(&org).len()), (3, 2));
    assert!(reads(&org)[0].header("dpop") != reads(&org)[1].header("dpop"));
}

#[tokio::test(start_paused = true)]
async fn recorded_answers_switch_dpop_on_and_give_its_nonce() {
    let Some(unproved) = recorded::recording("42-token-dpop-proof-missing-400") else { return };
    let nonce = recorded::recording("43-token-use-dpop-nonce-400").unwrap().answer();
    let users = recorded::recording("45-users-with-dpop-200").unwrap().answer();
    let org = Org::answering(move |seen| match (is_token_call(seen), seen.number) {
        (true, 0) => Ok(unproved.answer()),
        (true, 1) => Ok(nonce.clone()),
        (true, _) => token("DPoP"),
        (false, _) => Ok(users.clone()),
    });
    let members = client_of(&org).members(&group_id("00g1")).await.unwrap().unwrap();
    assert_eq!((members.items.len(), members.bad.len()), (0, 0));
    assert_eq!(nonces(&org), [None, Some("sanitized_dpop_nonce".to_owned())]);
    assert_eq!((token_calls(&org).len(), proof(&reads(&org)[0]).1["htm"].as_str()), (3, Some("GET")));
}
