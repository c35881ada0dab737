//! Which path is which operation, and what it does.

use serde_json::{Map, Value};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::records::{GroupType, UserStatus};

use super::changes::NewUser;
use super::error::OktaError;
use super::filter::Filter;
use super::http::Outcome;
use super::reads::{GroupQuery, Part};
use super::render;
use super::state::OktaState;
use crate::fault::ListFault;
use crate::http::HttpCall;

/// What a call does.
pub(crate) type Effect = Box<dyn FnOnce(&mut OktaState, ListFault) -> Result<Outcome, OktaError> + Send>;

/// An operation.
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) writing: bool,
    pub(crate) run: Run,
}

/// How an operation is done.
pub(crate) enum Run {
    /// At once.
    Now(Effect),
    /// At once, whoever asks.
    Open(Effect),
    /// By asking this event hook's endpoint first.
    Verify(String),
}

fn reads(name: &'static str, run: impl FnOnce(&mut OktaState, ListFault) -> Result<Outcome, OktaError> + Send + 'static) -> Option<Route> {
    Some(Route { name, writing: false, run: Run::Now(Box::new(run)) })
}

fn writes(name: &'static str, run: impl FnOnce(&mut OktaState) -> Result<Outcome, OktaError> + Send + 'static) -> Option<Route> {
    Some(Route { name, writing: true, run: Run::Now(Box::new(move |state, _| run(state))) })
}

/// The route of a call; what is none answers 404 `E0000008`, or 405 `E0000022` where another method has one.
pub(crate) fn route(call: &HttpCall) -> Route {
    let segments = call.segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    find(call.method.as_str(), &segments, call).unwrap_or_else(|| {
        let is_known = ["GET", "POST", "PUT", "DELETE"].iter().any(|method| find(method, &segments, call).is_some());
        let error = if is_known { OktaError::of_status(405, None) } else { OktaError::no_such_path() };
        Route { name: "(no such operation)", writing: false, run: Run::Now(Box::new(|_, _| Err(error))) }
    })
}

fn find(method: &str, segments: &[&str], call: &HttpCall) -> Option<Route> {
    match segments {
        ["api", "v1", "groups", rest @ ..] => groups(method, rest, call),
        ["api", "v1", "users", rest @ ..] => users(method, rest, call),
        ["api", "v1", "apps", rest @ ..] => apps(method, rest, call),
        ["api", "v1", "eventHooks", rest @ ..] => super::hook_routes::hooks(method, rest, call),
        [".well-known", "okta-organization"] => super::app_routes::organization(method),
        ["oauth2", "v1", "token"] if method == "POST" => {
            Some(Route { name: "POST /oauth2/v1/token", writing: false, run: Run::Open(super::oauth::ask(call)) })
        }
        _ => None,
    }
}

fn groups(method: &str, rest: &[&str], call: &HttpCall) -> Option<Route> {
    match (method, rest) {
        ("GET", []) => list_groups(call),
        ("POST", []) => {
            let body = call.json();
            writes("POST /api/v1/groups", move |state| create_group(state, &body.map_err(|_| OktaError::bad_body())?))
        }
        ("GET", [id]) => {
            let (id, counts) = ((*id).to_owned(), expands(call, "stats"));
            reads("GET /api/v1/groups/{id}", move |state, _| group_by_id(state, &id, counts))
        }
        ("PUT", [id]) => {
            let (id, body) = ((*id).to_owned(), call.json());
            writes("PUT /api/v1/groups/{id}", move |state| edit_group(state, &id, &body.map_err(|_| OktaError::bad_body())?))
        }
        ("DELETE", [id]) => {
            let id = (*id).to_owned();
            writes("DELETE /api/v1/groups/{id}", move |state| {
                let id = existing_group(state, &id)?;
                if state.delete_group(&id) { Ok(Outcome::done()) } else { Err(OktaError::forbidden()) }
            })
        }
        ("GET", [id, "users"]) => {
            let (id, slice) = ((*id).to_owned(), Slice::of(call, 1000, 1000));
            reads("GET /api/v1/groups/{id}/users", move |state, fault| {
                let (slice, base) = (slice?, state.settings.org_url.clone());
                Ok(Outcome::page(state.group_users(&id, slice.part(fault), |user| render::user(&base, user))?, slice.limit))
            })
        }
        ("GET", [id, "apps"]) => {
            let (id, slice) = ((*id).to_owned(), Slice::of(call, 20, 200));
            reads("GET /api/v1/groups/{id}/apps", move |state, _| apps_of_group(state, &id, slice?.limit))
        }
        ("PUT", [group, "users", user]) => member_change("PUT /api/v1/groups/{id}/users/{id}", group, user, true),
        ("DELETE", [group, "users", user]) => member_change("DELETE /api/v1/groups/{id}/users/{id}", group, user, false),
        _ => None,
    }
}

