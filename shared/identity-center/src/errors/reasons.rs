//! What the types of AWS's errors tell beyond their codes.

use std::time::Duration;

use aws_sdk_identitystore::Error as StoreError;
use aws_sdk_identitystore::types::{ConflictExceptionReason, ResourceNotFoundExceptionReason};
use aws_sdk_ssoadmin::Error as AdminError;
use aws_sdk_ssoadmin::types::ResourceNotFoundExceptionReason as AdminNotFoundReason;
use sync_core::error::TargetErrorKind;

use super::{About, Again, Failure, MAX_PAUSE};

/// What the types of the Identity Store tell beyond the code.
pub(super) fn of_identity_store(mut failure: Failure, error: &StoreError) -> Failure {
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

/// What the types of sso-admin tell beyond the code: nothing but trouble with the instance's encryption key.
pub(super) fn of_sso_admin(mut failure: Failure, error: &AdminError) -> Failure {
    if let AdminError::ThrottlingException(inner) = error {
        add_reason(&mut failure, inner.reason().map(AsRef::as_ref));
    } else if let AdminError::ResourceNotFoundException(inner) = error {
        if inner.reason() == Some(&AdminNotFoundReason::KmsNotFoundException) {
            failure.about = About::MissingKey;
        }
        add_reason(&mut failure, inner.reason().map(AsRef::as_ref));
    } else if let AdminError::AccessDeniedException(inner) = error {
        add_reason(&mut failure, inner.reason().map(AsRef::as_ref));
    } else if let AdminError::ValidationException(inner) = error {
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
