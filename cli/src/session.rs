//! What commands are wired with: settings out of options and environment, and from them an engine with the operator's credentials.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use assembly::{Assembler, Parts};
use aws_config::SdkConfig;
use engine::Engine;
use engine::ledger::Ledger;
use identity_center::IdentityCenter;
use jiff::Timestamp;
use ledger::DynamoTable;
use okta::OktaClient;
use runtime::aws::{Patience, sdk_config};
use runtime::change_events::ChangeEvents;
use runtime::clock::SystemClock;
use runtime::config;
use runtime::policy_file;
use sync_core::policy::Policy;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::log::Progress;
use crate::table::LedgerTable;

/// Where the policy is looked for on a person's machine.
pub const DEFAULT_POLICY_PATH: &str = "policy.toml";

/// The longest that one run lasts, here as in the functions: what other runs touched is remembered a little longer than that.
pub const LONGEST_RUN: Duration = Duration::from_secs(885);

/// The name of a table that is not there.
const NO_TABLE: &str = "none";

/// What options and environment say. An option goes before its variable, and an empty variable counts as none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The policy file.
    pub policy_path: PathBuf,
    /// The ledger's table.
    pub table: Option<String>,
    /// Name or ARN of the Okta credential.
    pub okta_secret: Option<String>,
    /// Name or ARN of the SCIM endpoint and token.
    pub scim_secret: Option<String>,
    /// Name or ARN of the EventBridge bus that every change is put on.
    pub event_bus: Option<String>,
}

impl Settings {
    /// Reads what options leave open through `lookup`.
    pub fn of(global: &GlobalArgs, lookup: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| lookup(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        Self {
            policy_path: global
                .policy
                .clone()
                .or_else(|| variable("LOCKSTEP_POLICY").map(PathBuf::from))
                .unwrap_or_else(|| DEFAULT_POLICY_PATH.into()),
            table: global.table.clone().or_else(|| variable("LOCKSTEP_TABLE")),
            okta_secret: global.okta_secret.clone().or_else(|| variable("LOCKSTEP_OKTA_SECRET")),
            scim_secret: variable("LOCKSTEP_SCIM_SECRET"),
            event_bus: variable("LOCKSTEP_EVENT_BUS"),
        }
    }

    /// The Okta credential.
    ///
    /// # Errors
    /// [`CliError::Missing`] where neither option nor variable gives it.
    pub fn okta_secret(&self) -> Result<String, CliError> {
        let (option, holds) = ("--okta-secret (LOCKSTEP_OKTA_SECRET)", "the Secrets Manager name or ARN of the Okta credential");
        self.okta_secret.clone().ok_or(CliError::Missing { option, holds })
    }

    /// The ledger's table.
    ///
    /// # Errors
    /// [`CliError::Missing`] where neither option nor variable gives it.
    pub fn table(&self) -> Result<String, CliError> {
        let (option, holds) = ("--table (LOCKSTEP_TABLE)", "the name of the DynamoDB table that is the ledger");
        self.table.clone().ok_or(CliError::Missing { option, holds })
    }
}

/// The engine of a command.
pub(crate) type CliEngine = Engine<OktaClient, IdentityCenter, LedgerTable, SystemClock>;

/// One invocation of the command line. Nothing is read or sent before a command asks for it.
pub struct Session {
    settings: Settings,
    aws: OnceCell<SdkConfig>,
    assembler: OnceCell<Assembler>,
    progress: Arc<Progress>,
}

impl Session {
    /// A session with these options and the environment of the process.
    pub(crate) fn new(global: &GlobalArgs, progress: Arc<Progress>) -> Self {
        Self { settings: Settings::of(global, config::from_env()), aws: OnceCell::new(), assembler: OnceCell::new(), progress }
    }

    /// What options and environment say.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The policy file.
    pub fn policy_path(&self) -> &Path {
        &self.settings.policy_path
    }

    /// The policy, read and checked.
    ///
    /// # Errors
    /// [`CliError`] names the file and what is wrong in it.
    pub fn policy(&self) -> Result<Arc<Policy>, CliError> {
        let text = policy_file::read(self.policy_path()).map_err(assembly::AssemblyError::PolicyFile)?;
        Ok(Arc::new(Policy::parse(&text).map_err(assembly::AssemblyError::Policy)?))
    }

    /// Region, credentials and endpoints as every AWS SDK finds them.
    pub async fn aws(&self) -> &SdkConfig {
        self.aws.get_or_init(|| sdk_config(Patience::Run)).await
    }

    /// When calls have to be over: so long from now, or the longest that a deployed function runs.
    pub fn deadline(&self, within: Option<Duration>) -> Instant {
        Instant::now() + within.unwrap_or(LONGEST_RUN)
    }

    /// How far the applying of a plan has got.
    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// What makes engines. It is kept, with its connections, pacers and rate limits.
    ///
    /// # Errors
    /// [`CliError::Missing`] where the Okta credential is not given.
    pub async fn assembler(&self) -> Result<&Assembler, CliError> {
        let parts = Parts {
            policy_path: self.settings.policy_path.clone(),
            table: self.settings.table.clone().unwrap_or_else(|| NO_TABLE.to_owned()),
            okta_secret: self.settings.okta_secret()?,
            scim_secret: self.settings.scim_secret.clone(),
        };
        Ok(self.assembler.get_or_init(|| async { Assembler::new(parts, self.aws().await.clone()) }).await)
    }

    /// An engine whose calls end at `deadline`.
    ///
    /// # Errors
    /// [`CliError`] says what is missing, wrong or unreachable.
    pub(crate) async fn engine(&self, deadline: Instant) -> Result<CliEngine, CliError> {
        let Engine { source, target, clock, policy, directory, deadline, .. } = self.assembler().await?.engine(deadline).await?;
        Ok(Engine { source, target, ledger: self.ledger().await, clock, policy, directory, deadline })
    }

    /// Where changes are told, if anywhere.
    pub(crate) async fn changes(&self) -> ChangeEvents {
        ChangeEvents::new(self.aws().await, self.settings.event_bus.clone())
    }

    /// The ledger, over the table that is given, or over none.
    pub(crate) async fn ledger(&self) -> Ledger<LedgerTable> {
        Ledger::new(match &self.settings.table {
            Some(name) => LedgerTable::Given(DynamoTable::new(self.aws().await, name)),
            None => LedgerTable::None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::ColorChoice;

    fn global(policy: Option<&str>) -> GlobalArgs {
        GlobalArgs { policy: policy.map(PathBuf::from), table: None, okta_secret: None, verbose: 0, color: ColorChoice::Auto }
    }

    #[test]
    fn an_option_goes_before_its_variable_and_an_empty_variable_is_none() {
        let lookup = |name: &str| match name {
            "LOCKSTEP_POLICY" => Some("theirs.toml".to_owned()),
            "LOCKSTEP_TABLE" => Some(" ".to_owned()),
            "LOCKSTEP_OKTA_SECRET" => Some("okta\n".to_owned()),
            _ => None,
        };
        let settings = Settings::of(&global(Some("ours.toml")), lookup);
        assert_eq!(settings.policy_path, Path::new("ours.toml"));
        assert_eq!(settings.okta_secret.as_deref(), Some("okta"));
        assert!(matches!(settings.table(), Err(CliError::Missing { option, .. }) if option.contains("LOCKSTEP_TABLE")));
        assert_eq!(Settings::of(&global(None), lookup).policy_path, Path::new("theirs.toml"));
        assert_eq!(Settings::of(&global(None), |_| None).policy_path, Path::new("policy.toml"));
    }
}
