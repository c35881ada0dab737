//! Whether an action's ground still holds when its turn comes.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};
use jiff::{SignedDuration, Timestamp};
use sync_core::action::{Action, RemovalReason};
use sync_core::actual::Standing;
use sync_core::ids::{OktaGroupId, OktaUserId, UserId};
use sync_core::outcome::{NotAttempted, Outcome};
use sync_core::policy::Entitlement;
use sync_core::records::OktaGroup;

use super::{Hold, Progress, Writing};
use crate::engine::Engine;
use crate::ledger::{Touched, Touches};
use crate::ports::{Clock, ReadSource, Table};
use crate::read::Reads;

/// Evidence older than this is looked at again before something is taken away on its strength.
const FRESH: SignedDuration = SignedDuration::from_secs(30);

/// Okta's timestamps and ours may differ by so much.
pub(crate) const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);

/// Users read side by side; the Okta client keeps to its own limits.
const CONCURRENCY: usize = 8;

impl<S: ReadSource, T, L: Table, C: Clock> Engine<S, T, L, C> {
    /// The actions that nothing before them stands in the way of.
    pub(super) fn unhindered<'a>(&self, slice: &[&'a Action], reads: &Reads, progress: &mut Progress) -> Vec<&'a Action> {
        let mut kept = Vec::new();
        for action in slice {
            match hindrance(action, reads, progress) {
                None => kept.push(*action),
                Some(Hindrance::Left) => progress.leave(action),
                Some(Hindrance::Why(why)) => progress.record(action, Outcome::NotAttempted(why)),
            }
        }
        kept
    }

    /// Looks again at what old evidence would take away. Before the lease is taken: Okta may keep us waiting.
    pub(super) async fn refresh_evidence<'a>(&self, slice: Vec<&'a Action>, reads: &Reads, progress: &mut Progress) -> Vec<&'a Action> {
        let now = self.clock.now();
        let is_old =
            |action: &Action| action.is_removal() && (action.is_on_user() || now.duration_since(reads.evidence_at(action)) > FRESH);
        if !slice.iter().any(|action| is_old(action)) {
            return slice;
        }
        let in_groups = slice.iter().filter(|action| is_old(action) && !action.is_on_user());
        let changed = match in_groups.map(|action| reads.evidence_at(action)).min() {
            Some(oldest) => self.changed_since(oldest).await,
            None => Some(BTreeSet::new()),
        };
        let leavers = self.still_leavers(slice.iter().filter(|action| is_old(action)).copied()).await;
        let mut kept = Vec::new();
        for action in slice {
            match &changed {
                _ if !is_old(action) => kept.push(action),
                None => progress.record(action, Outcome::NotAttempted(NotAttempted::EvidenceTooOld)),
                Some(changed) if action.group().is_some_and(|group| changed.contains(&group.okta_id)) => progress.leave(action),
                Some(_) if leaver_id(action).is_some_and(|id| leavers.get(id) != Some(&true)) => progress.leave(action),
                Some(_) => kept.push(action),
            }
        }
        kept
    }

    /// The groups whose `lastUpdated` or `lastMembershipUpdated` moved; `None` if Okta cannot say.
    pub(crate) async fn changed_groups(&self, since: Timestamp) -> Option<Vec<OktaGroup>> {
        match self.source.list_groups(Some(since - CLOCK_SKEW)).await {
            Ok(listing) if listing.bad.is_empty() => Some(listing.items),
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(event = "evidence_not_renewed", error = %error);
                None
            }
        }
    }

    async fn changed_since(&self, since: Timestamp) -> Option<BTreeSet<OktaGroupId>> {
        Some(self.changed_groups(since).await?.into_iter().map(|group| group.id).collect())
    }

    /// A status changes without a trace on the group, so leavers are read again, each once.
    async fn still_leavers<'a>(&self, actions: impl Iterator<Item = &'a Action>) -> BTreeMap<OktaUserId, bool> {
        let ids: BTreeSet<OktaUserId> = actions.filter_map(leaver_id).cloned().collect();
        let look = |id: OktaUserId| async move {
            let leaves = match self.source.user(id.as_str()).await {
                Ok(Some(user)) => self.policy.users.entitlement(&user.status) == Entitlement::NotEntitled,
                Ok(None) => true,
                Err(_) => false,
            };
            (id, leaves)
        };
        stream::iter(ids).map(look).buffer_unordered(CONCURRENCY).collect().await
    }

    /// Under the lease: what other runs touched since this one's reads is left, a pause stops it, and without the ledger nothing is
    /// taken away.
    pub(super) async fn not_overtaken<'a>(
        &self,
        slice: Vec<&'a Action>,
        hold: Hold,
        writing: Writing<'_>,
        progress: &mut Progress,
    ) -> Vec<&'a Action> {
        let now = self.clock.now();
        if hold != Hold::Held || !writing.turn.may_have_been_overtaken().await {
            return grants_only_unless(hold == Hold::Held, slice, progress);
        }
        let paused = if writing.heeds_pause { self.ledger.pause(now).await } else { Ok(None) };
        let touched = self.ledger.touched_since(writing.reads.began, writing.turn.run(), now).await;
        match (paused, touched) {
            (Ok(Some(_)), _) => {
                progress.record_all(&slice, NotAttempted::Paused);
                Vec::new()
            }
            (Ok(None), Ok(touched)) => {
                let shaken = |action: &Action| shaken(action, &touched, writing.reads);
                progress.applied.shifted.extend(slice.iter().flat_map(|action| shaken(action)).cloned());
                leave_if(slice, progress, |action| is_touched(action, &touched, writing.reads) || !shaken(action).is_empty())
            }
            (Err(_), _) | (_, Err(_)) => grants_only_unless(false, slice, progress),
        }
    }

    pub(super) async fn say_what_is_touched(&self, run: &str, actions: &[&Action]) {
        let groups = actions.iter().filter_map(|action| Some(action.group()?.okta_id.clone())).collect();
        // Whoever gains nothing but a membership is not said: there may be very many of them, and nobody's decision rests on their having less.
        let losers = actions.iter().filter(|action| action.is_on_user() || action.is_removal());
        let users = losers.filter_map(|action| action.user()?.okta_id.clone()).collect();
        let touched = Touched { groups, users };
        if let Err(error) = self.ledger.touch(run, &touched, self.clock.now()).await {
            tracing::warn!(event = "touch_not_recorded", error = %error);
        }
    }
}

