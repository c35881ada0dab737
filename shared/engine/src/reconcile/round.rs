//! Rounds: plan, guard and apply; and once more for what shifted in the meantime.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sync_core::action::{Action, GroupLabel};
use sync_core::guard::{Facts, Held, Judgement, Window, judge};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::outcome::{NotAttempted, Outcome};
use sync_core::plan::{MayRemove, Plan, PlanHash, Restriction, mark_full, plan};
use sync_core::policy::Policy;
use sync_core::reading::Reading;
use sync_core::records::OktaGroup;
use sync_core::report::Findings;
use sync_core::resolve::{has_frozen_orphans, resolve};
use sync_core::snapshot::GroupSighting;
use sync_core::unresolved::{Unresolved, UnresolvedKind};

use super::{Ground, ReconcileError, Run};
use crate::apply::Writing;
use crate::engine::Engine;
use crate::ledger::KnownSizes;
use crate::ports::{Clock, ReadAws, ReadSource, Table, WriteAws};
use crate::read::{Reads, UserQuery};
use crate::request::Scope;

/// What a run wants, and what it cannot act on.
type Wanted = (Plan, Vec<Unresolved>);

/// How often a run looks again at what shifted. What still shifts then is left to the next run.
const ROUNDS: usize = 3;

/// Okta says in whole seconds when a group changed: what changes twice within one does not show the second time.
const STAMPED_IN: Duration = Duration::from_secs(1);

/// How often a run looks for groups that changed while it read. Each look is for what changed during the reading before, which is ever shorter.
const LOOKS: usize = 5;

/// How many of those who lose a group are looked at one by one: as many as may lose a membership in a day unless the policy says otherwise.
/// At two calls each that is about ten seconds.
const MOST_FOLLOWED: usize = 100;

