//! What the worker does with a batch, in small: one scope, and a sleep until the messages' time has come. (The worker itself would bring all of
//! AWS's SDKs along.)

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::{TriggerScope, UserQuery};
use jiff::Timestamp;
use sync_core::trigger::{Lane, Target, TriggerMessage};

/// The longest that a worker sleeps.
const LONGEST: Duration = Duration::from_secs(10);

/// The scope of a batch.
pub(crate) fn scope_of(messages: &[TriggerMessage]) -> TriggerScope {
    let mut scope = TriggerScope::default();
    let mut users = BTreeMap::new();
    for message in messages {
        match &message.target {
            Target::Group(id) => {
                scope.groups.insert(id.clone());
                if message.lane.may_remove() {
                    scope.groups_may_lose.insert(id.clone());
                }
            }
            Target::User(id) => {
                if message.lane.may_remove() {
                    scope.users_may_lose.insert(id.clone());
                }
                let (login, groups) = (None, BTreeSet::new());
                let query = users.entry(id.clone()).or_insert_with(|| UserQuery {
                    id: id.clone(),
                    login,
                    read_status: false,
                    groups,
                    names_no_group: false,
                    not_before: None,
                });
                query.login = query.login.take().or_else(|| message.login.clone());
                query.read_status |= message.lane == Lane::Leavers;
                query.names_no_group |= message.groups.is_empty();
                query.not_before = query.not_before.max(Some(message.not_before));
                query.groups.extend(message.groups.iter().cloned());
            }
        }
    }
    scope.users = users.into_values().collect();
    scope
}

/// How long to sleep before the first read.
pub(crate) fn sleep_of(messages: &[TriggerMessage], now: Timestamp) -> Duration {
    let latest = messages.iter().map(|message| message.not_before).max().unwrap_or(now);
    Duration::try_from(latest.duration_since(now)).unwrap_or_default().min(LONGEST)
}
