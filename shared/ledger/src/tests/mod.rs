//! The crate against a scripted DynamoDB, and against a real one where there is one.

mod fake;
mod scripted;
mod server;

use engine::ports::Row;
use jiff::Timestamp;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn row(body: &str, expires_at: Option<i64>) -> Row {
    Row { pk: "lease".to_owned(), sk: "writer".to_owned(), version: 0, body: body.to_owned(), expires_at: expires_at.map(at) }
}
