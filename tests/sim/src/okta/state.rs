//! The state of a simulated Okta org.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::ports::Clock;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::records::{GroupType, UserStatus};

use super::events::Event;
use super::hooks::{Delivery, DeliverySettings, Hook};
use super::oauth::OAuth;
use super::quota::Quota;
use crate::call::Desk;
use crate::ids::IdMaker;
use crate::time::{Time, later, skewed};

/// A group, without its members.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its id.
    pub id: OktaGroupId,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// Its type.
    pub kind: GroupType,
    /// When it was made.
    pub created: Timestamp,
    /// When its profile last changed.
    pub last_updated: Timestamp,
    /// When its members last changed.
    pub last_membership_updated: Timestamp,
    /// What the API gives instead of the record, for broken records.
    pub raw: Option<Value>,
}

/// A user.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Their id.
    pub id: OktaUserId,
    /// Their status.
    pub status: UserStatus,
    /// Their profile; `login` can be missing, null, or no text, for broken records.
    pub profile: Map<String, Value>,
    /// When the user was made.
    pub created: Timestamp,
    /// When the user was last activated.
    pub activated: Option<Timestamp>,
    /// When the status last changed.
    pub status_changed: Option<Timestamp>,
    /// When the profile or the status last changed.
    pub last_updated: Timestamp,
    /// What the API gives instead of the record, for broken records.
    pub raw: Option<Value>,
}

impl User {
    /// `profile.login`, empty where there is none.
    pub fn login(&self) -> &str {
        self.profile.get("login").and_then(Value::as_str).unwrap_or_default()
    }
}

/// An app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its id (`0oa…`).
    pub id: String,
    /// The key of its kind, such as `amazon_aws_sso`.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// When it was made.
    pub created: Timestamp,
    /// The groups that are assigned to it, and since when.
    pub groups: BTreeMap<OktaGroupId, Timestamp>,
    /// The groups that it pushes, and the status of each mapping.
    pub pushed: BTreeMap<OktaGroupId, String>,
    /// When the key ends with which it signs.
    pub key_expires: Timestamp,
    /// What the API shows otherwise than it does of every app.
    pub record: Value,
}

/// Settings of a simulated org.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://…`, without a slash at the end; the host is the org's host.
    pub org_url: String,
    /// Elements on a page for the ports (over HTTP the request says).
    pub page_size: usize,
    /// How late lists show changes.
    pub staleness: Staleness,
    /// Groups that the credential's admin role cannot see.
    pub hidden: BTreeSet<OktaGroupId>,
    /// What a hidden group answers by its id.
    pub hidden_as: HiddenAs,
    /// How far Okta's clock is ahead of the world's, in milliseconds.
    pub skew_ms: i64,
    /// The profile attribute that the ports take the `user_name` from.
    pub user_name_attribute: String,
    /// Credentials that are accepted over HTTP (`Authorization: SSWS <token>`).
    pub tokens: BTreeSet<String>,
    /// How long an access token is good, in seconds. Okta's are for an hour.
    pub access_token_seconds: u64,
    /// How `Link` headers are written over HTTP.
    pub links: LinkStyle,
}

/// How late lists show changes; all zero by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Staleness {
    /// A member added within so many milliseconds is not listed yet. Recorded: up to 2,000.
    pub added_ms: u64,
    /// A member removed within so many milliseconds is still listed. Never recorded.
    pub removed_ms: u64,
    /// The groups of a user are late as well, not only the members of a group.
    pub user_groups: bool,
    /// A group that changed within so many milliseconds is not in a list of groups with a `filter` yet. Okta: about 1,000.
    pub listed_ms: u64,
}

/// What a group that the credential's role cannot see answers by its id. Okta does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HiddenAs {
    /// 403 `E0000006`.
    #[default]
    Forbidden,
    /// 404 `E0000007`, as if it did not exist.
    NotFound,
}

/// How `Link` headers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkStyle {
    /// One header line for each link, self first.
    #[default]
    Lines,
    /// One comma-joined line, as years ago.
    Joined,
    /// One line for each, next first.
    NextFirst,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            org_url: "https://acme.okta.com".to_owned(),
            page_size: 200,
            staleness: Staleness::default(),
            hidden: BTreeSet::new(),
            hidden_as: HiddenAs::default(),
            skew_ms: 0,
            user_name_attribute: "login".to_owned(),
            tokens: BTreeSet::from(["sim-token".to_owned()]),
            access_token_seconds: 3_600,
            links: LinkStyle::default(),
        }
    }
}

/// A group with its members.
#[derive(Debug, Clone)]
pub(crate) struct GroupEntry {
    pub(crate) record: Group,
    pub(crate) members: BTreeMap<OktaUserId, Timestamp>,
    /// Members that left, and when, for reads that are late.
    pub(crate) left: BTreeMap<OktaUserId, Timestamp>,
}

