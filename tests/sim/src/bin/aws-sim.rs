//! A simulated AWS IAM Identity Center over HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use sim::identity_center::Throttles;

/// A simulated AWS IAM Identity Center (`identitystore`, `sso-admin` as far as accounts are assigned, and `organizations`). It prints its address when it is
/// ready, and stops on SIGTERM or an interrupt.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A world in JSON; without one the store is empty.
    #[arg(long)]
    seed_file: Option<PathBuf>,
    /// Throttle as AWS does: 20 calls a second for each API.
    #[arg(long)]
    throttle: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    sim::run(arguments.listen, arguments.seed_file.as_deref(), |world, listen| async move {
        if arguments.throttle {
            world.aws.throttle(Throttles::aws());
        }
        sim::http::serve_aws(world.aws, listen).await
    })
    .await
}
