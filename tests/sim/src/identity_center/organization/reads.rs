//! What Organizations lists, page by page, whatever carries it.

use sync_core::ids::AccountId;

use super::{Organization, StateFields, StoreAccount, StoreUnit};
use crate::fault::Page;
use crate::identity_center::error::AwsError;
use crate::identity_center::reads::{Pages, Part};
use crate::identity_center::state::StoreState;

/// An exception of Organizations.
fn missing(exception: &str, message: &str) -> AwsError {
    AwsError::new(exception, 400, message)
}

impl StoreState {
    pub(super) fn its_organization(&self) -> Result<&Organization, AwsError> {
        let none = || missing("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.");
        self.organization.as_ref().ok_or_else(none)
    }

    /// As Organizations says that there is no such account.
    pub(super) fn described_account(&self, id: &str) -> Result<&StoreAccount, AwsError> {
        let found = AccountId::new(id).ok().and_then(|id| self.its_organization().ok()?.accounts.get(&id));
        self.its_organization()?;
        found.ok_or_else(|| missing("AccountNotFoundException", "You specified an account that doesn't exist."))
    }

    pub(super) fn list_accounts<T>(&self, part: Part<'_>, map: impl Fn(&StoreAccount) -> T) -> Result<Page<T>, AwsError> {
        let accounts = self.its_organization()?.accounts.values().map(|account| (account.id.as_str(), account));
        self.organization_pages().page("accounts", part, accounts, map)
    }

    pub(super) fn list_accounts_below<T>(
        &self,
        parent: &str,
        part: Part<'_>,
        map: impl Fn(&StoreAccount) -> T,
    ) -> Result<Page<T>, AwsError> {
        let below = self.parent(parent)?.accounts.values().filter(|account| account.parent == parent);
        self.organization_pages().page(parent, part, below.map(|account| (account.id.as_str(), account)), map)
    }

    pub(super) fn list_units_below<T>(&self, parent: &str, part: Part<'_>, map: impl Fn(&StoreUnit) -> T) -> Result<Page<T>, AwsError> {
        let below = self.parent(parent)?.units.values().filter(|unit| unit.parent == parent);
        self.organization_pages().page(parent, part, below.map(|unit| (unit.id.as_str(), unit)), map)
    }

    pub(super) fn list_roots<T>(&self, part: Part<'_>, map: impl Fn(&str) -> T) -> Result<Page<T>, AwsError> {
        let root = self.its_organization()?.root.as_str();
        self.organization_pages().page("roots", part, std::iter::once((root, root)), map)
    }

    pub(super) fn list_tags<T>(&self, id: &str, part: Part<'_>, map: impl Fn((&str, &str)) -> T) -> Result<Page<T>, AwsError> {
        let account = self.described_account(id).map_err(|error| match error.exception.as_str() {
            "AccountNotFoundException" => missing("TargetNotFoundException", "You specified a target that doesn't exist."),
            _ => error,
        })?;
        let tags = account.tags.iter().map(|(key, value)| (key.as_str(), (key.as_str(), value.as_str())));
        self.organization_pages().page(id, part, tags, map)
    }

    /// The ids from the root down to the unit that an account is in; nothing where AWS does not say.
    pub(super) fn path_of_account(&self, account: &StoreAccount) -> Vec<String> {
        let organization = self.organization.as_ref().filter(|_| self.settings.organization.paths);
        organization.map(|organization| organization.path_of(&account.parent)).unwrap_or_default()
    }

    /// AWS's word for an account's state, where it gives `State`; else its `Status`.
    pub(super) fn shown_state(&self, account: &StoreAccount) -> String {
        match self.settings.organization.state_fields {
            StateFields::Both | StateFields::State => account.state.clone(),
            StateFields::Status => status_of(&account.state).to_owned(),
        }
    }

    fn parent(&self, id: &str) -> Result<&Organization, AwsError> {
        let organization = self.its_organization()?;
        let exists = organization.root == id || organization.units.contains_key(id);
        let none = || missing("ParentNotFoundException", "You specified a root or OU that doesn't exist.");
        exists.then_some(organization).ok_or_else(none)
    }

    fn organization_pages(&self) -> Pages {
        Pages { size: self.settings.organization.page_size, empty: self.settings.organization.empty_pages }
    }
}

/// The `Status` that goes with a `State`: it has fewer words.
pub(super) fn status_of(state: &str) -> &str {
    match state {
        "ACTIVE" | "PENDING_CLOSURE" | "SUSPENDED" => state,
        _ => "SUSPENDED",
    }
}
