//! The JSON of users and groups, between the endpoint and our records.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::group::{GroupRecord, ScimGroupPatch};
use super::user::{Address, Contact, Enterprise, Name, ScimUser, ScimUserPatch, UserRecord};
use sync_core::ids::{GroupId, IdError, UserId};

const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE_SCHEMA: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Nothing is written for what is not there.
type Text = Option<String>;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    #[serde(default)]
    schemas: Vec<String>,
    #[serde(skip_serializing)]
    id: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<WireName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emails: Option<Vec<WireContact>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_numbers: Option<Vec<WireContact>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    addresses: Option<Vec<WireAddress>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    nick_name: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_url: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_type: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_language: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Text,
    #[serde(rename = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", skip_serializing_if = "Option::is_none")]
    enterprise: Option<WireEnterprise>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireName {
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    formatted: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    middle_name: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    honorific_prefix: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    honorific_suffix: Text,
}

#[derive(Debug, Serialize, Deserialize)]
struct WireContact {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Text,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary: Option<bool>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAddress {
    #[serde(skip_serializing_if = "Option::is_none")]
    formatted: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    street_address: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    locality: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Text,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    primary: Option<bool>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEnterprise {
    #[serde(skip_serializing_if = "Option::is_none")]
    employee_number: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_center: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    division: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    department: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    manager: Option<Manager>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Manager {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Text,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    id: Text,
    display_name: Text,
    external_id: Text,
}

/// Empty counts as unset: AWS refuses empty texts.
fn set(text: Option<&str>) -> Text {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

impl User {
    /// The body that makes or overwrites a user.
    pub(super) fn of(user: &ScimUser) -> Self {
        let enterprise = WireEnterprise::of(&user.enterprise);
        let schemas = [Some(USER_SCHEMA), enterprise.as_ref().map(|_| ENTERPRISE_SCHEMA)];
        Self {
            schemas: schemas.into_iter().flatten().map(str::to_owned).collect(),
            id: None,
            external_id: set(user.external_id.as_deref()),
            user_name: set(Some(&user.user_name)),
            name: Some(WireName::of(&user.name)),
            display_name: set(Some(&user.display_name)),
            active: Some(user.active),
            emails: user.email.as_ref().and_then(WireContact::of).map(|email| vec![email]),
            phone_numbers: user.phone_number.as_ref().and_then(WireContact::of).map(|phone| vec![phone]),
            addresses: user.address.as_ref().and_then(WireAddress::of).map(|address| vec![address]),
            title: set(user.title.as_deref()),
            nick_name: set(user.nick_name.as_deref()),
            profile_url: set(user.profile_url.as_deref()),
            user_type: set(user.user_type.as_deref()),
            preferred_language: set(user.preferred_language.as_deref()),
            locale: set(user.locale.as_deref()),
            timezone: set(user.timezone.as_deref()),
            enterprise,
        }
    }

    pub(super) fn id(&self) -> Result<UserId, IdError> {
        UserId::new(self.id.as_deref().unwrap_or_default())
    }

    pub(super) fn record(self) -> Result<UserRecord, IdError> {
        let id = self.id()?;
        let user = ScimUser {
            user_name: self.user_name.unwrap_or_default(),
            external_id: self.external_id,
            name: self.name.unwrap_or_default().read(),
            display_name: self.display_name.unwrap_or_default(),
            active: self.active.unwrap_or(true),
            email: one_of(self.emails),
            phone_number: one_of(self.phone_numbers),
            address: self.addresses.and_then(|list| list.into_iter().next()).map(WireAddress::read),
            title: self.title,
            nick_name: self.nick_name,
            profile_url: self.profile_url,
            user_type: self.user_type,
            preferred_language: self.preferred_language,
            locale: self.locale,
            timezone: self.timezone,
            enterprise: self.enterprise.unwrap_or_default().read(),
        };
        Ok(UserRecord { id, user })
    }
}

/// The primary one, or the first.
fn one_of(contacts: Option<Vec<WireContact>>) -> Option<Contact> {
    let mut contacts = contacts.unwrap_or_default();
    let place = contacts.iter().position(|contact| contact.primary == Some(true)).unwrap_or(0);
    if place >= contacts.len() {
        return None;
    }
    let chosen = contacts.swap_remove(place);
    Some(Contact { value: chosen.value?, kind: chosen.kind })
}

impl WireName {
    fn of(name: &Name) -> Self {
        Self {
            given_name: set(Some(&name.given_name)),
            family_name: set(Some(&name.family_name)),
            formatted: set(name.formatted.as_deref()),
            middle_name: set(name.middle_name.as_deref()),
            honorific_prefix: set(name.honorific_prefix.as_deref()),
            honorific_suffix: set(name.honorific_suffix.as_deref()),
        }
    }

    fn read(self) -> Name {
        Name {
            given_name: self.given_name.unwrap_or_default(),
            family_name: self.family_name.unwrap_or_default(),
            formatted: self.formatted,
            middle_name: self.middle_name,
            honorific_prefix: self.honorific_prefix,
            honorific_suffix: self.honorific_suffix,
        }
    }
}

impl WireContact {
    fn of(contact: &Contact) -> Option<Self> {
        let value = set(Some(&contact.value))?;
        Some(Self { value: Some(value), kind: set(contact.kind.as_deref()), primary: Some(true) })
    }
}

impl WireAddress {
    fn of(address: &Address) -> Option<Self> {
        let wire = Self {
            formatted: set(address.formatted.as_deref()),
            street_address: set(address.street_address.as_deref()),
            locality: set(address.locality.as_deref()),
            region: set(address.region.as_deref()),
            postal_code: set(address.postal_code.as_deref()),
            country: set(address.country.as_deref()),
            kind: set(address.kind.as_deref()),
            primary: Some(true),
        };
        let parts = [&wire.formatted, &wire.street_address, &wire.locality, &wire.region, &wire.postal_code, &wire.country];
        parts.iter().any(|part| part.is_some()).then_some(wire)
    }

    fn read(self) -> Address {
        Address {
            formatted: self.formatted,
            street_address: self.street_address,
            locality: self.locality,
            region: self.region,
            postal_code: self.postal_code,
            country: self.country,
            kind: self.kind,
        }
    }
}

impl WireEnterprise {
    fn of(enterprise: &Enterprise) -> Option<Self> {
        let wire = Self {
            employee_number: set(enterprise.employee_number.as_deref()),
            cost_center: set(enterprise.cost_center.as_deref()),
            organization: set(enterprise.organization.as_deref()),
            division: set(enterprise.division.as_deref()),
            department: set(enterprise.department.as_deref()),
            manager: set(enterprise.manager.as_deref()).map(|id| Manager { value: Some(id) }),
        };
        (wire != Self::default()).then_some(wire)
    }

    fn read(self) -> Enterprise {
        Enterprise {
            employee_number: self.employee_number,
            cost_center: self.cost_center,
            organization: self.organization,
            division: self.division,
            department: self.department,
            manager: self.manager.and_then(|manager| manager.value),
        }
    }
}

impl Group {
    pub(super) fn record(self) -> Result<GroupRecord, IdError> {
        let id = GroupId::new(self.id.as_deref().unwrap_or_default())?;
        Ok(GroupRecord { id, display_name: self.display_name.unwrap_or_default(), external_id: self.external_id })
    }
}

fn members<'a>(users: impl IntoIterator<Item = &'a UserId>) -> Vec<Value> {
    users.into_iter().map(|user| json!({"value": user.as_str()})).collect()
}

/// The body that makes a group.
pub(super) fn new_group<'a>(display_name: &str, external_id: Option<&str>, users: impl IntoIterator<Item = &'a UserId>) -> Value {
    let (external_id, members) = (set(external_id), members(users));
    let members = (!members.is_empty()).then_some(members);
    let all = [
        ("schemas", Some(json!([GROUP_SCHEMA]))),
        ("displayName", Some(json!(display_name))),
        ("externalId", external_id.map(Value::from)),
        ("members", members.map(Value::from)),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect::<Map<_, _>>().into()
}

/// The body that changes a group. AWS takes members away by a list under the plain path; SCIM's own form for this names one at a time.
pub(super) fn group_patch(patch: &ScimGroupPatch) -> Value {
    let mut operations = Vec::new();
    operations.extend(patch.display_name.as_ref().map(|name| json!({"op": "replace", "path": "displayName", "value": name})));
    operations.extend(patch.external_id.as_ref().map(|id| json!({"op": "replace", "path": "externalId", "value": id})));
    for (op, users) in [("add", patch.members.add()), ("remove", patch.members.remove())] {
        if !users.is_empty() {
            operations.push(json!({"op": op, "path": "members", "value": members(users)}));
        }
    }
    json!({"schemas": [PATCH_SCHEMA], "Operations": operations})
}

/// The body that changes some attributes of a user; `None` where there is nothing to change.
pub(super) fn user_patch(patch: &ScimUserPatch) -> Option<Value> {
    let ScimUserPatch { active, user_name, external_id } = patch;
    let mut operations = Vec::new();
    operations.extend(active.map(|active| json!({"op": "replace", "path": "active", "value": active})));
    operations.extend(user_name.as_ref().map(|name| json!({"op": "replace", "path": "userName", "value": name})));
    operations.extend(external_id.as_ref().map(|id| json!({"op": "replace", "path": "externalId", "value": id})));
    (!operations.is_empty()).then(|| json!({"schemas": [PATCH_SCHEMA], "Operations": operations}))
}
