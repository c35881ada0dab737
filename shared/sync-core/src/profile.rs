//! What Identity Center knows of a user: the attributes that Lockstep can write, and a record of them.

use std::collections::BTreeMap;

use crate::names::NameKey;

macro_rules! attributes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// An attribute of an Identity Center user. Of e-mail addresses, phone numbers and addresses Identity Center keeps one each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Attribute {
            $($(#[$doc])* $variant,)*
        }

        impl Attribute {
            /// Every attribute.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The policy's word for it (`[users.attributes]`).
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

attributes! {
    /// `name.givenName`, which Identity Center demands.
    GivenName = "name.givenName",
    /// `name.familyName`, which Identity Center demands.
    FamilyName = "name.familyName",
    /// `displayName`, which Identity Center demands.
    DisplayName = "displayName",
    /// The one e-mail address, the primary one.
    Email = "email",
    /// `name.middleName`.
    MiddleName = "name.middleName",
    /// `name.formatted`.
    FormattedName = "name.formatted",
    /// `name.honorificPrefix`.
    HonorificPrefix = "name.honorificPrefix",
    /// `name.honorificSuffix`.
    HonorificSuffix = "name.honorificSuffix",
    /// `nickName`.
    NickName = "nickName",
    /// `profileUrl`.
    ProfileUrl = "profileUrl",
    /// `title`.
    Title = "title",
    /// `userType`.
    UserType = "userType",
    /// `preferredLanguage`.
    PreferredLanguage = "preferredLanguage",
    /// `locale`.
    Locale = "locale",
    /// `timezone`.
    Timezone = "timezone",
    /// The one phone number.
    PhoneNumber = "phoneNumber",
    /// The address, as one text.
    FormattedAddress = "address.formatted",
    /// The address's street.
    StreetAddress = "address.streetAddress",
    /// The address's town.
    Locality = "address.locality",
    /// The address's region.
    Region = "address.region",
    /// The address's postal code.
    PostalCode = "address.postalCode",
    /// The address's country.
    Country = "address.country",
    /// `employeeNumber` of the enterprise extension.
    EmployeeNumber = "enterprise.employeeNumber",
    /// `costCenter` of the enterprise extension.
    CostCenter = "enterprise.costCenter",
    /// `organization` of the enterprise extension.
    Organization = "enterprise.organization",
    /// `division` of the enterprise extension.
    Division = "enterprise.division",
    /// `department` of the enterprise extension.
    Department = "enterprise.department",
    /// `manager.value` of the enterprise extension.
    Manager = "enterprise.manager",
}

impl Attribute {
    /// From the policy's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|attribute| attribute.as_str() == word)
    }

    /// Whether Identity Center takes no user without it.
    pub fn is_demanded(self) -> bool {
        matches!(self, Self::GivenName | Self::FamilyName | Self::DisplayName | Self::Email)
    }

    /// Whether it is one of the enterprise extension's.
    pub fn is_enterprise(self) -> bool {
        self.as_str().starts_with("enterprise.")
    }

    /// Whether two values of it are the same to Identity Center: addresses of e-mail are compared without regard to case.
    pub fn same(self, one: &str, other: &str) -> bool {
        one == other || (self == Self::Email && NameKey::of(one) == NameKey::of(other))
    }
}

/// The attributes of a user; what is not there is unset.
pub type Attributes = BTreeMap<Attribute, String>;

/// A user, whole, as they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserRecord {
    /// The userName.
    pub user_name: String,
    /// The externalId: the Okta user's id. `None` where it is not ours to say: only SCIM sets it.
    pub external_id: Option<String>,
    /// Whether they can sign in. `None` where it is not ours to say: only SCIM sets it.
    pub is_enabled: Option<bool>,
    /// Everything else.
    pub attributes: Attributes,
}

/// What was read of a user beside who they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserDetails {
    /// The attributes.
    pub attributes: Attributes,
    /// Whether they can sign in (`UserStatus`), where AWS says so.
    pub is_enabled: Option<bool>,
    /// The version, where AWS gave one.
    pub revision: Option<crate::ids::Revision>,
}
