//! Where credentials may be sent.

use std::net::IpAddr;

use url::{Host, Url};

/// Whether a credential may be sent there: over https, or over http to a loopback address, which nobody else can listen to.
pub fn is_safe(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// Whether the host is this machine itself, under whichever of its names.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_is_safe_anywhere_and_http_on_loopback_alone() {
        let is_safe = |text: &str| is_safe(&Url::parse(text).unwrap());
        for text in ["https://acme.okta.com", "http://localhost:1", "http://okta.localhost", "http://127.9.9.9:1", "http://[::1]"] {
            assert!(is_safe(text), "{text}");
        }
        for text in ["http://acme.okta.com", "http://localhost.example.com", "http://10.0.0.1", "ftp://127.0.0.1"] {
            assert!(!is_safe(text), "{text}");
        }
    }
}
