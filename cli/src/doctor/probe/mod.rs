//! `lockstep doctor --probe`: a throwaway group and user in the real store, to see how AWS treats what nobody has documented; and the removal
//! of what a killed probe left.
//!
//! Whatever happens (an error, Ctrl-C, SIGTERM), what was made is removed: the names are unique to the run, and everything that bears them is looked for
//! at the end. What a killed process leaves is found by name.

mod names;
mod sightings;
mod steps;
mod store;
mod sweep;

use std::io::{IsTerminal, Write};
use std::time::Duration;

use identity_center::Connection;
use serde_json::json;

use self::names::Names;
use self::sightings::{Holds, Sighting};
use self::store::Store;
use super::gather::aws::{locate, settings};
use super::render::block;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, Tone};
use crate::session::Session;

/// How long a request may take until lists show its effect.
const LATE_EFFECT: Duration = Duration::from_secs(2);

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Orders {
    /// Only what an earlier probe left is removed.
    pub(super) cleans_only: bool,
    /// Nobody is asked before anything is written.
    pub(super) is_agreed: bool,
    /// JSON instead of a table.
    pub(super) json: bool,
}

pub(super) async fn run(orders: &Orders, session: &Session, output: &Output) -> Result<Exit, CliError> {
    let store = open(session).await?;
    if orders.cleans_only { clean_up(orders, &store, output).await } else { probe(orders, &store, output).await }
}

async fn open(session: &Session) -> Result<Store, CliError> {
    let policy = session.policy()?;
    let settings = settings(&policy);
    let connection = Connection::new(session.aws().await, &settings).await;
    let location = locate(&connection, &policy).await.map_err(|error| CliError::Other(Box::new(error)))?;
    let config = identity_center::configured(session.aws().await, &settings).await;
    Ok(Store::new(&config, location.identity_store_id, location.instance_arn))
}

async fn probe(orders: &Orders, store: &Store, output: &Output) -> Result<Exit, CliError> {
    let names = Names::unique();
    let question = format!(
        "This makes a group and a user named {}… in the identity store {}, gives them nothing, and deletes them again. Go on?",
        names.group(),
        store.id()
    );
    agree(orders, &question)?;
    let seen = tokio::select! {
        seen = Box::pin(steps::take(store, &names)) => Some(seen),
        () = interrupted() => None,
    };
    let Some(sightings) = seen else {
        output.message("interrupted; what was made is being looked for and deleted");
        tell_swept(&sweep_twice(store, &names).await, output);
        return Ok(Exit::Error);
    };
    let swept = sweep_twice(store, &names).await;
    tell(orders, &sightings, output)?;
    tell_swept(&swept, output);
    let is_clean = swept.failed.is_empty();
    Ok(if is_clean && sightings.iter().all(|sighting| sighting.holds != Holds::Otherwise) { Exit::Fine } else { Exit::Error })
}

/// What was made a moment ago may not be listed yet, and a request that was under way may take effect after the first look.
async fn sweep_twice(store: &Store, names: &Names) -> sweep::Swept {
    let first = sweep::sweep(store, |name| names.are_in(name)).await;
    tokio::time::sleep(LATE_EFFECT).await;
    first.then(sweep::sweep(store, |name| names.are_in(name)).await)
}

async fn clean_up(orders: &Orders, store: &Store, output: &Output) -> Result<Exit, CliError> {
    let left = sweep::find(store, names::is_of_a_probe).await.map_err(|failed| CliError::Other(failed.into()))?;
    if left.is_empty() {
        output.message("no probe has left anything");
        return Ok(Exit::Fine);
    }
    for thing in &left {
        output.message(&format!("left: {thing}"));
    }
    agree(orders, &format!("Delete these {} from the identity store {}?", left.len(), store.id()))?;
    let swept = sweep::remove(store, left).await;
    tell_swept(&swept, output);
    Ok(if swept.failed.is_empty() { Exit::Fine } else { Exit::Error })
}

/// Asks the person, unless they agreed already.
fn agree(orders: &Orders, question: &str) -> Result<(), CliError> {
    if orders.is_agreed {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage("there is nobody to ask: give --yes to agree beforehand; nothing was written".to_owned()));
    }
    let mut stderr = std::io::stderr();
    let mut answer = String::new();
    let asked = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush()).and_then(|()| std::io::stdin().read_line(&mut answer));
    asked.map_err(|error| CliError::Other(Box::new(error)))?;
    if is_yes(&answer) { Ok(()) } else { Err(CliError::Declined) }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Comes back when someone wants the process to end.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn tell(orders: &Orders, sightings: &[Sighting], output: &Output) -> Result<(), CliError> {
    if orders.json {
        output.data(&format!("{:#}", json!({ "facts": sightings })))?;
        return Ok(());
    }
    let mut text = String::new();
    for sighting in sightings {
        let (word, tone) = match sighting.holds {
            Holds::AsAssumed => ("as assumed", Tone::Good),
            Holds::EitherWay => ("either way", Tone::Good),
            Holds::Otherwise => ("OTHERWISE ", Tone::Bad),
            Holds::NotSeen => ("not seen  ", Tone::Warning),
        };
        text.push_str(&format!(
            "{} {}  {}\n",
            output.paint.tone(tone, word),
            sighting.fact,
            output.paint.tone(Tone::Strong, sighting.title)
        ));
        text.push_str(&block("seen:    ", &sighting.seen));
        text.push_str(&block("assumed: ", sighting.assumed));
    }
    output.data(&text)?;
    Ok(())
}

fn tell_swept(swept: &sweep::Swept, output: &Output) {
    for thing in &swept.removed {
        output.message(&format!("deleted {thing}"));
    }
    for (thing, why) in &swept.failed {
        output.warning(&format!("{thing} could not be deleted: {why}; later: lockstep doctor --clean-up"));
    }
}

/// The ids of all facts that the probe looks for.
#[cfg(test)]
pub(super) fn fact_ids() -> impl Iterator<Item = &'static str> {
    sightings::ALL.iter().map(|fact| fact.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one_and_anything_else_has_a_code_of_its_own() {
        assert!(["y\n", "YES\n", " yes "].into_iter().all(is_yes));
        assert!(["", "\n", "n\n", "no", "yes please"].into_iter().all(|answer| !is_yes(answer)));
        assert_eq!(CliError::Declined.exit(), Exit::Declined);
    }
}
