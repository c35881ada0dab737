//! The endpoint over HTTP.

use serde_json::{Value, json};

use super::document::violation;
use super::{discovery, groups, render, users};
use crate::call::{Failure, Operation, Reply, perform};
use crate::fault::{ListFault, Page};
use crate::http::{Answer, HttpCall};
use crate::identity_center::FakeIdentityCenter;
use crate::identity_center::error::AwsError;
use crate::identity_center::reads::Part;
use crate::identity_center::state::StoreState;

/// The most that a page holds.
const MAX_COUNT: usize = 100;

/// A request as it was understood: which operation, on what.
#[derive(Debug, Clone, Copy)]
enum Route<'a> {
    CreateUser,
    GetUser(&'a str),
    ListUsers,
    PutUser(&'a str),
    PatchUser(&'a str),
    DeleteUser(&'a str),
    CreateGroup,
    GetGroup(&'a str),
    ListGroups,
    PatchGroup(&'a str),
    DeleteGroup(&'a str),
    Config,
    ResourceTypes(Option<&'a str>),
    Schemas(Option<&'a str>),
    Unsupported,
    ReadOnly,
    Unknown,
}

impl<'a> Route<'a> {
    fn of(method: &str, below: &[&'a str]) -> Self {
        match (method, below) {
            ("POST", ["Users"]) => Self::CreateUser,
            ("GET", ["Users"]) => Self::ListUsers,
            ("GET", ["Users", id]) => Self::GetUser(id),
            ("PUT", ["Users", id]) => Self::PutUser(id),
            ("PATCH", ["Users", id]) => Self::PatchUser(id),
            ("DELETE", ["Users", id]) => Self::DeleteUser(id),
            ("POST", ["Groups"]) => Self::CreateGroup,
            ("GET", ["Groups"]) => Self::ListGroups,
            ("GET", ["Groups", id]) => Self::GetGroup(id),
            ("PATCH", ["Groups", id]) => Self::PatchGroup(id),
            ("DELETE", ["Groups", id]) => Self::DeleteGroup(id),
            ("GET", ["ServiceProviderConfig"]) => Self::Config,
            ("GET", ["ResourceTypes"]) => Self::ResourceTypes(None),
            ("GET", ["ResourceTypes", id]) => Self::ResourceTypes(Some(id)),
            ("GET", ["Schemas"]) => Self::Schemas(None),
            ("GET", ["Schemas", id]) => Self::Schemas(Some(id)),
            (_, ["Users" | "Groups", ..]) => Self::Unsupported,
            (_, ["ServiceProviderConfig"] | ["ResourceTypes" | "Schemas", ..]) => Self::ReadOnly,
            _ => Self::Unknown,
        }
    }

    fn operation(self, target: String) -> Operation {
        match self {
            Self::CreateUser => Operation::write("ScimCreateUser", target),
            Self::GetUser(_) => Operation::read("ScimGetUser", target),
            Self::ListUsers => Operation::read("ScimListUsers", target),
            Self::PutUser(_) => Operation::write("ScimPutUser", target),
            Self::PatchUser(_) => Operation::write("ScimPatchUser", target),
            Self::DeleteUser(_) => Operation::write("ScimDeleteUser", target),
            Self::CreateGroup => Operation::write("ScimCreateGroup", target),
            Self::GetGroup(_) => Operation::read("ScimGetGroup", target),
            Self::ListGroups => Operation::read("ScimListGroups", target),
            Self::PatchGroup(_) => Operation::write("ScimPatchGroup", target),
            Self::DeleteGroup(_) => Operation::write("ScimDeleteGroup", target),
            Self::Config => Operation::read("ScimServiceProviderConfig", target),
            Self::ResourceTypes(_) => Operation::read("ScimListResourceTypes", target),
            Self::Schemas(_) => Operation::read("ScimListSchemas", target),
            Self::Unsupported | Self::ReadOnly | Self::Unknown => Operation::read("Scim(no such operation)", target),
        }
    }

    /// What it does, and the status of its answer.
    fn run(self, state: &mut StoreState, call: &HttpCall, fault: ListFault) -> Result<(u16, Value), AwsError> {
        let body = || call.json().map_err(|_| violation("the body is no JSON"));
        Ok(match self {
            Self::CreateUser => (201, state.scim_create_user(&body()?)?),
            Self::GetUser(id) => (200, state.scim_user(id)?),
            Self::PutUser(id) => (200, state.scim_put_user(id, &body()?)?),
            Self::PatchUser(id) => (200, state.scim_patch_user(id, &body()?)?),
            Self::DeleteUser(id) => (204, users::delete(state, id)?),
            Self::CreateGroup => (201, state.scim_create_group(&body()?)?),
            Self::GetGroup(id) => (200, state.scim_group(id)?),
            Self::PatchGroup(id) => (204, state.scim_patch_group(id, &body()?).map(|()| json!(null))?),
            Self::DeleteGroup(id) => (204, groups::delete(state, id)?),
            Self::ListUsers => (200, list(call, fault, |filter, part| state.scim_list_users(filter, part))?),
            Self::ListGroups => (200, list(call, fault, |filter, part| state.scim_list_groups(filter, part))?),
            Self::Config => (200, discovery::config()),
            Self::ResourceTypes(None) => (200, whole(discovery::resource_types())),
            Self::ResourceTypes(Some(id)) => (200, discovery::one_of(discovery::resource_types(), id)?),
            Self::Schemas(None) => (200, whole(discovery::schemas())),
            Self::Schemas(Some(id)) => (200, discovery::one_of(discovery::schemas(), id)?),
            Self::Unsupported => return Err(violation("the operation is not supported")),
            Self::ReadOnly => return Err(AwsError::new("MethodNotAllowedException", 405, "It can only be read")),
            Self::Unknown => return Err(AwsError::new("ResourceNotFoundException", 404, "There is no such endpoint")),
        })
    }
}

fn list(
    call: &HttpCall,
    fault: ListFault,
    read: impl FnOnce(Option<&str>, Part<'_>) -> Result<(Page<Value>, usize), AwsError>,
) -> Result<Value, AwsError> {
    let count = match call.parameter("count") {
        None => MAX_COUNT,
        Some(text) => {
            let count = text.parse().ok().filter(|count| (1..=MAX_COUNT).contains(count));
            count.ok_or_else(|| violation(format!("count must be 1 to {MAX_COUNT}")))?
        }
    };
    let (cursor, filter) = (call.parameter("cursor"), call.parameter("filter"));
    let token = cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let (page, total) = read(filter.as_deref(), Part { max_results: Some(count), token, fault })?;
    Ok(render::list(page, total, cursor.is_some()))
}

fn whole(items: Vec<Value>) -> Value {
    let total = items.len();
    render::list(Page { items, next: None }, total, false)
}

/// Whether a request is for this endpoint: `/<tenant>/scim/v2/…`.
pub(in crate::identity_center) fn is_called(call: &HttpCall) -> bool {
    matches!(call.segments().iter().map(String::as_str).collect::<Vec<_>>().as_slice(), [_, "scim", "v2", ..])
}

/// Answers a request; `None` where the connection breaks instead.
pub(in crate::identity_center) async fn answer(store: &FakeIdentityCenter, call: HttpCall) -> Option<Answer> {
    let segments = call.segments();
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (tenant, below) = (parts.first().copied().unwrap_or_default(), parts.get(3..).unwrap_or_default());
    let route = Route::of(call.method.as_str(), below);
    let operation = route.operation(shown(&call, below));
    let effect = |state: &mut StoreState, fault| {
        let settings = &state.settings.scim;
        let token = call.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
        if tenant != settings.tenant || !settings.tokens.iter().any(|accepted| accepted == token) {
            return Err(AwsError::new("UnauthorizedException", 401, "UnauthorizedException"));
        }
        route.run(state, &call, fault)
    };
    let reply = perform(&store.state, &store.client, operation, effect).await;
    rendered(store, reply)
}

/// Path, query and body for the log, without the tenant.
fn shown(call: &HttpCall, below: &[&str]) -> String {
    let query = if call.query.is_empty() { String::new() } else { format!("?{}", call.query) };
    format!("/{}{query} {}", below.join("/"), String::from_utf8_lossy(&call.body)).trim_end().to_owned()
}

fn rendered(store: &FakeIdentityCenter, reply: Reply<(u16, Value), StoreState>) -> Option<Answer> {
    let mut state = store.lock();
    let (request_id, now, is_standard) = (state.ids.uuid(), state.now(), state.settings.scim.errors_are_standard);
    drop(state);
    let answer = match reply.result {
        Ok((204, _)) => Answer::empty(204),
        Ok((status, body)) => Answer::json(status, &body),
        Err(Failure::Api(error)) => {
            let answer = Answer::json(render::status(&error), &render::error(&error, is_standard, &request_id, now));
            match error.fields.get("RetryAfterSeconds") {
                Some(seconds) => answer.with("retry-after", seconds),
                None => answer,
            }
        }
        Err(Failure::Html(status)) => Answer::html(status),
        Err(Failure::Lost) => return None,
    };
    Some(answer.with("x-amzn-requestid", &request_id).with_body(reply.body))
}
