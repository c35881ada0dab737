//! Whether a member list may be believed.

use crate::snapshot::Shortfall;

/// Why a list of `listed` members is implausible; `None` if it is not.
///
/// It is held against the group's own count where Okta gives one: below nine tenths of it the list is not whole (a count may lag
/// a little behind). Without a count, only an empty list of a group that has members is implausible.
pub fn shortfall(listed: usize, count: Option<u64>, members_now: Option<usize>) -> Option<Shortfall> {
    let listed = u64::try_from(listed).unwrap_or(u64::MAX);
    let (expected, implausible) = match (count, members_now) {
        (Some(count), _) => (count, listed.saturating_mul(10) < count.saturating_mul(9)),
        (None, Some(members)) => (u64::try_from(members).unwrap_or(u64::MAX), listed == 0 && members > 0),
        (None, None) => return None,
    };
    implausible.then_some(Shortfall { expected, listed })
}

/// Whether a list should be read once more before it is believed: where it is implausible, and where the group's own count was not given
/// (Okta's next links may drop what asked for it) and the list is much shorter than what Identity Center has.
pub fn is_worth_another_look(listed: usize, count: Option<u64>, members_now: Option<usize>) -> bool {
    let has_shrunk = members_now.is_some_and(|members| listed.saturating_mul(10) < members.saturating_mul(9));
    shortfall(listed, count, members_now).is_some() || (count.is_none() && has_shrunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s03_a_list_below_nine_tenths_of_the_groups_count_is_implausible() {
        assert_eq!(shortfall(0, Some(4), Some(4)), Some(Shortfall { expected: 4, listed: 0 }));
        assert_eq!(shortfall(89, Some(100), None), Some(Shortfall { expected: 100, listed: 89 }));
        assert_eq!(shortfall(90, Some(100), Some(500)), None);
        assert_eq!(shortfall(0, Some(0), Some(4)), None, "s04: Okta says itself that it is empty");
        assert_eq!(shortfall(5, Some(4), None), None);
    }

    #[test]
    fn without_a_count_only_an_empty_list_of_a_group_with_members_is_implausible() {
        assert_eq!(shortfall(0, None, Some(4)), Some(Shortfall { expected: 4, listed: 0 }));
        assert_eq!(shortfall(1, None, Some(4)), None);
        assert_eq!(shortfall(0, None, Some(0)), None);
        assert_eq!(shortfall(0, None, None), None);
    }

    #[test]
    fn a_list_that_shrank_without_a_count_is_read_once_more() {
        assert!(is_worth_another_look(8, None, Some(10)));
        assert!(!is_worth_another_look(9, None, Some(10)));
        assert!(!is_worth_another_look(8, Some(8), Some(10)), "Okta's count says that it is whole");
        assert!(is_worth_another_look(0, Some(4), None));
    }
}
