//! A simulated Okta org.

mod app_routes;
mod changes;
mod control;
mod error;
mod events;
mod filter;
mod hook_routes;
mod hooks;
mod http;
mod oauth;
mod ports;
mod quota;
mod reads;
mod render;
mod routes;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::records::{GroupType, UserStatus};

pub use changes::NewUser;
pub use events::{Event, delivery};
pub use hooks::{Delivery, DeliverySettings, Hook};
pub use oauth::{OAuthClient, PublicKey};
pub use quota::{Bucket, Limits};
pub use state::{App, Group, HiddenAs, LinkStyle, Settings, Staleness, User};

use crate::call::{Desk, Operation, Side};
use crate::fault::{ErrorFault, Fault};
use crate::kill::{Client, KillSwitch};
use crate::lock;
use crate::log::Call;
use crate::quota::{Rate, ceil_second};
use crate::time::{Time, later};
use error::OktaError;
use state::OktaState;

/// A handle on a simulated org. Clones share the org and the count of calls; [`FakeOkta::connect`] counts anew.
#[derive(Debug, Clone)]
pub struct FakeOkta {
    pub(crate) state: Arc<Mutex<OktaState>>,
    pub(crate) client: Arc<Client>,
}

/// Puts what a patch names into a record, down to its leaves.
fn merge(record: &mut Value, patch: &Value) {
    match (record, patch) {
        (Value::Object(record), Value::Object(patch)) => {
            patch.iter().for_each(|(key, value)| merge(record.entry(key.clone()).or_insert(Value::Null), value));
        }
        (record, patch) => *record = patch.clone(),
    }
}

impl Default for FakeOkta {
    fn default() -> Self {
        Self::new(Time::default(), 1)
    }
}

impl FakeOkta {
    /// An org in which there is nothing but the group `Everyone`. The same seed gives the same ids.
    pub fn new(time: impl Into<Time>, seed: u64) -> Self {
        Self { state: Arc::new(Mutex::new(OktaState::new(time.into(), seed))), client: Arc::default() }
    }

    /// The connection of another process to the same org: it counts its own calls.
    pub fn connect(&self) -> Self {
        self.with_kill(&KillSwitch::never())
    }

    /// The connection of a process that this switch ends.
    pub fn with_kill(&self, kill: &KillSwitch) -> Self {
        Self { state: Arc::clone(&self.state), client: Arc::new(Client::with_kill(kill)) }
    }

    /// The switch that ends the process that uses this handle.
    pub fn kill_switch(&self) -> &KillSwitch {
        self.client.kill()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, OktaState> {
        lock(&self.state)
    }
}

/// What people and other systems do. What names something that does not exist changes nothing, and answers `false`.
impl FakeOkta {
    /// Makes a group of the type `OKTA_GROUP`. Names need not be unique.
    pub fn add_group(&self, name: &str) -> OktaGroupId {
        self.add_group_with(name, None, GroupType::OktaGroup)
    }

    /// Makes a group.
    pub fn add_group_with(&self, name: &str, description: Option<&str>, kind: GroupType) -> OktaGroupId {
        self.lock().add_group(name, description, kind)
    }

    /// Renames a group.
    pub fn rename_group(&self, group: &OktaGroupId, name: &str) -> bool {
        self.lock().edit_group(group, Some(name), None)
    }

    /// Gives a group another description.
    pub fn describe_group(&self, group: &OktaGroupId, description: Option<&str>) -> bool {
        self.lock().edit_group(group, None, Some(description))
    }

    /// Deletes a group.
    pub fn delete_group(&self, group: &OktaGroupId) -> bool {
        self.lock().delete_group(group)
    }

    /// Makes an active user.
    pub fn add_user(&self, login: &str) -> OktaUserId {
        self.add_user_with(NewUser::named(login))
    }

    /// Makes a user.
    pub fn add_user_with(&self, user: NewUser) -> OktaUserId {
        self.lock().add_user(user)
    }

    /// Changes login and e-mail address.
    pub fn set_login(&self, user: &OktaUserId, login: &str) -> bool {
        let attributes = [("login".to_owned(), json!(login)), ("email".to_owned(), json!(login))];
        self.lock().edit_profile(user, Map::from_iter(attributes))
    }

