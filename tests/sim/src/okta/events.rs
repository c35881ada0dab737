//! The System Log events that changes leave, and the deliveries that event hooks make of them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::records::UserStatus;

use super::state::OktaState;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    MemberAdded,
    MemberRemoved,
    GroupCreated,
    GroupDeleted,
    GroupUpdated,
    GroupAssigned,
    GroupUnassigned,
    UserCreated,
    UserActivated,
    UserReactivated,
    UserDeactivated,
    UserSuspended,
    UserUnsuspended,
    UserLocked,
    UserUnlocked,
    UserDeleted,
    ProfileUpdated,
}

impl Verb {
    /// What a change of status is called; `None` for one that leaves no event.
    pub(crate) fn of_status(before: &UserStatus, after: &UserStatus) -> Option<Self> {
        match (before, after) {
            (_, UserStatus::Suspended) => Some(Self::UserSuspended),
            (_, UserStatus::Deprovisioned) => Some(Self::UserDeactivated),
            (_, UserStatus::LockedOut) => Some(Self::UserLocked),
            (UserStatus::Suspended, _) => Some(Self::UserUnsuspended),
            (UserStatus::LockedOut, _) => Some(Self::UserUnlocked),
            (UserStatus::Deprovisioned | UserStatus::Staged, _) => Some(Self::UserActivated),
            (UserStatus::Provisioned, UserStatus::Active) => Some(Self::UserReactivated),
            _ => None,
        }
    }

    /// `eventType`, `displayMessage`, `legacyEventType`.
    fn words(self) -> (&'static str, &'static str, Option<&'static str>) {
        match self {
            Self::MemberAdded => ("group.user_membership.add", "Add user to group membership", Some("core.user_group_member.user_add")),
            Self::MemberRemoved => {
                ("group.user_membership.remove", "Remove user from group membership", Some("core.user_group_member.user_remove"))
            }
            Self::GroupCreated => ("group.lifecycle.create", "Create Okta group", None),
            Self::GroupDeleted => ("group.lifecycle.delete", "Delete Okta group", None),
            Self::GroupUpdated => ("group.profile.update", "Okta group profile updated", None),
            Self::GroupAssigned => ("group.application_assignment.add", "Assign application to group", None),
            Self::GroupUnassigned => ("group.application_assignment.remove", "Unassign application from group", None),
            Self::UserCreated => ("user.lifecycle.create", "Create okta user", Some("core.user.config.user_creation.success")),
            Self::UserActivated => ("user.lifecycle.activate", "Activate Okta user", None),
            Self::UserReactivated => ("user.lifecycle.reactivate", "Reactivate Okta user", None),
            Self::UserDeactivated => ("user.lifecycle.deactivate", "Deactivate Okta user", Some("core.user.config.user_deactivated")),
            Self::UserSuspended => ("user.lifecycle.suspend", "Suspend Okta user", None),
            Self::UserUnsuspended => ("user.lifecycle.unsuspend", "Unsuspend Okta user", None),
            Self::UserLocked => ("user.account.lock", "Max sign in attempts exceeded", None),
            Self::UserUnlocked => ("user.account.unlock_by_admin", "User account unlock by admin", None),
            Self::UserDeleted => ("user.lifecycle.delete.initiated", "Delete Okta user initiated", None),
            Self::ProfileUpdated => {
                ("user.account.update_profile", "Update user profile for Okta", Some("core.user.config.profile_update.success"))
            }
        }
    }
}

