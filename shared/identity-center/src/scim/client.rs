//! The client, and the way of a request: with which credential, and once more with another where that one is refused.

use std::fmt;
use std::sync::Arc;

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sync_core::error::{TargetError, TargetErrorKind};
use tokio::time::Instant;

use super::credential::{CredentialProvider, ScimCredential};
use super::transport::{Answer, Http};
use super::verdict::{judge, unreadable};
use crate::Connection;
use crate::api::Api;
use crate::call::Caller;
use crate::errors::{About, Again, Failure, chain};
use crate::paging::{MAX_RESULTS, all_pages};

/// Writes to, and looks things up at, one SCIM endpoint. Cheap to clone; clones share connections, pacers and counts, also with the
/// [`Connection`] that it was made of.
#[derive(Clone)]
pub struct ScimClient {
    http: Http,
    credentials: Arc<dyn CredentialProvider>,
    caller: Caller,
}

/// What came of making something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Creation<I, R> {
    /// It was made, and is as it was asked for.
    Created(I),
    /// It was there already, as after an answer that was lost. What else it is, and whether to adopt it, is for the caller to see.
    Found(Box<R>),
}

/// Why an endpoint, or a token for it, is of no use: told apart, because each is mended elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The endpoint does not accept the token (401).
    #[error("{0}")]
    Token(TargetError),
    /// The endpoint does not allow it (403).
    #[error("{0}")]
    NotAllowed(TargetError),
    /// What answers there is no SCIM endpoint, or none of a tenant.
    #[error("{0}")]
    Address(TargetError),
    /// Nobody answers there, or not now.
    #[error("{0}")]
    NoAnswer(TargetError),
}

impl From<Failure> for CheckError {
    fn from(failure: Failure) -> Self {
        match failure.error.kind {
            TargetErrorKind::Denied if failure.about == About::TokenRefused => Self::Token(failure.error),
            TargetErrorKind::Denied => Self::NotAllowed(failure.error),
            TargetErrorKind::Throttled | TargetErrorKind::Unavailable | TargetErrorKind::OutOfTime => Self::NoAnswer(failure.error),
            TargetErrorKind::NotFound
            | TargetErrorKind::NameTaken
            | TargetErrorKind::ConcurrentModification
            | TargetErrorKind::QuotaExceeded
            | TargetErrorKind::Invalid
            | TargetErrorKind::Malformed => Self::Address(failure.error),
        }
    }
}

/// A request, apart from the credential.
pub(super) struct Request<'a> {
    pub(super) api: Api,
    pub(super) method: Method,
    pub(super) segments: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<Value>,
}

