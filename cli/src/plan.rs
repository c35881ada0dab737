//! `lockstep plan`: what a run would do.

use clap::Args;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{self, Wanted};
use crate::scope::{FormatArgs, ScopeArgs};
use crate::session::Session;

/// `lockstep plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    format: FormatArgs,
}

pub(crate) async fn run(args: PlanArgs, session: &Session, output: &Output) -> Result<Exit, CliError> {
    let wanted = Wanted::dry(args.scope.scope()?);
    let reported = run::once(session, wanted, session.deadline(None)).await?;
    run::show(&reported, &run::surroundings(session), &args.format, output)
}
