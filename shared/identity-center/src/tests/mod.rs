//! The crate against a scripted AWS.

mod connecting;
mod directory;
mod failing;
mod fake;
mod moto;
mod reading;
mod writing;

use sync_core::ids::{GroupId, MembershipId, UserId};

fn group(id: &str) -> GroupId {
    GroupId::new(id).unwrap()
}

fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

fn membership(id: &str) -> MembershipId {
    MembershipId::new(id).unwrap()
}
