//! Items of the table, and rows.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use engine::ports::Row;
use jiff::Timestamp;

pub(crate) const PK: &str = "pk";
pub(crate) const SK: &str = "sk";
pub(crate) const VERSION: &str = "version";
pub(crate) const BODY: &str = "body";
pub(crate) const EXPIRES_AT: &str = "expires_at";
pub(crate) const WRITE_ID: &str = "write_id";

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The key of an item.
pub(crate) fn key(pk: &str, sk: &str) -> Item {
    HashMap::from([(PK.to_owned(), text(pk)), (SK.to_owned(), text(sk))])
}

pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(crate) fn number(value: &impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The moment in whole seconds, rounded up: a row must not end before its owner thinks so.
pub(crate) fn expiry(at: Timestamp) -> i64 {
    if at.subsec_nanosecond() > 0 { at.as_second() + 1 } else { at.as_second() }
}

/// The row of an item that is there at `now`; `None` if it has expired.
///
/// An item with an attribute that is missing or of another type is a row with an empty body, which is no JSON, and with its version
/// where that can be read, else 0. Such a row is overwritten with `Expect::Anything`.
pub(crate) fn row(pk: &str, sk: &str, item: &Item, now: Timestamp) -> Option<Row> {
    let expires_at = optional(item.get(EXPIRES_AT), moment);
    if expires_at.flatten().is_some_and(|at| at <= now) {
        return None;
    }
    let version = version(item);
    let body = item.get(BODY).and_then(|body| body.as_s().ok());
    let body = match (version, body, expires_at) {
        (Some(_), Some(body), Some(_)) => body.clone(),
        (_, _, _) => {
            tracing::warn!(pk, sk, "an item of the ledger that this version did not write");
            String::new()
        }
    };
    Some(Row { pk: pk.to_owned(), sk: sk.to_owned(), version: version.unwrap_or(0), body, expires_at: expires_at.flatten() })
}

/// The version of an item, where it is one.
pub(crate) fn version(item: &Item) -> Option<u64> {
    item.get(VERSION)?.as_n().ok()?.parse().ok()
}

/// A string of an item, where it is one.
pub(crate) fn string<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// `Some(None)` where there is no attribute, `None` where it cannot be read.
fn optional<T>(attribute: Option<&AttributeValue>, read: fn(&AttributeValue) -> Option<T>) -> Option<Option<T>> {
    attribute.map_or(Some(None), |attribute| read(attribute).map(Some))
}

fn moment(attribute: &AttributeValue) -> Option<Timestamp> {
    Timestamp::from_second(attribute.as_n().ok()?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn item(attributes: &[(&str, AttributeValue)]) -> Item {
        attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn a_whole_item_is_a_row_until_it_expires() {
        let whole = item(&[(VERSION, number(&7)), (BODY, text("{}")), (EXPIRES_AT, number(&100))]);
        let expected = Row { pk: "p".into(), sk: "s".into(), version: 7, body: "{}".into(), expires_at: Some(at(100)) };
        assert_eq!(row("p", "s", &whole, at(99)), Some(expected));
        assert_eq!(row("p", "s", &whole, at(100)), None);
    }

    #[test]
    fn s47_an_item_of_other_types_is_a_row_with_an_empty_body() {
        let cases = [
            (item(&[]), 0),
            (item(&[(VERSION, number(&7))]), 7),
            (item(&[(VERSION, number(&7)), (BODY, number(&1))]), 7),
            (item(&[(VERSION, text("7")), (BODY, text("{}"))]), 0),
            (item(&[(VERSION, number(&"1.5")), (BODY, text("{}"))]), 0),
            (item(&[(VERSION, number(&7)), (BODY, text("{}")), (EXPIRES_AT, text("soon"))]), 7),
            (item(&[(VERSION, number(&7)), (BODY, text("{}")), (EXPIRES_AT, number(&"1e99"))]), 7),
        ];
        for (item, version) in cases {
            let row = row("p", "s", &item, at(0)).unwrap();
            assert_eq!((row.version, row.body.as_str(), row.expires_at), (version, "", None), "{item:?}");
        }
    }

    #[test]
    fn a_row_never_ends_before_its_time() {
        assert_eq!(expiry("1970-01-01T00:00:10Z".parse().unwrap()), 10);
        assert_eq!(expiry("1970-01-01T00:00:10.000000001Z".parse().unwrap()), 11);
    }
}
