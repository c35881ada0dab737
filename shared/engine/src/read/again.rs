//! What a second reading of groups is worth: it decides, and not what was read of their members before.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sync_core::desired::Fate;
use sync_core::ids::OktaGroupId;
use sync_core::policy::Policy;
use sync_core::reading::Reading;
use sync_core::resolve::group_fates;
use sync_core::snapshot::MemberList;

use super::Reads;

impl Reads {
    /// Notes which of these groups were really read again at this moment.
    pub(super) fn were_read_again(&mut self, groups: &BTreeSet<OktaGroupId>, policy: &Policy, at: Timestamp) {
        let fates = group_fates(&self.okta, &self.actual, policy).fates;
        for group in groups {
            match self.okta.member_lists.get(group) {
                Some(Reading::Known(list)) => {
                    for (user, listed) in &mut self.okta.user_groups {
                        bring_up_to_date(listed, group, list, list.members.contains(user));
                    }
                }
                None if fates.get(group).is_some_and(|(_, fate)| needs_no_list(fate)) => {}
                Some(Reading::Unknown(_)) | None => continue,
            }
            self.again_at.insert(group.clone(), at);
        }
    }
}

/// Whether what becomes of a group is decided whoever its members are in Okta.
fn needs_no_list(fate: &Fate) -> bool {
    match fate {
        Fate::Empty { .. } | Fate::Delete { .. } | Fate::Release { .. } => true,
        Fate::Keep { .. } | Fate::Create { .. } | Fate::AsIs { .. } => false,
    }
}

/// What was read of a user is older than this list of a group's members. Where the list is not to be relied on, and says another thing,
/// nothing is concluded of the user.
fn bring_up_to_date(listed: &mut Reading<BTreeSet<OktaGroupId>>, group: &OktaGroupId, list: &MemberList, is_member: bool) {
    let Reading::Known(groups) = listed else { return };
    if is_member {
        groups.insert(group.clone());
    } else if groups.remove(group) && (list.nameless > 0 || list.shorter_than.is_some()) {
        *listed = Reading::Unknown("the members of a group were read again, and that list is not to be relied on".to_owned());
    }
}
