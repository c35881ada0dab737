//! What an applying run leaves behind for the others: the budget settled, its record, the watermark, sizes and pins.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sync_core::action::{Action, AssignmentRemovalReason};
use sync_core::assignments::{RuleText, vanished};
use sync_core::error::TargetErrorKind;
use sync_core::guard::{Rule, Spend, Window};
use sync_core::history::Change;
use sync_core::ids::{GroupId, OktaUserId};
use sync_core::outcome::{Effect, Outcome};
use sync_core::policy::ManagedUsers;
use sync_core::report::document::Document;
use sync_core::report::{Findings, Report, Status};
use sync_core::resolve::{departing, told_by_external_id, told_by_name};
use sync_core::snapshot::UserSighting;
use sync_core::unresolved::UnresolvedKind;

use super::Ground;
use crate::engine::Engine;
use crate::ledger::{KnownSizes, OpenHeld, RunRecord, Touched};
use crate::ports::{Clock, Table, TableError};
use crate::read::Reads;
use crate::request::{Request, Scope, Since};

impl<S, T, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Writes down what an applying run came to. What cannot be written is logged: the next run finds the facts again.
    pub(super) async fn conclude(&self, request: &Request, report: &Report, findings: &Findings, began: Timestamp) {
        if let Err(error) = self.try_conclude(request, report, findings, began).await {
            tracing::error!(event = "run_not_concluded", run_id = request.run_id, error = %error, "the next run finds the facts again");
        }
    }

    async fn try_conclude(&self, request: &Request, report: &Report, findings: &Findings, began: Timestamp) -> Result<(), TableError> {
        self.settle(&request.run_id, findings).await;
        let now = self.clock.now();
        let changes = changes(findings);
        if !changes.is_empty() {
            let record = RunRecord { run_id: request.run_id.clone(), ended: now, status: report.status.as_str().to_owned(), changes };
            self.ledger.record_run(&record, now).await?;
        }
        // A run of events that found nothing to do is one of very many, and nobody looks for it.
        if request.scope == Scope::All || report.status != Status::Converged {
            self.ledger.record_past_run(Document::for_history(report, findings), now).await?;
        }
        if request.scope == Scope::All && is_read_whole(findings) {
            self.ledger.replace_held(open_held(findings), began, now).await?;
        } else {
            self.ledger.add_held(open_held(findings), now).await?;
        }
        if request.scope == Scope::All && report.status != Status::Failed {
            self.ledger.set_policy_hash(self.policy.hash(), now).await?;
            self.remember_rules(findings, now).await?;
        }
        if !is_whole(findings) {
            return if request.scope == Scope::All { self.ledger.set_first_run(now).await } else { Ok(()) };
        }
        match request.scope {
            Scope::All => {
                self.ledger.set_watermark(began, now).await?;
                self.ledger.set_last_complete(now, now).await
            }
            Scope::ChangedSince(Since::Last) => self.ledger.set_watermark(began, now).await,
            Scope::ChangedSince(Since::Moment(_)) | Scope::Groups(_) | Scope::Users(_) | Scope::Triggers(_) | Scope::Undo(_) => Ok(()),
        }
    }

    /// Remembers the rules that were followed. One that is there no more stays remembered as long as something of it is held, frozen, or failed.
    async fn remember_rules(&self, findings: &Findings, now: Timestamp) -> Result<(), TableError> {
        let current: Vec<RuleText> = self.policy.assignments.iter().map(|rule| rule.text.clone()).collect();
        let former = self.ledger.former_rules(now).await?;
        let is_orphaned =
            |action: &Action| matches!(action, Action::DeleteAssignment { reason: AssignmentRemovalReason::OrphanedRule, .. });
        let is_held = findings.held.actions().actions().any(|(_, action)| is_orphaned(action));
        let is_open = !is_whole(findings) || findings.has_frozen_orphans || is_held;
        let kept = vanished(&former, &current).into_iter().filter(|_| is_open).cloned();
        let rules: Vec<RuleText> = current.iter().cloned().chain(kept).collect();
        if rules == former { Ok(()) } else { self.ledger.set_former_rules(&rules, now).await }
    }

    /// Gives back what was reserved and not used so far.
    pub(super) async fn settle(&self, run_id: &str, findings: &Findings) {
        if let Err(error) = self.ledger.settle(run_id, &used(findings), self.clock.now()).await {
            tracing::warn!(event = "budget_not_settled", run_id, error = %error, "what was reserved counts as used until it leaves the window");
        }
    }

    /// Writes down what was read, for runs that read less: who was told by their name alone, how large the groups are, and whom this run
    /// decided on.
    /// Returns how many groups were remembered that were not before.
    pub(super) async fn remember(&self, request: &Request, ground: &Ground) -> u64 {
        let groups = if request.scope == Scope::All { self.remember_members(&ground.reads).await } else { 0 };
        if let Err(error) = self.try_remember(request, &ground.reads).await {
            tracing::warn!(event = "reads_not_remembered", error = %error, "the next run finds the facts again");
        }
        groups
    }

    async fn try_remember(&self, request: &Request, reads: &Reads) -> Result<(), TableError> {
        let now = self.clock.now();
        let mut found = told_by_name(&reads.okta, &reads.actual);
        if request.scope == Scope::All && self.says_farewell() && !reads.actual.pins_unread {
            found.extend(told_by_external_id(&reads.okta, &reads.actual));
        }
        self.ledger.set_pins(&found, now).await?;
        self.remember_departing(reads, now).await?;
        match &request.scope {
            Scope::All => self.ledger.set_sizes(&self.sizes(reads, now).await, now).await,
            Scope::Triggers(triggers) => {
                let users = triggers.users.iter().map(|user| user.id.clone()).collect();
                let touched = Touched { users, groups: triggers.groups.clone() };
                self.ledger.touch(&request.run_id, &touched, now).await
            }
            Scope::ChangedSince(_) | Scope::Groups(_) | Scope::Users(_) | Scope::Undo(_) => Ok(()),
        }
    }

    /// Whether users who are not entitled are disabled or deleted.
    fn says_farewell(&self) -> bool {
        self.policy.users.managed.as_ref().is_some_and(ManagedUsers::says_farewell)
    }

    /// Writes down who is not entitled since now, and forgets whoever was seen to be entitled, or to be gone from Identity Center.
    async fn remember_departing(&self, reads: &Reads, now: Timestamp) -> Result<(), TableError> {
        if !self.says_farewell() {
            return Ok(());
        }
        let departing = departing(&reads.okta, &reads.actual, &self.policy);
        for id in departing.keys().filter(|id| !reads.actual.departing.contains_key(id)) {
            self.ledger.set_departing(id, now).await?;
        }
        let is_seen = |id: &&OktaUserId| {
            let sighting = reads.okta.users.get(id);
            matches!(sighting, Some(UserSighting::Present(_)))
                || (matches!(sighting, Some(UserSighting::Gone)) && reads.actual.lists_all_users)
        };
        for id in reads.actual.departing.keys().filter(|id| !departing.contains_key(id)).filter(is_seen) {
            self.ledger.forget_departing(id).await?;
        }
        Ok(())
    }

    /// Records when the groups of triggers were read, if nothing of them was left open: later triggers for them are then answered.
    pub(super) async fn answer_later_triggers(&self, reads: &Reads, findings: &Findings) {
        let is_open = !findings.unresolved.is_empty() || findings.outcomes.iter().any(|(_, outcome)| !matches!(outcome, Outcome::Done(_)));
        if is_open {
            return;
        }
        for (group, at) in &reads.read_at {
            if let Err(error) = self.ledger.set_read_at(group, *at, self.clock.now()).await {
                tracing::warn!(event = "read_not_remembered", error = %error);
            }
        }
    }

    /// The sizes of the managed groups; single ones only from the population on from which a group has a limit of its own, and with what the
    /// window took of them so far, which is held against them.
    async fn sizes(&self, reads: &Reads, now: Timestamp) -> KnownSizes {
        let facts = reads.facts(&self.policy, None);
        let taken = match self.ledger.window(self.policy.guard.window_hours, now).await {
            Window::Used(usage) => usage.by_group,
            Window::Unavailable => BTreeMap::new(),
        };
        let before = |(group, size): (GroupId, u64)| {
            let size = size + taken.get(&group).copied().unwrap_or_default();
            (size >= self.policy.guard.min_population).then_some((group, size))
        };
        KnownSizes {
            groups: facts.managed_groups,
            memberships: facts.managed_memberships,
            assignments: facts.managed_assignments,
            by_group: facts.group_sizes.into_iter().filter_map(before).collect(),
        }
    }
}

