//! `lockstep pause` and `lockstep resume`.

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::run::when;
use crate::session::Session;

/// Every run is dry from now on, those under way from their next slice on.
pub(crate) async fn pause(session: &Session, output: &Output) -> Result<Exit, CliError> {
    session.settings().table()?;
    let (ledger, now) = (session.ledger().await, session.now());
    ledger.set_pause(true, now).await?;
    let since = ledger.pause(now).await?.map_or(now, |pause| pause.since);
    output.data(&format!("paused since {}: every run is dry until `lockstep resume`", when(since)))?;
    Ok(Exit::Fine)
}

/// Runs write again.
pub(crate) async fn resume(session: &Session, output: &Output) -> Result<Exit, CliError> {
    session.settings().table()?;
    session.ledger().await.set_pause(false, session.now()).await?;
    output.data("not paused: what came meanwhile is caught up by `lockstep apply`, or by the next full run")?;
    Ok(Exit::Fine)
}
