//! Secrets that cannot be read, over the real AWS SDK against a server on the loopback address.
#![expect(clippy::unwrap_used, reason = "a failure here is the failure of a test")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use assembly::{Assembler, AssemblyError, Parts};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
use runtime::telemetry::error_chain;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

/// An AWS whose Secrets Manager has the Okta credential, and `scim` under the SCIM endpoint's id; and the operations that it was asked for.
async fn aws(scim: Option<&'static str>) -> (SdkConfig, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let sink = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                socket.read_buf(&mut request).await.unwrap();
            }
            let text = String::from_utf8_lossy(&request).into_owned();
            let operation = text.lines().find_map(|line| line.strip_prefix("x-amz-target: ")).unwrap_or_default().to_owned();
            sink.lock().unwrap().push(operation);
            let held = if text.contains("lockstep/okta") { Some(r#"{"api_token":"00token"}"#) } else { scim };
            let (status, body) = match held {
                Some(secret) => (200, json!({ "SecretString": secret })),
                None => (400, json!({ "__type": "ResourceNotFoundException" })),
            };
            let body = body.to_string();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    });
    let credentials = SharedCredentialsProvider::new(Credentials::new("AKIATEST", "not-a-secret", None, None, "test"));
    let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::from_static("eu-central-1"));
    (config.credentials_provider(credentials).endpoint_url(url).build(), asked)
}

#[tokio::test]
async fn a_scim_secret_that_cannot_be_read_is_said_before_anything_else_is_asked() {
    let policy_path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("scim-policy.toml");
    let policy = "[okta]\norg_url = \"https://acme.okta.com\"\n[groups]\nmatch = ['^AWS-']\n[writes]\ntransport = \"scim\"\n";
    std::fs::write(&policy_path, policy).unwrap();
    for (secret, expected) in [(None, "there is no secret lockstep/scim"), (Some("hunter2"), "it is not JSON")] {
        let (config, asked) = aws(secret).await;
        let parts = Parts {
            policy_path: policy_path.clone(),
            table: "ledger".to_owned(),
            okta_secret: "lockstep/okta".to_owned(),
            scim_secret: Some("lockstep/scim".to_owned()),
        };
        let refused = Assembler::new(parts, config).engine(Instant::now() + Duration::from_secs(60)).await.err().unwrap();
        assert!(matches!(refused, AssemblyError::ScimCredential(_)), "{refused:?}");
        let chain = error_chain(&refused);
        assert!(chain.contains(expected) && !chain.contains("hunter2"), "{chain}");
        assert!(asked.lock().unwrap().iter().all(|operation| operation == "secretsmanager.GetSecretValue"), "{asked:?}");
    }
}
