//! A simulated identity store of AWS IAM Identity Center.

mod assignments;
mod changes;
mod control;
mod error;
mod http;
mod identity_store;
mod input;
mod organization;
mod ports;
mod quota;
mod reads;
mod render;
mod scim;
mod sso_admin;
mod state;
mod user_ports;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use engine::ports::Clock;
use jiff::Timestamp;
use serde_json::json;
use sync_core::ids::{GroupId, MembershipId, UserId};

pub use assignments::{AssignmentSettings, Fate, FateOperation, PermissionSet, Principal, StoreAssignment, StoreRequest};
pub use organization::{NewAccount, OrganizationSettings, StateFields, StoreAccount, StoreUnit};
pub use quota::{ScimThrottle, Throttle, Throttles};
pub use scim::ScimSettings;
pub use state::{ExternalId, MembershipChange, Settings, StoreGroup, StoreMembership, StoreUser, UserChange};

use crate::call::{Desk, Operation, Side};
use crate::fault::{ErrorFault, Fault};
use crate::kill::{Client, KillSwitch};
use crate::lock;
use crate::log::Call;
use crate::time::Time;
use changes::{GroupEdit, NewStoreUser};
use error::{AwsError, CONCURRENT};
use state::StoreState;

/// A handle on a simulated identity store. Clones share the store and the count of calls; [`FakeIdentityCenter::connect`]
/// counts anew.
#[derive(Debug, Clone)]
pub struct FakeIdentityCenter {
    pub(crate) state: Arc<Mutex<StoreState>>,
    pub(crate) client: Arc<Client>,
    pub(crate) over_scim: bool,
}

impl Default for FakeIdentityCenter {
    fn default() -> Self {
        Self::new(Time::default(), 1)
    }
}

impl FakeIdentityCenter {
    /// An empty store. The same seed gives the same ids.
    pub fn new(time: impl Into<Time>, seed: u64) -> Self {
        Self { state: Arc::new(Mutex::new(StoreState::new(time.into(), seed))), client: Arc::default(), over_scim: false }
    }

    /// The connection of another process to the same store: it counts its own calls.
    pub fn connect(&self) -> Self {
        self.with_kill(&KillSwitch::never())
    }

    /// The connection of a process that this switch ends.
    pub fn with_kill(&self, kill: &KillSwitch) -> Self {
        Self { state: Arc::clone(&self.state), client: Arc::new(Client::with_kill(kill)), over_scim: self.over_scim }
    }

    /// The same connection, whose ports write users and memberships over SCIM.
    #[must_use]
    pub fn over_scim(&self) -> Self {
        Self { over_scim: true, ..self.clone() }
    }

    /// The switch that ends the process that uses this handle.
    pub fn kill_switch(&self) -> &KillSwitch {
        self.client.kill()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, StoreState> {
        let mut state = lock(&self.state);
        state.catch_up();
        state
    }
}

/// What other people and systems do, by hand or over SCIM. What AWS would refuse changes nothing, and answers `None` or `false`.
impl FakeIdentityCenter {
    /// Makes a user, as SCIM (with an externalId) or a person (without) does.
    pub fn add_user(&self, user_name: &str, external_id: Option<&str>) -> Option<UserId> {
        let short = user_name.split('@').next().unwrap_or_default();
        let attributes = json!({
            "DisplayName": short,
            "Name": {"GivenName": short, "FamilyName": "Example"},
            "Emails": [{"Value": user_name, "Type": "work", "Primary": true}],
        });
        let new = NewStoreUser {
            user_name: user_name.to_owned(),
            external_ids: external_id.map(ExternalId::scim).into_iter().collect(),
            attributes: attributes.as_object().cloned().unwrap_or_default(),
        };
        self.lock().make_user(new).ok()
    }

    /// Makes a group.
    pub fn add_group(&self, display_name: &str, description: &str) -> Option<GroupId> {
        self.lock().make_group(display_name, Some(description).filter(|text| !text.is_empty())).ok()
    }

    /// Makes a member.
    pub fn add_member(&self, group: &GroupId, user: &UserId) -> Option<MembershipId> {
        self.lock().make_membership(group.as_str(), user.as_str()).ok()
    }

