//! The operations of Organizations.

use serde_json::{Value, json};

use super::reads::status_of;
use super::{Organization, StateFields, StoreAccount, StoreUnit};
use crate::fault::ListFault;
use crate::identity_center::error::AwsError;
use crate::identity_center::http::Api;
use crate::identity_center::input::{Input, listed};
use crate::identity_center::reads::Part;
use crate::identity_center::render::seconds;
use crate::identity_center::state::StoreState;

/// The operations.
pub(crate) const APIS: &[Api] = &[
    Api::read("DescribeOrganization", describe_organization),
    Api::read("ListAccounts", list_accounts),
    Api::read("DescribeAccount", describe_account),
    Api::read("ListRoots", list_roots),
    Api::read("ListOrganizationalUnitsForParent", list_units_below),
    Api::read("ListAccountsForParent", list_accounts_below),
    Api::read("ListTagsForResource", list_tags),
];

/// The largest `MaxResults`.
const MOST: usize = 20;

impl<'a> Input<'a> {
    fn short_part(&self, fault: ListFault) -> Result<Part<'a>, AwsError> {
        self.part(fault, MOST)
    }
}

/// The ARN of something in the organization, such as `account`.
fn arn(organization: &Organization, kind: &str, id: &str) -> String {
    format!("arn:aws:organizations::{}:{kind}/{}/{id}", organization.management, organization.id)
}

fn email(account: &StoreAccount) -> String {
    format!("aws+{}@example.com", account.id)
}

fn describe_organization(state: &mut StoreState, _body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let organization = state.its_organization()?;
    let management = &organization.management;
    Ok(json!({"Organization": {
        "Id": organization.id,
        "Arn": format!("arn:aws:organizations::{management}:organization/{}", organization.id),
        "FeatureSet": "ALL",
        "MasterAccountArn": arn(organization, "account", management.as_str()),
        "MasterAccountId": management.as_str(),
        "MasterAccountEmail": format!("aws+{management}@example.com"),
    }}))
}

fn account(state: &StoreState, account: &StoreAccount) -> Value {
    let mut body = json!({
        "Id": account.id.as_str(),
        "Email": email(account),
        "Name": account.name,
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": seconds(account.joined_at),
    });
    let mut set = |key: &str, value: Value| body.as_object_mut().map(|object| object.insert(key.to_owned(), value));
    let fields = state.settings.organization.state_fields;
    if fields != StateFields::Status {
        set("State", account.state.as_str().into());
    }
    if fields != StateFields::State {
        set("Status", status_of(&account.state).into());
    }
    if let Some(organization) = &state.organization {
        set("Arn", arn(organization, "account", account.id.as_str()).into());
        let path = state.path_of_account(account);
        if !path.is_empty() {
            set("Paths", json!([format!("{}/{}/{}/", organization.id, path.join("/"), account.id)]));
        }
    }
    body
}

fn unit(organization: &Organization, unit: &StoreUnit) -> Value {
    let path = organization.path_of(&unit.id).join("/");
    json!({
        "Id": unit.id,
        "Arn": arn(organization, "ou", &unit.id),
        "Name": unit.name,
        "Path": format!("{}/{path}/", organization.id),
    })
}

fn list_accounts(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let part = Input(body).short_part(fault)?;
    Ok(listed(state.list_accounts(part, |found| account(state, found))?, "Accounts"))
}

fn describe_account(state: &mut StoreState, body: &Value, _fault: ListFault) -> Result<Value, AwsError> {
    let found = state.described_account(Input(body).required("AccountId")?)?;
    Ok(json!({"Account": account(state, found)}))
}

fn list_roots(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let part = Input(body).short_part(fault)?;
    let organization = state.its_organization()?;
    let root = |id: &str| json!({"Id": id, "Arn": arn(organization, "root", id), "Name": "Root", "PolicyTypes": []});
    Ok(listed(state.list_roots(part, root)?, "Roots"))
}

fn list_units_below(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let input = Input(body);
    let (parent, part) = (input.required("ParentId")?, input.short_part(fault)?);
    let organization = state.its_organization()?;
    Ok(listed(state.list_units_below(parent, part, |found| unit(organization, found))?, "OrganizationalUnits"))
}

fn list_accounts_below(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let input = Input(body);
    let (parent, part) = (input.required("ParentId")?, input.short_part(fault)?);
    Ok(listed(state.list_accounts_below(parent, part, |found| account(state, found))?, "Accounts"))
}

fn list_tags(state: &mut StoreState, body: &Value, fault: ListFault) -> Result<Value, AwsError> {
    let input = Input(body);
    let (resource, part) = (input.required("ResourceId")?, input.short_part(fault)?);
    Ok(listed(state.list_tags(resource, part, |(key, value)| json!({"Key": key, "Value": value}))?, "Tags"))
}