fn list_groups(call: &HttpCall) -> Option<Route> {
    let (slice, prefix, counts) = (Slice::of(call, 200, 10_000), call.parameter("q"), expands(call, "stats"));
    let filter = call.parameter("filter").or_else(|| call.parameter("search"));
    reads("GET /api/v1/groups", move |state, fault| {
        let (slice, base) = (slice?, state.settings.org_url.clone());
        let filter = filter.as_deref().map(Filter::parse).transpose()?;
        let query = GroupQuery { filter: filter.as_ref(), name_prefix: prefix.as_deref(), counts };
        let page = state.list_groups(&query, slice.part(fault), |group, count| render::group(&base, group, count))?;
        Ok(if prefix.is_some() { Outcome::unlinked(page) } else { Outcome::page(page, slice.limit) })
    })
}

fn group_by_id(state: &OktaState, id: &str, counts: bool) -> Result<Outcome, OktaError> {
    let entry = state.visible_group(id)?;
    let count = counts.then_some(entry.members.len() as u64);
    Ok(Outcome::ok(render::group(&state.settings.org_url, &entry.record, count)))
}

fn create_group(state: &mut OktaState, body: &Value) -> Result<Outcome, OktaError> {
    let text = |key: &str| body.pointer(key).and_then(Value::as_str);
    let name = text("/profile/name").filter(|name| !name.is_empty() && name.chars().count() <= 255);
    let name = name.ok_or_else(|| OktaError::invalid("name", "The field must have 1 to 255 characters"))?;
    let id = state.add_group(name, text("/profile/description"), GroupType::OktaGroup);
    group_by_id(state, id.as_str(), false)
}

fn edit_group(state: &mut OktaState, id: &str, body: &Value) -> Result<Outcome, OktaError> {
    let group = existing_group(state, id)?;
    let name = body.pointer("/profile/name").and_then(Value::as_str);
    let description = body.pointer("/profile/description").map(Value::as_str);
    state.edit_group(&group, name, description);
    group_by_id(state, id, false)
}

fn apps_of_group(state: &OktaState, id: &str, limit: usize) -> Result<Outcome, OktaError> {
    let group = &state.visible_group(id)?.record.id;
    let apps = state.apps.values().filter(|app| app.groups.contains_key(group));
    let items = apps.map(|app| render::app(&state.settings.org_url, app)).collect();
    Ok(Outcome::page(crate::fault::Page { items, next: None }, limit))
}

fn member_change(name: &'static str, group: &str, user: &str, inwards: bool) -> Option<Route> {
    let (group, user) = (group.to_owned(), user.to_owned());
    writes(name, move |state| {
        let (group, user) = (existing_group(state, &group)?, state.existing_user(&user)?.id.clone());
        if state.groups.get(&group).is_some_and(|entry| entry.record.kind == GroupType::BuiltIn) {
            return Err(OktaError::forbidden());
        }
        // Doing it again is no error in Okta.
        if inwards {
            state.add_member(&group, &user)
        } else {
            state.remove_member(&group, &user)
        };
        Ok(Outcome::done())
    })
}

fn existing_group(state: &OktaState, id: &str) -> Result<OktaGroupId, OktaError> {
    state.visible_group(id).map(|entry| entry.record.id.clone())
}

