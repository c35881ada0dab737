//! What an answer of DynamoDB that is an error becomes. Decided on codes, never on text.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;
use engine::ports::TableError;

const CONDITION_FAILED: &str = "ConditionalCheckFailedException";
const INVALID: &str = "ValidationException";

/// An operation that failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation<'a> {
    pub(crate) name: &'static str,
    pub(crate) table: &'a str,
    pub(crate) pk: &'a str,
    pub(crate) sk: &'a str,
}

/// Whether the condition did not hold.
pub(crate) fn is_condition<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some(CONDITION_FAILED)
}

/// Whether DynamoDB says that the request makes no sense, as where one is added to a string.
pub(crate) fn is_invalid<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some(INVALID)
}

impl Operation<'_> {
    /// The error of the port.
    pub(crate) fn failed<E: ProvideErrorMetadata + Error + 'static>(self, error: &SdkError<E>) -> TableError {
        if is_condition(error) {
            return TableError::Conflict { pk: self.pk.to_owned(), sk: self.sk.to_owned() };
        }
        let detail = match error.as_service_error() {
            Some(answer) if answer.code().is_some() => self.answered(answer.meta(), error),
            Some(_) | None => chain(error),
        };
        self.unavailable(detail)
    }

    pub(crate) fn unavailable(self, detail: String) -> TableError {
        TableError::Unavailable { operation: self.name, detail }
    }

    fn answered<E>(self, meta: &aws_sdk_dynamodb::error::ErrorMetadata, error: &SdkError<E>) -> String {
        let code = meta.code().unwrap_or("no code");
        let status = error.raw_response().map_or(0, |response| response.status().as_u16());
        let request = meta.request_id().unwrap_or("without id");
        let words = format!("{code}: {} (HTTP {status}, request {request})", meta.message().unwrap_or("without words"));
        match code {
            "AccessDeniedException" => format!("{words}; the role needs dynamodb:{} on the table {}", self.name, self.table),
            "ResourceNotFoundException" => {
                format!("{words}; there is no table {} in this region and account: look at LOCKSTEP_TABLE", self.table)
            }
            _ => words,
        }
    }
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