impl<S, T, L, C> Engine<S, T, L, C>
where
    S: ReadSource,
    T: ReadAws + WriteAws,
    L: Table,
    C: Clock,
{
    pub(super) async fn rounds(&self, run: &Run<'_>, mut ground: Ground) -> Result<Findings, ReconcileError> {
        let mut known = self.look_for_movers(&run.request.scope, &mut ground, None).await;
        if matches!(run.request.scope, Scope::Triggers(_) | Scope::Groups(_)) {
            known = self.look_where_members_went(&mut ground, known).await;
        }
        let groups_remembered = if run.writes { self.remember(run.request, &ground).await } else { 0 };
        let (notes, is_reading_cut_off) = (std::mem::take(&mut ground.reads.notes), ground.reads.is_cut_off);
        let has_frozen_orphans = has_frozen_orphans(&ground.reads.okta, &ground.reads.actual, &self.policy);
        let mut findings = Findings { notes, is_reading_cut_off, groups_remembered, has_frozen_orphans, ..Findings::default() };
        let mut shifted: Option<BTreeSet<OktaGroupId>> = None;
        for round in 1..=ROUNDS {
            let (wanted, unresolved) = self.wanted_of_reads(&mut ground, shifted.as_ref(), known.take()).await;
            findings.forget(shifted.as_ref());
            findings.unresolved = unresolved;
            // What was approved is one set, and the first round's; what is decided anew is held anew.
            let approval = run.request.approve.as_ref().filter(|_| round == 1);
            shifted = self.one_round(run, &ground, wanted, approval, &mut findings).await?;
            let Some(groups) = &mut shifted else { break };
            if round < ROUNDS && !self.is_out_of_time() {
                tracing::info!(event = "read_again", groups = groups.len(), "what was read shifted before its turn came");
                self.settle(&run.request.run_id, &findings).await;
                if !matches!(run.request.scope, Scope::Triggers(_)) {
                    // Whoever else is writing gets on with it, and what Okta stamped is over.
                    tokio::time::sleep(STAMPED_IN).await;
                    self.list_groups_again(&mut ground.reads).await;
                }
                self.read_again(&mut ground.reads, groups).await;
                self.look_for_movers(&run.request.scope, &mut ground, Some(groups)).await;
                self.look_again_where_members_went(&run.request.scope, &mut ground, groups).await;
                self.follow_losers(&run.request.scope, &mut ground, groups).await;
            }
        }
        if run.writes && matches!(run.request.scope, Scope::Triggers(_)) {
            self.answer_later_triggers(&ground.reads, &findings).await;
        }
        if let Some(groups) = shifted {
            findings.give_up(&groups);
        }
        findings.is_reading_cut_off |= ground.reads.is_cut_off;
        Ok(findings)
    }

    /// Whoever moved from one group to another while the groups were read may be in neither list: before anything is taken away, the
    /// groups that changed since the reading began are read again, and those that changed during that as well. Where Okta cannot say, or
    /// there is no end to it, only leavers lose anything. Events are about single users and groups, and have no such lists. Returns what is
    /// wanted of the ground as it is then, where that is known.
    async fn look_for_movers(&self, scope: &Scope, ground: &mut Ground, shifted: Option<&BTreeSet<OktaGroupId>>) -> Option<Wanted> {
        if matches!(scope, Scope::Triggers(_) | Scope::Undo(_)) {
            return None;
        }
        for look in 1..=LOOKS {
            let wanted = self.wanted_of_reads(ground, shifted, None).await;
            if !wanted.0.actions().any(|(_, action)| action.is_removal()) {
                return Some(wanted);
            }
            if look > 1 || !wanted.0.losers(&ground.reads.actual).is_empty() {
                // What moved a moment ago is not in Okta's list yet, and what moves twice within a second does not show the second time.
                tokio::time::sleep(STAMPED_IN).await;
            }
            let since = ground.reads.looked.replace(self.clock.now()).unwrap_or(ground.reads.began);
            let Some(changed) = self.changed_groups(since).await else {
                only_leavers_lose(ground, "Okta could not say which groups changed while they were read");
                return None;
            };
            let is_first = look == 1 && shifted.is_none();
            let is_new = |group: &&OktaGroup| concerns_us(scope, ground, &group.id) && (is_first || !is_as_read(ground, group));
            let changed: BTreeSet<OktaGroupId> = changed.iter().filter(is_new).map(|group| group.id.clone()).collect();
            if changed.is_empty() {
                return Some(wanted);
            }
            if let (Scope::ChangedSince(_), Some(groups)) = (scope, &mut ground.groups) {
                groups.extend(changed.iter().cloned());
            }
            self.read_again(&mut ground.reads, &changed).await;
        }
        only_leavers_lose(ground, "groups kept changing while they were read");
        None
    }

    /// Takes in the groups that give something to those who lose these, read again like these.
    async fn follow_losers(&self, scope: &Scope, ground: &mut Ground, groups: &mut BTreeSet<OktaGroupId>) {
        loop {
            let more: BTreeSet<OktaGroupId> = self.given_instead(ground, groups).difference(groups).cloned().collect();
            if more.is_empty() {
                return;
            }
            self.read_again(&mut ground.reads, &more).await;
            groups.extend(more);
            self.look_for_movers(scope, ground, Some(groups)).await;
        }
    }

    /// The groups that give something to those who lose these: what they gain belongs to the same round.
    fn given_instead(&self, ground: &Ground, shifted: &BTreeSet<OktaGroupId>) -> BTreeSet<OktaGroupId> {
        let losers = self.wanted(ground, Some(shifted)).0.losers(&ground.reads.actual);
        let gains = |action: &Action| {
            !action.is_removal() && action.user().is_some_and(|user| user.okta_id.as_ref().is_some_and(|id| losers.contains(id)))
        };
        let plan = self.wanted(ground, None).0;
        plan.actions().map(|(_, action)| action).filter(|action| gains(action)).flat_map(Action::groups).cloned().collect()
    }

    /// Whoever loses a group on account of an event on the group itself, or of a run for single groups, may have been given another that
    /// nobody looked at yet: they are looked at as after an event on themselves, and gain it in the same plan, before they lose. Returns what
    /// is wanted of the ground as it is then, where that is known.
    async fn look_where_members_went(&self, ground: &mut Ground, known: Option<Wanted>) -> Option<Wanted> {
        let wanted = self.wanted_of_reads(ground, None, known).await;
        let seen = &ground.reads.okta.user_groups;
        let losers = wanted.0.losers(&ground.reads.actual).into_iter().filter(|id| !seen.contains_key(id)).collect();
        (!self.follow(ground, losers).await).then_some(wanted)
    }

    /// The same in a later round, where what was read of single users is older than what was read again of their groups.
    async fn look_again_where_members_went(&self, scope: &Scope, ground: &mut Ground, groups: &BTreeSet<OktaGroupId>) {
        if matches!(scope, Scope::Triggers(_) | Scope::Groups(_) | Scope::Users(_)) {
            let losers = self.wanted(ground, Some(groups)).0.losers(&ground.reads.actual);
            self.follow(ground, losers).await;
        }
    }

    /// Looks at these users as after an event on themselves. Returns whether anything was read.
    async fn follow(&self, ground: &mut Ground, losers: BTreeSet<OktaUserId>) -> bool {
        if losers.is_empty() || losers.len() > MOST_FOLLOWED {
            return false;
        }
        let queries: Vec<UserQuery> = losers.iter().cloned().map(UserQuery::of).collect();
        if let Err(error) = self.read_more_users(&mut ground.reads, &queries).await {
            tracing::warn!(event = "members_not_followed", error = %error, "their own events give them what they gained");
            return true;
        }
        match &mut ground.users {
            Some((asked, _)) => asked.extend(losers),
            None => ground.followed.extend(losers),
        }
        true
    }

    /// What this run wants, on the strength of what it read itself: groups and users that it only remembers are read before anything is done
    /// to them. `known` is what is wanted of this ground, where somebody found it out already.
    async fn wanted_of_reads(&self, ground: &mut Ground, shifted: Option<&BTreeSet<OktaGroupId>>, mut known: Option<Wanted>) -> Wanted {
        loop {
            let wanted = known.take().unwrap_or_else(|| self.wanted(ground, shifted));
            let recalled = &ground.reads.recalled;
            let groups = wanted.0.actions().flat_map(|(_, action)| action.groups());
            let groups: BTreeSet<OktaGroupId> = groups.filter(|id| recalled.groups.contains(*id)).cloned().collect();
            let users = wanted.0.actions().filter_map(|(_, action)| action.user()?.okta_id.as_ref());
            let users: BTreeSet<OktaUserId> = users.filter(|id| recalled.users.contains(*id)).cloned().collect();
            if !groups.is_empty() {
                self.read_again(&mut ground.reads, &groups).await;
            } else if !users.is_empty() {
                self.read_users_again(&mut ground.reads, users).await;
            } else {
                return wanted;
            }
        }
    }

    /// What this run wants, of the groups and users that it is about.
    fn wanted(&self, ground: &Ground, shifted: Option<&BTreeSet<OktaGroupId>>) -> Wanted {
        let (desired, mut unresolved) = resolve(&ground.reads.okta, &ground.reads.actual, &self.policy);
        let mut plan = plan(&desired, &ground.reads.actual);
        if let Some(groups) = &ground.groups {
            let within = Restriction::Groups(groups.clone()).of_plan(&plan);
            plan = within.and(plan.given_to(&ground.followed)).and(plan.of_leavers(&ground.leavers));
        }
        if let Some(groups) = shifted {
            plan = Restriction::Groups(groups.clone()).of_plan(&plan);
        }
        if let Some((users, groups)) = &ground.users {
            let is_asked = |action: &Action| action.is_of_any(groups) || is_of(action, users);
            plan = plan.partition(is_asked).0;
        }
        unresolved.extend(ground.reads.unresolved.iter().cloned());
        unresolved.sort();
        unresolved.dedup();
        (mark_full(plan.grants_and(&ground.may_remove), &ground.reads.actual), unresolved)
    }

    /// Judges and applies once. Returns the groups that are to be read again, if there are any.
    pub(super) async fn one_round(
        &self,
        run: &Run<'_>,
        ground: &Ground,
        wanted: Plan,
        approval: Option<&PlanHash>,
        findings: &mut Findings,
    ) -> Result<Option<BTreeSet<OktaGroupId>>, ReconcileError> {
        let (limits, now) = (&self.policy.guard, self.clock.now());
        let facts = self.facts(&run.request.scope, ground).await;
        findings.plan =
            [&findings.plan, &wanted].into_iter().flat_map(Plan::actions).map(|(phase, action)| (phase, action.clone())).collect();
        if !run.writes {
            let window = self.ledger.window(limits.window_hours, now).await;
            let judgement = judge(wanted, &facts, limits, &window, approval)?;
            findings.held.entries.extend(judgement.held.entries);
            return Ok(None);
        }
        let judged = |window: &Window| -> Result<Judgement, _> {
            let window = if run.is_ledger_doubtful { &Window::Unavailable } else { window };
            judge(wanted.clone(), &facts, limits, window, approval)
        };
        let reserved = self.ledger.reserve(&run.request.run_id, limits.window_hours, now, judged).await?;
        let (approved, held, _) = reserved.judgement.approve(reserved.grant);
        let heeds_pause = !matches!(run.request.scope, Scope::Undo(_));
        let applied = self.apply(&approved, &held, Writing { reads: &ground.reads, turn: run.turn, heeds_pause }).await;
        findings.held.entries.extend(held.entries);
        findings.outcomes.extend(applied.outcomes);
        findings.pending_before += applied.pending_before;
        Ok((!applied.shifted.is_empty()).then_some(applied.shifted))
    }
}

