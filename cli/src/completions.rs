//! `lockstep completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Arguments;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;

/// `lockstep completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

pub(crate) fn run(args: &CompletionsArgs, output: &Output) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "lockstep", &mut script);
    output.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}