fn users(method: &str, rest: &[&str], call: &HttpCall) -> Option<Route> {
    match (method, rest) {
        ("GET", []) => list_users(call),
        ("POST", []) => {
            let (body, activate) = (call.json(), call.parameter("activate").is_none_or(|activate| activate != "false"));
            writes("POST /api/v1/users", move |state| create_user(state, &body.map_err(|_| OktaError::bad_body())?, activate))
        }
        ("GET", [id]) => {
            let id = (*id).to_owned();
            reads("GET /api/v1/users/{id}", move |state, _| user_by_id(state, &id))
        }
        ("POST", [id]) => {
            let (id, body) = ((*id).to_owned(), call.json());
            writes("POST /api/v1/users/{id}", move |state| edit_user(state, &id, &body.map_err(|_| OktaError::bad_body())?))
        }
        ("DELETE", [id]) => {
            let id = (*id).to_owned();
            writes("DELETE /api/v1/users/{id}", move |state| delete_user(state, &id))
        }
        ("GET", [id, "groups"]) => {
            let (id, slice) = ((*id).to_owned(), Slice::of(call, 200, 10_000));
            reads("GET /api/v1/users/{id}/groups", move |state, fault| {
                let (slice, base) = (slice?, state.settings.org_url.clone());
                let page = state.groups_of(&id, fault, |group| render::group(&base, group, None))?;
                Ok(Outcome::page(page, slice.limit))
            })
        }
        ("POST", [id, "lifecycle", verb]) => lifecycle(id, verb),
        _ => None,
    }
}

fn list_users(call: &HttpCall) -> Option<Route> {
    let (slice, prefix) = (Slice::of(call, 200, 200), call.parameter("q"));
    let filter = call.parameter("filter").or_else(|| call.parameter("search"));
    reads("GET /api/v1/users", move |state, fault| {
        let (slice, base) = (slice?, state.settings.org_url.clone());
        let filter = filter.as_deref().map(Filter::parse).transpose()?;
        let page = state.list_users(filter.as_ref(), prefix.as_deref(), slice.part(fault), |user| render::user(&base, user))?;
        Ok(if prefix.is_some() { Outcome::unlinked(page) } else { Outcome::page(page, slice.limit) })
    })
}

fn user_by_id(state: &OktaState, id: &str) -> Result<Outcome, OktaError> {
    Ok(Outcome::ok(render::user(&state.settings.org_url, state.existing_user(id)?)))
}

fn profile_of(body: &Value) -> Map<String, Value> {
    body.get("profile").and_then(Value::as_object).cloned().unwrap_or_default()
}

fn create_user(state: &mut OktaState, body: &Value, activate: bool) -> Result<Outcome, OktaError> {
    let profile = profile_of(body);
    let login = profile.get("login").and_then(Value::as_str).filter(|login| (5..=100).contains(&login.chars().count()));
    let login = login.ok_or_else(|| OktaError::invalid("login", "The field must have 5 to 100 characters"))?;
    if state.users.values().any(|user| user.login().eq_ignore_ascii_case(login)) {
        return Err(OktaError::invalid("login", "An object with this field already exists in the current organization"));
    }
    let status = if activate { UserStatus::Active } else { UserStatus::Staged };
    let id = state.add_user(NewUser { status, profile });
    user_by_id(state, id.as_str())
}

fn edit_user(state: &mut OktaState, id: &str, body: &Value) -> Result<Outcome, OktaError> {
    let user = state.existing_user(id)?.id.clone();
    state.edit_profile(&user, profile_of(body));
    user_by_id(state, user.as_str())
}

/// The first deletion deactivates, the second deletes.
fn delete_user(state: &mut OktaState, id: &str) -> Result<Outcome, OktaError> {
    let user = state.existing_user(id)?;
    let (id, is_deactivated) = (user.id.clone(), user.status == UserStatus::Deprovisioned);
    if is_deactivated {
        state.delete_user(&id)
    } else {
        state.set_status(&id, UserStatus::Deprovisioned)
    };
    Ok(Outcome::done())
}

fn lifecycle(id: &str, verb: &str) -> Option<Route> {
    let id = id.to_owned();
    let (name, status, allowed): (_, _, fn(&UserStatus) -> bool) = match verb {
        "suspend" => ("POST /api/v1/users/{id}/lifecycle/suspend", UserStatus::Suspended, |s| *s == UserStatus::Active),
        "unsuspend" => ("POST /api/v1/users/{id}/lifecycle/unsuspend", UserStatus::Active, |s| *s == UserStatus::Suspended),
        "deactivate" => ("POST /api/v1/users/{id}/lifecycle/deactivate", UserStatus::Deprovisioned, |s| *s != UserStatus::Deprovisioned),
        "activate" => ("POST /api/v1/users/{id}/lifecycle/activate", UserStatus::Active, |s| {
            matches!(s, UserStatus::Staged | UserStatus::Deprovisioned | UserStatus::Provisioned)
        }),
        "reactivate" => ("POST /api/v1/users/{id}/lifecycle/reactivate", UserStatus::Active, |s| *s == UserStatus::Provisioned),
        "unlock" => ("POST /api/v1/users/{id}/lifecycle/unlock", UserStatus::Active, |s| *s == UserStatus::LockedOut),
        _ => return None,
    };
    writes(name, move |state| {
        let user: (OktaUserId, bool) = state.existing_user(&id).map(|user| (user.id.clone(), allowed(&user.status)))?;
        if !user.1 {
            return Err(OktaError::new(403, "E0000038", "This operation is not allowed in the user's current status."));
        }
        state.set_status(&user.0, status);
        Ok(Outcome::ok(Value::Object(Map::new())))
    })
}

