//! Writing to the identity store. Each call may be sent more than once, so each takes its own earlier effect for success.

use aws_sdk_identitystore::types::{AttributeOperation, GroupMembershipExistenceResult, MemberId, ResourceType};
use engine::ports::{Effect, GroupChange, MemberChange, ReadTarget, WriteTarget};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{GroupId, MembershipId, Revision, UserId};
use sync_core::profile::UserRecord;

use crate::IdentityCenter;
use crate::api::Api;
use crate::errors::{About, Failure, identity_store};
use crate::scim::MembershipChanges;
use crate::users;

impl WriteTarget for IdentityCenter {
    async fn create_group(&self, display_name: &str, description: &str) -> Result<GroupId, TargetError> {
        // AWS refuses empty strings.
        let description = (!description.is_empty()).then(|| description.to_owned());
        let send = || async {
            let request = self.aws.identity_store.create_group().identity_store_id(&*self.store).display_name(display_name);
            let answer = request.set_description(description.clone()).send().await;
            answer.map_err(|error| identity_store(Api::CreateGroup, error))
        };
        let created = self.aws.caller.call(Api::CreateGroup, send).await.map_err(name_taken)?;
        let id = GroupId::new(created.group_id());
        Ok(id.map_err(|error| Failure::malformed(Api::CreateGroup, error.to_string()))?)
    }

    async fn update_group(&self, id: &GroupId, change: &GroupChange, at: Option<&Revision>) -> Result<(), TargetError> {
        let operations = operations(change)?;
        if operations.is_empty() {
            return Ok(());
        }
        let send = || async {
            let request = self.aws.identity_store.update_group().identity_store_id(&*self.store).group_id(id.as_str());
            let request = request.set_operations(Some(operations.clone())).set_revision(at.map(|at| at.as_str().to_owned()));
            request.send().await.map_err(|error| identity_store(Api::UpdateGroup, error))
        };
        match self.aws.caller.call(Api::UpdateGroup, send).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.is(TargetErrorKind::ConcurrentModification) => self.accept_if_so(id, change, failure).await,
            Err(failure) => Err(failure.into()),
        }
    }

    async fn delete_group(&self, id: &GroupId, at: Option<&Revision>) -> Result<Effect, TargetError> {
        let send = || async {
            let request = self.aws.identity_store.delete_group().identity_store_id(&*self.store).group_id(id.as_str());
            let answer = request.set_revision(at.map(|at| at.as_str().to_owned())).send().await;
            answer.map_err(|error| identity_store(Api::DeleteGroup, error))
        };
        gone(self.aws.caller.call(Api::DeleteGroup, send).await, &ResourceType::Group)
    }

    async fn create_membership(&self, group: &GroupId, user: &UserId) -> Result<Effect, TargetError> {
        let send = || async {
            let request = self.aws.identity_store.create_group_membership().identity_store_id(&*self.store).group_id(group.as_str());
            let answer = request.member_id(MemberId::UserId(user.as_str().to_owned())).send().await;
            answer.map_err(|error| identity_store(Api::CreateGroupMembership, error))
        };
        match self.aws.caller.call(Api::CreateGroupMembership, send).await {
            Ok(_) => Ok(Effect::Changed),
            // Nothing about a membership is unique but the pair itself.
            Err(failure) if failure.is(TargetErrorKind::NameTaken) => Ok(Effect::AlreadyInEffect),
            Err(failure) if failure.about == About::UnexplainedConflict && self.is_member(group, user).await? => {
                Ok(Effect::AlreadyInEffect)
            }
            Err(failure) => Err(failure.into()),
        }
    }

    async fn delete_membership(&self, id: &MembershipId) -> Result<Effect, TargetError> {
        let send = || async {
            let request = self.aws.identity_store.delete_group_membership().identity_store_id(&*self.store).membership_id(id.as_str());
            request.send().await.map_err(|error| identity_store(Api::DeleteGroupMembership, error))
        };
        gone(self.aws.caller.call(Api::DeleteGroupMembership, send).await, &ResourceType::GroupMembership)
    }

    fn most_changes_at_once(&self) -> usize {
        if self.scim.is_some() { MembershipChanges::MAX } else { 1 }
    }

    async fn change_members(&self, group: &GroupId, external_id: Option<&str>, changes: &[MemberChange]) -> Result<Effect, TargetError> {
        if let Some(scim) = &self.scim {
            return users::scim::patch_group(scim, group, external_id, changes).await;
        }
        let mut effect = Effect::AlreadyInEffect;
        for change in changes {
            let done = match change {
                MemberChange::Add(user) => self.create_membership(group, user).await?,
                MemberChange::Remove { membership, .. } => self.delete_membership(membership).await?,
            };
            effect = effect.min(done);
        }
        Ok(effect)
    }

    async fn create_user(&self, user: &UserRecord) -> Result<UserId, TargetError> {
        match &self.scim {
            Some(scim) => users::scim::create_user(scim, user).await,
            None => self.store_user(user).await,
        }
    }

    async fn update_user(&self, id: &UserId, from: &UserRecord, to: &UserRecord, at: Option<&Revision>) -> Result<(), TargetError> {
        match &self.scim {
            Some(scim) => users::scim::put_user(scim, id, to).await,
            None => self.change_stored_user(id, from, to, at).await,
        }
    }

    async fn disable_user(&self, id: &UserId) -> Result<Effect, TargetError> {
        if let Some(scim) = &self.scim {
            return scim.set_active(id, false).await.map(|()| Effect::Changed);
        }
        let advice = format!("user {id} cannot be disabled: no Identity Store API sets UserStatus; writes.transport = \"scim\" does");
        Err(Failure::invalid(Api::UpdateUser, advice).into())
    }

    async fn delete_user(&self, id: &UserId, at: Option<&Revision>) -> Result<Effect, TargetError> {
        if let Some(scim) = &self.scim {
            return scim.delete_user(id).await;
        }
        let send = || async {
            let request = self.aws.identity_store.delete_user().identity_store_id(&*self.store).user_id(id.as_str());
            let answer = request.set_revision(at.map(|at| at.as_str().to_owned())).send().await;
            answer.map_err(|error| identity_store(Api::DeleteUser, error))
        };
        gone(self.aws.caller.call(Api::DeleteUser, send).await, &ResourceType::User)
    }
}

