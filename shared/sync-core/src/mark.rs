//! The ownership mark: the end of a managed group's Description, `[okta:<org host>/<group id>]`.

use std::fmt;

use serde::Serialize;
use url::Url;

use crate::ids::OktaGroupId;

/// The host of an Okta org, in lower case, with the port where the URL has one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct OrgHost(Box<str>);

impl OrgHost {
    /// The host of `org_url`; `None` if it has none.
    pub fn of(org_url: &Url) -> Option<Self> {
        let host = org_url.host_str()?;
        Some(Self::named(&org_url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))))
    }

    /// A host as an operator writes it (`former_hosts`).
    pub fn named(host: &str) -> Self {
        Self(host.trim().to_lowercase().into())
    }

    /// The host.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrgHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose a group is: the org and the Okta group that it stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The org.
    pub host: OrgHost,
    /// The Okta group.
    pub group: OktaGroupId,
}

/// Longest Description that Identity Store takes, in characters.
const MAX_DESCRIPTION_CHARS: usize = 1024;

impl Mark {
    /// Reads the mark at the end of a Description; `None` if there is none.
    pub fn read(description: &str) -> Option<Self> {
        let (_, mark) = split(description)?;
        Some(mark)
    }

    /// A Description that carries this mark: the text (without any mark it had), shortened to fit, then the mark.
    pub fn write(&self, text: &str) -> String {
        let mark = self.to_string();
        let text = Self::strip(text);
        if text.is_empty() {
            return mark;
        }
        let room = MAX_DESCRIPTION_CHARS.saturating_sub(mark.chars().count() + 1);
        let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r')).take(room).collect();
        format!("{} {mark}", text.trim_end())
    }

    /// The human text of a Description, without the mark.
    pub fn strip(description: &str) -> &str {
        split(description).map_or(description, |(text, _)| text).trim()
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[okta:{}/{}]", self.host, self.group)
    }
}

fn split(description: &str) -> Option<(&str, Mark)> {
    let inner = description.trim_end().strip_suffix(']')?;
    let (text, body) = inner.rsplit_once('[')?;
    let (host, group) = body.strip_prefix("okta:")?.split_once('/')?;
    let plain = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == ']');
    let group = OktaGroupId::new(group).ok().filter(|id| plain && id.as_str() == group)?;
    Some((text, Mark { host: OrgHost::named(host), group }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark { host: OrgHost::named("Acme.okta.com"), group: OktaGroupId::new("00g1").unwrap() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["", "Admins of prod", "text with [brackets] and [okta:", "old [okta:other.okta.com/00g9]"] {
            assert_eq!(Mark::read(&mark().write(text)), Some(mark()), "{text:?}");
        }
    }

    #[test]
    fn a_second_mark_replaces_the_first() {
        assert_eq!(mark().write("hello [okta:old.okta.com/00g9]"), "hello [okta:acme.okta.com/00g1]");
        assert_eq!(Mark::strip("hello [okta:acme.okta.com/00g1] "), "hello");
    }

    #[test]
    fn a_long_text_gives_way_to_the_mark() {
        let description = mark().write(&"ü".repeat(2000));
        assert_eq!(description.chars().count(), MAX_DESCRIPTION_CHARS);
        assert_eq!(Mark::read(&description), Some(mark()));
    }

    #[test]
    fn what_only_looks_like_a_mark_is_none() {
        for text in ["", "[okta:]", "[okta:host]", "[okta:host/]", "[okta:/00g1]", "[okta:a b/00g1]", "[okta:h/00 g]", "[okta:h/00g1] x"] {
            assert_eq!(Mark::read(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_host_keeps_its_port() {
        let url = Url::parse("http://127.0.0.1:4500").unwrap();
        assert_eq!(OrgHost::of(&url).unwrap().as_str(), "127.0.0.1:4500");
        assert_eq!(OrgHost::of(&Url::parse("https://ACME.okta.com/").unwrap()).unwrap().as_str(), "acme.okta.com");
    }
}
