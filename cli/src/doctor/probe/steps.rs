//! The probe's steps: one request each, and what its answer says. No step rests on another but on the group and the user being there.

use std::collections::BTreeSet;

use super::names::Names;
use super::sightings::{self as facts, Fact, Holds, Sighting};
use super::store::{Made, Refused, Reply, Store};

/// Makes a group and a user, and looks. Both are left where they are: whoever calls this sweeps, whatever happened.
pub(super) async fn take(store: &Store, names: &Names) -> Vec<Sighting> {
    let mut seen = vec![issuer(store.users().await.map(|users| users.into_iter().flat_map(|user| user.issuers).collect()))];
    let (group, user) = (store.create_group(names.group()).await, store.create_user(names.group()).await);
    seen.push(revision(&group, &user));
    match &group {
        Ok(group) => seen.extend(about_group(store, names, group).await),
        Err(refused) => seen.extend(ABOUT_GROUP.map(|fact| without(fact, "group", refused))),
    }
    match &user {
        Ok(user) => seen.extend(about_user(store, names, user).await),
        Err(refused) => seen.extend(ABOUT_USER.map(|fact| without(fact, "user", refused))),
    }
    match (&group, &user) {
        (Ok(group), Ok(user)) => seen.extend(about_membership(store, names, group, user).await),
        (Err(refused), _) | (_, Err(refused)) => seen.extend(ABOUT_MEMBERSHIP.map(|fact| without(fact, "group and user", refused))),
    }
    if let Ok(group) = &group {
        seen.extend(about_gone(store, group).await);
    } else {
        seen.extend([facts::DELETE_TWICE, facts::NO_GROUP].map(|fact| fact.unseen("there was no group")));
    }
    seen
}

const ABOUT_GROUP: [Fact; 4] = [facts::GROUP_NAME, facts::GROUP_NAME_CASE, facts::STALE_REVISION, facts::BY_PRINCIPAL];
const ABOUT_USER: [Fact; 5] = [facts::USER_NAME, facts::USER_NAME_CASE, facts::USER_FILTER_CASE, facts::USER_STATUS, facts::RENAME_USER];
const ABOUT_MEMBERSHIP: [Fact; 4] = [facts::MEMBERSHIP_LISTED, facts::MEMBERSHIP_TWICE, facts::CASCADE_USER, facts::CASCADE_GROUP];

fn without(fact: Fact, what: &str, refused: &Refused) -> Sighting {
    fact.unseen(format!("the {what} could not be made: {refused}"))
}

async fn about_group(store: &Store, names: &Names, group: &Made) -> Vec<Sighting> {
    let again = store.create_group(names.group()).await;
    let in_capitals = store.create_group(&names.in_capitals()).await;
    let renamed = store.rename_group(&group.id, &names.other("renamed"), None).await;
    let stale = match renamed {
        Ok(()) if !group.revision.is_empty() => Some(store.rename_group(&group.id, &names.other("again"), Some(&group.revision)).await),
        Ok(()) | Err(_) => None,
    };
    vec![
        duplicate(facts::GROUP_NAME, again),
        case(facts::GROUP_NAME_CASE, in_capitals),
        stale_revision(stale),
        by_principal(store.n_assignments(&group.id).await),
    ]
}

async fn about_user(store: &Store, names: &Names, user: &Made) -> Vec<Sighting> {
    let again = store.create_user(names.group()).await;
    let by_filter = store.n_users_named(&names.in_capitals()).await;
    let in_capitals = store.create_user(&names.in_capitals()).await;
    let status = store.update_user(&user.id, "userStatus", "DISABLED").await;
    let renamed = store.update_user(&user.id, "userName", &names.other("renamed")).await;
    vec![
        duplicate(facts::USER_NAME, again),
        case(facts::USER_NAME_CASE, in_capitals),
        found(facts::USER_FILTER_CASE, by_filter),
        refused(facts::USER_STATUS, status),
        either(facts::RENAME_USER, renamed, "it is renamed"),
    ]
}

async fn about_membership(store: &Store, names: &Names, group: &Made, user: &Made) -> Vec<Sighting> {
    let membership = match store.create_membership(&group.id, &user.id).await {
        Ok(membership) => membership,
        Err(refused) => return ABOUT_MEMBERSHIP.map(|fact| without(fact, "membership", &refused)).into(),
    };
    let listed = store.n_members(&group.id).await;
    let twice = store.create_membership(&group.id, &user.id).await;
    let mut seen = vec![listed_at_once(listed), duplicate(facts::MEMBERSHIP_TWICE, twice.map(|id| Made { id, revision: String::new() }))];
    let deleted = store.delete_user(&user.id).await;
    let left = store.has_membership(&membership).await;
    seen.push(cascade(facts::CASCADE_USER, deleted.and(left)));
    seen.push(cascade(facts::CASCADE_GROUP, after_group(store, names).await));
    seen
}

/// Whether a membership outlives its group: with a group and a user of its own.
async fn after_group(store: &Store, names: &Names) -> Reply<bool> {
    let group = store.create_group(&names.other("second")).await?;
    let user = store.create_user(&names.other("second")).await?;
    let membership = store.create_membership(&group.id, &user.id).await?;
    store.delete_group(&group.id).await?;
    store.has_membership(&membership).await
}

async fn about_gone(store: &Store, group: &Made) -> Vec<Sighting> {
    if let Err(refused) = store.delete_group(&group.id).await {
        return [facts::DELETE_TWICE, facts::NO_GROUP].map(|fact| fact.unseen(format!("the group could not be deleted: {refused}"))).into();
    }
    vec![delete_twice(store.delete_group(&group.id).await), no_group(store.n_members(&group.id).await)]
}

