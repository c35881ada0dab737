//! What an applying run leaves behind for the others: the budget settled, its record, the watermark, sizes and pins.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sync_core::action::{Action, GroupRef};
use sync_core::error::TargetErrorKind;
use sync_core::guard::Spend;
use sync_core::ids::{OktaUserId, UserId};
use sync_core::outcome::{Effect, Outcome};
use sync_core::report::{Findings, Report, Status};

use crate::engine::Engine;
use crate::ledger::{RunChange, RunRecord};
use crate::ports::{Clock, Table, TableError};
use crate::request::{Request, Scope};

impl<S, T, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Writes down what an applying run came to. What cannot be written is logged: the next run finds the facts again.
    pub(super) async fn conclude(&self, request: &Request, report: &Report, findings: &Findings, began: Timestamp) {
        if let Err(error) = self.try_conclude(request, report, findings, began).await {
            tracing::error!(event = "run_not_concluded", run_id = request.run_id, error = %error, "the next run finds the facts again");
        }
    }

    async fn try_conclude(&self, request: &Request, report: &Report, findings: &Findings, began: Timestamp) -> Result<(), TableError> {
        let now = self.clock.now();
        if findings.outcomes.iter().any(|(action, _)| action.is_removal()) || !findings.held.is_empty() {
            self.ledger.settle(&request.run_id, &used(findings), now).await?;
        }
        let changes = changes(findings);
        if !changes.is_empty() {
            let record = RunRecord { run_id: request.run_id.clone(), ended: now, status: report.status.as_str().to_owned(), changes };
            self.ledger.record_run(&record, now).await?;
        }
        let whole = matches!(report.status, Status::Applied | Status::Converged | Status::Held);
        match request.scope {
            Scope::All if whole => {
                self.ledger.set_watermark(began, now).await?;
                self.ledger.set_policy_hash(self.policy.hash(), now).await?;
                self.ledger.set_last_complete(now, now).await
            }
            Scope::ChangedSince(_) if whole => self.ledger.set_watermark(began, now).await,
            Scope::All | Scope::ChangedSince(_) | Scope::Groups(_) | Scope::Users(_) | Scope::Triggers(_) => Ok(()),
        }
    }

    /// Pins the users that were told by their name alone.
    pub(super) async fn pin(&self, found: &BTreeMap<OktaUserId, UserId>) {
        if let Err(error) = self.ledger.set_pins(found, self.clock.now()).await {
            tracing::warn!(event = "pins_not_recorded", error = %error);
        }
    }
}

/// What was used of what was reserved: what was done, and what may have been done although no answer came.
fn used(findings: &Findings) -> Spend {
    let was_used = |outcome: &Outcome| match outcome {
        Outcome::Done(Effect::Changed) => true,
        Outcome::Failed(error) => {
            matches!(error.kind, TargetErrorKind::Unavailable | TargetErrorKind::Malformed | TargetErrorKind::OutOfTime)
        }
        Outcome::Done(Effect::AlreadyInEffect) | Outcome::NotAttempted(_) => false,
    };
    Spend::of(findings.outcomes.iter().filter(|(_, outcome)| was_used(outcome)).map(|(action, _)| action))
}

fn changes(findings: &Findings) -> Vec<RunChange> {
    let changed = findings.outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Done(Effect::Changed));
    changed.map(|(action, _)| change(action)).collect()
}

fn change(action: &Action) -> RunChange {
    let group = match action {
        Action::AddMembership { group_ref: GroupRef::New(_), .. } => None,
        Action::RenameGroup(_)
        | Action::AdoptGroup { .. }
        | Action::CreateGroup { .. }
        | Action::AddMembership { .. }
        | Action::RemoveMembership(_)
        | Action::ReleaseGroup { .. }
        | Action::DeleteGroup { .. } => action.group_id().cloned(),
    };
    RunChange {
        action: action.name().to_owned(),
        okta_group: action.group().okta_id.clone(),
        group,
        okta_user: action.user().and_then(|user| user.okta_id.clone()),
        user: action.user_id().cloned(),
    }
}
