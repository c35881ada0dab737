//! What a process remembers of Identity Center between invocations, so that one event costs a handful of calls at any size.
//!
//! Only what identifies: which groups there are, which user is which. Memberships are never remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sync_core::assignments::Organization;
use sync_core::ids::{GroupId, OktaGroupId, OktaUserId, PermissionSetArn};
use sync_core::records::{DirectoryGroup, DirectoryUser};
use tokio::time::Instant;

/// How long the list of groups is believed. A group that others made is looked for anew as soon as it is missed.
const GROUPS_LIVE: Duration = Duration::from_secs(300);

/// How long a user is believed to be who they were found to be.
const USERS_LIVE: Duration = Duration::from_secs(900);

/// How long the organization is believed: Organizations allows few calls, and accounts come and go by the day.
const ORGANIZATION_LIVES: Duration = Duration::from_secs(300);

/// How long a list of everyone answers searches.
const EVERYONE_LIVES: Duration = Duration::from_secs(60);

/// How long the groups of the app are believed: reads of apps are Okta's scarcest, 100 a minute and often 10.
const ASSIGNED_LIVE: Duration = Duration::from_secs(300);

/// Most users remembered: some 200 bytes each, in a function of 256 MB.
const MAX_USERS: usize = 100_000;

/// The memory of a process.
#[derive(Debug, Default)]
pub struct Directory {
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    groups: Option<Aged<BTreeMap<GroupId, DirectoryGroup>>>,
    users: BTreeMap<OktaUserId, Aged<Remembered>>,
    everyone: Option<Aged<Arc<BTreeMap<String, DirectoryUser>>>>,
    assigned: Option<Aged<BTreeSet<OktaGroupId>>>,
    permission_sets: BTreeMap<PermissionSetArn, String>,
    organization: Option<Aged<Organization>>,
}

/// A user, and by what they were told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) user: DirectoryUser,
    /// Whether the pin of an earlier run told them, and not their externalId.
    pub(crate) is_pinned: bool,
}

#[derive(Debug)]
struct Aged<V> {
    value: V,
    since: Instant,
}

impl<V: Clone> Aged<V> {
    fn now(value: V) -> Self {
        Self { value, since: Instant::now() }
    }

    fn younger_than(&self, age: Duration) -> Option<V> {
        (self.since.elapsed() < age).then(|| self.value.clone())
    }
}

impl Directory {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The groups, if they were listed lately.
    pub(crate) fn groups(&self) -> Option<BTreeMap<GroupId, DirectoryGroup>> {
        self.memory().groups.as_ref()?.younger_than(GROUPS_LIVE)
    }

    /// How old the list of groups is.
    pub(crate) fn groups_age(&self) -> Option<Duration> {
        Some(self.memory().groups.as_ref()?.since.elapsed())
    }

    pub(crate) fn remember_groups(&self, groups: &BTreeMap<GroupId, DirectoryGroup>) {
        self.memory().groups = Some(Aged::now(groups.clone()));
    }

    /// After a change to a group, by us or found out.
    pub(crate) fn forget_groups(&self) {
        self.memory().groups = None;
    }

    /// The Identity Center user of an Okta user, if they were found lately.
    pub(crate) fn user(&self, id: &OktaUserId) -> Option<Remembered> {
        self.memory().users.get(id)?.younger_than(USERS_LIVE)
    }

    pub(crate) fn remember_user(&self, id: &OktaUserId, user: &DirectoryUser, is_pinned: bool) {
        let mut memory = self.memory();
        if memory.users.len() >= MAX_USERS {
            memory.users.clear();
        }
        memory.users.insert(id.clone(), Aged::now(Remembered { user: user.clone(), is_pinned }));
    }

    /// After a user was found to be gone or another.
    pub(crate) fn forget_user(&self, id: &OktaUserId) {
        self.memory().users.remove(id);
    }

    /// Everyone by externalId, if they were listed just now: a search for someone who is not there must not list them at every event.
    pub(crate) fn everyone(&self) -> Option<Arc<BTreeMap<String, DirectoryUser>>> {
        self.memory().everyone.as_ref()?.younger_than(EVERYONE_LIVES)
    }

    pub(crate) fn remember_everyone(&self, users: &[DirectoryUser]) -> Arc<BTreeMap<String, DirectoryUser>> {
        let by_external_id = users.iter().flat_map(|user| user.external_ids.iter().map(|id| (id.clone(), user.clone())));
        let everyone = Arc::new(by_external_id.collect());
        self.memory().everyone = Some(Aged::now(Arc::clone(&everyone)));
        everyone
    }

    /// The names of permission sets, which never change.
    pub(crate) fn permission_set_names(&self) -> BTreeMap<PermissionSetArn, String> {
        self.memory().permission_sets.clone()
    }

    pub(crate) fn remember_permission_sets(&self, names: &BTreeMap<PermissionSetArn, String>) {
        self.memory().permission_sets.extend(names.iter().map(|(arn, name)| (arn.clone(), name.clone())));
    }

    /// The organization, if it was read lately.
    pub(crate) fn organization(&self) -> Option<Organization> {
        self.memory().organization.as_ref()?.younger_than(ORGANIZATION_LIVES)
    }

    pub(crate) fn remember_organization(&self, organization: &Organization) {
        self.memory().organization = Some(Aged::now(organization.clone()));
    }

    pub(crate) fn assigned(&self) -> Option<BTreeSet<OktaGroupId>> {
        self.memory().assigned.as_ref()?.younger_than(ASSIGNED_LIVE)
    }

    pub(crate) fn remember_assigned(&self, groups: &BTreeSet<OktaGroupId>) {
        self.memory().assigned = Some(Aged::now(groups.clone()));
    }
}
