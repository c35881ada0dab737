//! `lockstep runs`: what runs did, out of the ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use clap::Args;
use engine::ledger::{Ledger, PastRun};
use engine::ports::ReadSource;
use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sync_core::report::document::{Document, Name};
use sync_core::report::html::{Surroundings, duration};
use sync_core::report::scope_words;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, Paint, Tone};
use crate::run::{self, Reported, pretty, when};
use crate::scope::FormatArgs;
use crate::session::Session;
use crate::show::plain;
use crate::table::LedgerTable;

/// `lockstep runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// One run, by the id of its report; without it, the latest ones are listed
    #[arg(value_name = "RUN")]
    run_id: Option<String>,
    /// How many days are looked through
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=90))]
    days: u16,
    /// How many runs are listed at most
    #[arg(long, value_name = "COUNT", default_value_t = 30)]
    limit: usize,
    #[command(flatten)]
    format: FormatArgs,
}

/// Most users whose names are asked of Okta: one call each.
const MOST_NAMES: usize = 200;

/// Calls to Okta under way at once.
const CONCURRENCY: usize = 8;

pub(crate) async fn run(args: RunsArgs, session: &Session, output: &Output) -> Result<Exit, CliError> {
    session.settings().table()?;
    let ledger = session.ledger().await;
    match &args.run_id {
        Some(run_id) => one(run_id, &args.format, session, output, &ledger).await,
        None if args.format.html.is_some() || args.format.markdown => {
            Err(CliError::Usage("--html and --markdown show one run: give its id, as `lockstep runs` lists it".to_owned()))
        }
        None => {
            let runs = latest(&ledger, args.days, args.limit, session.now()).await?;
            let said =
                if args.format.json { pretty(&Value::Array(runs.iter().map(as_json).collect())) } else { table(&runs, output.paint) };
            output.data(&said).map(|()| Exit::Fine)
        }
    }
}

/// The latest runs, the last one first.
pub(crate) async fn latest(ledger: &Ledger<LedgerTable>, days: u16, limit: usize, now: Timestamp) -> Result<Vec<PastRun>, CliError> {
    let mut runs = Vec::new();
    for back in 0..=i64::from(days) {
        let day = now.checked_sub(SignedDuration::from_hours(24 * back)).unwrap_or(now).strftime("%Y%m%d").to_string();
        runs.extend(ledger.past_runs(&day, now).await?);
        if runs.len() >= limit {
            break;
        }
    }
    runs.truncate(limit);
    Ok(runs)
}

async fn one(
    run_id: &str,
    format: &FormatArgs,
    session: &Session,
    output: &Output,
    ledger: &Ledger<LedgerTable>,
) -> Result<Exit, CliError> {
    let past = ledger.past_run(run_id, session.now()).await?;
    let past = past.ok_or_else(|| CliError::NotFound(format!("there is no record of a run {run_id}; runs are remembered for 90 days")))?;
    let mut document = past.report;
    fill_names(&mut document, session, output).await;
    let json = serde_json::to_value(&document).map_err(|error| CliError::Other(error.into()))?;
    let surroundings = Surroundings { ended: Some(when(past.ended)), ..run::surroundings(session) };
    run::show(&Reported { json, document, is_out_of_time: false }, &surroundings, format, output)?;
    // The run is over: that it was held then is no error now.
    Ok(Exit::Fine)
}

/// The history keeps no names of people: they are asked of Okta, where that can be done, and else ids have to do.
async fn fill_names(document: &mut Document, session: &Session, output: &Output) {
    let nameless =
        document.plan.iter().filter_map(|entry| entry.user.as_ref()).filter(|user| user.name.is_empty() && !user.okta_id.is_empty());
    let ids: BTreeSet<String> = nameless.map(|user| user.okta_id.clone()).collect();
    if ids.is_empty() {
        return;
    }
    match names(&ids, session).await {
        Ok(names) => {
            let users = document.plan.iter_mut().filter_map(|entry| entry.user.as_mut());
            users.for_each(|user| user.name = names.get(&user.okta_id).cloned().unwrap_or_default());
            let open = document.unresolved.iter_mut();
            open.for_each(|open| open.name = names.get(&open.okta_id).cloned().unwrap_or_default());
        }
        Err(error) => output.warning(&format!("users are shown by their Okta ids, as Okta was not asked: {error}")),
    }
}

