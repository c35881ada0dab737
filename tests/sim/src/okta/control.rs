//! Okta's control plane: changes and settings as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::records::{GroupType, UserStatus};

use super::hooks::DeliverySettings;
use super::oauth::ClientOrder;
use super::quota::Limits;
use super::state::{HiddenAs, LinkStyle, Staleness};
use super::{FakeOkta, NewUser, render};
use crate::fault::Fault;
use crate::http::{Controlled, replace};
use crate::log::Call;

/// A change. Groups are named by id or by a name that only one has, users by id or login.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "op", deny_unknown_fields)]
enum Op {
    AddGroup {
        name: String,
        description: Option<String>,
        r#type: Option<String>,
    },
    RenameGroup {
        group: String,
        name: String,
    },
    DescribeGroup {
        group: String,
        description: Option<String>,
    },
    DeleteGroup {
        group: String,
    },
    BreakGroup {
        group: String,
        raw: Option<Value>,
    },
    AddUser {
        login: String,
        status: Option<String>,
        #[serde(default)]
        profile: Map<String, Value>,
    },
    SetLogin {
        user: String,
        login: String,
    },
    SetProfile {
        user: String,
        attribute: String,
        value: Value,
    },
    SetStatus {
        user: String,
        status: String,
    },
    Suspend {
        user: String,
    },
    Deactivate {
        user: String,
    },
    Reactivate {
        user: String,
    },
    DeleteUser {
        user: String,
    },
    BreakUser {
        user: String,
        raw: Option<Value>,
    },
    AddMember {
        group: String,
        user: String,
    },
    RemoveMember {
        group: String,
        user: String,
    },
    AddApp {
        name: String,
        label: Option<String>,
    },
    EditApp {
        app: String,
        record: Option<Value>,
        key_expires: Option<Timestamp>,
    },
    PushGroup {
        app: String,
        group: String,
        status: Option<String>,
    },
    AssignGroup {
        app: String,
        group: String,
    },
    UnassignGroup {
        app: String,
        group: String,
    },
    AddHook {
        uri: String,
        secret: String,
        items: Vec<String>,
    },
    AddOauthClient(ClientOrder),
    EditOauthClient(ClientOrder),
    RotateDpopNonce,
    RevokeAccessTokens,
    Settle,
}

/// Settings; what is not named stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Orders {
    org_url: Option<String>,
    page_size: Option<usize>,
    staleness: Option<Staleness>,
    hidden: Option<BTreeSet<String>>,
    hidden_as: Option<HiddenAs>,
    skew_ms: Option<i64>,
    tokens: Option<BTreeSet<String>>,
    access_token_seconds: Option<u64>,
    links: Option<LinkStyle>,
    limits: Option<Limits>,
    latency_ms: Option<u64>,
    kill_after: Option<u64>,
}

impl Controlled for FakeOkta {
    fn state_json(&self) -> Value {
        let state = self.lock();
        let base = &state.settings.org_url;
        let groups = state.groups.values().map(|entry| {
            let members: Vec<&str> = entry.members.keys().map(OktaUserId::as_str).collect();
            let record = &entry.record;
            json!({
                "id": record.id.as_str(), "name": record.name, "description": record.description, "type": record.kind.as_str(),
                "members": members,
            })
        });
        let users = state.users.values();
        let users = users
            .map(|user| json!({"id": user.id.as_str(), "status": user.status.as_str(), "login": user.login(), "profile": user.profile}));
        let apps = state.apps.values().map(|app| {
            let groups: Vec<&str> = app.groups.keys().map(OktaGroupId::as_str).collect();
            json!({"id": app.id, "name": app.name, "label": app.label, "groups": groups})
        });
        json!({
            "org_url": base,
            "now": super::events::millis(state.now()),
            "groups": groups.collect::<Vec<_>>(),
            "users": users.collect::<Vec<_>>(),
            "apps": apps.collect::<Vec<_>>(),
            "hooks": state.hooks.values().map(|hook| render::hook(base, hook)).collect::<Vec<_>>(),
            "oauth_clients": state.oauth.clients.values().map(super::oauth::shown).collect::<Vec<_>>(),
            "events": state.events.len(),
        })
    }

