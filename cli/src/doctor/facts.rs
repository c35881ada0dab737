//! What was seen, before anyone judges it. A read that failed is a fact too.

use std::collections::BTreeMap;

use identity_center::{Access, Location};
use jiff::Timestamp;
use sync_core::assignments::Organization;
use sync_core::ids::{AccountId, OktaGroupId};
use sync_core::policy::Policy;
use sync_core::records::OktaGroup;

/// What was read, or why it was not.
pub(crate) type Read<T> = Result<T, Unread>;

/// Why something was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unread(pub(crate) String);

impl Unread {
    /// A reason in words.
    pub(crate) fn because(why: &(impl ToString + ?Sized)) -> Self {
        Self(why.to_string())
    }
}

/// What came of asking Okta for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked<T> {
    /// It was given.
    Given(T),
    /// Okta answered with an error.
    Refused(Refusal),
    /// There was nothing to ask with: the credential cannot be read, or Okta gives no access token for this scope.
    NoCredential(String),
    /// There was no answer.
    NoAnswer(String),
    /// It was not asked, and why.
    Withheld(String),
}

/// An error that Okta answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub(crate) status: u16,
    /// Okta's code.
    pub(crate) code: Option<String>,
    /// Okta's words.
    pub(crate) words: String,
}

impl<T> Asked<T> {
    /// What was given, else why it was not.
    ///
    /// # Errors
    /// [`Unread`]
    pub(crate) fn given(&self) -> Read<&T> {
        match self {
            Self::Given(given) => Ok(given),
            Self::Refused(refusal) => Err(Unread::because(&refusal.words)),
            Self::NoCredential(why) | Self::NoAnswer(why) | Self::Withheld(why) => Err(Unread::because(why)),
        }
    }
}

/// Which form the Okta credential has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CredentialForm {
    /// An API token (SSWS).
    ApiToken,
    /// The key of an API service app (OAuth 2.0).
    ServiceApp,
}

/// Okta.
#[derive(Debug, Clone)]
pub(crate) struct OktaFacts {
    /// The org's address.
    pub(crate) org_url: String,
    /// Whether something answers there as an Okta org does.
    pub(crate) organization: Asked<()>,
    /// The credential's form; why it cannot be used.
    pub(crate) credential: Read<CredentialForm>,
    /// The first page of users.
    pub(crate) users: Asked<UsersSeen>,
    /// All groups.
    pub(crate) groups: Asked<Vec<OktaGroup>>,
    /// All apps that are IAM Identity Center.
    pub(crate) apps: Asked<Vec<AppFacts>>,
    /// All event hooks.
    pub(crate) hooks: Asked<Vec<HookFacts>>,
    /// By how many seconds Okta's clock is ahead of ours.
    pub(crate) clock_ahead_s: Option<i64>,
    /// Requests a minute that this credential may send for groups and their members.
    pub(crate) groups_per_minute: Option<u64>,
}

/// The first page of users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct UsersSeen {
    /// How many there were.
    pub(crate) n: usize,
    /// How many of them have an e-mail address that is not their login.
    pub(crate) n_other_email: usize,
}

/// An app of the kind "AWS IAM Identity Center".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AppFacts {
    /// Its id (`0oa…`).
    pub(crate) id: String,
    /// What people call it.
    pub(crate) label: String,
    /// Whether it is active.
    pub(crate) is_active: bool,
    /// Its sign-on mode (`SAML_2_0`).
    pub(crate) sign_on_mode: String,
    /// `credentials.userNameTemplate.template`: what its users are called.
    pub(crate) user_name_template: String,
    /// `settings.signOn.subjectNameIdTemplate`, where it has one of its own.
    pub(crate) name_id_template: Option<String>,
    /// What of the SAML metadata matters.
    pub(crate) metadata: Asked<Metadata>,
    /// When the key ends with which it signs.
    pub(crate) key_expires: Asked<Option<Timestamp>>,
    /// The ids of the Okta groups that it pushes.
    pub(crate) pushed: Asked<Vec<String>>,
}

/// The identity provider's SAML metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// `entityID`, empty where the document has none.
    pub(crate) entity_id: String,
    /// Whether it has a certificate and a place to sign in.
    pub(crate) is_whole: bool,
    /// The document.
    pub(crate) document: Vec<u8>,
}

/// An event hook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HookFacts {
    /// Its id (`who…`).
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// Where it delivers.
    pub(crate) uri: String,
    /// Whether it is active.
    pub(crate) is_active: bool,
    /// Whether its endpoint answered the challenge.
    pub(crate) is_verified: bool,
    /// The event types that it delivers.
    pub(crate) event_types: Vec<String>,
    /// Whether it holds some of these events back.
    pub(crate) has_filter: bool,
    /// The header that carries the secret.
    pub(crate) header: String,
}

