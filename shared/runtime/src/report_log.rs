//! A report in the log: one line for the run, one for each action and each thing that needs a person. Ids, and no e-mail addresses.

use sync_core::action::Action;
use sync_core::outcome::{Effect, Outcome};
use sync_core::report::{Findings, Report, Status};

use crate::config::Function;
use crate::metrics::{Metric, Name};

/// Writes a run into the log, the plan whole.
pub fn log(function: Function, report: &Report, findings: &Findings) {
    let held: usize = report.held.iter().map(|entry| entry.actions).sum();
    tracing::info!(
        event = "run",
        function = function.as_str(),
        run_id = report.run_id,
        status = report.status.as_str(),
        actions = findings.plan.len(),
        changed = report.outcomes.changed,
        already_in_effect = report.outcomes.already_in_effect,
        failed = report.outcomes.failed,
        not_attempted = report.outcomes.not_attempted,
        held,
        unresolved = report.unresolved.len(),
        pending = report.outcomes.pending,
        okta_calls = report.calls.okta,
        sso_admin_calls = report.calls.sso_admin,
        organizations_calls = report.calls.organizations,
        identity_store_calls = report.calls.identity_store,
        okta_throttled = findings.throttled.okta,
        aws_throttled = findings.throttled.aws,
        duration_ms = report.duration_ms,
        plan_hash = report.plan_hash,
    );
    findings.failed_reads.iter().for_each(|error| tracing::error!(event = "read_failed", run_id = report.run_id, error));
    log_actions(report, findings);
    for entry in &report.held {
        let (rule, limit, actual, actions) = (entry.rule, entry.limit, entry.actual, entry.actions);
        tracing::warn!(event = "held", run_id = report.run_id, rule, limit, actual, actions);
    }
    for entry in &report.unresolved {
        tracing::warn!(event = "unresolved", run_id = report.run_id, kind = entry.kind, okta_id = entry.okta_id);
        tracing::debug!(
            event = "unresolved_detail",
            run_id = report.run_id,
            okta_id = entry.okta_id,
            name = entry.name,
            reason = entry.reason
        );
    }
}

fn log_actions(report: &Report, findings: &Findings) {
    let held = findings.held.by_action();
    let outcomes: std::collections::BTreeMap<&Action, &Outcome> =
        findings.outcomes.iter().map(|(action, outcome)| (action, outcome)).collect();
    for (phase, action) in findings.plan.actions() {
        let outcome = match (outcomes.get(action), held.get(action)) {
            (Some(outcome), _) => said(outcome),
            (None, Some(rule)) => format!("held: {}", rule.as_str()),
            (None, None) => "planned".to_owned(),
        };
        tracing::info!(
            event = "action",
            run_id = report.run_id,
            action = action.name(),
            phase = ?phase,
            okta_group = action.group().map(|group| group.okta_id.as_str()),
            group_id = action.group_id().map(sync_core::ids::GroupId::as_str),
            okta_user = action.user().and_then(|user| user.okta_id.as_ref()).map(sync_core::ids::OktaUserId::as_str),
            account = action.assignment().map(|target| target.account.as_str()),
            permission_set = action.assignment().map(|target| target.permission_set.as_str()),
            user_id = action.user_id().map(sync_core::ids::UserId::as_str),
            reason = action.reason(),
            outcome,
        );
    }
}

fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(Effect::Changed) => "changed".to_owned(),
        Outcome::Done(Effect::AlreadyInEffect) => "already in effect".to_owned(),
        Outcome::Pending(request) => format!("pending: {request}"),
        Outcome::Failed(error) => format!("failed: {error}"),
        Outcome::NotAttempted(why) => format!("not attempted: {why}"),
    }
}

/// What a run adds to the metrics.
pub fn metrics(report: &Report, findings: &Findings) -> Vec<Metric> {
    let leavers = report.plan.iter().filter(|entry| entry.held == Some("max_leavers")).count();
    let held: usize = report.held.iter().map(|entry| entry.actions.max(1)).sum();
    vec![
        Metric::flag(Name::RunFailed, report.status == Status::Failed),
        Metric::flag(Name::RunHeld, report.status == Status::Held),
        Metric::flag(Name::RunPartial, report.status == Status::Partial),
        Metric::count(Name::Changed, report.outcomes.changed),
        Metric::count(Name::FailedActions, report.outcomes.failed),
        Metric::count(Name::NotAttemptedActions, report.outcomes.not_attempted),
        Metric::count(Name::HeldActions, held as u64),
        Metric::count(Name::HeldLeavers, leavers as u64),
        Metric::count(Name::Unresolved, report.unresolved.len() as u64),
        Metric::count(Name::PendingActions, report.outcomes.pending),
        Metric::count(Name::SsoAdminCalls, report.calls.sso_admin),
        Metric::count(Name::OktaCalls, report.calls.okta),
        Metric::count(Name::IdentityStoreCalls, report.calls.identity_store),
        Metric::count(Name::OktaThrottled, findings.throttled.okta),
        Metric::count(Name::AwsThrottled, findings.throttled.aws),
        Metric::count(Name::RunMilliseconds, report.duration_ms),
    ]
}
