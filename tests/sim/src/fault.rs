//! Faults as data: on which calls, when, and what.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A fault to inject.
///
/// `on` is matched against the operation (`GET /api/v1/groups/{id}/users`, `CreateGroupMembership`, `PutItem`) and, for Okta,
/// against method and path as they were called. `*` and `{…}` stand for anything without a slash, `**` for anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The operations that it strikes.
    pub on: String,
    /// Only calls whose path, query or parameters contain this text, such as an id.
    #[serde(default)]
    pub containing: Option<String>,
    /// How many matching calls it lets pass first.
    #[serde(default)]
    pub skip: u64,
    /// How many calls it strikes; `None` for all that follow.
    #[serde(default = "once")]
    pub times: Option<u64>,
    /// What happens.
    pub what: What,
    /// The call takes effect before it happens (for errors and refusals; a lost answer has a kind of its own).
    #[serde(default)]
    pub after_effect: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "serde wants the field's type")]
fn once() -> Option<u64> {
    Some(1)
}

/// What a fault does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum What {
    /// An error of the side's usual shape. On the AWS side the exception that goes with the status.
    Status {
        /// HTTP status.
        status: u16,
        /// Okta's `errorCode`; by default the one that goes with the status.
        #[serde(default)]
        code: Option<String>,
    },
    /// An HTML page from a proxy or load balancer in between.
    Html {
        /// HTTP status.
        status: u16,
    },
    /// An AWS exception by name.
    Exception {
        /// Such as `ConflictException`.
        name: String,
        /// Such as `CONCURRENT_MODIFICATION`.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Rate limit: Okta's 429 with `X-Rate-Limit-Reset` this far ahead, or AWS's `ThrottlingException`.
    Throttle {
        /// Seconds until calls are welcome again.
        seconds: u64,
    },
    /// Okta only: 429 for too many calls at one time, whose headers say limit 0 and remaining 0. To AWS it is a throttle.
    TooManyAtOnce {
        /// Seconds until the reset that the headers guess.
        seconds: u64,
    },
    /// 200, and half of the body, as if that were all.
    Truncated,
    /// 200, and the connection breaks in the middle of the body.
    CutOff,
    /// The connection breaks before the call takes effect.
    DropBefore,
    /// The connection breaks after the call took effect: the answer is lost.
    DropAfter,
    /// The call waits first.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// The call takes effect at once, and its answer waits.
    DelayAfter {
        /// Milliseconds.
        ms: u64,
    },
    /// 200 and an empty list.
    Empty,
    /// A list of the first elements only, and no next page.
    Shortened {
        /// How many elements are left.
        keep: usize,
    },
    /// A page that should name the next one does not.
    NoNextPage,
    /// The next page is this page again.
    SameCursor,
    /// There is always a next page, under a cursor that was not there before, with the first elements again.
    EndlessCursor,
    /// Someone else has written in between: the ledger table's conflict, AWS's `CONCURRENT_MODIFICATION`, Okta's 409.
    Conflict,
    /// Ledger table only: the row's body is not what was written.
    Corrupt,
}

impl Fault {
    /// Strikes the first call of this operation.
    pub fn on(operation: &str, what: What) -> Self {
        Self { on: operation.to_owned(), containing: None, skip: 0, times: Some(1), what, after_effect: false }
    }

    /// Strikes all calls.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Strikes so many calls.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Lets so many matching calls pass first.
    #[must_use]
    pub fn skip(mut self, calls: u64) -> Self {
        self.skip = calls;
        self
    }

    /// Strikes only calls whose path, query or parameters contain this text.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.containing = Some(text.to_owned());
        self
    }

    /// Lets the call take effect first.
    #[must_use]
    pub fn after_effect(mut self) -> Self {
        self.after_effect = true;
        self
    }

    fn strikes(&self, operation: &str, target: &str) -> bool {
        let method = operation.split_once(' ').map(|(method, _)| method);
        let path = target.split('?').next().unwrap_or_default();
        let named = glob(&self.on, operation) || method.is_some_and(|method| glob(&self.on, &format!("{method} {path}")));
        named && self.containing.as_ref().is_none_or(|text| target.contains(text.as_str()))
    }
}

