//! The SDK's records, made into ours.

use aws_sdk_identitystore::operation::describe_group::DescribeGroupOutput;
use aws_sdk_identitystore::operation::describe_user::DescribeUserOutput;
use aws_sdk_identitystore::types::{ExternalId, Group, GroupMembership, MemberId, User};
use sync_core::ids::{GroupId, IdError, MembershipId, Revision, UserId};
use sync_core::records::{BadRecord, DirectoryGroup, DirectoryUser, Listing, Membership};

/// Makes records of a list's elements, and sets aside those that have no usable id.
pub(crate) fn listing<R, T>(raw: Vec<R>, id: fn(&R) -> &str, record: impl Fn(R) -> Result<T, IdError>) -> Listing<T> {
    let mut listing = Listing::of(Vec::with_capacity(raw.len()));
    for element in raw {
        let shown = id(&element).to_owned();
        match record(element) {
            Ok(item) => listing.items.push(item),
            Err(error) => listing.bad.push(BadRecord { id: (!shown.is_empty()).then_some(shown), problem: error.to_string() }),
        }
    }
    listing
}

pub(crate) fn user(raw: User) -> Result<DirectoryUser, IdError> {
    Ok(DirectoryUser {
        id: UserId::new(&raw.user_id)?,
        user_name: raw.user_name.unwrap_or_default(),
        external_ids: external_ids(raw.external_ids),
        details: None,
    })
}

pub(crate) fn described_user(raw: DescribeUserOutput) -> Result<DirectoryUser, IdError> {
    Ok(DirectoryUser {
        id: UserId::new(&raw.user_id)?,
        user_name: raw.user_name.unwrap_or_default(),
        external_ids: external_ids(raw.external_ids),
        details: None,
    })
}

pub(crate) fn group(raw: Group) -> Result<DirectoryGroup, IdError> {
    Ok(DirectoryGroup {
        id: GroupId::new(&raw.group_id)?,
        display_name: raw.display_name.unwrap_or_default(),
        description: raw.description.unwrap_or_default().into(),
        external_ids: external_ids(raw.external_ids),
        revision: Revision::new(&raw.revision),
    })
}

pub(crate) fn described_group(raw: DescribeGroupOutput) -> Result<DirectoryGroup, IdError> {
    Ok(DirectoryGroup {
        id: GroupId::new(&raw.group_id)?,
        display_name: raw.display_name.unwrap_or_default(),
        description: raw.description.unwrap_or_default().into(),
        external_ids: external_ids(raw.external_ids),
        revision: Revision::new(&raw.revision),
    })
}

/// What a list of memberships was asked about. A row that does not repeat it is about it nevertheless: AWS requires neither of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked<'a> {
    /// Who is in this group.
    Group(&'a GroupId),
    /// What this user is in.
    User(&'a UserId),
}

/// A membership of a user; `None` where the member is no user, which is nothing that we could have made or could take away.
pub(crate) fn membership(raw: &GroupMembership, asked: Asked<'_>) -> Result<Option<Membership>, IdError> {
    let user = match (raw.member_id(), asked) {
        (Some(MemberId::UserId(user)), _) => UserId::new(user)?,
        (None, Asked::User(user)) => user.clone(),
        (Some(_), _) | (None, Asked::Group(_)) => {
            tracing::debug!(membership_id = raw.membership_id(), "a membership whose member is no user");
            return Ok(None);
        }
    };
    let group = match (raw.group_id(), asked) {
        (None, Asked::Group(group)) => group.clone(),
        (group, _) => GroupId::new(group.unwrap_or_default())?,
    };
    Ok(Some(Membership { id: MembershipId::new(raw.membership_id())?, group, user }))
}

/// The ids, whoever issued them: which issuer AWS writes for SCIM's is not documented.
fn external_ids(raw: Option<Vec<ExternalId>>) -> Vec<String> {
    raw.unwrap_or_default().into_iter().map(|external| external.id).collect()
}
