//! The engine's [`ReadSource`] on a simulated org, without HTTP in between.

use std::collections::{BTreeMap, BTreeSet};

use engine::ports::ReadSource;
use jiff::Timestamp;
use serde_json::Value;
use sync_core::error::{SourceError, SourceErrorKind};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::records::{BadRecord, ChangedUser, GroupType, Listing, OktaGroup, OktaUser, UserStatus};

use super::FakeOkta;
use super::error::OktaError;
use super::filter::Filter;
use super::reads::{GroupQuery, Part};
use super::state::{Group, OktaState, User};
use crate::call::{Body, Failure, Operation, Reply, perform};
use crate::fault::{ListFault, Page};

/// A list that does not end after so many pages is broken.
const MAX_PAGES: usize = 1_000;

type Record<T> = Result<T, BadRecord>;

/// A failure, and whether it is Okta's word that the thing does not exist.
enum Trouble {
    Missing(SourceError),
    Other(SourceError),
}

impl From<Trouble> for SourceError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Missing(error) | Trouble::Other(error) => error,
        }
    }
}

impl ReadSource for FakeOkta {
    async fn list_groups(&self, since: Option<Timestamp>) -> Result<Listing<OktaGroup>, SourceError> {
        let filter = since.map(|since| {
            let since = super::events::millis(since);
            format!("lastMembershipUpdated gt \"{since}\" or lastUpdated gt \"{since}\"")
        });
        let parsed = filter.as_deref().map(Filter::parse).transpose().map_err(|error| refused("GET /api/v1/groups", &error))?;
        let path = format!("/api/v1/groups?expand=stats{}", filter.map(|filter| format!("&filter={filter}")).unwrap_or_default());
        let read = |state: &OktaState, part: Part<'_>| {
            let query = GroupQuery { filter: parsed.as_ref(), name_prefix: None, counts: true };
            state.list_groups(&query, part, group_record)
        };
        self.whole("GET /api/v1/groups", &path, read).await.map_err(SourceError::from)
    }

    async fn group(&self, id: &OktaGroupId) -> Result<Option<OktaGroup>, SourceError> {
        let operation = Operation::read("GET /api/v1/groups/{id}", format!("/api/v1/groups/{id}?expand=stats"));
        let read = |state: &mut OktaState, _| {
            state.visible_group(id.as_str()).map(|entry| group_record(&entry.record, Some(entry.members.len() as u64)))
        };
        or_none(self.one(operation, read).await)
    }

    async fn members(&self, id: &OktaGroupId) -> Result<Option<Listing<OktaUser>>, SourceError> {
        let attribute = self.user_name_attribute();
        let read = |state: &OktaState, part: Part<'_>| state.group_users(id.as_str(), part, |user| user_record(user, &attribute));
        or_none(self.whole("GET /api/v1/groups/{id}/users", &format!("/api/v1/groups/{id}/users"), read).await)
    }

    async fn user(&self, id_or_login: &str) -> Result<Option<OktaUser>, SourceError> {
        let attribute = self.user_name_attribute();
        let operation = Operation::read("GET /api/v1/users/{id}", format!("/api/v1/users/{id_or_login}"));
        let read = |state: &mut OktaState, _| state.existing_user(id_or_login).map(|user| user_record(user, &attribute));
        or_none(self.one(operation, read).await)
    }

    async fn changed_users(&self, since: Timestamp) -> Result<Listing<ChangedUser>, SourceError> {
        let (name, attribute) = ("GET /api/v1/users", self.user_name_attribute());
        let filter = format!("lastUpdated gt \"{}\"", super::events::millis(since));
        let parsed = Filter::parse(&filter).map_err(|error| refused(name, &error))?;
        let read = |state: &OktaState, part: Part<'_>| state.list_users(Some(&parsed), None, part, |user| changed_user(user, &attribute));
        self.whole(name, &format!("/api/v1/users?filter={filter}"), read).await.map_err(SourceError::from)
    }

    async fn groups_of_user(&self, id: &OktaUserId) -> Result<Option<Listing<OktaGroup>>, SourceError> {
        let read = |state: &OktaState, part: Part<'_>| state.groups_of(id.as_str(), part.fault, |group| group_record(group, None));
        or_none(self.whole("GET /api/v1/users/{id}/groups", &format!("/api/v1/users/{id}/groups"), read).await)
    }

    async fn app_groups(&self, app_id: &str) -> Result<BTreeSet<OktaGroupId>, SourceError> {
        let read = |state: &OktaState, part: Part<'_>| state.app_groups(app_id, part, |id| Ok(id.clone()));
        let listing = self.whole("GET /api/v1/apps/{id}/groups", &format!("/api/v1/apps/{app_id}/groups"), read).await;
        Ok(listing.map_err(SourceError::from)?.items.into_iter().collect())
    }

    fn calls(&self) -> u64 {
        self.client.calls()
    }

    /// Limits are kept by the HTTP face; in process a throttled call is a fault like any other.
    fn throttled(&self) -> u64 {
        0
    }
}

