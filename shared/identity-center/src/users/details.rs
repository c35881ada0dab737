//! The SDK's records of users, with all that Lockstep may write.

use std::collections::HashMap;

use aws_sdk_identitystore::operation::describe_user::DescribeUserOutput;
use aws_sdk_identitystore::types::{Address, Email, Name, PhoneNumber, User, UserStatus};
use aws_smithy_types::Document;
use sync_core::ids::{IdError, Revision};
use sync_core::profile::{Attribute, Attributes, UserDetails};
use sync_core::records::DirectoryUser;

use super::ENTERPRISE;
use crate::{IdentityCenter, records};

/// What the records of a list and of a single read have in common.
struct Parts<'a> {
    plain: [(Attribute, Option<&'a str>); 8],
    name: Option<&'a Name>,
    email: Option<&'a Email>,
    phone: Option<&'a PhoneNumber>,
    address: Option<&'a Address>,
    extensions: Option<&'a HashMap<String, Document>>,
}

macro_rules! parts {
    ($raw:expr) => {
        Parts {
            plain: [
                (Attribute::DisplayName, $raw.display_name()),
                (Attribute::NickName, $raw.nick_name()),
                (Attribute::ProfileUrl, $raw.profile_url()),
                (Attribute::Title, $raw.title()),
                (Attribute::UserType, $raw.user_type()),
                (Attribute::PreferredLanguage, $raw.preferred_language()),
                (Attribute::Locale, $raw.locale()),
                (Attribute::Timezone, $raw.timezone()),
            ],
            name: $raw.name(),
            email: $raw.emails().iter().find(|email| email.primary()).or_else(|| $raw.emails().first()),
            phone: $raw.phone_numbers().first(),
            address: $raw.addresses().first(),
            extensions: $raw.extensions(),
        }
    };
}

impl IdentityCenter {
    /// A user of a list, with as much detail as is wanted.
    pub(crate) fn user_record(&self, raw: User) -> Result<DirectoryUser, IdError> {
        let details = details(&parts!(raw), raw.user_status(), raw.revision());
        Ok(self.with_details(records::user(raw)?, details))
    }

    /// A user read by itself, likewise.
    pub(crate) fn described_user_record(&self, raw: DescribeUserOutput) -> Result<DirectoryUser, IdError> {
        let details = details(&parts!(raw), raw.user_status(), raw.revision());
        Ok(self.with_details(records::described_user(raw)?, details))
    }

    fn with_details(&self, user: DirectoryUser, details: UserDetails) -> DirectoryUser {
        let is_wanted = self.details != super::UserDetails::None;
        DirectoryUser { details: is_wanted.then(|| Box::new(details)), ..user }
    }
}

fn details(parts: &Parts<'_>, status: Option<&UserStatus>, revision: &str) -> UserDetails {
    let is_enabled = match status {
        Some(UserStatus::Enabled) => Some(true),
        Some(UserStatus::Disabled) => Some(false),
        _ => None,
    };
    UserDetails { attributes: parts.attributes(), is_enabled, revision: Revision::new(revision) }
}

impl Parts<'_> {
    fn attributes(&self) -> Attributes {
        let mut all: Vec<(Attribute, Option<&str>)> = self.plain.to_vec();
        if let Some(name) = self.name {
            all.extend([
                (Attribute::GivenName, name.given_name()),
                (Attribute::FamilyName, name.family_name()),
                (Attribute::MiddleName, name.middle_name()),
                (Attribute::FormattedName, name.formatted()),
                (Attribute::HonorificPrefix, name.honorific_prefix()),
                (Attribute::HonorificSuffix, name.honorific_suffix()),
            ]);
        }
        if let Some(address) = self.address {
            all.extend([
                (Attribute::FormattedAddress, address.formatted()),
                (Attribute::StreetAddress, address.street_address()),
                (Attribute::Locality, address.locality()),
                (Attribute::Region, address.region()),
                (Attribute::PostalCode, address.postal_code()),
                (Attribute::Country, address.country()),
            ]);
        }
        all.push((Attribute::Email, self.email.and_then(Email::value)));
        all.push((Attribute::PhoneNumber, self.phone.and_then(PhoneNumber::value)));
        all.extend(self.enterprise());
        let filled = |(name, value): (Attribute, Option<&str>)| Some((name, value.filter(|value| !value.is_empty())?.to_owned()));
        all.into_iter().filter_map(filled).collect()
    }

    fn enterprise(&self) -> Vec<(Attribute, Option<&str>)> {
        let Some(Document::Object(extension)) = self.extensions.and_then(|extensions| extensions.get(ENTERPRISE)) else {
            return Vec::new();
        };
        let text = |name: Attribute| {
            let key = name.as_str().strip_prefix("enterprise.").unwrap_or_default();
            match extension.get(key)? {
                Document::String(text) => Some(text.as_str()),
                Document::Object(object) => object.get("value").and_then(Document::as_string),
                Document::Array(_) | Document::Number(_) | Document::Bool(_) | Document::Null => None,
            }
        };
        Attribute::ALL.iter().copied().filter(|name| name.is_enterprise()).map(|name| (name, text(name))).collect()
    }
}