/// What a fault does to a call, as a side sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Strike<'a> {
    /// The answer is lost.
    Lost,
    /// A page from something in between.
    Html(u16),
    /// An error of the side's own shape.
    Error(ErrorFault<'a>),
    /// The call is answered, late or spoilt.
    Spoils,
}

/// An error that a side makes its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ErrorFault<'a> {
    Status { status: u16, code: Option<&'a str> },
    Exception { name: &'a str, reason: Option<&'a str> },
    Throttle { seconds: u64, at_once: bool },
    Conflict,
}

impl What {
    pub(crate) fn strike(&self) -> Strike<'_> {
        match self {
            Self::DropBefore | Self::DropAfter => Strike::Lost,
            Self::Html { status } => Strike::Html(*status),
            Self::Status { status, code } => Strike::Error(ErrorFault::Status { status: *status, code: code.as_deref() }),
            Self::Exception { name, reason } => Strike::Error(ErrorFault::Exception { name, reason: reason.as_deref() }),
            Self::Throttle { seconds } => Strike::Error(ErrorFault::Throttle { seconds: *seconds, at_once: false }),
            Self::TooManyAtOnce { seconds } => Strike::Error(ErrorFault::Throttle { seconds: *seconds, at_once: true }),
            Self::Conflict => Strike::Error(ErrorFault::Conflict),
            Self::Truncated
            | Self::CutOff
            | Self::Delay { .. }
            | Self::DelayAfter { .. }
            | Self::Empty
            | Self::Shortened { .. }
            | Self::NoNextPage
            | Self::SameCursor
            | Self::EndlessCursor
            | Self::Corrupt => Strike::Spoils,
        }
    }
}

/// The faults of one side, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

/// What a call meets: at most one fault, and any number of delays.
#[derive(Debug, Default)]
pub(crate) struct Met {
    pub(crate) what: Option<What>,
    pub(crate) after_effect: bool,
    pub(crate) delay_ms: u64,
    pub(crate) delay_after_ms: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn all(&self) -> &[Fault] {
        &self.0
    }

    pub(crate) fn meet(&mut self, operation: &str, target: &str) -> Met {
        let mut met = Met::default();
        for fault in &mut self.0 {
            if !fault.strikes(operation, target) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            match (&fault.what, met.what.is_some()) {
                (What::Delay { ms }, _) => met.delay_ms += ms,
                (What::DelayAfter { ms }, _) => met.delay_after_ms += ms,
                (_, true) => continue,
                (what, false) => {
                    met.what = Some(what.clone());
                    met.after_effect = fault.after_effect;
                }
            }
            fault.times = fault.times.map(|times| times.saturating_sub(1));
        }
        self.0.retain(|fault| fault.times != Some(0));
        met
    }
}

/// What a fault makes of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ListFault {
    #[default]
    None,
    Empty,
    Shortened(usize),
    NoNextPage,
    SameCursor,
    EndlessCursor,
}

impl ListFault {
    pub(crate) fn of(what: Option<&What>) -> Self {
        match what {
            Some(What::Empty) => Self::Empty,
            Some(What::Shortened { keep }) => Self::Shortened(*keep),
            Some(What::NoNextPage) => Self::NoNextPage,
            Some(What::SameCursor) => Self::SameCursor,
            Some(What::EndlessCursor) => Self::EndlessCursor,
            Some(_) | None => Self::None,
        }
    }
}

/// Comes before every id, repeated as well, and is in none of Okta's.
const BEFORE_ALL: &str = "!";

/// A page of a list, and the cursor of the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// This page, spoilt. `here` is the cursor that asked for it; `cursor` makes one that asks for what comes after an element.
    pub(crate) fn spoilt(mut self, fault: ListFault, here: Option<&str>, cursor: impl FnOnce(&str) -> String) -> Self {
        match fault {
            ListFault::None => {}
            ListFault::Empty => {
                self.items.clear();
                self.next = None;
            }
            ListFault::Shortened(keep) => {
                self.items.truncate(keep);
                self.next = None;
            }
            ListFault::NoNextPage => self.next = None,
            ListFault::SameCursor => self.next = Some(here.map_or_else(|| cursor(BEFORE_ALL), str::to_owned)),
            ListFault::EndlessCursor => {
                let pages = here.map_or(0, |here| here.matches(BEFORE_ALL).count());
                self.next = Some(cursor(&BEFORE_ALL.repeat(pages + 1)));
            }
        }
        self
    }
}

