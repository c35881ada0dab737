//! What a run is asked to do.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::plan::PlanHash;
use sync_core::report::Mode;

use crate::read::UserQuery;

/// What a run is asked to do.
#[derive(Debug, Clone)]
pub struct Request {
    /// The run's id: sortable by time, and used once.
    pub run_id: String,
    /// Whether changes are to be made.
    pub mode: Mode,
    /// What to look at.
    pub scope: Scope,
    /// The hash of the held actions that may be let through.
    pub approve: Option<PlanHash>,
}

/// What a run looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// The groups that changed, or whose members changed, since a moment.
    ChangedSince(Since),
    /// These groups, by Okta id or by name.
    Groups(Vec<String>),
    /// These users, by Okta id or by login.
    Users(Vec<String>),
    /// What triggers name.
    Triggers(TriggerScope),
    /// What an earlier run changed, to be undone.
    Undo(String),
}

/// Since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Since the last run that looked at everything that had changed.
    Last,
    /// Since this moment.
    Moment(Timestamp),
}

/// What triggers name, and what they may take away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TriggerScope {
    /// Users to look at.
    pub users: Vec<UserQuery>,
    /// Groups to look at.
    pub groups: BTreeSet<OktaGroupId>,
    /// The users who may lose something.
    pub users_may_lose: BTreeSet<OktaUserId>,
    /// The groups that may lose something.
    pub groups_may_lose: BTreeSet<OktaGroupId>,
}

impl TriggerScope {
    /// How urgent it is, by the lanes of its triggers: leavers, removals, the rest.
    pub(crate) fn urgency(&self) -> u8 {
        if self.users.iter().any(|user| user.read_status) {
            0
        } else if self.users_may_lose.is_empty() && self.groups_may_lose.is_empty() {
            2
        } else {
            1
        }
    }
}

impl Scope {
    /// The scope as a report names it.
    pub fn to_json(&self) -> Value {
        match self {
            Self::All => json!("all"),
            Self::ChangedSince(Since::Last) => json!({"changed_since": "last"}),
            Self::ChangedSince(Since::Moment(at)) => json!({"changed_since": at.to_string()}),
            Self::Groups(groups) => json!({"groups": groups}),
            Self::Users(users) => json!({"users": users}),
            Self::Undo(run_id) => json!({"undo": run_id}),
            Self::Triggers(triggers) => {
                let users: Vec<&str> = triggers.users.iter().map(|user| user.id.as_str()).collect();
                json!({"users": users, "groups": triggers.groups})
            }
        }
    }
}
