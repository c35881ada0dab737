//! What the token endpoint and the API refuse: each request here is a good one but for one thing, because a simulator that takes
//! everything would prove nothing about the real client.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::*;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client that is written here by hand, so that it can go wrong.
struct Hand {
    stage: Stage,
    http: reqwest::Client,
}

impl Hand {
    async fn with(app: OAuthClient) -> Self {
        Self { stage: Stage::with(app).await, http: reqwest::Client::new() }
    }

    fn now(&self) -> i64 {
        self.stage.clock.now().as_second()
    }

    fn token_url(&self) -> String {
        format!("{}/oauth2/v1/token", self.stage.server.url())
    }

    fn claims(&self, id: &str) -> Value {
        json!({"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": self.token_url(), "exp": self.now() + 300, "jti": id})
    }

    fn proof_claims(&self, id: &str) -> Value {
        json!({"htm": "POST", "htu": self.token_url(), "iat": self.now(), "jti": id, "nonce": "sim-nonce-0"})
    }

    async fn ask(&self, fields: &[(&str, &str)], proof: Option<&str>) -> (u16, Value) {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.http.post(self.token_url()).header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer = proof.into_iter().fold(request, |request, proof| request.header("dpop", proof)).send().await.unwrap();
        let nonce = answer.headers().get("dpop-nonce").map(|nonce| nonce.to_str().unwrap().to_owned());
        let (status, mut body): (u16, Value) = (answer.status().as_u16(), answer.json().await.unwrap());
        if let Some(nonce) = nonce {
            body["nonce"] = json!(nonce);
        }
        (status, body)
    }

