//! From configuration to an engine: the policy, the Okta client, Identity Center and the ledger, made once for a process and bound
//! to a deadline for each invocation.

mod credentials;
mod deadline;
mod relay;
mod scim_credentials;
mod vitals;

use std::path::PathBuf;
use std::sync::Arc;

use aws_config::SdkConfig;
use engine::Engine;
use engine::directory::Directory;
use engine::ledger::Ledger;
use identity_center::scim::ScimClient;
use identity_center::{Connection, IdentityCenter, Location, Locator, UserDetails};
use jiff::Timestamp;
use ledger::DynamoTable;
use okta::auth::CredentialProvider;
use okta::{OktaClient, OktaConfig};
use runtime::clock::SystemClock;
use runtime::config::RunConfig;
use runtime::metrics::Metric;
use runtime::policy_file::{self, PolicyFileError};
use runtime::secrets::{SecretStore, SecretsManager};
use sync_core::error::{SourceError, TargetError};
use sync_core::policy::{Policy, PolicyError, Transport};
use tokio::sync::Mutex;
use tokio::time::Instant;

pub use credentials::OktaCredentials;
pub use deadline::{closing, deadline, run_id};
pub use relay::{Rest, end_chain, hand_over};
pub use scim_credentials::ScimCredentials;
pub use vitals::vitals;

/// The engine over the real Okta, Identity Center and table.
pub type LiveEngine = Engine<OktaClient, IdentityCenter, DynamoTable, SystemClock>;

/// What an engine is made of, whoever runs it.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The policy file.
    pub policy_path: PathBuf,
    /// The ledger's table.
    pub table: String,
    /// Name or ARN of the Okta credential.
    pub okta_secret: String,
    /// Name or ARN of the SCIM endpoint and token, where there is one.
    pub scim_secret: Option<String>,
}

