//! AWS IAM Identity Center: [`engine::ports::ReadTarget`] and [`engine::ports::WriteTarget`] over the Identity Store API,
//! [`engine::ports::ReadAssignments`] and [`engine::ports::WriteAssignments`] over sso-admin, and
//! [`engine::ports::ReadOrganization`] over Organizations; and [`scim`], a client of the SCIM endpoint.
//!
//! The way in: a [`Connection`] holds the clients, the pacers and the counts, and lives as long as the process; a [`Locator`] finds
//! the identity store once; an [`IdentityCenter`] is cheap and made for each run, with that run's deadline.
//!
//! Every request goes through one loop (`call`), which waits for its place (`pace`), counts, sends once, and sorts the answer
//! (`errors`). Nothing else in this crate waits or repeats.

mod access;
mod api;
mod call;
mod connection;
mod errors;
mod instance;
mod locate;
mod organizations;
mod pace;
mod paging;
mod reads;
mod records;
pub mod scim;
mod skew;
mod sso_admin;
mod users;
mod whole;
mod writes;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::time::Instant;

pub use access::{Access, Found, Purpose, Tried};
pub use connection::{Connection, Settings, configured};
pub use locate::{Location, Locator};
pub use users::UserDetails;

/// One instance of Identity Center: its identity store, its account assignments, and the organization around it. Cheap to clone;
/// clones share pacers and counts.
#[derive(Debug, Clone)]
pub struct IdentityCenter {
    aws: Connection,
    store: Arc<str>,
    instance_arn: Option<Arc<str>>,
    details: UserDetails,
    /// Set where users and memberships are written over SCIM.
    scim: Option<scim::ScimClient>,
}

impl IdentityCenter {
    /// The instance at `location`, over the clients, pacers and deadline of `connection`.
    pub fn new(connection: &Connection, location: &Location) -> Self {
        Self {
            aws: connection.clone(),
            store: location.identity_store_id.as_str().into(),
            instance_arn: location.instance_arn.as_deref().map(Into::into),
            details: UserDetails::None,
            scim: None,
        }
    }

    /// The same instance, whose users and memberships, and whose groups' externalIds, are written over SCIM.
    #[must_use]
    pub fn over_scim(self, scim: scim::ScimClient) -> Self {
        Self { scim: Some(scim), ..self }
    }

    /// The same instance, whose users are read with so much detail.
    #[must_use]
    pub fn with_user_details(self, details: UserDetails) -> Self {
        Self { details, ..self }
    }

    /// The same instance for a run that must end at `deadline`: a call that is not answered by then fails with `OutOfTime` instead
    /// of waiting longer. A write that was under way at that moment may have taken effect.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        Self { aws: self.aws.until(deadline), scim: self.scim.as_ref().map(|scim| scim.until(deadline)), ..self.clone() }
    }
}
