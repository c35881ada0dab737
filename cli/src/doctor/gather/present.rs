//! What of Okta's groups is in Identity Center already: what is missing is what a first load makes.

use std::collections::{BTreeMap, BTreeSet};

use engine::ports::{ReadAssignments, ReadSource, ReadTarget};
use futures::{StreamExt, TryStreamExt, stream};
use okta::OktaClient;
use sync_core::ids::{OktaGroupId, OktaUserId};
use sync_core::names::NameKey;
use sync_core::policy::{Adopt, Entitlement, Policy};
use sync_core::records::{DirectoryGroup, DirectoryUser, OktaGroup, OktaUser};

use super::super::facts::{AwsFacts, OktaFacts, Present, PresentGroup, Read, Unread};
use super::super::judge::quota::reads_by_group;
use super::aws::Store;
use crate::session::Session;

/// Reads under way at once: the pacers let them go one by one.
const CONCURRENCY: usize = 8;

/// Compares. A group that is there takes a read of its members and one of its assignments; Okta's lists of members are read only where users
/// are made, and only of groups that lack some.
pub(super) async fn facts(session: &Session, policy: &Policy, okta: &OktaFacts, aws: &AwsFacts, store: &Store) -> Read<Present> {
    let matched: Vec<&OktaGroup> = okta.groups.given()?.iter().filter(|group| policy.groups.matches(group)).collect();
    let standing = Standing::new(policy, &store.groups);
    let with_assignments = !policy.assignments.is_empty() && reads_by_group(aws);
    let there = matched.iter().filter_map(|group| Some((group.id.clone(), standing.for_group(group)?)));
    let groups = stream::iter(there).map(|(id, there)| async move {
        let present = match there {
            Stand::Ours(group) => present(store, group, with_assignments).await?,
            Stand::InTheWay => PresentGroup { members: u64::MAX, assignments: usize::MAX },
        };
        Ok((id, present))
    });
    let groups: BTreeMap<OktaGroupId, PresentGroup> = groups.buffer_unordered(CONCURRENCY).try_collect().await?;
    let n_absent_users = if policy.users.managed.is_some() {
        let lacks = |group: &&OktaGroup| groups.get(&group.id).is_none_or(|there| there.members < group.users_count.unwrap_or(u64::MAX));
        let lacking = matched.into_iter().filter(lacks).map(|group| group.id.clone());
        absent_users(session, policy, store, lacking.collect()).await?
    } else {
        0
    };
    Ok(Present { groups, n_absent_users })
}

async fn present(store: &Store, group: &DirectoryGroup, with_assignments: bool) -> Read<PresentGroup> {
    let members = store.center.memberships_of_group(&group.id).await.map_err(|error| Unread(error.to_string()))?;
    let assignments = if with_assignments {
        store.center.assignments_of_group(&group.id).await.map_err(|error| Unread(error.to_string()))?.len()
    } else {
        0
    };
    Ok(PresentGroup { members: members.unwrap_or_default().len() as u64, assignments })
}

async fn absent_users(session: &Session, policy: &Policy, store: &Store, groups: Vec<OktaGroupId>) -> Read<usize> {
    let assembler = session.assembler().await.map_err(|error| Unread::because(&error))?;
    let source = assembler.source(session.deadline(None)).await;
    let (_, source) = source.map_err(|error| Unread(runtime::telemetry::error_chain(&error)))?;
    let lists = stream::iter(groups).map(|group| members(&source, group)).buffer_unordered(CONCURRENCY);
    let known = Known::new(&store.users);
    let absent = lists.try_fold(BTreeSet::new(), |mut absent, members| {
        absent.extend(members.into_iter().filter(|user| is_to_be_made(user, policy, &known)).map(|user| user.id));
        async { Ok(absent) }
    });
    absent.await.map(|absent: BTreeSet<OktaUserId>| absent.len())
}

async fn members(source: &OktaClient, group: OktaGroupId) -> Read<Vec<OktaUser>> {
    let members = source.members(&group).await.map_err(|error| Unread(error.to_string()))?;
    Ok(members.map(|listing| listing.items).unwrap_or_default())
}

fn is_to_be_made(user: &OktaUser, policy: &Policy, known: &Known) -> bool {
    policy.users.entitlement(&user.status) == Entitlement::Entitled && !known.has(user)
}

/// What is in the place of an Okta group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand<'a> {
    /// The group that stands for it.
    Ours(&'a DirectoryGroup),
    /// A group of its name that is not taken over: nothing is made and nothing is added.
    InTheWay,
}

/// Which group of Identity Center stands for which of Okta.
struct Standing<'a> {
    adopts_by_name: bool,
    by_okta_id: BTreeMap<String, &'a DirectoryGroup>,
    by_name: BTreeMap<NameKey, &'a DirectoryGroup>,
}

