//! A simulated Okta org over HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// A simulated Okta org. It prints its address when it is ready, and stops on SIGTERM or an interrupt.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A world in JSON; without one the org is empty.
    #[arg(long)]
    seed_file: Option<PathBuf>,
    /// A token that is accepted, besides `sim-token`; may be repeated.
    #[arg(long)]
    token: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    sim::run(arguments.listen, arguments.seed_file.as_deref(), |world, listen| async move {
        world.okta.configure(|settings| settings.tokens.extend(arguments.token));
        sim::http::serve_okta(world.okta, listen).await
    })
    .await
}