    /// Removes a member.
    pub fn remove_member(&self, group: &GroupId, user: &UserId) -> bool {
        let mut state = self.lock();
        let membership = state.membership_of(group, user).cloned();
        membership.is_some_and(|id| state.delete_membership(id.as_str()).is_ok())
    }

    /// Removes a group.
    pub fn remove_group(&self, group: &GroupId) -> bool {
        self.lock().delete_group(group.as_str(), None).is_ok()
    }

    /// Removes a user.
    pub fn remove_user(&self, user: &UserId) -> bool {
        self.lock().delete_user(user.as_str(), None).is_ok()
    }

    /// Renames a group.
    pub fn rename_group(&self, group: &GroupId, display_name: &str) -> bool {
        let edit = GroupEdit { display_name: Some(display_name), description: None };
        self.lock().change_group(group.as_str(), edit, None).is_ok()
    }

    /// Gives a group another description; an empty one takes it away.
    pub fn describe_group(&self, group: &GroupId, description: &str) -> bool {
        let edit = GroupEdit { display_name: None, description: Some(Some(description).filter(|text| !text.is_empty())) };
        self.lock().change_group(group.as_str(), edit, None).is_ok()
    }

    /// Gives a user another userName, as SCIM does.
    pub fn rename_user(&self, user: &UserId, user_name: &str) -> bool {
        self.touch_user(user, |user| user_name.clone_into(&mut user.user_name))
    }

    /// Gives a user these externalIds.
    pub fn set_user_external_ids(&self, user: &UserId, ids: &[ExternalId]) -> bool {
        self.touch_user(user, |user| user.external_ids = ids.to_vec())
    }

    /// Gives a group these externalIds, as the native SCIM app does.
    pub fn set_group_external_ids(&self, group: &GroupId, ids: &[ExternalId]) -> bool {
        let mut state = self.lock();
        state.version += 1;
        let Some(group) = state.groups.get_mut(group) else { return false };
        group.external_ids = ids.to_vec();
        group.revision += 1;
        true
    }

    /// Disables or enables a user, as SCIM does.
    pub fn enable_user(&self, user: &UserId, enabled: bool) -> bool {
        self.touch_user(user, |user| user.enabled = enabled)
    }

    /// Gives a user another attribute, such as `Title`, as a person does.
    pub fn set_user_attribute(&self, user: &UserId, name: &str, value: &str) -> bool {
        self.lock().change_user(user.as_str(), serde_json::Map::from_iter([(name.to_owned(), json!(value))]), None).is_ok()
    }

    fn touch_user(&self, user: &UserId, change: impl FnOnce(&mut StoreUser)) -> bool {
        self.lock().alter_user(user.as_str(), change).is_ok()
    }

    /// Makes everything that is there an hour old, and brings requests under way to their end.
    pub fn settle(&self) {
        let mut state = self.lock();
        state.finish_all();
        let old = crate::time::earlier(state.now(), Duration::from_secs(3600));
        let age = |at: &mut Timestamp| *at = old.min(*at);
        state.memberships.values_mut().for_each(|membership| age(&mut membership.created_at));
        for user in state.users.values_mut() {
            [&mut user.created_at, &mut user.updated_at].into_iter().for_each(age);
        }
        for group in state.groups.values_mut() {
            [&mut group.created_at, &mut group.updated_at].into_iter().for_each(age);
        }
    }
}

/// What is there, whatever the API would show.
impl FakeIdentityCenter {
    /// A user.
    pub fn peek_user(&self, user: &UserId) -> Option<StoreUser> {
        self.lock().users.get(user).cloned()
    }

    /// Whether there is such a user.
    pub fn has_user(&self, id: &UserId) -> bool {
        self.lock().users.contains_key(id)
    }

    /// A group.
    pub fn peek_group(&self, group: &GroupId) -> Option<StoreGroup> {
        self.lock().groups.get(group).cloned()
    }

    /// The group of this name.
    pub fn group_named(&self, display_name: &str) -> Option<StoreGroup> {
        self.lock().group_named(display_name).cloned()
    }

    /// The user of this name.
    pub fn user_named(&self, user_name: &str) -> Option<StoreUser> {
        self.lock().user_named(user_name).cloned()
    }

    /// All groups.
    pub fn all_groups(&self) -> Vec<StoreGroup> {
        self.lock().groups.values().cloned().collect()
    }