    /// Sets a profile attribute, however broken; null takes it away.
    pub fn set_profile(&self, user: &OktaUserId, attribute: &str, value: impl Into<Value>) -> bool {
        self.lock().edit_profile(user, Map::from_iter([(attribute.to_owned(), value.into())]))
    }

    /// Makes the API give this instead of the user's record (`None`: the record again).
    pub fn break_user(&self, user: &OktaUserId, raw: Option<Value>) -> bool {
        let mut state = self.lock();
        state.version += 1;
        state.users.get_mut(user).map(|user| user.raw = raw).is_some()
    }

    /// Makes the API give this instead of the group's record (`None`: the record again).
    pub fn break_group(&self, group: &OktaGroupId, raw: Option<Value>) -> bool {
        let mut state = self.lock();
        state.version += 1;
        state.groups.get_mut(group).map(|entry| entry.record.raw = raw).is_some()
    }

    /// Gives a user a status, with the event that such a change leaves.
    pub fn set_status(&self, user: &OktaUserId, status: UserStatus) -> bool {
        self.lock().set_status(user, status)
    }

    /// Suspends a user, who keeps all memberships.
    pub fn suspend(&self, user: &OktaUserId) -> bool {
        self.set_status(user, UserStatus::Suspended)
    }

    /// Deactivates a user, who keeps all memberships.
    pub fn deactivate(&self, user: &OktaUserId) -> bool {
        self.set_status(user, UserStatus::Deprovisioned)
    }

    /// Makes a suspended, deactivated or staged user active.
    pub fn reactivate(&self, user: &OktaUserId) -> bool {
        self.set_status(user, UserStatus::Active)
    }

    /// Deletes a user, who vanishes from every group. (An active one is deactivated first.)
    pub fn delete_user(&self, user: &OktaUserId) -> bool {
        self.lock().delete_user(user)
    }

    /// Adds a member.
    pub fn add_member(&self, group: &OktaGroupId, user: &OktaUserId) -> bool {
        self.lock().add_member(group, user)
    }

    /// Removes a member.
    pub fn remove_member(&self, group: &OktaGroupId, user: &OktaUserId) -> bool {
        self.lock().remove_member(group, user)
    }

    /// Makes an app of this kind (`amazon_aws_sso` is IAM Identity Center).
    pub fn add_app(&self, name: &str, label: &str) -> String {
        self.lock().add_app(name, label)
    }

    /// Assigns a group to an app.
    pub fn assign_group(&self, app: &str, group: &OktaGroupId) -> bool {
        self.lock().assign(app, group, true)
    }

    /// Has an app push a group to what is behind it (`ACTIVE`, `INACTIVE` or `ERROR`; `None` ends it).
    pub fn push_group(&self, app: &str, group: &OktaGroupId, status: Option<&str>) -> bool {
        self.lock().edit_app(app, |app| match status {
            Some(status) => drop(app.pushed.insert(group.clone(), status.to_owned())),
            None => drop(app.pushed.remove(group)),
        })
    }

    /// Changes how the API shows an app: what is named in `record` replaces what was there, and null takes it away.
    pub fn edit_app(&self, app: &str, record: &Value) -> bool {
        self.lock().edit_app(app, |app| merge(&mut app.record, record))
    }

    /// Sets when the key ends with which an app signs.
    pub fn expire_key(&self, app: &str, at: Timestamp) -> bool {
        self.lock().edit_app(app, |app| app.key_expires = at)
    }

    /// Takes a group from an app.
    pub fn unassign_group(&self, app: &str, group: &OktaGroupId) -> bool {
        self.lock().assign(app, group, false)
    }

    /// Makes the present world an hour old and forgets its events.
    pub fn settle(&self) {
        self.lock().settle();
    }
}

/// What is there, whatever the API would show.
impl FakeOkta {
    /// A group.
    pub fn peek_group(&self, group: &OktaGroupId) -> Option<Group> {
        self.lock().groups.get(group).map(|entry| entry.record.clone())
    }

    /// A user.
    pub fn peek_user(&self, user: &OktaUserId) -> Option<User> {
        self.lock().users.get(user).cloned()
    }

    /// All groups but `Everyone`.
    pub fn group_ids(&self) -> BTreeSet<OktaGroupId> {
        let state = self.lock();
        state.groups.keys().filter(|id| **id != state.everyone).cloned().collect()
    }

