//! One run of the engine, as a command asks for it, and its report.

use std::time::Duration;

use engine::{Completed, Request, Scope};
use serde_json::Value;
use sync_core::error::TargetErrorKind;
use sync_core::outcome::{NotAttempted, Outcome};
use sync_core::plan::PlanHash;
use sync_core::report::Mode;
use sync_core::report::document::Document;
use sync_core::report::html::{self, Rates, Surroundings};
use tokio::time::Instant;

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;
use crate::scope::FormatArgs;
use crate::session::{CliEngine, Session};
use crate::show;

/// What a command asks of the engine.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) mode: Mode,
    pub(crate) scope: Scope,
    pub(crate) approve: Option<PlanHash>,
}

impl Wanted {
    pub(crate) fn dry(scope: Scope) -> Self {
        Self { mode: Mode::DryRun, scope, approve: None }
    }

    pub(crate) fn apply(scope: Scope) -> Self {
        Self { mode: Mode::Apply, scope, approve: None }
    }
}

/// A report as JSON, exactly as the engine made it, and read back for people.
#[derive(Debug, Clone)]
pub(crate) struct Reported {
    pub(crate) json: Value,
    pub(crate) document: Document,
    /// Whether the time was up before everything had its turn.
    pub(crate) is_out_of_time: bool,
}

/// What cannot be known without the ledger.
const WITHOUT_TABLE: &str = "no table is given (--table): what other runs removed in the window, pauses, pinned users and the rules of earlier policies are \
                             not known, so the guard may hold more than this shows, and \"last\" means everything";

/// Who changed something, in the events on the bus.
const SENDER: &str = "lockstep";

/// How long the bus is waited for after a run. A thousand changes are a hundred calls, four at a time.
const TELLING: Duration = Duration::from_secs(60);

/// Runs once.
pub(crate) async fn once(session: &Session, wanted: Wanted, deadline: Instant) -> Result<Reported, CliError> {
    let engine = session.engine(deadline).await?;
    with(&engine, session, wanted).await
}

/// Runs once on an engine that is there.
pub(crate) async fn with(engine: &CliEngine, session: &Session, wanted: Wanted) -> Result<Reported, CliError> {
    let Wanted { mode, scope, approve } = wanted;
    let request = Request { run_id: assembly::run_id(session.now()), mode, scope, approve };
    let Completed { mut report, findings, .. } = Box::pin(engine.reconcile(&request)).await?;
    if session.settings().table.is_none() {
        report.notes.push(WITHOUT_TABLE.to_owned());
    }
    if mode == Mode::Apply {
        let until = Instant::now() + TELLING;
        let lost = session.changes().await.send(SENDER, &report.run_id, &findings, until).await.unwrap_or_default();
        report.notes.extend((lost > 0).then(|| format!("{lost} change events are not on the bus (LOCKSTEP_EVENT_BUS); -v says why")));
    }
    let json = report.to_json();
    let document = read_back(&json)?;
    let is_out_of_time = findings.outcomes.iter().any(|(_, outcome)| is_late(outcome));
    Ok(Reported { json, document, is_out_of_time })
}

fn is_late(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::NotAttempted(why) => *why == NotAttempted::OutOfTime,
        Outcome::Failed(error) => error.kind == TargetErrorKind::OutOfTime,
        Outcome::Done(_) | Outcome::Pending(_) => false,
    }
}

pub(crate) fn read_back(json: &Value) -> Result<Document, CliError> {
    Document::from_json(json).map_err(|error| CliError::Other(error.into()))
}

/// Shows a report in the form that is asked for, and says how the process ends.
pub(crate) fn show(reported: &Reported, surroundings: &Surroundings, format: &FormatArgs, output: &Output) -> Result<Exit, CliError> {
    let document = &reported.document;
    if let Some(path) = &format.html {
        std::fs::write(path, html::page(document, surroundings)).map_err(|error| CliError::Write(path.clone(), error))?;
        output.message(&format!("the report is in {}", path.display()));
    }
    if format.json {
        output.data(&pretty(&reported.json))?;
    } else if format.markdown {
        output.data(&document.to_markdown())?;
    } else {
        output.data(&show::report(document, output.paint))?;
    }
    Ok(Exit::of_word(&document.status))
}

/// What a page shows beside the report of a run that has just ended.
pub(crate) fn surroundings(session: &Session) -> Surroundings {
    let rates = session.policy().map_or_else(
        |_| Rates::default(),
        |policy| Rates { identity_store: policy.limits.identity_store_tps, sso_admin: policy.limits.sso_admin_tps },
    );
    Surroundings { ended: Some(when(session.now())), rates }
}

/// A moment as people write it.
pub(crate) fn when(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

pub(crate) fn pretty(json: &Value) -> String {
    serde_json::to_string_pretty(json).expect("JSON is always JSON")
}
