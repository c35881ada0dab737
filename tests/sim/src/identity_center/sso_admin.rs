//! The part of sso-admin that finds the identity store.

use serde_json::{Value, json};

use super::error::AwsError;
use super::http::Api;
use super::organization::MANAGEMENT;
use super::state::StoreState;
use crate::fault::ListFault;

/// The operations.
pub(crate) const APIS: &[Api] = &[Api::read("ListInstances", list_instances), Api::read("DescribeInstance", describe_instance)];

/// The id of the simulated instance, which the ARNs of its permission sets name.
pub(crate) const INSTANCE_ID: &str = "ssoins-72041a2b3c4d0000";

/// The instance with this number; the first one is the simulated one.
fn instance(state: &StoreState, number: usize) -> Value {
    let first = &state.settings.identity_store_id;
    let store = if number == 0 { first.clone() } else { format!("d-{number:010x}") };
    json!({
        "InstanceArn": arn(number),
        "IdentityStoreId": store,
        "IdentityStoreArn": format!("arn:aws:identitystore::{MANAGEMENT}:identitystore/{store}"),
        "OwnerAccountId": MANAGEMENT,
        "Name": format!("instance-{number}"),
        "CreatedDate": 1_700_000_000.0,
        "Status": "ACTIVE",
        "PrimaryRegion": "us-east-1",
    })
}

/// The ARN of the instance with this number.
pub(crate) fn arn(number: usize) -> String {
    format!("arn:aws:sso:::instance/ssoins-{:016x}", 0x7204_1a2b_3c4d_0000_u64 + number as u64)
}

#[expect(clippy::unnecessary_wraps, reason = "every operation has this type")]
fn list_instances(state: &mut StoreState, _body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let instances = if fault == ListFault::Empty { 0 } else { state.settings.instances };
    Ok(json!({"Instances": (0..instances).map(|number| instance(state, number)).collect::<Vec<_>>()}))
}

fn describe_instance(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let wanted = body.get("InstanceArn").and_then(Value::as_str).unwrap_or_default();
    let number = (0..state.settings.instances).find(|number| arn(*number) == wanted);
    let number = number.ok_or_else(|| AwsError::new("ResourceNotFoundException", 400, "Instance not found"))?;
    let mut found = instance(state, number);
    if let Some(object) = found.as_object_mut() {
        object.insert("PermissionSetsEnabled".to_owned(), true.into());
    }
    Ok(found)
}
