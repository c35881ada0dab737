//! A client of Identity Center's SCIM endpoint: what the Identity Store API cannot do, which is to write externalId and `active`, and to
//! change up to a hundred memberships in one call.
//!
//! Requests take the same way as all others of this crate: paced, counted, repeated where that may help, and over by the run's deadline. A
//! POST whose answer was lost meets its own effect as a 409 when it is sent again, and so every creation that is refused for a name looks
//! for who has it. Reads of memberships do not exist: the endpoint answers every group with an empty list of members.

mod client;
mod credential;
mod filter;
mod group;
mod groups;
mod transport;
mod user;
mod users;
mod verdict;
mod wire;

#[cfg(test)]
mod tests;

pub use client::{CheckError, Creation, ScimClient};
pub use credential::{CredentialProvider, Endpoint, EndpointError, ScimCredential};
pub use filter::{GroupFilter, UserFilter};
pub use group::{GroupRecord, MembershipChanges, MembershipsError, ScimGroupPatch};
pub use user::{Address, Contact, Enterprise, Name, ScimUser, ScimUserPatch, UserRecord};