/// Whether a pattern covers a whole text. `*` and `{…}` stand for anything without a slash, `**` for anything.
fn glob(pattern: &str, text: &str) -> bool {
    if pattern == "**" || pattern == text {
        return true;
    }
    if !pattern.contains(['*', '{']) {
        return false;
    }
    let mut reached = BTreeSet::from([0]);
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let (token, after) = token(rest, first);
        rest = after;
        reached = reached.into_iter().flat_map(|at| token.ends(text, at)).collect();
    }
    reached.contains(&text.len())
}

enum Token {
    Just(char),
    Segment,
    Anything,
}

fn token(rest: &str, first: char) -> (Token, &str) {
    if let Some(after) = rest.strip_prefix("**") {
        return (Token::Anything, after);
    }
    let after = rest.get(first.len_utf8()..).unwrap_or_default();
    match first {
        '*' => (Token::Segment, after),
        '{' => (Token::Segment, after.split_once('}').map_or("", |(_, after)| after)),
        other => (Token::Just(other), after),
    }
}

impl Token {
    /// Where this token may end if it begins at `at`.
    fn ends(&self, text: &str, at: usize) -> Vec<usize> {
        let rest = text.get(at..).unwrap_or_default();
        match self {
            Self::Just(c) => rest.starts_with(*c).then_some(at + c.len_utf8()).into_iter().collect(),
            Self::Segment => {
                let end = rest.find('/').unwrap_or(rest.len());
                (at..=at + end).filter(|i| text.is_char_boundary(*i)).collect()
            }
            Self::Anything => (at..=text.len()).filter(|i| text.is_char_boundary(*i)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_templates_and_paths() {
        assert!(glob("GET /api/v1/groups/{id}/users", "GET /api/v1/groups/{id}/users"));
        assert!(glob("GET /api/v1/groups/{id}/users", "GET /api/v1/groups/00g1/users"));
        assert!(glob("GET /api/v1/groups/*", "GET /api/v1/groups/00g1"));
        assert!(!glob("GET /api/v1/groups/*", "GET /api/v1/groups/00g1/users"));
        assert!(!glob("GET /api/v1/groups", "GET /api/v1/groups/00g1"));
        assert!(glob("**", "CreateGroup") && glob("*Membership*", "CreateGroupMembership"));
        assert!(glob("* /api/v1/**", "PUT /api/v1/groups/00g1/users/00u1"));
    }

    #[test]
    fn a_fault_skips_strikes_and_is_used_up() {
        let mut faults = Faults::default();
        faults.add(Fault::on("GetItem", What::DropBefore).skip(1).times(2));
        let struck: Vec<bool> = (0..5).map(|_| faults.meet("GetItem", "").what.is_some()).collect();
        assert_eq!(struck, [false, true, true, false, false]);
        assert!(faults.all().is_empty());
    }

    #[test]
    fn a_delay_adds_to_another_fault_and_a_second_fault_waits_its_turn() {
        let mut faults = Faults::default();
        faults.add(Fault::on("**", What::Delay { ms: 5 }));
        faults.add(Fault::on("**", What::Empty));
        faults.add(Fault::on("**", What::Truncated));
        let met = faults.meet("ListUsers", "");
        assert_eq!((met.what, met.delay_ms), (Some(What::Empty), 5));
        assert_eq!(faults.meet("ListUsers", "").what, Some(What::Truncated));
    }

    #[test]
    fn a_fault_can_be_for_one_object_only() {
        let mut faults = Faults::default();
        faults.add(Fault::on("GET /api/v1/groups/{id}/users", What::Empty).containing("00g2"));
        assert!(faults.meet("GET /api/v1/groups/{id}/users", "/api/v1/groups/00g1/users?limit=200").what.is_none());
        assert!(faults.meet("GET /api/v1/groups/{id}/users", "/api/v1/groups/00g2/users?limit=200").what.is_some());
    }
}