/// Whether a group's record is the one that was read before its members were, and old enough then to say so: then the members are not older.
fn is_as_read(ground: &Ground, group: &OktaGroup) -> bool {
    let stamps = |group: &OktaGroup| (group.last_updated, group.last_membership_updated);
    let reads = &ground.reads;
    let read_at = reads.read_at.get(&group.id).max(reads.tried_at.get(&group.id)).copied().unwrap_or(reads.began);
    let is_young = stamps(group).0.max(stamps(group).1).is_some_and(|stamp| stamp + STAMPED_IN > read_at);
    match ground.reads.okta.groups.get(&group.id) {
        Some(GroupSighting::Present(read)) => stamps(read) == stamps(group) && !is_young,
        Some(GroupSighting::Gone | GroupSighting::Unknown(_)) => true,
        None => false,
    }
}

fn only_leavers_lose(ground: &mut Ground, why: &str) {
    ground.may_remove = MayRemove::LeaversOnly;
    let (kind, name) = (UnresolvedKind::Unreadable, String::new());
    ground.reads.unresolved.push(Unresolved { kind, okta_id: None, name, reason: format!("{why}: only leavers lose anything") });
}

/// Whether a group that changed is one whose members this run read, or one that it did not know and is about.
fn concerns_us(scope: &Scope, ground: &Ground, id: &OktaGroupId) -> bool {
    let is_read = ground.reads.okta.member_lists.contains_key(id);
    let is_about_all = ground.groups.is_none() && ground.users.is_none();
    let is_new = !ground.reads.okta.groups.contains_key(id);
    is_read || (is_new && (is_about_all || matches!(scope, Scope::ChangedSince(_))))
}

