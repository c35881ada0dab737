//! What a request is sent to, and with which token.

use std::fmt;

use futures::future::BoxFuture;
use secrecy::SecretString;
use sync_core::address::is_safe;
use sync_core::error::TargetError;
use url::Url;

/// The address of a SCIM endpoint: `https://scim.<region>.amazonaws.com/<tenant>/scim/v2`.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// An address that cannot be a SCIM endpoint's. It is not repeated: a token does land in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the SCIM endpoint {0}")]
pub struct EndpointError(&'static str);

impl Endpoint {
    /// Reads an address as IAM Identity Center shows it; slashes at its end do not matter.
    ///
    /// # Errors
    /// [`EndpointError`] unless it is an address with a path alone, with https (or with http on a loopback address).
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let mut url = Url::parse(text.trim()).map_err(|_| EndpointError("is no address"))?;
        if let Some(problem) = problem_of(&url) {
            return Err(EndpointError(problem));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The address of something below the endpoint.
    pub(super) fn at(&self, segments: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
            // The `+` of forms is a plus to whoever reads an address by its own standard.
            let plain = url.query().map(|query| query.replace('+', "%20"));
            url.set_query(plain.as_deref());
        }
        url
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({}://{})", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

fn problem_of(url: &Url) -> Option<&'static str> {
    if url.host().is_none() {
        Some("has no host")
    } else if !is_safe(url) {
        Some("must be https (http is taken for a loopback address only)")
    } else if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        Some("must be an address with a path alone, as IAM Identity Center shows it under Settings, Automatic provisioning")
    } else if url.path().trim_matches('/').is_empty() {
        Some("has no tenant: it ends in /<tenant>/scim/v2")
    } else {
        None
    }
}

/// An endpoint and a token for it.
#[derive(Debug, Clone)]
pub struct ScimCredential {
    /// Where to.
    pub endpoint: Endpoint,
    /// The bearer token.
    pub token: SecretString,
}

/// Gives out credentials. Cheap to ask: it is asked before every request.
pub trait CredentialProvider: Send + Sync {
    /// The credential to send with.
    ///
    /// # Errors
    /// Where there is none, saying what the operator should do.
    fn current(&self) -> BoxFuture<'_, Result<ScimCredential, TargetError>>;

    /// Another credential than `refused`, which the endpoint has just not accepted: read anew, in case it was rotated. `None` where there is
    /// no other. For one refused credential nothing is read twice, however many requests meet the refusal.
    ///
    /// # Errors
    /// Where it cannot be looked for.
    fn other_than<'a>(&'a self, refused: &'a ScimCredential) -> BoxFuture<'a, Result<Option<ScimCredential>, TargetError>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_https_or_on_a_loopback_address_and_slashes_at_its_end_do_not_matter() {
        for good in [
            "https://scim.us-east-1.amazonaws.com/t-1/scim/v2",
            "https://scim.us-east-1.amazonaws.com/t-1/scim/v2/",
            "http://127.0.0.1:4600/t-1/scim/v2//",
        ] {
            let url = Endpoint::parse(good).unwrap().at(&["Users", "u 1/x"], &[("filter", "userName eq \"a\"")]).to_string();
            assert!(url.ends_with("/t-1/scim/v2/Users/u%201%2Fx?filter=userName%20eq%20%22a%22"), "{url}");
        }
        for bad in [
            "",
            "scim",
            "http://scim.example/t/scim/v2",
            "ftp://127.0.0.1/t",
            "https://a:b@scim.example/t",
            "https://scim.example/t?x=1",
            "https://scim.example/",
            "https://scim.example/t#f",
        ] {
            assert!(Endpoint::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn s54_neither_the_debug_form_nor_an_error_shows_a_token_or_a_tenant() {
        let endpoint = Endpoint::parse("https://scim.us-east-1.amazonaws.com/hunter2/scim/v2").unwrap();
        let credential = ScimCredential { endpoint, token: "hunter2".into() };
        assert!(!format!("{credential:?}").contains("hunter2"), "{credential:?}");
        let error = Endpoint::parse("hunter2 hunter2").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
