//! Users as the endpoint takes and gives them.

use sync_core::ids::UserId;

/// A user, as far as AWS keeps it. AWS takes one e-mail address, one phone number and one address, and no empty text: what is `None` or
/// empty is left out, and taken away by a PUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimUser {
    /// Required: 1 to 128 letters, accented characters, symbols, numbers and punctuation.
    pub user_name: String,
    /// The id that the source of users gave; at most 256 characters.
    pub external_id: Option<String>,
    /// Given name and family name are required.
    pub name: Name,
    /// Required.
    pub display_name: String,
    /// Whether they can sign in. A user that does not say so is active.
    pub active: bool,
    /// The one e-mail address, marked as primary. Unique among all users.
    pub email: Option<Contact>,
    /// The one phone number.
    pub phone_number: Option<Contact>,
    /// The one address.
    pub address: Option<Address>,
    /// `title`.
    pub title: Option<String>,
    /// `nickName`.
    pub nick_name: Option<String>,
    /// `profileUrl`.
    pub profile_url: Option<String>,
    /// `userType`.
    pub user_type: Option<String>,
    /// `preferredLanguage`.
    pub preferred_language: Option<String>,
    /// `locale`.
    pub locale: Option<String>,
    /// `timezone`.
    pub timezone: Option<String>,
    /// The enterprise extension.
    pub enterprise: Enterprise,
}

impl ScimUser {
    /// An active user with what AWS asks for and nothing else.
    pub fn new(user_name: &str, display_name: &str, given_name: &str, family_name: &str) -> Self {
        Self {
            user_name: user_name.to_owned(),
            external_id: None,
            name: Name { given_name: given_name.to_owned(), family_name: family_name.to_owned(), ..Name::default() },
            display_name: display_name.to_owned(),
            active: true,
            email: None,
            phone_number: None,
            address: None,
            title: None,
            nick_name: None,
            profile_url: None,
            user_type: None,
            preferred_language: None,
            locale: None,
            timezone: None,
            enterprise: Enterprise::default(),
        }
    }
}

/// A user's name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Name {
    /// Required; empty where a record has none.
    pub given_name: String,
    /// Required; empty where a record has none.
    pub family_name: String,
    /// The whole name.
    pub formatted: Option<String>,
    /// `middleName`.
    pub middle_name: Option<String>,
    /// `honorificPrefix`.
    pub honorific_prefix: Option<String>,
    /// `honorificSuffix`.
    pub honorific_suffix: Option<String>,
}

/// An e-mail address or a phone number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contact {
    /// The address or number.
    pub value: String,
    /// `type`, such as `work`.
    pub kind: Option<String>,
}

/// An address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    /// The whole address.
    pub formatted: Option<String>,
    /// `streetAddress`.
    pub street_address: Option<String>,
    /// `locality`.
    pub locality: Option<String>,
    /// `region`.
    pub region: Option<String>,
    /// `postalCode`.
    pub postal_code: Option<String>,
    /// `country`.
    pub country: Option<String>,
    /// `type`, such as `work`.
    pub kind: Option<String>,
}

/// The enterprise extension. AWS keeps no `displayName` of the manager.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Enterprise {
    /// `employeeNumber`.
    pub employee_number: Option<String>,
    /// `costCenter`.
    pub cost_center: Option<String>,
    /// `organization`.
    pub organization: Option<String>,
    /// `division`.
    pub division: Option<String>,
    /// `department`.
    pub department: Option<String>,
    /// `manager.value`.
    pub manager: Option<String>,
}

/// A user that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The same id as the Identity Store API's.
    pub id: UserId,
    /// What AWS keeps of them.
    pub user: ScimUser,
}

/// Changes to a user that leave everything else as it is; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScimUserPatch {
    /// Whether they can sign in.
    pub active: Option<bool>,
    /// The userName.
    pub user_name: Option<String>,
    /// The externalId.
    pub external_id: Option<String>,
}
