//! Configuration: the only reader of the environment, and the list of all variables.
//!
//! Each function has a struct of its own, so that it asks for what it needs and for nothing else. The values come through a
//! look-up function: tests give a closure, the binaries give [`from_env`].

use std::fmt;
use std::path::PathBuf;

/// Where the policy layer puts the policy file.
pub const DEFAULT_POLICY_PATH: &str = "/opt/lockstep/policy.toml";

/// One of the deployed functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// Receives Okta's deliveries.
    EventHook,
    /// Works off the queues.
    EventWorker,
    /// Full and incremental runs.
    Reconcile,
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EventHook, Self::EventWorker, Self::Reconcile];

    /// The name of its binary, and the metrics' dimension.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EventHook => "event-hook",
            Self::EventWorker => "event-worker",
            Self::Reconcile => "reconcile",
        }
    }
}

/// Who gives a variable its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetBy {
    /// The template, for each function that reads it.
    Template,
    /// Lambda, or the operator by a setting of Lambda's own; a template that sets it is refused or without effect.
    Platform,
    /// No one, except where the AWS SDK is to be pointed at another endpoint.
    Nobody,
}

/// A variable that some function reads.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The functions that read it.
    pub read_by: &'static [Function],
    /// Whether those functions refuse to start without it.
    pub required: bool,
    /// Who sets it.
    pub set_by: SetBy,
    /// What it holds, as an error message says it.
    pub holds: &'static str,
}

const ALL: &[Function] = &Function::ALL;
const RUNS: &[Function] = &[Function::EventWorker, Function::Reconcile];

const POLICY: Variable = Variable {
    name: "LOCKSTEP_POLICY",
    read_by: RUNS,
    required: false,
    set_by: SetBy::Template,
    holds: "the path of the policy file; /opt/lockstep/policy.toml where it is not set",
};
const QUEUE_URL: Variable = Variable {
    name: "LOCKSTEP_QUEUE_URL",
    read_by: ALL,
    required: true,
    set_by: SetBy::Template,
    holds: "the URL of the SQS FIFO queue of triggers, which begins with https:// and ends in .fifo",
};
const LATER_QUEUE_URL: Variable = Variable {
    name: "LOCKSTEP_LATER_QUEUE_URL",
    read_by: RUNS,
    required: false,
    set_by: SetBy::Template,
    holds: "the URL of the standard SQS queue for what cannot be done yet; a FIFO queue takes no delay per message",
};
const DEAD_LETTER_URL: Variable = Variable {
    name: "LOCKSTEP_DEAD_LETTER_URL",
    read_by: &[Function::EventWorker],
    required: false,
    set_by: SetBy::Template,
    holds: "the URL of the standard SQS queue for malformed messages",
};
const TABLE: Variable = Variable {
    name: "LOCKSTEP_TABLE",
    read_by: RUNS,
    required: true,
    set_by: SetBy::Template,
    holds: "the name of the DynamoDB table that is the ledger",
};
const OKTA_SECRET: Variable = Variable {
    name: "LOCKSTEP_OKTA_SECRET",
    read_by: RUNS,
    required: true,
    set_by: SetBy::Template,
    holds: "the Secrets Manager name or ARN of the Okta credential",
};
const HOOK_SECRET: Variable = Variable {
    name: "LOCKSTEP_HOOK_SECRET",
    read_by: &[Function::EventHook],
    required: true,
    set_by: SetBy::Template,
    holds: "the Secrets Manager name or ARN of the event hook's shared secret",
};
const SCIM_SECRET: Variable = Variable {
    name: "LOCKSTEP_SCIM_SECRET",
    read_by: RUNS,
    required: false,
    set_by: SetBy::Template,
    holds: "the Secrets Manager name or ARN of the SCIM endpoint and token; only with the SCIM transport",
};
const EVENT_BUS: Variable = Variable {
    name: "LOCKSTEP_EVENT_BUS",
    read_by: RUNS,
    required: false,
    set_by: SetBy::Template,
    holds: "the name or ARN of the EventBridge bus that every change is put on as an event; without it there are no events",
};
const APPROVE_ALIAS: Variable = Variable {
    name: "LOCKSTEP_APPROVE_ALIAS",
    read_by: &[Function::Reconcile],
    required: false,
    set_by: SetBy::Template,
    holds: "the alias of the function through which alone approvals are taken; without it they are taken through any",
};
const LOG_LEVEL: Variable = Variable {
    name: "LOCKSTEP_LOG",
    read_by: ALL,
    required: false,
    set_by: SetBy::Template,
    holds: "the log level: error, warn, info, debug or trace; info where it is not set",
};
const PLATFORM_LOG_LEVEL: Variable = Variable {
    name: "AWS_LAMBDA_LOG_LEVEL",
    read_by: ALL,
    required: false,
    set_by: SetBy::Platform,
    holds: "the log level of Lambda's advanced logging controls, which goes before LOCKSTEP_LOG",
};
const REGION: Variable =
    Variable { name: "AWS_REGION", read_by: ALL, required: false, set_by: SetBy::Platform, holds: "the region, as every AWS SDK reads it" };
const ENDPOINT: Variable = Variable {
    name: "AWS_ENDPOINT_URL",
    read_by: ALL,
    required: false,
    set_by: SetBy::Nobody,
    holds: "another endpoint for all AWS services, as every AWS SDK reads it; AWS_ENDPOINT_URL_<SERVICE> for one",
};

