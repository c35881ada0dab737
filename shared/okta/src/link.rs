//! The `Link` header: where the next page of a list is.

use reqwest::Url;
use reqwest::header::{HeaderMap, LINK};
use sync_core::address::is_loopback;

/// The address of the next page, `None` on the last. It is opaque, and taken as it stands; a proxy may have made it relative to the page
/// that was `asked` for.
///
/// # Errors
/// What is wrong: a header that cannot be understood (it might hold the next page), or an address elsewhere than on the org that was asked.
pub(crate) fn next_page(headers: &HeaderMap, asked: &Url) -> Result<Option<Url>, String> {
    let mut next = None;
    for line in headers.get_all(LINK) {
        let line = line.to_str().map_err(|_| "the Link header is not plain text".to_owned())?;
        for link in links(line)? {
            if !link.is_next {
                continue;
            }
            if next.is_some_and(|other: &str| other != link.target) {
                return Err("the Link header names two next pages".to_owned());
            }
            next = Some(link.target);
        }
    }
    next.map(|target| on_org(target, asked)).transpose()
}

fn on_org(target: &str, asked: &Url) -> Result<Url, String> {
    if target.trim().is_empty() {
        return Err("the next page has no address".to_owned());
    }
    let url = asked.join(target).map_err(|error| format!("the next page's address is no URL ({error})"))?;
    let same_host = url.host() == asked.host() || (is_loopback(&url) && is_loopback(asked));
    let same = url.scheme() == asked.scheme() && same_host && url.port_or_known_default() == asked.port_or_known_default();
    if !same || !url.username().is_empty() || url.password().is_some() {
        let (there, here) = (origin(&url), origin(asked));
        return Err(format!("the next page is on {there}, not on {here}, so the credential is not sent there"));
    }
    Ok(url)
}

fn origin(url: &Url) -> String {
    let host = url.host_str().unwrap_or("nowhere");
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}", url.scheme())
}

struct Link<'a> {
    target: &'a str,
    is_next: bool,
}

/// The links of one header line: `<target>; name=value; name="value", <target>…`.
fn links(line: &str) -> Result<Vec<Link<'_>>, String> {
    let mut links = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (target, after) = rest
            .strip_prefix('<')
            .and_then(|inner| inner.split_once('>'))
            .ok_or_else(|| "the Link header cannot be understood".to_owned())?;
        let end = end_of_parameters(after);
        let (parameters, following) = after.split_at(end);
        links.push(Link { target, is_next: parameters.split(';').any(is_rel_next) });
        rest = following.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
    }
    Ok(links)
}

/// The offset of the comma that ends a link's parameters; one in quotes does not.
fn end_of_parameters(text: &str) -> usize {
    let mut quoted = false;
    let ends = |c: char| {
        quoted ^= c == '"';
        c == ',' && !quoted
    };
    text.find(ends).unwrap_or(text.len())
}

fn is_rel_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
    name.trim().eq_ignore_ascii_case("rel") && relations.any(|relation| relation.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT: &str = "https://acme.okta.com/api/v1/users?after=1,2;3&limit=200";

    fn next(lines: &[&str]) -> Result<Option<String>, String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(LINK, line.parse().unwrap());
        }
        next_after("https://acme.okta.com/api/v1/users?limit=200", &headers)
    }

    fn next_after(asked: &str, headers: &HeaderMap) -> Result<Option<String>, String> {
        next_page(headers, &Url::parse(asked).unwrap()).map(|url| url.map(String::from))
    }

    #[test]
    fn s29_every_form_of_the_header_gives_the_same_next_page() {
        let own = "<https://acme.okta.com/api/v1/users?limit=200>; rel=\"self\"";
        for lines in [
            &[own, &format!("<{NEXT}>; rel=\"next\"")][..],
            &[&format!("<{NEXT}>; rel=\"next\""), own],
            &[&format!("{own}, <{NEXT}>; rel=\"next\"")],
            &[&format!("<{NEXT}>;rel=next,{own}")],
            &[&format!("<{NEXT}>; title=\"a, b\"; REL=\"Next last\" , {own}")],
            &[&format!("<{NEXT}>; rel=\"next\", <{NEXT}>; rel=\"next\"")],
            &["", own, &format!(" <{NEXT}> ; rel = \"next\" ")],
        ] {
            assert_eq!(next(lines).unwrap().as_deref(), Some(NEXT), "{lines:?}");
        }
    }

    #[test]
    fn s29_a_relative_address_is_one_on_the_org() {
        let after = "after=1,2;3&limit=200";
        for target in [format!("/api/v1/users?{after}"), format!("users?{after}"), format!("?{after}")] {
            assert_eq!(next(&[&format!("<{target}>; rel=\"next\"")]).unwrap().as_deref(), Some(NEXT), "{target}");
        }
    }

    #[test]
    fn this_machine_may_go_by_another_of_its_names_and_no_other_port() {
        let from = |target: &str| {
            let headers = HeaderMap::from_iter([(LINK, format!("<{target}>; rel=next").parse().unwrap())]);
            next_after("http://127.0.0.1:4500/api/v1/users", &headers)
        };
        assert_eq!(from("http://localhost:4500/x").unwrap().as_deref(), Some("http://localhost:4500/x"));
        for elsewhere in ["http://localhost:4501/x", "https://localhost:4500/x", "http://10.0.0.1:4500/x"] {
            assert!(from(elsewhere).is_err(), "{elsewhere}");
        }
    }

    #[test]
    fn without_a_next_page_there_is_none() {
        for lines in [&[][..], &["<https://acme.okta.com/a>; rel=\"self\""], &["<https://acme.okta.com/a>; rel=\"nextish\"; next"]] {
            assert_eq!(next(lines), Ok(None), "{lines:?}");
        }
    }

    #[test]
    fn s29_a_page_on_another_host_is_refused_and_named() {
        for (target, named) in [
            ("https://evil.example.com/x", "https://evil.example.com"),
            ("http://acme.okta.com/x", "http://acme.okta.com"),
            ("https://acme.okta.com:8443/x", "https://acme.okta.com:8443"),
            ("https://acme.okta.com.evil.com/x", "https://acme.okta.com.evil.com"),
            ("https://acme.okta.com@evil.com/x", "https://evil.com"),
            ("https://a:b@acme.okta.com/x", "https://acme.okta.com"),
            ("file:///etc/passwd", "file://nowhere"),
            ("//evil.example.com/x", "https://evil.example.com"),
            ("http://localhost/x", "http://localhost"),
        ] {
            let error = next(&[&format!("<{target}>; rel=\"next\"")]).unwrap_err();
            assert!(error.contains(&format!("is on {named}, not on https://acme.okta.com,")), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_an_error_and_not_the_end_of_the_list() {
        for line in [
            "https://acme.okta.com/x; rel=\"next\"",
            "<https://acme.okta.com/x; rel=\"next\"",
            "<>; rel=next",
            "< >; rel=next",
            "<https://>; rel=next",
        ] {
            assert!(next(&[line]).is_err(), "{line}");
        }
        assert!(next(&["<https://acme.okta.com/a>; rel=next, <https://acme.okta.com/b>; rel=next"]).is_err());
    }
}
