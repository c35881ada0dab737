//! What must hold at every moment of a history: each membership that a run makes or takes away is held against the reference model.

mod users;

use std::collections::BTreeSet;

use sim::identity_center::MembershipChange;
use sync_core::ids::{GroupId, UserId};

use crate::drive::Broken;
use crate::model::Moment;
use crate::policies::TIGHT;
use crate::stage::Stage;

/// The budget's window, less the longest run: a removal is booked when it is decided, and counted here when it is done.
const WINDOW: Moment = 23 * 3_600_000;

/// A removal that is no leaver's for certain, or a leaver's for certain.
#[derive(Debug, Clone)]
struct Removal {
    at: Moment,
    leaver: Option<UserId>,
    is_leaver: bool,
}

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    removals: Vec<Removal>,
    /// Users disabled and deleted.
    departures: Vec<(Moment, UserId)>,
    /// Whether what was used of the budget cannot be known: the ledger's rows were lost while something ran.
    is_unknown: bool,
    /// Whether what is held is approved from now on, and so not limited.
    is_approved: bool,
    /// Grants and removals seen, for those who want to know whether anything happens at all.
    pub(crate) changes: u64,
    /// Users made, changed, disabled and deleted.
    pub(crate) users_changed: u64,
}

/// The stretch of time in which the ground of a change must be found: from the beginning of the oldest run, less what reads are late.
#[derive(Debug, Clone, Copy)]
struct Ground {
    from: Moment,
    to: Moment,
}

/// A change, and those that came after it since the last look.
#[derive(Debug, Clone, Copy)]
struct Seen<'a> {
    change: &'a MembershipChange,
    later: &'a [MembershipChange],
}

impl Seen<'_> {
    /// The groups of ours that the user was in just after the change: those of now, with what came later taken back.
    fn groups_just_after(self, stage: &Stage) -> BTreeSet<GroupId> {
        let user = &self.change.user;
        let is_in = |group: &GroupId| stage.world.aws.member_ids(group).contains(user);
        let mut groups: BTreeSet<GroupId> = stage.marked().into_iter().map(|(_, group)| group.id.clone()).filter(is_in).collect();
        for change in self.later.iter().rev().filter(|change| change.user == *user) {
            if change.made {
                groups.remove(&change.group);
            } else {
                groups.insert(change.group.clone());
            }
        }
        groups
    }
}

impl Watch {
    /// The ledger lost its rows: what was used until now, nobody knows any more.
    pub(crate) fn forget_budget(&mut self) {
        self.removals.clear();
        self.departures.clear();
        self.is_unknown = true;
    }

    /// From now on, what the guard holds is approved.
    pub(crate) fn approve(&mut self) {
        self.is_approved = true;
    }

    /// Looks at what changed since the last look; `began` is when the oldest run under way began.
    pub(crate) fn look(&mut self, stage: &mut Stage, began: Option<Moment>) -> Result<(), Broken> {
        let (users, changes) = (stage.world.aws.user_changes(), stage.world.aws.membership_changes());
        if users.is_empty() && changes.is_empty() {
            return Ok(());
        }
        stage.look_at_marks();
        let Some(began) = began else {
            return Err(format!("something changed while nothing ran: {users:?} {changes:?}"));
        };
        if let Some(lost) = stage.troubles.ledger_lost_at
            && began > lost
        {
            self.is_unknown = false;
        }
        for change in &users {
            let ground = Ground { from: began.saturating_sub(stage.troubles.staleness), to: stage.moment(change.at) };
            self.hold_user(stage, change, ground).map_err(|broken| format!("{broken} at {} ms: {change:?}", ground.to))?;
        }
        for (index, change) in changes.iter().enumerate() {
            self.changes += 1;
            let seen = Seen { change, later: changes.get(index + 1..).unwrap_or_default() };
            let ground = Ground { from: began.saturating_sub(stage.troubles.staleness), to: stage.moment(change.at) };
            self.hold(stage, seen, ground).map_err(|broken| format!("{broken} at {} ms: {change:?}", ground.to))?;
        }
        Ok(())
    }

