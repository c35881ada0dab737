//! Okta's errors.

use crate::call::SideError;

/// An error that Okta answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OktaError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) summary: String,
    pub(crate) causes: Vec<String>,
}

impl OktaError {
    pub(crate) fn new(status: u16, code: &str, summary: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), summary: summary.into(), causes: Vec::new() }
    }

    fn because(mut self, cause: &str) -> Self {
        self.causes.push(cause.to_owned());
        self
    }

    pub(crate) fn not_found(id: &str, what: &str) -> Self {
        Self::new(404, "E0000007", format!("Not found: Resource not found: {id} ({what})"))
    }

    pub(crate) fn bad_cursor() -> Self {
        Self::new(400, "E0000029", "Invalid paging request.").because("Invalid cursor.")
    }

    pub(crate) fn invalid(field: &str, cause: &str) -> Self {
        Self::new(400, "E0000001", format!("Api validation failed: {field}")).because(&format!("{field}: {cause}"))
    }

    pub(crate) fn bad_body() -> Self {
        Self::new(400, "E0000003", "The request body was not well-formed.")
    }

    pub(crate) fn no_such_path() -> Self {
        Self::new(404, "E0000008", "The requested path was not found")
    }

    pub(crate) fn bad_filter() -> Self {
        Self::new(400, "E0000031", "Invalid search criteria.")
    }

    pub(crate) fn forbidden() -> Self {
        Self::new(403, "E0000006", "You do not have permission to perform the requested action")
    }

    pub(crate) fn throttled() -> Self {
        Self::new(429, "E0000047", "API call exceeded rate limit due to too many requests.")
    }

    /// The error of this status, with the code that usually goes with it.
    pub(crate) fn of_status(status: u16, code: Option<&str>) -> Self {
        let (usual, summary) = match status {
            400 => ("E0000001", "Api validation failed"),
            401 => ("E0000011", "Invalid token provided"),
            403 => return Self { code: code.unwrap_or("E0000006").to_owned(), ..Self::forbidden() },
            404 => ("E0000007", "Not found: Resource not found"),
            405 => ("E0000022", "The endpoint does not support the provided HTTP method"),
            409 => ("E0000055", "Group already exists"),
            423 => ("E0000239", "Policy priorities are being reconciled. Please try again later."),
            429 => return Self { code: code.unwrap_or("E0000047").to_owned(), ..Self::throttled() },
            501 => ("E0000060", "Unsupported operation."),
            503 => ("E0000010", "Service is in read only mode."),
            _ => ("E0000009", "Internal Server Error"),
        };
        Self::new(status, code.unwrap_or(usual), summary)
    }
}

impl SideError for OktaError {
    fn status(&self) -> u16 {
        self.status
    }

    fn code(&self) -> &str {
        &self.code
    }
}
