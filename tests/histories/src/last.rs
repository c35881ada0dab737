//! What must be so at the end of a history, by the reference model.

mod users;

use std::collections::{BTreeMap, BTreeSet};

use sim::identity_center::{Principal, StoreAssignment, StoreGroup};
use sync_core::ids::{GroupId, UserId};

use crate::drive::Broken;
use crate::history::Disposal;
use crate::stage::Stage;

pub(crate) use users::departing;

/// Holds the world against the model.
pub(crate) fn check(stage: &Stage, departing: &BTreeSet<usize>) -> Result<(), Broken> {
    unmanaged_is_untouched(stage)?;
    users::check(stage, departing)?;
    let marked = stage.marked();
    let mut by_owner: BTreeMap<usize, Vec<&StoreGroup>> = BTreeMap::new();
    for (owner, group) in &marked {
        by_owner.entry(*owner).or_default().push(group);
    }
    for group in 0..stage.model.teams.len() {
        let holders = by_owner.get(&group).map(Vec::as_slice).unwrap_or_default();
        one_group(stage, group, holders).map_err(|broken| format!("group {group} ({:?}): {broken}", stage.model.teams.get(group)))?;
    }
    no_orphans(stage)
}

fn unmanaged_is_untouched(stage: &Stage) -> Result<(), Broken> {
    for (id, (record, members)) in &stage.unmanaged {
        let present =
            |members: BTreeSet<UserId>| -> BTreeSet<UserId> { members.into_iter().filter(|user| stage.world.aws.has_user(user)).collect() };
        let is_as_left = present(stage.world.aws.member_ids(id)) == present(members.clone());
        if stage.world.aws.peek_group(id).as_ref() != Some(record) || !is_as_left {
            return Err(format!("the unmanaged group {} was touched", record.display_name));
        }
    }
    if let Some((_, user)) = stage.unmanaged_users.iter().find(|(id, user)| stage.world.aws.peek_user(id).as_ref() != Some(user)) {
        return Err(format!("the user {}, who is not ours, was touched", user.user_name));
    }
    let present = stage.world.aws.all_assignments();
    match stage.frozen_assignments.iter().find(|assignment| !present.contains(assignment)) {
        Some(gone) => Err(format!("an assignment that is not ours is gone: {gone:?}")),
        None => Ok(()),
    }
}

fn one_group(stage: &Stage, number: usize, holders: &[&StoreGroup]) -> Result<(), Broken> {
    let Some(team) = stage.model.teams.get(number) else { return Ok(()) };
    let is_managed = stage.model.manages(team);
    match holders {
        [_, _, ..] => Err("its mark is on several groups".to_owned()),
        _ if is_managed && stage.model.has_twin(number) => Ok(()),
        [] if is_managed => {
            if is_name_taken(stage, &team.name, None) {
                Ok(())
            } else {
                Err("it was not made".to_owned())
            }
        }
        [] => Ok(()),
        [group] if is_managed => {
            well_named(stage, &team.name, group)?;
            right_members(stage, number, &group.id)?;
            right_assignments(stage, group)
        }
        [group] => disposed(stage, team.exists, group),
    }
}

fn is_name_taken(stage: &Stage, name: &str, own: Option<&GroupId>) -> bool {
    stage.world.aws.group_named(name).is_some_and(|holder| Some(&holder.id) != own)
}

fn well_named(stage: &Stage, name: &str, group: &StoreGroup) -> Result<(), Broken> {
    if group.display_name == name || is_name_taken(stage, name, Some(&group.id)) {
        return Ok(());
    }
    Err(format!("it is called {} in Identity Center", group.display_name))
}

