//! Writing users over the Identity Store API: everything but externalId, userName and the status.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_identitystore::types::{Address, AttributeOperation, Email, Name, PhoneNumber};
use aws_smithy_types::Document;
use engine::ports::ReadTarget;
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{Revision, UserId};
use sync_core::profile::{Attribute, Attributes, UserRecord};

use super::ENTERPRISE;
use crate::IdentityCenter;
use crate::api::Api;
use crate::errors::{Failure, identity_store};
use crate::writes::name_taken;

impl IdentityCenter {
    pub(crate) async fn store_user(&self, user: &UserRecord) -> Result<UserId, TargetError> {
        let get = |name: Attribute| user.attributes.get(&name).cloned();
        let send = || async {
            let request = self.aws.identity_store.create_user().identity_store_id(&*self.store).user_name(&user.user_name);
            let request = request.set_display_name(get(Attribute::DisplayName)).name(name(&user.attributes));
            let request = request.set_emails(email(&user.attributes).map(|email| vec![email]));
            let request = request.set_phone_numbers(phone(&user.attributes).map(|phone| vec![phone]));
            let request = request.set_addresses(address(&user.attributes).map(|address| vec![address]));
            let request = request.set_nick_name(get(Attribute::NickName)).set_profile_url(get(Attribute::ProfileUrl));
            let request = request.set_title(get(Attribute::Title)).set_user_type(get(Attribute::UserType));
            let request = request.set_preferred_language(get(Attribute::PreferredLanguage)).set_locale(get(Attribute::Locale));
            let request = request.set_timezone(get(Attribute::Timezone)).set_extensions(extensions(&user.attributes));
            request.send().await.map_err(|error| identity_store(Api::CreateUser, error))
        };
        let created = self.aws.caller.call(Api::CreateUser, send).await.map_err(name_taken)?;
        let id = UserId::new(created.user_id());
        Ok(id.map_err(|error| Failure::malformed(Api::CreateUser, error.to_string()))?)
    }

    pub(crate) async fn change_stored_user(
        &self,
        id: &UserId,
        from: &UserRecord,
        to: &UserRecord,
        at: Option<&Revision>,
    ) -> Result<(), TargetError> {
        let operations = operations(&from.attributes, &to.attributes)?;
        if operations.is_empty() {
            return Ok(());
        }
        let send = || async {
            let request = self.aws.identity_store.update_user().identity_store_id(&*self.store).user_id(id.as_str());
            let request = request.set_operations(Some(operations.clone())).set_revision(at.map(|at| at.as_str().to_owned()));
            request.send().await.map_err(|error| identity_store(Api::UpdateUser, error))
        };
        match self.aws.caller.call(Api::UpdateUser, send).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is(TargetErrorKind::ConcurrentModification) => self.accept_if_as_wanted(id, to, failure).await,
            Err(failure) => Err(failure.into()),
        }
    }

    /// An update whose answer was lost meets the revision that it made itself. Then all is as it should be.
    async fn accept_if_as_wanted(&self, id: &UserId, to: &UserRecord, failure: Failure) -> Result<(), TargetError> {
        let now = self.user(id).await?;
        let is_so = now.and_then(|user| user.details).is_some_and(|details| details.attributes == to.attributes);
        if is_so { Ok(()) } else { Err(failure.into()) }
    }
}

fn name(attributes: &Attributes) -> Name {
    let get = |name: Attribute| attributes.get(&name).cloned();
    Name::builder()
        .set_given_name(get(Attribute::GivenName))
        .set_family_name(get(Attribute::FamilyName))
        .set_middle_name(get(Attribute::MiddleName))
        .set_formatted(get(Attribute::FormattedName))
        .set_honorific_prefix(get(Attribute::HonorificPrefix))
        .set_honorific_suffix(get(Attribute::HonorificSuffix))
        .build()
}

