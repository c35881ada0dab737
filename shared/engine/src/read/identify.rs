//! Who is who, where not everyone is listed: which Identity Center user an Okta user may be, and who an unknown member is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use sync_core::error::TargetError;
use sync_core::ids::{GroupId, MembershipId, OktaGroupId, OktaUserId, UserId};
use sync_core::names::NameKey;
use sync_core::reading::Reading;
use sync_core::records::DirectoryUser;
use sync_core::snapshot::UserSighting;

use super::{CONCURRENCY, Reads};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};

/// Up to so many users are looked up one by one; beyond, the list of all users (a page a hundred) is no dearer.
pub(super) const MOST_LOOKUPS: usize = 20;

/// Members whom not even the list of all users has are looked up so far: ten seconds of calls. The others stay unidentified.
const MOST_GONE: usize = 200;

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Every pin. Where they cannot be read, that is remembered: then nobody without an externalId is told by name.
    pub(super) async fn read_pins(&self, reads: &mut Reads) {
        match self.ledger.pins(self.clock.now()).await {
            Ok(pins) => reads.actual.pins = pins,
            Err(_) => reads.actual.pins_unread = true,
        }
    }

    /// Members whom the list of users did not have yet: they were provisioned since, and nobody may be taken for a stranger on account
    /// of that. Whoever cannot be identified stays.
    pub(super) async fn identify_strangers(&self, reads: &mut Reads) {
        let strangers = strangers(reads);
        if strangers.is_empty() {
            return;
        }
        if let Err(error) = self.describe(reads, strangers).await {
            tracing::warn!(event = "strangers_not_identified", error = %error, "they stay as they are");
        }
    }

    /// Finds out which Identity Center user each listed member is, and who the members are that Okta does not list: a login may have
    /// changed. Where that fails, nothing is concluded from the lists.
    pub(super) async fn find_members(&self, reads: &mut Reads, groups: &BTreeSet<OktaGroupId>) {
        if let Err(error) = self.try_find_members(reads, groups).await {
            let reason = format!("its members could not be looked up in Identity Center: {error}");
            for group in groups {
                reads.okta.members_seen.remove(group);
                reads.okta.member_lists.insert(group.clone(), Reading::Unknown(reason.clone()));
            }
        }
    }

    async fn try_find_members(&self, reads: &mut Reads, groups: &BTreeSet<OktaGroupId>) -> Result<(), TargetError> {
        let listed = listed_members(reads, groups);
        for id in listed.keys() {
            self.recall(reads, id);
        }
        self.describe(reads, strangers(reads)).await?;
        self.read_pins_of_nameless(reads).await;
        let missing = not_found(reads, &listed);
        if missing.len() > MOST_LOOKUPS {
            return self.read_everyone(reads).await;
        }
        for (id, name) in missing {
            let found = self.look_up(reads, &id, name.as_deref()).await?;
            if self.policy.users.managed.is_some() && !found.iter().any(|user| is_theirs(reads, user, &id)) {
                self.seek(reads, &id).await?;
            }
        }
        Ok(())
    }

    /// Reads the records of users of whom nothing is known but their id. Whoever does not exist any more is no member: whether AWS takes
    /// memberships away with their users is not documented. A list may be late, so only a read by id says so.
    async fn describe(&self, reads: &mut Reads, mut users: BTreeSet<UserId>) -> Result<(), TargetError> {
        if users.len() > MOST_LOOKUPS {
            self.read_everyone(reads).await?;
            users.retain(|id| !reads.actual.users.contains_key(id));
        }
        let look = |id: UserId| async move { self.target.user(&id).await.map(|user| (id, user)) };
        let looks = stream::iter(users.into_iter().take(MOST_GONE)).map(look).buffer_unordered(CONCURRENCY);
        let described: Vec<(UserId, Option<DirectoryUser>)> = looks.try_collect().await?;
        let gone: BTreeSet<UserId> = described.iter().filter(|(_, user)| user.is_none()).map(|(id, _)| id.clone()).collect();
        enter_users(reads, described.into_iter().filter_map(|(_, user)| user).collect());
        forget_members(reads, &gone);
        reads.gone.extend(gone);
        Ok(())
    }

    async fn read_everyone(&self, reads: &mut Reads) -> Result<(), TargetError> {
        let users = self.target.list_users().await?;
        reads.actual.lists_all_users = users.bad.is_empty();
        enter_users(reads, users.items);
        self.read_pins(reads).await;
        Ok(())
    }

    /// A user without an externalId may have been found to be someone before: their name alone says nothing.
    async fn read_pins_of_nameless(&self, reads: &mut Reads) {
        let known: BTreeSet<&UserId> = reads.actual.pins.values().collect();
        let nameless = reads.actual.users.values().filter(|user| user.external_ids.is_empty() && !known.contains(&user.id));
        let ids: Vec<UserId> = nameless.map(|user| user.id.clone()).collect();
        for id in ids {
            self.read_pin_of(reads, &id).await;
        }
    }

    async fn read_pin_of(&self, reads: &mut Reads, user: &UserId) {
        match self.ledger.pinned_to(user, self.clock.now()).await {
            Ok(Some(id)) => drop(reads.actual.pins.insert(id, user.clone())),
            Ok(None) => {}
            Err(_) => reads.actual.pins_unread = true,
        }
    }

    /// The user from memory, with the pin if that is what told them. Returns whether they were remembered.
    pub(super) fn recall(&self, reads: &mut Reads, id: &OktaUserId) -> Option<UserId> {
        let remembered = self.directory.user(id)?;
        let user = remembered.user.id.clone();
        if remembered.is_pinned {
            reads.actual.pins.insert(id.clone(), user.clone());
        }
        let mut record = remembered.user;
        // Whoever manages users decides on what they are now.
        if self.policy.users.managed.is_some() {
            record.details = None;
        }
        reads.actual.users.insert(user.clone(), record);
        Some(user)
    }

    /// Looks up an Okta user: the pin of an earlier run, then the userName. Returns who it may be; whether it is them is for
    /// `resolve` to say.
    pub(super) async fn look_up(&self, reads: &mut Reads, id: &OktaUserId, user_name: Option<&str>) -> Result<Vec<UserId>, TargetError> {
        match self.ledger.pin(id, self.clock.now()).await {
            Ok(Some(pinned)) => {
                if let Some(user) = self.target.user(&pinned).await? {
                    reads.actual.pins.insert(id.clone(), pinned);
                    self.directory.remember_user(id, &user, true);
                    return Ok(enter_users(reads, vec![user]));
                }
            }
            Ok(None) => {}
            Err(_) => reads.actual.pins_unread = true,
        }
        let Some(name) = user_name else { return Ok(Vec::new()) };
        let found = self.users_named(name).await?;
        if let [only] = found.as_slice()
            && has_external_id(only, id)
        {
            self.directory.remember_user(id, only, false);
        }
        for user in found.iter().filter(|user| user.external_ids.is_empty()) {
            self.read_pin_of(reads, &user.id).await;
        }
        Ok(enter_users(reads, found))
    }

    /// Looks for a user whom no name told by their externalId. Whoever is not found then is known to be absent.
    pub(super) async fn seek(&self, reads: &mut Reads, id: &OktaUserId) -> Result<Option<UserId>, TargetError> {
        match self.search_everyone(id).await? {
            Some(user) => Ok(enter_users(reads, vec![user]).pop()),
            None => {
                reads.actual.sought.insert(id.clone());
                Ok(None)
            }
        }
    }

    /// Searches for an externalId: by the transport, where it can; else everyone, from memory where everyone was listed just now.
    pub(crate) async fn search_everyone(&self, id: &OktaUserId) -> Result<Option<DirectoryUser>, TargetError> {
        let found = match self.target.user_with_external_id(id.as_str()).await? {
            Some(found) => found.into_iter().next(),
            None => self.everyone().await?.get(id.as_str()).cloned(),
        };
        if let Some(user) = &found {
            self.directory.remember_user(id, user, false);
        }
        Ok(found)
    }

    async fn everyone(&self) -> Result<Arc<BTreeMap<String, DirectoryUser>>, TargetError> {
        match self.directory.everyone() {
            Some(everyone) => Ok(everyone),
            None => Ok(self.directory.remember_everyone(&self.target.list_users().await?.items)),
        }
    }

    /// The users of this name, in any case: whether AWS's filter regards case is not documented.
    async fn users_named(&self, name: &str) -> Result<Vec<DirectoryUser>, TargetError> {
        let found = self.target.users_named(name).await?;
        let lower = NameKey::of(name);
        if found.is_empty() && lower.as_str() != name { self.target.users_named(lower.as_str()).await } else { Ok(found) }
    }
}

