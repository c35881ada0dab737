//! Against a DynamoDB, where `LOCKSTEP_DYNAMODB_URL` says where one listens.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription,
};
use engine::ports::{Expect, Row, Table, TableError};

use super::fake::config;
use super::{at, row};
use crate::DynamoTable;
use crate::items::{BODY, PK, SK, VERSION, key, number, text};

/// A new table of the contract's form.
async fn table() -> Option<DynamoTable> {
    #[expect(clippy::disallowed_methods, reason = "a test that needs a server is told of it by the environment")]
    let Ok(url) = std::env::var("LOCKSTEP_DYNAMODB_URL") else {
        println!("SKIPPED: LOCKSTEP_DYNAMODB_URL is not set");
        return None;
    };
    let table = DynamoTable::new(&config(&url), &format!("ledger-{}", uuid::Uuid::new_v4()));
    create(&table).await;
    Some(table)
}

async fn create(table: &DynamoTable) -> Option<TableDescription> {
    let attribute = |name| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().unwrap();
    let key = |name, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let request = table.sdk.create_table().table_name(&*table.table).billing_mode(BillingMode::PayPerRequest);
    let request = request.attribute_definitions(attribute(PK)).attribute_definitions(attribute(SK));
    let request = request.key_schema(key(PK, KeyType::Hash)).key_schema(key(SK, KeyType::Range));
    request.send().await.unwrap().table_description
}

fn is_conflict<T: std::fmt::Debug>(answer: &Result<T, TableError>) -> bool {
    matches!(answer, Err(TableError::Conflict { .. }))
}

#[tokio::test]
async fn a_row_comes_into_being_grows_and_goes() {
    let Some(table) = table().await else { return };
    assert_eq!(table.get("lease", "writer", at(0)).await, Ok(None));
    assert_eq!(table.put(&row("a", None), Expect::Absent, at(0)).await, Ok(1));
    assert!(is_conflict(&table.put(&row("b", None), Expect::Absent, at(0)).await));
    assert_eq!(table.put(&row("b", Some(50)), Expect::Version(1), at(0)).await, Ok(2));
    assert!(is_conflict(&table.put(&row("c", None), Expect::Version(1), at(0)).await));
    let expected = Row { version: 2, ..row("b", Some(50)) };
    assert_eq!(table.get("lease", "writer", at(0)).await, Ok(Some(expected)));
    assert_eq!(table.put(&row("c", None), Expect::Anything, at(0)).await, Ok(3));
    assert_eq!(table.get("lease", "writer", at(0)).await, Ok(Some(Row { version: 3, ..row("c", None) })));

    assert!(is_conflict(&table.delete("lease", "writer", Expect::Version(2)).await));
    table.delete("lease", "writer", Expect::Version(3)).await.unwrap();
    assert!(is_conflict(&table.delete("lease", "writer", Expect::Version(3)).await));
    table.delete("lease", "writer", Expect::Anything).await.unwrap();
    table.delete("lease", "writer", Expect::Absent).await.unwrap();
    assert_eq!(table.get("lease", "writer", at(0)).await, Ok(None));
}

#[tokio::test]
async fn an_expired_row_is_absent_for_reads_and_writes() {
    let Some(table) = table().await else { return };
    assert_eq!(table.put(&row("a", Some(100)), Expect::Absent, at(50)).await, Ok(1));
    assert!(is_conflict(&table.put(&row("b", None), Expect::Absent, at(99)).await));
    assert_eq!(table.get("lease", "writer", at(100)).await, Ok(None));
    assert!(is_conflict(&table.put(&row("b", None), Expect::Version(1), at(100)).await));
    assert_eq!(table.put(&row("b", Some(200)), Expect::Absent, at(100)).await, Ok(2), "the version goes on");
    assert_eq!(table.query("lease", at(199)).await.unwrap().len(), 1);
    assert_eq!(table.query("lease", at(200)).await.unwrap().len(), 0);
}

#[tokio::test]
async fn a_partition_is_read_in_order_over_many_pages() {
    let Some(table) = table().await else { return };
    // A page ends at one mebibyte.
    let body = "x".repeat(100_000);
    for n in (0..25).rev() {
        let row = Row { sk: format!("{n:02}"), ..row(&body, None) };
        assert_eq!(table.put(&row, Expect::Absent, at(0)).await, Ok(1));
    }
    table.put(&Row { pk: "another".to_owned(), ..row("{}", None) }, Expect::Absent, at(0)).await.unwrap();
    let rows = table.query("lease", at(0)).await.unwrap();
    let expected: Vec<String> = (0..25).map(|n| format!("{n:02}")).collect();
    assert_eq!(rows.into_iter().map(|row| row.sk).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn of_sixteen_writers_that_rest_on_the_same_one_wins() {
    let Some(table) = table().await else { return };
    for expect in [Expect::Absent, Expect::Version(1)] {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let table = table.clone();
            tasks.spawn(async move { table.put(&row("{}", None), expect, at(0)).await });
        }
        let answers = tasks.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| is_conflict(answer)).count(), 15, "{answers:?}");
    }
}

#[tokio::test]
async fn s47_what_someone_else_left_is_a_row_with_an_empty_body_and_is_written_over() {
    let Some(table) = table().await else { return };
    let leftovers = [
        (vec![], 1),
        (vec![(VERSION, number(&41)), (BODY, number(&1))], 42),
        (vec![(VERSION, text("seven")), (BODY, text("{}"))], 1),
        (vec![(VERSION, AttributeValue::Null(true)), ("old", text("x"))], 1),
    ];
    for (attributes, written) in leftovers {
        let mut item = key("lease", "writer");
        item.extend(attributes.into_iter().map(|(name, value)| (name.to_owned(), value)));
        table.sdk.put_item().table_name(&*table.table).set_item(Some(item)).send().await.unwrap();
        let found = table.get("lease", "writer", at(0)).await.unwrap().unwrap();
        assert_eq!((found.body.as_str(), found.version), ("", written - 1));
        assert!(is_conflict(&table.put(&row("{}", None), Expect::Absent, at(0)).await));
        assert_eq!(table.put(&row("{}", None), Expect::Anything, at(0)).await, Ok(written));
        assert_eq!(table.get("lease", "writer", at(0)).await, Ok(Some(Row { version: written, ..row("{}", None) })));
    }
}
