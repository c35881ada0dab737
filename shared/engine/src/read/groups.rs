//! Some groups: those that an operator names, those that changed, and those that a trigger names.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use sync_core::error::TargetError;
use sync_core::ids::{GroupId, OktaGroupId, OktaUserId, UserId};
use sync_core::names::NameKey;
use sync_core::reading::Reading;
use sync_core::records::DirectoryUser;
use sync_core::snapshot::{GroupSighting, UserSighting};
use sync_core::unresolved::{Unresolved, UnresolvedKind};

use super::everything::{by_id, enter_groups};
use super::{CONCURRENCY, ReadFailed, Reads, bad_records};
use crate::engine::Engine;
use crate::ports::{Clock, ReadSource, ReadTarget, Table};

/// Up to so many users are looked up one by one; beyond, the list of all users (a page a hundred) is no dearer.
const MOST_LOOKUPS: usize = 20;

/// A list of groups younger than this is not fetched anew because something is missing from it.
const YOUNG: Duration = Duration::from_secs(10);

impl<S: ReadSource, T: ReadTarget, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Reads the groups that an operator names, by id or by name. Returns which they are.
    pub(crate) async fn read_named_groups(&self, names: &[String]) -> Result<(Reads, BTreeSet<OktaGroupId>), ReadFailed> {
        let mut reads = self.read_lists().await?;
        reads.okta.lists_all_groups = false;
        let mut wanted = BTreeSet::new();
        for name in names {
            let found = self.named(&reads, name);
            if found.is_empty() {
                let reason = "no group in Okta or Identity Center has this id or name".to_owned();
                let (kind, okta_id, name) = (UnresolvedKind::Unreadable, None, name.clone());
                reads.unresolved.push(Unresolved { kind, okta_id, name, reason });
            }
            wanted.extend(found);
        }
        let unseen: Vec<OktaGroupId> = wanted.iter().filter(|id| !reads.okta.groups.contains_key(id)).cloned().collect();
        let sightings = self.sight(unseen).await;
        reads.okta.groups.extend(sightings);
        self.read_wanted(&mut reads, &wanted).await;
        Ok((reads, wanted))
    }

    /// Reads the groups that changed, or whose members changed, since a moment. Returns which they are.
    pub(crate) async fn read_changed_groups(&self, since: Timestamp) -> Result<(Reads, BTreeSet<OktaGroupId>), ReadFailed> {
        let mut reads = Reads { began: self.clock.now(), ..Reads::default() };
        let (users, groups) = futures::try_join!(self.target.list_users(), self.target.list_groups())?;
        self.directory.remember_groups(&by_id(&groups));
        reads.actual.groups = by_id(&groups);
        reads.actual.users = users.items.into_iter().map(|user| (user.id.clone(), user)).collect();
        reads.actual.pins = self.ledger.pins(self.clock.now()).await.unwrap_or_default();
        let listing = self.source.list_groups(Some(since)).await?;
        reads.okta.assigned = self.read_assigned().await?;
        enter_groups(&mut reads, listing);
        let wanted: BTreeSet<OktaGroupId> = reads.okta.groups.keys().cloned().collect();
        self.read_wanted(&mut reads, &wanted).await;
        Ok((reads, wanted))
    }

    async fn read_wanted(&self, reads: &mut Reads, wanted: &BTreeSet<OktaGroupId>) {
        self.look_behind_taken_names(reads).await;
        let queries = self.queries(reads, |id| wanted.contains(id));
        self.read_groups_into(reads, queries).await;
    }

    /// The Okta groups that an operator means: by id, by Okta's name, or by the name of a marked group.
    fn named(&self, reads: &Reads, name: &str) -> BTreeSet<OktaGroupId> {
        let key = NameKey::of(name);
        let is_named =
            |id: &OktaGroupId| id.as_str() == name || reads.okta.present(id).is_some_and(|group| NameKey::of(&group.name) == key);
        let in_okta = reads.okta.groups.keys().filter(|id| is_named(id)).cloned();
        let ours = |id: &GroupId| reads.actual.mark(id).filter(|mark| self.policy.owns_host(&mark.host)).map(|mark| mark.group);
        let is_meant = |marked: &OktaGroupId, display_name: &str| marked.as_str() == name || NameKey::of(display_name) == key;
        let in_target =
            reads.actual.groups.values().filter_map(|group| ours(&group.id).filter(|marked| is_meant(marked, &group.display_name)));
        in_okta.chain(in_target).collect()
    }

    /// A name may be held by a group whose Okta group is gone: only then may it be taken over.
    pub(super) async fn look_behind_taken_names(&self, reads: &mut Reads) {
        let wanted: BTreeSet<NameKey> =
            reads.okta.groups.keys().filter_map(|id| reads.okta.present(id)).map(|group| NameKey::of(&group.name)).collect();
        let holders = reads.actual.groups.values().filter(|group| wanted.contains(&NameKey::of(&group.display_name)));
        let marks = holders.filter_map(|group| reads.actual.mark(&group.id)).filter(|mark| self.policy.owns_host(&mark.host));
        let unseen: Vec<OktaGroupId> = marks.map(|mark| mark.group).filter(|id| !reads.okta.groups.contains_key(id)).collect();
        let sightings = self.sight(unseen).await;
        reads.okta.groups.extend(sightings);
    }

    /// The groups of Identity Center, from memory where they were listed lately.
    pub(super) async fn read_directory_groups(&self, reads: &mut Reads) -> Result<(), ReadFailed> {
        if let Some(groups) = self.directory.groups() {
            reads.actual.groups = groups;
            return Ok(());
        }
        let groups = self.target.list_groups().await?;
        self.directory.remember_groups(&by_id(&groups));
        reads.actual.groups = by_id(&groups);
        reads.unresolved.extend(bad_records("Identity Center group", groups.bad));
        Ok(())
    }

    /// Where a managed group has no marked counterpart, another process may have made it just now.
    pub(super) async fn look_again_for_the_unmarked(&self, reads: &mut Reads) -> Result<(), ReadFailed> {
        let marks = self.marks(reads);
        let managed = |id: &&OktaGroupId| reads.okta.present(id).is_some_and(|group| self.policy.groups.matches(group));
        let unmarked = reads.okta.groups.keys().filter(managed).any(|id| !marks.contains(id));
        if unmarked && self.directory.groups_age().is_none_or(|age| age > YOUNG) {
            self.directory.forget_groups();
            self.read_directory_groups(reads).await?;
        }
        Ok(())
    }

    /// The groups of the app, from memory where they were read lately.
    pub(super) async fn read_assigned_lately(&self, reads: &mut Reads) -> Result<(), ReadFailed> {
        reads.okta.assigned = match self.directory.assigned() {
            Some(assigned) => Some(assigned),
            None => self.read_assigned().await?,
        };
        Ok(())
    }

    /// Reads the groups that triggers name, and finds their members.
    pub(super) async fn read_triggered_groups(&self, reads: &mut Reads, groups: &BTreeSet<OktaGroupId>) -> Result<(), ReadFailed> {
        let sightings = self.sight(groups.iter().cloned().collect()).await;
        reads.okta.groups.extend(sightings);
        self.look_again_for_the_unmarked(reads).await?;
        self.look_behind_taken_names(reads).await;
        let queries = self.queries(reads, |id| groups.contains(id));
        self.read_groups_into(reads, queries).await;
        if let Err(error) = self.find_members(reads, groups).await {
            let reason = format!("its members could not be looked up in Identity Center: {error}");
            for group in groups {
                reads.okta.member_lists.insert(group.clone(), Reading::Unknown(reason.clone()));
            }
        }
        Ok(())
    }

    /// Finds out which Identity Center user each member is, and who the members are that Okta does not list: a login may have changed, and
    /// nobody may be taken for a stranger on account of that.
    async fn find_members(&self, reads: &mut Reads, groups: &BTreeSet<OktaGroupId>) -> Result<(), TargetError> {
        let listed: BTreeMap<OktaUserId, Option<String>> = listed_members(reads, groups);
        let remembered: Vec<DirectoryUser> = listed.keys().filter_map(|id| self.directory.user(id)).collect();
        reads.actual.users.extend(remembered.into_iter().map(|user| (user.id.clone(), user)));
        let strangers = strangers(reads);
        let missing = |reads: &Reads| -> Vec<(OktaUserId, Option<String>)> {
            listed.iter().filter(|(id, name)| !is_found(reads, id, name.as_deref())).map(|(id, name)| (id.clone(), name.clone())).collect()
        };
        if strangers.len() > MOST_LOOKUPS || missing(reads).len() > MOST_LOOKUPS + strangers.len() {
            let users = self.target.list_users().await?;
            reads.actual.users = users.items.into_iter().map(|user| (user.id.clone(), user)).collect();
            reads.actual.pins = self.ledger.pins(self.clock.now()).await.unwrap_or_default();
            return Ok(());
        }
        let described: Vec<Option<DirectoryUser>> = stream::iter(strangers)
            .map(|id| async move { self.target.user(&id).await })
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        reads.actual.users.extend(described.into_iter().flatten().map(|user| (user.id.clone(), user)));
        for (id, name) in missing(reads) {
            self.look_up(reads, &id, name.as_deref()).await?;
        }
        Ok(())
    }

    /// Looks up an Okta user: the pin of an earlier run, then the userName. Returns who it may be; whether it is them is for
    /// `resolve` to say.
    pub(super) async fn look_up(&self, reads: &mut Reads, id: &OktaUserId, user_name: Option<&str>) -> Result<Vec<UserId>, TargetError> {
        if let Ok(Some(pinned)) = self.ledger.pin(id, self.clock.now()).await
            && let Some(user) = self.target.user(&pinned).await?
        {
            reads.actual.pins.insert(id.clone(), pinned);
            self.directory.remember_user(id, &user);
            return Ok(enter_users(reads, vec![user]));
        }
        let Some(name) = user_name else { return Ok(Vec::new()) };
        let found = self.users_named(name).await?;
        if let [only] = found.as_slice()
            && only.external_ids.iter().any(|external| external == id.as_str())
        {
            self.directory.remember_user(id, only);
        }
        for user in found.iter().filter(|user| user.external_ids.is_empty()) {
            if let Ok(Some(other)) = self.ledger.pinned_to(&user.id, self.clock.now()).await {
                reads.actual.pins.insert(other, user.id.clone());
            }
        }
        Ok(enter_users(reads, found))
    }

    /// The users of this name, in any case: whether AWS's filter regards case is not documented.
    async fn users_named(&self, name: &str) -> Result<Vec<DirectoryUser>, TargetError> {
        let found = self.target.users_named(name).await?;
        let lower = NameKey::of(name);
        if found.is_empty() && lower.as_str() != name { self.target.users_named(lower.as_str()).await } else { Ok(found) }
    }
}

