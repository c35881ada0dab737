//! The identity store's control plane: changes and settings as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sync_core::ids::{GroupId, UserId};

use super::assignments::control::{AdminOp, admin_json};
use super::quota::Throttles;
use super::{ExternalId, FakeIdentityCenter};
use crate::fault::Fault;
use crate::http::{Controlled, replace};
use crate::log::Call;

/// A change. Groups are named by GroupId or DisplayName, users by UserId or userName.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "op", deny_unknown_fields)]
enum Op {
    AddUser { user_name: String, external_id: Option<String> },
    RemoveUser { user: String },
    RenameUser { user: String, user_name: String },
    SetUserExternalIds { user: String, external_ids: Vec<ExternalId> },
    EnableUser { user: String, enabled: bool },
    AddGroup { display_name: String, description: Option<String> },
    RemoveGroup { group: String },
    RenameGroup { group: String, display_name: String },
    DescribeGroup { group: String, description: Option<String> },
    SetGroupExternalIds { group: String, external_ids: Vec<ExternalId> },
    AddMember { group: String, user: String },
    RemoveMember { group: String, user: String },
    Settle,
}

/// Settings; what is not named stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Orders {
    identity_store_id: Option<String>,
    instances: Option<usize>,
    page_size: Option<usize>,
    empty_pages: Option<bool>,
    stale_ms: Option<u64>,
    names_ignore_case: Option<bool>,
    cascade: Option<bool>,
    forgiving_deletes: Option<bool>,
    capacity: Option<usize>,
    conflict_status: Option<u16>,
    account: Option<String>,
    skew_ms: Option<i64>,
    throttles: Option<Throttles>,
    /// What is named in them changes.
    assignments: Option<Value>,
    /// Likewise.
    organization: Option<Value>,
    /// Likewise.
    scim: Option<Value>,
    latency_ms: Option<u64>,
    kill_after: Option<u64>,
}

impl Controlled for FakeIdentityCenter {
    fn state_json(&self) -> Value {
        let state = self.lock();
        let groups = state.groups.values().map(|group| {
            let members = state.by_group.get(&group.id).into_iter().flat_map(|members| members.keys());
            json!({
                "id": group.id.as_str(), "display_name": group.display_name, "description": group.description,
                "external_ids": group.external_ids, "members": members.map(UserId::as_str).collect::<Vec<_>>(),
            })
        });
        let users = state.users.values().map(|user| {
            json!({
                "id": user.id.as_str(), "user_name": user.user_name, "external_ids": user.external_ids, "enabled": user.enabled,
            })
        });
        let mut whole = json!({
            "identity_store_id": state.settings.identity_store_id,
            "groups": groups.collect::<Vec<_>>(),
            "users": users.collect::<Vec<_>>(),
            "memberships": state.memberships.len(),
        });
        if let Some(object) = whole.as_object_mut() {
            object.extend(admin_json(&state).into_iter().map(|(key, value)| (key.to_owned(), value)));
        }
        whole
    }

    fn change(&self, op: &Value) -> Result<Value, String> {
        if AdminOp::is_asked_for(op) {
            return self.change_admin(op);
        }
        let op: Op = serde_json::from_value(op.clone()).map_err(|error| error.to_string())?;
        let changed = match op {
            Op::AddUser { user_name, external_id } => {
                let made = self.add_user(&user_name, external_id.as_deref());
                return made.map(|id| json!({"id": id.as_str()})).ok_or_else(|| format!("AWS would not take the user {user_name}"));
            }
            Op::AddGroup { display_name, description } => {
                let made = self.add_group(&display_name, description.as_deref().unwrap_or_default());
                return made.map(|id| json!({"id": id.as_str()})).ok_or_else(|| format!("AWS would not take the group {display_name}"));
            }
            Op::RemoveUser { user } => self.remove_user(&self.user_of(&user)?),
            Op::RenameUser { user, user_name } => self.rename_user(&self.user_of(&user)?, &user_name),
            Op::SetUserExternalIds { user, external_ids } => self.set_user_external_ids(&self.user_of(&user)?, &external_ids),
            Op::EnableUser { user, enabled } => self.enable_user(&self.user_of(&user)?, enabled),
            Op::RemoveGroup { group } => self.remove_group(&self.group_of(&group)?),
            Op::RenameGroup { group, display_name } => self.rename_group(&self.group_of(&group)?, &display_name),
            Op::DescribeGroup { group, description } => {
                self.describe_group(&self.group_of(&group)?, description.as_deref().unwrap_or_default())
            }
            Op::SetGroupExternalIds { group, external_ids } => self.set_group_external_ids(&self.group_of(&group)?, &external_ids),
            Op::AddMember { group, user } => self.add_member(&self.group_of(&group)?, &self.user_of(&user)?).is_some(),
            Op::RemoveMember { group, user } => self.remove_member(&self.group_of(&group)?, &self.user_of(&user)?),
            Op::Settle => {
                self.settle();
                true
            }
        };
        Ok(json!({"changed": changed}))
    }

