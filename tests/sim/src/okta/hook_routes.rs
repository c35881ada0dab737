//! The API of event hooks.

use serde_json::Value;

use super::error::OktaError;
use super::hooks::Hook;
use super::http::Outcome;
use super::render;
use super::routes::{Route, Run};
use super::state::OktaState;
use crate::fault::Page;
use crate::http::HttpCall;

pub(crate) fn hooks(method: &str, rest: &[&str], call: &HttpCall) -> Option<Route> {
    let body = call.json();
    let (name, id): (&'static str, String) = match (method, rest) {
        ("GET", []) => ("GET /api/v1/eventHooks", String::new()),
        ("POST", []) => ("POST /api/v1/eventHooks", String::new()),
        ("GET", [id]) => ("GET /api/v1/eventHooks/{id}", (*id).to_owned()),
        ("PUT", [id]) => ("PUT /api/v1/eventHooks/{id}", (*id).to_owned()),
        ("DELETE", [id]) => ("DELETE /api/v1/eventHooks/{id}", (*id).to_owned()),
        ("POST", [id, "lifecycle", "verify"]) => {
            return Some(Route {
                name: "POST /api/v1/eventHooks/{id}/lifecycle/verify",
                writing: true,
                run: Run::Verify((*id).to_owned()),
            });
        }
        ("POST", [id, "lifecycle", "activate"]) => ("POST /api/v1/eventHooks/{id}/lifecycle/activate", (*id).to_owned()),
        ("POST", [id, "lifecycle", "deactivate"]) => ("POST /api/v1/eventHooks/{id}/lifecycle/deactivate", (*id).to_owned()),
        _ => return None,
    };
    let run = move |state: &mut OktaState, _| {
        let body = body.map_err(|_| OktaError::bad_body())?;
        done(state, name, &id, &body)
    };
    Some(Route { name, writing: method != "GET", run: Run::Now(Box::new(run)) })
}

fn done(state: &mut OktaState, name: &str, id: &str, body: &Value) -> Result<Outcome, OktaError> {
    match name {
        "GET /api/v1/eventHooks" => {
            let items = state.hooks.values().map(|hook| render::hook(&state.settings.org_url, hook)).collect();
            Ok(Outcome::unlinked(Page { items, next: None }))
        }
        "POST /api/v1/eventHooks" => {
            let wanted = Wanted::parse(body)?;
            let hook = state.make_hook(&wanted.uri, &wanted.header, &wanted.secret, wanted.items);
            rename(state, &hook, wanted.name);
            shown(state, &hook)
        }
        "PUT /api/v1/eventHooks/{id}" => replace(state, id, Wanted::parse(body)?),
        "DELETE /api/v1/eventHooks/{id}" => {
            existing(state, id)?;
            state.hooks.remove(id);
            state.version += 1;
            Ok(Outcome::done())
        }
        _ => {
            if let Some(verb) = name.rsplit('/').next().filter(|verb| verb.ends_with("activate")) {
                let next_event = state.next_event;
                let hook = existing(state, id)?;
                // What happens meanwhile is delivered to no one.
                (hook.active, hook.cursor) = (verb == "activate", next_event);
                state.version += 1;
            }
            shown(state, id)
        }
    }
}

/// A hook, as the API shows it.
pub(crate) fn shown(state: &OktaState, id: &str) -> Result<Outcome, OktaError> {
    let hook = state.hooks.get(id).ok_or_else(|| OktaError::not_found(id, "EventHook"))?;
    Ok(Outcome::ok(render::hook(&state.settings.org_url, hook)))
}

fn existing<'a>(state: &'a mut OktaState, id: &str) -> Result<&'a mut Hook, OktaError> {
    state.hooks.get_mut(id).ok_or_else(|| OktaError::not_found(id, "EventHook"))
}

fn rename(state: &mut OktaState, id: &str, name: String) {
    if let Some(hook) = state.hooks.get_mut(id) {
        hook.name = name;
    }
}

/// Another endpoint has to be verified anew.
fn replace(state: &mut OktaState, id: &str, wanted: Wanted) -> Result<Outcome, OktaError> {
    let now = state.now();
    let hook = existing(state, id)?;
    if hook.uri != wanted.uri {
        hook.verified = false;
    }
    *hook = Hook {
        name: wanted.name,
        uri: wanted.uri,
        header: wanted.header,
        secret: wanted.secret,
        items: wanted.items,
        last_updated: now,
        ..hook.clone()
    };
    state.version += 1;
    shown(state, id)
}

struct Wanted {
    name: String,
    uri: String,
    header: String,
    secret: String,
    items: Vec<String>,
}

impl Wanted {
    fn parse(body: &Value) -> Result<Self, OktaError> {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let uri = text("/channel/config/uri").ok_or_else(|| OktaError::invalid("uri", "The field cannot be left blank"))?;
        let items = body.pointer("/events/items").and_then(Value::as_array);
        let items = items.ok_or_else(|| OktaError::invalid("events", "The field cannot be left blank"))?;
        Ok(Self {
            name: text("/name").unwrap_or_default(),
            uri,
            header: text("/channel/config/authScheme/key").unwrap_or_else(|| "Authorization".to_owned()),
            secret: text("/channel/config/authScheme/value").unwrap_or_default(),
            items: items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    }
}