/// Every variable that a function reads. A test compares it with the template, both ways.
pub const VARIABLES: &[Variable] = &[
    POLICY,
    QUEUE_URL,
    LATER_QUEUE_URL,
    DEAD_LETTER_URL,
    TABLE,
    OKTA_SECRET,
    HOOK_SECRET,
    SCIM_SECRET,
    EVENT_BUS,
    APPROVE_ALIAS,
    LOG_LEVEL,
    PLATFORM_LOG_LEVEL,
    REGION,
    ENDPOINT,
];

/// The environment of this process, to be given to the `parse` functions.
pub fn from_env() -> impl Fn(&str) -> Option<String> {
    |name| {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that owns the environment")]
        std::env::var(name).ok()
    }
}

/// What `event-hook` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookConfig {
    /// The FIFO queue of triggers.
    pub queue_url: String,
    /// Name or ARN of the hook's shared secret.
    pub hook_secret: String,
}

/// What both functions that carry out runs are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunConfig {
    /// The policy file.
    pub policy_path: PathBuf,
    /// The FIFO queue of triggers.
    pub queue_url: String,
    /// The standard queue for later.
    pub later_queue_url: Option<String>,
    /// The ledger's table.
    pub table: String,
    /// Name or ARN of the Okta credential.
    pub okta_secret: String,
    /// Name or ARN of the SCIM credential.
    pub scim_secret: Option<String>,
    /// Name or ARN of the bus for changes.
    pub event_bus: Option<String>,
}

/// What `event-worker` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerConfig {
    /// What its runs need.
    pub run: RunConfig,
    /// The standard queue for malformed messages.
    pub dead_letter_url: Option<String>,
}

/// What `reconcile` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconcileConfig {
    /// What its runs need.
    pub run: RunConfig,
    /// The alias through which alone approvals are taken.
    pub approve_alias: Option<String>,
}

impl HookConfig {
    /// Reads the configuration through `lookup`.
    ///
    /// # Errors
    /// [`ConfigError`] names every variable that is missing or wrong, and what it should hold.
    pub fn parse(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(&lookup);
        let config = Self { queue_url: reader.fifo_url(QUEUE_URL), hook_secret: reader.required(HOOK_SECRET) };
        reader.finish(config)
    }
}

impl WorkerConfig {
    /// Reads the configuration through `lookup`.
    ///
    /// # Errors
    /// [`ConfigError`] names every variable that is missing or wrong, and what it should hold.
    pub fn parse(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(&lookup);
        let config = Self { run: reader.run(), dead_letter_url: reader.standard_url(DEAD_LETTER_URL) };
        reader.finish(config)
    }
}

impl ReconcileConfig {
    /// Reads the configuration through `lookup`.
    ///
    /// # Errors
    /// [`ConfigError`] names every variable that is missing or wrong, and what it should hold.
    pub fn parse(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(&lookup);
        let config = Self { run: reader.run(), approve_alias: reader.optional(APPROVE_ALIAS) };
        reader.finish(config)
    }
}

/// The log level that the environment asks for: Lambda's own setting first, then ours.
pub fn log_level(lookup: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut reader = Reader::new(&lookup);
    reader.optional(PLATFORM_LOG_LEVEL).or_else(|| reader.optional(LOG_LEVEL))
}

/// What is wrong with the environment: all of it, so that one deployment repairs it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment is not as it should be: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct ConfigError(Vec<Problem>);

/// One variable that is missing or wrong. Its value is not kept: it may be a secret that was pasted into the wrong place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Problem {
    name: &'static str,
    what: &'static str,
    holds: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: it should hold {}", self.name, self.what, self.holds)
    }
}

/// Reads variables one by one and remembers what was wrong.
struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, problems: Vec::new() }
    }

    /// An empty value counts as none: a template can make a variable empty, but cannot leave it out.
    fn optional(&mut self, variable: Variable) -> Option<String> {
        (self.lookup)(variable.name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn required(&mut self, variable: Variable) -> String {
        self.optional(variable).unwrap_or_else(|| {
            self.wrong(variable, "is not set");
            String::new()
        })
    }

    fn run(&mut self) -> RunConfig {
        RunConfig {
            policy_path: self.policy_path(),
            queue_url: self.fifo_url(QUEUE_URL),
            later_queue_url: self.standard_url(LATER_QUEUE_URL),
            table: self.required(TABLE),
            okta_secret: self.required(OKTA_SECRET),
            scim_secret: self.optional(SCIM_SECRET),
            event_bus: self.optional(EVENT_BUS),
        }
    }

    fn policy_path(&mut self) -> PathBuf {
        self.optional(POLICY).unwrap_or_else(|| DEFAULT_POLICY_PATH.to_owned()).into()
    }

    fn fifo_url(&mut self, variable: Variable) -> String {
        let url = self.required(variable);
        let is_right = is_url(&url) && is_fifo(&url);
        if !url.is_empty() && !is_right {
            self.wrong(variable, "is no URL of a FIFO queue");
        }
        url
    }

    fn standard_url(&mut self, variable: Variable) -> Option<String> {
        let url = self.optional(variable)?;
        if !is_url(&url) || is_fifo(&url) {
            self.wrong(variable, "is no URL of a standard queue");
        }
        Some(url)
    }

    fn wrong(&mut self, variable: Variable, what: &'static str) {
        self.problems.push(Problem { name: variable.name, what, holds: variable.holds });
    }

    fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(config) } else { Err(ConfigError(self.problems)) }
    }
}

/// http too: a queue of a local emulator has no TLS.
fn is_url(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

fn is_fifo(url: &str) -> bool {
    url.strip_suffix(".fifo").is_some()
}

#[cfg(test)]
mod tests;
