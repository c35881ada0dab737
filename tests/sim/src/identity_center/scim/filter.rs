//! Filters: `attribute eq "value"`, and two of these with `and`.

use super::document::violation;
use crate::identity_center::error::AwsError;

/// Whether a filter means a record.
pub(super) type Means<'a, T> = Box<dyn Fn(&T) -> bool + 'a>;

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) attribute: String,
    pub(super) value: String,
}

/// Reads a filter; the terms in the order in which they stand.
pub(super) fn parse(text: &str, is_ascii: bool) -> Result<Vec<Term>, AwsError> {
    if is_ascii && !text.is_ascii() {
        return Err(violation("the filter has a letter that is not taken"));
    }
    let mut terms = Vec::new();
    let mut rest = text.trim();
    loop {
        let (term, after) = term(rest)?;
        terms.push(term);
        rest = after.trim_start();
        if rest.is_empty() {
            return Ok(terms);
        }
        rest = word(rest, "and")?;
    }
}

fn term(text: &str) -> Result<(Term, &str), AwsError> {
    let (attribute, rest) = text.split_once(' ').ok_or_else(|| violation("the filter is no comparison"))?;
    let rest = word(rest.trim_start(), "eq")?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
    let value = values.next().and_then(Result::ok).ok_or_else(|| violation("a filter compares with a text"))?;
    let after = rest.get(values.byte_offset()..).unwrap_or_default();
    Ok((Term { attribute: attribute.to_ascii_lowercase(), value }, after))
}

fn word<'a>(text: &'a str, expected: &str) -> Result<&'a str, AwsError> {
    match text.split_once(' ') {
        Some((found, rest)) if found.eq_ignore_ascii_case(expected) => Ok(rest.trim_start()),
        _ => Err(violation(format!("a filter knows nothing but {expected} here"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Option<Vec<(String, String)>> {
        Some(parse(text, false).ok()?.into_iter().map(|term| (term.attribute, term.value)).collect())
    }

    #[test]
    fn only_eq_and_and_are_known() {
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(terms(r#"userName eq "a \"b\" c""#), Some(vec![pair("username", "a \"b\" c")]));
        assert_eq!(terms(r#"id EQ "g" and members EQ "u""#), Some(vec![pair("id", "g"), pair("members", "u")]));
        for bad in [
            "",
            "userName",
            "userName pr",
            r#"userName co "a""#,
            r#"userName eq a"#,
            r#"a eq "b" or c eq "d""#,
            r#"a eq "b" x"#,
            r#"not (a eq "b")"#,
        ] {
            assert_eq!(terms(bad), None, "{bad}");
        }
        assert!(parse("displayName eq \"Büro\"", true).is_err() && parse("displayName eq \"Büro\"", false).is_ok());
    }
}
