//! The crate against a scripted AWS.

mod access;
mod admin;
mod assigning;
mod assignments;
mod connecting;
mod directory;
mod failing;
pub(crate) mod fake;
mod instance;
mod moto;
mod organization;
mod reading;
mod writing;

use std::time::Duration;

use serde_json::json;
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{AccountId, GroupId, MembershipId, PermissionSetArn, UserId};

use fake::Reply;

/// A deadline that the first call of an SDK, which loads what it needs, reaches on a busy machine as well.
const SOON: Duration = Duration::from_secs(2);

fn group(id: &str) -> GroupId {
    GroupId::new(id).unwrap()
}

fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

fn membership(id: &str) -> MembershipId {
    MembershipId::new(id).unwrap()
}

fn account(id: &str) -> AccountId {
    AccountId::new(id).unwrap()
}

fn permission_set(arn: &str) -> PermissionSetArn {
    PermissionSetArn::new(arn).unwrap()
}

fn kind<T: std::fmt::Debug>(answer: Result<T, TargetError>) -> TargetErrorKind {
    answer.unwrap_err().kind
}

/// sso-admin's way of saying that something does not exist: it does not say what.
fn missing_something() -> Reply {
    Reply::Error(400, "ResourceNotFoundException", json!({}))
}

/// The same about the instance's encryption key.
fn missing_key() -> Reply {
    Reply::Error(400, "ResourceNotFoundException", json!({"Reason": "KMS_NotFoundException"}))
}