    fn change(&self, op: &Value) -> Result<Value, String> {
        let op: Op = serde_json::from_value(op.clone()).map_err(|error| error.to_string())?;
        let made = match op {
            Op::AddGroup { name, description, r#type } => {
                let kind = r#type.map_or(GroupType::OktaGroup, |kind| GroupType::parse(&kind));
                return Ok(json!({"id": self.add_group_with(&name, description.as_deref(), kind).as_str()}));
            }
            Op::AddUser { login, status, profile } => {
                return Ok(json!({"id": self.add_user_with(new_user(&login, status.as_deref(), profile)).as_str()}));
            }
            Op::AddApp { name, label } => return Ok(json!({"id": self.add_app(&name, label.as_deref().unwrap_or(&name))})),
            Op::AddHook { uri, secret, items } => {
                let items: Vec<&str> = items.iter().map(String::as_str).collect();
                return Ok(json!({"id": self.add_hook(&uri, &secret, &items)}));
            }
            Op::AddOauthClient(client) => return self.make_client(client),
            Op::RenameGroup { group, name } => self.rename_group(&self.group_of(&group)?, &name),
            Op::DescribeGroup { group, description } => self.describe_group(&self.group_of(&group)?, description.as_deref()),
            Op::DeleteGroup { group } => self.delete_group(&self.group_of(&group)?),
            Op::BreakGroup { group, raw } => self.break_group(&self.group_of(&group)?, raw),
            Op::SetLogin { user, login } => self.set_login(&self.user_of(&user)?, &login),
            Op::SetProfile { user, attribute, value } => self.set_profile(&self.user_of(&user)?, &attribute, value),
            Op::SetStatus { user, status } => self.set_status(&self.user_of(&user)?, UserStatus::parse(&status)),
            Op::Suspend { user } => self.suspend(&self.user_of(&user)?),
            Op::Deactivate { user } => self.deactivate(&self.user_of(&user)?),
            Op::Reactivate { user } => self.reactivate(&self.user_of(&user)?),
            Op::DeleteUser { user } => self.delete_user(&self.user_of(&user)?),
            Op::BreakUser { user, raw } => self.break_user(&self.user_of(&user)?, raw),
            Op::AddMember { group, user } => self.add_member(&self.group_of(&group)?, &self.user_of(&user)?),
            Op::RemoveMember { group, user } => self.remove_member(&self.group_of(&group)?, &self.user_of(&user)?),
            Op::AssignGroup { app, group } => self.assign_group(&app, &self.group_of(&group)?),
            Op::UnassignGroup { app, group } => self.unassign_group(&app, &self.group_of(&group)?),
            Op::EditApp { app, record, key_expires } => {
                let edited = record.is_some_and(|record| self.edit_app(&app, &record));
                key_expires.is_some_and(|at| self.expire_key(&app, at)) || edited
            }
            Op::PushGroup { app, group, status } => self.push_group(&app, &self.group_of(&group)?, status.as_deref()),
            Op::EditOauthClient(order) => self.change_client(order)?,
            Op::RotateDpopNonce => {
                self.rotate_dpop_nonce();
                true
            }
            Op::RevokeAccessTokens => {
                self.revoke_access_tokens();
                true
            }
            Op::Settle => {
                self.settle();
                true
            }
        };
        Ok(json!({"changed": made}))
    }

    fn set(&self, settings: &Value) -> Result<Value, String> {
        let orders: Orders = serde_json::from_value(settings.clone()).map_err(|error| error.to_string())?;
        let hidden = orders.hidden.as_ref();
        let hidden = hidden.map(|groups| groups.iter().map(|group| self.group_of(group)).collect::<Result<_, _>>()).transpose()?;
        if let Some(limits) = orders.limits {
            self.limit(limits);
        }
        if let Some(latency) = orders.latency_ms {
            self.set_latency(Duration::from_millis(latency));
        }
        if let Some(calls) = orders.kill_after {
            self.kill_switch().allow(calls);
        }
        self.configure(|settings| {
            replace(&mut settings.org_url, orders.org_url);
            replace(&mut settings.page_size, orders.page_size);
            replace(&mut settings.staleness, orders.staleness);
            replace(&mut settings.hidden, hidden);
            replace(&mut settings.hidden_as, orders.hidden_as);
            replace(&mut settings.skew_ms, orders.skew_ms);
            replace(&mut settings.tokens, orders.tokens);
            replace(&mut settings.access_token_seconds, orders.access_token_seconds);
            replace(&mut settings.links, orders.links);
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

    async fn special(&self, method: &str, order: &str, body: &Value) -> Option<Result<Value, String>> {
        Some(match (method, order) {
            ("POST", "hooks/settings") => self.set_delivery(body),
            ("POST", "hooks/flush") => Ok(json!({"deliveries": self.flush_hooks().await})),
            ("GET", "hooks/deliveries") => Ok(json!(self.deliveries())),
            ("GET", "events") => Ok(self.events().iter().map(super::Event::to_json).collect()),
            _ => return None,
        })
    }
}

impl FakeOkta {
    fn set_delivery(&self, body: &Value) -> Result<Value, String> {
        let mut wanted = json!(self.lock().delivery);
        if let (Some(all), Some(some)) = (wanted.as_object_mut(), body.as_object()) {
            all.extend(some.clone());
        }
        let wanted: DeliverySettings = serde_json::from_value(wanted).map_err(|error| error.to_string())?;
        self.configure_delivery(|settings| *settings = wanted);
        Ok(json!({}))
    }

    fn group_of(&self, id_or_name: &str) -> Result<OktaGroupId, String> {
        let state = self.lock();
        if let Some(entry) = state.group(id_or_name) {
            return Ok(entry.record.id.clone());
        }
        let mut named = state.groups.values().filter(|entry| entry.record.name == id_or_name);
        match (named.next(), named.next()) {
            (Some(entry), None) => Ok(entry.record.id.clone()),
            (Some(_), Some(_)) => Err(format!("more groups than one are named {id_or_name}: use an id")),
            (None, _) => Err(format!("there is no group {id_or_name}")),
        }
    }

    fn user_of(&self, id_or_login: &str) -> Result<OktaUserId, String> {
        let state = self.lock();
        state.user(id_or_login).map(|user| user.id.clone()).ok_or_else(|| format!("there is no user {id_or_login}"))
    }
}

/// A user of this login whose profile is the usual one with these changes; null takes an attribute away.
fn new_user(login: &str, status: Option<&str>, profile: Map<String, Value>) -> NewUser {
    let user = NewUser::named(login).status(status.map_or(UserStatus::Active, UserStatus::parse));
    profile.into_iter().fold(user, |user, (attribute, value)| match value {
        Value::Null => user.without(&attribute),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => user.with(&attribute, value),
    })
}