impl FakeOkta {
    fn user_name_attribute(&self) -> String {
        self.lock().settings.user_name_attribute.clone()
    }

    async fn one<T: Send>(
        &self,
        operation: Operation,
        read: impl FnOnce(&mut OktaState, ListFault) -> Result<Record<T>, OktaError> + Send,
    ) -> Result<T, Trouble> {
        let name = operation.name;
        let record = answer(name, perform(&self.state, &self.client, operation, read).await)?;
        record.map_err(|bad| malformed(name, &bad.problem))
    }

    /// Every page of a list, each of them one call.
    async fn whole<T: Send>(
        &self,
        name: &'static str,
        path: &str,
        read: impl Fn(&OktaState, Part<'_>) -> Result<Page<Record<T>>, OktaError> + Send + Sync,
    ) -> Result<Listing<T>, Trouble> {
        let limit = self.lock().settings.page_size;
        let mut listing = Listing::of(Vec::new());
        let mut after: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let operation = Operation::read(name, with_query(path, limit, after.as_deref()));
            let fetch = |state: &mut OktaState, fault| read(state, Part { limit, after: after.as_deref(), fault });
            let page = answer(name, perform(&self.state, &self.client, operation, fetch).await)?;
            for record in page.items {
                match record {
                    Ok(item) => listing.items.push(item),
                    Err(bad) => listing.bad.push(bad),
                }
            }
            match page.next {
                None => return Ok(listing),
                Some(next) if Some(&next) == after.as_ref() => return Err(malformed(name, "the next page is this page")),
                Some(next) => after = Some(next),
            }
        }
        Err(malformed(name, "the list does not end"))
    }
}

fn with_query(path: &str, limit: usize, after: Option<&str>) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
    format!("{path}{joint}limit={limit}{after}")
}

fn or_none<T>(result: Result<T, Trouble>) -> Result<Option<T>, SourceError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Trouble::Missing(_)) => Ok(None),
        Err(Trouble::Other(error)) => Err(error),
    }
}

fn answer<T>(name: &str, reply: Reply<T, OktaState>) -> Result<T, Trouble> {
    match reply.result {
        Ok(_) if reply.body != Body::Whole => Err(malformed(name, "the body is cut short")),
        Ok(value) => Ok(value),
        Err(Failure::Api(error)) if error.code == "E0000007" => Err(Trouble::Missing(refused(name, &error))),
        Err(Failure::Api(error)) => Err(Trouble::Other(refused(name, &error))),
        Err(Failure::Html(status)) => Err(Trouble::Other(of_html(name, status))),
        Err(Failure::Lost) => {
            Err(Trouble::Other(SourceError::new(SourceErrorKind::Unavailable, name, "the connection broke before an answer")))
        }
    }
}

fn refused(name: &str, error: &OktaError) -> SourceError {
    let kind = match (error.status, error.code.as_str()) {
        (401, "E0000015") | (403, _) => SourceErrorKind::Forbidden,
        (401, _) => SourceErrorKind::Unauthorized,
        (400, "E0000029") => SourceErrorKind::LostCursor,
        (404, _) => SourceErrorKind::NotFound,
        (429, _) => SourceErrorKind::Throttled,
        (500.., _) => SourceErrorKind::Unavailable,
        _ => SourceErrorKind::Rejected,
    };
    SourceError::new(kind, name, format!("{} {}: {}", error.status, error.code, error.summary))
}

fn of_html(name: &str, status: u16) -> SourceError {
    let kind = match status {
        500.. => SourceErrorKind::Unavailable,
        403 => SourceErrorKind::Forbidden,
        429 => SourceErrorKind::Throttled,
        _ => SourceErrorKind::Malformed,
    };
    SourceError::new(kind, name, format!("{status} and a page of HTML"))
}

fn malformed(name: &str, detail: &str) -> Trouble {
    Trouble::Other(SourceError::new(SourceErrorKind::Malformed, name, detail))
}

fn bad(id: Option<&str>, problem: &str) -> BadRecord {
    BadRecord { id: id.map(str::to_owned), problem: problem.to_owned() }
}