fn is_of(action: &Action, users: &BTreeSet<OktaUserId>) -> bool {
    match action.user() {
        Some(user) => user.okta_id.as_ref().is_some_and(|id| users.contains(id)),
        None => !action.is_removal(),
    }
}

/// Findings over several rounds.
pub(super) trait OverRounds {
    /// What was decided on groups that are decided on anew, and was not done.
    fn forget(&mut self, groups: Option<&BTreeSet<OktaGroupId>>);
    /// What shifted to the last.
    fn give_up(&mut self, groups: &BTreeSet<OktaGroupId>);
}

impl OverRounds for Findings {
    fn forget(&mut self, groups: Option<&BTreeSet<OktaGroupId>>) {
        let Some(groups) = groups else { return };
        let is_of = |action: &Action| action.is_of_any(groups);
        self.outcomes.retain(|(action, outcome)| !is_of(action) || !matches!(outcome, Outcome::NotAttempted(_)));
        let done: BTreeSet<Action> = self.outcomes.iter().map(|(action, _)| action.clone()).collect();
        self.plan = std::mem::take(&mut self.plan).partition(|action| !is_of(action) || done.contains(action)).0;
        let held = std::mem::take(&mut self.held).entries.into_iter().filter_map(|mut entry| {
            let had = !entry.actions.is_empty();
            entry.actions = entry.actions.partition(|action| !is_of(action)).0;
            (!had || !entry.actions.is_empty()).then_some(entry)
        });
        self.held = Held { entries: held.collect() };
    }

