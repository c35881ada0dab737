//! The requests that are ever sent: their addresses, what they are called in errors, and what they need.

use std::fmt::Write;

use reqwest::Url;
use sync_core::error::{SourceError, SourceErrorKind};

use crate::rate::Bucket;

/// What a credential must be allowed to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Groups,
    Users,
    Apps,
}

impl Needs {
    /// The OAuth scope.
    pub(crate) fn scope(self) -> &'static str {
        match self {
            Self::Groups => "okta.groups.read",
            Self::Users => "okta.users.read",
            Self::Apps => "okta.apps.read",
        }
    }

    /// What it covers, in plain words.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Groups => "groups and their members",
            Self::Users => "users and their groups",
            Self::Apps => "apps and the groups assigned to them",
        }
    }
}

/// What a 404 `E0000007` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The object does not exist: an answer.
    IsAnAnswer,
    /// An address of ours is wrong: an error, with what to check.
    IsAnError(&'static str),
}

/// A GET.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) url: Url,
    /// Method and path for errors and the log, with a login replaced.
    pub(crate) operation: String,
    pub(crate) bucket: Bucket,
    pub(crate) needs: Needs,
    pub(crate) missing: Missing,
    /// The login in it, which no error and no log repeats.
    pub(crate) login: Option<String>,
}

/// What stands for a login in errors and the log.
pub(crate) const LOGIN: &str = "{login}";

/// Records on a page. Okta recommends 200, and has had inconsistent pages above it.
const PAGE: &str = "200";

impl Request {
    /// The list of groups, with their numbers of members.
    pub(crate) fn groups(org: &Url, filter: Option<&str>) -> Self {
        let mut request = Self::new(org, &["groups"], Bucket::Groups, Needs::Groups, Missing::IsAnError("okta.org_url"));
        request.query("limit", PAGE).query("expand", "stats");
        if let Some(filter) = filter {
            request.query("filter", filter);
        }
        request
    }

    /// One group, with its number of members.
    pub(crate) fn group(org: &Url, id: &str) -> Self {
        let mut request = Self::new(org, &["groups", id], Bucket::Group, Needs::Groups, Missing::IsAnAnswer);
        request.query("expand", "stats");
        request
    }

    /// The members of a group.
    pub(crate) fn members(org: &Url, group: &str) -> Self {
        let mut request = Self::new(org, &["groups", group, "users"], Bucket::Groups, Needs::Groups, Missing::IsAnAnswer);
        request.query("limit", PAGE);
        request
    }

    /// One user by id or login.
    ///
    /// # Errors
    /// `Rejected` for what would be another address: nothing, or dots that a path resolves.
    pub(crate) fn user(org: &Url, id_or_login: &str) -> Result<Self, SourceError> {
        if id_or_login.trim().is_empty() || matches!(id_or_login, "." | "..") {
            let detail = format!("{id_or_login:?} is no id or login of a user");
            return Err(SourceError::new(SourceErrorKind::Rejected, "GET /api/v1/users/", detail));
        }
        let mut request = Self::new(org, &["users", id_or_login], Bucket::User, Needs::Users, Missing::IsAnAnswer);
        if !is_user_id(id_or_login) {
            request.operation = format!("GET /api/v1/users/{LOGIN}");
            request.login = Some(id_or_login.to_owned());
        }
        Ok(request)
    }

    /// The users, deprovisioned ones among them, that the filter lets through.
    pub(crate) fn users(org: &Url, filter: &str) -> Self {
        let mut request = Self::new(org, &["users"], Bucket::Users, Needs::Users, Missing::IsAnError("okta.org_url"));
        request.query("limit", PAGE).query("filter", filter);
        request
    }

    /// The groups of a user.
    pub(crate) fn groups_of_user(org: &Url, user: &str) -> Self {
        Self::new(org, &["users", user, "groups"], Bucket::Users, Needs::Users, Missing::IsAnAnswer)
    }

