//! Restricting states and plans to some groups or some users. Planning commutes with it.

use std::collections::BTreeSet;

use super::Plan;
use crate::action::Action;
use crate::actual::ActualState;
use crate::desired::{DesiredMembers, DesiredState};
use crate::ids::{OktaGroupId, UserId};

/// A part of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restriction {
    /// These groups, with everyone in them, and what is done to these users.
    Groups(BTreeSet<OktaGroupId>),
    /// The memberships of these users, and what is done to them.
    Users(BTreeSet<UserId>),
}

impl Restriction {
    /// The desired state of this part.
    pub fn of_desired(&self, desired: &DesiredState) -> DesiredState {
        let mut part = desired.clone();
        match self {
            Self::Groups(groups) => {
                part.groups.retain(|id, _| groups.contains(id));
                part.users.retain(|_, user| !user.groups.is_disjoint(groups));
            }
            Self::Users(users) => {
                part.groups.values_mut().for_each(|group| only_users(&mut group.members, users));
                part.users.retain(|_, user| user.fate.user_id().is_some_and(|id| users.contains(id)));
            }
        }
        part
    }

    /// The actual state of this part. Groups stay listed: names are taken by all of them.
    pub fn of_actual(&self, actual: &ActualState) -> ActualState {
        let mut part = actual.clone();
        if let Self::Users(users) = self {
            part.user_lists.retain(|user, _| users.contains(user));
            for list in part.group_lists.values_mut() {
                if let crate::reading::Reading::Known(members) = list {
                    members.retain(|user, _| users.contains(user));
                }
            }
        }
        part
    }

    /// The part of a plan: of users, what is done to their memberships and to them.
    pub fn of_plan(&self, plan: &Plan) -> Plan {
        let within = |action: &Action| match self {
            Self::Groups(groups) => action.is_of_any(groups),
            Self::Users(users) => action.user_id().is_some_and(|user| users.contains(user)),
        };
        plan.clone().partition(within).0
    }
}

fn only_users(members: &mut DesiredMembers, users: &BTreeSet<UserId>) {
    members.newcomers.clear();
    members.wanted.retain(|user, _| users.contains(user));
    members.unwanted.retain(|user, _| users.contains(user));
    members.shielded.retain(|user| users.contains(user));
}
