//! AWS's exceptions.

use serde_json::{Map, Value, json};

use crate::call::SideError;

/// An exception that AWS answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AwsError {
    pub(crate) exception: String,
    pub(crate) status: u16,
    pub(crate) message: String,
    /// `Reason`, `ResourceType` and so on.
    pub(crate) fields: Map<String, Value>,
}

/// Two objects cannot have one name, nor one pair two memberships.
pub(crate) const NOT_UNIQUE: &str = "UNIQUENESS_CONSTRAINT_VIOLATION";

/// Someone else wrote first.
pub(crate) const CONCURRENT: &str = "CONCURRENT_MODIFICATION";

impl AwsError {
    pub(crate) fn new(exception: &str, status: u16, message: impl Into<String>) -> Self {
        Self { exception: exception.to_owned(), status, message: message.into(), fields: Map::new() }
    }

    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(field.to_owned(), value.into());
        self
    }

    pub(crate) fn reason(&self) -> Option<&str> {
        self.fields.get("Reason").and_then(Value::as_str)
    }

    pub(crate) fn not_found(kind: &str, id: &str) -> Self {
        let message = format!("{kind} not found.");
        Self::new("ResourceNotFoundException", 400, message).with("ResourceType", kind).with("ResourceId", id)
    }

    pub(crate) fn conflict(reason: &str, message: &str, status: u16) -> Self {
        Self::new("ConflictException", status, message).with("Reason", reason)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("ValidationException", 400, message)
    }

    pub(crate) fn throttled(seconds: u64) -> Self {
        Self::new("ThrottlingException", 400, "Rate exceeded").with("RetryAfterSeconds", seconds)
    }

    /// Organizations' way of saying so.
    pub(crate) fn too_many_requests() -> Self {
        Self::new("TooManyRequestsException", 400, "You have sent too many requests in too short a period of time")
            .with("Type", "RATE_LIMIT")
    }

    /// In the words of Organizations, which has other names for what others have too.
    pub(crate) fn of_organizations(mut self) -> Self {
        if self.exception == "ValidationException" {
            "InvalidInputException".clone_into(&mut self.exception);
        }
        self
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new("AccessDeniedException", 400, message)
    }

    pub(crate) fn full() -> Self {
        Self::new("ServiceQuotaExceededException", 400, "The request exceeds the maximum number of users or groups")
    }

    /// The exception of this name.
    pub(crate) fn named(name: &str, reason: Option<&str>) -> Self {
        let status = match name {
            "InternalServerException" | "InternalFailure" | "ServiceException" => 500,
            "ServiceUnavailableException" | "ServiceUnavailable" => 503,
            _ => 400,
        };
        let message = match name {
            "AccessDeniedException" => "User is not authorized to perform this operation",
            "ThrottlingException" => "Rate exceeded",
            "InternalServerException" => "Internal server error",
            _ => "injected",
        };
        let error = Self::new(name, status, message);
        match reason {
            Some(reason) => error.with("Reason", reason),
            None => error,
        }
    }

    /// The exception that usually goes with a status.
    pub(crate) fn of_status(status: u16) -> Self {
        let name = match status {
            401 => "UnrecognizedClientException",
            403 => "AccessDeniedException",
            404 => "ResourceNotFoundException",
            409 => "ConflictException",
            429 => "ThrottlingException",
            500.. => "InternalServerException",
            _ => "ValidationException",
        };
        Self { status, ..Self::named(name, None) }
    }

    /// The body, in the form of AWS JSON 1.1.
    pub(crate) fn body(&self, request_id: &str) -> Value {
        let mut body = json!({"__type": self.exception, "Message": self.message, "RequestId": request_id});
        if let Some(object) = body.as_object_mut() {
            object.extend(self.fields.clone());
        }
        body
    }
}

impl SideError for AwsError {
    fn status(&self) -> u16 {
        self.status
    }

    fn code(&self) -> &str {
        &self.exception
    }
}
