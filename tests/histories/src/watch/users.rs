//! Each user that a run makes, changes, disables or deletes, held against the reference model.

use std::collections::BTreeSet;

use sim::identity_center::{StoreUser, UserChange};
use sync_core::ids::UserId;

use super::{Ground, WINDOW, Watch};
use crate::drive::Broken;
use crate::history::{Farewell, Managed};
use crate::model::Moment;
use crate::policies::TIGHT;
use crate::stage::Stage;

impl Watch {
    pub(super) fn hold_user(&mut self, stage: &mut Stage, change: &UserChange, ground: Ground) -> Result<(), Broken> {
        let Some(managed) = stage.setup.managed.clone() else {
            return Err("a user was changed although someone else provisions them".to_owned());
        };
        match (&change.before, &change.after) {
            (None, Some(made)) => self.made(stage, made, ground),
            (Some(before), Some(after)) => self.changed(stage, &managed, (before, after), ground),
            (Some(before), None) => self.departed(stage, &managed, (before, Farewell::Delete), ground),
            (None, None) => Ok(()),
        }
    }

    fn made(&mut self, stage: &mut Stage, made: &StoreUser, ground: Ground) -> Result<(), Broken> {
        self.users_changed += 1;
        let holders: BTreeSet<UserId> = stage.stands_for.keys().cloned().collect();
        let Some(user) = stage.meet(made) else { return Err("someone was made whom Okta does not know".to_owned()) };
        let others = holders.iter().filter(|id| stage.stands_for.get(*id) == Some(&user) && stage.world.aws.has_user(id));
        if let Some(other) = others.into_iter().find(|id| **id != made.id) {
            return Err(format!("user {user} was made although they are there as {other}"));
        }
        if stage.model.ever_in_any(user, ground.from, ground.to) {
            Ok(())
        } else {
            Err("someone was made who is in no managed group".to_owned())
        }
    }

    fn changed(
        &mut self,
        stage: &Stage,
        managed: &Managed,
        (before, after): (&StoreUser, &StoreUser),
        ground: Ground,
    ) -> Result<(), Broken> {
        if before.enabled && !after.enabled {
            return self.departed(stage, managed, (before, Farewell::Disable), ground);
        }
        if is_same(before, after) {
            return Ok(());
        }
        self.users_changed += 1;
        let Some(user) = whose(stage, before) else { return Err("a user that is not ours was changed".to_owned()) };
        if !stage.model.ever_in_any(user, ground.from, ground.to) {
            return Err("someone was changed who is in no managed group".to_owned());
        }
        let had = |name: &str| stage.model.people.get(user).is_some_and(|person| person.names.contains(name));
        if before.user_name != after.user_name && !had(&after.user_name) {
            return Err("someone got a userName that was never their login".to_owned());
        }
        let is_own = |id: &str| stage.okta_users.get(user).is_some_and(|own| own.as_str() == id);
        if before.external_ids != after.external_ids && !after.external_ids.iter().all(|external| is_own(&external.id)) {
            return Err("someone got an externalId that is not theirs".to_owned());
        }
        Ok(())
    }

    fn departed(
        &mut self,
        stage: &Stage,
        managed: &Managed,
        (account, farewell): (&StoreUser, Farewell),
        ground: Ground,
    ) -> Result<(), Broken> {
        self.users_changed += 1;
        if stage.troubles.ledger_down_since.is_some_and(|down| down < ground.from) {
            return Err("a user was disabled or deleted without the ledger".to_owned());
        }
        let Some(user) = whose(stage, account) else { return Err("a user that is not ours was disabled or deleted".to_owned()) };
        if !stage.model.concerned.contains(&user) {
            return Err("a user was disabled or deleted who never was in a managed group".to_owned());
        }
        let allows = |said: Farewell| match (said, farewell) {
            (Farewell::Nothing, _) | (Farewell::Disable, Farewell::Delete) => false,
            (_, Farewell::Delete) => stage.model.ever_left(user, ground.from, ground.to),
            (Farewell::Disable | Farewell::Delete, _) => stage.model.ever_inactive(user, ground.from, ground.to),
        };
        if !stage.farewells_since(ground.from).any(allows) {
            return Err("a user was disabled or deleted whom the policy leaves as they are".to_owned());
        }
        let grace = Moment::from(managed.grace_hours) * 3_600_000;
        if grace > 0 && !stage.model.ever_inactive(user, 0, ground.to.saturating_sub(grace)) {
            return Err("a user was disabled or deleted before their grace was over".to_owned());
        }
        self.spend_user(stage, account, ground)
    }

    fn spend_user(&mut self, stage: &Stage, account: &StoreUser, ground: Ground) -> Result<(), Broken> {
        if !stage.setup.tight || self.is_unknown || self.is_approved {
            return Ok(());
        }
        self.departures.push((ground.to, account.id.clone()));
        let recent: BTreeSet<&UserId> = self.departures.iter().filter(|(at, _)| at + WINDOW > ground.to).map(|(_, user)| user).collect();
        if recent.len() > TIGHT.users {
            return Err(format!("{} users were disabled or deleted within a day, and {} are allowed", recent.len(), TIGHT.users));
        }
        Ok(())
    }
}

/// Whether a write changed nothing, as when two runs disable someone.
fn is_same(before: &StoreUser, after: &StoreUser) -> bool {
    let said = |user: &StoreUser| (user.user_name.clone(), user.external_ids.clone(), user.enabled, user.attributes.clone());
    said(before) == said(after)
}

/// The user that one of ours stands for; nobody's, where it is kept by others.
fn whose(stage: &Stage, account: &StoreUser) -> Option<usize> {
    if stage.unmanaged_users.contains_key(&account.id) { None } else { stage.stands_for.get(&account.id).copied() }
}