/// The AWS side.
#[derive(Debug, Clone)]
pub(crate) struct AwsFacts {
    /// The account whose credentials these are.
    pub(crate) account: Read<String>,
    /// The instance and identity store.
    pub(crate) location: Read<Location>,
    /// Every operation, tried.
    pub(crate) accesses: Read<Vec<Access>>,
    /// By how many seconds AWS's clock is ahead of ours.
    pub(crate) clock_ahead_s: Option<i64>,
    /// The organization's management account.
    pub(crate) management: Read<AccountId>,
    /// Users in the identity store.
    pub(crate) n_users: Read<usize>,
    /// Groups in the identity store: DisplayName and Description.
    pub(crate) groups: Read<Vec<(String, String)>>,
    /// Names of the permission sets.
    pub(crate) permission_sets: Read<Vec<String>>,
    /// The organization, where rules ask for it.
    pub(crate) organization: Read<Organization>,
    /// The SCIM token, where the policy writes over SCIM.
    pub(crate) scim: Read<ScimFacts>,
}

/// The SCIM endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScimFacts {
    /// When the secret says that the token ends.
    pub(crate) expires: Option<Timestamp>,
    /// Whether the endpoint took it; what is wrong otherwise, and in which words.
    pub(crate) answer: Result<(), (ScimTrouble, Unread)>,
}

/// What is wrong with the SCIM endpoint or the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScimTrouble {
    /// The secret cannot be read, or holds something else.
    Secret,
    /// The endpoint does not accept the token.
    Token,
    /// What answers at this address is no SCIM endpoint.
    Address,
    /// The endpoint is there and does not allow it.
    NotAllowed,
    /// Nobody answers at this address, or not now.
    NoAnswer,
}

/// What Identity Center has already of what Okta lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Present {
    /// The groups that stand for managed groups of Okta.
    pub(crate) groups: BTreeMap<OktaGroupId, PresentGroup>,
    /// People to be made users: entitled, in a managed group that lacks members, and nobody in the identity store. None where the policy makes
    /// no users.
    pub(crate) n_absent_users: usize,
}

/// What a group has already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PresentGroup {
    /// Its members.
    pub(crate) members: u64,
    /// Its account assignments; none where they were not read.
    pub(crate) assignments: usize,
}

/// The ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerFacts {
    /// Since when runs are paused.
    pub(crate) paused: Option<Timestamp>,
    /// When a full run last completed.
    pub(crate) last_complete: Option<Timestamp>,
}

/// Everything that was seen.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Our clock.
    pub(crate) now: Timestamp,
    /// The policy file.
    pub(crate) policy: Read<Policy>,
    /// Where the event hook delivers, as far as the operator said.
    pub(crate) hook_url: Option<String>,
    /// Okta; why nothing could be asked.
    pub(crate) okta: Read<OktaFacts>,
    /// AWS.
    pub(crate) aws: AwsFacts,
    /// What of Okta's groups is in Identity Center already.
    pub(crate) present: Read<Present>,
    /// The ledger.
    pub(crate) ledger: Read<LedgerFacts>,
}

impl Facts {
    /// The matched groups of Okta: those that the policy makes managed groups.
    ///
    /// # Errors
    /// Why they are not known.
    pub(crate) fn matched(&self) -> Read<Vec<&OktaGroup>> {
        let policy = self.policy.as_ref().map_err(Clone::clone)?;
        let groups = self.okta.as_ref().map_err(Clone::clone)?.groups.given()?;
        Ok(groups.iter().filter(|group| policy.groups.matches(group)).collect())
    }

    /// The policy.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn policy(&self) -> Read<&Policy> {
        self.policy.as_ref().map_err(Clone::clone)
    }

    /// Okta.
    ///
    /// # Errors
    /// Why nothing was asked.
    pub(crate) fn okta(&self) -> Read<&OktaFacts> {
        self.okta.as_ref().map_err(Clone::clone)
    }

    /// The app of IAM Identity Center that is meant: the policy's own where it names one that is among them, else the first active one.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn app(&self) -> Read<&AppFacts> {
        let apps = self.okta()?.apps.given()?;
        let named = self.policy.as_ref().ok().and_then(|policy| policy.groups.app_id.as_ref());
        let meant = apps.iter().find(|app| Some(&app.id) == named);
        let meant = meant.or_else(|| apps.iter().find(|app| app.is_active)).or_else(|| apps.first());
        meant.ok_or_else(|| Unread::because("there is no such app (see app.present)"))
    }
}
