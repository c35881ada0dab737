//! `lockstep policy`: what a policy says.

use clap::{Args, Subcommand};
use engine::ports::ReadSource;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::session::Session;

/// The commands about the policy.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Whether the policy can be used, and which groups of Okta it manages
    Check(CheckArgs),
}

/// `lockstep policy check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Look at the file alone, and ask nobody
    #[arg(long)]
    offline: bool,
}

pub(crate) async fn run(command: PolicyCommand, session: &Session, output: &Output) -> Result<Exit, CliError> {
    match command {
        PolicyCommand::Check(args) if args.offline => {
            let policy = session.policy()?;
            let said = format!("{}: can be used ({} rules of assignments)", session.policy_path().display(), policy.assignments.len());
            output.data(&said).map(|()| Exit::Fine)
        }
        PolicyCommand::Check(_) => check(session, output).await,
    }
}

/// Which groups of Okta the policy manages.
async fn check(session: &Session, output: &Output) -> Result<Exit, CliError> {
    let (policy, okta) = session.assembler().await?.source(session.deadline(None)).await?;
    let groups = okta.list_groups(None).await.map_err(CliError::Okta)?;
    for group in groups.items.iter().filter(|group| policy.groups.matches(group)) {
        output.data(&format!("{}  {}", group.id, group.name))?;
    }
    Ok(Exit::Fine)
}
