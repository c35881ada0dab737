//! What an earlier run read of a group's members: it saves a read, and is never evidence. Pure.
//!
//! Okta dates a group's last change of members. While that date and Okta's own count stand still, so does the list; what a member's own
//! record says is followed by a list of the records that changed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::ids::{OktaGroupId, OktaUserId};
use crate::reading::Reading;
use crate::records::{Listing, OktaGroup, OktaUser};
use crate::snapshot::{MemberList, OktaSnapshot, UserSighting};

/// Okta dates changes in whole seconds and shows them up to 2 s late, by a clock that is not ours. A list that was read sooner than this
/// after the group's last change may lack another change of the same date.
const SETTLES: SignedDuration = SignedDuration::from_mins(1);

/// How long a list is remembered at least.
const LEAST_AGE: SignedDuration = SignedDuration::from_hours(12);

/// How much longer, by group: hourly runs then read every group at least once a day, and not all of them in one run.
const SPREAD_SECONDS: u32 = 11 * 3600;

/// The members of a group, as they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedMembers {
    /// Those listed, of every status.
    pub members: BTreeSet<OktaUserId>,
    /// When they were read.
    pub read_at: Timestamp,
    /// The group's `lastMembershipUpdated` before they were read.
    pub changed_at: Timestamp,
    /// Okta's own count of them before they were read, where it gave one.
    pub count: Option<u64>,
}

impl RememberedMembers {
    /// What is worth remembering of a list that was read at `read_at`, of the group as it was before; `None` where the list is not whole, or
    /// the group had changed just then.
    pub fn of(group: &OktaGroup, list: &MemberList, read_at: Timestamp) -> Option<Self> {
        let changed_at = group.last_membership_updated?;
        let is_whole = list.shorter_than.is_none() && list.nameless == 0;
        let is_settled = read_at.duration_since(changed_at) >= SETTLES;
        (is_whole && is_settled).then(|| Self { members: list.members.clone(), read_at, changed_at, count: group.users_count })
    }

    /// Whether the group's members need not be read: nothing about it moved, and its day is not over.
    pub fn stands_for(&self, group: &OktaGroup, now: Timestamp) -> bool {
        let age = now.duration_since(self.read_at);
        let is_young = age >= SignedDuration::ZERO && age < lives(&group.id);
        is_young && group.last_membership_updated == Some(self.changed_at) && group.users_count == self.count
    }

    /// When it stands for nothing any more.
    pub fn ends(&self, group: &OktaGroupId) -> Timestamp {
        self.read_at + lives(group)
    }
}

/// How long the list of this group is remembered: always the same time, so that groups that were read together drift apart.
fn lives(group: &OktaGroupId) -> SignedDuration {
    LEAST_AGE + SignedDuration::from_secs(i64::from(spread(group.as_str()) % SPREAD_SECONDS))
}

/// A number that is spread evenly over texts, and always the same for one.
pub fn spread(text: &str) -> u32 {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(4).fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

/// Everything that is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// Members by group.
    pub groups: BTreeMap<OktaGroupId, RememberedMembers>,
    /// The records of the members.
    pub users: BTreeMap<OktaUserId, OktaUser>,
    /// Since when a change of a record may not be in `users`.
    pub users_as_of: Option<Timestamp>,
}

impl Memory {
    /// Brings the records up to date with a list of those that changed. Where the list has an element that may be anyone, nothing is
    /// remembered any more; a user whose record is broken is forgotten, and their groups with them.
    pub fn update(&mut self, changed: Listing<OktaUser>) {
        for user in changed.items {
            self.users.entry(user.id.clone()).and_modify(|record| *record = user);
        }
        for bad in changed.bad {
            match bad.id.as_deref().map(OktaUserId::new) {
                Some(Ok(id)) => drop(self.users.remove(&id)),
                Some(Err(_)) | None => self.groups.clear(),
            }
        }
    }

    /// The group's members, if they need not be read: nothing moved, and everyone's record is known.
    pub fn members_of(&self, group: &OktaGroup, now: Timestamp) -> Option<&RememberedMembers> {
        let remembered = self.groups.get(&group.id).filter(|remembered| remembered.stands_for(group, now))?;
        remembered.members.iter().all(|member| self.users.contains_key(member)).then_some(remembered)
    }

