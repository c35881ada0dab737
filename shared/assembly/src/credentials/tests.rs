use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use serde_json::json;
use sync_core::policy::UserNameFrom;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const ID: &str = "lockstep/okta";

/// A secret whose text can be changed, and which counts how often it is read.
struct Secret {
    text: StdMutex<String>,
    n_read: AtomicUsize,
}

impl Secret {
    fn holding(text: &str) -> &'static Self {
        Box::leak(Box::new(Self { text: StdMutex::new(text.to_owned()), n_read: AtomicUsize::new(0) }))
    }

    fn now_holds(&self, text: &str) {
        text.clone_into(&mut self.text.lock().unwrap());
    }

    fn n_read(&self) -> usize {
        self.n_read.load(Ordering::SeqCst)
    }
}

impl SecretSource for &'static Secret {
    async fn fetch(&self, _: &str) -> Result<SecretString, SecretError> {
        self.n_read.fetch_add(1, Ordering::SeqCst);
        Ok(self.text.lock().unwrap().clone().into())
    }
}

/// An org whose token endpoint gives these answers in turn, the last one for ever, and what it was asked.
async fn org(answers: Vec<(u16, serde_json::Value)>) -> (Url, Arc<StdMutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let asked: Arc<StdMutex<Vec<String>>> = Arc::default();
    let sink = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !String::from_utf8_lossy(&request).contains("client_assertion=") {
                socket.read_buf(&mut request).await.unwrap();
            }
            let number = sink.lock().unwrap().len();
            sink.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
            let (status, body) = &answers[number.min(answers.len() - 1)];
            let body = body.to_string();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    });
    (url, asked)
}

fn refused() -> (u16, serde_json::Value) {
    (401, json!({ "error": "invalid_client" }))
}

fn given() -> (u16, serde_json::Value) {
    (200, json!({ "token_type": "Bearer", "access_token": "a", "expires_in": 3600 }))
}

fn key_secret(key_id: &str) -> String {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(key.as_ref()));
    json!({ "client_id": "0oa1", "private_key": pem, "key_id": key_id }).to_string()
}

fn credentials(secret: &'static Secret, url: &Url, reads_apps: bool) -> OktaCredentials<&'static Secret> {
    let config = OktaConfig::new(url, UserNameFrom::Login).unwrap();
    OktaCredentials::new(Arc::new(SecretStore::new(secret)), ID.to_owned(), config, reads_apps)
}

#[tokio::test]
async fn an_api_token_is_sent_without_asking_okta_and_read_again_when_refused() {
    let (url, asked) = org(vec![given()]).await;
    let secret = Secret::holding(r#"{"api_token":"00token"}"#);
    let credentials = credentials(secret, &url, false);
    credentials.check().await.unwrap();
    credentials.authorize("GET", &url).await.unwrap();
    assert_eq!(secret.n_read(), 1, "from memory");
    credentials.refresh().await.unwrap();
    assert_eq!((secret.n_read(), asked.lock().unwrap().len()), (2, 0));
}

#[tokio::test]
async fn a_secret_that_was_corrected_is_used_at_once() {
    let (url, _) = org(vec![given()]).await;
    let secret = Secret::holding("no JSON");
    let credentials = credentials(secret, &url, false);
    assert!(credentials.check().await.unwrap_err().detail.contains("it is not JSON"));
    secret.now_holds(r#"{"api_token":"00token"}"#);
    credentials.check().await.unwrap();
}

#[tokio::test]
async fn a_key_gives_one_access_token_for_as_long_as_the_secret_stays_the_same() {
    let (url, asked) = org(vec![given()]).await;
    let secret = Secret::holding(&key_secret("k1"));
    let credentials = credentials(secret, &url, true);
    credentials.check().await.unwrap();
    assert_eq!(asked.lock().unwrap().len(), 0, "checking asks nothing of Okta");
    for _ in 0..3 {
        credentials.authorize("GET", &url).await.unwrap();
    }
    assert_eq!((secret.n_read(), asked.lock().unwrap().len()), (1, 1));
    assert!(asked.lock().unwrap()[0].contains("scope=okta.groups.read+okta.users.read+okta.apps.read"));
    credentials.refresh().await.unwrap();
    credentials.authorize("GET", &url).await.unwrap();
    assert_eq!((secret.n_read(), asked.lock().unwrap().len()), (2, 2));
}

#[tokio::test]
async fn s32_a_key_that_was_rotated_is_found_when_the_old_one_is_refused() {
    let (url, asked) = org(vec![refused(), given()]).await;
    let secret = Secret::holding(&key_secret("k1"));
    let credentials = credentials(secret, &url, false);
    credentials.check().await.unwrap();
    secret.now_holds(&key_secret("k2"));
    credentials.authorize("GET", &url).await.unwrap();
    assert_eq!((secret.n_read(), asked.lock().unwrap().len()), (2, 2));
}

#[tokio::test]
async fn for_one_refusal_the_secret_is_read_once() {
    let (url, asked) = org(vec![refused()]).await;
    let secret = Secret::holding(&key_secret("k1"));
    let credentials = credentials(secret, &url, false);
    for result in join_all((0..30).map(|_| credentials.authorize("GET", &url))).await {
        assert_eq!(result.unwrap_err().kind, SourceErrorKind::Unauthorized);
    }
    assert_eq!((secret.n_read(), asked.lock().unwrap().len()), (2, 1));
}

#[tokio::test]
async fn s54_a_key_that_cannot_be_used_is_said_with_the_secrets_name_and_no_part_of_it() {
    let (url, asked) = org(vec![given()]).await;
    let secret = Secret::holding(r#"{"client_id":"0oa1","private_key":"hunter2hunter2","key_id":"k1"}"#);
    let error = credentials(secret, &url, false).check().await.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str(), asked.lock().unwrap().len()), (SourceErrorKind::Unauthorized, OPERATION, 0));
    assert!(error.detail.starts_with("the secret lockstep/okta is not as it should be: the private key of the Okta app"), "{error}");
    assert!(error.detail.contains("accepted are RSA keys") && !error.detail.contains("hunter2"), "{error}");
}
