//! The ownership mark: the end of a managed group's Description, `[okta:<org host>/<group id>]`.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;
use url::Url;

use crate::ids::OktaGroupId;
use crate::names::NOT_TAKEN;

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
        let host = host.trim();
        let is_lower = host.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
        Self(if is_lower { host.into() } else { host.to_lowercase().into() })
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
        let written = find(description)?;
        Some(Self { group: written.id()?, host: OrgHost::named(written.host) })
    }

    /// A Description that carries this mark: the text (without any mark it had, and with a space for what Identity Center does not take),
    /// shortened to fit, then the mark.
    pub fn write(&self, text: &str) -> String {
        let mark = self.to_string();
        let text = NOT_TAKEN.replace_all(Self::strip(text), " ");
        let room = MAX_DESCRIPTION_CHARS.saturating_sub(mark.chars().count() + 1);
        let text: String = text.trim_start().chars().take(room).collect();
        if text.is_empty() { mark } else { format!("{} {mark}", text.trim_end()) }
    }

    /// The human text of a Description, without the mark.
    pub fn strip(description: &str) -> &str {
        find(description).filter(|written| written.id().is_some()).map_or(description, |written| written.text).trim()
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[okta:{}/{}]", self.host, self.group)
    }
}

/// A group's Description, as Identity Store has it, and the mark at its end: read once, and asked for by every rule there is.
#[derive(Clone, Default)]
pub struct Description {
    text: String,
    mark: Option<Mark>,
}

impl Description {
    /// The text, with the mark.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The mark, whoever's it is; `None` if there is none.
    pub fn mark(&self) -> Option<&Mark> {
        self.mark.as_ref()
    }
}

impl From<String> for Description {
    fn from(text: String) -> Self {
        Self { mark: Mark::read(&text), text }
    }
}

impl From<&str> for Description {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl Deref for Description {
    type Target = str;
    fn deref(&self) -> &str {
        &self.text
    }
}

/// The mark follows from the text.
impl PartialEq for Description {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Description {}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// A Description that ends as one with a mark does; whether the group's id is one is not looked at.
struct Written<'a> {
    text: &'a str,
    host: &'a str,
    group: &'a str,
}

impl Written<'_> {
    fn id(&self) -> Option<OktaGroupId> {
        OktaGroupId::new(self.group).ok().filter(|id| id.as_str() == self.group)
    }
}

fn find(description: &str) -> Option<Written<'_>> {
    const OPENING: &str = "[okta:";
    let inner = description.trim_end().strip_suffix(']')?;
    let openings = inner.rmatch_indices('[').map(|(at, _)| inner.split_at(at));
    let (text, body) = openings.into_iter().find_map(|(text, rest)| Some((text, rest.strip_prefix(OPENING)?)))?;
    let (host, group) = body.split_once('/')?;
    (is_plain_host(host) || is_host(host)).then_some(Written { text, host, group })
}

/// Every description is looked at in every run, and nearly every host is so.
fn is_plain_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'))
}

/// Only an address of IPv6 has brackets.
fn is_host(text: &str) -> bool {
    let rest = text.strip_prefix('[').and_then(|address| address.split_once(']')).map_or(text, |(_, port)| port);
    !text.is_empty() && !text.contains(char::is_whitespace) && !rest.contains(['[', ']'])
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
    fn s16_what_identity_center_does_not_take_is_a_space_in_the_text() {
        assert_eq!(mark().write("\u{200b}👩\u{200d}💻\u{7}of\tprod\u{feff}"), "👩 💻 of\tprod [okta:acme.okta.com/00g1]");
        assert_eq!(mark().write("\u{200b}"), "[okta:acme.okta.com/00g1]");
    }

    #[test]
    fn the_mark_of_an_org_on_a_loopback_address_is_read_again() {
        for org in ["http://[::1]", "http://[::1]:4500", "http://127.0.0.1:4500"] {
            let mark = Mark { host: OrgHost::of(&Url::parse(org).unwrap()).unwrap(), ..mark() };
            assert_eq!(Mark::read(&mark.write("Admins [of prod]")), Some(mark), "{org}");
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
        for text in [
            "",
            "[okta:]",
            "[okta:host]",
            "[okta:host/]",
            "[okta:/00g1]",
            "[okta:a b/00g1]",
            "[okta:h/00 g]",
            "[okta:h/00g1] x",
            "[okta:h]/00g1]",
            "[okta:[h/00g1]",
        ] {
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
