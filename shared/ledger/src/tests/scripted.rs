//! The shape of the requests, and what the answers become.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::ports::{Expect, Table, TableError};
use serde_json::{Value, json};

use super::fake::{Fake, config, error};
use super::{at, row};
use crate::DynamoTable;

fn conflict() -> TableError {
    TableError::Conflict { pk: "lease".to_owned(), sk: "writer".to_owned() }
}

/// The one request of a `put`, with the write's random id replaced by its form.
async fn put_request(row: &engine::ports::Row, expect: Expect) -> Value {
    let fake = Fake::replies([(200, json!({"Attributes": {"version": {"N": "8"}}}))]).await;
    assert_eq!(fake.table().put(row, expect, at(1000)).await, Ok(8));
    let (operation, mut body) = fake.requests().remove(0);
    assert_eq!((operation.as_str(), fake.requests().len()), ("UpdateItem", 1));
    let id = body["ExpressionAttributeValues"].as_object_mut().unwrap().remove(":write").unwrap();
    assert_eq!(id["S"].as_str().unwrap().len(), 36);
    body
}

#[tokio::test]
async fn a_write_adds_one_to_the_version_and_sets_what_it_is_given() {
    let mut body = put_request(&row("{}", Some(1015)), Expect::Anything).await;
    let names = json!({"#version": "version", "#body": "body", "#expires_at": "expires_at", "#write_id": "write_id"});
    assert_eq!(body["ExpressionAttributeNames"].take(), names);
    let values = json!({":one": {"N": "1"}, ":body": {"S": "{}"}, ":expires": {"N": "1015"}});
    assert_eq!(body["ExpressionAttributeValues"].take(), values);
    let update = "SET #body = :body, #write_id = :write, #expires_at = :expires ADD #version :one";
    assert_eq!(body["UpdateExpression"].take(), update);
    assert_eq!(body.get("ConditionExpression"), None);
    assert_eq!(body["Key"], json!({"pk": {"S": "lease"}, "sk": {"S": "writer"}}));
    assert_eq!((&body["TableName"], &body["ReturnValues"]), (&json!("ledger-test"), &json!("UPDATED_NEW")));

    let body = put_request(&row("{}", None), Expect::Anything).await;
    let update = "SET #body = :body, #write_id = :write REMOVE #expires_at ADD #version :one";
    assert_eq!(body["UpdateExpression"], update);
}

