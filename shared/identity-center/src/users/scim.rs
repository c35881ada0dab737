//! Writing users and memberships over SCIM.

use engine::ports::{Effect, MemberChange};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{GroupId, UserId};
use sync_core::profile::{Attribute, Attributes, UserRecord};
use sync_core::records::DirectoryUser;

use crate::IdentityCenter;
use crate::api::Api;
use crate::errors::Failure;
use crate::scim::{Address, Contact, Creation, Enterprise, MembershipChanges, Name, ScimClient, ScimGroupPatch, ScimUser, UserFilter};

/// Makes a user; one that is there already is for the caller to look at.
pub(crate) async fn create_user(scim: &ScimClient, user: &UserRecord) -> Result<UserId, TargetError> {
    match scim.create_user(&as_scim(user)).await? {
        Creation::Created(id) => Ok(id),
        Creation::Found(found) => {
            let detail = format!("user {} was there already", found.id);
            Err(TargetError::new(TargetErrorKind::NameTaken, Api::ScimCreateUser.name(), detail))
        }
    }
}

/// Overwrites a user: what is not in the record is taken away.
pub(crate) async fn put_user(scim: &ScimClient, id: &UserId, user: &UserRecord) -> Result<(), TargetError> {
    scim.put_user(id, &as_scim(user)).await
}

/// Changes the members of a group, and its externalId where it is given, in one request.
pub(crate) async fn patch_group(
    scim: &ScimClient,
    group: &GroupId,
    external_id: Option<&str>,
    changes: &[MemberChange],
) -> Result<Effect, TargetError> {
    let added = changes.iter().filter_map(|change| match change {
        MemberChange::Add(user) => Some(user.clone()),
        MemberChange::Remove { .. } => None,
    });
    let removed = changes.iter().filter_map(|change| match change {
        MemberChange::Add(_) => None,
        MemberChange::Remove { user, .. } => Some(user.clone()),
    });
    let members = MembershipChanges::new(added, removed);
    let members = members.map_err(|error| Failure::invalid(Api::ScimPatchGroup, error.to_string()))?;
    let patch = ScimGroupPatch { display_name: None, external_id: external_id.map(str::to_owned), members };
    scim.patch_group(group, &patch).await.map(|()| Effect::Changed)
}

impl IdentityCenter {
    /// The users with this externalId: SCIM finds them, and the Identity Store API says what they are.
    pub(crate) async fn found_by_scim(&self, scim: &ScimClient, id: &str) -> Result<Vec<DirectoryUser>, TargetError> {
        let mut users = Vec::new();
        for found in scim.find_users(UserFilter::ExternalId(id)).await? {
            users.extend(engine::ports::ReadTarget::user(self, &found.id).await?);
        }
        Ok(users)
    }
}

fn as_scim(user: &UserRecord) -> ScimUser {
    let get = |name: Attribute| user.attributes.get(&name).cloned();
    let needed = |name: Attribute| get(name).unwrap_or_default();
    let contact = |name: Attribute| get(name).map(|value| Contact { value, kind: Some("work".to_owned()) });
    ScimUser {
        user_name: user.user_name.clone(),
        external_id: user.external_id.clone(),
        name: Name {
            given_name: needed(Attribute::GivenName),
            family_name: needed(Attribute::FamilyName),
            formatted: get(Attribute::FormattedName),
            middle_name: get(Attribute::MiddleName),
            honorific_prefix: get(Attribute::HonorificPrefix),
            honorific_suffix: get(Attribute::HonorificSuffix),
        },
        display_name: needed(Attribute::DisplayName),
        active: user.is_enabled.unwrap_or(true),
        email: contact(Attribute::Email),
        phone_number: contact(Attribute::PhoneNumber),
        address: address(&user.attributes),
        title: get(Attribute::Title),
        nick_name: get(Attribute::NickName),
        profile_url: get(Attribute::ProfileUrl),
        user_type: get(Attribute::UserType),
        preferred_language: get(Attribute::PreferredLanguage),
        locale: get(Attribute::Locale),
        timezone: get(Attribute::Timezone),
        enterprise: Enterprise {
            employee_number: get(Attribute::EmployeeNumber),
            cost_center: get(Attribute::CostCenter),
            organization: get(Attribute::Organization),
            division: get(Attribute::Division),
            department: get(Attribute::Department),
            manager: get(Attribute::Manager),
        },
    }
}

fn address(attributes: &Attributes) -> Option<Address> {
    let get = |name: Attribute| attributes.get(&name).cloned();
    attributes.keys().any(|name| name.as_str().starts_with("address.")).then(|| Address {
        formatted: get(Attribute::FormattedAddress),
        street_address: get(Attribute::StreetAddress),
        locality: get(Attribute::Locality),
        region: get(Attribute::Region),
        postal_code: get(Attribute::PostalCode),
        country: get(Attribute::Country),
        kind: Some("work".to_owned()),
    })
}
