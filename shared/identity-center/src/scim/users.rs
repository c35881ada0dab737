//! Users.

use engine::ports::Effect;
use reqwest::Method;
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::UserId;

use super::client::{Creation, Request, ScimClient};
use super::filter::UserFilter;
use super::user::{ScimUser, ScimUserPatch, UserRecord};
use super::verdict::unreadable;
use super::wire;
use crate::api::Api;
use crate::errors::Failure;
use crate::whole::same;

impl ScimClient {
    /// Makes a user. Where AWS says that there is one, it is looked for by externalId and then by userName: one of our externalId, or of
    /// our userName and no externalId, is `Found`.
    ///
    /// # Errors
    /// `NameTaken` where the userName belongs to a user with another externalId, or where it is something else that is taken (the e-mail
    /// address); `Invalid` where AWS does not take the attributes. Others as for every call.
    pub async fn create_user(&self, user: &ScimUser) -> Result<Creation<UserId, UserRecord>, TargetError> {
        let body = body(Api::ScimCreateUser, user)?;
        match self.made_user(Request::new(Api::ScimCreateUser, Method::POST, &["Users"]).with(body)).await {
            Ok(id) => Ok(Creation::Created(id)),
            Err(failure) if failure.is(TargetErrorKind::NameTaken) => Ok(Creation::Found(Box::new(self.who_has_it(user, failure).await?))),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn made_user(&self, request: Request<'_>) -> Result<UserId, Failure> {
        let api = request.api;
        let answer: wire::User = self.read(request).await?;
        answer.id().map_err(|error| unreadable(api, error.to_string()))
    }

    async fn who_has_it(&self, user: &ScimUser, taken: Failure) -> Result<UserRecord, TargetError> {
        if let Some(external_id) = user.external_id.as_deref()
            && let Some(found) = self.find_users(UserFilter::ExternalId(external_id)).await?.pop()
        {
            return Ok(found);
        }
        let Some(found) = self.find_users(UserFilter::UserName(&user.user_name)).await?.pop() else {
            let advice = "nobody has the externalId or the userName, so someone else has the e-mail address";
            return Err(taken.advising(advice).into());
        };
        if found.user.external_id.is_some() && found.user.external_id != user.external_id {
            let advice = format!("the userName belongs to the user {}, who has another externalId and is someone else", found.id);
            return Err(taken.advising(&advice).into());
        }
        Ok(found)
    }

    /// One user by id; `None` if it does not exist.
    ///
    /// # Errors
    /// [`TargetError`]
    pub async fn user(&self, id: &UserId) -> Result<Option<UserRecord>, TargetError> {
        let api = Api::ScimGetUser;
        let answer: wire::User = match self.read(Request::new(api, Method::GET, &["Users", id.as_str()])).await {
            Ok(answer) => answer,
            Err(failure) if failure.is_absent() => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        let record = answer.record().map_err(Failure::nameless(api))?;
        same(api, id, &record.id)?;
        Ok(Some(record))
    }

    /// The users that a filter means.
    ///
    /// # Errors
    /// [`TargetError`]
    pub async fn find_users(&self, filter: UserFilter<'_>) -> Result<Vec<UserRecord>, TargetError> {
        let api = Api::ScimListUsers;
        let listed: Vec<wire::User> = match self.list(api, "Users", Some(&filter.to_string())).await {
            // AWS was seen to refuse filters with letters beyond ASCII. Then everyone is read: it takes longer, and is as true.
            Err(failure) if failure.is(TargetErrorKind::Invalid) => self.list(api, "Users", None).await?,
            listed => listed?,
        };
        let records: Vec<UserRecord> =
            listed.into_iter().map(wire::User::record).collect::<Result<_, _>>().map_err(Failure::nameless(api))?;
        Ok(records.into_iter().filter(|record| filter.means(record)).collect())
    }

    /// Overwrites a user: what is not set in `user` is taken away.
    ///
    /// # Errors
    /// `NotFound`, `NameTaken`, `Invalid`; others as for every call.
    pub async fn put_user(&self, id: &UserId, user: &ScimUser) -> Result<(), TargetError> {
        let body = body(Api::ScimPutUser, user)?;
        Ok(self.write(Request::new(Api::ScimPutUser, Method::PUT, &["Users", id.as_str()]).with(body)).await?)
    }

    /// Changes some attributes of a user and leaves the others. Nothing is sent for nothing.
    ///
    /// # Errors
    /// `NotFound`, `NameTaken`, `Invalid`; others as for every call.
    pub async fn patch_user(&self, id: &UserId, patch: &ScimUserPatch) -> Result<(), TargetError> {
        let Some(body) = wire::user_patch(patch) else { return Ok(()) };
        Ok(self.write(Request::new(Api::ScimPatchUser, Method::PATCH, &["Users", id.as_str()]).with(body)).await?)
    }

    /// Lets a user sign in, or not any more. One that is so already is changed into the same.
    ///
    /// # Errors
    /// `NotFound`; others as for every call.
    pub async fn set_active(&self, id: &UserId, active: bool) -> Result<(), TargetError> {
        self.patch_user(id, &ScimUserPatch { active: Some(active), ..ScimUserPatch::default() }).await
    }

    /// Deletes a user. One that is gone already is `AlreadyInEffect`.
    ///
    /// # Errors
    /// [`TargetError`]
    pub async fn delete_user(&self, id: &UserId) -> Result<Effect, TargetError> {
        gone(self.write(Request::new(Api::ScimDeleteUser, Method::DELETE, &["Users", id.as_str()])).await)
    }
}

/// What was gone already is as good as deleted now.
pub(super) fn gone(answer: Result<(), Failure>) -> Result<Effect, TargetError> {
    match answer {
        Ok(()) => Ok(Effect::Changed),
        Err(failure) if failure.is_absent() => Ok(Effect::AlreadyInEffect),
        Err(failure) => Err(failure.into()),
    }
}

/// The body for a user with everything that AWS asks for. Sent without, it would be refused, without saying what is missing.
fn body(api: Api, user: &ScimUser) -> Result<serde_json::Value, Failure> {
    let required = [
        ("userName", &user.user_name),
        ("displayName", &user.display_name),
        ("name.givenName", &user.name.given_name),
        ("name.familyName", &user.name.family_name),
    ];
    let missing: Vec<&str> = required.iter().filter(|(_, text)| text.is_empty()).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        return Err(Failure::invalid(api, format!("AWS takes no user without {}", missing.join(" and "))));
    }
    serde_json::to_value(wire::User::of(user)).map_err(|error| Failure::invalid(api, error.to_string()))
}
