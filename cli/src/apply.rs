//! Commands that write: `apply`, `approve` and `undo`. All of them go through the lease, the budget and the guard.

use clap::Args;
use engine::Scope;
use sync_core::plan::PlanHash;
use sync_core::report::Mode;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{self, Wanted};
use crate::scope::{FormatArgs, ScopeArgs};
use crate::session::Session;

/// `lockstep apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    format: FormatArgs,
}

/// `lockstep approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The plan hash of the report that held them
    #[arg(value_name = "HASH", value_parser = hash)]
    hash: PlanHash,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    format: FormatArgs,
}

/// `lockstep undo`.
#[derive(Debug, Args)]
pub struct UndoArgs {
    /// The run, by the id of its report
    #[arg(value_name = "RUN")]
    run_id: String,
    /// Take it back; without this it is only shown what that would do. Runs have to be paused
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    format: FormatArgs,
}

fn hash(text: &str) -> Result<PlanHash, String> {
    PlanHash::parse(text).ok_or_else(|| "it is not the 64 hex digits of a report's plan_hash".to_owned())
}

pub(crate) async fn apply(args: ApplyArgs, session: &Session, output: &Output) -> Result<Exit, CliError> {
    write(Wanted::apply(args.scope.scope()?), &args.format, session, output).await
}

pub(crate) async fn approve(args: ApproveArgs, session: &Session, output: &Output) -> Result<Exit, CliError> {
    let wanted = Wanted { approve: Some(args.hash), ..Wanted::apply(args.scope.scope()?) };
    write(wanted, &args.format, session, output).await
}

pub(crate) async fn undo(args: UndoArgs, session: &Session, output: &Output) -> Result<Exit, CliError> {
    let mode = if args.apply { Mode::Apply } else { Mode::DryRun };
    let scope = Scope::Undo(args.run_id);
    let exit = write(Wanted { mode, scope, approve: None }, &args.format, session, output).await?;
    if !args.apply && exit == Exit::Drift {
        output.message("to take it back: `lockstep pause`, then this once more with --apply, then `lockstep resume`");
    }
    Ok(exit)
}

async fn write(wanted: Wanted, format: &FormatArgs, session: &Session, output: &Output) -> Result<Exit, CliError> {
    session.settings().table()?;
    let reported = run::once(session, wanted, session.deadline(None)).await?;
    run::show(&reported, &run::surroundings(session), format, output)
}