fn issuer(issuers: Reply<BTreeSet<String>>) -> Sighting {
    let fact = facts::ISSUER;
    match issuers {
        Ok(issuers) if issuers.is_empty() => fact.unseen("no user of the store has an external id yet"),
        Ok(issuers) => fact.seen(issuers.into_iter().collect::<Vec<_>>().join(", "), Holds::EitherWay),
        Err(refused) => fact.unseen(format!("the users cannot be listed: {refused}")),
    }
}

fn revision(group: &Reply<Made>, user: &Reply<Made>) -> Sighting {
    let has = |made: &Reply<Made>| match made {
        Ok(made) if made.revision.is_empty() => "no",
        Ok(_) => "a",
        Err(_) => "an unknown",
    };
    let seen = format!("the group has {} revision, the user {} revision", has(group), has(user));
    facts::REVISION.seen(seen, if group.is_ok() || user.is_ok() { Holds::EitherWay } else { Holds::NotSeen })
}

/// A duplicate is refused by code, whatever the reason and the status.
fn duplicate(fact: Fact, answer: Reply<Made>) -> Sighting {
    match answer {
        Ok(_) => fact.seen("it was made a second time", Holds::Otherwise),
        Err(refused) if refused.code == "ConflictException" => {
            let is_explained = refused.reason.as_deref().is_none_or(|reason| reason == "UNIQUENESS_CONSTRAINT_VIOLATION");
            fact.seen(refused.to_string(), if is_explained { Holds::AsAssumed } else { Holds::Otherwise })
        }
        Err(refused) if refused.is_denied() => fact.unseen(refused.to_string()),
        Err(refused) => fact.seen(refused.to_string(), Holds::Otherwise),
    }
}

fn case(fact: Fact, answer: Reply<Made>) -> Sighting {
    match answer {
        Ok(_) => fact.seen("it was made: uniqueness is case-sensitive", Holds::EitherWay),
        Err(refused) if refused.code == "ConflictException" => fact.seen(format!("{refused}: uniqueness ignores case"), Holds::EitherWay),
        Err(refused) => fact.unseen(refused.to_string()),
    }
}

fn found(fact: Fact, answer: Reply<usize>) -> Sighting {
    match answer {
        Ok(0) => fact.seen("it finds nobody: the filter is case-sensitive", Holds::EitherWay),
        Ok(n) => fact.seen(format!("it finds {n}: the filter ignores case"), Holds::EitherWay),
        Err(refused) => fact.unseen(refused.to_string()),
    }
}

fn refused(fact: Fact, answer: Reply<()>) -> Sighting {
    match answer {
        Ok(()) => fact.seen("it was taken", Holds::Otherwise),
        Err(refused) if refused.is_denied() => fact.unseen(refused.to_string()),
        Err(refused) => fact.seen(refused.to_string(), Holds::AsAssumed),
    }
}

fn either(fact: Fact, answer: Reply<()>, done: &str) -> Sighting {
    match answer {
        Ok(()) => fact.seen(done, Holds::EitherWay),
        Err(refused) if refused.is_denied() => fact.unseen(refused.to_string()),
        Err(refused) => fact.seen(refused.to_string(), Holds::EitherWay),
    }
}

fn stale_revision(answer: Option<Reply<()>>) -> Sighting {
    let fact = facts::STALE_REVISION;
    match answer {
        None => fact.unseen("there was no revision to be old"),
        Some(Ok(())) => fact.seen("the update was taken", Holds::Otherwise),
        Some(Err(refused)) if refused.code == "ConflictException" => {
            let is_explained = refused.reason.as_deref().is_none_or(|reason| reason == "CONCURRENT_MODIFICATION");
            fact.seen(refused.to_string(), if is_explained { Holds::AsAssumed } else { Holds::Otherwise })
        }
        Some(Err(refused)) => fact.seen(refused.to_string(), Holds::Otherwise),
    }
}

fn by_principal(answer: Reply<usize>) -> Sighting {
    match answer {
        Ok(n) => facts::BY_PRINCIPAL.seen(format!("allowed; {n} assignments of the new group"), Holds::EitherWay),
        Err(refused) => facts::BY_PRINCIPAL.seen(refused.to_string(), Holds::EitherWay),
    }
}

fn listed_at_once(answer: Reply<usize>) -> Sighting {
    match answer {
        Ok(0) => facts::MEMBERSHIP_LISTED.seen("not yet: the list is late", Holds::EitherWay),
        Ok(_) => facts::MEMBERSHIP_LISTED.seen("at once", Holds::EitherWay),
        Err(refused) => facts::MEMBERSHIP_LISTED.unseen(refused.to_string()),
    }
}

fn cascade(fact: Fact, left: Reply<bool>) -> Sighting {
    match left {
        Ok(true) => fact.seen("they stay", Holds::EitherWay),
        Ok(false) => fact.seen("they go with it", Holds::EitherWay),
        Err(refused) => fact.unseen(refused.to_string()),
    }
}

fn delete_twice(answer: Reply<()>) -> Sighting {
    match answer {
        Ok(()) => facts::DELETE_TWICE.seen("a success", Holds::AsAssumed),
        Err(refused) if refused.code == "ResourceNotFoundException" => facts::DELETE_TWICE.seen(refused.to_string(), Holds::AsAssumed),
        Err(refused) => facts::DELETE_TWICE.seen(refused.to_string(), Holds::Otherwise),
    }
}

fn no_group(answer: Reply<usize>) -> Sighting {
    match answer {
        Ok(n) => facts::NO_GROUP.seen(format!("a list of {n}"), Holds::Otherwise),
        Err(refused) if refused.code == "ResourceNotFoundException" => facts::NO_GROUP.seen(refused.to_string(), Holds::AsAssumed),
        Err(refused) => facts::NO_GROUP.unseen(refused.to_string()),
    }
}
