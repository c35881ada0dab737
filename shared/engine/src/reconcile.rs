//! The one orchestrator: read, resolve, plan, guard, apply, once, for a scope. Nothing else calls both plan and apply.

mod conclude;
mod round;
mod undo;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sync_core::error::TargetErrorKind;
use sync_core::guard::{ApprovalRefused, Facts};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::outcome::{Effect, NotAttempted, Outcome};
use sync_core::plan::MayRemove;
use sync_core::policy::WriteMode;
use sync_core::report::{Findings, Mode, Report, Throttled};
use tokio::time::Instant;

use crate::apply::Turn;
use crate::engine::{Engine, Spent};
use crate::ports::{Clock, ReadAws, ReadSource, Table, TableError, WriteAws};
use crate::read::{Changes, ReadFailed, Reads, Targets};
use crate::request::{Request, Scope, Since};

/// How far an incremental run looks back behind the beginning of the last one. Okta says in whole seconds, and by its own clock, when
/// a group changed, and shows a change up to 2 s late: without this, what changed within the last run's first moments would be found
/// by the next full run only.
pub(crate) const OVERLAP: SignedDuration = SignedDuration::from_mins(2);

/// What a run came to.
#[derive(Debug)]
pub struct Completed {
    /// The report.
    pub report: Report,
    /// What the report was made of.
    pub findings: Findings,
    /// Whether nothing was written because runs are paused.
    pub is_paused: bool,
    /// Where more time would have done more: how much was done, in changes made and groups read for the next run. 0 is none at all.
    pub cut_off: Option<u64>,
    /// Whether a shadow run saw all of what it was about: nothing is written down of it, the time since a complete run neither.
    pub is_whole_shadow: bool,
}

/// A run that could not be begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReconcileError {
    /// The approval does not fit.
    #[error(transparent)]
    Approval(#[from] ApprovalRefused),
    /// There is no such run to undo.
    #[error("there is no record of a run {0} that changed anything; records are kept for 90 days, under the run_id of a report")]
    NoSuchRun(String),
    /// Records are in the ledger.
    #[error("the record of the run cannot be read")]
    Ledger(#[from] TableError),
}

/// What a run that was cut off has done: another one need not do it again.
fn progress(findings: &Findings) -> u64 {
    let is_done = |outcome: &Outcome| matches!(outcome, Outcome::Done(Effect::Changed) | Outcome::Pending(_));
    let done = findings.outcomes.iter().filter(|(_, outcome)| is_done(outcome)).count() as u64;
    (done + findings.groups_remembered).saturating_sub(findings.pending_before)
}

/// A run under way.
struct Run<'a> {
    request: &'a Request,
    /// Whether it may write.
    writes: bool,
    turn: &'a Turn,
    /// Whether the ledger did not say if runs are paused: then nothing is taken away.
    is_ledger_doubtful: bool,
}

/// The ground of a run: what was read, and how much of it the run is about.
struct Ground {
    reads: Reads,
    /// The groups that the run is about; `None` for all.
    groups: Option<BTreeSet<OktaGroupId>>,
    /// The users that the run is about, and the groups that it is about beside them; `None` where it is not about single users.
    users: Option<(BTreeSet<OktaUserId>, BTreeSet<OktaGroupId>)>,
    /// Users who lose everything, whatever groups the run is about, if they have left.
    leavers: BTreeSet<OktaUserId>,
    /// Users who gain whatever their groups give, whatever groups the run is about: they lose one of those, or are entitled again.
    followed: BTreeSet<OktaUserId>,
    may_remove: MayRemove,
}

impl Ground {
    fn of_all(reads: Reads) -> Self {
        let (leavers, followed) = (BTreeSet::new(), BTreeSet::new());
        Self { reads, groups: None, users: None, leavers, followed, may_remove: MayRemove::Everything }
    }

    fn of_groups((reads, groups): (Reads, BTreeSet<OktaGroupId>)) -> Self {
        Self { groups: Some(groups), ..Self::of_all(reads) }
    }
}

/// Whether a run may write, and what there is to say about that.
struct Permission {
    writes: bool,
    is_paused: bool,
    is_ledger_doubtful: bool,
    notes: Vec<String>,
}