impl IdentityCenter {
    /// The group changed since its revision was read. By our own hand, perhaps: an update whose answer was lost is sent again, and
    /// meets the revision that it made itself. Then all is as it should be.
    async fn accept_if_so(&self, id: &GroupId, change: &GroupChange, failure: Failure) -> Result<(), TargetError> {
        let is_so = |wanted: &Option<String>, actual: &str| wanted.as_ref().is_none_or(|wanted| wanted == actual);
        match self.group(id).await? {
            Some(now) if is_so(&change.display_name, &now.display_name) && is_so(&change.description, &now.description) => Ok(()),
            Some(_) | None => Err(failure.into()),
        }
    }

    async fn is_member(&self, group: &GroupId, user: &UserId) -> Result<bool, TargetError> {
        let send = || async {
            let member = MemberId::UserId(user.as_str().to_owned());
            let request = self.aws.identity_store.is_member_in_groups().identity_store_id(&*self.store).member_id(member);
            let answer = request.group_ids(group.as_str()).send().await;
            answer.map_err(|error| identity_store(Api::IsMemberInGroups, error))
        };
        match self.aws.caller.call(Api::IsMemberInGroups, send).await {
            Ok(answer) => Ok(answer.results().iter().any(GroupMembershipExistenceResult::membership_exists)),
            // An emulator may not know the question, and a role may not be allowed it: the list answers it as well.
            Err(_) => {
                let members = self.memberships_of_group(group).await?;
                Ok(members.is_some_and(|members| members.iter().any(|member| member.user == *user)))
            }
        }
    }
}

/// What was gone already is as good as deleted now.
fn gone<T>(answer: Result<T, Failure>, resource: &ResourceType) -> Result<Effect, TargetError> {
    match answer {
        Ok(_) => Ok(Effect::Changed),
        Err(failure) if failure.is_missing(resource) => Ok(Effect::AlreadyInEffect),
        Err(failure) => Err(failure.into()),
    }
}

/// A new group cannot be modified by someone else, so a conflict without a reason can only be about its name.
pub(crate) fn name_taken(mut failure: Failure) -> Failure {
    if failure.about == About::UnexplainedConflict {
        failure.error.kind = TargetErrorKind::NameTaken;
    }
    failure
}

fn operations(change: &GroupChange) -> Result<Vec<AttributeOperation>, Failure> {
    let fields = [("displayName", &change.display_name), ("description", &change.description)];
    let set = fields.into_iter().filter_map(|(path, value)| Some(operation(path, value.as_deref()?)));
    set.collect()
}

/// Sets an attribute; an empty value takes it away, as AWS refuses empty strings.
fn operation(path: &str, value: &str) -> Result<AttributeOperation, Failure> {
    let value = (!value.is_empty()).then_some(value);
    let operation = AttributeOperation::builder().attribute_path(path).attribute_value(value.into()).build();
    operation.map_err(|error| Failure::malformed(Api::UpdateGroup, error.to_string()))
}
