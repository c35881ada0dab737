//! `[users]`: how users are matched, who is entitled, and what Lockstep does to users itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::check::Lines;
use super::raw::{self, Text};
use super::{PolicyError, Transport, UserNameFrom};
use crate::profile::Attribute;
use crate::records::UserStatus;

/// `[users]`.
#[derive(Debug, Clone)]
pub struct UsersPolicy {
    /// What equals Identity Center's userName.
    pub user_name_from: UserNameFrom,
    entitled: BTreeSet<UserStatus>,
    /// What Lockstep does to users itself; `None` where someone else provisions them.
    pub managed: Option<ManagedUsers>,
}

/// What `mode = "managed"` says of users.
#[derive(Debug, Clone)]
pub struct ManagedUsers {
    /// Where each managed attribute comes from: an attribute of the Okta profile, without its `profile.`. The four that Identity Center
    /// demands are always here.
    pub attributes: BTreeMap<Attribute, String>,
    on_not_entitled: OnNotEntitled,
    /// How long a user who is not entitled is left as they are, but for their memberships, in hours.
    pub grace_hours: u32,
    /// Whether externalId and the status can be set: over SCIM only.
    pub over_scim: bool,
}

/// `[users] on_not_entitled`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnNotEntitled {
    /// They lose their memberships, and nothing else happens to them.
    #[default]
    RemoveMemberships,
    /// They are disabled as well.
    Disable,
    /// They are deleted, once they are deactivated in or gone from Okta; until then they are disabled where the transport can.
    Delete,
}

/// What becomes of a user who is not entitled, beside their memberships.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// Nothing.
    Nothing,
    /// They are disabled.
    Disable,
    /// They are deleted.
    Delete,
}

/// Whether a user may have what their groups give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entitlement {
    /// They may.
    Entitled,
    /// They may not.
    NotEntitled,
    /// Okta gave a status that nobody knows: nothing is granted and nothing is taken.
    Unknown,
}

impl UsersPolicy {
    /// Whether a status entitles.
    pub fn entitlement(&self, status: &UserStatus) -> Entitlement {
        if self.entitled.contains(status) {
            Entitlement::Entitled
        } else if matches!(status, UserStatus::Other(_)) {
            Entitlement::Unknown
        } else {
            Entitlement::NotEntitled
        }
    }

    /// The attributes of an Okta profile that are read beside the login; none where users are not managed.
    pub fn profile_attributes(&self) -> BTreeSet<String> {
        let sources = self.managed.iter().flat_map(|managed| managed.attributes.values().cloned());
        sources.chain(self.managed.iter().map(|_| DISPLAY_NAME.to_owned())).collect()
    }
}

impl ManagedUsers {
    /// What becomes of a user with this status; `None` for one who is gone from Okta. A suspension may end any day, and a deleted `UserId`
    /// never comes back: so only those who are deactivated or gone are deleted.
    pub fn farewell(&self, status: Option<&UserStatus>) -> Farewell {
        let has_left = status.is_none_or(|status| *status == UserStatus::Deprovisioned);
        match self.on_not_entitled {
            OnNotEntitled::RemoveMemberships => Farewell::Nothing,
            OnNotEntitled::Delete if has_left => Farewell::Delete,
            OnNotEntitled::Delete if !self.over_scim => Farewell::Nothing,
            OnNotEntitled::Disable | OnNotEntitled::Delete => Farewell::Disable,
        }
    }

    /// Whether users who are not entitled are disabled or deleted at all.
    pub fn says_farewell(&self) -> bool {
        self.on_not_entitled != OnNotEntitled::RemoveMemberships
    }

    /// Whether an attribute of the enterprise extension is managed, which AWS shows only where it is asked for.
    pub fn reads_enterprise(&self) -> bool {
        self.attributes.keys().any(|attribute| attribute.is_enterprise())
    }
}

/// The attribute of Okta that fallbacks rest on, whatever else is mapped.
pub(crate) const DISPLAY_NAME: &str = "displayName";

/// Where the four that Identity Center demands come from, if the policy says nothing else.
const DEMANDED: [(Attribute, &str); 4] = [
    (Attribute::GivenName, "firstName"),
    (Attribute::FamilyName, "lastName"),
    (Attribute::DisplayName, DISPLAY_NAME),
    (Attribute::Email, "email"),
];

pub(super) fn checked(lines: &Lines<'_>, users: &raw::Users, transport: Transport) -> Result<UsersPolicy, PolicyError> {
    let user_name_from = match &users.user_name_from {
        None => UserNameFrom::Login,
        Some(source) => user_name_from(source.get_ref()).ok_or_else(|| {
            let problem = format!("users.user_name_from: {:?} is not login, email or profile.<attribute>", source.get_ref());
            lines.error(source.span(), problem)
        })?,
    };
    let entitled = match &users.entitled {
        None => ENTITLED.into(),
        Some(words) => words.iter().map(|word| entitled_status(lines, word)).collect::<Result<_, _>>()?,
    };
    Ok(UsersPolicy { user_name_from, entitled, managed: managed(lines, users, transport)? })
}

