//! Some users, as after an event: two calls to Okta, whatever the size of the world.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt};
use sync_core::actual::by_group;
use sync_core::error::{SourceError, TargetError};
use sync_core::ids::{GroupId, OktaGroupId, OktaUserId, UserId};
use sync_core::policy::Entitlement;
use sync_core::reading::Reading;
use sync_core::records::{DirectoryUser, Listing, OktaGroup, OktaUser};
use sync_core::snapshot::{GroupSighting, UserSighting};
use sync_core::unresolved::{Unresolved, UnresolvedKind};

use super::groups::is_decided;
use super::identify::has_external_id;
use super::{CONCURRENCY, ReadFailed, Reads, bad_records};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table};

/// A user to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserQuery {
    /// Who.
    pub id: OktaUserId,
    /// The login that an event gave: a hint for the look-up, whose answer is then checked by id.
    pub login: Option<String>,
    /// Whether their status is asked for in any case, as after a suspension.
    pub read_status: bool,
    /// The groups that the events on this user named.
    pub groups: BTreeSet<OktaGroupId>,
    /// Whether an event named no group: then no read of a group answers it.
    pub names_no_group: bool,
    /// No earlier read answers the events.
    pub not_before: Option<jiff::Timestamp>,
}

impl UserQuery {
    /// A user of whom only the id is known, and whose status is asked for where something depends on it.
    pub(crate) fn of(id: OktaUserId) -> Self {
        Self { id, login: None, read_status: false, groups: BTreeSet::new(), names_no_group: true, not_before: None }
    }
}

/// What a run that is about single users and groups reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Targets {
    pub(crate) users: Vec<UserQuery>,
    /// The groups, those that are read instead of users among them.
    pub(crate) groups: BTreeSet<OktaGroupId>,
    /// The groups that may lose something.
    pub(crate) may_lose: BTreeSet<OktaGroupId>,
    /// The users instead of whom groups are read that nothing else asks for.
    pub(crate) instead_of: BTreeMap<OktaGroupId, BTreeSet<OktaUserId>>,
}

impl Targets {
    /// These users, and no group.
    pub(crate) fn of_users(users: Vec<UserQuery>) -> Self {
        Self { users, ..Self::default() }
    }
}

