//! A user's attributes as Identity Center takes them: cleaned, completed by fallbacks, or refused with the reason.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::{NOT_TAKEN, check_user_name};
use crate::policy::ManagedUsers;
use crate::profile::{Attribute, Attributes, UserRecord};
use crate::records::OktaUser;

/// Most characters that Identity Center takes for an attribute.
const MAX_CHARS: usize = 1024;

/// What automatic provisioning does not take in names, beside that.
const NOT_IN_NAMES: [char; 5] = ['<', '>', ';', ':', '%'];

/// What a user shall be, and which of the managed attributes shall be unset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) record: UserRecord,
    pub(super) unset: BTreeSet<Attribute>,
}

/// The record of an Okta user, or why Identity Center would not take it.
///
/// Fallbacks: without a given name, the first word of the display name, else what stands before the `@` of the userName; without a family
/// name, the last word of the display name if it has several, else the same; without a display name, given and family name; without an
/// e-mail address, the login or userName if it looks like one. Characters that Identity Center does not take are left out. What is empty
/// then, or was, is unset. What is too long, or has no userName or e-mail address, is refused.
pub(super) fn profile_of(user: &OktaUser, user_name: &str, managed: &ManagedUsers) -> Result<Profile, String> {
    check_user_name(user_name).map_err(|problem| format!("the userName {problem}"))?;
    if user_name.contains(NOT_IN_NAMES) {
        return Err("the userName has a character that Identity Center does not take".to_owned());
    }
    let mut attributes = mapped(user, managed);
    complete_names(&mut attributes, user, user_name);
    complete_email(&mut attributes, user, user_name)?;
    if let Some((name, _)) = attributes.iter().find(|(_, value)| value.chars().count() > MAX_CHARS) {
        return Err(format!("{} is longer than {MAX_CHARS} characters", name.as_str()));
    }
    let unset = managed.attributes.keys().filter(|name| !attributes.contains_key(name)).copied().collect();
    let record = UserRecord {
        user_name: user_name.to_owned(),
        external_id: managed.over_scim.then(|| user.id.to_string()),
        is_enabled: managed.over_scim.then_some(true),
        attributes,
    };
    Ok(Profile { record, unset })
}

/// The managed attributes that the profile has, cleaned.
fn mapped(user: &OktaUser, managed: &ManagedUsers) -> Attributes {
    let value = |(name, source): (&Attribute, &String)| {
        let text = cleaned(*name, user.profile.get(source)?);
        (!text.is_empty()).then_some((*name, text))
    };
    managed.attributes.iter().filter_map(value).collect()
}

fn cleaned(name: Attribute, text: &str) -> String {
    let taken = NOT_TAKEN.replace_all(text, " ");
    let is_name = matches!(name, Attribute::GivenName | Attribute::FamilyName | Attribute::DisplayName);
    let taken = if is_name { taken.replace(NOT_IN_NAMES, " ") } else { taken.into_owned() };
    if taken == text && !is_name { taken.trim().to_owned() } else { taken.split_whitespace().collect::<Vec<_>>().join(" ") }
}

fn complete_names(attributes: &mut Attributes, user: &OktaUser, user_name: &str) {
    let shown = user.profile.get(crate::policy::DISPLAY_NAME).map(|name| cleaned(Attribute::DisplayName, name)).unwrap_or_default();
    let words: Vec<&str> = shown.split_whitespace().collect();
    let nick = user_name.split('@').next().filter(|part| !part.is_empty()).unwrap_or(user_name);
    let given = words.first().copied().unwrap_or(nick).to_owned();
    let family = words.last().filter(|_| words.len() > 1).copied().unwrap_or(nick).to_owned();
    let given = attributes.entry(Attribute::GivenName).or_insert(given).clone();
    let family = attributes.entry(Attribute::FamilyName).or_insert(family).clone();
    attributes.entry(Attribute::DisplayName).or_insert_with(|| if given == family { given } else { format!("{given} {family}") });
}

fn complete_email(attributes: &mut Attributes, user: &OktaUser, user_name: &str) -> Result<(), String> {
    let candidates = [attributes.get(&Attribute::Email).map(String::as_str), Some(user.login.as_str()), Some(user_name)];
    let email = candidates.into_iter().flatten().find(|text| looks_like_an_address(text)).map(str::to_owned);
    match email {
        Some(email) => {
            attributes.insert(Attribute::Email, email);
            Ok(())
        }
        None => Err("it has no e-mail address, and neither its login nor its userName is one".to_owned()),
    }
}

fn looks_like_an_address(text: &str) -> bool {
    let has_two_sides =
        text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    has_two_sides && !text.contains(char::is_whitespace) && !text.contains(NOT_IN_NAMES)
}

