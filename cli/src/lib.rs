//! `lockstep`, the command line: one module for each command. A command reads its options (`args`), is wired by `session`, writes through
//! `output`, and ends in one of the codes of `exit`.

#![recursion_limit = "256"]

pub mod args;
pub mod error;
pub mod exit;
pub mod output;
pub mod session;

mod apply;
mod backfill;
mod completions;
pub mod doctor;
mod explain;
pub mod hook;
mod log;
mod pause;
mod plan;
mod policy;
mod progress;
mod run;
mod runs;
mod schema;
mod scope;
mod show;
mod table;

use std::pin::Pin;

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
    let progress = log::init(arguments.global.verbose);
    let session = Session::new(&arguments.global, progress);
    // Without its type: the futures of the SDK inside one another are too deep for the compiler.
    let carried_out: Pin<Box<dyn Future<Output = Result<Exit, CliError>> + '_>> = Box::pin(dispatch(arguments.command, &session, &output));
    match carried_out.await {
        Ok(exit) => exit,
        Err(error) => {
            output.error(&error);
            error.exit()
        }
    }
}

async fn dispatch(command: Command, session: &Session, output: &Output) -> Result<Exit, CliError> {
    match command {
        Command::Plan(args) => plan::run(args, session, output).await,
        Command::Apply(args) => apply::apply(args, session, output).await,
        Command::Backfill(args) => backfill::run(args, session, output).await,
        Command::Approve(args) => apply::approve(args, session, output).await,
        Command::Explain(command) => explain::run(command, session, output).await,
        Command::Runs(args) => runs::run(args, session, output).await,
        Command::Undo(args) => apply::undo(args, session, output).await,
        Command::Pause => pause::pause(session, output).await,
        Command::Resume => pause::resume(session, output).await,
        Command::Completions(args) => completions::run(&args, output),
        Command::Policy(command) => policy::run(command, session, output).await,
        Command::Doctor(args) => Box::pin(doctor::run(&args, session, output)).await,
        Command::Hook(command) => Box::pin(hook::run(command, session, output)).await,
    }
}
