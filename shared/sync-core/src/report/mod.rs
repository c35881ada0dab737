//! The report of a run: what was wanted, what became of it, what was withheld and why, and what it cost.

pub mod document;
pub mod html;
mod markdown;
mod render;

pub use markdown::scope_words;
use serde::{Deserialize, Serialize};

use crate::action::{Action, GroupLabel};
use crate::guard::Held;
use crate::outcome::{Effect, Outcome};
use crate::plan::Plan;
use crate::unresolved::{Unresolved, UnresolvedKind};

/// A report, in the contract's form.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The run.
    pub run_id: String,
    /// `dry_run` or `apply`.
    pub mode: Mode,
    /// What the run looked at, as it was asked.
    pub scope: serde_json::Value,
    /// The first that holds, in the order of [`Status`].
    pub status: Status,
    /// Over the held actions where any are held, else over the plan.
    pub plan_hash: String,
    /// The actions in the order of their execution, the held ones among them.
    pub plan: Vec<PlanEntry>,
    /// How many actions were left out here, where the plan is longer than an answer may carry; the log has it whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_cut: Option<usize>,
    /// What became of the actions.
    pub outcomes: Outcomes,
    /// What the guard withheld.
    pub held: Vec<HeldEntry>,
    /// What cannot be acted on yet.
    pub unresolved: Vec<UnresolvedEntry>,
    /// What failed, and what was not attempted.
    pub failures: Vec<Failure>,
    /// What the run cost.
    pub calls: Calls,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// What a reader should know beside that, such as that runs are paused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Whether changes were to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything but the changes.
    DryRun,
    /// Changes were made.
    Apply,
}

/// How a run ended; the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The list of groups or users could not be read whole on either side, and nothing was written.
    Failed,
    /// The guard withheld something; the rest was done.
    Held,
    /// Something failed, is pending, was not attempted, or could not be read.
    Partial,
    /// A dry, shadow or paused run with something to do.
    Planned,
    /// All done.
    Applied,
    /// Nothing to do.
    Converged,
}

impl Status {
    /// The contract's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Held => "held",
            Self::Partial => "partial",
            Self::Planned => "planned",
            Self::Applied => "applied",
            Self::Converged => "converged",
        }
    }
}

/// A group or user in a report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Named {
    /// The Okta id; empty where none is known.
    pub okta_id: String,
    /// The name.
    pub name: String,
}

/// An account in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedAccount {
    /// The twelve digits.
    pub id: String,
    /// The name; empty where it was not read.
    pub name: String,
}

/// One action in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanEntry {
    /// The contract's name of the action.
    pub action: &'static str,
    /// The group; not there where the action is about a user alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Named>,
    /// The user, where the action is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Named>,
    /// The account, where the action is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<NamedAccount>,
    /// The permission set, by name, where the action is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// Why.
    pub reason: String,
    /// The rule that withheld it, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<&'static str>,
}

/// What became of the actions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Changed.
    pub changed: u64,
    /// Was so already.
    pub already_in_effect: u64,
    /// Begun, and not at its end.
    pub pending: u64,
    /// Tried, and failed.
    pub failed: u64,
    /// Not tried.
    pub not_attempted: u64,
}

/// What one rule withheld.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldEntry {
    /// The rule.
    pub rule: &'static str,
    /// Its limit.
    pub limit: u64,
    /// What it would have been.
    pub actual: u64,
    /// How many actions were withheld.
    pub actions: usize,
    /// The groups that it is about.
    pub groups: Vec<Named>,
}

/// Something that cannot be acted on yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnresolvedEntry {
    /// The kind.
    pub kind: &'static str,
    /// The Okta id; empty where none is known.
    pub okta_id: String,
    /// The name.
    pub name: String,
    /// Why, and what would mend it.
    pub reason: String,
}

/// An action or a read that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The action and what it was about, or `read`.
    pub action: String,
    /// What went wrong.
    pub error: String,
}

/// What a run cost, in requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// Okta.
    pub okta: u64,
    /// Identity Store.
    pub identity_store: u64,
    /// SCIM.
    pub scim: u64,
    /// sso-admin.
    pub sso_admin: u64,
    /// Organizations.
    pub organizations: u64,
}

/// What a run came to, from which its report is made.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// All that was wanted.
    pub plan: Plan,
    /// What of it was withheld.
    pub held: Held,
    /// What became of the rest; empty where nothing was to be applied.
    pub outcomes: Vec<(Action, Outcome)>,
    /// What cannot be acted on yet.
    pub unresolved: Vec<Unresolved>,
    /// Whether nothing was to be written: a dry, shadow or paused run.
    pub is_dry: bool,
    /// Reads without which there is no plan.
    pub failed_reads: Vec<String>,
    /// What a reader should know beside that.
    pub notes: Vec<String>,
    /// Whether something was not read for want of time.
    pub is_reading_cut_off: bool,
    /// Groups whose members were read, and are remembered for the next run.
    pub groups_remembered: u64,
    /// Whether what a rule gave that is there no more is in accounts where nothing is taken now: the rule is to be remembered until it is.
    pub has_frozen_orphans: bool,
    /// How many of the operations that are pending an earlier run had begun.
    pub pending_before: u64,
    /// How often the sides said "too many".
    pub throttled: Throttled,
}

/// Requests of a run that were refused as too many, before they were sent again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Throttled {
    /// By Okta (429).
    pub okta: u64,
    /// By Identity Store, sso-admin, Organizations and the SCIM endpoint together.
    pub aws: u64,
}