enum Hindrance {
    Left,
    Why(NotAttempted),
}

/// What stands in an action's way: a grant that failed, an adoption that did not happen, an assignment that is not at its end.
fn hindrance(action: &Action, reads: &Reads, progress: &Progress) -> Option<Hindrance> {
    if let Action::DeleteUser(departure) = action {
        let waits = progress.unrevoked.contains(&departure.user_id);
        return waits.then_some(Hindrance::Why(NotAttempted::WaitsForAnother));
    }
    let group = &action.group()?.okta_id;
    match action {
        Action::RemoveMembership(removal) if progress.unchanged.contains(group) && !reads.is_ours(&removal.group_id) => {
            Some(Hindrance::Why(NotAttempted::WaitsForAnother))
        }
        Action::RemoveMembership(removal) if !removal.reason.is_leaver() => {
            if progress.ungranted.contains(&removal.user_id) {
                Some(Hindrance::Why(NotAttempted::GrantFailed))
            } else {
                progress.undecided.contains(&removal.user_id).then_some(Hindrance::Left)
            }
        }
        Action::DeleteAssignment { .. } if progress.ungiven.contains(group) => Some(Hindrance::Why(NotAttempted::GrantFailed)),
        Action::DeleteAssignment { .. } if progress.withheld.contains(group) => Some(Hindrance::Why(NotAttempted::GrantHeld)),
        Action::DeleteAssignment { .. } => progress.applied.shifted.contains(group).then_some(Hindrance::Left),
        Action::DeleteGroup { edit, .. } => {
            let members = reads.actual.known_members(&edit.group_id);
            let keeps = |user| progress.ungranted.contains(user) || progress.undecided.contains(user);
            let waits = progress.unchanged.contains(group);
            let why = if waits { NotAttempted::WaitsForAnother } else { NotAttempted::GrantFailed };
            (waits || members.into_keys().any(keeps)).then_some(Hindrance::Why(why))
        }
        Action::RemoveMembership(_)
        | Action::RenameGroup(_)
        | Action::AdoptGroup { .. }
        | Action::CreateGroup { .. }
        | Action::AddMembership { .. }
        | Action::CreateAssignment { .. }
        | Action::CreateUser(_)
        | Action::UpdateUser(_)
        | Action::DisableUser(_)
        | Action::DeleteUser(_)
        | Action::ReleaseGroup { .. } => None,
    }
}

