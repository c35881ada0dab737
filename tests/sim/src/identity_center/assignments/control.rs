//! The control plane of permission sets, assignments and the organization: changes as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use sync_core::ids::{AccountId, PermissionSetArn};
use sync_core::records::{AssignmentOperation, OperationStatus};

use super::reads::status_word;
use super::{Fate, Principal, StoreAssignment, StoreRequest};
use crate::identity_center::FakeIdentityCenter;
use crate::identity_center::organization::{NewAccount, StoreAccount};
use crate::identity_center::state::StoreState;

/// A change. Accounts are named by id, permission sets by name or ARN, groups and users by id or name.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "op", deny_unknown_fields)]
pub(in crate::identity_center) enum AdminOp {
    AddOrganization,
    AddUnit { unit: String },
    AddAccount { account: NewAccount },
    RemoveAccount { account: AccountId },
    SetAccountState { account: AccountId, state: String },
    RenameAccount { account: AccountId, name: String },
    MoveAccount { account: AccountId, unit: String },
    TagAccount { account: AccountId, tags: BTreeMap<String, String> },
    AddPermissionSet { name: String },
    RemovePermissionSet { permission_set: String },
    Assign { group: Option<String>, user: Option<String>, account: AccountId, permission_set: String },
    Unassign { group: Option<String>, user: Option<String>, account: AccountId, permission_set: String },
    FinishRequests,
    Decide { fate: Fate },
    ClearFates,
}

/// The names of these changes, which tell them from those of the identity store.
const OPS: [&str; 15] = [
    "add_organization",
    "add_unit",
    "add_account",
    "remove_account",
    "set_account_state",
    "rename_account",
    "move_account",
    "tag_account",
    "add_permission_set",
    "remove_permission_set",
    "assign",
    "unassign",
    "finish_requests",
    "decide",
    "clear_fates",
];

impl AdminOp {
    /// Whether it is one of these changes that a body asks for.
    pub(in crate::identity_center) fn is_asked_for(op: &Value) -> bool {
        op.get("op").and_then(Value::as_str).is_some_and(|name| OPS.contains(&name))
    }
}

impl FakeIdentityCenter {
    /// Makes a change; answers with the id of what was made, or with whether anything changed.
    pub(in crate::identity_center) fn change_admin(&self, op: &Value) -> Result<Value, String> {
        let op: AdminOp = serde_json::from_value(op.clone()).map_err(|error| error.to_string())?;
        let changed = match op {
            AdminOp::AddOrganization => return Ok(json!({"id": self.add_organization().as_str()})),
            AdminOp::AddUnit { unit } => return Ok(json!({"id": self.add_unit(&unit)})),
            AdminOp::AddAccount { account } => return made(self.add_account(&account).as_ref().map(AccountId::as_str), &account.id),
            AdminOp::AddPermissionSet { name } => {
                return made(self.add_permission_set(&name).as_ref().map(PermissionSetArn::as_str), &name);
            }
            AdminOp::RemoveAccount { account } => self.remove_account(&account),
            AdminOp::SetAccountState { account, state } => self.set_account_state(&account, &state),
            AdminOp::RenameAccount { account, name } => self.rename_account(&account, &name),
            AdminOp::MoveAccount { account, unit } => self.move_account(&account, &unit),
            AdminOp::TagAccount { account, tags } => self.tag_account(&account, &tags),
            AdminOp::RemovePermissionSet { permission_set } => self.remove_permission_set(&self.set_of(&permission_set)?),
            AdminOp::Assign { group, user, account, permission_set } => {
                self.assign(&self.assignment_of((group, user), account, &permission_set)?)
            }
            AdminOp::Unassign { group, user, account, permission_set } => {
                self.unassign(&self.assignment_of((group, user), account, &permission_set)?)
            }
            AdminOp::FinishRequests => {
                self.finish_requests();
                true
            }
            AdminOp::Decide { fate } => {
                self.decide(fate);
                true
            }
            AdminOp::ClearFates => {
                self.clear_fates();
                true
            }
        };
        Ok(json!({"changed": changed}))
    }