    /// All users.
    pub fn all_users(&self) -> Vec<StoreUser> {
        self.lock().users.values().cloned().collect()
    }

    /// All memberships.
    pub fn all_memberships(&self) -> Vec<StoreMembership> {
        self.lock().memberships.values().cloned().collect()
    }

    /// The members of a group.
    pub fn member_ids(&self, group: &GroupId) -> BTreeSet<UserId> {
        self.lock().by_group.get(group).map(|members| members.keys().cloned().collect()).unwrap_or_default()
    }

    /// Every membership that was made or went since this was last asked, oldest first; none before it was asked for the first time.
    pub fn membership_changes(&self) -> Vec<MembershipChange> {
        self.lock().watched.replace(Vec::new()).unwrap_or_default()
    }

    /// Every user that was made, changed or removed since this was last asked, oldest first; none before it was asked for the first time.
    pub fn user_changes(&self) -> Vec<UserChange> {
        self.lock().watched_users.replace(Vec::new()).unwrap_or_default()
    }

    /// Every group's name, with its members' userNames: the whole store for comparison, whatever the ids.
    pub fn members_by_name(&self) -> BTreeMap<String, BTreeSet<String>> {
        let state = self.lock();
        let name = |id: &UserId| state.users.get(id).map(|user| user.user_name.clone()).unwrap_or_else(|| format!("(gone) {id}"));
        let members = |id: &GroupId| state.by_group.get(id).into_iter().flat_map(|members| members.keys()).map(name).collect();
        state.groups.values().map(|group| (group.display_name.clone(), members(&group.id))).collect()
    }
}

/// How it behaves, and what was called.
impl FakeIdentityCenter {
    /// Changes the settings.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.lock().settings);
    }

    /// The settings.
    pub fn settings(&self) -> Settings {
        self.lock().settings.clone()
    }

    /// Sets the throttles; all buckets are full again.
    pub fn throttle(&self, throttles: Throttles) {
        self.lock().quota = quota::Quota::new(throttles);
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

    /// Every call since the last [`FakeIdentityCenter::clear_log`].
    pub fn log(&self) -> Vec<Call> {
        self.lock().desk.log.all().to_vec()
    }

    /// Calls by operation.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.lock().desk.log.counts()
    }

    /// The calls that changed the store.
    pub fn writes(&self) -> Vec<Call> {
        self.lock().desk.log.all().iter().filter(|call| call.mutated).cloned().collect()
    }

    /// The calls of writing operations, whatever came of them: a dry run has none.
    pub fn write_attempts(&self) -> Vec<Call> {
        self.lock().desk.log.all().iter().filter(|call| call.writing).cloned().collect()
    }

    /// The calls that were refused for their rate.
    pub fn throttled(&self) -> Vec<Call> {
        let throttled = |call: &&Call| matches!(call.error.as_deref(), Some("ThrottlingException" | "TooManyRequestsException"));
        self.lock().desk.log.all().iter().filter(throttled).cloned().collect()
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

impl Side for StoreState {
    type Error = AwsError;
    type Rate = ();

    fn desk(&mut self) -> &mut Desk {
        &mut self.desk
    }

    fn time(&self) -> Time {
        self.time.clone()
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn admit(&mut self, operation: &Operation) -> (Option<()>, Result<(), AwsError>) {
        if self.quota.take(operation.name, || self.time.now()) {
            return (None, Ok(()));
        }
        let refused = match quota::Family::of(operation.name) {
            quota::Family::IdentityStore | quota::Family::SsoAdmin | quota::Family::Scim => AwsError::throttled(1),
            quota::Family::Organizations => AwsError::too_many_requests(),
        };
        (None, Err(refused))
    }

    fn catch_up(&mut self) {
        self.finish_due();
    }

    fn error_of(&mut self, fault: ErrorFault<'_>, _rate: &mut Option<()>) -> AwsError {
        match fault {
            ErrorFault::Status { status, code: Some(name) } => AwsError { status, ..AwsError::named(name, None) },
            ErrorFault::Status { status, code: None } => AwsError::of_status(status),
            ErrorFault::Exception { name, reason } => AwsError::named(name, reason),
            ErrorFault::Throttle { seconds, .. } => AwsError::throttled(seconds),
            ErrorFault::Conflict => AwsError::conflict(CONCURRENT, "injected", self.settings.conflict_status),
        }
    }
}