fn leaver_id(action: &Action) -> Option<&OktaUserId> {
    match action {
        Action::RemoveMembership(removal) if removal.reason.is_leaver() => removal.user.okta_id.as_ref(),
        Action::DisableUser(departure) | Action::DeleteUser(departure) if departure.reason != RemovalReason::Undone => {
            departure.user.okta_id.as_ref()
        }
        Action::DisableUser(_)
        | Action::DeleteUser(_)
        | Action::RemoveMembership(_)
        | Action::RenameGroup(_)
        | Action::AdoptGroup { .. }
        | Action::CreateGroup { .. }
        | Action::AddMembership { .. }
        | Action::CreateAssignment { .. }
        | Action::DeleteAssignment { .. }
        | Action::CreateUser(_)
        | Action::UpdateUser(_)
        | Action::ReleaseGroup { .. }
        | Action::DeleteGroup { .. } => None,
    }
}

/// Whether another run touched what an action is about, after the reading on which it rests.
fn is_touched(action: &Action, touched: &Touches, reads: &Reads) -> bool {
    let user = action.user().and_then(|user| touched.users.get(user.okta_id.as_ref()?));
    let group = action.group().and_then(|group| touched.groups.get(&group.okta_id));
    user.max(group).is_some_and(|at| *at >= reads.evidence_at(action))
}

/// Who loses a membership by an action without having left.
fn losers(action: &Action, reads: &Reads) -> Vec<(UserId, OktaUserId)> {
    if let Action::DeleteGroup { edit, .. } = action {
        let members = reads.actual.known_members(&edit.group_id).into_keys();
        return members.filter_map(|user| Some((user.clone(), reads.actual.okta_id(user)?))).collect();
    }
    let removal = if let Action::RemoveMembership(removal) = action { Some(removal) } else { None };
    let of_mover = removal.filter(|removal| !removal.reason.is_leaver());
    of_mover.and_then(|removal| Some((removal.user_id.clone(), removal.user.okta_id.clone()?))).into_iter().collect()
}

/// The groups that whoever loses by an action was read to be in as well, and that another run wrote to after that, as it took something from
/// the same user: they may be in them no more, and what they were to keep was the ground of the action.
fn shaken<'a>(action: &Action, touched: &'a Touches, reads: &Reads) -> Vec<&'a OktaGroupId> {
    let losers = if touched.users.is_empty() { Vec::new() } else { losers(action, reads) };
    let is_shaken = |(group, at): &(&OktaGroupId, &Timestamp)| {
        let evidence = reads.evidence_of(group);
        let is_in = |user: &UserId| reads.marked(group).any(|id| matches!(reads.actual.standing(id, user), Standing::Member(_)));
        let lost = |id: &OktaUserId| touched.users.get(id).is_some_and(|at| *at >= evidence);
        **at >= evidence && losers.iter().any(|(user, id)| lost(id) && is_in(user))
    };
    let is_own = |group: &OktaGroupId| action.group().is_some_and(|own| own.okta_id == *group);
    touched.groups.iter().filter(is_shaken).map(|(group, _)| group).filter(|group| !is_own(group)).collect()
}

/// Leaves the actions that `shifted` names, and keeps the others.
fn leave_if<'a>(actions: Vec<&'a Action>, progress: &mut Progress, shifted: impl Fn(&Action) -> bool) -> Vec<&'a Action> {
    let (left, kept): (Vec<&Action>, Vec<&Action>) = actions.into_iter().partition(|action| shifted(action));
    left.into_iter().for_each(|action| progress.leave(action));
    kept
}

/// Nothing is taken away without the ledger.
fn grants_only_unless<'a>(all: bool, actions: Vec<&'a Action>, progress: &mut Progress) -> Vec<&'a Action> {
    let (kept, given_up): (Vec<&Action>, Vec<&Action>) = actions.into_iter().partition(|action| all || !action.is_removal());
    progress.record_all(&given_up, NotAttempted::LedgerUnavailable);
    kept
}
