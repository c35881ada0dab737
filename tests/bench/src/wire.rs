//! The real client of Identity Center on a simulated one without a connection in between, so that both run on tokio's paused clock.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_identitystore::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use axum::body::Bytes;
use identity_center::{Connection, IdentityCenter, Locator, Settings};
use sim::identity_center::FakeIdentityCenter;

#[derive(Debug)]
struct Wire(FakeIdentityCenter);

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::other(error.into(), None))?;
            let (parts, body) = request.into_parts();
            let body = Bytes::copy_from_slice(body.bytes().unwrap_or_default());
            let answer = sim::http::call_aws(&aws, parts.headers, body).await;
            let answer = answer.ok_or_else(|| ConnectorError::io("the connection broke".into()))?;
            HttpResponse::try_from(answer.map(Into::into)).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

/// A client with these limits.
pub(crate) async fn client(aws: &FakeIdentityCenter, limits: Settings) -> IdentityCenter {
    let wire = SharedHttpConnector::new(Wire(aws.clone()));
    let http: SharedHttpClient = http_client_fn(move |_, _| wire.clone());
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url("http://identity-center.invalid")
        .http_client(http)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("AKIASIM", "sim", None, None, "sim")))
        .build();
    let connection = Connection::new(&config, &limits).await;
    let location = Locator::default().locate(&connection).await.unwrap_or_else(|error| unreachable!("the simulator is there: {error}"));
    aws.clear_log();
    IdentityCenter::new(&connection, &location)
}
