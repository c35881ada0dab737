//! What an answer of AWS means. Decided on codes, types and statuses, never on text: AWS changes its words.

use std::error::Error;
use std::time::Duration;

use aws_sdk_identitystore::Error as StoreError;
use aws_sdk_identitystore::config::http::HttpResponse;
use aws_sdk_identitystore::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};
use aws_sdk_identitystore::operation::RequestId;
use aws_sdk_identitystore::types::{ConflictExceptionReason, ResourceNotFoundExceptionReason, ResourceType};
use aws_sdk_ssoadmin::Error as AdminError;
use sync_core::error::{TargetError, TargetErrorKind};

use crate::api::Api;

/// The longest pause that AWS can ask for. It has no documented bound, and a limit of calls a second is over in seconds.
const MAX_PAUSE: Duration = Duration::from_secs(30);

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
}

impl Failure {
    fn new(api: Api, kind: TargetErrorKind, detail: impl Into<String>) -> Self {
        Self { error: TargetError::new(kind, api.name(), detail), again: Again::Never, about: About::Nothing }
    }

    /// An answer that cannot be understood.
    pub(crate) fn malformed(api: Api, detail: impl Into<String>) -> Self {
        Self::new(api, TargetErrorKind::Malformed, detail)
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
    refine(answer.failure(api), &error)
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
    answer.failure(api)
}

/// A call that no answer of AWS ended.
fn unanswered<E: Error + 'static>(api: Api, error: &SdkError<E>) -> Failure {
    let words = chain(error);
    let (kind, again) = match error {
        SdkError::ConstructionFailure(_) => (TargetErrorKind::Invalid, Again::Never),
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => (TargetErrorKind::Unavailable, Again::Unavailable(None)),
        SdkError::ResponseError(_) => (TargetErrorKind::Malformed, Again::Unavailable(None)),
        // Answered, after all: the callers take this apart, and a variant that the SDK gains is no statement of AWS.
        SdkError::ServiceError(_) | _ => (TargetErrorKind::Malformed, Again::Never),
    };
    Failure { again, ..Failure::new(api, kind, words) }
}

/// What the types of the Identity Store tell beyond the code.
fn refine(mut failure: Failure, error: &StoreError) -> Failure {
    if let StoreError::ThrottlingException(inner) = error {
        failure.again = Again::Throttled(pause(failure.again).max(seconds(inner.retry_after_seconds)));
        add_reason(&mut failure, inner.reason().map(AsRef::as_ref));
    } else if let StoreError::InternalServerException(inner) = error {
        failure.again = Again::Unavailable(pause(failure.again).max(seconds(inner.retry_after_seconds)));
    } else if let StoreError::ConflictException(inner) = error {
        (failure.error.kind, failure.about) = conflict(inner.reason());
        add_reason(&mut failure, inner.reason().map(AsRef::as_ref));
    } else if let StoreError::ResourceNotFoundException(inner) = error {
        failure.about = match inner.reason() {
            Some(ResourceNotFoundExceptionReason::KmsKeyNotFound) => About::MissingKey,
            Some(_) | None => About::Missing(inner.resource_type().cloned()),
        };
        add_reason(&mut failure, inner.resource_type().map(AsRef::as_ref));
        add_reason(&mut failure, inner.reason().map(AsRef::as_ref));
    } else if let StoreError::AccessDeniedException(inner) = error {
        add_reason(&mut failure, inner.reason().map(AsRef::as_ref));
    } else if let StoreError::ValidationException(inner) = error {
        add_reason(&mut failure, inner.reason().map(AsRef::as_ref));
    }
    failure
}

/// Two conflicts with different answers to them; one that does not say which counts as the one that passes by itself.
fn conflict(reason: Option<&ConflictExceptionReason>) -> (TargetErrorKind, About) {
    match reason {
        Some(ConflictExceptionReason::UniquenessConstraintViolation) => (TargetErrorKind::NameTaken, About::Nothing),
        Some(ConflictExceptionReason::ConcurrentModification) => (TargetErrorKind::ConcurrentModification, About::Nothing),
        Some(_) | None => (TargetErrorKind::ConcurrentModification, About::UnexplainedConflict),
    }
}

fn add_reason(failure: &mut Failure, reason: Option<&str>) {
    if let Some(reason) = reason {
        failure.error.detail = format!("{} [{reason}]", failure.error.detail);
    }
}

fn pause(again: Again) -> Option<Duration> {
    match again {
        Again::Never => None,
        Again::Throttled(pause) | Again::Unavailable(pause) => pause,
    }
}