    /// The groups that are assigned to an app.
    ///
    /// # Errors
    /// `Rejected` for what would be another address.
    pub(crate) fn app_groups(org: &Url, app: &str) -> Result<Self, SourceError> {
        if app.is_empty() || !app.chars().all(|c| c.is_ascii_alphanumeric()) {
            let detail = format!("{app:?} is no id of an Okta app; correct groups.app_id");
            return Err(SourceError::new(SourceErrorKind::Rejected, "GET /api/v1/apps/{id}/groups", detail));
        }
        let mut request =
            Self::new(org, &["apps", app, "groups"], Bucket::Apps, Needs::Apps, Missing::IsAnError("groups.app_id and okta.org_url"));
        request.query("limit", PAGE);
        Ok(request)
    }

    /// The same request for another page.
    pub(crate) fn at(&self, url: Url) -> Self {
        Self { url, ..self.clone() }
    }

    /// An error of this request.
    pub(crate) fn error(&self, kind: SourceErrorKind, detail: impl Into<String>) -> SourceError {
        SourceError::new(kind, self.operation.clone(), detail)
    }

    fn new(org: &Url, segments: &[&str], bucket: Bucket, needs: Needs, missing: Missing) -> Self {
        let path = segments.iter().fold("/api/v1".to_owned(), |path, segment| format!("{path}/{}", encoded(segment)));
        let mut url = org.clone();
        url.set_path(&path);
        Self { url, operation: format!("GET {path}"), bucket, needs, missing, login: None }
    }

    fn query(&mut self, name: &str, value: &str) -> &mut Self {
        add_query(&mut self.url, &[(name, value)]);
        self
    }
}

/// Adds to the query of an address. A space becomes `%20`: the `+` of forms is a plus to whoever reads an address by its own standard.
pub(crate) fn add_query(url: &mut Url, pairs: &[(&str, &str)]) {
    url.query_pairs_mut().extend_pairs(pairs);
    let plain = url.query().map(|query| query.replace('+', "%20"));
    url.set_query(plain.as_deref());
}

/// Whether this has the form of a user's id, which may be shown. What has not may be a login.
fn is_user_id(text: &str) -> bool {
    text.starts_with("00u") && text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// A path segment in which nothing can be read as more than a text: all but letters, digits, `-`, `_`, `.` and `@` is encoded. (`@` is what
/// it is in a path, and Okta's own documentation writes logins with it.)
pub(crate) fn encoded(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@') {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org() -> Url {
        Url::parse("https://acme.okta.com/").unwrap()
    }

    #[test]
    fn a_login_cannot_change_the_address() {
        for (login, path) in [
            ("a/b@x.com", "/api/v1/users/a%2Fb@x.com"),
            ("a#b+c?d@x.com", "/api/v1/users/a%23b%2Bc%3Fd@x.com"),
            ("../groups", "/api/v1/users/..%2Fgroups"),
            ("%2e%2e", "/api/v1/users/%252e%252e"),
            ("a\\b ü", "/api/v1/users/a%5Cb%20%C3%BC"),
        ] {
            let url = Request::user(&org(), login).unwrap().url;
            assert_eq!((url.path(), url.query(), url.fragment()), (path, None, None), "{login}");
        }
        for none in ["", " ", ".", ".."] {
            assert_eq!(Request::user(&org(), none).unwrap_err().kind, SourceErrorKind::Rejected, "{none:?}");
        }
    }

    #[test]
    fn a_space_and_a_plus_in_a_query_are_told_apart() {
        let url = Request::groups(&org(), Some("type eq \"a+b\"")).url;
        assert_eq!(url.query(), Some("limit=200&expand=stats&filter=type%20eq%20%22a%2Bb%22"));
    }

    #[test]
    fn errors_show_ids_and_no_logins() {
        let shown = |user: &str| Request::user(&org(), user).unwrap().operation;
        assert_eq!(shown("00uqrkpsp7ZR4AkPB5d7"), "GET /api/v1/users/00uqrkpsp7ZR4AkPB5d7");
        assert_eq!(shown("ada@example.com"), "GET /api/v1/users/{login}");
        assert_eq!(shown("00u@example.com"), "GET /api/v1/users/{login}");
    }

    #[test]
    fn an_app_id_that_is_none_is_refused() {
        assert!(Request::app_groups(&org(), "0oa1").is_ok());
        for none in ["", "a/b", ".."] {
            assert_eq!(Request::app_groups(&org(), none).unwrap_err().kind, SourceErrorKind::Rejected, "{none:?}");
        }
    }
}
