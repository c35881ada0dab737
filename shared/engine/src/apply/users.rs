//! Users: made, changed, disabled and deleted, each by a request of its own.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt};
use sync_core::action::{Action, UserCreation, UserDeparture, UserUpdate};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{OktaUserId, UserId};
use sync_core::names::NameKey;
use sync_core::outcome::{Effect, NotAttempted, Outcome};
use sync_core::records::DirectoryUser;

use super::slice::{CONCURRENCY, lease_lost};
use super::{Progress, Writing};
use crate::engine::Engine;
use crate::ports::{Clock, ReadAws, ReadSource, Table, WriteAws};

/// What became of an action, and the user where it made or found one.
struct Done {
    outcome: Outcome,
    user: Option<UserId>,
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, user: None }
    }
}

impl<S, T, L, C> Engine<S, T, L, C>
where
    S: ReadSource,
    T: ReadAws + WriteAws,
    L: Table,
    C: Clock,
{
    pub(super) async fn apply_to_users(&self, slice: &[&Action], writing: Writing<'_>, progress: &mut Progress) {
        if slice.is_empty() {
            return;
        }
        let each = |action| async move { (action, self.one_user(action, writing).await) };
        let results: Vec<(&Action, Option<Done>)> = stream::iter(slice.iter().copied()).map(each).buffered(CONCURRENCY).collect().await;
        let mut made = BTreeMap::new();
        for (action, done) in results {
            let Some(Done { outcome, user }) = done else {
                progress.leave(action);
                continue;
            };
            if let (Action::CreateUser(creation), Some(user)) = (action, user) {
                made.insert(creation.okta_id.clone(), user);
            }
            progress.record(action, outcome);
        }
        self.pin(&made).await;
        progress.made_users.extend(made);
    }

    async fn one_user(&self, action: &Action, writing: Writing<'_>) -> Option<Done> {
        if let Some(hindered) = self.hindered(action, writing).await {
            return hindered.map(Done::from);
        }
        if let Some(id) = action.user().and_then(|user| user.okta_id.as_ref()) {
            self.directory.forget_user(id);
        }
        let done = writing.turn.held_during(self, self.change_user(action)).await;
        Some(done.unwrap_or_else(|| Outcome::Failed(lease_lost(action)).into()))
    }

    async fn change_user(&self, action: &Action) -> Done {
        if let Action::CreateUser(creation) = action {
            self.make(creation).await
        } else if let Action::UpdateUser(update) = action {
            self.update(action, update).await.into()
        } else if let Action::DisableUser(departure) = action {
            self.outcome(action, self.target.disable_user(&departure.user_id).await).into()
        } else if let Action::DeleteUser(departure) = action {
            self.delete_user(action, departure).await.into()
        } else {
            Outcome::NotAttempted(NotAttempted::ChangedMeanwhile).into()
        }
    }

    async fn make(&self, creation: &UserCreation) -> Done {
        match self.target.create_user(&creation.record).await {
            Ok(id) => Done { outcome: Outcome::Done(Effect::Changed), user: Some(id) },
            Err(error) if error.kind == TargetErrorKind::NameTaken => match self.there_before(creation).await {
                Ok(Some(id)) => Done { outcome: Outcome::Done(Effect::AlreadyInEffect), user: Some(id) },
                Ok(None) => Outcome::Failed(error).into(),
                Err(look) => Outcome::Failed(look).into(),
            },
            Err(error) => Outcome::Failed(error).into(),
        }
    }

    /// A user of this name who is nobody else: an earlier answer was lost, or someone provisioned them in the meantime.
    async fn there_before(&self, creation: &UserCreation) -> Result<Option<UserId>, TargetError> {
        let record = &creation.record;
        let found = self.target.users_named(&record.user_name).await?;
        let is_theirs = |user: &&DirectoryUser| match user.external_ids.as_slice() {
            // Whoever has no externalId may be someone of whom the ledger knows: the next run says who.
            [] => record.external_id.is_none() && is_like(user, creation),
            ids => ids.iter().any(|id| id == creation.okta_id.as_str()),
        };
        Ok(found.iter().find(is_theirs).map(|user| user.id.clone()))
    }

    async fn update(&self, action: &Action, update: &UserUpdate) -> Outcome {
        let UserUpdate { user_id, from, to, revision, .. } = update;
        match self.target.update_user(user_id, from, to, revision.as_ref()).await {
            // Whoever wrote in between may have written what decided: the next run reads it, and decides again.
            Err(error) if error.kind == TargetErrorKind::ConcurrentModification => Outcome::NotAttempted(NotAttempted::ChangedMeanwhile),
            result => self.outcome(action, result.map(|()| Effect::Changed)),
        }
    }

    async fn delete_user(&self, action: &Action, departure: &UserDeparture) -> Outcome {
        match self.target.delete_user(&departure.user_id, departure.revision.as_ref()).await {
            Err(error) if error.kind == TargetErrorKind::ConcurrentModification => Outcome::NotAttempted(NotAttempted::ChangedMeanwhile),
            result => self.outcome(action, result),
        }
    }

    /// Remembers who was made for whom, where no externalId says it.
    async fn pin(&self, made: &BTreeMap<OktaUserId, UserId>) {
        let is_labelled = self.policy.users.managed.as_ref().is_none_or(|managed| managed.over_scim);
        if is_labelled || made.is_empty() {
            return;
        }
        if let Err(error) = self.ledger.set_pins(made, self.clock.now()).await {
            tracing::warn!(event = "pins_not_written", error = %error, "the next run tells them by their userName, and pins them");
        }
    }
}

/// Whether a user is as it was to be made: then it was made by a request whose answer was lost.
fn is_like(user: &DirectoryUser, creation: &UserCreation) -> bool {
    let attributes = user.details.as_ref().map(|details| &details.attributes);
    NameKey::of(&user.user_name) == NameKey::of(&creation.record.user_name) && attributes.is_none_or(|is| *is == creation.record.attributes)
}
