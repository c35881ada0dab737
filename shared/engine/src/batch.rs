//! A batch of messages becomes one scope. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::trigger::{Lane, Target, TriggerMessage};

use crate::read::UserQuery;
use crate::request::TriggerScope;

/// The longest that a worker sleeps for messages whose time has not come.
const LONGEST_SLEEP: SignedDuration = SignedDuration::from_secs(10);

/// One scope out of all triggers: each user and each group once, with the most urgent of its lanes.
pub fn scope_of<'a>(messages: impl IntoIterator<Item = &'a TriggerMessage>) -> TriggerScope {
    let mut users: BTreeMap<OktaUserId, UserQuery> = BTreeMap::new();
    let mut scope = TriggerScope::default();
    for message in messages {
        match &message.target {
            Target::User(id) => add_user(&mut users, &mut scope, id, message),
            Target::Group(id) => add_group(&mut scope, id, message.lane),
        }
    }
    scope.users = users.into_values().collect();
    scope
}

fn add_user(users: &mut BTreeMap<OktaUserId, UserQuery>, scope: &mut TriggerScope, id: &OktaUserId, message: &TriggerMessage) {
    let query = users.entry(id.clone()).or_insert_with(|| UserQuery {
        id: id.clone(),
        login: None,
        read_status: false,
        groups: BTreeSet::new(),
        names_no_group: false,
        not_before: None,
    });
    query.login = query.login.take().or_else(|| message.login.clone());
    query.read_status |= message.lane == Lane::Leavers;
    query.names_no_group |= message.groups.is_empty();
    query.not_before = query.not_before.max(Some(message.not_before));
    query.groups.extend(message.groups.iter().cloned());
    if message.lane.may_remove() {
        scope.users_may_lose.insert(id.clone());
    }
}

fn add_group(scope: &mut TriggerScope, id: &OktaGroupId, lane: Lane) {
    scope.groups.insert(id.clone());
    if lane.may_remove() {
        scope.groups_may_lose.insert(id.clone());
    }
}

/// How long to sleep before the first read.
pub fn sleep_of<'a>(messages: impl IntoIterator<Item = &'a TriggerMessage>, now: Timestamp) -> SignedDuration {
    let latest = messages.into_iter().map(|message| message.not_before).max().unwrap_or(now);
    latest.duration_since(now).clamp(SignedDuration::ZERO, LONGEST_SLEEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(lane: Lane, target: &str, groups: &[&str]) -> TriggerMessage {
        let target = match target.strip_prefix("00u") {
            Some(_) => Target::User(OktaUserId::new(target).unwrap()),
            None => Target::Group(OktaGroupId::new(target).unwrap()),
        };
        let arrived = "2026-11-24T10:00:00Z".parse().unwrap();
        let groups = groups.iter().map(|id| OktaGroupId::new(id).unwrap()).collect();
        TriggerMessage { v: 1, lane, target, groups, login: None, arrived, not_before: arrived + SignedDuration::from_secs(5), attempt: 0 }
    }

    #[test]
    fn a_batch_is_one_scope_with_each_user_once() {
        let messages = [
            message(Lane::Rest, "00u1", &["00g1"]),
            message(Lane::Leavers, "00u1", &[]),
            message(Lane::Rest, "00u2", &["00g2"]),
            message(Lane::Removals, "00g3", &[]),
            message(Lane::Rest, "00g4", &[]),
        ];
        let scope = scope_of(&messages);
        assert_eq!(scope.users.len(), 2);
        assert!(scope.users[0].read_status && !scope.users[1].read_status);
        assert_eq!(scope.users_may_lose.iter().map(OktaUserId::as_str).collect::<Vec<_>>(), ["00u1"]);
        assert_eq!(scope.groups.len(), 2);
        assert_eq!(scope.groups_may_lose.iter().map(OktaGroupId::as_str).collect::<Vec<_>>(), ["00g3"]);
    }

    #[test]
    fn a_worker_sleeps_what_is_left_and_never_long() {
        let messages = [message(Lane::Rest, "00u1", &[])];
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(sleep_of(&messages, at("2026-11-24T10:00:02Z")), SignedDuration::from_secs(3));
        assert_eq!(sleep_of(&messages, at("2026-11-24T10:01:00Z")), SignedDuration::ZERO);
        assert_eq!(sleep_of(&messages, at("2026-11-24T09:00:00Z")), SignedDuration::from_secs(10));
    }
}