fn enter_users(reads: &mut Reads, users: Vec<DirectoryUser>) -> Vec<UserId> {
    let ids = users.iter().map(|user| user.id.clone()).collect();
    reads.actual.users.extend(users.into_iter().map(|user| (user.id.clone(), user)));
    ids
}

/// The members that Okta lists in these groups, with what would be their userName.
fn listed_members(reads: &Reads, groups: &BTreeSet<OktaGroupId>) -> BTreeMap<OktaUserId, Option<String>> {
    let lists = groups.iter().filter_map(|group| reads.okta.member_lists.get(group)?.known());
    let name = |id: &OktaUserId| match reads.okta.users.get(id) {
        Some(UserSighting::Present(user)) => user.user_name.clone(),
        Some(UserSighting::Gone | UserSighting::StatusUnread | UserSighting::Broken(_) | UserSighting::Unknown(_)) | None => None,
    };
    lists.flat_map(|list| &list.members).map(|id| (id.clone(), name(id))).collect()
}

/// The members in Identity Center of whom nothing is known but their id.
fn strangers(reads: &Reads) -> BTreeSet<UserId> {
    let lists = reads.actual.group_lists.values().filter_map(Reading::known);
    lists.flat_map(BTreeMap::keys).filter(|id| !reads.actual.users.contains_key(id)).cloned().collect()
}

fn is_found(reads: &Reads, id: &OktaUserId, name: Option<&str>) -> bool {
    let key = name.map(NameKey::of);
    reads.actual.users.values().any(|user| {
        user.external_ids.iter().any(|external| external == id.as_str())
            || (user.external_ids.is_empty() && key.as_ref() == Some(&NameKey::of(&user.user_name)))
    })
}

/// The groups that a look found to be there, or gone: what remains is unknown.
pub(super) fn is_decided(sighting: Option<&GroupSighting>) -> bool {
    matches!(sighting, Some(GroupSighting::Present(_) | GroupSighting::Gone))
}
