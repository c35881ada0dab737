//! What the endpoint says of itself.

use serde_json::{Value, json};

use super::document::{ENTERPRISE_SCHEMA, USER_SCHEMA, violation};
use super::groups::GROUP_SCHEMA;
use crate::identity_center::error::AwsError;

const SCHEMA_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
const TYPE_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";

/// ServiceProviderConfig.
pub(super) fn config() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "documentationUri": "https://docs.aws.amazon.com/singlesignon/latest/userguide/manage-your-identity-source-idp.html",
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "OAuth Bearer Token",
            "description": "Authentication scheme using the OAuth Bearer Token Standard",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 1, "maxPayloadSize": 1_048_576},
        "filter": {"supported": true, "maxResults": 100},
        "changePassword": {"supported": false},
        "sort": {"supported": false},
        "etag": {"supported": false},
    })
}

/// ListResourceTypes.
pub(super) fn resource_types() -> Vec<Value> {
    let extensions = json!([{"schema": ENTERPRISE_SCHEMA, "required": false}]);
    vec![
        json!({
            "schemas": [TYPE_SCHEMA], "id": "User", "name": "User", "endpoint": "/Users", "description": "User Account",
            "schema": USER_SCHEMA, "schemaExtensions": extensions, "meta": {"resourceType": "ResourceType"},
        }),
        json!({
            "schemas": [TYPE_SCHEMA], "id": "Group", "name": "Group", "endpoint": "/Groups", "description": "Group",
            "schema": GROUP_SCHEMA, "schemaExtensions": [], "meta": {"resourceType": "ResourceType"},
        }),
    ]
}

/// ListSchemas.
pub(super) fn schemas() -> Vec<Value> {
    vec![
        schema(USER_SCHEMA, "User", "User Account", &user()),
        schema(GROUP_SCHEMA, "Group", "Group", &group()),
        schema(ENTERPRISE_SCHEMA, "EnterpriseUser", "Enterprise User", &enterprise()),
    ]
}

/// One of a list, by id.
pub(super) fn one_of(list: Vec<Value>, id: &str) -> Result<Value, AwsError> {
    let found = list.into_iter().find(|item| item.get("id").and_then(Value::as_str) == Some(id));
    found.ok_or_else(|| AwsError::new("ResourceNotFoundException", 404, violation(id).message))
}

fn schema(id: &str, name: &str, description: &str, attributes: &[Value]) -> Value {
    json!({
        "schemas": [SCHEMA_SCHEMA], "id": id, "name": name, "description": description, "attributes": attributes,
        "meta": {"resourceType": "Schema"},
    })
}

fn attribute(name: &str, kind: &str, required: bool) -> Value {
    json!({
        "name": name, "type": kind, "multiValued": false, "description": name, "required": required, "caseExact": false,
        "mutability": "readWrite", "returned": "default", "uniqueness": "none",
    })
}

fn with(mut attribute: Value, key: &str, value: Value) -> Value {
    if let Some(object) = attribute.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
    attribute
}

fn text(name: &str) -> Value {
    attribute(name, "string", false)
}

fn complex(name: &str, parts: &[&str], required: &[&str]) -> Value {
    let parts: Vec<Value> = parts.iter().map(|part| attribute(part, "string", required.contains(part))).collect();
    with(attribute(name, "complex", !required.is_empty()), "subAttributes", parts.into())
}

/// A list of one value: the value's parts, and whether it is the primary one.
fn single(name: &str, parts: &[&str]) -> Value {
    let parts: Vec<Value> = parts.iter().map(|part| text(part)).chain([attribute("primary", "boolean", false)]).collect();
    with(with(attribute(name, "complex", false), "multiValued", true.into()), "subAttributes", parts.into())
}

fn user() -> Vec<Value> {
    let names = ["formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"];
    let mut all = vec![
        with(attribute("userName", "string", true), "uniqueness", "server".into()),
        complex("name", &names, &["familyName", "givenName"]),
        attribute("displayName", "string", true),
        attribute("active", "boolean", false),
        single("emails", &["value", "type"]),
        single("phoneNumbers", &["value", "type"]),
        single("addresses", &["formatted", "streetAddress", "locality", "region", "postalCode", "country", "type"]),
        single("roles", &["value", "type"]),
        with(text("profileUrl"), "type", "reference".into()),
    ];
    all.extend(["nickName", "title", "userType", "preferredLanguage", "locale", "timezone"].map(text));
    all.iter_mut().filter(|item| item.get("type") == Some(&json!("reference"))).for_each(|item| {
        *item = with(item.take(), "referenceTypes", json!(["external"]));
    });
    all
}

fn group() -> Vec<Value> {
    let immutable = |name: &str| with(text(name), "mutability", "immutable".into());
    let reference = with(with(immutable("$ref"), "type", "reference".into()), "referenceTypes", json!(["User"]));
    let parts = json!([immutable("value"), reference, immutable("type")]);
    let members = with(with(attribute("members", "complex", false), "multiValued", true.into()), "subAttributes", parts);
    vec![with(attribute("displayName", "string", true), "uniqueness", "server".into()), members]
}

fn enterprise() -> Vec<Value> {
    let mut all = ["employeeNumber", "costCenter", "organization", "division", "department"].map(text).to_vec();
    all.push(complex("manager", &["value"], &[]));
    all
}