fn right_members(stage: &Stage, number: usize, group: &GroupId) -> Result<(), Broken> {
    let wanted = stage.model.wanted().into_iter().filter(|(of, _)| *of == number);
    let is_there = |user: &UserId| stage.world.aws.has_user(user);
    let wanted: BTreeSet<UserId> = wanted.filter_map(|(_, user)| stage.account_of.get(&user).cloned()).filter(is_there).collect();
    // Where memberships outlive their users, they give nobody anything.
    let actual: BTreeSet<UserId> = stage.world.aws.member_ids(group).into_iter().filter(is_there).collect();
    if actual == wanted {
        return Ok(());
    }
    let has_blocked = stage.setup.managed.is_some() && users::any_blocked(stage, number);
    // A member whom nobody can make may be any of those who carry no externalId.
    let is_spared = |user: &&UserId| has_blocked && stage.world.aws.peek_user(user).is_some_and(|user| user.external_ids.is_empty());
    let actual: BTreeSet<UserId> = actual.iter().filter(|user| wanted.contains(*user) || !is_spared(user)).cloned().collect();
    if actual == wanted {
        return Ok(());
    }
    let (more, less): (Vec<_>, Vec<_>) = (actual.difference(&wanted).collect(), wanted.difference(&actual).collect());
    Err(format!("it has {more:?} and should not, and has not {less:?} and should"))
}

/// What becomes of a group that is managed no more.
fn disposed(stage: &Stage, exists: bool, group: &StoreGroup) -> Result<(), Broken> {
    let disposal = if exists { stage.setup.unmatched } else { stage.setup.gone };
    match disposal {
        Disposal::Empty if !stage.world.aws.member_ids(&group.id).iter().any(|user| stage.world.aws.has_user(user)) => Ok(()),
        Disposal::Empty => Err("it should be empty".to_owned()),
        Disposal::Delete => Err("it should be deleted".to_owned()),
        Disposal::Release => Err("its mark should be gone".to_owned()),
    }
}

/// What the rules of the policy say, once more and in plain words.
fn right_assignments(stage: &Stage, group: &StoreGroup) -> Result<(), Broken> {
    let name = group.display_name.as_str();
    let in_okta = stage.marked().into_iter().find(|(_, other)| other.id == group.id);
    let is_renamed = in_okta.and_then(|(owner, _)| stage.model.teams.get(owner).cloned()).is_none_or(|team| team.name != name);
    if !stage.setup.rules || is_renamed || !matches!(name, "AWS-000" | "AWS-b" | "AWS-c") {
        return Ok(());
    }
    let mut wanted: BTreeSet<(u32, &str)> = BTreeSet::new();
    if matches!(name, "AWS-000" | "AWS-b") {
        wanted.insert((1, "ReadOnly"));
    }
    if matches!(name, "AWS-000" | "AWS-c") {
        wanted.extend([(0, "Admin"), (1, "Admin"), (2, "Admin")]);
    }
    let management = stage.world.aws.all_accounts().into_iter().map(|account| account.id);
    let accounts: BTreeMap<_, u32> =
        management.map(|id| (id.clone(), (1..=2).find(|number| stage.world.account(*number) == id).unwrap_or(0))).collect();
    let sets: BTreeMap<_, _> = ["ReadOnly", "Admin"].map(|name| (stage.world.permission_set(name), name)).into();
    let is_own = |assignment: &StoreAssignment| assignment.principal == Principal::Group(group.id.clone());
    let given = stage.world.aws.all_assignments().into_iter().filter(is_own);
    let given: BTreeSet<(u32, &str)> =
        given.filter_map(|given| Some((*accounts.get(&given.account)?, *sets.get(&given.permission_set)?))).collect();
    if given == wanted { Ok(()) } else { Err(format!("it gives {given:?}, and should give {wanted:?}")) }
}

/// Deleting a group leaves no assignment behind, unless somebody deleted it by hand.
fn no_orphans(stage: &Stage) -> Result<(), Broken> {
    let orphans = stage.world.aws.orphans();
    if orphans.is_empty() || stage.leaves_orphans { Ok(()) } else { Err(format!("assignments without a group: {orphans:?}")) }
}