fn group_record(group: &Group, users_count: Option<u64>) -> Record<OktaGroup> {
    if let Some(raw) = &group.raw {
        return raw_group(raw);
    }
    if group.name.trim().is_empty() {
        return Err(bad(Some(group.id.as_str()), "has no name"));
    }
    let second = |at: Timestamp| Timestamp::from_second(at.as_second()).ok();
    Ok(OktaGroup {
        id: group.id.clone(),
        name: group.name.clone(),
        description: group.description.clone().unwrap_or_default(),
        kind: group.kind.clone(),
        last_updated: second(group.last_updated),
        last_membership_updated: second(group.last_membership_updated),
        users_count,
    })
}

fn user_record(user: &User, attribute: &str) -> Record<OktaUser> {
    if let Some(raw) = &user.raw {
        return raw_user(raw, attribute);
    }
    let user_name = user.profile.get(attribute).and_then(Value::as_str).filter(|name| !name.trim().is_empty());
    Ok(OktaUser {
        id: user.id.clone(),
        status: user.status.clone(),
        user_name: user_name.map(str::to_owned),
        login: user.login().to_owned(),
        profile: texts(user.profile.iter()),
    })
}

fn changed_user(user: &User, attribute: &str) -> Record<ChangedUser> {
    Ok(ChangedUser { user: user_record(user, attribute)?, status_changed: user.status_changed })
}

/// The texts of a profile.
fn texts<'a>(profile: impl Iterator<Item = (&'a String, &'a Value)>) -> BTreeMap<String, String> {
    profile.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// A record that was put in place of another, read with the strictness of the real client: what is odd and matters makes it bad.
struct Raw<'a> {
    value: &'a Value,
    id: Option<&'a str>,
}

impl<'a> Raw<'a> {
    fn of(value: &'a Value) -> Self {
        Self { value, id: value.get("id").and_then(Value::as_str) }
    }

    fn bad(&self, problem: &str) -> BadRecord {
        bad(self.id, problem)
    }

    /// A text, if there is anything.
    fn text(&self, pointer: &str) -> Record<Option<&'a str>> {
        match self.value.pointer(pointer).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or_else(|| self.bad(&format!("{pointer} is no text"))),
        }
    }

    /// A text that must be there.
    fn filled(&self, pointer: &str) -> Record<&'a str> {
        let text = self.text(pointer)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| self.bad(&format!("{pointer} is missing")))
    }

    fn moment(&self, pointer: &str) -> Record<Option<Timestamp>> {
        let parse = |text: &str| text.parse().map_err(|_| self.bad(&format!("{pointer} is no time")));
        self.text(pointer)?.map(parse).transpose()
    }

    fn count(&self, pointer: &str) -> Record<Option<u64>> {
        let number = |count: &Value| count.as_u64().ok_or_else(|| self.bad(&format!("{pointer} is no number")));
        self.value.pointer(pointer).filter(|count| !count.is_null()).map(number).transpose()
    }

    fn profile(&self) -> Record<&'a Value> {
        self.value.get("profile").filter(|profile| profile.is_object()).ok_or_else(|| self.bad("has no profile"))
    }
}

fn raw_group(value: &Value) -> Record<OktaGroup> {
    let raw = Raw::of(value);
    let id = raw.id.and_then(|id| OktaGroupId::new(id).ok()).ok_or_else(|| bad(None, "has no usable id"))?;
    raw.profile()?;
    Ok(OktaGroup {
        id,
        name: raw.filled("/profile/name")?.to_owned(),
        description: raw.text("/profile/description")?.unwrap_or_default().to_owned(),
        kind: GroupType::parse(raw.filled("/type")?),
        last_updated: raw.moment("/lastUpdated")?,
        last_membership_updated: raw.moment("/lastMembershipUpdated")?,
        users_count: raw.count("/_embedded/stats/usersCount")?,
    })
}

fn raw_user(value: &Value, attribute: &str) -> Record<OktaUser> {
    let raw = Raw::of(value);
    let id = raw.id.and_then(|id| OktaUserId::new(id).ok()).ok_or_else(|| bad(None, "has no usable id"))?;
    let profile = raw.profile()?;
    let text = |name: &str| profile.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned);
    Ok(OktaUser {
        id,
        status: UserStatus::parse(raw.filled("/status")?),
        user_name: text(attribute),
        login: text("login").unwrap_or_default(),
        profile: texts(profile.as_object().into_iter().flatten()),
    })
}