/// The org.
#[derive(Debug)]
pub(crate) struct OktaState {
    pub(crate) time: Time,
    pub(crate) settings: Settings,
    pub(crate) desk: Desk,
    pub(crate) quota: Quota,
    pub(crate) ids: IdMaker,
    pub(crate) version: u64,
    pub(crate) groups: BTreeMap<OktaGroupId, GroupEntry>,
    pub(crate) users: BTreeMap<OktaUserId, User>,
    pub(crate) apps: BTreeMap<String, App>,
    pub(crate) events: Vec<Event>,
    pub(crate) next_event: u64,
    pub(crate) oauth: OAuth,
    pub(crate) hooks: BTreeMap<String, Hook>,
    pub(crate) delivery: DeliverySettings,
    pub(crate) deliveries: Vec<Delivery>,
    /// What loss, duplicates and shuffling are drawn from.
    pub(crate) chance: rand::rngs::StdRng,
    pub(crate) everyone: OktaGroupId,
}

impl OktaState {
    pub(crate) fn new(time: Time, seed: u64) -> Self {
        let mut ids = IdMaker::new(seed);
        let everyone = ids.okta_group();
        let mut state = Self {
            time,
            settings: Settings::default(),
            desk: Desk::default(),
            quota: Quota::default(),
            ids,
            version: 0,
            groups: BTreeMap::new(),
            users: BTreeMap::new(),
            apps: BTreeMap::new(),
            events: Vec::new(),
            next_event: 0,
            oauth: OAuth::default(),
            hooks: BTreeMap::new(),
            delivery: DeliverySettings::default(),
            deliveries: Vec::new(),
            chance: super::hooks::chance(seed),
            everyone: everyone.clone(),
        };
        state.insert_group(everyone, "Everyone", Some("All users in your organization"), GroupType::BuiltIn);
        state
    }

    /// Okta's clock.
    pub(crate) fn now(&self) -> Timestamp {
        skewed(self.time.now(), self.settings.skew_ms)
    }

    pub(crate) fn insert_group(&mut self, id: OktaGroupId, name: &str, description: Option<&str>, kind: GroupType) {
        let now = self.now();
        let record = Group {
            id: id.clone(),
            name: name.to_owned(),
            description: description.map(str::to_owned),
            kind,
            created: now,
            last_updated: now,
            last_membership_updated: now,
            raw: None,
        };
        self.groups.insert(id, GroupEntry { record, members: BTreeMap::new(), left: BTreeMap::new() });
        self.version += 1;
    }

    pub(crate) fn group(&self, id: &str) -> Option<&GroupEntry> {
        self.groups.get(&OktaGroupId::new(id).ok()?)
    }

    /// Whether the credential's role can see a group.
    pub(crate) fn sees(&self, id: &OktaGroupId) -> bool {
        !self.settings.hidden.contains(id)
    }

    /// By id, by login, or by the part of a login before the `@` where only one user has it.
    pub(crate) fn user(&self, id_or_login: &str) -> Option<&User> {
        if let Some(user) = OktaUserId::new(id_or_login).ok().and_then(|id| self.users.get(&id)) {
            return Some(user);
        }
        let by_login = self.users.values().find(|user| user.login().eq_ignore_ascii_case(id_or_login));
        let short = |user: &&User| user.login().split_once('@').is_some_and(|(short, _)| short.eq_ignore_ascii_case(id_or_login));
        by_login.or_else(|| {
            let mut found = self.users.values().filter(short);
            found.next().filter(|_| found.next().is_none())
        })
    }

    /// The members that a read of the group gives at this moment.
    pub(crate) fn visible_members<'a>(&'a self, entry: &'a GroupEntry) -> impl Iterator<Item = &'a User> + use<'a> {
        self.seen(entry, self.settings.staleness).into_iter().filter_map(|id| self.users.get(id))
    }

    fn seen<'a>(&self, entry: &'a GroupEntry, staleness: Staleness) -> BTreeSet<&'a OktaUserId> {
        let now = self.now();
        let past = |at: Timestamp, ms: u64| later(at, Duration::from_millis(ms)) <= now;
        let here = entry.members.iter().filter(|(_, at)| staleness.added_ms == 0 || past(**at, staleness.added_ms));
        let left = entry.left.iter().filter(|(_, at)| !past(**at, staleness.removed_ms));
        here.chain(left).map(|(id, _)| id).collect()
    }

    /// Whether a read of the user's groups gives this one at this moment.
    pub(crate) fn lists_group_of(&self, entry: &GroupEntry, user: &OktaUserId) -> bool {
        let staleness = self.settings.staleness;
        let late = if staleness.user_groups { staleness } else { Staleness::default() };
        if late == Staleness::default() { entry.members.contains_key(user) } else { self.seen(entry, late).contains(user) }
    }
}
