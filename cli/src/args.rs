//! The arguments: options that every command takes, and the commands.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::apply::{ApplyArgs, ApproveArgs, UndoArgs};
use crate::backfill::BackfillArgs;
use crate::completions::CompletionsArgs;
use crate::doctor::DoctorArgs;
use crate::exit;
use crate::explain::ExplainCommand;
use crate::hook::HookCommand;
use crate::plan::PlanArgs;
use crate::policy::PolicyCommand;
use crate::runs::RunsArgs;

/// Keeps AWS IAM Identity Center in lockstep with Okta.
///
/// The same engine as the deployed functions, with your own AWS credentials: what they would do, what they did, and why.
#[derive(Debug, Parser)]
#[command(name = "lockstep", version, after_help = exit::TABLE, max_term_width = 110)]
pub struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command. Region, credentials and endpoints are found as every AWS SDK finds them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct GlobalArgs {
    /// The policy file [environment: LOCKSTEP_POLICY] [default: policy.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// The DynamoDB table that is the ledger [environment: LOCKSTEP_TABLE]
    #[arg(long, global = true, value_name = "NAME")]
    pub table: Option<String>,
    /// The Secrets Manager name or ARN of the Okta credential [environment: LOCKSTEP_OKTA_SECRET]
    #[arg(long, global = true, value_name = "ID")]
    pub okta_secret: Option<String>,
    /// Say more on standard error; twice, most of what there is to say
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// When to colour; never where NO_COLOR is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
}

/// When output is coloured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is "dumb".
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what a run would do, and write nothing
    Plan(PlanArgs),
    /// Do it: under the lease, the budget and the guard, as the deployed functions do
    Apply(ApplyArgs),
    /// A full apply in as many passes as it takes, and how far it has got
    Backfill(BackfillArgs),
    /// Let through exactly what was held, if it is still the same
    Approve(ApproveArgs),
    /// Why somebody has something, or has it not
    #[command(subcommand)]
    Explain(ExplainCommand),
    /// What runs did
    Runs(RunsArgs),
    /// Take back what a run did
    Undo(UndoArgs),
    /// Make every run dry until `resume`
    Pause,
    /// Let runs write again
    Resume,
    /// What a policy says, and what it matches
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// A script that completes commands and options in your shell
    Completions(CompletionsArgs),
    /// Look whether everything is as it must be, and say how to mend what is not
    Doctor(DoctorArgs),
    /// The event hook: register, verify, show
    #[command(subcommand)]
    Hook(HookCommand),
}
