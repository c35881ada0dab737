//! What the code and the status of an answer that is an error mean.

use std::error::Error;
use std::time::Duration;

use aws_sdk_identitystore::config::http::HttpResponse;
use aws_sdk_identitystore::error::{ErrorMetadata, ProvideErrorMetadata};
use aws_sdk_identitystore::operation::RequestId;
use sync_core::error::TargetErrorKind;

use super::{About, Again, Failure, MAX_PAUSE, chain};
use crate::api::Api;

/// An answer of AWS that is an error.
pub(super) struct Answer {
    status: u16,
    pause: Option<Duration>,
    code: Option<String>,
    words: String,
}

impl Answer {
    pub(super) fn of(response: &HttpResponse) -> Self {
        Self { status: response.status().as_u16(), pause: retry_after_header(response), code: None, words: String::new() }
    }

    /// An answer of which the SDK could make nothing; `words` are the SDK's.
    pub(super) fn unreadable(response: &HttpResponse, words: &str) -> Self {
        let answer = Self::of(response);
        Self { words: format!("{words} (HTTP {})", answer.status), ..answer }
    }

    /// Takes over the code, the message and the request's id.
    pub(super) fn read<E: ProvideErrorMetadata + Error + 'static>(&mut self, error: &E) {
        let meta: &ErrorMetadata = error.meta();
        self.code = meta.code().map(str::to_owned);
        let said = match (meta.code(), meta.message()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.to_owned(),
            (None, _) => format!("an answer that is no error of AWS ({})", chain(error)),
        };
        self.words = format!("{said} (HTTP {}, request {})", self.status, meta.request_id().unwrap_or("without id"));
    }

    pub(super) fn failure(self, api: Api) -> Failure {
        let (kind, again) = self.sort();
        let hint = self.hint(api, kind);
        let about = if kind == TargetErrorKind::NotFound { About::Missing(None) } else { About::Nothing };
        Failure { again, about, ..Failure::new(api, kind, self.words + &hint) }
    }

    /// What the operator should do.
    fn hint(&self, api: Api, kind: TargetErrorKind) -> String {
        match (kind, self.code.as_deref()) {
            (TargetErrorKind::Denied, Some(ACCESS_DENIED | "AccessDenied")) => {
                format!("; the role needs {}; where it has it, {}", api.iam_action(), api.beyond_iam())
            }
            (TargetErrorKind::Denied, _) => "; AWS does not accept the credentials: look at the role and at the clock".to_owned(),
            (TargetErrorKind::QuotaExceeded, _) => "; ask AWS for a higher quota, or delete what is not needed".to_owned(),
            (TargetErrorKind::Throttled, _) if api.begins_work() => {
                "; or as many assignments are being made and deleted as AWS allows at a time".to_owned()
            }
            (_, Some(NO_ORGANIZATION)) => "; look at `[identity_center] assume_role_arn`: this account is in no organization".to_owned(),
            _ => String::new(),
        }
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
            | "ServiceException"
            | "ServiceUnavailable"
            | "ServiceUnavailableException"
            | "RequestTimeout"
            | "RequestTimeoutException" => (Kind::Unavailable, Again::Unavailable(self.pause)),
            "ResourceNotFoundException"
            | "AccountNotFoundException"
            | "ParentNotFoundException"
            | "RootNotFoundException"
            | "TargetNotFoundException" => (Kind::NotFound, Again::Never),
            "ConflictException" => (Kind::ConcurrentModification, Again::Never),
            // Organizations, which is only read: it is being changed at this moment.
            "ConcurrentModificationException" => (Kind::ConcurrentModification, Again::Unavailable(self.pause)),
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
            _ if self.status == TOO_MANY => (Kind::Throttled, Again::Throttled(self.pause)),
            _ if self.status >= 500 => (Kind::Unavailable, Again::Unavailable(self.pause)),
            _ => (Kind::Invalid, Again::Never),
        }
    }

    /// For answers without a code: a load balancer's page, a proxy's, or JSON that is cut short.
    fn sort_by_status(&self) -> (TargetErrorKind, Again) {
        match self.status {
            200..=299 => (TargetErrorKind::Malformed, Again::Unavailable(self.pause)),
            401 | 403 => (TargetErrorKind::Denied, Again::Never),
            TOO_MANY => (TargetErrorKind::Throttled, Again::Throttled(self.pause)),
            500.. => (TargetErrorKind::Unavailable, Again::Unavailable(self.pause)),
            _ => (TargetErrorKind::Malformed, Again::Never),
        }
    }
}

const ACCESS_DENIED: &str = "AccessDeniedException";

const TOO_MANY: u16 = 429;

const NO_ORGANIZATION: &str = "AWSOrganizationsNotInUseException";

/// `x-amz-retry-after`, in milliseconds.
fn retry_after_header(response: &HttpResponse) -> Option<Duration> {
    let millis: u64 = response.headers().get("x-amz-retry-after")?.trim().parse().ok()?;
    Some(Duration::from_millis(millis).min(MAX_PAUSE))
}
