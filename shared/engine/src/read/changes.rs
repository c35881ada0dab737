//! What changed since a moment: groups, and users who left or are back.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sync_core::actual::by_group;
use sync_core::error::TargetError;
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::policy::Entitlement;
use sync_core::reading::Reading;
use sync_core::records::{ChangedUser, OktaUser};
use sync_core::resolve::leavers;
use sync_core::snapshot::UserSighting;
use sync_core::unresolved::{Unresolved, UnresolvedKind};

use super::everything::{by_id, enter_groups};
use super::{ReadFailed, Reads, UserQuery};
use crate::apply::CLOCK_SKEW;
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};

/// How many of those whose status changed, and who are entitled now, are looked at one by one: two to six calls each. Were there more of
/// them, a full run would be no dearer.
const MOST_RETURNED: usize = 100;

/// What changed since a moment, as it was read.
pub(crate) struct Changes {
    pub(crate) reads: Reads,
    /// The groups.
    pub(crate) groups: BTreeSet<OktaGroupId>,
    /// The users who are not entitled.
    pub(crate) left: BTreeSet<OktaUserId>,
    /// The users who are entitled and may not have been before.
    pub(crate) returned: BTreeSet<OktaUserId>,
}

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Reads the groups that changed, or whose members changed, since a moment, and the users whose status changed: who left loses
    /// everything, who is back gains what their groups give. Who was deleted is in no list of Okta's: that only events and full runs find.
    pub(crate) async fn read_changes(&self, since: Timestamp) -> Result<Changes, ReadFailed> {
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
        self.doubt_the_app(&mut reads).await?;
        self.disbelieve_an_empty_app(&mut reads);
        let groups: BTreeSet<OktaGroupId> = reads.okta.groups.keys().cloned().collect();
        self.read_wanted(&mut reads, &groups).await;
        let changed = self.whose_records_changed(&mut reads, since).await;
        let left = self.read_who_left(&mut reads, &changed).await;
        let returned = self.read_who_returned(&mut reads, &changed, since).await?;
        Ok(Changes { reads, groups, left, returned })
    }

    /// A status leaves no trace on a group. What changed of a user is in the list of users; where that cannot be read, the run says so and
    /// counts as one that did not see everything.
    async fn whose_records_changed(&self, reads: &mut Reads, since: Timestamp) -> Vec<ChangedUser> {
        match self.source.changed_users(since - CLOCK_SKEW).await {
            Ok(listing) => listing.items,
            Err(error) => {
                reads.unresolved.push(unread(format!("Okta could not say whose records changed: {error}")));
                Vec::new()
            }
        }
    }

    /// Those who are entitled, and whose status changed since: each is looked at as after an event.
    async fn read_who_returned(
        &self,
        reads: &mut Reads,
        changed: &[ChangedUser],
        since: Timestamp,
    ) -> Result<BTreeSet<OktaUserId>, ReadFailed> {
        let is_back = |changed: &&ChangedUser| {
            let is_new = changed.status_changed.is_none_or(|at| at >= since - CLOCK_SKEW);
            is_new && self.policy.users.entitlement(&changed.user.status) == Entitlement::Entitled
        };
        let back: Vec<&OktaUser> = changed.iter().filter(is_back).map(|changed| &changed.user).collect();
        if back.len() > MOST_RETURNED {
            reads
                .notes
                .push(format!("the status of {} users who are entitled changed: the next full run looks at what they gain", back.len()));
            return Ok(BTreeSet::new());
        }
        let query = |user: &OktaUser| UserQuery { login: user.user_name.clone(), ..UserQuery::of(user.id.clone()) };
        self.read_more_users(reads, &back.iter().copied().map(query).collect::<Vec<_>>()).await?;
        Ok(back.into_iter().map(|user| user.id.clone()).collect())
    }

    async fn read_who_left(&self, reads: &mut Reads, changed: &[ChangedUser]) -> BTreeSet<OktaUserId> {
        let left = |user: &&OktaUser| self.policy.users.entitlement(&user.status) == Entitlement::NotEntitled;
        let left: Vec<OktaUser> = changed.iter().map(|changed| &changed.user).filter(left).cloned().collect();
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
