//! What happens in Okta, and what someone else provisions.

use std::collections::BTreeSet;

use sync_core::ids::OktaUserId;

use super::{NAMES, Stage, UNMANAGED};
use crate::history::Op;
use crate::model::{EXCLUDED, Standing};

/// The group that always stays, so that Okta's list is never honestly empty.
const ANCHOR: usize = 0;

impl Stage {
    /// Whether it was something of Okta's.
    pub(super) fn perform_in_okta(&mut self, op: &Op) -> bool {
        match op {
            Op::Join { group, user } => self.with(*group, *user, Self::join),
            Op::Leave { group, user } => self.with(*group, *user, Self::leave),
            Op::Move { user, from, to } => {
                self.with(*to, *user, Self::join);
                self.with(*from, *user, |stage, from, user| {
                    if Some(from) != stage.group(*to) {
                        stage.leave(from, user);
                    }
                })
            }
            Op::RenameGroup { .. } | Op::MakeGroup { .. } | Op::DeleteGroup { .. } | Op::RecreateGroup { .. } => self.change_groups(op),
            Op::ChangeLogin { user }
            | Op::ChangeName { user }
            | Op::Suspend { user }
            | Op::Unsuspend { user }
            | Op::Deactivate { user }
            | Op::DeleteUser { user }
            | Op::RecreateUser { user }
            | Op::Provision { user } => self.user(*user).is_some_and(|user| self.change_user(op, user)),
            Op::Hire => {
                self.made += 1;
                let login = format!("new{}@example.com", self.made);
                let id = self.world.okta.add_user(&login);
                self.add_person(id, login);
                true
            }
            _ => false,
        }
    }

    fn with(&mut self, group: u8, user: u8, change: impl FnOnce(&mut Self, usize, usize)) -> bool {
        if let (Some(group), Some(user)) = (self.group(group), self.user(user)) {
            change(self, group, user);
        }
        true
    }

    fn join(&mut self, group: usize, user: usize) {
        let (Some(group_id), Some(user_id)) = (self.okta_groups.get(group), self.okta_users.get(user)) else { return };
        let exists = self.model.people.get(user).is_some_and(|person| person.exists);
        if let Some(team) = self.model.teams.get_mut(group).filter(|team| team.exists && exists) {
            self.world.okta.add_member(group_id, user_id);
            team.members.insert(user);
        }
    }

    fn leave(&mut self, group: usize, user: usize) {
        let (Some(group_id), Some(user_id)) = (self.okta_groups.get(group), self.okta_users.get(user)) else { return };
        if let Some(team) = self.model.teams.get_mut(group) {
            self.world.okta.remove_member(group_id, user_id);
            team.members.remove(&user);
        }
    }

    fn change_groups(&mut self, op: &Op) -> bool {
        match op {
            Op::MakeGroup { name } => {
                let name = self.name_of(*name);
                let id = self.world.okta.add_group(&name);
                self.add_team(id, name, BTreeSet::new());
            }
            Op::RenameGroup { group, name } => {
                let name = self.name_of(*name);
                if let Some(group) = self.group(*group) {
                    self.rename(group, &name);
                }
            }
            Op::DeleteGroup { group } => self.group(*group).into_iter().for_each(|group| self.delete(group)),
            Op::RecreateGroup { group } => self.group(*group).into_iter().for_each(|group| self.recreate(group)),
            _ => return false,
        }
        true
    }

    /// A name. One that a group by hand has is not given where the policy says that such a group may be taken over.
    fn name_of(&self, number: u8) -> String {
        let name = NAMES.get(usize::from(number) % NAMES.len()).copied().filter(|name| !(self.setup.by_name && *name == UNMANAGED));
        name.unwrap_or("Other").to_owned()
    }

    fn rename(&mut self, group: usize, name: &str) {
        let stays_managed = group != ANCHOR || (name.starts_with("AWS-") && name != EXCLUDED);
        if let (Some(id), Some(team)) = (self.okta_groups.get(group), self.model.teams.get_mut(group))
            && team.exists
            && stays_managed
        {
            self.world.okta.rename_group(id, name);
            name.clone_into(&mut team.name);
        }
    }