/// The circumstances of a run, as a report names them.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// The run.
    pub run_id: String,
    /// Whether changes were to be made.
    pub mode: Mode,
    /// What the run looked at, as it was asked.
    pub scope: serde_json::Value,
    /// What it cost.
    pub calls: Calls,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// Most actions that a report carries. At some 250 bytes each they stay well below the 6 MB of an invocation's answer.
const MAX_PLAN_ENTRIES: usize = 10_000;

impl Report {
    /// The report of what a run came to.
    pub fn of(findings: &Findings, circumstances: Circumstances) -> Self {
        let Circumstances { run_id, mode, scope, calls, duration_ms } = circumstances;
        let hashed = if findings.held.actions().is_empty() { findings.plan.hash() } else { findings.held.hash() };
        Self {
            run_id,
            mode,
            scope,
            status: status(findings),
            plan_hash: hashed.as_str().to_owned(),
            plan: plan_entries(findings),
            plan_cut: findings.plan.len().checked_sub(MAX_PLAN_ENTRIES).filter(|cut| *cut > 0),
            outcomes: count(&findings.outcomes),
            held: held_entries(&findings.held),
            unresolved: findings.unresolved.iter().map(unresolved_entry).collect(),
            failures: failures(findings),
            calls,
            duration_ms,
            notes: findings.notes.clone(),
        }
    }

    /// The report as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("a report of strings and numbers is always JSON")
    }
}

fn status(findings: &Findings) -> Status {
    let unread = findings.unresolved.iter().any(|entry| entry.kind == UnresolvedKind::Unreadable);
    let unfinished = findings.outcomes.iter().any(|(_, outcome)| !matches!(outcome, Outcome::Done(_)));
    if !findings.failed_reads.is_empty() {
        Status::Failed
    } else if !findings.held.is_empty() {
        Status::Held
    } else if unread || unfinished {
        Status::Partial
    } else if findings.plan.is_empty() {
        Status::Converged
    } else if findings.is_dry {
        Status::Planned
    } else {
        Status::Applied
    }
}

fn plan_entries(findings: &Findings) -> Vec<PlanEntry> {
    let held = findings.held.by_action();
    let entry = |action: &Action| PlanEntry {
        action: action.name(),
        group: action.group().map(named),
        user: action
            .user()
            .map(|user| Named { okta_id: user.okta_id.as_ref().map(ToString::to_string).unwrap_or_default(), name: user.name.clone() }),
        account: action.assignment().map(|target| NamedAccount { id: target.account.to_string(), name: target.account_name.clone() }),
        permission_set: action.assignment().map(|target| target.permission_set_name.clone()),
        reason: action.reason(),
        held: held.get(action).map(|rule| rule.as_str()),
    };
    findings.plan.actions().take(MAX_PLAN_ENTRIES).map(|(_, action)| entry(action)).collect()
}

fn named(label: &GroupLabel) -> Named {
    Named { okta_id: label.okta_id.to_string(), name: label.name.clone() }
}

fn held_entries(held: &Held) -> Vec<HeldEntry> {
    let entry = |entry: &crate::guard::Withheld| HeldEntry {
        rule: entry.rule.as_str(),
        limit: entry.limit,
        actual: entry.actual,
        actions: entry.actions.len(),
        groups: entry.groups.iter().map(named).collect(),
    };
    held.entries.iter().map(entry).collect()
}

fn unresolved_entry(entry: &Unresolved) -> UnresolvedEntry {
    UnresolvedEntry {
        kind: entry.kind.as_str(),
        okta_id: entry.okta_id.clone().unwrap_or_default(),
        name: entry.name.clone(),
        reason: entry.reason.clone(),
    }
}

fn count(outcomes: &[(Action, Outcome)]) -> Outcomes {
    let mut counts = Outcomes::default();
    for (_, outcome) in outcomes {
        match outcome {
            Outcome::Done(Effect::Changed) => counts.changed += 1,
            Outcome::Done(Effect::AlreadyInEffect) => counts.already_in_effect += 1,
            Outcome::Pending(_) => counts.pending += 1,
            Outcome::Failed(_) => counts.failed += 1,
            Outcome::NotAttempted(_) => counts.not_attempted += 1,
        }
    }
    counts
}

fn failures(findings: &Findings) -> Vec<Failure> {
    let reads = findings.failed_reads.iter().map(|error| Failure { action: "read".to_owned(), error: error.clone() });
    let of_action = |(action, outcome): &(Action, Outcome)| {
        let error = match outcome {
            Outcome::Done(_) => return None,
            Outcome::Pending(request) => format!("pending: AWS is not at its end with request {request}; the next run finds it"),
            Outcome::Failed(error) => error.to_string(),
            Outcome::NotAttempted(why) => format!("not attempted: {why}"),
        };
        Some(Failure { action: described(action), error })
    };
    reads.chain(findings.outcomes.iter().filter_map(of_action)).collect()
}

/// An action in one line: what, which group, whom.
fn described(action: &Action) -> String {
    let mut line = action.name().to_owned();
    if let Some(group) = action.group() {
        line.push_str(&format!(" {} ({})", group.name, group.okta_id));
    }
    if let Some(target) = action.assignment() {
        line.push_str(&format!(" {} on {}", target.permission_set_name, target.account));
    }
    if let Some(user) = action.user() {
        let id = user.okta_id.as_ref().map_or("no Okta id", |id| id.as_str());
        line.push_str(&format!(" {} ({id})", user.name));
    }
    line
}
