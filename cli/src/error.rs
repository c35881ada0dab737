//! What can go wrong with a command.

use std::path::PathBuf;

use assembly::AssemblyError;
use engine::ports::TableError;
use engine::{LookFailed, ReconcileError};
use sync_core::error::SourceError;

use crate::exit::Exit;

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// An option is missing that this command needs.
    #[error("{option} is not given: {holds}")]
    Missing {
        /// The option and the variable that stands for it.
        option: &'static str,
        /// What it holds.
        holds: &'static str,
    },
    /// Arguments that are understood one by one do not go together, or a value is none.
    #[error("{0}")]
    Usage(String),
    /// A person was asked, and did not agree.
    #[error("nothing was written")]
    Declined,
    /// There is no engine, so nothing was read or written.
    #[error("nothing was read or written")]
    Assembly(#[from] AssemblyError),
    /// The run could not be begun.
    #[error(transparent)]
    Reconcile(#[from] ReconcileError),
    /// Okta did not answer what was asked.
    #[error("Okta did not answer")]
    Okta(#[source] SourceError),
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] TableError),
    /// Nothing could be looked at.
    #[error(transparent)]
    Look(#[from] LookFailed),
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// A file cannot be written.
    #[error("{} cannot be written", .0.display())]
    Write(PathBuf, #[source] std::io::Error),
    /// Standard output takes nothing.
    #[error("standard output cannot be written")]
    Output(#[source] std::io::Error),
    /// Something else, which says itself what to do.
    #[error(transparent)]
    Other(#[from] Box<dyn std::error::Error + Send + Sync>),
}

impl CliError {
    /// The code that the process ends with.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Missing { .. } | Self::Usage(_) => Exit::Usage,
            Self::Declined => Exit::Declined,
            Self::Assembly(_)
            | Self::Reconcile(_)
            | Self::Okta(_)
            | Self::Ledger(_)
            | Self::Write(..)
            | Self::Output(_)
            | Self::Look(_)
            | Self::NotFound(_)
            | Self::Other(_) => Exit::Error,
        }
    }
}