    fn delete(&mut self, group: usize) {
        if group == ANCHOR {
            return;
        }
        if let (Some(id), Some(team)) = (self.okta_groups.get(group), self.model.teams.get_mut(group)) {
            self.world.okta.delete_group(id);
            team.exists = false;
        }
    }

    fn recreate(&mut self, group: usize) {
        let Some(old) = self.model.teams.get(group).cloned() else { return };
        if group == ANCHOR {
            return;
        }
        self.delete(group);
        let id = self.world.okta.add_group(&old.name);
        self.add_team(id, old.name, BTreeSet::new());
        let made = self.okta_groups.len() - 1;
        old.members.into_iter().for_each(|user| self.join(made, user));
    }

    fn change_user(&mut self, op: &Op, user: usize) -> bool {
        match op {
            Op::ChangeLogin { .. } => self.change_login(user),
            Op::ChangeName { .. } => self.change_name(user),
            Op::Suspend { .. } => self.set_standing(user, Standing::Suspended, sim::okta::FakeOkta::suspend),
            Op::Deactivate { .. } => self.set_standing(user, Standing::Deactivated, sim::okta::FakeOkta::deactivate),
            Op::Unsuspend { .. } => self.set_standing(user, Standing::Active, sim::okta::FakeOkta::reactivate),
            Op::DeleteUser { .. } => self.delete_user(user),
            Op::RecreateUser { .. } => self.recreate_user(user),
            Op::Provision { .. } => self.provision(user),
            _ => return false,
        }
        true
    }

    /// Only where the user would be known again: by their externalId, or because a run has written down who they are.
    fn change_login(&mut self, user: usize) {
        if !self.would_be_known(user) {
            return;
        }
        self.made += 1;
        let login = format!("other{}@example.com", self.made);
        if let (Some(id), Some(person)) = (self.okta_users.get(user), self.model.people.get_mut(user))
            && person.exists
        {
            self.world.okta.set_login(id, &login);
            person.names.insert(login.clone());
            person.login = login;
        }
    }

    fn change_name(&mut self, user: usize) {
        self.made += 1;
        let name = format!("Given {}", self.made);
        if let (Some(id), Some(person)) = (self.okta_users.get(user), self.model.people.get_mut(user))
            && person.exists
        {
            self.world.okta.set_profile(id, "firstName", name.as_str());
            person.names.insert(name.clone());
            person.given = name;
        }
    }

    fn set_standing(&mut self, user: usize, standing: Standing, change: fn(&sim::okta::FakeOkta, &OktaUserId) -> bool) {
        if let (Some(id), Some(person)) = (self.okta_users.get(user), self.model.people.get_mut(user))
            && person.exists
        {
            change(&self.world.okta, id);
            person.standing = standing;
        }
    }

    fn delete_user(&mut self, user: usize) {
        let (Some(id), Some(person)) = (self.okta_users.get(user), self.model.people.get_mut(user)) else { return };
        self.world.okta.delete_user(id);
        person.exists = false;
        for team in &mut self.model.teams {
            team.members.remove(&user);
        }
    }

    /// Only where externalIds tell the two apart: without them, whether the new one is the old is nobody's to say.
    fn recreate_user(&mut self, user: usize) {
        if !self.setup.is_labelled() || !self.would_be_known(user) {
            return;
        }
        let Some(person) = self.model.people.get(user).cloned() else { return };
        let is_taken = |other: &crate::model::Person| other.exists && other.login == person.login;
        let groups: Vec<usize> =
            self.model.teams.iter().enumerate().filter(|(_, team)| team.members.contains(&user)).map(|(group, _)| group).collect();
        self.delete_user(user);
        if self.model.people.iter().any(is_taken) {
            return;
        }
        let id = self.world.okta.add_user(&person.login);
        self.add_person(id, person.login);
        let made = self.okta_users.len() - 1;
        groups.into_iter().for_each(|group| self.join(group, made));
    }
}
