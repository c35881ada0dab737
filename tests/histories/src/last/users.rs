//! What must be so of users at the end of a history, where Lockstep manages them.

use std::collections::BTreeSet;

use sim::identity_center::{StoreGroup, StoreUser};
use sync_core::ids::UserId;

use crate::drive::Broken;
use crate::history::Farewell;
use crate::model::{Person, Standing};
use crate::stage::Stage;

/// The users of whom the healthy runs cannot but see that they are to go: they are not entitled, known for certain, and still in one of our
/// groups. Whoever is gone from Okta is known only if an earlier run wrote down who they were.
pub(crate) fn departing(stage: &Stage) -> BTreeSet<usize> {
    if stage.setup.managed.is_none() {
        return BTreeSet::new();
    }
    let (marked, kept) = (stage.marked(), kept(stage));
    let is_to_go = |user: &usize| {
        let Some(account) = stage.account(*user).filter(|_| !stage.model.is_active(*user)) else { return false };
        let is_labelled = stage.world.aws.peek_user(&account).is_some_and(|account| !account.external_ids.is_empty());
        let is_listed = kept.iter().any(|team| stage.model.teams.get(*team).is_some_and(|team| team.members.contains(user)));
        let holds = |(team, group): &(usize, _)| kept.contains(team) && has_member(stage, group, &account);
        let (is_pinned, is_member) = (stage.is_pinned(*user), marked.iter().any(holds));
        (is_listed && is_labelled) || (is_pinned && (is_listed || is_member))
    };
    (0..stage.model.people.len()).filter(is_to_go).collect()
}

fn has_member(stage: &Stage, group: &StoreGroup, account: &UserId) -> bool {
    stage.world.aws.member_ids(&group.id).contains(account)
}

/// The groups that are managed, and there.
fn kept(stage: &Stage) -> BTreeSet<usize> {
    let is_managed = |team: &usize| stage.model.teams.get(*team).is_some_and(|team| stage.model.manages(team));
    let marked = stage.marked().into_iter().map(|(team, _)| team);
    marked.filter(|team| is_managed(team) && !stage.model.has_twin(*team)).collect()
}

/// Holds the users against the model.
pub(super) fn check(stage: &Stage, departing: &BTreeSet<usize>) -> Result<(), Broken> {
    let Some(managed) = &stage.setup.managed else { return Ok(()) };
    let kept = kept(stage);
    let wanted: BTreeSet<usize> = stage.model.wanted().into_iter().filter(|(team, _)| kept.contains(team)).map(|(_, user)| user).collect();
    for (user, person) in stage.model.people.iter().enumerate() {
        let is_wanted = wanted.contains(&user);
        let account = stage.account(user).and_then(|id| stage.world.aws.peek_user(&id));
        let result = match account {
            Some(account) if is_wanted => well_kept(stage, user, person, &account),
            None if is_wanted => Err("they were not made".to_owned()),
            Some(account) if departing.contains(&user) => departed(stage, managed.farewell, person, &account),
            Some(_) | None => Ok(()),
        };
        if let Err(broken) = result
            && !is_blocked(stage, user, person)
        {
            return Err(format!("user {user} ({person:?}): {broken}"));
        }
    }
    Ok(())
}

/// Whether another user of Identity Center has the login as its name or as its address.
fn is_blocked(stage: &Stage, user: usize, person: &Person) -> bool {
    let own = stage.account_of.get(&user);
    let has = |other: &StoreUser| other.user_name == person.login || email(other) == Some(person.login.as_str());
    stage.world.aws.all_users().iter().any(|other| Some(&other.id) != own && has(other))
}

/// Whether a member of a group cannot be made or named, because another user has the name.
pub(super) fn any_blocked(stage: &Stage, team: usize) -> bool {
    let members = stage.model.teams.get(team).into_iter().flat_map(|team| &team.members);
    let blocked = |user: &usize| stage.model.people.get(*user).is_some_and(|person| is_blocked(stage, *user, person));
    members.into_iter().any(blocked)
}

fn email(user: &StoreUser) -> Option<&str> {
    user.attributes.get("Emails")?.pointer("/0/Value")?.as_str()
}

fn well_kept(stage: &Stage, user: usize, person: &Person, account: &StoreUser) -> Result<(), Broken> {
    let given = account.attributes.get("Name").and_then(|name| name.get("GivenName")?.as_str());
    let shown = account.attributes.get("DisplayName").and_then(|name| name.as_str());
    let is_named = given == Some(person.given.as_str()) && shown == Some(format!("{} Example", person.given).as_str());
    if !is_named || email(account) != Some(person.login.as_str()) {
        return Err(format!("their attributes are {:?}", account.attributes));
    }
    if !stage.setup.scim {
        return Ok(());
    }
    let own = stage.okta_users.get(user).map(sync_core::ids::OktaUserId::as_str);
    let is_labelled = account.external_ids.first().map(|external| external.id.as_str()) == own;
    if account.user_name == person.login && account.enabled && is_labelled {
        return Ok(());
    }
    Err(format!("they are {:?}, {:?}, enabled: {}", account.user_name, account.external_ids, account.enabled))
}

fn departed(stage: &Stage, farewell: Farewell, person: &Person, account: &StoreUser) -> Result<(), Broken> {
    let is_gone = !person.exists || person.standing == Standing::Deactivated;
    match farewell {
        Farewell::Delete if is_gone => Err("they should be deleted".to_owned()),
        Farewell::Delete if !stage.setup.scim => Ok(()),
        Farewell::Disable | Farewell::Delete if account.enabled => Err("they should be disabled".to_owned()),
        Farewell::Nothing | Farewell::Disable | Farewell::Delete => Ok(()),
    }
}