/// The values of an attribute that several records share.
pub(super) fn shared<'a>(records: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for value in records {
        *counts.entry(value.to_lowercase()).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(value, _)| value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::OktaUserId;
    use crate::policy::Policy;
    use crate::records::UserStatus;

    fn managed(transport: &str) -> ManagedUsers {
        let text = format!(
            "[okta]\norg_url = 'https://a.okta.com'\n[groups]\nmatch = ['x']\n[users]\nmode = 'managed'\n\
             [users.attributes]\ntitle = 'profile.title'\n'enterprise.costCenter' = 'profile.cost'\n[writes]\ntransport = '{transport}'\n"
        );
        Policy::parse(&text).unwrap().users.managed.unwrap()
    }

    fn user(profile: &[(&str, &str)]) -> OktaUser {
        OktaUser {
            id: OktaUserId::new("00u1").unwrap(),
            status: UserStatus::Active,
            user_name: Some("ada@x.com".to_owned()),
            login: "ada@x.com".to_owned(),
            profile: profile.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    fn names(profile: &[(&str, &str)]) -> (String, String, String, String) {
        let made = profile_of(&user(profile), "ada@x.com", &managed("scim")).unwrap().record.attributes;
        let get = |name| made.get(&name).cloned().unwrap_or_default();
        (get(Attribute::GivenName), get(Attribute::FamilyName), get(Attribute::DisplayName), get(Attribute::Email))
    }

    fn four(given: &str, family: &str, shown: &str, email: &str) -> (String, String, String, String) {
        (given.to_owned(), family.to_owned(), shown.to_owned(), email.to_owned())
    }

    #[test]
    fn s16_what_identity_center_demands_is_met_by_fallbacks() {
        let whole = [("firstName", "Ada"), ("lastName", "Lovelace"), ("displayName", "Ada L."), ("email", "a@x.com")];
        assert_eq!(names(&whole), four("Ada", "Lovelace", "Ada L.", "a@x.com"));
        assert_eq!(names(&[]), four("ada", "ada", "ada", "ada@x.com"));
        assert_eq!(names(&[("displayName", "Ada King Lovelace")]), four("Ada", "Lovelace", "Ada King Lovelace", "ada@x.com"));
        assert_eq!(names(&[("firstName", " "), ("lastName", "Lovelace")]), four("ada", "Lovelace", "ada Lovelace", "ada@x.com"));
    }

    #[test]
    fn s16_characters_that_are_not_taken_are_left_out() {
        let odd = [("firstName", "A<da>\u{7}"), ("lastName", "👩\u{200d}💻"), ("displayName", ":%;"), ("email", "no address")];
        assert_eq!(names(&odd), four("A da", "👩 💻", "A da 👩 💻", "ada@x.com"));
    }

    #[test]
    fn one_word_shown_is_the_given_name_alone() {
        assert_eq!(names(&[("displayName", "Ada")]), four("Ada", "ada", "Ada", "ada@x.com"));
        let without_nick = profile_of(&user(&[]), "@x", &managed("scim")).unwrap().record.attributes;
        assert_eq!(without_nick.get(&Attribute::GivenName).map(String::as_str), Some("@x"));
    }

    #[test]
    fn spaces_are_collapsed_in_names_and_where_something_was_left_out() {
        let title = |text: &str| {
            let made = profile_of(&user(&[("title", text)]), "ada@x.com", &managed("scim")).unwrap();
            made.record.attributes.get(&Attribute::Title).cloned().unwrap_or_default()
        };
        assert_eq!(title(" Head  of <IT> "), "Head  of <IT>");
        assert_eq!(title(" Head\u{7}  of  IT "), "Head of IT");
        let spaced = [("firstName", "Ada  B"), ("lastName", " Love  lace"), ("displayName", "Ada   L.")];
        assert_eq!(names(&spaced), four("Ada B", "Love lace", "Ada L.", "ada@x.com"));
    }

    #[test]
    fn an_address_has_one_at_with_something_on_both_sides_and_no_odd_characters() {
        for text in ["@x.com", "ada@", "a@b@x.com", "a da@x.com", "a;da@x.com", "ada"] {
            assert!(!looks_like_an_address(text), "{text}");
        }
        assert!(looks_like_an_address("a@b"));
    }

    #[test]
    fn s16_what_no_fallback_can_mend_is_refused_with_the_reason() {
        let refused = |user: &OktaUser, name: &str| profile_of(user, name, &managed("scim")).unwrap_err();
        assert_eq!(refused(&user(&[("firstName", &"x".repeat(1025))]), "ada@x.com"), "name.givenName is longer than 1024 characters");
        assert_eq!(refused(&user(&[]), "a:b"), "the userName has a character that Identity Center does not take");
        assert_eq!(refused(&user(&[]), "a b"), "the userName has a character that Identity Center does not take");
        let nobody = OktaUser { login: String::new(), ..user(&[]) };
        assert!(refused(&nobody, "ada").starts_with("it has no e-mail address"));
    }

    #[test]
    fn what_is_mapped_and_empty_is_unset_and_only_scim_says_who_and_whether() {
        let profile = profile_of(&user(&[("title", "  "), ("cost", "7")]), "ada@x.com", &managed("scim")).unwrap();
        assert_eq!(profile.unset, BTreeSet::from([Attribute::Title]));
        assert_eq!(profile.record.attributes.get(&Attribute::CostCenter).map(String::as_str), Some("7"));
        assert_eq!((profile.record.external_id.as_deref(), profile.record.is_enabled), (Some("00u1"), Some(true)));
        let record = profile_of(&user(&[]), "ada@x.com", &managed("identity_store")).unwrap().record;
        assert_eq!((record.external_id, record.is_enabled), (None, None));
    }
}