/// Whether a user is this one, or nobody's.
fn is_theirs(reads: &Reads, user: &UserId, id: &OktaUserId) -> bool {
    let pinned = reads.actual.pins.iter().find(|(_, pinned)| *pinned == user).map(|(okta, _)| okta);
    let is_nobodys = |record: &DirectoryUser| record.external_ids.is_empty() && pinned.is_none_or(|okta| okta == id);
    reads.actual.users.get(user).is_some_and(|record| has_external_id(record, id) || is_nobodys(record))
}

pub(super) fn has_external_id(user: &DirectoryUser, id: &OktaUserId) -> bool {
    user.external_ids.iter().any(|external| external == id.as_str())
}

fn enter_users(reads: &mut Reads, users: Vec<DirectoryUser>) -> Vec<UserId> {
    let ids = users.iter().map(|user| user.id.clone()).collect();
    reads.actual.users.extend(users.into_iter().map(|user| (user.id.clone(), user)));
    ids
}

/// Takes users who do not exist out of the lists of members.
fn forget_members(reads: &mut Reads, gone: &BTreeSet<UserId>) {
    for list in reads.actual.group_lists.values_mut() {
        if let Reading::Known(members) = list {
            members.retain(|id, _| !gone.contains(id));
        }
    }
}

/// The members that Okta lists in these groups, with what would be their userName.
fn listed_members(reads: &Reads, groups: &BTreeSet<OktaGroupId>) -> BTreeMap<OktaUserId, Option<String>> {
    let lists = groups.iter().filter_map(|group| reads.okta.member_lists.get(group)?.known());
    let name = |id: &OktaUserId| match reads.okta.users.get(id) {
        Some(UserSighting::Present(user)) => user.user_name.clone(),
        Some(UserSighting::Gone | UserSighting::StatusUnread | UserSighting::Broken(_) | UserSighting::Unknown(_)) | None => None,
    };
    let seen = groups.iter().filter_map(|group| reads.okta.members_seen.get(group)).flatten();
    lists.flat_map(|list| &list.members).chain(seen).map(|id| (id.clone(), name(id))).collect()
}

