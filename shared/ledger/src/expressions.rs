//! DynamoDB's expressions, with the names and values that they use and no others: it refuses what is not used.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use engine::ports::{Expect, Row};
use jiff::Timestamp;

use crate::items::{BODY, EXPIRES_AT, PK, VERSION, WRITE_ID, expiry, number, text};

/// An expression under way. Names go through placeholders, as DynamoDB reserves many words.
#[derive(Debug, Default)]
pub(crate) struct Expression {
    pub(crate) condition: Option<String>,
    pub(crate) update: Option<String>,
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: HashMap<String, AttributeValue>,
}

impl Expression {
    /// Writes `row` where `expect` holds at `now`, with a version one above what is there.
    pub(crate) fn write(row: &Row, expect: Expect, now: Timestamp, write_id: &str) -> Self {
        let mut expression = Self::default();
        expression.expect(expect, Some(now));
        let (version, body, write) = (expression.name(VERSION), expression.name(BODY), expression.name(WRITE_ID));
        let expires_at = expression.name(EXPIRES_AT);
        let set = format!("SET {body} = :body, {write} = :write");
        // ADD begins at 0 where there is no such attribute.
        let add = format!("ADD {version} :one");
        expression.value(":one", number(&1));
        expression.value(":body", text(&row.body));
        expression.value(":write", text(write_id));
        expression.update = Some(match row.expires_at {
            Some(at) => {
                expression.value(":expires", number(&expiry(at)));
                format!("{set}, {expires_at} = :expires {add}")
            }
            None => format!("{set} REMOVE {expires_at} {add}"),
        });
        expression
    }

    /// `expect` holds at `now`, and the version that is there is no number, so that nothing can be added to it.
    pub(crate) fn no_number(expect: Expect, now: Timestamp) -> Self {
        let mut expression = Self::default();
        expression.expect(expect, Some(now));
        let version = expression.name(VERSION);
        let spoilt = format!("attribute_exists({version}) AND NOT attribute_type({version}, :number)");
        expression.value(":number", text("N"));
        expression.condition = Some(match expression.condition.take() {
            Some(condition) => format!("({condition}) AND {spoilt}"),
            None => spoilt,
        });
        expression
    }

    /// `expect` holds, whether or not the row has expired.
    pub(crate) fn whatever_the_time(expect: Expect) -> Self {
        let mut expression = Self::default();
        expression.expect(expect, None);
        expression
    }

    /// The items of a partition.
    pub(crate) fn partition(pk: &str) -> Self {
        let mut expression = Self::default();
        expression.condition = Some(format!("{} = :pk", expression.name(PK)));
        expression.value(":pk", text(pk));
        expression
    }

    /// With `now`, an expired row counts as absent.
    fn expect(&mut self, expect: Expect, now: Option<Timestamp>) {
        self.condition = match expect {
            Expect::Anything => None,
            Expect::Absent => {
                let absent = format!("attribute_not_exists({})", self.name(PK));
                Some(now.map_or(absent.clone(), |now| format!("{absent} OR {}", self.has_expired(now))))
            }
            Expect::Version(version) => {
                let same = format!("{} = :expected", self.name(VERSION));
                self.value(":expected", number(&version));
                Some(now.map_or(same.clone(), |now| format!("{same} AND NOT {}", self.has_expired(now))))
            }
        };
    }

    /// False, as every comparison of DynamoDB, where there is no such attribute, or one of another type.
    fn has_expired(&mut self, now: Timestamp) -> String {
        self.value(":now", number(&now.as_second()));
        format!("{} <= :now", self.name(EXPIRES_AT))
    }

    fn name(&mut self, attribute: &str) -> String {
        let placeholder = format!("#{attribute}");
        self.names.insert(placeholder.clone(), attribute.to_owned());
        placeholder
    }

    fn value(&mut self, placeholder: &str, value: AttributeValue) {
        self.values.insert(placeholder.to_owned(), value);
    }
}

/// DynamoDB takes no empty maps of names and values.
pub(crate) fn unless_empty<V>(map: HashMap<String, V>) -> Option<HashMap<String, V>> {
    (!map.is_empty()).then_some(map)
}