impl<'a> Standing<'a> {
    fn new(policy: &Policy, groups: &'a [DirectoryGroup]) -> Self {
        let mut by_okta_id = BTreeMap::new();
        for group in groups {
            let mark = group.description.mark().filter(|mark| policy.owns_host(&mark.host));
            let ids = group.external_ids.iter().cloned().chain(mark.map(|mark| mark.group.to_string()));
            by_okta_id.extend(ids.map(|id| (id, group)));
        }
        let adopts_by_name = policy.groups.adopt == Adopt::ByName;
        Self { adopts_by_name, by_okta_id, by_name: groups.iter().map(|group| (NameKey::of(&group.display_name), group)).collect() }
    }

    fn for_group(&self, group: &OktaGroup) -> Option<Stand<'a>> {
        let by_name = || {
            self.by_name.get(&NameKey::of(&group.name)).map(|found| if self.adopts_by_name { Stand::Ours(found) } else { Stand::InTheWay })
        };
        self.by_okta_id.get(group.id.as_str()).map(|found| Stand::Ours(found)).or_else(by_name)
    }
}

/// Who is in the identity store.
struct Known {
    external_ids: BTreeSet<String>,
    names: BTreeSet<NameKey>,
}

impl Known {
    fn new(users: &[DirectoryUser]) -> Self {
        Self {
            external_ids: users.iter().flat_map(|user| user.external_ids.iter().cloned()).collect(),
            names: users.iter().map(|user| NameKey::of(&user.user_name)).collect(),
        }
    }

    fn has(&self, user: &OktaUser) -> bool {
        self.external_ids.contains(user.id.as_str()) || user.user_name.as_ref().is_some_and(|name| self.names.contains(&NameKey::of(name)))
    }
}

#[cfg(test)]
mod tests {
    use sync_core::ids::{GroupId, UserId};
    use sync_core::records::{GroupType, UserStatus};

    use super::super::super::tests::{group as okta_group, policy};
    use super::*;

    fn managed() -> Policy {
        policy("[okta]\norg_url = \"https://acme.okta.com\"\n[groups]\nmatch = ['^AWS-']\n[users]\nmode = \"managed\"\n")
    }

    fn stored(number: usize, name: &str, description: &str, external_ids: &[&str]) -> DirectoryGroup {
        DirectoryGroup {
            id: GroupId::new(&format!("00000000-0000-4000-8000-{number:012}")).unwrap(),
            display_name: name.to_owned(),
            description: description.into(),
            external_ids: external_ids.iter().map(|id| (*id).to_owned()).collect(),
            revision: None,
        }
    }

    #[test]
    fn a_group_is_there_by_its_mark_its_external_id_or_its_name() {
        let groups = [
            stored(1, "Renamed", "ops [okta:acme.okta.com/00g1]", &[]),
            stored(2, "Pushed", "", &["00g2"]),
            stored(3, "aws-three", "", &[]),
            stored(4, "Other", "[okta:other.okta.com/00g4]", &[]),
        ];
        let mut policy = managed();
        policy.groups.adopt = Adopt::ByName;
        let found = |policy: &Policy, number, name| {
            let standing = Standing::new(policy, &groups).for_group(&okta_group(number, name, GroupType::OktaGroup, 1));
            standing.map(|standing| if let Stand::Ours(group) = standing { group.display_name.clone() } else { "in the way".to_owned() })
        };
        assert_eq!(found(&policy, 1, "AWS-One").as_deref(), Some("Renamed"));
        assert_eq!(found(&policy, 2, "AWS-Two").as_deref(), Some("Pushed"));
        assert_eq!(found(&policy, 3, "AWS-Three").as_deref(), Some("aws-three"));
        assert_eq!(found(&policy, 4, "AWS-Four"), None, "the mark of another org is none of ours");
        assert_eq!(found(&managed(), 3, "AWS-Three").as_deref(), Some("in the way"), "adopted by its externalId alone");
    }

    #[test]
    fn who_is_in_the_store_or_not_entitled_is_not_to_be_made() {
        let user = |id: &str, name: &str, external_ids: &[&str]| DirectoryUser {
            id: UserId::new(&format!("00000000-0000-4000-8000-{id:0>12}")).unwrap(),
            user_name: name.to_owned(),
            external_ids: external_ids.iter().map(|id| (*id).to_owned()).collect(),
            details: None,
        };
        let known = Known::new(&[user("1", "old@example.com", &["00u1"]), user("2", "Ada@Example.com", &[])]);
        let to_be_made = |id: &str, name: &str, status| {
            let okta = OktaUser {
                id: OktaUserId::new(id).unwrap(),
                status,
                user_name: Some(name.to_owned()),
                login: name.to_owned(),
                profile: BTreeMap::new(),
            };
            is_to_be_made(&okta, &managed(), &known)
        };
        assert!(!to_be_made("00u1", "new@example.com", UserStatus::Active), "known by the id");
        assert!(!to_be_made("00u2", "ada@example.com", UserStatus::Active), "known by the name");
        assert!(to_be_made("00u3", "eve@example.com", UserStatus::Active));
        assert!(!to_be_made("00u3", "eve@example.com", UserStatus::Suspended));
    }
}