    fn give_up(&mut self, groups: &BTreeSet<OktaGroupId>) {
        let done: BTreeSet<&Action> = self.outcomes.iter().map(|(action, _)| action).collect();
        let held = self.held.by_action();
        let left = |action: &&Action| action.is_of_any(groups) && !done.contains(action) && !held.contains_key(action);
        let left: Vec<Action> = self.plan.actions().map(|(_, action)| action).filter(left).cloned().collect();
        self.outcomes.extend(left.into_iter().map(|action| (action, Outcome::NotAttempted(NotAttempted::ChangedMeanwhile))));
    }
}

impl Reads {
    /// The sizes of what was read, with those of an earlier whole reading where this one was not whole.
    pub(crate) fn facts(&self, policy: &Policy, known: Option<KnownSizes>) -> Facts {
        let ours: Vec<_> =
            self.actual.groups.keys().filter(|id| self.actual.mark(id).is_some_and(|mark| policy.owns_host(&mark.host))).collect();
        let known = known.unwrap_or_default();
        let sizes = self.actual.group_lists.iter().filter_map(|(id, list)| Some((id.clone(), list.known()?.len() as u64)));
        let given: u64 = self.actual.assignments.values().filter_map(Reading::known).map(|targets| targets.len() as u64).sum();
        let read: u64 = self.actual.group_lists.values().filter_map(Reading::known).map(|list| list.len() as u64).sum();
        let managed = |id| {
            self.okta.present(id).is_some_and(|group| policy.groups.matches(group))
                && self.okta.assigned.as_ref().is_none_or(|groups| groups.contains(id))
        };
        let marked: BTreeMap<&OktaGroupId, &str> =
            ours.iter().filter_map(|id| Some((&self.actual.mark(id)?.group, self.actual.groups.get(*id)?.display_name.as_str()))).collect();
        let unlisted = self.okta.unlisted.iter().map(|id| GroupLabel {
            okta_id: id.clone(),
            name: self.okta.present(id).map_or_else(|| marked.get(id).copied().unwrap_or_default(), |group| group.name.as_str()).to_owned(),
        });
        Facts {
            managed_memberships: if self.okta.lists_all_groups { read } else { known.memberships.max(read) },
            managed_groups: ours.len() as u64,
            source_empty: self.okta.lists_all_groups && !ours.is_empty() && !self.okta.groups.keys().any(managed),
            unlisted: unlisted.collect(),
            managed_assignments: if self.okta.lists_all_groups { given } else { known.assignments.max(given) },
            group_sizes: sizes.collect(),
            remembered_sizes: known.by_group,
            display_names: self.actual.groups.iter().map(|(id, group)| (id.clone(), group.display_name.clone())).collect(),
            policy_changed: false,
        }
    }
}