    /// Puts a group's members into a snapshot, as if they had been read.
    pub fn enter(&self, group: &OktaGroupId, remembered: &RememberedMembers, okta: &mut OktaSnapshot) {
        let record = |id: &OktaUserId| Some((id.clone(), UserSighting::Present(self.users.get(id)?.clone())));
        okta.users.extend(remembered.members.iter().filter_map(record));
        let list = MemberList { members: remembered.members.clone(), ..MemberList::default() };
        okta.member_lists.insert(group.clone(), Reading::Known(list));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{BadRecord, GroupType, UserStatus};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn group() -> OktaGroup {
        OktaGroup {
            id: OktaGroupId::new("00g1").unwrap(),
            name: "AWS-1".to_owned(),
            description: String::new(),
            kind: GroupType::OktaGroup,
            last_updated: None,
            last_membership_updated: Some(at("2026-11-24T10:00:00Z")),
            users_count: Some(1),
        }
    }

    fn user(id: &str) -> OktaUser {
        let login = format!("{id}@example.com");
        OktaUser {
            id: OktaUserId::new(id).unwrap(),
            status: UserStatus::Active,
            user_name: Some(login.clone()),
            login,
            profile: BTreeMap::new(),
        }
    }

    fn list(members: &[&str]) -> MemberList {
        MemberList { members: members.iter().map(|id| OktaUserId::new(id).unwrap()).collect(), ..MemberList::default() }
    }

    fn memory() -> Memory {
        let remembered = RememberedMembers::of(&group(), &list(&["00u1"]), at("2026-11-24T11:00:00Z")).unwrap();
        Memory {
            groups: BTreeMap::from([(group().id, remembered)]),
            users: BTreeMap::from([(user("00u1").id, user("00u1"))]),
            users_as_of: Some(at("2026-11-24T11:00:00Z")),
        }
    }

    #[test]
    fn a_list_stands_while_the_groups_date_and_count_do() {
        let (memory, later) = (memory(), at("2026-11-24T12:00:00Z"));
        assert!(memory.members_of(&group(), later).is_some());
        let moved = OktaGroup { last_membership_updated: Some(at("2026-11-24T11:30:00Z")), ..group() };
        assert!(memory.members_of(&moved, later).is_none());
        assert!(memory.members_of(&OktaGroup { last_membership_updated: None, ..group() }, later).is_none(), "an undated group is read");
        assert!(memory.members_of(&OktaGroup { users_count: Some(2), ..group() }, later).is_none());
        assert!(memory.members_of(&OktaGroup { users_count: None, ..group() }, later).is_none());
    }

    #[test]
    fn every_group_is_read_within_a_day_and_not_all_at_the_same_time() {
        let (memory, read_at) = (memory(), at("2026-11-24T11:00:00Z"));
        assert!(memory.members_of(&group(), read_at + SignedDuration::from_hours(11)).is_some());
        assert!(memory.members_of(&group(), read_at + SignedDuration::from_hours(23)).is_none());
        assert!(memory.members_of(&group(), read_at - SignedDuration::from_secs(1)).is_none(), "read in the future: by which clock?");
        let hours: BTreeSet<i64> =
            (0..300).map(|number| lives(&OktaGroupId::new(&format!("00g{number}")).unwrap()).as_secs() / 3600).collect();
        assert_eq!(hours, (12..23).collect(), "300 groups come due in each of eleven hours");
    }

    #[test]
    fn a_list_that_is_not_whole_or_was_read_just_after_a_change_is_not_remembered() {
        let read_at = at("2026-11-24T11:00:00Z");
        let odd = MemberList { nameless: 1, ..list(&["00u1"]) };
        assert!(RememberedMembers::of(&group(), &odd, read_at).is_none());
        let short = crate::snapshot::Shortfall { expected: 9, listed: 1 };
        assert!(RememberedMembers::of(&group(), &MemberList { shorter_than: Some(short), ..list(&["00u1"]) }, read_at).is_none());
        assert!(RememberedMembers::of(&group(), &list(&["00u1"]), at("2026-11-24T10:00:59Z")).is_none());
        assert!(RememberedMembers::of(&group(), &list(&["00u1"]), at("2026-11-24T09:00:00Z")).is_none(), "a change in the future");
    }

    #[test]
    fn a_change_of_a_record_is_followed_and_one_that_may_be_anyones_forgets_all() {
        let suspended = OktaUser { status: UserStatus::Suspended, ..user("00u1") };
        let mut followed = memory();
        followed.update(Listing::of(vec![suspended.clone(), user("00u9")]));
        assert_eq!(followed.users, BTreeMap::from([(suspended.id.clone(), suspended)]), "who is no member is not remembered");

        let bad =
            |id: Option<&str>| Listing { items: Vec::new(), bad: vec![BadRecord { id: id.map(str::to_owned), problem: String::new() }] };
        let (mut broken, mut anyone) = (memory(), memory());
        broken.update(bad(Some("00u1")));
        assert!(broken.members_of(&group(), at("2026-11-24T12:00:00Z")).is_none());
        anyone.update(bad(None));
        assert!(anyone.groups.is_empty());
    }

    #[test]
    fn what_is_remembered_enters_a_snapshot_as_if_it_had_been_read() {
        let (memory, mut okta) = (memory(), OktaSnapshot::default());
        let remembered = memory.members_of(&group(), at("2026-11-24T12:00:00Z")).unwrap();
        memory.enter(&group().id, remembered, &mut okta);
        assert_eq!(okta.member_lists, BTreeMap::from([(group().id, Reading::Known(list(&["00u1"])))]));
        assert_eq!(okta.users, BTreeMap::from([(user("00u1").id, UserSighting::Present(user("00u1")))]));
    }
}
