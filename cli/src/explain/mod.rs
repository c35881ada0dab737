//! `lockstep explain`: why somebody has something, or has it not. The same reads as a run's; nothing is written.

mod account;
mod facts;
mod group;
mod user;

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, Subcommand};
use engine::Evidence;
use serde::Serialize;
use sync_core::ids::AccountId;
use sync_core::report::document::{Document, Entry};
use sync_core::snapshot::UserSighting;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::run::{pretty, when};
use crate::runs::{self, Subject};
use crate::session::{CliEngine, Session};

/// What is to be explained.
#[derive(Debug, Subcommand)]
pub enum ExplainCommand {
    /// What a person has, by which group and rule, and why not more
    User(UserArgs),
    /// Who is in a group and what it gives, and what stands in the way
    Group(GroupArgs),
    /// Who gets what on an account
    Account(AccountArgs),
}

/// `lockstep explain user`.
#[derive(Debug, Args)]
pub struct UserArgs {
    /// The user, by login or Okta id
    #[arg(value_name = "USER")]
    user: String,
    /// Only about this account: has the person it, should they, and which groups would give it
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    account: Option<AccountId>,
    #[command(flatten)]
    how: How,
}

/// `lockstep explain group`.
#[derive(Debug, Args)]
pub struct GroupArgs {
    /// The group, by name or Okta id
    #[arg(value_name = "GROUP")]
    group: String,
    #[command(flatten)]
    how: How,
}

/// `lockstep explain account`.
#[derive(Debug, Args)]
pub struct AccountArgs {
    /// The account, by its twelve digits
    #[arg(value_name = "ACCOUNT", value_parser = account)]
    account: AccountId,
    #[command(flatten)]
    how: How,
}

/// How far back, and in which form.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// How many days of the history are looked through
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=90))]
    days: u16,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn account(text: &str) -> Result<AccountId, String> {
    AccountId::new(text).map_err(|error| error.to_string())
}

pub(crate) async fn run(command: ExplainCommand, session: &Session, output: &Output) -> Result<Exit, CliError> {
    let engine = session.engine(session.deadline(None)).await?;
    let text = match command {
        ExplainCommand::User(args) => user::explain(&args, &engine, session, output.paint).await?,
        ExplainCommand::Group(args) => group::explain(&args, &engine, session, output.paint).await?,
        ExplainCommand::Account(args) => account::explain(&args, &engine, session, output.paint).await?,
    };
    output.data(&text)?;
    Ok(Exit::Fine)
}

/// Something that a run did, and what became of it.
#[derive(Debug, Serialize)]
struct Past {
    #[serde(skip)]
    at: Timestamp,
    ended: String,
    run_id: String,
    action: String,
    about: String,
    /// Who that is, where the history has an id alone and Okta or Identity Center says the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    fate: String,
}

/// The last run that looked at everything.
#[derive(Debug, Serialize)]
struct LastRun {
    run_id: String,
    ended: String,
    status: String,
}

/// What the ledger has to say.
#[derive(Debug, Default, Serialize)]
struct History {
    /// Whether there is a ledger to ask.
    is_known: bool,
    last_run: Option<LastRun>,
    paused_since: Option<String>,
    episodes: Vec<Past>,
}

/// Most runs that are looked through.
const MOST_RUNS: usize = 1000;

/// Most of what is shown of the history.
const MOST_EPISODES: usize = 20;

async fn history(subject: &Subject<'_>, days: u16, session: &Session) -> Result<History, CliError> {
    if session.settings().table.is_none() {
        return Ok(History::default());
    }
    let (ledger, now) = (session.ledger().await, session.now());
    let runs = runs::latest(&ledger, days, MOST_RUNS, now).await?;
    let last = runs.iter().find(|run| run.report.scope == "all");
    let last_run = last.map(|run| LastRun { run_id: run.report.run_id.clone(), ended: when(run.ended), status: run.report.status.clone() });
    let paused_since = ledger.pause(now).await?.map(|pause| when(pause.since));
    let episodes = runs::history(&ledger, subject, &runs, now).await?.into_iter().take(MOST_EPISODES);
    let past = |episode: runs::Episode| Past {
        at: episode.ended,
        ended: when(episode.ended),
        run_id: episode.run_id,
        action: episode.action,
        about: episode.about.shown().to_owned(),
        name: None,
        fate: episode.fate,
    };
    Ok(History { is_known: true, last_run, paused_since, episodes: episodes.map(past).collect() })
}

/// Names the users of a history that has their ids alone: from what was read anyway, and else by asking Okta.
async fn name_users(history: &mut History, evidence: &Evidence, session: &Session) {
    let present = evidence.okta.users.values().filter_map(|sighting| match sighting {
        UserSighting::Present(user) => Some((user.id.as_str(), user.login.as_str())),
        UserSighting::Gone | UserSighting::StatusUnread | UserSighting::Broken(_) | UserSighting::Unknown(_) => None,
    });
    let known: BTreeMap<&str, &str> = present.collect();
    let missing = |past: &&Past| past.about.starts_with("00u") && !known.contains_key(past.about.as_str());
    let asked: BTreeSet<String> = history.episodes.iter().filter(missing).map(|past| past.about.clone()).collect();
    let found = if asked.is_empty() { BTreeMap::new() } else { runs::names(&asked, session).await.unwrap_or_default() };
    for past in &mut history.episodes {
        let name = known.get(past.about.as_str()).map(|name| (*name).to_owned());
        past.name = name.or_else(|| found.get(&past.about).cloned());
    }
}

/// What a plan would do about it, as far as it says.
#[derive(Debug, Serialize)]
struct Pending {
    action: String,
    about: String,
    reason: String,
    held: Option<String>,
}

/// What the plan says about a user (whose groups are then named) or a group (whose users are).
fn pending(document: &Document, subject: &Subject<'_>) -> Vec<Pending> {
    let is_about = |entry: &&Entry| match subject {
        Subject::User(id) => entry.is_about_user(id),
        Subject::Group(id) => entry.is_about_group(id),
        Subject::Account(id) => entry.is_about_account(id),
    };
    let other = |entry: &Entry| match subject {
        Subject::User(_) | Subject::Account(_) => entry.what(),
        Subject::Group(_) => entry.user.as_ref().map_or_else(|| entry.what(), |user| user.shown().to_owned()),
    };
    let pending = |entry: &Entry| Pending {
        action: entry.action.clone(),
        about: other(entry),
        reason: entry.reason.clone(),
        held: entry.held.clone(),
    };
    document.plan.iter().filter(is_about).map(pending).collect()
}

fn as_json<T: Serialize>(explanation: &T) -> Result<String, CliError> {
    serde_json::to_value(explanation).map(|json| pretty(&json)).map_err(|error| CliError::Other(error.into()))
}

/// How long sessions last, for the permission sets that matter here. What AWS does not say is left out.
async fn fill_sessions(given: &mut [facts::Given], evidence: &Evidence, engine: &CliEngine) {
    let mut known = BTreeMap::new();
    for each in given.iter_mut().filter(|each| each.in_effect == Some(true)) {
        let Some(arn) = evidence.actual.permission_sets.get(&each.permission_set) else { continue };
        if !known.contains_key(arn) {
            known.insert(arn.clone(), engine.target.session_duration(arn).await.ok().flatten());
        }
        each.session = known.get(arn).cloned().flatten();
    }
}