impl<'a> Request<'a> {
    pub(super) fn new(api: Api, method: Method, segments: &'a [&'a str]) -> Self {
        Self { api, method, segments, query: &[], body: None }
    }

    pub(super) fn with(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

/// One page of a list, as both forms of SCIM's lists have it.
#[derive(Debug, serde::Deserialize)]
struct List<T> {
    #[serde(rename = "Resources")]
    resources: Option<Vec<T>>,
    #[serde(rename = "nextCursor")]
    next_cursor: Option<String>,
    #[serde(rename = "totalResults")]
    total_results: Option<u64>,
    #[serde(rename = "itemsPerPage")]
    items_per_page: Option<u64>,
}

impl ScimClient {
    /// A client with the pacers, counts and deadline of `connection`. Nothing is sent yet.
    ///
    /// # Errors
    /// `Unavailable` if the HTTP client cannot start, as without any certificate authority.
    pub fn new(connection: &Connection, credentials: Arc<dyn CredentialProvider>) -> Result<Self, TargetError> {
        let http = Http::new().map_err(|error| TargetError::new(TargetErrorKind::Unavailable, "SCIM", chain(&error)))?;
        Ok(Self { http, credentials, caller: connection.caller.clone() })
    }

    /// The same client for a run that must end at `deadline`; see [`crate::IdentityCenter::until`].
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self { caller: self.caller.until(deadline), ..self.clone() }
    }

    /// Whether the endpoint answers and accepts the token (`ServiceProviderConfig`). Changes nothing.
    ///
    /// # Errors
    /// [`CheckError`] says what is wrong with the endpoint or the token.
    pub async fn check(&self) -> Result<(), CheckError> {
        let config: Value = self.read(Request::new(Api::ScimServiceProviderConfig, Method::GET, &["ServiceProviderConfig"])).await?;
        if config.get("patch").is_some() {
            return Ok(());
        }
        let detail = "the answer is no ServiceProviderConfig: correct the endpoint in the SCIM secret";
        Err(Failure::malformed(Api::ScimServiceProviderConfig, detail).into())
    }

    /// Sends, and expects an answer of this form.
    pub(super) async fn read<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<T, Failure> {
        self.send(&request, |answer| {
            serde_json::from_slice(&answer.body).map_err(|error| {
                let place = format!("line {}, column {}", error.line(), error.column());
                unreadable(request.api, format!("the answer is not of the form that it should have at {place}"))
            })
        })
        .await
    }

    /// Sends, and expects nothing but success.
    pub(super) async fn write(&self, request: Request<'_>) -> Result<(), Failure> {
        self.send(&request, |_| Ok(())).await
    }

    /// Everything that a filter names, or everything there is, to the last page.
    pub(super) async fn list<T: DeserializeOwned>(&self, api: Api, what: &str, filter: Option<&str>) -> Result<Vec<T>, Failure> {
        let count = MAX_RESULTS.to_string();
        let page = |cursor: Option<String>| {
            let (cursor, count) = (cursor.unwrap_or_default(), count.as_str());
            async move {
                // A cursor, though empty, is what makes AWS answer in pages that have a next one.
                let query = [("count", count), ("cursor", cursor.as_str()), ("filter", filter.unwrap_or_default())];
                let query = if filter.is_some() { &query[..] } else { &query[..2] };
                let list: List<T> = self.read(Request { query, ..Request::new(api, Method::GET, &[what]) }).await?;
                list.page(api)
            }
        };
        all_pages(api, page).await
    }

    async fn send<T>(&self, request: &Request<'_>, read: impl Fn(&Answer) -> Result<T, Failure>) -> Result<T, Failure> {
        let credential = self.credential(request.api, self.credentials.current()).await?;
        let refusal = match self.send_with(&credential, request, &read).await {
            Err(failure) if failure.about == About::TokenRefused => failure,
            result => return result,
        };
        match self.credential(request.api, self.credentials.other_than(&credential)).await {
            Ok(Some(other)) => {
                tracing::warn!(event = "scim_token_replaced", "the SCIM token was refused; the secret holds another one by now");
                self.send_with(&other, request, &read).await
            }
            Ok(None) => Err(refusal),
            Err(failure) => Err(refusal.advising(&format!("the secret could not be read again: {}", failure.error.detail))),
        }
    }

    async fn credential<T>(&self, api: Api, work: impl Future<Output = Result<T, TargetError>>) -> Result<T, Failure> {
        let result = self.caller.in_time(work).await.ok_or_else(|| Failure::out_of_time(api, None))?;
        result.map_err(|error| Failure { error, again: Again::Never, about: About::Nothing })
    }

    async fn send_with<T>(
        &self,
        credential: &ScimCredential,
        request: &Request<'_>,
        read: &impl Fn(&Answer) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let attempt = || async {
            let url = credential.endpoint.at(request.segments, request.query);
            let result = self.http.exchange(request.method.clone(), url, &credential.token, request.body.as_ref()).await;
            read(&judge(request.api, result).map_err(|failure| hiding(&credential.token, failure))?)
        };
        self.caller.call(request.api, attempt).await
    }
}

/// A failure whose words do not hold the token, although the other side repeated it.
fn hiding(token: &SecretString, mut failure: Failure) -> Failure {
    failure.error.detail = failure.error.detail.replace(token.expose_secret(), "[the token]");
    failure
}

impl<T> List<T> {
    /// Its elements and the cursor of the next page. A list without elements has to say so: an answer of another form is no empty list.
    fn page(self, api: Api) -> Result<(Vec<T>, Option<String>), Failure> {
        match self.resources {
            Some(resources) => Ok((resources, self.next_cursor)),
            None if self.total_results == Some(0) || self.items_per_page == Some(0) => Ok((Vec::new(), self.next_cursor)),
            None => Err(Failure::malformed(api, "the answer is no list")),
        }
    }
}

impl fmt::Debug for ScimClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScimClient").finish_non_exhaustive()
    }
}
