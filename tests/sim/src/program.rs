//! What the two programs have in common.

use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::http::Server;
use crate::seed::{Seed, SeedError};
use crate::world::World;

/// Builds a world, serves it, prints `listening on http://…`, and stops on SIGTERM or an interrupt.
pub async fn run<F>(listen: SocketAddr, seed_file: Option<&Path>, serve: impl FnOnce(World, SocketAddr) -> F) -> ExitCode
where
    F: Future<Output = io::Result<Server>>,
{
    tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(tracing::Level::WARN).init();
    match until_stopped(listen, seed_file, serve).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the simulator could not start");
            ExitCode::FAILURE
        }
    }
}

async fn until_stopped<F>(listen: SocketAddr, seed_file: Option<&Path>, serve: impl FnOnce(World, SocketAddr) -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<Server>>,
{
    let world = seeded(seed_file).map_err(io::Error::other)?;
    let mut terminated = signal(SignalKind::terminate())?;
    let server = serve(world, listen).await?;
    let mut out = io::stdout();
    writeln!(out, "listening on {}", server.url())?;
    out.flush()?;
    tokio::select! {
        _ = terminated.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    server.stop().await;
    Ok(())
}

fn seeded(seed_file: Option<&Path>) -> Result<World, SeedError> {
    match seed_file {
        Some(path) => Seed::read(path)?.build(),
        None => Seed::default().build(),
    }
}
