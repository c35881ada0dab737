//! The engine's [`ReadTarget`] and [`WriteTarget`] on a simulated identity store, without HTTP in between.

use engine::ports::{Effect, GroupChange, MemberChange, ReadTarget, TargetCalls, WriteTarget};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{GroupId, MembershipId, Revision, UserId};
use sync_core::profile::UserRecord;
use sync_core::records::{DirectoryGroup, DirectoryUser, Listing, Membership};

use super::FakeIdentityCenter;
use super::changes::{GroupEdit, revision};
use super::error::{AwsError, CONCURRENT, NOT_UNIQUE};
use super::quota::Family;
use super::reads::Part;
use super::state::{ExternalId, StoreGroup, StoreMembership, StoreState};
use super::user_ports::{SCIM_BATCH, user_record};
use crate::call::{Body, Failure, Operation, Reply, perform};
use crate::fault::{ListFault, Page};

/// A list that does not end after so many pages is broken.
const MAX_PAGES: usize = 5_000;

impl ReadTarget for FakeIdentityCenter {
    async fn list_users(&self) -> Result<Listing<DirectoryUser>, TargetError> {
        let read = |state: &StoreState, part: Part<'_>| state.list_users(None, part, user_record);
        self.whole("ListUsers", "", read).await.map(Listing::of)
    }

    async fn users_named(&self, user_name: &str) -> Result<Vec<DirectoryUser>, TargetError> {
        let read = |state: &StoreState, part: Part<'_>| state.list_users(Some(user_name), part, user_record);
        self.whole("ListUsers", &format!("UserName={user_name}"), read).await
    }

    async fn user_with_external_id(&self, id: &str) -> Result<Option<Vec<DirectoryUser>>, TargetError> {
        if self.over_scim { self.users_with_external_id(id).await.map(Some) } else { Ok(None) }
    }

    async fn user(&self, id: &UserId) -> Result<Option<DirectoryUser>, TargetError> {
        let operation = Operation::read("DescribeUser", format!("UserId={id}"));
        or_none(self.one(operation, |state, _| state.existing_user(id.as_str()).map(user_record)).await)
    }

    async fn list_groups(&self) -> Result<Listing<DirectoryGroup>, TargetError> {
        let read = |state: &StoreState, part: Part<'_>| state.list_groups(None, part, group_record);
        self.whole("ListGroups", "", read).await.map(Listing::of)
    }

    async fn group(&self, id: &GroupId) -> Result<Option<DirectoryGroup>, TargetError> {
        let operation = Operation::read("DescribeGroup", format!("GroupId={id}"));
        or_none(self.one(operation, |state, _| state.existing_group(id.as_str()).map(group_record)).await)
    }

    async fn memberships_of_group(&self, id: &GroupId) -> Result<Option<Vec<Membership>>, TargetError> {
        let read = |state: &StoreState, part: Part<'_>| state.list_members(id.as_str(), part, membership_record);
        or_none(self.whole("ListGroupMemberships", &format!("GroupId={id}"), read).await)
    }

    async fn memberships_of_user(&self, id: &UserId) -> Result<Option<Vec<Membership>>, TargetError> {
        let read = |state: &StoreState, part: Part<'_>| state.list_memberships_of(id.as_str(), part, membership_record);
        or_none(self.whole("ListGroupMembershipsForMember", &format!("UserId={id}"), read).await)
    }

    fn calls(&self) -> TargetCalls {
        let of = |family| self.client.calls_of(|operation| Family::of(operation) == family);
        TargetCalls {
            identity_store: of(Family::IdentityStore),
            scim: of(Family::Scim),
            sso_admin: of(Family::SsoAdmin),
            organizations: of(Family::Organizations),
            throttled: 0,
        }
    }
}

impl WriteTarget for FakeIdentityCenter {
    async fn create_group(&self, display_name: &str, description: &str) -> Result<GroupId, TargetError> {
        let operation = Operation::write("CreateGroup", format!("DisplayName={display_name}"));
        let description = Some(description).filter(|text| !text.is_empty());
        self.one(operation, |state, _| state.make_group(display_name, description)).await
    }

    async fn update_group(&self, id: &GroupId, change: &GroupChange, at: Option<&Revision>) -> Result<(), TargetError> {
        if *change == GroupChange::default() {
            return Ok(());
        }
        let operation = Operation::write("UpdateGroup", format!("GroupId={id}"));
        let edit = GroupEdit {
            display_name: change.display_name.as_deref(),
            description: change.description.as_deref().map(|text| Some(text).filter(|text| !text.is_empty())),
        };
        self.one(operation, |state, _| state.change_group(id.as_str(), edit, at.map(Revision::as_str))).await
    }

    async fn delete_group(&self, id: &GroupId, at: Option<&Revision>) -> Result<Effect, TargetError> {
        let operation = Operation::write("DeleteGroup", format!("GroupId={id}"));
        effect(self.one(operation, |state, _| state.delete_group(id.as_str(), at.map(Revision::as_str))).await, TargetErrorKind::NotFound)
    }

    async fn create_membership(&self, group: &GroupId, user: &UserId) -> Result<Effect, TargetError> {
        let operation = Operation::write("CreateGroupMembership", format!("GroupId={group} UserId={user}"));
        let made = self.one(operation, |state, _| state.make_membership(group.as_str(), user.as_str())).await;
        effect(made.map(drop), TargetErrorKind::NameTaken)
    }

    async fn delete_membership(&self, id: &MembershipId) -> Result<Effect, TargetError> {
        let operation = Operation::write("DeleteGroupMembership", format!("MembershipId={id}"));
        effect(self.one(operation, |state, _| state.delete_membership(id.as_str())).await, TargetErrorKind::NotFound)
    }

