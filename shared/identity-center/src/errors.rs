//! What an answer of AWS means. Decided on codes, types and statuses, never on text: AWS changes its words.

mod answer;
mod reasons;

use std::error::Error;
use std::time::Duration;

use aws_sdk_identitystore::Error as StoreError;
use aws_sdk_identitystore::error::SdkError;
use aws_sdk_identitystore::types::ResourceType;
use aws_sdk_organizations::Error as OrganizationsError;
use aws_sdk_ssoadmin::Error as AdminError;
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::IdError;

use crate::api::Api;
use answer::Answer;

/// The longest pause that AWS can ask for. It has no documented bound, and a limit of calls a second is over in seconds.
pub(crate) const MAX_PAUSE: Duration = Duration::from_secs(30);

/// A call that failed: what the caller gets to see, and what this crate decides on.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: TargetError,
    pub(crate) again: Again,
    pub(crate) about: About,
}

/// Whether the same request may be sent again, and how long AWS asks to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// The answer would be the same.
    Never,
    /// Over a limit of calls; nothing happened.
    Throttled(Option<Duration>),
    /// It may or may not have taken effect.
    Unavailable(Option<Duration>),
}

/// What the kind of an error does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum About {
    /// Nothing more.
    Nothing,
    /// A conflict whose reason is not given, or not known here.
    UnexplainedConflict,
    /// AWS says that this kind of thing does not exist; `None` where it does not say what.
    Missing(Option<ResourceType>),
    /// What is missing is none of the things asked for, such as the store's encryption key.
    MissingKey,
    /// The SCIM endpoint does not accept the token.
    TokenRefused,
}

impl Failure {
    /// A failure after which nothing is sent again.
    pub(crate) fn new(api: Api, kind: TargetErrorKind, detail: impl Into<String>) -> Self {
        Self { error: TargetError::new(kind, api.name(), detail), again: Again::Never, about: About::Nothing }
    }

    /// An answer that cannot be understood.
    pub(crate) fn malformed(api: Api, detail: impl Into<String>) -> Self {
        Self::new(api, TargetErrorKind::Malformed, detail)
    }

    /// Nothing that AWS would take, or nothing that could be meant.
    pub(crate) fn invalid(api: Api, detail: impl Into<String>) -> Self {
        Self::new(api, TargetErrorKind::Invalid, detail)
    }

    /// The same, saying what else the operator can do.
    pub(crate) fn advising(mut self, advice: &str) -> Self {
        self.error.detail = format!("{}; {advice}", self.error.detail);
        self
    }

    /// An answer in which something has no usable id. Left out, it would be taken for absent.
    pub(crate) fn nameless(api: Api) -> impl Fn(IdError) -> Self {
        move |error| Self::malformed(api, error.to_string())
    }

    /// The deadline came first; `last` is what went wrong before.
    pub(crate) fn out_of_time(api: Api, last: Option<&Self>) -> Self {
        let detail = match last {
            Some(last) => format!("the run's time is up; the last attempt had failed: {}", last.error.detail),
            None => "the run's time is up".to_owned(),
        };
        Self::new(api, TargetErrorKind::OutOfTime, detail)
    }

    /// Whether AWS says that the thing asked for does not exist. A missing identity store or key says nothing about it.
    pub(crate) fn is_missing(&self, resource: &ResourceType) -> bool {
        matches!(&self.about, About::Missing(what) if what.as_ref().is_none_or(|what| what == resource))
    }

    /// Whether AWS says that what was asked for does not exist, where it does not say what kind of thing is missing.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.about, About::Missing(_))
    }

    pub(crate) fn is(&self, kind: TargetErrorKind) -> bool {
        self.error.kind == kind
    }
}

impl From<Failure> for TargetError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// Sorts a failed call of the Identity Store.
pub(crate) fn identity_store<E>(api: Api, error: SdkError<E>) -> Failure
where
    E: Into<StoreError> + Error + 'static,
{
    let SdkError::ServiceError(context) = error else { return unanswered(api, &error) };
    let mut answer = Answer::of(context.raw());
    let error: StoreError = context.into_err().into();
    answer.read(&error);
    reasons::of_identity_store(answer.failure(api), &error)
}

/// Sorts a failed call of sso-admin.
pub(crate) fn sso_admin<E>(api: Api, error: SdkError<E>) -> Failure
where
    E: Into<AdminError> + Error + 'static,
{
    let SdkError::ServiceError(context) = error else { return unanswered(api, &error) };
    let mut answer = Answer::of(context.raw());
    let error: AdminError = context.into_err().into();
    answer.read(&error);
    reasons::of_sso_admin(answer.failure(api), &error)
}

/// Sorts a failed call of Organizations, whose codes say all there is.
pub(crate) fn organizations<E>(api: Api, error: SdkError<E>) -> Failure
where
    E: Into<OrganizationsError> + Error + 'static,
{
    let SdkError::ServiceError(context) = error else { return unanswered(api, &error) };
    let mut answer = Answer::of(context.raw());
    let error: OrganizationsError = context.into_err().into();
    answer.read(&error);
    answer.failure(api)
}

/// A call that no answer of AWS ended, or one that cannot be read.
fn unanswered<E: Error + 'static>(api: Api, error: &SdkError<E>) -> Failure {
    let words = chain(error);
    let (kind, again) = match error {
        // Where the SDK expects JSON and finds a load balancer's page, the status is all that there is.
        SdkError::ResponseError(context) => return Answer::unreadable(context.raw(), &words).failure(api),
        SdkError::ConstructionFailure(_) => (TargetErrorKind::Invalid, Again::Never),
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => (TargetErrorKind::Unavailable, Again::Unavailable(None)),
        // Answered, after all: the callers take this apart, and a variant that the SDK gains is no statement of AWS.
        SdkError::ServiceError(_) | _ => (TargetErrorKind::Malformed, Again::Never),
    };
    Failure { again, ..Failure::new(api, kind, words) }
}

/// An error and its sources in one line. Not the SDK's own form for this, which repeats the answer's body.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        words = format!("{words}: {source}");
        next = source.source();
    }
    words
}
