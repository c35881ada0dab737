//! What people do in Identity Center by hand.

use sim::identity_center::{StoreAssignment, StoreGroup};
use sync_core::ids::{GroupId, UserId};

use super::Stage;
use crate::history::Op;

impl Stage {
    /// Whether it was something that people do by hand.
    pub(super) fn perform_by_hand(&mut self, op: &Op) -> bool {
        if self.perform_on_users(op) {
            return true;
        }
        self.is_damaged |= matches!(op, Op::HandRemove { .. } | Op::HandDelete { .. });
        match op {
            Op::HandAdd { group, user } => {
                self.model.concerned.extend(self.user(*user));
                self.on_member(*group, self.account_by_number(*user), true);
            }
            Op::HandRemove { group, user } => self.on_member(*group, self.account_by_number(*user), false),
            Op::HandAddStranger { group } => self.on_member(*group, self.strangers.first().cloned(), true),
            Op::HandDelete { group } => {
                if let Some(group) = self.some_marked(*group) {
                    self.leaves_orphans = true;
                    self.world.aws.remove_group(&group.id);
                }
            }
            Op::HandRename { group } => {
                if let Some(group) = self.some_marked(*group) {
                    self.made += 1;
                    self.world.aws.rename_group(&group.id, &format!("By hand {}", self.made));
                }
            }
            Op::HandChangeUnmanaged { user } => self.change_unmanaged(*user),
            Op::HandAssign { group, account, set } => self.on_assignment(*group, *account, *set, true),
            Op::HandUnassign { group, account, set } => self.on_assignment(*group, *account, *set, false),
            Op::Account { account, active } => {
                if self.has_organization {
                    let state = if *active { "ACTIVE" } else { "SUSPENDED" };
                    self.world.aws.set_account_state(&self.world.account(u32::from(*account) % 2 + 1), state);
                }
            }
            _ => return false,
        }
        true
    }

    fn account_by_number(&self, user: u8) -> Option<UserId> {
        self.account_of.get(&self.user(user)?).cloned()
    }

    fn some_marked(&self, number: u8) -> Option<StoreGroup> {
        let marked = self.marked();
        let at = usize::from(number).checked_rem(marked.len())?;
        marked.into_iter().nth(at).map(|(_, group)| group)
    }

    fn on_member(&self, group: u8, user: Option<UserId>, joins: bool) {
        let (Some(group), Some(user)) = (self.some_marked(group), user) else { return };
        if joins {
            self.world.aws.add_member(&group.id, &user);
        } else {
            self.world.aws.remove_member(&group.id, &user);
        }
    }

    fn change_unmanaged(&mut self, user: u8) {
        let groups: Vec<GroupId> = self.unmanaged.keys().cloned().collect();
        let Some(user) = self.account_by_number(user) else { return };
        for group in groups {
            if !self.world.aws.remove_member(&group, &user) {
                self.world.aws.add_member(&group, &user);
            }
        }
    }

    fn on_assignment(&self, group: u8, account: u8, set: u8, gives: bool) {
        let Some(group) = self.some_marked(group).filter(|_| self.has_organization) else { return };
        let set = self.world.permission_set(if set.is_multiple_of(2) { "ReadOnly" } else { "Admin" });
        let assignment = StoreAssignment::of_group(&group.id, &self.world.account(u32::from(account) % 2 + 1), &set);
        if gives {
            self.world.aws.assign(&assignment);
        } else {
            self.world.aws.unassign(&assignment);
        }
    }

    /// What people left in the groups that are not ours.
    pub(crate) fn remember_unmanaged(&mut self) {
        let groups: Vec<GroupId> = self.unmanaged.keys().cloned().collect();
        groups.iter().for_each(|group| self.watch_unmanaged(group));
    }
}