fn seconds(seconds: i32) -> Option<Duration> {
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(|seconds| Duration::from_secs(seconds).min(MAX_PAUSE))
}

/// An answer of AWS that is an error.
struct Answer {
    status: u16,
    pause: Option<Duration>,
    code: Option<String>,
    words: String,
}

impl Answer {
    fn of(response: &HttpResponse) -> Self {
        Self { status: response.status().as_u16(), pause: retry_after_header(response), code: None, words: String::new() }
    }

    /// Takes over the code, the message and the request's id.
    fn read<E: ProvideErrorMetadata + Error + 'static>(&mut self, error: &E) {
        let meta: &ErrorMetadata = error.meta();
        self.code = meta.code().map(str::to_owned);
        let said = match (meta.code(), meta.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            (None, _) => format!("an answer that is no error of AWS ({})", chain(error)),
        };
        self.words = format!("{said} (HTTP {}, request {})", self.status, meta.request_id().unwrap_or("without id"));
    }

    fn failure(self, api: Api) -> Failure {
        let (kind, again) = self.sort();
        let hint = match (kind, self.code.as_deref()) {
            (TargetErrorKind::Denied, Some(ACCESS_DENIED | "AccessDenied")) => format!(
                "; the role needs {}; where it has it, look for the store's network rules (DescribeIdentityStore) and its KMS key",
                api.iam_action()
            ),
            (TargetErrorKind::Denied, _) => "; AWS does not accept the credentials: look at the role and at the clock".to_owned(),
            (TargetErrorKind::QuotaExceeded, _) => "; ask AWS for a higher quota, or delete what is not needed".to_owned(),
            _ => String::new(),
        };
        let about = if kind == TargetErrorKind::NotFound { About::Missing(None) } else { About::Nothing };
        Failure { again, about, ..Failure::new(api, kind, self.words + &hint) }
    }

    /// The kind of an error, and whether to send the request again.
    fn sort(&self) -> (TargetErrorKind, Again) {
        use TargetErrorKind as Kind;
        let Some(code) = self.code.as_deref() else { return self.sort_by_status() };
        match code {
            "ThrottlingException"
            | "Throttling"
            | "ThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "SlowDown" => (Kind::Throttled, Again::Throttled(self.pause)),
            "InternalServerException"
            | "InternalServerError"
            | "InternalFailure"
            | "InternalError"
            | "ServiceUnavailable"
            | "ServiceUnavailableException"
            | "RequestTimeout"
            | "RequestTimeoutException" => (Kind::Unavailable, Again::Unavailable(self.pause)),
            "ResourceNotFoundException" => (Kind::NotFound, Again::Never),
            "ConflictException" => (Kind::ConcurrentModification, Again::Never),
            "ServiceQuotaExceededException" => (Kind::QuotaExceeded, Again::Never),
            ACCESS_DENIED
            | "AccessDenied"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "NotAuthorized"
            | "OptInRequired"
            | "RequestExpired"
            | "RequestTimeTooSkewed" => (Kind::Denied, Again::Never),
            "ValidationException" => (Kind::Invalid, Again::Never),
            _ if self.status >= 500 => (Kind::Unavailable, Again::Unavailable(self.pause)),
            _ => (Kind::Invalid, Again::Never),
        }
    }

    /// For answers without a code: a load balancer's page, a proxy's, or JSON that is cut short.
    fn sort_by_status(&self) -> (TargetErrorKind, Again) {
        match self.status {
            200..=299 => (TargetErrorKind::Malformed, Again::Unavailable(self.pause)),
            401 | 403 => (TargetErrorKind::Denied, Again::Never),
            429 => (TargetErrorKind::Throttled, Again::Throttled(self.pause)),
            500.. => (TargetErrorKind::Unavailable, Again::Unavailable(self.pause)),
            _ => (TargetErrorKind::Malformed, Again::Never),
        }
    }
}

const ACCESS_DENIED: &str = "AccessDeniedException";

/// `x-amz-retry-after`, in milliseconds.
fn retry_after_header(response: &HttpResponse) -> Option<Duration> {
    let millis: u64 = response.headers().get("x-amz-retry-after")?.trim().parse().ok()?;
    Some(Duration::from_millis(millis).min(MAX_PAUSE))
}

/// An error and its sources in one line. Not the SDK's own form for this, which repeats the answer's body.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        words = format!("{words}: {source}");
        next = source.source();
    }
    words
}