impl Permission {
    fn granted() -> Self {
        Self { writes: true, is_paused: false, is_ledger_doubtful: false, notes: Vec::new() }
    }

    fn denied(note: Option<String>) -> Self {
        Self { writes: false, is_paused: false, is_ledger_doubtful: false, notes: note.into_iter().collect() }
    }

    fn paused(since: Timestamp) -> Self {
        let note = format!("paused since {since}: nothing is written until {{\"pause\":false}}");
        Self { is_paused: true, ..Self::denied(Some(note)) }
    }
}

impl<S, T, L, C> Engine<S, T, L, C>
where
    S: ReadSource,
    T: ReadAws + WriteAws,
    L: Table,
    C: Clock,
{
    /// Runs once.
    ///
    /// # Errors
    /// Only where the run could not be begun; whatever goes wrong later is in the report.
    pub async fn reconcile(&self, request: &Request) -> Result<Completed, ReconcileError> {
        let (started, before, began) = (Instant::now(), self.spent(), self.clock.now());
        let Permission { writes, is_paused, is_ledger_doubtful, notes } = self.may_write(request).await;
        let turn = self.turn_for(request);
        if writes && !turn.is_in_slices() && turn.ready(self).await.is_err() {
            tracing::warn!(event = "lease_not_had", "another run was writing until this one's time was up");
        }
        let result = self.run(&Run { request, writes, turn: &turn, is_ledger_doubtful }).await;
        turn.end(self).await;
        let mut findings = result?;
        findings.notes.extend(notes);
        findings.is_dry = !writes;
        let spent = self.spent();
        findings.throttled =
            Throttled { okta: spent.okta_throttled - before.okta_throttled, aws: spent.target.throttled - before.target.throttled };
        let report = self.report(request, &findings, before, started);
        if writes {
            self.conclude(request, &report, &findings, began).await;
        }
        let is_whole_shadow = request.mode == Mode::Apply && self.policy.write_mode == WriteMode::Shadow && conclude::is_whole(&findings);
        let cut_off = (writes && Self::is_cut_off(&findings)).then(|| progress(&findings));
        Ok(Completed { report, findings, is_paused, cut_off, is_whole_shadow })
    }

    /// Whether the time was up before all was done. A list of groups or users that could not be read has other reasons, and its own alarm.
    fn is_cut_off(findings: &Findings) -> bool {
        let is_late = |outcome: &Outcome| match outcome {
            Outcome::NotAttempted(why) => matches!(why, NotAttempted::OutOfTime | NotAttempted::LeaseTaken),
            Outcome::Failed(error) => error.kind == TargetErrorKind::OutOfTime,
            // What is under way is waited for, and so is the lease, as long as there is time.
            Outcome::Pending(_) => true,
            Outcome::Done(_) => false,
        };
        let is_undone = findings.is_reading_cut_off || findings.outcomes.iter().any(|(_, outcome)| is_late(outcome));
        findings.failed_reads.is_empty() && is_undone
    }

    /// Whether this run may write, and if it was meant to and may not, why.
    async fn may_write(&self, request: &Request) -> Permission {
        if request.mode == Mode::DryRun {
            return Permission::denied(None);
        }
        if self.policy.write_mode == WriteMode::Shadow {
            return Permission::denied(Some("shadow: writes.mode = \"shadow\", so nothing is written".to_owned()));
        }
        let undoes = matches!(request.scope, Scope::Undo(_));
        match self.ledger.pause(self.clock.now()).await {
            Ok(Some(_)) if undoes => Permission::granted(),
            Ok(_) if undoes => {
                let note = "an undo applies only while runs are paused: {\"pause\":true} first, and this once more";
                Permission::denied(Some(note.to_owned()))
            }
            Ok(Some(pause)) => Permission::paused(pause.since),
            Ok(None) => Permission::granted(),
            Err(error) => {
                tracing::error!(event = "pause_unknown", error = %error, "grants go on, removals are held");
                let notes = vec![format!("{error}; grants went on, removals were held")];
                Permission { is_ledger_doubtful: true, notes, ..Permission::granted() }
            }
        }
    }

    fn turn_for(&self, request: &Request) -> Turn {
        match &request.scope {
            Scope::Triggers(triggers) => Turn::whole(&request.run_id, triggers.urgency()),
            Scope::All | Scope::ChangedSince(_) | Scope::Groups(_) | Scope::Users(_) | Scope::Undo(_) => Turn::in_slices(&request.run_id),
        }
    }

    async fn run(&self, run: &Run<'_>) -> Result<Findings, ReconcileError> {
        if let Scope::Undo(run_id) = &run.request.scope {
            return self.undo(run, run_id).await;
        }
        match self.read(&run.request.scope).await {
            Ok(ground) => self.rounds(run, ground).await,
            Err(error) => Ok(Findings { failed_reads: vec![error.to_string()], ..Findings::default() }),
        }
    }

    async fn read(&self, scope: &Scope) -> Result<Ground, ReadFailed> {
        match scope {
            Scope::All => Ok(Ground::of_all(self.read_everything().await?)),
            Scope::Groups(names) => Ok(Ground::of_groups(self.read_named_groups(names).await?)),
            Scope::ChangedSince(since) => match self.moment(*since).await {
                Some(moment) => {
                    let Changes { reads, groups, left, returned } = self.read_changes(moment).await?;
                    Ok(Ground { leavers: left, followed: returned, ..Ground::of_groups((reads, groups)) })
                }
                None => Ok(Ground::of_all(self.read_everything().await?)),
            },
            Scope::Users(names) => self.read_named_users(names).await,
            Scope::Triggers(triggers) => {
                let targets = self.spared(triggers).await;
                let reads = self.read_targets(&targets).await?;
                let may_remove = MayRemove::Only { users: triggers.users_may_lose.clone(), groups: triggers.groups_may_lose.clone() };
                let asked = triggers.users.iter().map(|user| user.id.clone()).collect();
                Ok(Ground { users: Some((asked, targets.groups)), may_remove, ..Ground::of_all(reads) })
            }
            Scope::Undo(_) => Ok(Ground::of_all(Reads::default())),
        }
    }

    async fn read_named_users(&self, names: &[String]) -> Result<Ground, ReadFailed> {
        let (users, missing) = self.find_users(names).await?;
        let asked: BTreeSet<OktaUserId> = users.iter().map(|user| user.id.clone()).collect();
        let mut reads = self.read_targets(&Targets::of_users(users)).await?;
        reads.unresolved.extend(missing);
        let may_remove = MayRemove::Only { users: asked.clone(), groups: BTreeSet::new() };
        Ok(Ground { users: Some((asked, BTreeSet::new())), may_remove, ..Ground::of_all(reads) })
    }

    /// The moment that is meant; `None` where no run has looked at everything yet, so that this one must.
    async fn moment(&self, since: Since) -> Option<Timestamp> {
        match since {
            Since::Moment(at) => Some(at),
            Since::Last => Some(self.ledger.watermark(self.clock.now()).await.ok().flatten()? - OVERLAP),
        }
    }

    /// What the guard has to know beside the plan.
    async fn facts(&self, scope: &Scope, ground: &Ground) -> Facts {
        let now = self.clock.now();
        if *scope == Scope::All {
            return ground.reads.facts(&self.policy, None);
        }
        let known = self.ledger.sizes(now).await.ok().flatten();
        let mut facts = ground.reads.facts(&self.policy, known);
        facts.policy_changed = match self.ledger.policy_hash(now).await {
            Ok(hash) => hash.is_some_and(|hash| hash != self.policy.hash()),
            Err(_) => true,
        };
        facts
    }

    fn report(&self, request: &Request, findings: &Findings, before: Spent, started: Instant) -> Report {
        let after = self.spent();
        let calls = sync_core::report::Calls {
            okta: after.okta - before.okta,
            identity_store: after.target.identity_store - before.target.identity_store,
            scim: after.target.scim - before.target.scim,
            sso_admin: after.target.sso_admin - before.target.sso_admin,
            organizations: after.target.organizations - before.target.organizations,
        };
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let circumstances = sync_core::report::Circumstances {
            run_id: request.run_id.clone(),
            mode: request.mode,
            scope: request.scope.to_json(),
            calls,
            duration_ms,
        };
        Report::of(findings, circumstances)
    }
}
