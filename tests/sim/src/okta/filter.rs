//! The part of Okta's filter language that the simulator understands: comparisons joined by `and` and `or`, with parentheses.

use jiff::Timestamp;
use serde_json::Value;

use super::error::OktaError;
use super::state::{App, Group, User};
use super::whole_second;

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filter {
    Any(Vec<Filter>),
    All(Vec<Filter>),
    Compare { attribute: String, how: Comparison, value: String },
}

/// How an attribute is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    StartsWith,
    Contains,
    Present,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Filter {
    /// Reads a filter; what it does not understand is Okta's 400 `E0000031`.
    pub(crate) fn parse(text: &str) -> Result<Self, OktaError> {
        let tokens = tokens(text)?;
        let mut rest = tokens.as_slice();
        let filter = any(&mut rest)?;
        if rest.is_empty() { Ok(filter) } else { Err(OktaError::bad_filter()) }
    }

    pub(crate) fn takes_group(&self, group: &Group) -> bool {
        self.holds(&|attribute| {
            Some(match attribute {
                "id" => group.id.as_str().to_owned(),
                "type" => group.kind.as_str().to_owned(),
                "lastUpdated" => moment(group.last_updated),
                "lastMembershipUpdated" => moment(group.last_membership_updated),
                "created" => moment(group.created),
                "profile.name" => group.name.clone(),
                "profile.description" => group.description.clone()?,
                _ => return None,
            })
        })
    }

    pub(crate) fn takes_user(&self, user: &User) -> bool {
        self.holds(&|attribute| {
            Some(match attribute {
                "id" => user.id.as_str().to_owned(),
                "status" => user.status.as_str().to_owned(),
                "lastUpdated" => moment(user.last_updated),
                "created" => moment(user.created),
                other => user.profile.get(other.strip_prefix("profile.")?).and_then(Value::as_str)?.to_owned(),
            })
        })
    }

    pub(crate) fn takes_app(&self, app: &App) -> bool {
        self.holds(&|attribute| {
            Some(match attribute {
                "id" => app.id.clone(),
                "name" => app.name.clone(),
                "status" => "ACTIVE".to_owned(),
                _ => return None,
            })
        })
    }

    fn holds(&self, attribute_of: &dyn Fn(&str) -> Option<String>) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(attribute_of)),
            Self::All(parts) => parts.iter().all(|part| part.holds(attribute_of)),
            Self::Compare { attribute, how, value } => attribute_of(attribute).is_some_and(|actual| how.holds(&actual, value)),
        }
    }
}

impl Comparison {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Equal,
            "sw" => Self::StartsWith,
            "co" => Self::Contains,
            "pr" => Self::Present,
            "gt" => Self::Greater,
            "ge" => Self::GreaterOrEqual,
            "lt" => Self::Less,
            "le" => Self::LessOrEqual,
            _ => return None,
        })
    }

    fn holds(self, actual: &str, value: &str) -> bool {
        match self {
            Self::Equal => actual.eq_ignore_ascii_case(value),
            Self::StartsWith => actual.to_lowercase().starts_with(&value.to_lowercase()),
            Self::Contains => actual.to_lowercase().contains(&value.to_lowercase()),
            Self::Present => true,
            Self::Greater => in_order(value, actual, false),
            Self::GreaterOrEqual => in_order(value, actual, true),
            Self::Less => in_order(actual, value, false),
            Self::LessOrEqual => in_order(actual, value, true),
        }
    }
}

/// Whether one text comes before the other, as moments where both are.
fn in_order(first: &str, second: &str, or_equal: bool) -> bool {
    let order = match (first.parse::<Timestamp>(), second.parse::<Timestamp>()) {
        (Ok(first), Ok(second)) => first.cmp(&second),
        _ => first.cmp(second),
    };
    order.is_lt() || (or_equal && order.is_eq())
}

fn moment(at: Timestamp) -> String {
    whole_second(at)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Word(String),
    Text(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, OktaError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '(' => (Token::Open, rest.get(1..)),
            ')' => (Token::Close, rest.get(1..)),
            '"' => {
                let (value, after) = rest.get(1..).and_then(|rest| rest.split_once('"')).ok_or_else(OktaError::bad_filter)?;
                (Token::Text(value.to_owned()), Some(after))
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || c == '(' || c == ')').unwrap_or(rest.len());
                (Token::Word(rest.get(..end).unwrap_or_default().to_owned()), rest.get(end..))
            }
        };
        tokens.push(token);
        rest = after.unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

fn any(rest: &mut &[Token]) -> Result<Filter, OktaError> {
    let mut parts = vec![all(rest)?];
    while take_word(rest, "or") {
        parts.push(all(rest)?);
    }
    Ok(Filter::Any(parts))
}

fn all(rest: &mut &[Token]) -> Result<Filter, OktaError> {
    let mut parts = vec![one(rest)?];
    while take_word(rest, "and") {
        parts.push(one(rest)?);
    }
    Ok(Filter::All(parts))
}

fn one(rest: &mut &[Token]) -> Result<Filter, OktaError> {
    let (first, after) = rest.split_first().ok_or_else(OktaError::bad_filter)?;
    *rest = after;
    match first {
        Token::Open => {
            let inner = any(rest)?;
            let (close, after) = rest.split_first().ok_or_else(OktaError::bad_filter)?;
            *rest = after;
            if *close == Token::Close { Ok(inner) } else { Err(OktaError::bad_filter()) }
        }
        Token::Word(attribute) => compare(attribute.clone(), rest),
        Token::Close | Token::Text(_) => Err(OktaError::bad_filter()),
    }
}

fn compare(attribute: String, rest: &mut &[Token]) -> Result<Filter, OktaError> {
    let Some((Token::Word(word), after)) = rest.split_first() else { return Err(OktaError::bad_filter()) };
    *rest = after;
    let how = Comparison::parse(word).ok_or_else(OktaError::bad_filter)?;
    if how == Comparison::Present {
        return Ok(Filter::Compare { attribute, how, value: String::new() });
    }
    let Some((Token::Text(value), after)) = rest.split_first() else { return Err(OktaError::bad_filter()) };
    *rest = after;
    Ok(Filter::Compare { attribute, how, value: value.clone() })
}

fn take_word(rest: &mut &[Token], word: &str) -> bool {
    match rest.split_first() {
        Some((Token::Word(found), after)) if found.eq_ignore_ascii_case(word) => {
            *rest = after;
            true
        }
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::okta::NewUser;

    fn takes(filter: &str, user: &User) -> bool {
        Filter::parse(filter).unwrap().takes_user(user)
    }

    #[test]
    fn a_filter_joins_comparisons() {
        let okta = crate::okta::FakeOkta::default();
        let user = okta.peek_user(&okta.add_user_with(NewUser::named("ada@example.com"))).unwrap();
        assert!(takes(r#"status eq "ACTIVE""#, &user));
        assert!(takes(r#"status eq "STAGED" or (profile.login sw "ada" and lastUpdated gt "2001-01-01T00:00:00.000Z")"#, &user));
        assert!(!takes(r#"status eq "STAGED" or status eq "SUSPENDED""#, &user));
        assert!(!takes(r#"lastUpdated gt "2901-01-01T00:00:00.000Z""#, &user));
        assert!(takes("status pr", &user));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in ["", "status", "status eq", "status eq ACTIVE", r#"status eq "A"#, r#"(status eq "A""#, r#"status ne "A""#] {
            assert_eq!(Filter::parse(text).unwrap_err().code, "E0000031", "{text:?}");
        }
    }
}