    async fn ask_with(&self, assertion: &str, proof: Option<&str>) -> (u16, Value) {
        let scope = ("scope", "okta.groups.read");
        let fields =
            [("grant_type", "client_credentials"), scope, ("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)];
        self.ask(&fields, proof).await
    }

    /// A good token, bound or not.
    async fn token(&self, id: &str, is_bound: bool) -> String {
        let proof = signed_proof(&self.proof_claims(id));
        let (status, body) = self.ask_with(&signed(&self.claims(id)), is_bound.then_some(proof.as_str())).await;
        assert_eq!((status, &body["token_type"]), (200, &json!(if is_bound { "DPoP" } else { "Bearer" })), "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    async fn read(&self, path: &str, authorization: &str, proof: Option<&str>) -> (u16, Value) {
        let request = self.http.get(format!("{}{path}", self.stage.server.url())).header("authorization", authorization);
        let answer = proof.into_iter().fold(request, |request, proof| request.header("dpop", proof)).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

fn key() -> EncodingKey {
    EncodingKey::from_ec_pem(p256().private.as_bytes()).unwrap()
}

fn header() -> Header {
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(KEY_ID.to_owned());
    header
}

fn signed(claims: &Value) -> String {
    jsonwebtoken::encode(&header(), claims, &key()).unwrap()
}

fn proof_header(key: &EncodingKey) -> Header {
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some("dpop+jwt".to_owned());
    header.jwk = Some(Jwk::from_encoding_key(key, Algorithm::ES256).unwrap());
    header
}

fn signed_proof(claims: &Value) -> String {
    jsonwebtoken::encode(&proof_header(&key()), claims, &key()).unwrap()
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn stranger() -> EncodingKey {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    EncodingKey::from_ec_der(key.as_ref())
}

#[tokio::test]
async fn an_assertion_that_is_wrong_in_one_thing_is_refused() {
    let hand = Hand::with(app_with(&p256())).await;
    let good = |id: &str| hand.claims(id);
    let hs256 = jsonwebtoken::encode(&Header::default(), &good("h"), &EncodingKey::from_secret(p256().public.as_bytes())).unwrap();
    let mut no_exp = good("n");
    no_exp.as_object_mut().unwrap().remove("exp");
    for (assertion, words) in [
        (signed(&with(good("a"), "aud", json!("https://acme.okta.com"))), "audience"),
        (signed(&with(good("b"), "iss", json!("0oaNONE"))), "issuer"),
        (signed(&with(good("c"), "sub", json!("0oaNONE"))), "'client_id'"),
        (signed(&with(good("d"), "exp", json!(hand.now()))), "expired"),
        (signed(&with(good("e"), "exp", json!(hand.now() + 3_601))), "too far"),
        (signed(&no_exp), "no exp"),
        (jsonwebtoken::encode(&header(), &good("f"), &stranger()).unwrap(), "signature"),
        (hs256, "signature"),
        ("nonsense".to_owned(), "not a JWT"),
        (String::new(), "not a JWT"),
    ] {
        let (status, body) = hand.ask_with(&assertion, None).await;
        assert_eq!((status, &body["error"]), (401, &json!("invalid_client")), "{body}");
        assert!(body["error_description"].as_str().unwrap().contains(words), "{words}: {body}");
    }
    assert_eq!(hand.ask_with(&signed(&good("good")), None).await.0, 200);
    let (status, again) = hand.ask_with(&signed(&good("good")), None).await;
    assert_eq!((status, &again["error_description"]), (401, &json!("The client_assertion token has already been used.")));
}

#[tokio::test]
async fn a_form_that_is_wrong_in_one_thing_is_refused() {
    let hand = Hand::with(app_with(&p256())).await;
    let assertion = |id: &str| signed(&hand.claims(id));
    let (grant, kind) = (("grant_type", "client_credentials"), ("client_assertion_type", ASSERTION_TYPE));
    let scope = ("scope", "okta.groups.read");
    for (fields, expected) in [
        (vec![("grant_type", "password"), scope, kind, ("client_assertion", &assertion("1"))], "unsupported_grant_type"),
        (vec![grant, scope, ("client_assertion", &assertion("2"))], "invalid_client"),
        (vec![grant, kind, ("client_assertion", &assertion("3"))], "invalid_scope"),
        (vec![grant, ("scope", "okta.groups.manage"), kind, ("client_assertion", &assertion("4"))], "invalid_scope"),
    ] {
        assert_eq!(hand.ask(&fields, None).await.1["error"], expected);
    }
}

#[tokio::test]
async fn a_proof_that_is_wrong_in_one_thing_is_refused() {
    let hand = Hand::with(app_with(&p256()).with_dpop()).await;
    let good = |id: &str| hand.proof_claims(id);
    let plain = |header: &Header, id: &str| jsonwebtoken::encode(header, &good(id), &key()).unwrap();
    let mut no_key = proof_header(&key());
    no_key.jwk = None;
    let mut other_type = proof_header(&key());
    other_type.typ = Some("JWT".to_owned());
    for (number, (proof, words)) in [
        (signed_proof(&with(good("a"), "htm", json!("GET"))), "htm"),
        (signed_proof(&with(good("b"), "htu", json!(format!("{}?a=b", hand.token_url())))), "htu"),
        (signed_proof(&with(good("c"), "iat", json!(hand.now() - 301))), "iat"),
        (signed_proof(&with(good("d"), "iat", json!(hand.now() + 301))), "iat"),
        (signed_proof(&with(good("e"), "ath", json!("x"))), "ath"),
        (signed_proof(&good("")), "jti"),
        (jsonwebtoken::encode(&proof_header(&stranger()), &good("f"), &key()).unwrap(), "signature"),
        (plain(&no_key, "g"), "no jwk"),
        (plain(&other_type, "h"), "typ"),
        ("nonsense".to_owned(), "not a JWT"),
    ]
    .into_iter()
    .enumerate()
    {
        let (status, body) = hand.ask_with(&signed(&hand.claims(&format!("wrong {number}"))), Some(&proof)).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_dpop_proof")), "{body}");
        assert!(body["error_description"].as_str().unwrap().contains(words), "{words}: {body}");
    }
    let missing = hand.ask_with(&signed(&hand.claims("none")), None).await;
    let expected = json!({"error": "invalid_dpop_proof", "error_description": "The DPoP proof JWT header is missing."});
    assert_eq!(missing, (400, expected), "as recorded");
    hand.token("good", true).await;
    let (_, again) = hand.ask_with(&signed(&hand.claims("again")), Some(&signed_proof(&good("good")))).await;
    assert_eq!(again["error_description"], "The DPoP proof JWT has already been used.");
}

#[tokio::test]
async fn a_proof_needs_the_nonce_of_the_moment() {
    let hand = Hand::with(app_with(&p256()).with_dpop()).await;
    for (id, nonce) in [("a", json!(null)), ("b", json!("other"))] {
        let answer = hand.ask_with(&signed(&hand.claims(id)), Some(&signed_proof(&with(hand.proof_claims(id), "nonce", nonce)))).await;
        let words = "Authorization server requires nonce in DPoP proof.";
        let expected = json!({"error": "use_dpop_nonce", "error_description": words, "nonce": "sim-nonce-0"});
        assert_eq!(answer, (400, expected), "as recorded");
    }
    hand.stage.okta().rotate_dpop_nonce();
    let old = hand.ask_with(&signed(&hand.claims("c")), Some(&signed_proof(&hand.proof_claims("c")))).await;
    assert_eq!((&old.1["error"], &old.1["nonce"]), (&json!("use_dpop_nonce"), &json!("sim-nonce-1")));
}

#[tokio::test]
async fn a_bound_token_opens_nothing_without_a_proof_for_the_very_request() {
    let hand = Hand::with(app_with(&p256()).with_dpop()).await;
    let token = hand.token("t", true).await;
    let url = format!("{}/api/v1/groups", hand.stage.server.url());
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&token));
    let good = |id: &str| json!({"htm": "GET", "htu": url, "iat": hand.now(), "jti": id, "ath": hash});
    let dpop = format!("DPoP {token}");
    let by_other = |id: &str| {
        let other = stranger();
        jsonwebtoken::encode(&proof_header(&other), &good(id), &other).unwrap()
    };
    for (authorization, proof) in [
        (&dpop, None),
        (&format!("Bearer {token}"), Some(signed_proof(&good("a")))),
        (&format!("Bearer {token}"), None),
        (&"DPoP other".to_owned(), Some(signed_proof(&good("b")))),
        (&dpop, Some(signed_proof(&with(good("c"), "htu", json!(format!("{url}/00g1")))))),
        (&dpop, Some(signed_proof(&with(good("d"), "htu", json!(format!("{url}?limit=1")))))),
        (&dpop, Some(signed_proof(&with(good("e"), "htm", json!("POST"))))),
        (&dpop, Some(signed_proof(&with(good("f"), "ath", json!("x"))))),
        (&dpop, Some(signed_proof(&with(good("g"), "ath", json!(null))))),
        (&dpop, Some(by_other("h"))),
    ] {
        let (status, body) = hand.read("/api/v1/groups?limit=1", authorization, proof.as_deref()).await;
        assert_eq!((status, &body["errorCode"]), (401, &json!("E0000011")), "{authorization} {proof:?}");
    }
    let proof = signed_proof(&good("good"));
    assert_eq!(hand.read("/api/v1/groups?limit=1", &dpop, Some(&proof)).await.0, 200);
    assert_eq!(hand.read("/api/v1/groups?limit=1", &dpop, Some(&proof)).await.0, 401, "a proof is good for one request");
}

#[tokio::test]
async fn a_proof_may_write_the_address_in_another_encoding_as_oktas_own_python_client_does() {
    let hand = Hand::with(app_with(&p256()).with_dpop()).await;
    let token = hand.token("t", true).await;
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&token));
    for (id, path, status) in [("a", "a%40b", 404), ("b", "a@b", 404), ("c", "a%23b", 401)] {
        let url = format!("{}/api/v1/groups/{path}", hand.stage.server.url());
        let proof = signed_proof(&json!({"htm": "GET", "htu": url, "iat": hand.now(), "jti": id, "ath": hash}));
        assert_eq!(hand.read("/api/v1/groups/a@b", &format!("DPoP {token}"), Some(&proof)).await.0, status, "{path}");
    }
}

#[tokio::test]
async fn a_bearer_token_opens_what_its_scopes_say_until_it_ends() {
    let hand = Hand::with(app_with(&p256())).await;
    let bearer = format!("Bearer {}", hand.token("t", false).await);
    assert_eq!(hand.read("/api/v1/groups", &bearer, None).await.0, 200);
    let (status, body) = hand.read("/api/v1/users", &bearer, None).await;
    assert_eq!((status, &body["errorCode"]), (403, &json!("E0000006")));
    assert_eq!(hand.read("/api/v1/groups", &bearer.replace("Bearer", "DPoP"), None).await.0, 401);
    hand.stage.clock.advance(std::time::Duration::from_secs(3_599));
    assert_eq!(hand.read("/api/v1/groups", &bearer, None).await.0, 200);
    hand.stage.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(hand.read("/api/v1/groups", &bearer, None).await.0, 401);
}

#[test]
fn public_keys_are_read_from_pem_and_jwk() {
    let jwk = json!(Jwk::from_encoding_key(&key(), Algorithm::ES256).unwrap());
    assert!(PublicKey::from_jwk(&jwk).is_ok() && PublicKey::from_pem(&rsa().public).is_ok());
    assert!(PublicKey::from_jwk(&json!({"kty": "EC"})).is_err() && PublicKey::from_pem("none").is_err());
}
