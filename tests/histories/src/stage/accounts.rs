//! The users of Identity Center: whom each stands for, what other systems and people make of them, and what runs do to them.

use sim::identity_center::StoreUser;
use sync_core::ids::UserId;

use super::Stage;
use crate::history::Op;

impl Stage {
    /// Whether it was something that people do to Identity Center's users by hand.
    pub(super) fn perform_on_users(&mut self, op: &Op) -> bool {
        match op {
            Op::Namesake { user, foreign } => self.user(*user).into_iter().for_each(|user| self.make_namesake(user, *foreign)),
            Op::HandEnable { user, enabled } => {
                if let Some(account) = self.user(*user).and_then(|user| self.account(user)).filter(|_| self.setup.managed.is_some()) {
                    self.world.aws.enable_user(&account, *enabled);
                }
            }
            Op::HandDeleteUser { user } => {
                if let Some(account) = self.user(*user).and_then(|user| self.account(user)).filter(|_| self.setup.managed.is_some()) {
                    self.is_damaged = true;
                    self.world.aws.remove_user(&account);
                    self.remember_unmanaged();
                }
            }
            Op::HandChangeUser { user } => {
                if let Some(account) = self.user(*user).and_then(|user| self.account(user)).filter(|_| self.setup.managed.is_some()) {
                    self.world.aws.set_user_attribute(&account, "DisplayName", "By hand");
                    self.world.aws.set_user_attribute(&account, "Title", "By hand");
                }
            }
            _ => return false,
        }
        true
    }

    /// The user of Identity Center that a user has, if it is there.
    pub(crate) fn account(&self, user: usize) -> Option<UserId> {
        self.account_of.get(&user).filter(|id| self.world.aws.has_user(id)).cloned()
    }

    /// Whether a user is still known when their login is another: their externalId says who they are, or an earlier run has written it down.
    pub(crate) fn would_be_known(&self, user: usize) -> bool {
        let account = self.account(user).and_then(|id| self.world.aws.peek_user(&id));
        match account {
            None => self.setup.is_labelled(),
            Some(account) if !account.external_ids.is_empty() => true,
            Some(_) => !self.setup.external_ids && self.is_pinned(user),
        }
    }

    pub(crate) fn is_pinned(&self, user: usize) -> bool {
        let Some(id) = self.okta_users.get(user) else { return false };
        self.world.table.rows().iter().any(|row| row.pk == "pin" && row.sk == id.as_str())
    }

    fn belongs_to(&mut self, account: UserId, user: usize) {
        self.stands_for.insert(account.clone(), user);
        self.account_of.insert(user, account);
    }

    /// What the native provisioning does: it makes users, and gives them their new names. Whoever is gone makes room.
    pub(crate) fn provision(&mut self, user: usize) {
        let Some(person) = self.model.people.get(user).filter(|person| person.exists).cloned() else { return };
        let holder = self.world.aws.user_named(&person.login).map(|holder| holder.id);
        let own = self.account_of.get(&user).cloned();
        if let Some(holder) = holder.filter(|holder| Some(holder) != own.as_ref()) {
            let is_gone = |user: &usize| self.model.people.get(*user).is_some_and(|person| !person.exists);
            match self.stands_for.get(&holder) {
                Some(other) if is_gone(other) => drop(self.world.aws.remove_user(&holder)),
                _ => return,
            }
        }
        if let Some(account) = own.and_then(|own| self.world.aws.peek_user(&own)) {
            if account.user_name != person.login {
                self.world.aws.rename_user(&account.id, &person.login);
            }
            return;
        }
        let external_id = self.okta_users.get(user).filter(|_| self.setup.external_ids).map(|id| id.as_str().to_owned());
        if let Some(made) = self.world.aws.add_user(&person.login, external_id.as_deref()) {
            self.belongs_to(made, user);
        }
    }

    /// A user of someone's name, who is them if nothing else says who they are, and nobody of ours if they are another provider's.
    fn make_namesake(&mut self, user: usize, foreign: bool) {
        let Some(person) = self.model.people.get(user).filter(|person| person.exists).cloned() else { return };
        if self.setup.managed.is_none() || self.account(user).is_some() {
            return;
        }
        self.made += 1;
        let external_id = foreign.then(|| format!("elsewhere{}", self.made));
        let Some(made) = self.world.aws.add_user(&person.login, external_id.as_deref()) else { return };
        if foreign {
            self.keep_user(&made);
        } else {
            self.belongs_to(made, user);
        }
    }

    /// From now on, nobody may touch this user.
    pub(super) fn keep_user(&mut self, id: &UserId) {
        self.unmanaged_users.extend(self.world.aws.peek_user(id).map(|user| (id.clone(), user)));
    }

    /// Learns whom a user stands for that a run has made: by the externalId, or else by the name, which nobody else ever had.
    pub(crate) fn meet(&mut self, made: &StoreUser) -> Option<usize> {
        let user = match made.external_ids.first() {
            Some(external) => self.okta_users.iter().position(|id| id.as_str() == external.id),
            None => self.model.people.iter().position(|person| person.names.contains(&made.user_name)),
        }?;
        self.belongs_to(made.id.clone(), user);
        Some(user)
    }

    /// Forgets what changed until now, and says how much that was.
    pub(crate) fn forget_changes(&self) -> usize {
        self.world.aws.membership_changes().len() + self.world.aws.user_changes().len()
    }
}
