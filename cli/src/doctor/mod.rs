//! `lockstep doctor`: every prerequisite of the integration and its known troubles.
//!
//! `gather` reads, `judge` decides (pure, from `facts` to a verdict), `render` writes; `probe` makes a throwaway group and user to see how the real
//! store behaves.

mod checks;
mod estimate;
mod facts;
pub(crate) mod gather;
pub(crate) mod judge;
pub(crate) mod org;
mod probe;
mod render;
#[cfg(test)]
mod tests;
mod verdict;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::session::Session;
use facts::Facts;
pub(crate) use facts::{HookFacts, Unread};
use verdict::Verdict;

/// Looks whether everything is as it must be. Exits 1 where a check fails.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Write JSON
    #[arg(long)]
    json: bool,
    /// Where the event hook delivers: the function URL (output HookUrl of the stack)
    #[arg(long, value_name = "URL")]
    hook_url: Option<String>,
    /// The Secrets Manager name or ARN of the SCIM endpoint and token [environment: LOCKSTEP_SCIM_SECRET]
    #[arg(long, value_name = "ID")]
    scim_secret: Option<String>,
    /// Save the SAML metadata of Okta's app, for Identity Center
    #[arg(long, value_name = "FILE")]
    save_metadata: Option<PathBuf>,
    /// Make a throwaway group and user in the identity store, see how AWS treats them, and delete them
    #[arg(long, conflicts_with_all = ["clean_up", "save_metadata"])]
    probe: bool,
    /// Delete what a probe left that was killed
    #[arg(long, conflicts_with = "save_metadata")]
    clean_up: bool,
    /// Do not ask before writing
    #[arg(long, short)]
    yes: bool,
}

pub(crate) async fn run(args: &DoctorArgs, session: &Session, output: &Output) -> Result<Exit, CliError> {
    if args.probe || args.clean_up {
        return probe::run(&probe::Orders { cleans_only: args.clean_up, is_agreed: args.yes, json: args.json }, session, output).await;
    }
    let facts = Box::pin(gather::facts(session, args.hook_url.clone(), args.scim_secret.as_deref())).await;
    let findings = checks::judge_all(&facts);
    let text = if args.json { render::json(&facts, &findings) } else { render::table(&findings, output.paint) };
    output.data(&text)?;
    if let Some(path) = &args.save_metadata {
        save_metadata(&facts, path)?;
        output.message(&format!("saved the SAML metadata to {}: upload it in the IAM Identity Center console > Settings", path.display()));
    }
    Ok(if findings.iter().any(|finding| finding.verdict == Verdict::Fail) { Exit::Error } else { Exit::Fine })
}

fn save_metadata(facts: &Facts, path: &Path) -> Result<(), CliError> {
    let metadata = facts.app().and_then(|app| app.metadata.given());
    let metadata = metadata.map_err(|why| CliError::Other(format!("there is no SAML metadata to save: {why}").into()))?;
    std::fs::write(path, &metadata.document).map_err(|error| CliError::Write(path.to_owned(), error))
}