/// What goes wrong for one user and must not stop the others.
#[derive(Debug, thiserror::Error)]
enum UserFailed {
    #[error("{0}")]
    Source(#[from] SourceError),
    #[error("{0}")]
    Target(#[from] TargetError),
}

impl<S: ReadSource, T: ReadAws, L: Table, C: Clock> Engine<S, T, L, C> {
    /// Reads some users and some groups.
    pub(crate) async fn read_targets(&self, targets: &Targets) -> Result<Reads, ReadFailed> {
        let mut reads = Reads { began: self.clock.now(), is_of_events: true, ..Reads::default() };
        self.read_directory_groups(&mut reads).await?;
        self.read_assigned_lately(&mut reads).await?;
        reads.actual.permission_sets_unread = true;
        if !targets.groups.is_empty() {
            self.read_triggered_groups(&mut reads, targets).await?;
        }
        self.read_more_users(&mut reads, &targets.users).await?;
        self.note_departing(&mut reads).await;
        Ok(reads)
    }

    /// Reads users, and adds them to what was read.
    pub(crate) async fn read_more_users(&self, reads: &mut Reads, users: &[UserQuery]) -> Result<(), ReadFailed> {
        let mut parts = self.read_users(reads, users).await;
        if parts.iter().any(|part| is_in_an_unknown_group(reads, part)) {
            // Another process made a group since the list that is remembered.
            self.directory.forget_groups();
            self.read_directory_groups(reads).await?;
            parts = self.read_users(reads, users).await;
        }
        parts.into_iter().for_each(|part| reads.absorb(part));
        self.look_again_for_the_unmarked(reads, &BTreeSet::new()).await?;
        self.doubt_the_app_for_users(reads).await?;
        self.disbelieve_an_empty_app(reads);
        self.look_behind_taken_names(reads).await;
        Ok(())
    }

    async fn read_users(&self, base: &Reads, users: &[UserQuery]) -> Vec<Reads> {
        stream::iter(users).map(|user| self.read_user(base, user)).buffer_unordered(CONCURRENCY).collect().await
    }

    /// Finds the users that an operator names, by id or login.
    pub(crate) async fn find_users(&self, names: &[String]) -> Result<(Vec<UserQuery>, Vec<Unresolved>), ReadFailed> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for name in names {
            let query = |id: OktaUserId, login: Option<String>| UserQuery { login, read_status: true, ..UserQuery::of(id) };
            match (self.source.user(name).await?, OktaUserId::new(name)) {
                (Some(user), _) => found.push(query(user.id, user.user_name)),
                (None, Ok(id)) if looks_like_an_id(name) => found.push(query(id, None)),
                (None, _) => {
                    let (kind, okta_id) = (UnresolvedKind::Unreadable, None);
                    let reason = "Okta has no user with this id or login".to_owned();
                    missing.push(Unresolved { kind, okta_id, name: name.clone(), reason });
                }
            }
        }
        Ok((found, missing))
    }

    /// What there is to know of one user. What fails for one is said, and stops no other.
    async fn read_user(&self, base: &Reads, query: &UserQuery) -> Reads {
        let mut part = UserPart { base, query, reads: Reads::default(), before: BTreeMap::new() };
        match self.fill(&mut part).await {
            Ok(()) => part.reads,
            Err(error) => unread(query, &error),
        }
    }

    async fn fill(&self, part: &mut UserPart<'_>) -> Result<(), UserFailed> {
        self.find_in_target(part).await?;
        let Some(groups) = self.source.groups_of_user(&part.query.id).await? else {
            return self.read_missing_user(part).await;
        };
        let Some(listed) = enter_listed(part, groups) else { return Ok(()) };
        let is_managed = self.policy.users.managed.is_some() && self.managed(part, &listed).next().is_some();
        let needed = part.query.read_status || is_managed || !part.is_identified() || self.would_gain(part, &listed);
        self.read_status(part, needed).await?;
        if !part.is_identified() && (is_managed || self.may_lose_ours(part, &listed)) {
            self.find_among_everyone(part).await?;
        }
        if !self.is_leaver(part) {
            self.look_for_missing_groups(part, &listed).await;
        }
        part.reads.okta.user_groups.insert(part.query.id.clone(), Reading::Known(listed));
        Ok(())
    }

    /// The Identity Center user, from memory, or by what the event said; and their memberships.
    async fn find_in_target(&self, part: &mut UserPart<'_>) -> Result<(), TargetError> {
        let candidates = match self.recall(&mut part.reads, &part.query.id) {
            Some(user) if self.policy.users.managed.is_some() => self.read_afresh(&mut part.reads, user).await?,
            Some(user) => vec![user],
            None => self.look_up(&mut part.reads, &part.query.id, part.query.login.as_deref()).await?,
        };
        self.read_memberships_of(part, candidates).await
    }

    /// A user who was remembered, as they are now: what is to be changed in them rests on it.
    async fn read_afresh(&self, reads: &mut Reads, user: UserId) -> Result<Vec<UserId>, TargetError> {
        let Some(record) = self.target.user(&user).await? else { return Ok(vec![user]) };
        reads.actual.users.insert(user.clone(), record);
        Ok(vec![user])
    }

    /// Whether a user whom nobody could identify by name may have something of ours to lose: a leaver who is listed in one of our groups, or
    /// whoever was taken out of one.
    fn may_lose_ours(&self, part: &UserPart<'_>, listed: &BTreeSet<OktaGroupId>) -> bool {
        let marks = self.marks(part.base);
        let named = part.query.groups.iter().any(|group| marks.contains(group) && !listed.contains(group));
        named || (self.is_leaver(part) && self.managed(part, listed).next().is_some())
    }

    /// None may be missed on account of another name in Identity Center.
    async fn find_among_everyone(&self, part: &mut UserPart<'_>) -> Result<(), TargetError> {
        match self.seek(&mut part.reads, &part.query.id).await? {
            Some(user) => self.read_memberships_of(part, vec![user]).await,
            None => Ok(()),
        }
    }

    /// Reads the memberships of whoever may be this user. One who is gone from Identity Center is forgotten.
    async fn read_memberships_of(&self, part: &mut UserPart<'_>, candidates: Vec<UserId>) -> Result<(), TargetError> {
        for user in candidates {
            let Some(list) = self.target.memberships_of_user(&user).await? else {
                self.directory.forget_user(&part.query.id);
                part.reads.actual.users.remove(&user);
                continue;
            };
            let groups = by_group(list);
            for group in groups.keys() {
                if let Some(mark) = part.base.actual.mark(group).filter(|mark| self.policy.owns_host(&mark.host)) {
                    part.before.insert(group.clone(), mark.group.clone());
                }
            }
            part.reads.actual.user_lists.insert(user, Reading::Known(groups));
        }
        Ok(())
    }

    /// Whether a managed group is listed that the user is not in.
    fn would_gain(&self, part: &UserPart<'_>, listed: &BTreeSet<OktaGroupId>) -> bool {
        self.managed(part, listed).any(|id| !part.before.values().any(|in_it| in_it == id))
    }

    fn managed<'p>(&'p self, part: &'p UserPart<'_>, listed: &'p BTreeSet<OktaGroupId>) -> impl Iterator<Item = &'p OktaGroupId> {
        let assigned = |id: &OktaGroupId| part.base.okta.assigned.as_ref().is_none_or(|groups| groups.contains(id));
        let matches = |id: &OktaGroupId| part.reads.okta.present(id).is_some_and(|group| self.policy.groups.matches(group));
        listed.iter().filter(move |id| matches(id) && assigned(id))
    }

    async fn read_status(&self, part: &mut UserPart<'_>, needed: bool) -> Result<(), UserFailed> {
        let id = part.query.id.clone();
        if !needed {
            part.reads.okta.users.insert(id, UserSighting::StatusUnread);
            return Ok(());
        }
        match self.source.user(id.as_str()).await? {
            Some(user) => self.enter_user(part, user).await?,
            None => drop(part.reads.okta.users.insert(id, UserSighting::Gone)),
        }
        Ok(())
    }

    /// Their login may be another than the event said, or the event may have said none.
    async fn enter_user(&self, part: &mut UserPart<'_>, user: OktaUser) -> Result<(), TargetError> {
        let name = user.user_name.clone();
        part.reads.okta.users.insert(part.query.id.clone(), UserSighting::Present(user));
        if !part.is_identified() && name != part.query.login {
            let candidates = self.look_up(&mut part.reads, &part.query.id, name.as_deref()).await?;
            self.read_memberships_of(part, candidates).await?;
        }
        Ok(())
    }

    /// A user whose groups answer 404 is gone only if they themselves do so as well.
    async fn read_missing_user(&self, part: &mut UserPart<'_>) -> Result<(), UserFailed> {
        let id = part.query.id.clone();
        let sighting = match self.source.user(id.as_str()).await? {
            None => UserSighting::Gone,
            Some(_) => UserSighting::Unknown("Okta says that the user's groups do not exist, and that the user does".to_owned()),
        };
        if sighting == UserSighting::Gone {
            if !part.is_identified() {
                self.find_among_everyone(part).await?;
            }
            part.reads.okta.user_groups.insert(id.clone(), Reading::Known(BTreeSet::new()));
        }
        part.reads.okta.users.insert(id, sighting);
        Ok(())
    }

    fn is_leaver(&self, part: &UserPart<'_>) -> bool {
        match part.reads.okta.users.get(&part.query.id) {
            Some(UserSighting::Gone) => true,
            Some(UserSighting::Present(user)) => self.policy.users.entitlement(&user.status) == Entitlement::NotEntitled,
            Some(UserSighting::StatusUnread | UserSighting::Broken(_) | UserSighting::Unknown(_)) | None => false,
        }
    }

    /// A group that is missing from the user's list says something only if the group itself can still be seen.
    async fn look_for_missing_groups(&self, part: &mut UserPart<'_>, listed: &BTreeSet<OktaGroupId>) {
        let missing = part.before.values().filter(|id| !listed.contains(id) && !is_decided(part.base.okta.groups.get(id)));
        let sightings = self.sight(missing.cloned().collect()).await;
        part.reads.okta.groups.extend(sightings);
    }
}

/// What is being read of one user.
struct UserPart<'a> {
    base: &'a Reads,
    query: &'a UserQuery,
    reads: Reads,
    /// The groups of ours that the user is in, in Identity Center.
    before: BTreeMap<GroupId, OktaGroupId>,
}