    fn set(&self, settings: &Value) -> Result<Value, String> {
        let orders: Orders = serde_json::from_value(settings.clone()).map_err(|error| error.to_string())?;
        let current = self.settings();
        let assignments = merged(&current.assignments, orders.assignments)?;
        let organization = merged(&current.organization, orders.organization)?;
        let scim = merged(&current.scim, orders.scim)?;
        if let Some(throttles) = orders.throttles {
            self.throttle(throttles);
        }
        if let Some(latency) = orders.latency_ms {
            self.set_latency(Duration::from_millis(latency));
        }
        if let Some(calls) = orders.kill_after {
            self.kill_switch().allow(calls);
        }
        self.configure(|settings| {
            replace(&mut settings.identity_store_id, orders.identity_store_id);
            replace(&mut settings.instances, orders.instances);
            replace(&mut settings.page_size, orders.page_size);
            replace(&mut settings.empty_pages, orders.empty_pages);
            replace(&mut settings.stale_ms, orders.stale_ms);
            replace(&mut settings.names_ignore_case, orders.names_ignore_case);
            replace(&mut settings.cascade, orders.cascade);
            replace(&mut settings.forgiving_deletes, orders.forgiving_deletes);
            replace(&mut settings.capacity, orders.capacity);
            replace(&mut settings.conflict_status, orders.conflict_status);
            replace(&mut settings.account, orders.account);
            replace(&mut settings.skew_ms, orders.skew_ms);
            settings.assignments = assignments;
            settings.organization = organization;
            settings.scim = scim;
        });
        Ok(json!({}))
    }

    fn add_fault(&self, fault: Fault) {
        self.inject(fault);
    }

    fn open_faults(&self) -> Vec<Fault> {
        self.faults()
    }

    fn drop_faults(&self) {
        self.clear_faults();
    }

    fn call_log(&self) -> Vec<Call> {
        self.log()
    }

    fn call_counts(&self) -> BTreeMap<String, u64> {
        self.counts()
    }

    fn drop_log(&self) {
        self.clear_log();
    }

    async fn special(&self, _method: &str, _order: &str, _body: &Value) -> Option<Result<Value, String>> {
        None
    }
}

impl FakeIdentityCenter {
    pub(super) fn group_of(&self, id_or_name: &str) -> Result<GroupId, String> {
        let state = self.lock();
        let found = state.existing_group(id_or_name).ok().or_else(|| state.group_named(id_or_name));
        found.map(|group| group.id.clone()).ok_or_else(|| format!("there is no group {id_or_name}"))
    }

    pub(super) fn user_of(&self, id_or_name: &str) -> Result<UserId, String> {
        let state = self.lock();
        let found = state.existing_user(id_or_name).ok().or_else(|| state.user_named(id_or_name));
        found.map(|user| user.id.clone()).ok_or_else(|| format!("there is no user {id_or_name}"))
    }
}

/// Settings with what is named in `changes` in the place of what was there.
fn merged<T: Serialize + DeserializeOwned>(settings: &T, changes: Option<Value>) -> Result<T, String> {
    let mut whole = json!(settings);
    match (whole.as_object_mut(), changes.unwrap_or_else(|| json!({}))) {
        (Some(object), Value::Object(changes)) => object.extend(changes),
        (_, other) => return Err(format!("settings are an object, not {other}")),
    }
    serde_json::from_value(whole).map_err(|error| error.to_string())
}