/// The members in Identity Center of whom nothing is known but their id, in groups that more is said of than who some of their members are.
fn strangers(reads: &Reads) -> BTreeSet<UserId> {
    let is_narrowed = |id: &GroupId| reads.actual.mark(id).is_some_and(|mark| reads.okta.members_seen.contains_key(&mark.group));
    let lists = reads.actual.group_lists.iter().filter(|(id, _)| !is_narrowed(id));
    lists.filter_map(|(_, list)| list.known()).flat_map(|list| strangers_of(reads, list)).cloned().collect()
}

pub(super) fn strangers_of<'a>(reads: &'a Reads, list: &'a BTreeMap<UserId, MembershipId>) -> impl Iterator<Item = &'a UserId> {
    list.keys().filter(|id| !reads.actual.users.contains_key(id))
}

/// The listed members for whom nobody is known yet, by externalId, pin or name.
fn not_found(reads: &Reads, listed: &BTreeMap<OktaUserId, Option<String>>) -> Vec<(OktaUserId, Option<String>)> {
    let externals: BTreeSet<&str> = reads.actual.users.values().flat_map(|user| &user.external_ids).map(String::as_str).collect();
    let nameless = reads.actual.users.values().filter(|user| user.external_ids.is_empty());
    let names: BTreeSet<NameKey> = nameless.map(|user| NameKey::of(&user.user_name)).collect();
    let is_found = |id: &OktaUserId, name: &Option<String>| {
        externals.contains(id.as_str())
            || reads.actual.pins.contains_key(id)
            || name.as_deref().is_some_and(|name| names.contains(&NameKey::of(name)))
    };
    listed.iter().filter(|(id, name)| !is_found(id, name)).map(|(id, name)| (id.clone(), name.clone())).collect()
}
