//! Groups as the endpoint takes and gives them.

use std::collections::BTreeSet;

use sync_core::ids::{GroupId, UserId};

/// A group that is there. Its members are not told: AWS answers every group with an empty list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// The same id as the Identity Store API's.
    pub id: GroupId,
    /// Its displayName.
    pub display_name: String,
    /// The id that the source of groups gave.
    pub external_id: Option<String>,
}

/// Members to add to and to remove from a group in one request: at most [`MembershipChanges::MAX`] in all, and nobody in both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MembershipChanges {
    add: BTreeSet<UserId>,
    remove: BTreeSet<UserId>,
}

/// Changes that are not for one request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MembershipsError {
    /// More than AWS takes.
    #[error("{0} membership changes are more than the {max} that AWS takes in one request", max = MembershipChanges::MAX)]
    TooMany(usize),
    /// One user both ways.
    #[error("the user {0} is to be added and removed at once")]
    Contradiction(UserId),
}

impl MembershipChanges {
    /// The most membership changes that AWS takes in one request.
    pub const MAX: usize = 100;

    /// These changes; who is named twice counts once.
    ///
    /// # Errors
    /// [`MembershipsError`]
    pub fn new(add: impl IntoIterator<Item = UserId>, remove: impl IntoIterator<Item = UserId>) -> Result<Self, MembershipsError> {
        let changes = Self { add: add.into_iter().collect(), remove: remove.into_iter().collect() };
        if let Some(user) = changes.add.intersection(&changes.remove).next() {
            return Err(MembershipsError::Contradiction(user.clone()));
        }
        if changes.len() > Self::MAX {
            return Err(MembershipsError::TooMany(changes.len()));
        }
        Ok(changes)
    }

    /// Any number of changes as requests, as few as there can be, additions first.
    ///
    /// # Errors
    /// [`MembershipsError::Contradiction`]
    pub fn batches(add: impl IntoIterator<Item = UserId>, remove: impl IntoIterator<Item = UserId>) -> Result<Vec<Self>, MembershipsError> {
        let (add, remove): (BTreeSet<UserId>, BTreeSet<UserId>) = (add.into_iter().collect(), remove.into_iter().collect());
        if let Some(user) = add.intersection(&remove).next() {
            return Err(MembershipsError::Contradiction(user.clone()));
        }
        let all: Vec<(bool, UserId)> =
            add.into_iter().map(|user| (true, user)).chain(remove.into_iter().map(|user| (false, user))).collect();
        Ok(all.chunks(Self::MAX).map(Self::of).collect())
    }

    /// The two halves; `None` where there is nothing to halve. For finding the one change that AWS does not take.
    pub fn halves(&self) -> Option<(Self, Self)> {
        let all: Vec<(bool, UserId)> = self.each().map(|(adds, user)| (adds, user.clone())).collect();
        if all.len() < 2 {
            return None;
        }
        let (one, other) = all.split_at(all.len() / 2);
        Some((Self::of(one), Self::of(other)))
    }

    /// From changes that are known to fit: whether each adds, and whom.
    fn of(changes: &[(bool, UserId)]) -> Self {
        let side = |adding: bool| changes.iter().filter(move |(adds, _)| *adds == adding).map(|(_, user)| user.clone()).collect();
        Self { add: side(true), remove: side(false) }
    }

    fn each(&self) -> impl Iterator<Item = (bool, &UserId)> {
        self.add.iter().map(|user| (true, user)).chain(self.remove.iter().map(|user| (false, user)))
    }

    /// Who is added.
    pub fn add(&self) -> &BTreeSet<UserId> {
        &self.add
    }

    /// Who is removed.
    pub fn remove(&self) -> &BTreeSet<UserId> {
        &self.remove
    }

    /// How many changes.
    pub fn len(&self) -> usize {
        self.add.len() + self.remove.len()
    }

    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Changes to a group, in one request; what is `None` stays. The members cannot be replaced as a whole: AWS refuses that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScimGroupPatch {
    /// The displayName.
    pub display_name: Option<String>,
    /// The externalId.
    pub external_id: Option<String>,
    /// Who comes and who goes.
    pub members: MembershipChanges,
}

impl ScimGroupPatch {
    /// Members only.
    pub fn members(members: MembershipChanges) -> Self {
        Self { members, ..Self::default() }
    }

    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.display_name.is_none() && self.external_id.is_none() && self.members.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(range: std::ops::Range<usize>) -> Vec<UserId> {
        range.map(|n| UserId::new(&format!("u-{n:04}")).unwrap()).collect()
    }

    #[test]
    fn a_request_holds_a_hundred_changes_and_no_more() {
        assert_eq!(MembershipChanges::new(users(0..60), users(60..100)).unwrap().len(), 100);
        assert_eq!(MembershipChanges::new(users(0..60), users(60..101)), Err(MembershipsError::TooMany(101)));
        assert_eq!(MembershipChanges::new(users(0..1).into_iter().chain(users(0..1)), []).unwrap().len(), 1);
    }

    #[test]
    fn nobody_is_added_and_removed_at_once() {
        let expected = MembershipsError::Contradiction(users(1..2)[0].clone());
        assert_eq!(MembershipChanges::new(users(0..2), users(1..3)), Err(expected.clone()));
        assert_eq!(MembershipChanges::batches(users(0..2), users(1..3)), Err(expected));
    }

    #[test]
    fn batches_are_as_few_as_there_can_be_and_hold_everything_once() {
        let batches = MembershipChanges::batches(users(0..150), users(150..301)).unwrap();
        assert_eq!(batches.iter().map(MembershipChanges::len).collect::<Vec<_>>(), [100, 100, 100, 1]);
        assert_eq!(batches.iter().flat_map(|batch| batch.add().clone()).collect::<Vec<_>>(), users(0..150));
        assert_eq!(batches.iter().flat_map(|batch| batch.remove().clone()).collect::<Vec<_>>(), users(150..301));
        assert!(MembershipChanges::batches([], []).unwrap().is_empty());
    }

    #[test]
    fn halving_ends_at_single_changes_and_loses_none() {
        let whole = MembershipChanges::new(users(0..3), users(3..5)).unwrap();
        let mut left = vec![whole.clone()];
        let mut single = Vec::new();
        while let Some(part) = left.pop() {
            match part.halves() {
                Some((one, other)) => left.extend([one, other]),
                None => single.push(part),
            }
        }
        assert!(single.iter().all(|part| part.len() == 1));
        assert_eq!(single.iter().flat_map(|part| part.add().clone()).collect::<BTreeSet<_>>(), *whole.add());
        assert_eq!(single.iter().flat_map(|part| part.remove().clone()).collect::<BTreeSet<_>>(), *whole.remove());
    }
}