impl UserPart<'_> {
    /// Whether the user's own record was found, and not only one of the same name.
    fn is_identified(&self) -> bool {
        let is_theirs =
            |user: &DirectoryUser| has_external_id(user, &self.query.id) || self.reads.actual.pins.get(&self.query.id) == Some(&user.id);
        let is_nobodys =
            |user: &DirectoryUser| user.external_ids.is_empty() && !self.reads.actual.pins.values().any(|pinned| *pinned == user.id);
        self.reads.actual.users.values().any(|user| is_theirs(user) || is_nobodys(user))
    }
}

/// Enters the groups that a user is listed in. A group whose record is broken may be any of ours: what has an id is unknown, and where one
/// has not even that, nothing is concluded from the list.
fn enter_listed(part: &mut UserPart<'_>, groups: Listing<OktaGroup>) -> Option<BTreeSet<OktaGroupId>> {
    let mut listed: BTreeSet<OktaGroupId> = groups.items.iter().map(|group| group.id.clone()).collect();
    part.reads.okta.groups.extend(groups.items.into_iter().map(|group| (group.id.clone(), GroupSighting::Present(group))));
    let mut is_whole = true;
    for record in &groups.bad {
        match record.id.as_deref().map(OktaGroupId::new) {
            Some(Ok(id)) => {
                part.reads.okta.groups.insert(id.clone(), GroupSighting::Unknown(record.problem.clone()));
                listed.insert(id);
            }
            Some(Err(_)) | None => is_whole = false,
        }
    }
    part.reads.unresolved.extend(bad_records("Okta group", groups.bad));
    if !is_whole {
        let reason = "one of the user's groups is no record, and has no id".to_owned();
        part.reads.okta.user_groups.insert(part.query.id.clone(), Reading::Unknown(reason.clone()));
        part.reads.okta.users.insert(part.query.id.clone(), UserSighting::Unknown(reason));
    }
    is_whole.then_some(listed)
}

/// Whether a user is in a group that the remembered list does not have.
fn is_in_an_unknown_group(base: &Reads, part: &Reads) -> bool {
    let lists = part.actual.user_lists.values().filter_map(Reading::known);
    lists.flat_map(BTreeMap::keys).any(|group| !base.actual.groups.contains_key(group))
}

/// Okta's ids have 20 characters and begin with two zeros; a login has an `@` or is shorter.
fn looks_like_an_id(name: &str) -> bool {
    name.starts_with("00") && !name.contains('@')
}

fn unread(query: &UserQuery, error: &UserFailed) -> Reads {
    let mut reads = Reads::default();
    let reason = error.to_string();
    reads.okta.users.insert(query.id.clone(), UserSighting::Unknown(reason.clone()));
    reads.okta.user_groups.insert(query.id.clone(), Reading::Unknown(reason.clone()));
    let (kind, okta_id, name) = (UnresolvedKind::Unreadable, Some(query.id.to_string()), query.login.clone().unwrap_or_default());
    reads.unresolved.push(Unresolved { kind, okta_id, name, reason });
    reads
}