fn managed(lines: &Lines<'_>, users: &raw::Users, transport: Transport) -> Result<Option<ManagedUsers>, PolicyError> {
    let is_managed = users.mode.as_ref().is_some_and(|mode| matches!(mode.get_ref(), raw::UserMode::Managed));
    if !is_managed {
        refuse_what_needs_managed(lines, users)?;
        return Ok(None);
    }
    if let Some(wish) = &users.on_not_entitled
        && (*wish.get_ref(), transport) == (OnNotEntitled::Disable, Transport::IdentityStore)
    {
        let problem = "users.on_not_entitled: \"disable\" needs writes.transport = \"scim\": no Identity Store API sets UserStatus; \
                       with \"identity_store\" use \"remove_memberships\" or \"delete\"";
        return Err(lines.error(wish.span(), problem));
    }
    let mut attributes: BTreeMap<Attribute, String> = DEMANDED.into_iter().map(|(to, from)| (to, from.to_owned())).collect();
    for (name, source) in &users.attributes {
        attributes.insert(attribute(lines, name, transport)?, source_of(lines, name, source)?);
    }
    Ok(Some(ManagedUsers {
        attributes,
        on_not_entitled: users.on_not_entitled.as_ref().map(|wish| *wish.get_ref()).unwrap_or_default(),
        grace_hours: users.grace_hours.as_ref().map(|hours| *hours.get_ref()).unwrap_or_default(),
        over_scim: transport == Transport::Scim,
    }))
}

/// Keys that say something about users whom someone else provisions. To ignore them would be a lie.
fn refuse_what_needs_managed(lines: &Lines<'_>, users: &raw::Users) -> Result<(), PolicyError> {
    if let Some(wish) = &users.on_not_entitled
        && *wish.get_ref() != OnNotEntitled::RemoveMemberships
    {
        let problem = "users.on_not_entitled: \"disable\" and \"delete\" need users.mode = \"managed\"; use \"remove_memberships\"";
        return Err(lines.error(wish.span(), problem));
    }
    if let Some(hours) = &users.grace_hours
        && *hours.get_ref() != 0
    {
        return Err(lines.error(hours.span(), "users.grace_hours needs users.mode = \"managed\""));
    }
    match users.attributes.keys().next() {
        Some(name) => Err(lines.error(name.span(), "users.attributes needs users.mode = \"managed\"")),
        None => Ok(()),
    }
}

fn attribute(lines: &Lines<'_>, name: &Text, transport: Transport) -> Result<Attribute, PolicyError> {
    let word = name.get_ref().as_str();
    if let Some(attribute) = Attribute::parse(word) {
        return Ok(attribute);
    }
    let reason = match (word, transport) {
        ("userName", _) => "userName comes from users.user_name_from".to_owned(),
        ("externalId", Transport::Scim) => "externalId is the Okta user's id, and is set by itself".to_owned(),
        ("externalId", Transport::IdentityStore) => {
            "no Identity Store API sets externalId (writes.transport = \"scim\" does); the ledger pins who is who instead".to_owned()
        }
        _ => {
            let known: Vec<&str> = Attribute::ALL.iter().map(|attribute| attribute.as_str()).collect();
            format!("{word:?} is no attribute of an Identity Center user; there are {}", known.join(", "))
        }
    };
    Err(lines.error(name.span(), format!("users.attributes: {reason}")))
}

fn source_of(lines: &Lines<'_>, name: &Text, source: &Text) -> Result<String, PolicyError> {
    let is_name = |text: &&str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let attribute = source.get_ref().strip_prefix("profile.").filter(is_name);
    attribute.map(str::to_owned).ok_or_else(|| {
        let problem = format!(
            "users.attributes: {} = {:?} is not \"profile.<attribute>\" with an attribute of Okta",
            name.get_ref(),
            source.get_ref()
        );
        lines.error(source.span(), problem)
    })
}

fn user_name_from(source: &str) -> Option<UserNameFrom> {
    match source {
        "login" => Some(UserNameFrom::Login),
        "email" => Some(UserNameFrom::Email),
        other => {
            other.strip_prefix("profile.").filter(|attribute| !attribute.is_empty()).map(|name| UserNameFrom::Profile(name.to_owned()))
        }
    }
}

/// Those that can sign in or are on their way to; the temporary sign-in states among them, because removing would flap.
const ENTITLED: [UserStatus; 5] =
    [UserStatus::Active, UserStatus::PasswordExpired, UserStatus::LockedOut, UserStatus::Recovery, UserStatus::Provisioned];

fn entitled_status(lines: &Lines<'_>, word: &Text) -> Result<UserStatus, PolicyError> {
    match UserStatus::parse(word.get_ref()) {
        UserStatus::Other(name) => Err(lines.error(word.span(), format!("users.entitled: {name:?} is no status of an Okta user"))),
        UserStatus::Deprovisioned => Err(lines.error(word.span(), "users.entitled: DEPROVISIONED users have left, and are never entitled")),
        status @ (UserStatus::Active
        | UserStatus::PasswordExpired
        | UserStatus::LockedOut
        | UserStatus::Recovery
        | UserStatus::Provisioned
        | UserStatus::Staged
        | UserStatus::Suspended) => Ok(status),
    }
}