fn email(attributes: &Attributes) -> Option<Email> {
    let value = attributes.get(&Attribute::Email)?;
    Some(Email::builder().value(value).r#type("work").primary(true).build())
}

fn phone(attributes: &Attributes) -> Option<PhoneNumber> {
    let value = attributes.get(&Attribute::PhoneNumber)?;
    Some(PhoneNumber::builder().value(value).r#type("work").primary(true).build())
}

fn address(attributes: &Attributes) -> Option<Address> {
    let get = |name: Attribute| attributes.get(&name).cloned();
    attributes.keys().any(|name| name.as_str().starts_with("address.")).then(|| {
        Address::builder()
            .set_formatted(get(Attribute::FormattedAddress))
            .set_street_address(get(Attribute::StreetAddress))
            .set_locality(get(Attribute::Locality))
            .set_region(get(Attribute::Region))
            .set_postal_code(get(Attribute::PostalCode))
            .set_country(get(Attribute::Country))
            .r#type("work")
            .primary(true)
            .build()
    })
}

fn extensions(attributes: &Attributes) -> Option<HashMap<String, Document>> {
    let extension = enterprise(attributes)?;
    Some(HashMap::from([(ENTERPRISE.to_owned(), extension)]))
}

fn enterprise(attributes: &Attributes) -> Option<Document> {
    let of = |(name, value): (&Attribute, &String)| {
        let key = name.as_str().strip_prefix("enterprise.")?.to_owned();
        let value = Document::String(value.clone());
        let value = if *name == Attribute::Manager { Document::Object(HashMap::from([("value".to_owned(), value)])) } else { value };
        Some((key, value))
    };
    let object: HashMap<String, Document> = attributes.iter().filter_map(of).collect();
    (!object.is_empty()).then_some(Document::Object(object))
}

/// The parts of a user that AWS changes as a whole: everything that an attribute belongs to.
fn part(name: Attribute) -> &'static str {
    match name.as_str() {
        "email" => "emails",
        "phoneNumber" => "phoneNumbers",
        word if word.starts_with("address.") => "addresses",
        word if word.starts_with("enterprise.") => ENTERPRISE,
        word => word,
    }
}

fn operations(from: &Attributes, to: &Attributes) -> Result<Vec<AttributeOperation>, Failure> {
    let names: BTreeSet<Attribute> = from.keys().chain(to.keys()).copied().collect();
    let changed: BTreeSet<&str> = names.iter().filter(|name| from.get(name) != to.get(name)).map(|name| part(*name)).collect();
    changed.into_iter().map(|path| operation(path, to)).collect()
}

fn operation(path: &str, to: &Attributes) -> Result<AttributeOperation, Failure> {
    let object = |members: Vec<(&str, Document)>| {
        Document::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<HashMap<_, _>>())
    };
    let single = |members: Option<Vec<(&str, Document)>>| members.map(|members| Document::Array(vec![object(members)]));
    let text = |value: &String| Document::String(value.clone());
    let value = match path {
        "emails" => single(to.get(&Attribute::Email).map(|value| contact(value))),
        "phoneNumbers" => single(to.get(&Attribute::PhoneNumber).map(|value| contact(value))),
        "addresses" => {
            let parts = to.iter().filter_map(|(name, value)| Some((name.as_str().strip_prefix("address.")?, text(value))));
            let parts: Vec<(&str, Document)> = parts.collect();
            single((!parts.is_empty()).then(|| parts.into_iter().chain([("type", "work".into()), ("primary", true.into())]).collect()))
        }
        ENTERPRISE => enterprise(to),
        word => Attribute::parse(word).and_then(|name| to.get(&name)).map(text),
    };
    let operation = AttributeOperation::builder().attribute_path(path).attribute_value(value.unwrap_or(Document::Null)).build();
    operation.map_err(|error| Failure::malformed(Api::UpdateUser, error.to_string()))
}

fn contact(value: &str) -> Vec<(&'static str, Document)> {
    vec![("value", value.into()), ("type", "work".into()), ("primary", true.into())]
}