fn apps(method: &str, rest: &[&str], call: &HttpCall) -> Option<Route> {
    match (method, rest) {
        ("GET", []) => {
            let (slice, filter) = (Slice::of(call, 200, 200), call.parameter("filter"));
            reads("GET /api/v1/apps", move |state, fault| {
                let (slice, base) = (slice?, state.settings.org_url.clone());
                let filter = filter.as_deref().map(Filter::parse).transpose()?;
                let page = state.list_apps(filter.as_ref(), slice.part(fault), |app| render::app(&base, app))?;
                Ok(Outcome::page(page, slice.limit))
            })
        }
        ("GET", [id]) => {
            let id = (*id).to_owned();
            reads("GET /api/v1/apps/{id}", move |state, _| {
                state.existing_app(&id).map(|app| Outcome::ok(render::app(&state.settings.org_url, app)))
            })
        }
        ("GET", [id, "groups"]) => {
            let (id, slice) = ((*id).to_owned(), Slice::of(call, 20, 200));
            reads("GET /api/v1/apps/{id}/groups", move |state, fault| {
                let (slice, app) = (slice?, state.existing_app(&id)?);
                let row = |group: &OktaGroupId| render::app_group(&state.settings.org_url, app, group);
                Ok(Outcome::page(state.app_groups(&id, slice.part(fault), row)?, slice.limit))
            })
        }
        ("GET", [id, "users"]) => {
            let (id, slice) = ((*id).to_owned(), Slice::of(call, 50, 500));
            reads("GET /api/v1/apps/{id}/users", move |state, fault| {
                let (slice, app) = (slice?, state.existing_app(&id)?);
                let page = state.app_users(&id, slice.part(fault), |user| render::app_user(&state.settings.org_url, app, user))?;
                Ok(Outcome::page(page, slice.limit))
            })
        }
        ("PUT", [app, "groups", group]) => assignment("PUT /api/v1/apps/{id}/groups/{id}", app, group, true),
        ("DELETE", [app, "groups", group]) => assignment("DELETE /api/v1/apps/{id}/groups/{id}", app, group, false),
        _ => super::app_routes::admin(method, rest, call),
    }
}

fn assignment(name: &'static str, app: &str, group: &str, assigned: bool) -> Option<Route> {
    let (app, group) = (app.to_owned(), group.to_owned());
    writes(name, move |state| {
        let group = existing_group(state, &group)?;
        state.existing_app(&app)?;
        state.assign(&app, &group, assigned);
        let app = state.existing_app(&app)?;
        Ok(if assigned { Outcome::ok(render::app_group(&state.settings.org_url, app, &group)) } else { Outcome::done() })
    })
}

/// Which part of a list a call asks for.
struct Slice {
    limit: usize,
    after: Option<String>,
}

impl Slice {
    fn of(call: &HttpCall, default: usize, max: usize) -> Result<Self, OktaError> {
        let limit = match call.parameter("limit") {
            None => default,
            Some(text) => {
                let number: Option<usize> = text.parse().ok().filter(|limit| *limit > 0);
                number.ok_or_else(|| OktaError::invalid("limit", "The field must be a positive number"))?.min(max)
            }
        };
        Ok(Self { limit, after: call.parameter("after") })
    }

    fn part(&self, fault: ListFault) -> Part<'_> {
        Part { limit: self.limit, after: self.after.as_deref(), fault }
    }
}

fn expands(call: &HttpCall, what: &str) -> bool {
    call.parameter("expand").is_some_and(|expand| expand.split(',').any(|part| part.trim() == what))
}

/// The effect of a call that only needs the event hook to be there.
pub(crate) fn hook_must_exist(id: String) -> Effect {
    Box::new(move |state, _| super::hook_routes::shown(state, &id))
}
