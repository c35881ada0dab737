//! The client: what the engine asks, as requests to Okta.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use engine::ports::ReadSource;
use jiff::Timestamp;
use serde_json::Value;
use sync_core::error::{SourceError, SourceErrorKind};
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::policy::UserNameFrom;
use sync_core::records::{BadRecord, ChangedUser, Listing, OktaGroup, OktaUser};
use tokio::time::Instant;
use url::Url;

use crate::auth::CredentialProvider;
use crate::config::{ConfigError, OktaConfig};
use crate::pages::{Identified, list};
use crate::records;
use crate::request::Request;
use crate::sender::{Reply, Sender};
use crate::transport::{Exchange, Http};

/// Reads from one Okta org. Clones share the connections, the credential, the knowledge of the rate limits, and the count of
/// requests.
#[derive(Clone)]
pub struct OktaClient {
    shared: Arc<Shared>,
    deadline: Option<Instant>,
}

struct Shared {
    org_url: Url,
    user_name_from: UserNameFrom,
    profile_attributes: BTreeSet<String>,
    sender: Sender,
}

impl OktaClient {
    /// A client without a deadline. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ConfigError::Http`] if the HTTP client cannot start.
    pub fn new(config: &OktaConfig, credentials: Arc<dyn CredentialProvider>) -> Result<Self, ConfigError> {
        Ok(Self::over(Arc::new(Http::new(config)?), config, credentials))
    }

    pub(crate) fn over(exchange: Arc<dyn Exchange>, config: &OktaConfig, credentials: Arc<dyn CredentialProvider>) -> Self {
        let sender = Sender::new(exchange, credentials, config.rate_share);
        let shared = Shared {
            org_url: config.org_url.clone(),
            user_name_from: config.user_name_from.clone(),
            profile_attributes: config.profile_attributes.clone(),
            sender,
        };
        Self { shared: Arc::new(shared), deadline: None }
    }

    /// The same client, whose calls fail when this moment comes: with `Throttled` as soon as a rate limit's window ends after
    /// it, else with `OutOfTime`.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        self.shared.sender.begin_run();
        Self { shared: Arc::clone(&self.shared), deadline: Some(deadline) }
    }

    async fn one<T: Identified>(
        &self,
        request: &Request,
        parse: impl Fn(&Value) -> Result<T, BadRecord>,
    ) -> Result<Option<T>, SourceError> {
        match self.shared.sender.get(request, self.deadline).await? {
            Reply::Missing => Ok(None),
            Reply::Found(value, _) => parse(&value).map(Some).map_err(|bad| {
                let detail = format!("the answer is no record: {}", bad.problem);
                request.error(SourceErrorKind::Malformed, detail)
            }),
        }
    }

    async fn list<T: Identified>(
        &self,
        request: &Request,
        parse: impl Fn(&Value) -> Result<T, BadRecord>,
    ) -> Result<Option<Listing<T>>, SourceError> {
        list(&self.shared.sender, request, self.deadline, parse).await
    }

    async fn groups(&self, filter: Option<&str>) -> Result<Listing<OktaGroup>, SourceError> {
        let request = Request::groups(&self.shared.org_url, filter);
        self.list(&request, records::group).await?.ok_or_else(|| no_list(&request))
    }

    fn parse_user(&self) -> impl Fn(&Value) -> Result<OktaUser, BadRecord> {
        |value| records::user(value, &self.shared.user_name_from, &self.shared.profile_attributes)
    }
}

