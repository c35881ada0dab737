//! Wiring.

#![recursion_limit = "256"]

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(std::env::args()).await.into()
}