    fn most_changes_at_once(&self) -> usize {
        if self.over_scim { SCIM_BATCH } else { 1 }
    }

    async fn change_members(&self, group: &GroupId, external_id: Option<&str>, changes: &[MemberChange]) -> Result<Effect, TargetError> {
        if self.over_scim {
            return self.patch_members(group, external_id, changes).await;
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
        self.make_user_of(user).await
    }

    async fn update_user(&self, id: &UserId, _from: &UserRecord, to: &UserRecord, at: Option<&Revision>) -> Result<(), TargetError> {
        self.change_user_to(id, to, at).await
    }

    async fn disable_user(&self, id: &UserId) -> Result<Effect, TargetError> {
        self.disable(id).await
    }

    async fn delete_user(&self, id: &UserId, at: Option<&Revision>) -> Result<Effect, TargetError> {
        self.remove_user_at(id, at).await
    }
}

impl FakeIdentityCenter {
    pub(super) async fn one<T: Send>(
        &self,
        operation: Operation,
        run: impl FnOnce(&mut StoreState, ListFault) -> Result<T, AwsError> + Send,
    ) -> Result<T, TargetError> {
        let name = operation.name;
        answer(name, perform(&self.state, &self.client, operation, run).await)
    }

    /// Every page of a list, each of them one call.
    pub(super) async fn whole<T: Send>(
        &self,
        name: &'static str,
        parameters: &str,
        read: impl Fn(&StoreState, Part<'_>) -> Result<Page<T>, AwsError> + Send + Sync,
    ) -> Result<Vec<T>, TargetError> {
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let suffix = token.as_ref().map(|token| format!(" NextToken={token}")).unwrap_or_default();
            let operation = Operation::read(name, format!("{parameters}{suffix}"));
            let fetch = |state: &mut StoreState, fault| read(state, Part { max_results: None, token: token.as_deref(), fault });
            let page = answer(name, perform(&self.state, &self.client, operation, fetch).await)?;
            items.extend(page.items);
            match page.next {
                None => return Ok(items),
                Some(next) if Some(&next) == token.as_ref() => return Err(malformed(name, "the next page is this page")),
                Some(next) => token = Some(next),
            }
        }
        Err(malformed(name, "the list does not end"))
    }
}

fn answer<T>(name: &str, reply: Reply<T, StoreState>) -> Result<T, TargetError> {
    match reply.result {
        Ok(_) if reply.body != Body::Whole => Err(malformed(name, "the body is cut short")),
        Ok(value) => Ok(value),
        Err(Failure::Api(error)) => Err(refused(name, &error)),
        Err(Failure::Html(status @ 500..)) => {
            Err(TargetError::new(TargetErrorKind::Unavailable, name, format!("{status} and a page of HTML")))
        }
        Err(Failure::Html(status)) => Err(malformed(name, &format!("{status} and a page of HTML"))),
        Err(Failure::Lost) => Err(TargetError::new(TargetErrorKind::Unavailable, name, "the connection broke before an answer")),
    }
}

fn refused(name: &str, error: &AwsError) -> TargetError {
    let kind = match (error.exception.as_str(), error.reason()) {
        // sso-admin gives no reason, and has no names that could be taken.
        ("ConflictException", _) if Family::of(name) == Family::SsoAdmin => TargetErrorKind::ConcurrentModification,
        ("ConflictException", Some(CONCURRENT)) => TargetErrorKind::ConcurrentModification,
        ("ConflictException", Some(NOT_UNIQUE) | None) => TargetErrorKind::NameTaken,
        ("ConcurrentModificationException", _) => TargetErrorKind::ConcurrentModification,
        ("ResourceNotFoundException" | "AccountNotFoundException" | "ParentNotFoundException" | "TargetNotFoundException", _) => {
            TargetErrorKind::NotFound
        }
        ("ThrottlingException" | "TooManyRequestsException", _) => TargetErrorKind::Throttled,
        ("ServiceQuotaExceededException", _) => TargetErrorKind::QuotaExceeded,
        ("ValidationException" | "InvalidInputException" | "AWSOrganizationsNotInUseException", _) => TargetErrorKind::Invalid,
        ("AccessDeniedException" | "UnauthorizedException" | "UnrecognizedClientException" | "ExpiredTokenException", _) => {
            TargetErrorKind::Denied
        }
        _ if error.status >= 500 => TargetErrorKind::Unavailable,
        _ => TargetErrorKind::Malformed,
    };
    TargetError::new(kind, name, format!("{}: {}", error.exception, error.message))
}

fn malformed(name: &str, detail: &str) -> TargetError {
    TargetError::new(TargetErrorKind::Malformed, name, detail)
}

pub(super) fn or_none<T>(result: Result<T, TargetError>) -> Result<Option<T>, TargetError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == TargetErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A write whose error of this kind means that it was so already.
pub(super) fn effect(result: Result<(), TargetError>, already: TargetErrorKind) -> Result<Effect, TargetError> {
    match result {
        Ok(()) => Ok(Effect::Changed),
        Err(error) if error.kind == already => Ok(Effect::AlreadyInEffect),
        Err(error) => Err(error),
    }
}

pub(super) fn ids(external: &[ExternalId]) -> Vec<String> {
    external.iter().map(|external| external.id.clone()).collect()
}

fn group_record(group: &StoreGroup) -> DirectoryGroup {
    DirectoryGroup {
        id: group.id.clone(),
        display_name: group.display_name.clone(),
        description: group.description.as_deref().unwrap_or_default().into(),
        external_ids: ids(&group.external_ids),
        revision: Revision::new(&revision(group.revision)),
    }
}

fn membership_record(membership: &StoreMembership) -> Membership {
    Membership { id: membership.id.clone(), group: membership.group.clone(), user: membership.user.clone() }
}