    fn hold(&mut self, stage: &Stage, seen: Seen<'_>, ground: Ground) -> Result<(), Broken> {
        let change = seen.change;
        if stage.unmanaged.contains_key(&change.group) {
            // With a user go all their memberships; that they may go is looked at by itself.
            if !change.made && !stage.world.aws.has_user(&change.user) {
                return Ok(());
            }
            return Err("a group that is not ours was changed".to_owned());
        }
        let Some(owners) = stage.owners.get(&change.group) else {
            // Made and deleted by one run between two looks, as when it was renamed to a name that is not managed meanwhile.
            let is_there = stage.world.aws.peek_group(&change.group).is_some();
            return if is_there { Err("a group that never was ours was changed".to_owned()) } else { Ok(()) };
        };
        let user = stage.stands_for.get(&change.user).copied();
        if change.made { granted(stage, owners, user, ground) } else { self.removed(stage, seen, owners, user, ground) }
    }

    fn removed(
        &mut self,
        stage: &Stage,
        seen: Seen<'_>,
        owners: &BTreeSet<usize>,
        user: Option<usize>,
        ground: Ground,
    ) -> Result<(), Broken> {
        if stage.troubles.ledger_down_since.is_some_and(|down| down < ground.from) {
            return Err("a membership was removed without the ledger".to_owned());
        }
        if let Some(user) = user {
            if owners.iter().all(|owner| stage.model.always_wanted((*owner, user), ground.from, ground.to)) {
                return Err("a membership was removed that should be all the time".to_owned());
            }
            gap(stage, seen, user, ground)?;
        }
        self.spend(stage, seen.change, user, ground)
    }

    /// The small budget, in the class that a removal is of for certain.
    fn spend(&mut self, stage: &Stage, change: &MembershipChange, user: Option<usize>, ground: Ground) -> Result<(), Broken> {
        if !stage.setup.tight || self.is_unknown || self.is_approved {
            return Ok(());
        }
        let is_ordinary = user.is_none_or(|user| stage.model.always_active(user, ground.from, ground.to));
        let is_leaver = user.is_some_and(|user| stage.model.never_active(user, ground.from, ground.to)) && !is_ordinary;
        if !is_ordinary && !is_leaver {
            return Ok(());
        }
        self.removals.push(Removal { at: ground.to, leaver: is_leaver.then(|| change.user.clone()), is_leaver });
        let recent = || self.removals.iter().filter(|removal| removal.at + WINDOW > ground.to);
        let ordinary = recent().filter(|removal| !removal.is_leaver).count();
        let leavers: BTreeSet<&UserId> = recent().filter_map(|removal| removal.leaver.as_ref()).collect();
        if ordinary > TIGHT.memberships {
            return Err(format!("{ordinary} memberships were removed within a day, and {} are allowed", TIGHT.memberships));
        }
        // Who leaves while their group goes as well draws on the one budget or on the other.
        if leavers.len() > TIGHT.leavers + TIGHT.memberships {
            return Err(format!("{} leavers lost memberships within a day, and {} are allowed", leavers.len(), TIGHT.leavers));
        }
        Ok(())
    }
}

fn granted(stage: &Stage, owners: &BTreeSet<usize>, user: Option<usize>, ground: Ground) -> Result<(), Broken> {
    let Some(user) = user else { return Err("someone was added whom Okta does not know".to_owned()) };
    let was_wanted = owners.iter().any(|owner| stage.model.ever_wanted((*owner, user), ground.from, ground.to));
    if was_wanted { Ok(()) } else { Err("someone was added who should not have been at any time".to_owned()) }
}

/// Whoever should be in some group all the time is in one all the time, once they were in one, as long as nothing goes wrong.
fn gap(stage: &Stage, seen: Seen<'_>, user: usize, ground: Ground) -> Result<(), Broken> {
    if stage.troubles.calm_since.is_none_or(|since| since > ground.from) {
        return Ok(());
    }
    // What was taken away by hand is missing until a full run has put it back.
    if !stage.sees_all || stage.is_damaged {
        return Ok(());
    }
    if !seen.groups_just_after(stage).is_empty() {
        return Ok(());
    }
    let within_reach = |group: &usize| stage.owners.values().any(|owners| owners.contains(group)) && !stage.shares_its_name(*group);
    if let Some(group) = stage.model.stays_wanted(user, ground.from, ground.to).find(within_reach) {
        return Err(format!("someone who should be in group {group} all the time lost the last group they were in"));
    }
    if stage.troubles.staleness > 0 {
        return Ok(());
    }
    // Whoever came out of a group that could not be made had nothing yet that is kept for them until they are in the other.
    let moved = stage.model.moves(user, ground.from, ground.to).filter(|(before, _)| before.iter().any(within_reach));
    match moved.and_then(|(_, after)| after.into_iter().find(within_reach)) {
        Some(group) => Err(format!("someone who moved to group {group} lost the last group they were in before they were in that one")),
        None => Ok(()),
    }
}
