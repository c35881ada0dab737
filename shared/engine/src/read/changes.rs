//! What changed since a moment: groups, and users who left.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sync_core::actual::by_group;
use sync_core::error::TargetError;
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::policy::Entitlement;
use sync_core::reading::Reading;
use sync_core::records::OktaUser;
use sync_core::resolve::leavers;
use sync_core::snapshot::UserSighting;
use sync_core::unresolved::{Unresolved, UnresolvedKind};

use super::everything::{by_id, enter_groups};
use super::{ReadFailed, Reads};
use crate::apply::CLOCK_SKEW;
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Reads the groups that changed, or whose members changed, since a moment, and the users whose record changed and who are not
    /// entitled. Returns which they are. Who was deleted is in no list of Okta's: that only events and full runs find.
    pub(crate) async fn read_changes(&self, since: Timestamp) -> Result<(Reads, BTreeSet<OktaGroupId>, BTreeSet<OktaUserId>), ReadFailed> {
        let mut reads = Reads { began: self.clock.now(), ..Reads::default() };
        let (users, groups) = futures::try_join!(self.target.list_users(), self.target.list_groups())?;
        self.directory.remember_groups(&by_id(&groups));
        reads.actual.groups = by_id(&groups);
        reads.actual.lists_all_users = users.bad.is_empty();
        reads.actual.users = users.items.into_iter().map(|user| (user.id.clone(), user)).collect();
        self.read_pins(&mut reads).await;
        let listing = self.source.list_groups(Some(since - CLOCK_SKEW)).await?;
        reads.okta.assigned = self.read_assigned().await?;
        enter_groups(&mut reads, listing);
        let wanted: BTreeSet<OktaGroupId> = reads.okta.groups.keys().cloned().collect();
        self.read_wanted(&mut reads, &wanted).await;
        let left = self.read_who_left(&mut reads, since).await;
        Ok((reads, wanted, left))
    }

    /// A status leaves no trace on a group. What changed of a user is in the list of users; where that cannot be read, the run says so and
    /// counts as one that did not see everything.
    async fn read_who_left(&self, reads: &mut Reads, since: Timestamp) -> BTreeSet<OktaUserId> {
        let changed = match self.source.changed_users(since - CLOCK_SKEW).await {
            Ok(listing) => listing.items,
            Err(error) => {
                reads.unresolved.push(unread(format!("Okta could not say whose records changed: {error}")));
                return BTreeSet::new();
            }
        };
        let left = |user: &OktaUser| self.policy.users.entitlement(&user.status) == Entitlement::NotEntitled;
        let left: Vec<OktaUser> = changed.into_iter().filter(left).collect();
        let ids = left.iter().map(|user| user.id.clone()).collect();
        reads.okta.users.extend(left.into_iter().map(|user| (user.id.clone(), UserSighting::Present(user))));
        if let Err(error) = self.read_what_leavers_have(reads).await {
            reads.unresolved.push(unread(format!("the memberships of somebody who left could not be read: {error}")));
        }
        ids
    }

    async fn read_what_leavers_have(&self, reads: &mut Reads) -> Result<(), TargetError> {
        for user in leavers(&reads.okta, &reads.actual, &self.policy) {
            if let Some(memberships) = self.target.memberships_of_user(&user).await? {
                reads.actual.user_lists.insert(user, Reading::Known(by_group(memberships)));
            }
        }
        Ok(())
    }
}

fn unread(reason: String) -> Unresolved {
    Unresolved { kind: UnresolvedKind::Unreadable, okta_id: None, name: String::new(), reason }
}
