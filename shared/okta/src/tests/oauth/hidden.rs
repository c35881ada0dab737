//! What of all this never reaches an error or the log, whatever Okta answers.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use engine::ports::ReadSource;
use serde_json::json;
use tokio::net::TcpListener;

use super::*;
use crate::tests::secrets::{begin_log, log_text};

/// Every secret that was sent: what was signed, and the token.
fn sent(org: &Org) -> Vec<String> {
    let assertions = token_calls(org).iter().map(|seen| seen.field("client_assertion")).collect::<Vec<_>>();
    let proofs = org.seen().iter().filter_map(|seen| seen.header("dpop").map(str::to_owned)).collect::<Vec<_>>();
    [assertions, proofs, vec![ACCESS_TOKEN.to_owned()]].concat()
}

fn assert_secret(secrets: &[String], shown: &str) {
    for secret in secrets {
        assert!(!shown.contains(secret), "{secret} in {shown}");
        // A part of it would be as bad: the signature, or the beginning.
        let signature = secret.rsplit('.').next().unwrap();
        assert!(signature.len() < 10 || !shown.contains(signature), "{signature} in {shown}");
        assert!(!shown.contains(&secret[..20]), "the beginning of {secret} in {shown}");
    }
    for line in [rsa_pem(), p256_pem()].iter().flat_map(|pem| pem.lines()).filter(|line| line.len() > 20 && !line.starts_with("--")) {
        assert!(!shown.contains(line), "a line of a key in {shown}");
    }
}

/// A token endpoint that repeats what it was sent, as no one should.
fn echo(seen: &Seen) -> Result<Answer, NoAnswer> {
    let words = format!("{} {}", seen.field("client_assertion"), seen.header("dpop").unwrap_or_default());
    Ok(answer(400, &json!({ "error": "invalid_dpop_proof", "error_description": words }).to_string(), &[("set-cookie", "sid=COOKIE")]))
}

#[tokio::test(start_paused = true)]
async fn s54_nothing_that_is_signed_or_given_is_in_an_error_or_in_the_log() {
    begin_log();
    let mut shown = String::new();
    let mut secrets = vec!["sid=COOKIE-but-long-enough".to_owned()];
    for key in [rsa_pem(), p256_pem()] {
        let org = Org::answering(echo);
        let client = org.client_with(&config(), tokens_of(&org, &app(&key)));
        let error = client.list_groups(None).await.unwrap_err();
        shown.push_str(&format!("{error} {error:?} {client:?}\n"));
        secrets.extend(sent(&org));
    }
    for answers in [
        vec![refused(400, "invalid_dpop_proof"), token("DPoP")],
        vec![token("DPoP")],
        vec![Ok(answer(200, &format!("{{\"access_token\":\"{ACCESS_TOKEN}\",\"token_type\":\"odd\"}}"), &[]))],
        vec![Ok(answer(200, &format!("{{\"access_token\":\"{ACCESS_TOKEN}\""), &[]))],
    ] {
        let org = org_with_tokens(answers);
        let tokens = tokens_of(&org, &app(&rsa_pem()));
        let result = tokens.authorize("GET", &Url::parse(ORG).unwrap()).await;
        shown.push_str(&format!("{result:?} {tokens:?}\n"));
        secrets.extend(sent(&org));
    }
    let log = log_text();
    assert!(log.contains("POST /oauth2/v1/token") && log.contains("status=400"), "{log}");
    assert!(secrets.len() > 10 && shown.contains("invalid_dpop_proof"), "{shown}");
    assert_secret(&secrets, &shown);
    assert_secret(&secrets, &log);
}

/// A token endpoint that demands a proof, and an org without groups; what is secret is put aside.
async fn answered(State(seen): State<Arc<Mutex<Vec<String>>>>, request: Request) -> (StatusCode, axum::Json<Value>) {
    let header = |headers: &HeaderMap, name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let (proof, authorization) = (header(request.headers(), "dpop"), header(request.headers(), "authorization"));
    seen.lock().unwrap().extend(proof.clone().into_iter().chain(authorization));
    if request.uri().path() != "/oauth2/v1/token" {
        return (StatusCode::OK, axum::Json(json!([])));
    }
    let form = axum::body::to_bytes(request.into_body(), 100_000).await.unwrap();
    let assertion = url::form_urlencoded::parse(&form).find(|(name, _)| name == "client_assertion").unwrap().1.into_owned();
    seen.lock().unwrap().push(assertion);
    match proof {
        None => (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": "invalid_dpop_proof" }))),
        Some(_) => (StatusCode::OK, axum::Json(json!({ "token_type": "DPoP", "access_token": ACCESS_TOKEN, "expires_in": 3600 }))),
    }
}

/// Over a socket, with everything that the HTTP client says at the most talkative level.
#[tokio::test]
async fn s54_the_http_client_logs_no_secret_either() {
    begin_log();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let router = Router::new().fallback(answered).with_state(Arc::clone(&seen));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, router.into_make_service()).await });
    let config = OktaConfig::new(&url, UserNameFrom::Login).unwrap();
    let tokens = AccessTokens::new(&config, &app(&rsa_pem()), TestClock::start()).unwrap();
    let client = OktaClient::new(&config, Arc::new(tokens)).unwrap();
    client.list_groups(None).await.unwrap();
    let secrets = seen.lock().unwrap().clone();
    assert_eq!(secrets.len(), 5, "two assertions, two proofs, and the token");
    let log = log_text();
    assert!(log.contains("TRACE") && log.contains("hyper"), "the test sees what the HTTP client logs: {log}");
    assert_secret(&secrets, &log);
    assert_secret(&[ACCESS_TOKEN.to_owned()], &log);
}