impl fmt::Debug for OktaClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OktaClient")
            .field("org_url", &self.shared.org_url.as_str())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl ReadSource for OktaClient {
    async fn list_groups(&self, since: Option<Timestamp>) -> Result<Listing<OktaGroup>, SourceError> {
        let Some(since) = since else { return self.groups(None).await };
        let mut listing = match self.groups(Some(&changed_after(since))).await {
            // The filter saves pages and decides nothing: without it, there are more of them.
            Err(error) if error.kind == SourceErrorKind::Rejected => {
                tracing::warn!(error = %error, "the filter for changed groups is refused; the whole list is read instead");
                self.groups(None).await?
            }
            listing => listing?,
        };
        listing.items.retain(|group| may_have_changed(group, since));
        Ok(listing)
    }

    async fn group(&self, id: &OktaGroupId) -> Result<Option<OktaGroup>, SourceError> {
        let request = Request::group(&self.shared.org_url, id.as_str());
        let group = self.one(&request, records::group).await?;
        check_identity(&request, group, |group| group.id == *id)
    }

    async fn members(&self, id: &OktaGroupId) -> Result<Option<Listing<OktaUser>>, SourceError> {
        let request = Request::members(&self.shared.org_url, id.as_str());
        self.list(&request, self.parse_user()).await
    }

    async fn user(&self, id_or_login: &str) -> Result<Option<OktaUser>, SourceError> {
        let request = Request::user(&self.shared.org_url, id_or_login)?;
        let user = self.one(&request, self.parse_user()).await?;
        check_identity(&request, user, |user| is_called(user, id_or_login))
    }

    async fn changed_users(&self, since: Timestamp) -> Result<Listing<ChangedUser>, SourceError> {
        let request = Request::users(&self.shared.org_url, &format!("lastUpdated gt \"{since:.3}\""));
        self.list(&request, |value| records::changed_user(value, self.parse_user()(value)?)).await?.ok_or_else(|| no_list(&request))
    }

    async fn groups_of_user(&self, id: &OktaUserId) -> Result<Option<Listing<OktaGroup>>, SourceError> {
        let request = Request::groups_of_user(&self.shared.org_url, id.as_str());
        self.list(&request, records::group).await
    }

    async fn app_groups(&self, app_id: &str) -> Result<BTreeSet<OktaGroupId>, SourceError> {
        let request = Request::app_groups(&self.shared.org_url, app_id)?;
        let listing = self.list(&request, records::assigned_group).await?.ok_or_else(|| no_list(&request))?;
        match listing.bad.first() {
            // A group that is left out here would count as not assigned, so there is no list without it.
            Some(bad) => Err(request.error(SourceErrorKind::Malformed, format!("an assigned group is no record: {}", bad.problem))),
            None => Ok(listing.items.into_iter().collect()),
        }
    }

    fn calls(&self) -> u64 {
        self.shared.sender.calls()
    }

    fn throttled(&self) -> u64 {
        self.shared.sender.throttled()
    }
}

/// Okta's filter for groups that changed, or whose members changed, after this moment (cut down to milliseconds, as Okta's are).
fn changed_after(since: Timestamp) -> String {
    format!("lastMembershipUpdated gt \"{since:.3}\" or lastUpdated gt \"{since:.3}\"")
}

/// The same on our side, so that a server that ignores the filter does no harm. What tells no time may have changed.
fn may_have_changed(group: &OktaGroup, since: Timestamp) -> bool {
    [group.last_updated, group.last_membership_updated].iter().any(|at| at.is_none_or(|at| at > since))
}

/// Lists that belong to no object are judged so that there is always an answer or an error.
fn no_list(request: &Request) -> SourceError {
    request.error(SourceErrorKind::NotFound, "Okta has no such list")
}

fn check_identity<T>(request: &Request, record: Option<T>, is_right: impl Fn(&T) -> bool) -> Result<Option<T>, SourceError> {
    match record {
        Some(other) if !is_right(&other) => Err(request.error(SourceErrorKind::Malformed, "the answer is about another object")),
        right => Ok(right),
    }
}

/// Whether the user goes by this id, login, or first part of the login. (`me` is an alias of Okta's for whoever asks.)
fn is_called(user: &OktaUser, id_or_login: &str) -> bool {
    let (login, asked) = (user.login.to_lowercase(), id_or_login.to_lowercase());
    user.id.as_str() == id_or_login || login == asked || login.split_once('@').is_some_and(|(short, _)| short == asked)
}