impl From<RunConfig> for Parts {
    fn from(config: RunConfig) -> Self {
        let RunConfig { policy_path, table, okta_secret, scim_secret, .. } = config;
        Self { policy_path, table, okta_secret, scim_secret }
    }
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// The policy file has no text.
    #[error("the policy cannot be read")]
    PolicyFile(#[source] PolicyFileError),
    /// The policy is wrong.
    #[error("the policy cannot be used")]
    Policy(#[source] PolicyError),
    /// The Okta credential cannot be read.
    #[error("the Okta credential cannot be read")]
    Credential(#[source] SourceError),
    /// The Okta client cannot start.
    #[error("the Okta client cannot start")]
    Okta(#[source] okta::ConfigError),
    /// The policy writes over SCIM, and nobody says where and with which token.
    #[error(
        "the policy has writes.transport = \"scim\", which needs LOCKSTEP_SCIM_SECRET: the Secrets Manager id of the endpoint and token"
    )]
    NoScimSecret,
    /// The SCIM endpoint and token cannot be read.
    #[error("the SCIM endpoint and token cannot be read")]
    ScimCredential(#[source] TargetError),
    /// The SCIM client cannot start.
    #[error("the SCIM client cannot start")]
    Scim(#[source] TargetError),
    /// Identity Center was not found.
    #[error("Identity Center was not found")]
    Locate(#[source] TargetError),
}

/// Makes engines. What can be kept is kept between invocations: connections, pacers, rate limits, the credential, what is known of the
/// directory. The policy is read every time, and everything begins anew when it changed.
pub struct Assembler {
    parts: Parts,
    aws: SdkConfig,
    secrets: Arc<SecretStore<SecretsManager>>,
    scim: Option<Arc<ScimCredentials>>,
    assembled: Mutex<Option<Assembled>>,
}

#[derive(Clone)]
struct Assembled {
    text: String,
    policy: Arc<Policy>,
    okta: OktaClient,
    credentials: Arc<OktaCredentials>,
    connection: Connection,
    location: Option<Location>,
    directory: Arc<Directory>,
}

impl Assembler {
    /// Nothing is read or sent yet.
    pub fn new(parts: Parts, aws: SdkConfig) -> Self {
        let secrets = Arc::new(SecretStore::new(SecretsManager::new(&aws)));
        let scim = parts.scim_secret.clone().map(|id| Arc::new(ScimCredentials::new(Arc::clone(&secrets), id)));
        Self { parts, aws, secrets, scim, assembled: Mutex::new(None) }
    }

    /// The SCIM credential, where there is a secret for one.
    pub fn scim_credentials(&self) -> Option<Arc<ScimCredentials>> {
        self.scim.clone()
    }

    /// What every invocation says about the whole: the ledger's signs of life, and the SCIM token's days to expiry where there is one.
    pub async fn vitals(&self, now: Timestamp) -> Vec<Metric> {
        let mut metrics = vitals(&self.ledger(), now).await;
        if let Some(scim) = &self.scim {
            metrics.extend(scim.days_to_expiry(now).await);
        }
        metrics
    }

    /// The ledger, which needs nothing else.
    pub fn ledger(&self) -> Ledger<DynamoTable> {
        Ledger::new(DynamoTable::new(&self.aws, &self.parts.table))
    }

    /// An engine whose calls end at `deadline`. The credentials are looked at first, so that one that cannot be read is said as such.
    ///
    /// # Errors
    /// [`AssemblyError`] names what is wrong, and where.
    pub async fn engine(&self, deadline: Instant) -> Result<LiveEngine, AssemblyError> {
        let mut slot = self.assembled.lock().await;
        let mut assembled = self.assembled(slot.take()).await?;
        self.check_scim(&assembled.policy).await?;
        let location = match assembled.location.take() {
            Some(location) => location,
            None => locate(&assembled, deadline).await?,
        };
        let engine = Engine {
            source: assembled.okta.until(deadline),
            target: self.target(&assembled, &location)?.until(deadline),
            ledger: self.ledger(),
            clock: SystemClock,
            policy: Arc::clone(&assembled.policy),
            directory: Arc::clone(&assembled.directory),
            deadline,
        };
        assembled.location = Some(location);
        *slot = Some(assembled);
        Ok(engine)
    }

    /// Whether the SCIM endpoint and token can be read, where the policy writes over SCIM.
    async fn check_scim(&self, policy: &Policy) -> Result<(), AssemblyError> {
        match (policy.transport, &self.scim) {
            (Transport::IdentityStore, _) => Ok(()),
            (Transport::Scim, None) => Err(AssemblyError::NoScimSecret),
            (Transport::Scim, Some(credentials)) => credentials.check().await.map_err(AssemblyError::ScimCredential),
        }
    }

    /// Identity Center, read and written to as the policy says.
    fn target(&self, assembled: &Assembled, location: &Location) -> Result<IdentityCenter, AssemblyError> {
        let details = match &assembled.policy.users.managed {
            None => UserDetails::None,
            Some(managed) if managed.reads_enterprise() => UserDetails::WithEnterprise,
            Some(_) => UserDetails::Plain,
        };
        let target = IdentityCenter::new(&assembled.connection, location).with_user_details(details);
        match assembled.policy.transport {
            Transport::IdentityStore => Ok(target),
            Transport::Scim => {
                let credentials = self.scim.clone().ok_or(AssemblyError::NoScimSecret)?;
                Ok(target.over_scim(ScimClient::new(&assembled.connection, credentials).map_err(AssemblyError::Scim)?))
            }
        }
    }

    /// The policy, and Okta alone, whose calls end at `deadline`: for who asks nothing of AWS but the credential.
    ///
    /// # Errors
    /// [`AssemblyError`] names what is wrong, and where.
    pub async fn source(&self, deadline: Instant) -> Result<(Arc<Policy>, OktaClient), AssemblyError> {
        let mut slot = self.assembled.lock().await;
        let assembled = self.assembled(slot.take()).await?;
        let source = (Arc::clone(&assembled.policy), assembled.okta.until(deadline));
        *slot = Some(assembled);
        Ok(source)
    }

    /// What is kept, if the policy is the same as then; else all of it anew.
    async fn assembled(&self, kept: Option<Assembled>) -> Result<Assembled, AssemblyError> {
        let text = policy_file::read(&self.parts.policy_path).map_err(AssemblyError::PolicyFile)?;
        let assembled = match kept.filter(|kept| kept.text == text) {
            Some(kept) => kept,
            None => self.assemble(text).await?,
        };
        assembled.credentials.check().await.map_err(AssemblyError::Credential)?;
        Ok(assembled)
    }

    async fn assemble(&self, text: String) -> Result<Assembled, AssemblyError> {
        let policy = Arc::new(Policy::parse(&text).map_err(AssemblyError::Policy)?);
        let config = OktaConfig::new(&policy.okta.org_url, policy.users.user_name_from.clone())
            .and_then(|config| config.with_rate_share(policy.limits.okta_rate_share))
            .map_err(AssemblyError::Okta)?
            .with_profile_attributes(policy.users.profile_attributes());
        let (secrets, secret, reads_apps) = (Arc::clone(&self.secrets), self.parts.okta_secret.clone(), policy.groups.app_id.is_some());
        let credentials = Arc::new(OktaCredentials::new(secrets, secret, config.clone(), reads_apps));
        let okta = OktaClient::new(&config, Arc::clone(&credentials) as Arc<dyn CredentialProvider>).map_err(AssemblyError::Okta)?;
        let settings = identity_center::Settings {
            region: policy.identity_center.region.clone(),
            assume_role_arn: policy.identity_center.assume_role_arn.clone(),
            identity_store_tps: policy.limits.identity_store_tps,
            sso_admin_tps: policy.limits.sso_admin_tps,
            scim_tps: policy.limits.scim_tps,
        };
        let connection = Connection::new(&self.aws, &settings).await;
        Ok(Assembled { text, policy, okta, credentials, connection, location: None, directory: Arc::default() })
    }
}

async fn locate(assembled: &Assembled, deadline: Instant) -> Result<Location, AssemblyError> {
    let place = &assembled.policy.identity_center;
    let locator = Locator { instance_arn: place.instance_arn.clone(), identity_store_id: place.identity_store_id.clone() };
    locator.locate(&assembled.connection.until(deadline)).await.map_err(AssemblyError::Locate)
}
