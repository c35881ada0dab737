//! Facts about OAuth: keys, access tokens, proofs of possession, refusals.

mod dpop;
mod hidden;
mod keys;
mod refusals;

mod tokens;

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use engine::ports::Clock;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use super::*;
use crate::oauth::{AccessTokens, ServiceApp};

const CLIENT_ID: &str = "0oaCLIENT";
const KEY_ID: &str = "kid-1";
const ACCESS_TOKEN: &str = "eyJhIjoxfQ.ACCESS-token.sig";

static RSA: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
static P256: LazyLock<EcdsaKeyPair> = LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap());

fn pem(label: &str, der: &[u8]) -> String {
    let lines: Vec<String> = STANDARD.encode(der).as_bytes().chunks(64).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn rsa_pem() -> String {
    let der: Pkcs8V1Der<'_> = RSA.as_der().unwrap();
    pem("PRIVATE KEY", der.as_ref())
}

fn p256_pem() -> String {
    pem("PRIVATE KEY", P256.to_pkcs8v1().unwrap().as_ref())
}

fn rsa_public() -> (DecodingKey, Algorithm) {
    let der: PublicKeyX509Der<'_> = RSA.public_key().as_der().unwrap();
    (DecodingKey::from_rsa_pem(pem("PUBLIC KEY", der.as_ref()).as_bytes()).unwrap(), Algorithm::RS256)
}

fn p256_public() -> (DecodingKey, Algorithm) {
    (DecodingKey::from_ec_der(P256.public_key().as_ref()), Algorithm::ES256)
}

fn app(private_key: &str) -> ServiceApp {
    ServiceApp { client_id: CLIENT_ID.to_owned(), private_key: private_key.into(), key_id: KEY_ID.to_owned(), reads_apps: false }
}

/// tokio's clock on some day, so that a test which has paused it owns this one too.
struct TestClock(Instant);

impl TestClock {
    const START: i64 = 1_800_000_000;

    fn start() -> Arc<Self> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(Self::START).unwrap() + SignedDuration::try_from(self.0.elapsed()).unwrap()
    }
}

fn tokens_of(org: &Arc<Org>, app: &ServiceApp) -> Arc<AccessTokens> {
    Arc::new(AccessTokens::over(Arc::clone(org) as Arc<dyn TokenExchange>, &config(), app, TestClock::start()).unwrap())
}

/// A client of this org as an app with a key on P-256.
fn client_of(org: &Arc<Org>) -> OktaClient {
    org.client_with(&config(), tokens_of(org, &app(&p256_pem())))
}

fn is_token_call(seen: &Seen) -> bool {
    seen.url.path() == "/oauth2/v1/token"
}

/// What was sent to the token endpoint.
fn token_calls(org: &Org) -> Vec<Seen> {
    org.seen().into_iter().filter(is_token_call).collect()
}

/// What was read.
fn reads(org: &Org) -> Vec<Seen> {
    org.seen().into_iter().filter(|seen| !is_token_call(seen)).collect()
}

fn token(kind: &str) -> Result<Answer, NoAnswer> {
    ok(&json!({ "token_type": kind, "expires_in": 3600, "access_token": ACCESS_TOKEN, "scope": "okta.groups.read okta.users.read" }))
}

/// A refusal in OAuth's form.
fn refused(status: u16, code: &str) -> Result<Answer, NoAnswer> {
    refused_with(status, code, &[])
}

fn refused_with(status: u16, code: &str, headers: &[(&str, &str)]) -> Result<Answer, NoAnswer> {
    Ok(answer(status, &json!({ "error": code, "error_description": "Okta's words" }).to_string(), headers))
}

/// An org whose token endpoint gives these answers in turn, and the last one for ever, and whose every list is empty.
fn org_with_tokens(answers: Vec<Result<Answer, NoAnswer>>) -> Arc<Org> {
    let n_asked = AtomicUsize::new(0);
    Org::answering(move |seen| {
        if is_token_call(seen) { answers[n_asked.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1)].clone() } else { ok(&json!([])) }
    })
}

/// Header and claims, whoever has signed them.
fn parts(jwt: &str) -> (Value, Value) {
    let mut parts = jwt.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut json = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (json(), json())
}

/// Header and claims, if this key has signed them.
fn verified(jwt: &str, (key, algorithm): &(DecodingKey, Algorithm)) -> (Value, Value) {
    let mut validation = Validation::new(*algorithm);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    jsonwebtoken::decode::<Value>(jwt, key, &validation).expect("the signature is good");
    parts(jwt)
}

fn sec1_pem() -> String {
    let der: EcPrivateKeyRfc5915Der<'_> = P256.private_key().as_der().unwrap();
    pem("EC PRIVATE KEY", der.as_ref())
}