/// The logins of these users, by their Okta ids; whom Okta does not know is left out.
pub(crate) async fn names(ids: &BTreeSet<String>, session: &Session) -> Result<BTreeMap<String, String>, CliError> {
    let (_, okta) = session.assembler().await?.source(session.deadline(None)).await?;
    let asked: Vec<String> = ids.iter().take(MOST_NAMES).cloned().collect();
    let ask = |id: String| {
        let okta = okta.clone();
        async move { okta.user(&id).await.ok().flatten().map(|user| (id, user.login)) }
    };
    Ok(stream::iter(asked).map(ask).buffer_unordered(CONCURRENCY).filter_map(|named| async { named }).collect().await)
}

/// One run in a list, as JSON.
pub(crate) fn as_json(run: &PastRun) -> Value {
    let report = &run.report;
    json!({
        "run_id": report.run_id, "ended": run.ended.to_string(), "mode": report.mode, "scope": report.scope, "status": report.status,
        "actions": run.actions, "outcomes": report.outcomes, "held": report.held, "unresolved": report.unresolved.len(),
        "failures": report.failures.len(), "calls": report.calls, "duration_ms": report.duration_ms, "plan_hash": report.plan_hash,
    })
}

fn table(runs: &[PastRun], paint: Paint) -> String {
    if runs.is_empty() {
        return "no run has left anything in these days: runs of events that found nothing to do are not kept".to_owned();
    }
    let head = format!(
        "{:<26}  {:<20}  {:<9}  {:>7}  {:>5}  {:>10}  {:<10}  scope",
        "run", "ended", "status", "changed", "held", "unresolved", "took"
    );
    let mut text = format!("{}\n", paint.tone(Tone::Faint, &head));
    for run in runs {
        let report = &run.report;
        let held: usize = report.held.iter().map(|held| held.actions).sum();
        let tone = match report.status.as_str() {
            "converged" | "applied" => Tone::Good,
            "failed" => Tone::Bad,
            _ => Tone::Warning,
        };
        let _ = writeln!(
            text,
            "{:<26}  {:<20}  {}  {:>7}  {held:>5}  {:>10}  {:<10}  {}",
            plain(&report.run_id),
            run.ended.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            paint.tone(tone, &format!("{:<9}", report.status)),
            report.outcomes.changed,
            report.unresolved.len(),
            duration(report.duration_ms),
            plain(&scope_words(&report.scope)),
        );
    }
    text
}

/// A user, group or account as the history of it is asked for.
pub(crate) enum Subject<'a> {
    User(&'a str),
    Group(&'a str),
    Account(&'a str),
}

/// What runs did about somebody: the run, and the actions, the last one first.
pub(crate) struct Episode {
    pub(crate) ended: Timestamp,
    pub(crate) run_id: String,
    pub(crate) action: String,
    pub(crate) about: Name,
    pub(crate) fate: String,
}

/// Most runs whose plans are read for one history.
const MOST_PLANS: usize = 60;

/// What the latest runs did about a user, a group or an account.
pub(crate) async fn history(
    ledger: &Ledger<LedgerTable>,
    subject: &Subject<'_>,
    runs: &[PastRun],
    now: Timestamp,
) -> Result<Vec<Episode>, CliError> {
    let mut episodes = Vec::new();
    for run in runs.iter().filter(|run| run.actions > 0).take(MOST_PLANS) {
        for entry in ledger.past_plan(&run.report.run_id, now).await? {
            let about = match subject {
                Subject::User(id) if entry.is_about_user(id) => entry.group.clone(),
                Subject::Group(id) if entry.is_about_group(id) => entry.user.clone().or(entry.group.clone()),
                Subject::Account(id) if entry.is_about_account(id) => entry.group.clone(),
                Subject::User(_) | Subject::Group(_) | Subject::Account(_) => continue,
            };
            episodes.push(Episode {
                ended: run.ended,
                run_id: run.report.run_id.clone(),
                about: about.unwrap_or_default(),
                fate: entry.fate.clone().unwrap_or_default(),
                action: match (&entry.permission_set, &entry.account) {
                    (Some(_), Some(_)) => format!("{} {}", entry.action, entry.what()),
                    _ => entry.action.clone(),
                },
            });
        }
    }
    Ok(episodes)
}