/// What it happened to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject<'a> {
    User(&'a OktaUserId),
    Group(&'a OktaGroupId),
    App(&'a str),
}

/// A System Log event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number in this org, counted from 0.
    pub number: u64,
    /// When it was published, by Okta's clock.
    pub published: Timestamp,
    /// Its type, such as `group.user_membership.add`.
    pub event_type: &'static str,
    uuid: String,
    verb: Verb,
    targets: Vec<Target>,
    debug: Vec<(String, String)>,
}

/// What an event says of one that it happened to, as it was then. Most events are never delivered, and so never written out.
#[derive(Debug, Clone, PartialEq)]
struct Target {
    id: String,
    kind: &'static str,
    alternate: String,
    name: String,
}

impl Target {
    fn to_json(&self) -> Value {
        json!({"id": self.id, "type": self.kind, "alternateId": self.alternate, "displayName": self.name, "detailEntry": null})
    }
}

impl Event {
    /// Its `uuid`.
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// The event in the form in which hooks carry it.
    pub fn to_json(&self) -> Value {
        let (event_type, message, legacy) = self.verb.words();
        let request = format!("sim{:022}", self.number);
        let debug: Map<String, Value> = self.debug.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect();
        json!({
            "uuid": self.uuid,
            "published": millis(self.published),
            "eventType": event_type,
            "version": "0",
            "displayMessage": message,
            "severity": "INFO",
            "client": {
                "userAgent": {"rawUserAgent": "sim", "os": "Unknown", "browser": "UNKNOWN"},
                "zone": "null", "device": "Unknown", "id": null, "ipAddress": "192.0.2.1", "geographicalContext": null,
                "ipChain": [{"ip": "192.0.2.1", "geographicalContext": null, "version": "V4", "source": null}],
            },
            "device": null,
            "actor": {
                "id": "00usimadmin000000000", "type": "User", "alternateId": "admin@example.com", "displayName": "Sim Admin",
                "detailEntry": null,
            },
            "outcome": {"result": "SUCCESS", "reason": null},
            "target": self.targets.iter().map(Target::to_json).collect::<Vec<_>>(),
            "transaction": {"type": "WEB", "id": request, "detail": {}},
            "debugContext": {"debugData": debug},
            "legacyEventType": legacy,
            "authenticationContext": {
                "authenticationProvider": null, "credentialProvider": null, "credentialType": null, "issuer": null,
                "authenticationStep": 0, "externalSessionId": request, "interface": null,
            },
            "securityContext": {"asNumber": null, "asOrg": null, "isp": null, "domain": null, "isProxy": null},
            "insertionTimestamp": null,
        })
    }
}

impl OktaState {
    pub(crate) fn record(&mut self, verb: Verb, subjects: &[Subject<'_>]) {
        self.record_with(verb, subjects, &[]);
    }

    pub(crate) fn record_with(&mut self, verb: Verb, subjects: &[Subject<'_>], debug: &[(&str, String)]) {
        self.version += 1;
        let targets = subjects.iter().map(|subject| self.target(*subject)).collect();
        let number = self.next_event;
        self.next_event += 1;
        let debug = debug.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        let (event_type, ..) = verb.words();
        let event = Event { number, published: self.now(), event_type, uuid: self.ids.uuid(), verb, targets, debug };
        self.events.push(event);
    }

    fn target(&self, subject: Subject<'_>) -> Target {
        let (id, kind, alternate, name) = match subject {
            Subject::User(id) => {
                let user = self.users.get(id);
                let text = |key: &str| user.and_then(|user| user.profile.get(key)).and_then(Value::as_str).unwrap_or_default();
                let name = format!("{} {}", text("firstName"), text("lastName"));
                (id.as_str(), "User", text("login").to_owned(), name.trim().to_owned())
            }
            Subject::Group(id) => {
                let name = self.groups.get(id).map(|entry| entry.record.name.clone()).unwrap_or_default();
                (id.as_str(), "UserGroup", "unknown".to_owned(), name)
            }
            Subject::App(id) => {
                let label = self.apps.get(id).map(|app| app.label.clone()).unwrap_or_default();
                (id, "AppInstance", label.clone(), label)
            }
        };
        Target { id: id.to_owned(), kind, alternate, name }
    }
}

/// The body of one delivery of an event hook.
pub fn delivery(org_url: &str, hook_id: &str, event_id: &str, events: &[Event], at: Timestamp) -> Value {
    let mut list: Vec<Value> = events.iter().map(Event::to_json).collect();
    for debug in list.iter_mut().filter_map(|event| event.pointer_mut("/debugContext/debugData")) {
        if let Some(debug) = debug.as_object_mut() {
            debug.insert("targetEventHookIds".to_owned(), hook_id.into());
        }
    }
    json!({
        "eventType": "com.okta.event_hook",
        "eventTypeVersion": "1.0",
        "cloudEventsVersion": "0.1",
        "source": format!("{org_url}/api/v1/eventHooks/{hook_id}"),
        "eventId": event_id,
        "data": {"events": list},
        "eventTime": millis(at),
        "contentType": "application/json",
    })
}

/// A timestamp as the System Log writes it.
pub(crate) fn millis(at: Timestamp) -> String {
    format!("{at:.3}")
}
