//! The clients of AWS, and what all runs of a process share.

use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_config::{Region, SdkConfig};
use aws_sdk_identitystore::config::SharedCredentialsProvider;
use aws_sdk_identitystore::config::retry::RetryConfig;
use aws_sdk_identitystore::config::timeout::TimeoutConfig;
use engine::ports::TargetCalls;
use tokio::time::Instant;

use crate::call::Caller;
use crate::instance::Instances;
use crate::pace::Paces;

/// TCP sends a lost SYN again after one and after three seconds; a little more than that lets the second one count.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3100);

/// A page of a hundred takes well under a second, so what has taken ten is not coming. There is no time-out over all attempts: the
/// SDK makes only one, and the run's deadline bounds the rest.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// The name by which CloudTrail shows the assumed role's calls.
const SESSION_NAME: &str = "lockstep";

/// What the policy says about reaching Identity Center.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The region of Identity Center; empty means that of the `SdkConfig`.
    pub region: String,
    /// The role to act as; empty means the process's own.
    pub assume_role_arn: String,
    /// Calls a second for each API of the Identity Store. AWS allows 20.
    pub identity_store_tps: f64,
    /// Calls a second for all of sso-admin. AWS allows 20.
    pub sso_admin_tps: f64,
    /// Calls a second for each API of the SCIM endpoint. AWS allows 25 writes and 40 reads.
    pub scim_tps: f64,
}

impl Default for Settings {
    /// The policy's own defaults.
    fn default() -> Self {
        Self { region: String::new(), assume_role_arn: String::new(), identity_store_tps: 19.0, sso_admin_tps: 19.0, scim_tps: 19.0 }
    }
}

/// Clients, pacers and counts. Made once for a process: a second one would not know what the first one sends.
#[derive(Debug, Clone)]
pub struct Connection {
    pub(crate) identity_store: aws_sdk_identitystore::Client,
    pub(crate) sso_admin: aws_sdk_ssoadmin::Client,
    pub(crate) organizations: aws_sdk_organizations::Client,
    pub(crate) instances: Instances,
    pub(crate) caller: Caller,
}

impl Connection {
    /// Makes the clients; nothing is sent yet. With a role to assume, `config` must have been loaded by `aws-config`, whose time
    /// source the credentials need.
    pub async fn new(config: &SdkConfig, settings: &Settings) -> Self {
        let config = configured(config, settings).await;
        let store = aws_sdk_identitystore::config::Builder::from(&config);
        let admin = aws_sdk_ssoadmin::config::Builder::from(&config);
        let organizations = aws_sdk_organizations::config::Builder::from(&config);
        Self {
            identity_store: aws_sdk_identitystore::Client::from_conf(store.build()),
            sso_admin: aws_sdk_ssoadmin::Client::from_conf(admin.build()),
            organizations: aws_sdk_organizations::Client::from_conf(organizations.build()),
            instances: Instances::default(),
            caller: Caller::new(Paces::new(settings.identity_store_tps, settings.sso_admin_tps, settings.scim_tps)),
        }
    }

    /// The same connection for a run that must end at `deadline`; see [`crate::IdentityCenter::until`].
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self { caller: self.caller.until(deadline), ..self.clone() }
    }

    /// Requests sent so far by this connection and all that came from it, repeated ones included.
    pub fn calls(&self) -> TargetCalls {
        self.caller.calls()
    }
}

/// The configuration with which [`Connection`] reaches AWS, for what is called beside it.
///
/// The SDK's own retries are off: every attempt has to pass the pacer, and the SDK knows nothing of it. Under a limit of twenty a
/// second its standard retry was measured to lose 22 of 200 calls, and its adaptive one to use half of the limit.
pub async fn configured(config: &SdkConfig, settings: &Settings) -> SdkConfig {
    let mut builder = config.to_builder();
    if !settings.region.is_empty() {
        builder = builder.region(Region::new(settings.region.clone()));
    }
    let config = builder.build();
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    let mut builder = config.to_builder().retry_config(RetryConfig::disabled()).timeout_config(timeouts);
    if !settings.assume_role_arn.is_empty() {
        // STS is called with the configuration as it came: it is under none of our limits, and may use the SDK's retries.
        let role = AssumeRoleProvider::builder(&settings.assume_role_arn).session_name(SESSION_NAME).configure(&config).build().await;
        builder = builder.credentials_provider(SharedCredentialsProvider::new(role));
    }
    builder.build()
}
