//! Groups.

use engine::ports::Effect;
use reqwest::Method;
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{GroupId, UserId};

use super::client::{Creation, Request, ScimClient};
use super::filter::GroupFilter;
use super::group::{GroupRecord, MembershipChanges, MembershipsError, ScimGroupPatch};
use super::users::gone;
use super::verdict::unreadable;
use super::wire;
use crate::api::Api;
use crate::errors::Failure;

impl ScimClient {
    /// Makes a group with these members, of whom AWS takes [`MembershipChanges::MAX`] at once. Where AWS says that there is one of this
    /// name, it is `Found`: its externalId and its members may still be others.
    ///
    /// # Errors
    /// `NameTaken` where the group of this name has another externalId; `Invalid` for too many members, or where AWS does not take the
    /// name. Others as for every call.
    pub async fn create_group(
        &self,
        display_name: &str,
        external_id: Option<&str>,
        members: &[UserId],
    ) -> Result<Creation<GroupId, GroupRecord>, TargetError> {
        let api = Api::ScimCreateGroup;
        if members.len() > MembershipChanges::MAX {
            return Err(Failure::invalid(api, MembershipsError::TooMany(members.len()).to_string()).into());
        }
        let body = wire::new_group(display_name, external_id, members);
        match self.made_group(Request::new(api, Method::POST, &["Groups"]).with(body)).await {
            Ok(id) => Ok(Creation::Created(id)),
            Err(failure) if failure.is(TargetErrorKind::NameTaken) => {
                Ok(Creation::Found(Box::new(self.which_has_it(display_name, external_id, failure).await?)))
            }
            Err(failure) => Err(failure.into()),
        }
    }

    async fn made_group(&self, request: Request<'_>) -> Result<GroupId, Failure> {
        let api = request.api;
        let answer: wire::Group = self.read(request).await?;
        answer.record().map(|record| record.id).map_err(|error| unreadable(api, error.to_string()))
    }

    async fn which_has_it(&self, display_name: &str, external_id: Option<&str>, taken: Failure) -> Result<GroupRecord, TargetError> {
        let Some(found) = self.find_groups(GroupFilter::DisplayName(display_name)).await?.pop() else {
            return Err(taken.advising("no group of this name is listed").into());
        };
        if found.external_id.is_some() && found.external_id.as_deref() != external_id {
            let advice = format!("the name belongs to the group {}, which has another externalId and is another group", found.id);
            return Err(taken.advising(&advice).into());
        }
        Ok(found)
    }

    /// The groups that a filter means.
    ///
    /// # Errors
    /// [`TargetError`]
    pub async fn find_groups(&self, filter: GroupFilter<'_>) -> Result<Vec<GroupRecord>, TargetError> {
        let api = Api::ScimListGroups;
        let listed: Vec<wire::Group> = match self.list(api, "Groups", Some(&filter.to_string())).await {
            // AWS was seen to refuse filters with letters beyond ASCII. Then all are read: it takes longer, and is as true.
            Err(failure) if failure.is(TargetErrorKind::Invalid) => self.list(api, "Groups", None).await?,
            listed => listed?,
        };
        let records: Vec<GroupRecord> =
            listed.into_iter().map(wire::Group::record).collect::<Result<_, _>>().map_err(Failure::nameless(api))?;
        Ok(records.into_iter().filter(|record| filter.means(record)).collect())
    }

    /// Changes a group in one request. Adding who is a member already and removing who is none changes nothing and is no error, so that a
    /// request whose answer was lost can be sent again. Nothing is sent for nothing.
    ///
    /// # Errors
    /// `NotFound`: the group, or a user who was to be added, is gone; `NameTaken`; `Invalid`. After an error, none, some or all of the
    /// changes may be in effect.
    pub async fn patch_group(&self, id: &GroupId, patch: &ScimGroupPatch) -> Result<(), TargetError> {
        if patch.is_empty() {
            return Ok(());
        }
        let body = wire::group_patch(patch);
        Ok(self.write(Request::new(Api::ScimPatchGroup, Method::PATCH, &["Groups", id.as_str()]).with(body)).await?)
    }

    /// Deletes a group. One that is gone already is `AlreadyInEffect`.
    ///
    /// # Errors
    /// [`TargetError`]
    pub async fn delete_group(&self, id: &GroupId) -> Result<Effect, TargetError> {
        gone(self.write(Request::new(Api::ScimDeleteGroup, Method::DELETE, &["Groups", id.as_str()])).await)
    }
}
