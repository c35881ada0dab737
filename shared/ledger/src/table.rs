//! The port.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use engine::ports::{Expect, Row, Table, TableError};
use jiff::Timestamp;

use crate::DynamoTable;
use crate::errors::{Operation, is_condition, is_invalid};
use crate::expressions::{Expression, unless_empty};
use crate::items::{self, BODY, EXPIRES_AT, SK, VERSION, WRITE_ID, expiry, key, number, text};

impl Table for DynamoTable {
    async fn get(&self, pk: &str, sk: &str, now: Timestamp) -> Result<Option<Row>, TableError> {
        let request = self.sdk.get_item().table_name(&*self.table).set_key(Some(key(pk, sk))).consistent_read(true);
        let answer = request.send().await.map_err(|error| self.operation("GetItem", pk, sk).failed(&error))?;
        Ok(answer.item.and_then(|item| items::row(pk, sk, &item, now)))
    }

    /// `expires_at` is kept in whole seconds, rounded up.
    async fn put(&self, row: &Row, expect: Expect, now: Timestamp) -> Result<u64, TableError> {
        let write_id = uuid::Uuid::new_v4().to_string();
        let operation = self.operation("UpdateItem", &row.pk, &row.sk);
        match self.update(row, expect, now, &write_id).await {
            Ok(answer) => {
                let version = answer.attributes.as_ref().and_then(items::version);
                version.ok_or_else(|| operation.unavailable("the answer has no version".to_owned()))
            }
            Err(error) if is_condition(&error) => own_write(&error, &write_id).ok_or_else(|| operation.failed(&error)),
            Err(error) if is_invalid(&error) => self.replace(row, expect, now, &write_id).await?.ok_or_else(|| operation.failed(&error)),
            Err(error) => Err(operation.failed(&error)),
        }
    }

    /// An expired row that is still there counts as there.
    async fn delete(&self, pk: &str, sk: &str, expect: Expect) -> Result<(), TableError> {
        let expression = Expression::whatever_the_time(expect);
        let request = self.sdk.delete_item().table_name(&*self.table).set_key(Some(key(pk, sk)));
        let request = request
            .set_condition_expression(expression.condition)
            .set_expression_attribute_names(unless_empty(expression.names))
            .set_expression_attribute_values(unless_empty(expression.values));
        request.send().await.map_err(|error| self.operation("DeleteItem", pk, sk).failed(&error))?;
        Ok(())
    }

    async fn query(&self, pk: &str, now: Timestamp) -> Result<Vec<Row>, TableError> {
        let (mut rows, mut from) = (Vec::new(), None);
        loop {
            let expression = Expression::partition(pk);
            let request = self.sdk.query().table_name(&*self.table).consistent_read(true).set_exclusive_start_key(from);
            let request = request
                .set_key_condition_expression(expression.condition)
                .set_expression_attribute_names(unless_empty(expression.names))
                .set_expression_attribute_values(unless_empty(expression.values));
            let page = request.send().await.map_err(|error| self.operation("Query", pk, "").failed(&error))?;
            let found = page.items.unwrap_or_default();
            rows.extend(found.iter().filter_map(|item| items::row(pk, items::string(item, SK)?, item, now)));
            from = page.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(rows);
            }
        }
    }
}

impl DynamoTable {
    fn operation<'a>(&'a self, name: &'static str, pk: &'a str, sk: &'a str) -> Operation<'a> {
        Operation { name, table: &self.table, pk, sk }
    }

    async fn update(
        &self,
        row: &Row,
        expect: Expect,
        now: Timestamp,
        write_id: &str,
    ) -> Result<UpdateItemOutput, SdkError<UpdateItemError>> {
        let expression = Expression::write(row, expect, now, write_id);
        let request = self.sdk.update_item().table_name(&*self.table).set_key(Some(key(&row.pk, &row.sk)));
        let request = request
            .set_update_expression(expression.update)
            .set_condition_expression(expression.condition)
            .set_expression_attribute_names(unless_empty(expression.names))
            .set_expression_attribute_values(unless_empty(expression.values))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        request.send().await
    }

    /// Writes over an item whose version is no number, beginning again at 1. `None` where it is not that which is wrong.
    async fn replace(&self, row: &Row, expect: Expect, now: Timestamp, write_id: &str) -> Result<Option<u64>, TableError> {
        let expression = Expression::no_number(expect, now);
        let mut item = key(&row.pk, &row.sk);
        item.extend([(VERSION.to_owned(), number(&1)), (BODY.to_owned(), text(&row.body)), (WRITE_ID.to_owned(), text(write_id))]);
        item.extend(row.expires_at.map(|at| (EXPIRES_AT.to_owned(), number(&expiry(at)))));
        let request = self.sdk.put_item().table_name(&*self.table).set_item(Some(item));
        let request = request
            .set_condition_expression(expression.condition)
            .set_expression_attribute_names(unless_empty(expression.names))
            .set_expression_attribute_values(unless_empty(expression.values));
        match request.send().await {
            Ok(_) => Ok(Some(1)),
            Err(error) if is_condition(&error) || is_invalid(&error) => Ok(None),
            Err(error) => Err(self.operation("PutItem", &row.pk, &row.sk).failed(&error)),
        }
    }
}

/// The version that is there, if it is this very write that put it there: its answer was lost, the SDK sent it again, and what it
/// rested on was not so any more, by its own doing. Without this a lease just taken would look taken by someone else.
fn own_write(error: &SdkError<UpdateItemError>, write_id: &str) -> Option<u64> {
    let UpdateItemError::ConditionalCheckFailedException(failed) = error.as_service_error()? else { return None };
    let item = failed.item()?;
    (items::string(item, WRITE_ID) == Some(write_id)).then(|| items::version(item))?
}