#[tokio::test]
async fn what_a_write_rests_on_is_its_condition_and_an_expired_row_is_absent() {
    let body = put_request(&row("{}", None), Expect::Absent).await;
    assert_eq!(body["ConditionExpression"], "attribute_not_exists(#pk) OR #expires_at <= :now");
    assert_eq!(body["ExpressionAttributeValues"][":now"], json!({"N": "1000"}));
    assert_eq!(body["ExpressionAttributeNames"]["#pk"], "pk");

    let body = put_request(&row("{}", None), Expect::Version(7)).await;
    assert_eq!(body["ConditionExpression"], "#version = :expected AND NOT #expires_at <= :now");
    assert_eq!(body["ExpressionAttributeValues"][":expected"], json!({"N": "7"}));
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_a_conflict() {
    let fake = Fake::replies([error("ConditionalCheckFailedException")]).await;
    let table = fake.table();
    assert_eq!(table.put(&row("{}", None), Expect::Absent, at(0)).await, Err(conflict()));
    assert_eq!(table.delete("lease", "writer", Expect::Version(3)).await, Err(conflict()));
    assert_eq!(fake.requests().len(), 2, "a conflict is not tried again");
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_knows_its_own_hand() {
    for own in [true, false] {
        let stored = Arc::new(Mutex::new(Value::Null));
        let script = move |body: &Value| {
            let mut stored = stored.lock().unwrap();
            if stored.is_null() {
                *stored = body["ExpressionAttributeValues"][":write"].clone();
                return (500, json!({"__type": "InternalServerError"}));
            }
            let write_id = if own { stored.clone() } else { json!({"S": "someone else's"}) };
            let (status, mut failed) = error("ConditionalCheckFailedException");
            failed["Item"] = json!({"version": {"N": "4"}, "write_id": write_id});
            (status, failed)
        };
        let fake = Fake::start(script).await;
        let answer = fake.table().put(&row("{}", None), Expect::Version(3), at(0)).await;
        assert_eq!(answer, if own { Ok(4) } else { Err(conflict()) });
        assert_eq!(fake.requests().len(), 2);
        assert_eq!(fake.requests()[0].1["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    }
}

#[tokio::test]
async fn s47_a_version_that_is_no_number_is_written_over() {
    let fake = Fake::replies([error("ValidationException"), (200, json!({}))]).await;
    assert_eq!(fake.table().put(&row("{}", Some(1015)), Expect::Anything, at(1000)).await, Ok(1));
    let (operation, body) = fake.requests().remove(1);
    assert_eq!(operation, "PutItem");
    assert_eq!(body["ConditionExpression"], "attribute_exists(#version) AND NOT attribute_type(#version, :number)");
    assert_eq!((&body["Item"]["version"], &body["Item"]["body"]), (&json!({"N": "1"}), &json!({"S": "{}"})));
    assert_eq!(body["Item"]["expires_at"], json!({"N": "1015"}));

    let fake = Fake::replies([error("ValidationException"), error("ConditionalCheckFailedException")]).await;
    let refused = fake.table().put(&row("{}", None), Expect::Anything, at(1000)).await.unwrap_err();
    assert!(matches!(refused, TableError::Unavailable { operation: "UpdateItem", .. }), "{refused}");
}

#[tokio::test]
async fn a_deletion_rests_on_what_it_is_given() {
    let fake = Fake::replies([(200, json!({}))]).await;
    let table = fake.table();
    table.delete("lease", "writer", Expect::Anything).await.unwrap();
    table.delete("lease", "writer", Expect::Version(3)).await.unwrap();
    table.delete("lease", "writer", Expect::Absent).await.unwrap();
    let bodies: Vec<Value> = fake.requests().into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies[0].get("ConditionExpression"), None);
    assert_eq!(bodies[1]["ConditionExpression"], "#version = :expected");
    assert_eq!(bodies[2]["ConditionExpression"], "attribute_not_exists(#pk)");
}

#[tokio::test]
async fn reads_are_consistent_and_expired_rows_are_absent() {
    let item = json!({"version": {"N": "2"}, "body": {"S": "{}"}, "expires_at": {"N": "1000"}});
    let fake = Fake::replies([(200, json!({"Item": item})), (200, json!({"Item": item})), (200, json!({}))]).await;
    let table = fake.table();
    let found = table.get("lease", "writer", at(999)).await.unwrap().unwrap();
    assert_eq!((found.version, found.expires_at), (2, Some(at(1000))));
    assert_eq!(table.get("lease", "writer", at(1000)).await, Ok(None));
    assert_eq!(table.get("lease", "writer", at(0)).await, Ok(None));
    assert_eq!(fake.requests()[0].1["ConsistentRead"], true);
}

#[tokio::test]
async fn a_query_follows_every_page_even_an_empty_one() {
    let item = |sk: &str, expires_at: &str| json!({"pk": {"S": "p"}, "sk": {"S": sk}, "version": {"N": "1"}, "body": {"S": "{}"}, "expires_at": {"N": expires_at}});
    let key = |sk: &str| json!({"pk": {"S": "p"}, "sk": {"S": sk}});
    let pages = [
        (200, json!({"Items": [item("a", "2000"), item("b", "1")], "LastEvaluatedKey": key("b")})),
        (200, json!({"Items": [], "LastEvaluatedKey": key("c")})),
        (200, json!({"Items": [item("d", "2000")]})),
    ];
    let fake = Fake::replies(pages).await;
    let rows = fake.table().query("p", at(1000)).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.sk.as_str()).collect::<Vec<_>>(), ["a", "d"]);
    let requests = fake.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!((&requests[0].1["KeyConditionExpression"], &requests[0].1["ConsistentRead"]), (&json!("#pk = :pk"), &json!(true)));
    assert_eq!((&requests[1].1["ExclusiveStartKey"], &requests[2].1["ExclusiveStartKey"]), (&key("b"), &key("c")));

    let failing = [(200, json!({"Items": [item("a", "2000")], "LastEvaluatedKey": key("a")})), error("AccessDeniedException")];
    assert!(Fake::replies(failing).await.table().query("p", at(0)).await.is_err(), "a part of a partition is no partition");
}

#[tokio::test]
async fn a_passing_fault_is_not_seen_and_a_lasting_one_is_unavailable() {
    let fake = Fake::replies([error("ProvisionedThroughputExceededException"), (500, json!("<html>")), (200, json!({}))]).await;
    assert_eq!(fake.table().get("p", "s", at(0)).await, Ok(None));
    assert_eq!(fake.requests().len(), 3);

    let fake = Fake::replies([(500, json!("<html>s3cret"))]).await;
    let lasting = fake.table().get("p", "s", at(0)).await.unwrap_err();
    assert_eq!(fake.requests().len(), 3);
    assert!(matches!(lasting, TableError::Unavailable { operation: "GetItem", .. }), "{lasting}");
    assert!(!lasting.to_string().contains("s3cret"), "{lasting}");
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let cases = [("AccessDeniedException", "dynamodb:Query on the table ledger-test"), ("ResourceNotFoundException", "LOCKSTEP_TABLE")];
    for (code, part) in cases {
        let fake = Fake::replies([error(code)]).await;
        let shown = fake.table().query("p", at(0)).await.unwrap_err().to_string();
        assert!(shown.contains(part) && shown.contains(code) && shown.contains("req-1"), "{shown}");
        assert_eq!(fake.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_table_that_cannot_be_reached_is_unavailable_within_the_operations_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let silent = DynamoTable::new(&config(&url), "ledger-test");
    #[expect(clippy::disallowed_methods, reason = "the time that the HTTP stack really takes is what is measured")]
    let start = Instant::now();
    let (hanging, refused) = tokio::join!(silent.get("p", "s", at(0)), async {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        DynamoTable::new(&config(&format!("http://{closed}")), "ledger-test").get("p", "s", at(0)).await
    });
    assert!(matches!(hanging, Err(TableError::Unavailable { .. })), "{hanging:?}");
    assert!(matches!(refused, Err(TableError::Unavailable { .. })), "{refused:?}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