/// Whether a run looked at all that it was about, and did what it wanted and was not held.
pub(super) fn is_whole(findings: &Findings) -> bool {
    let undone = findings.outcomes.iter().any(|(_, outcome)| !matches!(outcome, Outcome::Done(_)));
    is_read_whole(findings) && !undone
}

/// Whether a run looked at all that it was about.
fn is_read_whole(findings: &Findings) -> bool {
    let unread = findings.unresolved.iter().any(|entry| entry.kind == UnresolvedKind::Unreadable);
    findings.failed_reads.is_empty() && !unread
}

/// What waits for a person: what passes by itself is tried again.
fn open_held(findings: &Findings) -> OpenHeld {
    let entries = findings.held.entries.iter().filter(|entry| !entry.rule.passes_by_itself());
    let counted = entries.map(|entry| (entry.rule, entry.actions.len() as u64));
    counted.fold(OpenHeld::default(), |held, (rule, actions)| OpenHeld {
        actions: held.actions + actions.max(1),
        leavers: held.leavers + if rule == Rule::MaxLeavers { actions } else { 0 },
    })
}

/// What was used of what was reserved: what was done, and what may have been done although no answer came.
fn used(findings: &Findings) -> Spend {
    let was_used = |outcome: &Outcome| match outcome {
        Outcome::Done(Effect::Changed) | Outcome::Pending(_) => true,
        Outcome::Failed(error) => {
            matches!(error.kind, TargetErrorKind::Unavailable | TargetErrorKind::Malformed | TargetErrorKind::OutOfTime)
        }
        Outcome::Done(Effect::AlreadyInEffect) | Outcome::NotAttempted(_) => false,
    };
    Spend::of(findings.outcomes.iter().filter(|(_, outcome)| was_used(outcome)).map(|(action, _)| action))
}

fn changes(findings: &Findings) -> Vec<Change> {
    let changed = findings.outcomes.iter().filter(|(_, outcome)| *outcome == Outcome::Done(Effect::Changed));
    changed.map(|(action, _)| Change::of(action)).collect()
}
