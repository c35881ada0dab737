//! Answers of the endpoint.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::document::document;
use super::groups::GROUP_SCHEMA;
use crate::fault::Page;
use crate::identity_center::error::AwsError;
use crate::identity_center::state::{StoreGroup, StoreUser};

const LIST_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

fn meta(kind: &str, created: Timestamp, updated: Timestamp) -> Value {
    let second = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({"resourceType": kind, "created": second(created), "lastModified": second(updated)})
}

pub(super) fn user(user: &StoreUser) -> Value {
    let mut whole = document(user);
    whole.insert("id".to_owned(), user.id.as_str().into());
    whole.insert("meta".to_owned(), meta("User", user.created_at, user.updated_at));
    whole.into()
}

/// A group; its members are never told.
pub(super) fn group(group: &StoreGroup) -> Value {
    let mut whole = json!({
        "id": group.id.as_str(), "schemas": [GROUP_SCHEMA], "displayName": group.display_name, "members": [],
        "meta": meta("Group", group.created_at, group.updated_at),
    });
    if let (Some(external), Some(object)) = (group.external_ids.first(), whole.as_object_mut()) {
        object.insert("externalId".to_owned(), external.id.as_str().into());
    }
    whole
}

/// A list: with a cursor in the question, in pages; without, the first page with the number of all.
pub(super) fn list(page: Page<Value>, total: usize, is_in_pages: bool) -> Value {
    let n = page.items.len();
    let mut whole = json!({"schemas": [LIST_SCHEMA], "itemsPerPage": n, "Resources": page.items});
    let Some(object) = whole.as_object_mut() else { return whole };
    if is_in_pages {
        object.extend(page.next.map(|cursor| ("nextCursor".to_owned(), cursor.into())));
    } else {
        object.insert("totalResults".to_owned(), total.into());
        object.insert("startIndex".to_owned(), 1.into());
    }
    whole
}

/// The HTTP status of an exception.
pub(super) fn status(error: &AwsError) -> u16 {
    match error.exception.as_str() {
        "ValidationException" | "ServiceQuotaExceededException" if error.status < 500 => 400,
        "UnauthorizedException" | "UnrecognizedClientException" => 401,
        "AccessDeniedException" => 403,
        "ResourceNotFoundException" => 404,
        "ConflictException" => 409,
        "ThrottlingException" => 429,
        _ => error.status,
    }
}

/// The body of an error.
pub(super) fn error(error: &AwsError, is_standard: bool, request_id: &str, now: Timestamp) -> Value {
    let (detail, status) = (&error.message, status(error).to_string());
    if is_standard {
        return json!({"schemas": [ERROR_SCHEMA], "detail": detail, "status": status});
    }
    json!({
        "schema": [ERROR_SCHEMA],
        "detail": detail,
        "status": status,
        "exceptionRequestId": request_id,
        "timeStamp": now.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
    })
}
