//! The options that say what a run looks at, and how its report is shown.

use std::path::PathBuf;

use clap::Args;
use engine::{Scope, Since};
use jiff::Timestamp;

use crate::error::CliError;

/// What a run looks at; everything where nothing is given.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Scope (everything, where none is given)")]
pub(crate) struct ScopeArgs {
    /// This group, by name or Okta id; may be given several times
    #[arg(long = "group", value_name = "GROUP", conflicts_with_all = ["users", "changed_since"])]
    groups: Vec<String>,
    /// This user, by login or Okta id; may be given several times
    #[arg(long = "user", value_name = "USER", conflicts_with = "changed_since")]
    users: Vec<String>,
    /// What changed in Okta since a moment (2026-11-24T00:00:00Z), or since the "last" such run
    #[arg(long, value_name = "TIME", value_parser = since)]
    changed_since: Option<Since>,
}

impl ScopeArgs {
    /// As a run takes it.
    ///
    /// # Errors
    /// [`CliError::Usage`] where a name is empty.
    pub(crate) fn scope(&self) -> Result<Scope, CliError> {
        let names = |names: &[String], option: &str| -> Result<Vec<String>, CliError> {
            let trimmed: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
            let is_empty = trimmed.iter().any(String::is_empty);
            if is_empty { Err(CliError::Usage(format!("{option} is empty: give a name or an id"))) } else { Ok(trimmed) }
        };
        if let Some(since) = self.changed_since {
            return Ok(Scope::ChangedSince(since));
        }
        match (self.groups.is_empty(), self.users.is_empty()) {
            (false, _) => Ok(Scope::Groups(names(&self.groups, "--group")?)),
            (true, false) => Ok(Scope::Users(names(&self.users, "--user")?)),
            (true, true) => Ok(Scope::All),
        }
    }
}

fn since(text: &str) -> Result<Since, String> {
    match text {
        "last" => Ok(Since::Last),
        _ => text
            .parse::<Timestamp>()
            .map(Since::Moment)
            .map_err(|error| format!("it is neither \"last\" nor a time with its offset: {error}")),
    }
}

/// How a report is shown; as text, where nothing is given.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Form of the report (text, where none is given)")]
pub(crate) struct FormatArgs {
    /// As JSON, in the form that reconcile answers
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// As Markdown
    #[arg(long)]
    pub(crate) markdown: bool,
    /// As one HTML page into this file, beside what is printed
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}