    /// All users.
    pub fn user_ids(&self) -> BTreeSet<OktaUserId> {
        self.lock().users.keys().cloned().collect()
    }

    /// The members of a group, of every status.
    pub fn member_ids(&self, group: &OktaGroupId) -> BTreeSet<OktaUserId> {
        self.lock().groups.get(group).map(|entry| entry.members.keys().cloned().collect()).unwrap_or_default()
    }

    /// All groups but `Everyone`, with their members of every status.
    pub fn all_members(&self) -> BTreeMap<OktaGroupId, BTreeSet<OktaUserId>> {
        let state = self.lock();
        let groups = state.groups.iter().filter(|(id, _)| **id != state.everyone);
        groups.map(|(id, entry)| (id.clone(), entry.members.keys().cloned().collect())).collect()
    }

    /// The group `Everyone`.
    pub fn everyone(&self) -> OktaGroupId {
        self.lock().everyone.clone()
    }

    /// The System Log, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// The System Log from this event number on.
    pub fn events_from(&self, number: u64) -> Vec<Event> {
        self.lock().events.iter().filter(|event| event.number >= number).cloned().collect()
    }

    /// The number that the next event will have.
    pub fn next_event(&self) -> u64 {
        self.lock().next_event
    }

    /// Okta's clock.
    pub fn clock_now(&self) -> Timestamp {
        self.lock().now()
    }
}

/// How it behaves, and what was called.
impl FakeOkta {
    /// Changes the settings.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.lock().settings);
    }

    /// The settings.
    pub fn settings(&self) -> Settings {
        self.lock().settings.clone()
    }

    /// Sets the rate limits; all windows begin anew.
    pub fn limit(&self, limits: Limits) {
        self.lock().quota = quota::Quota::new(limits);
    }

    /// Makes every call take this long.
    pub fn set_latency(&self, latency: Duration) {
        self.lock().desk.latency = latency;
    }

    /// Adds a fault.
    pub fn inject(&self, fault: Fault) {
        self.lock().desk.faults.add(fault);
    }

    /// The faults that are not used up.
    pub fn faults(&self) -> Vec<Fault> {
        self.lock().desk.faults.all().to_vec()
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.lock().desk.faults.clear();
    }

    /// Every call since the last [`FakeOkta::clear_log`].
    pub fn log(&self) -> Vec<Call> {
        self.lock().desk.log.all().to_vec()
    }

    /// Calls by operation.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.lock().desk.log.counts()
    }

    /// The calls that changed something in Okta: a read-only tool has none.
    pub fn writes(&self) -> Vec<Call> {
        self.lock().desk.log.all().iter().filter(|call| call.writing || call.mutated).cloned().collect()
    }

    /// Writes calls down from now on, or not: where nobody looks at them, it is a saving.
    pub fn keep_log(&self, on: bool) {
        self.lock().desk.log.turn(on);
    }

    /// Forgets the calls.
    pub fn clear_log(&self) {
        self.lock().desk.log.clear();
    }
}

impl Side for OktaState {
    type Error = OktaError;
    type Rate = Rate;

    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn time(&self) -> Time {
        self.time.clone()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn admit(&mut self, operation: &Operation) -> (Option<Rate>, Result<(), OktaError>) {
        let now = self.now();
        let (rate, within) = self.quota.take(operation.name, now);
        (Some(rate), if within { Ok(()) } else { Err(OktaError::throttled()) })
    }

    fn error_of(&mut self, fault: ErrorFault<'_>, rate: &mut Option<Rate>) -> OktaError {
        match fault {
            ErrorFault::Status { status, code } => OktaError::of_status(status, code),
            ErrorFault::Exception { name, .. } => OktaError::of_status(500, Some(name)),
            ErrorFault::Conflict => OktaError::of_status(409, None),
            ErrorFault::Throttle { seconds, at_once } => {
                let reset = ceil_second(later(self.now(), Duration::from_secs(seconds)));
                let limit = if at_once { 0 } else { rate.map_or(0, |rate| rate.limit) };
                *rate = Some(Rate { limit, remaining: 0, reset });
                OktaError::throttled()
            }
        }
    }
}

/// A moment as Okta's records write it: in whole seconds, so that two changes within one second look alike.
pub(crate) fn whole_second(at: Timestamp) -> String {
    let second = Timestamp::from_second(at.as_second()).unwrap_or(at);
    format!("{second:.3}")
}
