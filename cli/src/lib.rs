//! `lockstep`, the command line: one module for each command. A command reads its options (`args`), is wired by `session`, writes through
//! `output`, and ends in one of the codes of `exit`.

pub mod args;
pub mod error;
pub mod exit;
pub mod output;
pub mod session;

pub mod doctor;
pub mod hook;
mod policy;

use clap::Parser;

use crate::args::{Arguments, Command};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::session::Session;

/// Carries out what the arguments ask for, says what went wrong, and returns the code of the process.
pub async fn run(arguments: impl IntoIterator<Item = String>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(message) => return output::usage(&message),
    };
    let output = Output::of_process(arguments.global.color);
    let session = Session::new(&arguments.global);
    match Box::pin(dispatch(arguments.command, &session, &output)).await {
        Ok(exit) => exit,
        Err(error) => {
            output.error(&error);
            error.exit()
        }
    }
}

async fn dispatch(command: Command, session: &Session, output: &Output) -> Result<Exit, CliError> {
    match command {
        Command::Policy(command) => policy::run(command, session, output).await,
        Command::Doctor(args) => Box::pin(doctor::run(&args, session, output)).await,
        Command::Hook(command) => Box::pin(hook::run(command, session, output)).await,
    }
}