    fn assignment_of(
        &self,
        (group, user): (Option<String>, Option<String>),
        account: AccountId,
        permission_set: &str,
    ) -> Result<StoreAssignment, String> {
        let permission_set = self.set_of(permission_set)?;
        let principal = match (group, user) {
            (Some(group), None) => self.principal_group(&group)?,
            (None, Some(user)) => Principal::User(self.user_of(&user)?),
            (Some(_), Some(_)) | (None, None) => return Err("either a group or a user has an assignment".to_owned()),
        };
        Ok(StoreAssignment { account, permission_set, principal })
    }

    /// A group that is there, or one that is gone and has left orphans.
    fn principal_group(&self, id_or_name: &str) -> Result<Principal, String> {
        let gone = |assignment: &StoreAssignment| assignment.principal.id() == id_or_name;
        let orphan = || self.orphans().into_iter().find(gone).map(|assignment| assignment.principal);
        self.group_of(id_or_name).map(Principal::Group).or_else(|error| orphan().ok_or(error))
    }

    fn set_of(&self, arn_or_name: &str) -> Result<PermissionSetArn, String> {
        let sets = self.all_permission_sets();
        let found = sets.into_iter().find(|set| set.name == arn_or_name || set.arn.as_str() == arn_or_name);
        found.map(|set| set.arn).ok_or_else(|| format!("there is no permission set {arn_or_name}"))
    }
}

fn made(id: Option<&str>, what: &str) -> Result<Value, String> {
    id.map(|id| json!({"id": id})).ok_or_else(|| format!("AWS would not take {what}"))
}

/// Permission sets, assignments, requests and accounts, as `GET /_sim/state` shows them.
pub(in crate::identity_center) fn admin_json(state: &StoreState) -> BTreeMap<&'static str, Value> {
    let own = &state.assignments;
    let sets = own.permission_sets.values().map(|set| json!({"arn": set.arn.as_str(), "name": set.name}));
    let orphaned = |assignment: &&StoreAssignment| state.existing_principal(&assignment.principal).is_err();
    let orphans: BTreeSet<&StoreAssignment> = own.made.values().filter(orphaned).collect();
    let made = own.made.values().map(|assignment| {
        let mut row = assignment_json(state, assignment);
        if let Some(object) = row.as_object_mut() {
            object.insert("orphan".to_owned(), orphans.contains(assignment).into());
        }
        row
    });
    let accounts = state.organization.iter().flat_map(|organization| organization.accounts.values());
    BTreeMap::from([
        ("permission_sets", sets.collect()),
        ("assignments", made.collect()),
        ("requests", own.requests.values().map(|request| request_json(state, request)).collect()),
        ("most_in_flight", own.most_in_flight.into()),
        ("management_account", state.organization.as_ref().map_or(Value::Null, |organization| organization.management.as_str().into())),
        ("accounts", accounts.map(|account| account_json(state, account)).collect()),
    ])
}

fn assignment_json(state: &StoreState, assignment: &StoreAssignment) -> Value {
    let set = state.existing_permission_set(&assignment.permission_set);
    json!({
        "account": assignment.account.as_str(),
        "permission_set": set.map(|set| set.name.clone()).unwrap_or_default(),
        "principal": assignment.principal.id(),
        "principal_type": assignment.principal.kind(),
    })
}

fn request_json(state: &StoreState, request: &StoreRequest) -> Value {
    let operation = match request.operation {
        AssignmentOperation::Create => "create",
        AssignmentOperation::Delete => "delete",
    };
    let failure = match &request.status {
        OperationStatus::Failed(reason) => Some(reason),
        OperationStatus::InProgress | OperationStatus::Succeeded => None,
    };
    let mut row = assignment_json(state, &request.assignment);
    if let Some(object) = row.as_object_mut() {
        object.insert("id".to_owned(), request.id.as_str().into());
        object.insert("operation".to_owned(), operation.into());
        object.insert("status".to_owned(), status_word(&request.status).into());
        object.insert("failure".to_owned(), failure.map(String::as_str).into());
    }
    row
}

fn account_json(state: &StoreState, account: &StoreAccount) -> Value {
    let unit = state.organization.as_ref().map(|organization| organization.unit_names(&account.parent));
    json!({
        "id": account.id.as_str(), "name": account.name, "state": account.state, "unit": unit.unwrap_or_default(), "tags": account.tags,
    })
}
