//! What the client needs to know, checked before the first request.

use std::collections::BTreeSet;
use std::time::Duration;

use sync_core::address::is_safe;
use sync_core::policy::UserNameFrom;
use url::Url;

/// Longest wait for a connection. A lost SYN is sent again after 1 s and after 3 s; a host that has not answered then is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for a whole answer. Okta gives up on a query of its own after 30 s, so nothing comes later.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What is used of a rate limit where nothing else is said: the rest is for other users of the token, and for Okta's counting.
const RATE_SHARE: f64 = 0.8;

/// Settings of the client.
#[derive(Debug, Clone)]
pub struct OktaConfig {
    pub(crate) org_url: Url,
    pub(crate) user_name_from: UserNameFrom,
    pub(crate) profile_attributes: BTreeSet<String>,
    pub(crate) rate_share: f64,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The org's address.
    #[error("okta.org_url {url} {problem}")]
    OrgUrl {
        /// As given, without a user and password.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The share of the rate limit.
    #[error("limits.okta_rate_share {0} is not above 0 and at most 1")]
    RateShare(f64),
    /// The HTTP client cannot start, as without any certificate authority.
    #[error("the HTTP client cannot start")]
    Http(#[source] reqwest::Error),
}

impl OktaConfig {
    /// Settings for an org: eight tenths of the rate limit, 5 s to connect, 30 s for an answer.
    ///
    /// # Errors
    /// [`ConfigError::OrgUrl`] unless it is the org's address alone, with https (or with http on a loopback address).
    pub fn new(org_url: &Url, user_name_from: UserNameFrom) -> Result<Self, ConfigError> {
        if let Some(problem) = problem_of_org_url(org_url) {
            let url = format!("{}://{}", org_url.scheme(), org_url.host_str().unwrap_or_default());
            return Err(ConfigError::OrgUrl { url, problem });
        }
        Ok(Self {
            org_url: org_url.clone(),
            user_name_from,
            profile_attributes: BTreeSet::new(),
            rate_share: RATE_SHARE,
            connect_timeout: CONNECT_TIMEOUT,
            request_timeout: REQUEST_TIMEOUT,
        })
    }

    /// Another share of what `X-Rate-Limit-Limit` says.
    ///
    /// # Errors
    /// [`ConfigError::RateShare`] unless it is above 0 and at most 1.
    pub fn with_rate_share(self, rate_share: f64) -> Result<Self, ConfigError> {
        if rate_share > 0.0 && rate_share <= 1.0 { Ok(Self { rate_share, ..self }) } else { Err(ConfigError::RateShare(rate_share)) }
    }

    /// What is read of a user's profile beside the login: nothing, if nothing else is said.
    #[must_use]
    pub fn with_profile_attributes(self, profile_attributes: BTreeSet<String>) -> Self {
        Self { profile_attributes, ..self }
    }

    /// Other time-outs, as where a simulator is meant to be slow.
    #[must_use]
    pub fn with_timeouts(self, connect_timeout: Duration, request_timeout: Duration) -> Self {
        Self { connect_timeout, request_timeout, ..self }
    }
}

fn problem_of_org_url(url: &Url) -> Option<&'static str> {
    if url.host().is_none() {
        Some("has no host")
    } else if !is_safe(url) {
        Some("must be https (http is taken for a loopback address only)")
    } else if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        Some("must be the org's address alone, such as https://acme.okta.com")
    } else if !url.username().is_empty() || url.password().is_some() {
        Some("must not hold a user or password")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> Result<OktaConfig, ConfigError> {
        OktaConfig::new(&Url::parse(url).unwrap(), UserNameFrom::Login)
    }

    #[test]
    fn https_is_demanded_except_on_a_loopback_address() {
        for good in ["https://acme.okta.com", "https://acme.okta.com/", "http://127.0.0.1:4500", "http://[::1]:1", "http://localhost:1"] {
            assert!(config(good).is_ok(), "{good}");
        }
        for bad in ["http://acme.okta.com", "http://10.0.0.1", "http://localhost.acme.com", "ftp://127.0.0.1", "file:///etc", "mailto:a@b"]
        {
            assert!(config(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_address_stands_alone_and_an_error_does_not_repeat_a_password() {
        for bad in ["https://acme.okta.com/api/v1", "https://acme.okta.com/?a=b", "https://acme.okta.com/#a"] {
            assert!(config(bad).is_err(), "{bad}");
        }
        let error = config("https://ada:hunter2@acme.okta.com").unwrap_err().to_string();
        assert_eq!(error, "okta.org_url https://acme.okta.com must not hold a user or password");
    }

    #[test]
    fn a_share_is_above_zero_and_at_most_one() {
        for (share, good) in [(0.0, false), (-1.0, false), (1.1, false), (f64::NAN, false), (0.01, true), (1.0, true)] {
            assert_eq!(config("https://acme.okta.com").unwrap().with_rate_share(share).is_ok(), good, "{share}");
        }
    }
}
