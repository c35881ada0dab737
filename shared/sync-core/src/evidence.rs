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
}
