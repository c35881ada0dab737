//! A small world for tests of the core: Okta's side, Identity Center's side, and what an executor would do to it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "test support; each test file uses its own part")]

use std::collections::{BTreeMap, BTreeSet};

use sync_core::action::{Action, GroupRef, Phase, UserRef};
use sync_core::actual::{ActualState, Target};
use sync_core::assignments::{AccountFacts, RuleText};
use sync_core::guard::{ApprovalRefused, Facts, Judgement, Usage, Window, judge};
use sync_core::ids::{AccountId, GroupId, MembershipId, OktaGroupId, OktaUserId, PermissionSetArn, UserId};
use sync_core::plan::{Plan, PlanHash, plan};
use sync_core::policy::Policy;
use sync_core::profile::{UserDetails, UserRecord};
use sync_core::reading::Reading;
use sync_core::records::{DirectoryGroup, DirectoryUser, GroupType, OktaGroup, OktaUser, UserStatus};
use sync_core::resolve::resolve;
use sync_core::snapshot::{GroupSighting, MemberList, OktaSnapshot, Shortfall, UserSighting};
use sync_core::unresolved::{Unresolved, UnresolvedKind};

pub const HOST: &str = "acme.okta.com";

pub fn okta_group(id: &str) -> OktaGroupId {
    OktaGroupId::new(id).unwrap()
}

pub fn okta_user(id: &str) -> OktaUserId {
    OktaUserId::new(id).unwrap()
}

pub fn group_id(id: &str) -> GroupId {
    GroupId::new(id).unwrap()
}

pub fn user_id(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

pub fn account(digit: u8) -> AccountId {
    AccountId::new(&format!("00000000000{digit}")).unwrap()
}

pub fn permission_set(name: &str) -> PermissionSetArn {
    PermissionSetArn::new(&format!("arn:aws:sso:::permissionSet/ssoins-1/ps-{name}")).unwrap()
}

pub fn policy(more: &str) -> Policy {
    let (groups, rest) = more.split_once('[').map_or((more, String::new()), |(groups, rest)| (groups, format!("[{rest}")));
    let text =
        format!("[okta]\norg_url = \"https://{HOST}\"\nformer_hosts = [\"old.okta.com\"]\n[groups]\nmatch = ['^AWS-']\n{groups}\n{rest}");
    Policy::parse(&text).unwrap()
}

/// Both sides, read whole.
#[derive(Debug, Clone)]
pub struct World {
    pub okta: OktaSnapshot,
    pub actual: ActualState,
    pub policy: Policy,
}

impl World {
    pub fn new(more_policy: &str) -> Self {
        let okta = OktaSnapshot { lists_all_groups: true, ..OktaSnapshot::default() };
        Self { okta, actual: ActualState::default(), policy: policy(more_policy) }
    }

    /// `groups` managed groups of `members` members each, disjoint, in sync: Okta `g0`, `u0`…; Identity Center `G0`, `U0`…
    pub fn in_sync(groups: usize, members: usize, more_policy: &str) -> Self {
        let mut world = Self::new(more_policy);
        for g in 0..groups {
            let users: Vec<String> = (0..members).map(|m| format!("u{}", g * members + m)).collect();
            let users: Vec<&str> = users.iter().map(String::as_str).collect();
            users.iter().for_each(|user| world = world.clone().user(user).provisioned(user));
            world = world.okta_group(&format!("g{g}"), &format!("AWS-{g}"), &users).marked(
                &format!("G{g}"),
                &format!("AWS-{g}"),
                &format!("g{g}"),
            );
            for user in users {
                world = world.member(&format!("G{g}"), &user.to_uppercase());
            }
        }
        world
    }

    /// An active Okta user whose login is `<id>@x.com`.
    pub fn user(self, id: &str) -> Self {
        self.user_like(id, &format!("{id}@x.com"), "ACTIVE")
    }

    pub fn user_like(mut self, id: &str, login: &str, status: &str) -> Self {
        let user_name = (!login.is_empty()).then(|| login.to_owned());
        let user =
            OktaUser { id: okta_user(id), status: UserStatus::parse(status), user_name, login: login.to_owned(), profile: BTreeMap::new() };
        self.okta.users.insert(okta_user(id), UserSighting::Present(user));
        self
    }

    pub fn okta_group(mut self, id: &str, name: &str, members: &[&str]) -> Self {
        let group = OktaGroup {
            id: okta_group(id),
            name: name.to_owned(),
            description: format!("about {name}"),
            kind: GroupType::OktaGroup,
            last_updated: None,
            last_membership_updated: None,
            users_count: Some(members.len() as u64),
        };
        self.okta.groups.insert(okta_group(id), GroupSighting::Present(group));
        let members = members.iter().map(|user| okta_user(user)).collect();
        let list = MemberList { members, ..MemberList::default() };
        self.okta.member_lists.insert(okta_group(id), Reading::Known(list));
        self
    }

    /// The Identity Center user of Okta user `id`, with its externalId: `U0` for `u0`.
    pub fn provisioned(self, id: &str) -> Self {
        self.directory_user(&id.to_uppercase(), &format!("{id}@x.com"), &[id])
    }

    pub fn directory_user(mut self, id: &str, user_name: &str, external_ids: &[&str]) -> Self {
        let external_ids = external_ids.iter().map(ToString::to_string).collect();
        self.actual
            .users
            .insert(user_id(id), DirectoryUser { id: user_id(id), user_name: user_name.to_owned(), external_ids, details: None });
        self
    }

    pub fn marked(self, id: &str, name: &str, okta_id: &str) -> Self {
        self.directory_group(id, name, &format!("about {name} [okta:{HOST}/{okta_id}]"), &[])
    }

    pub fn directory_group(mut self, id: &str, name: &str, description: &str, external_ids: &[&str]) -> Self {
        let external_ids = external_ids.iter().map(ToString::to_string).collect();
        let (display_name, description) = (name.to_owned(), description.into());
        let group = DirectoryGroup { id: group_id(id), display_name, description, external_ids, revision: None };
        self.actual.groups.insert(group_id(id), group);
        self.actual.group_lists.insert(group_id(id), Reading::Known(BTreeMap::new()));
        self.actual.assignments.insert(group_id(id), Reading::Known(BTreeSet::new()));
        self
    }

    /// The permission sets that exist, by name.
    pub fn permission_sets(mut self, names: &[&str]) -> Self {
        self.actual.permission_sets = names.iter().map(|name| ((*name).to_owned(), permission_set(name))).collect();
        self
    }

    /// An account of the organization, which is read whole: its last digit, its name, its unit.
    pub fn account(mut self, digit: u8, name: &str, unit: &str, state: &str) -> Self {
        self.actual.organization.is_whole = true;
        let facts = AccountFacts {
            name: name.to_owned(),
            is_active: state == "ACTIVE",
            state: state.to_owned(),
            units: vec![unit.to_owned()],
            tags: None,
        };
        self.actual.organization.accounts.insert(account(digit), facts);
        self
    }

    /// An assignment that a group has.
    pub fn gives(mut self, group: &str, digit: u8, set: &str) -> Self {
        let target = Target { account: account(digit), permission_set: permission_set(set) };
        if let Some(Reading::Known(targets)) = self.actual.assignments.get_mut(&group_id(group)) {
            targets.insert(target);
        }
        self
    }

    /// A rule that was followed before.
    pub fn former_rule(mut self, group: &str, accounts: &str, set: &str) -> Self {
        let (group, accounts, permission_sets) = (group.to_owned(), vec![accounts.to_owned()], vec![set.to_owned()]);
        self.actual.former_rules.push(RuleText { group, accounts, permission_sets });
        self
    }

    pub fn member(mut self, group: &str, user: &str) -> Self {
        put(&mut self.actual, &group_id(group), &user_id(user));
        self
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Okta no longer has the group, by list and by id.
    pub fn gone(mut self, id: &str) -> Self {
        self.okta.groups.insert(okta_group(id), GroupSighting::Gone);
        self.okta.member_lists.remove(&okta_group(id));
        self
    }

    /// The list of groups does not have the group.
    pub fn not_listed(mut self, id: &str) -> Self {
        self.okta.groups.remove(&okta_group(id));
        self.okta.member_lists.remove(&okta_group(id));
        self
    }

    pub fn members(mut self, group: &str, members: &[&str]) -> Self {
        let members = members.iter().map(|user| okta_user(user)).collect();
        self.okta.member_lists.insert(okta_group(group), Reading::Known(MemberList { members, ..MemberList::default() }));
        self
    }

    pub fn short_list(mut self, group: &str, members: &[&str], expected: u64) -> Self {
        let members: BTreeSet<OktaUserId> = members.iter().map(|user| okta_user(user)).collect();
        let shorter_than = Some(Shortfall { expected, listed: members.len() as u64 });
        self.okta.member_lists.insert(okta_group(group), Reading::Known(MemberList { members, shorter_than, nameless: 0 }));
        self
    }

    pub fn plan(&self) -> Plan {
        plan(&resolve(&self.okta, &self.actual, &self.policy).0, &self.actual)
    }

    pub fn unresolved(&self) -> Vec<Unresolved> {
        resolve(&self.okta, &self.actual, &self.policy).1
    }

    pub fn kinds(&self) -> Vec<UnresolvedKind> {
        self.unresolved().into_iter().map(|entry| entry.kind).collect()
    }

    pub fn facts(&self) -> Facts {
        let ours = |id: &&GroupId| self.actual.mark(id).is_some_and(|mark| self.policy.owns_host(&mark.host));
        let groups: Vec<&GroupId> = self.actual.groups.keys().filter(ours).collect();
        let sizes: BTreeMap<GroupId, u64> = groups.iter().map(|id| ((*id).clone(), self.actual.size(id).unwrap_or(0) as u64)).collect();
        let assignments = |id: &&GroupId| self.actual.known_assignments(id).map_or(0, BTreeSet::len) as u64;
        let managed_assignments = groups.iter().map(assignments).sum();
        let listed = self
            .okta
            .groups
            .values()
            .filter(|sighting| matches!(sighting, GroupSighting::Present(group) if self.policy.groups.matches(group)));
        Facts {
            managed_memberships: sizes.values().sum(),
            managed_groups: groups.len() as u64,
            managed_assignments,
            source_empty: listed.count() == 0 && !groups.is_empty(),
            group_sizes: sizes,
            remembered_sizes: BTreeMap::new(),
            display_names: self.actual.groups.values().map(|group| (group.id.clone(), group.display_name.clone())).collect(),
            unlisted: Vec::new(),
            policy_changed: false,
        }
    }

    pub fn judged(&self) -> Judgement {
        self.judged_with(&Window::Used(Usage::default()), None).unwrap()
    }

    pub fn judged_with(&self, window: &Window, approval: Option<&PlanHash>) -> Result<Judgement, ApprovalRefused> {
        judge(self.plan(), &self.facts(), &self.policy.guard, window, approval)
    }
}

fn put(actual: &mut ActualState, group: &GroupId, user: &UserId) {
    let membership = MembershipId::new(&format!("m-{group}-{user}")).unwrap();
    if let Some(Reading::Known(members)) = actual.group_lists.get_mut(group) {
        members.insert(user.clone(), membership);
    }
}

/// What a faultless executor does to Identity Center.
pub fn execute(actual: &mut ActualState, action: &Action) {
    match action {
        Action::RenameGroup(edit) => {
            actual.groups.get_mut(&edit.group_id).unwrap().display_name.clone_from(&edit.group.name);
        }
        Action::AdoptGroup { edit, marked, .. } => {
            let group = actual.groups.get_mut(&edit.group_id).unwrap();
            group.display_name.clone_from(&edit.group.name);
            group.description = marked.as_str().into();
        }
        Action::CreateGroup { group, description } => {
            let id = made(&group.okta_id);
            let (display_name, description) = (group.name.clone(), description.as_str().into());
            let record = DirectoryGroup { id: id.clone(), display_name, description, external_ids: Vec::new(), revision: None };
            actual.groups.insert(id.clone(), record);
            actual.assignments.insert(id.clone(), Reading::Known(BTreeSet::new()));
            actual.group_lists.insert(id, Reading::Known(BTreeMap::new()));
        }
        Action::AddMembership { group_ref, user_ref, .. } => {
            let group = match group_ref {
                GroupRef::Existing(id) => id.clone(),
                GroupRef::New(okta_id) => made(okta_id),
            };
            let user = match user_ref {
                UserRef::Existing(id) => id.clone(),
                UserRef::New(okta_id) => made_user(okta_id),
            };
            put(actual, &group, &user);
        }
        Action::CreateUser(creation) => write_user(actual, &made_user(&creation.okta_id), &creation.record),
        Action::UpdateUser(update) => write_user(actual, &update.user_id, &update.to),
        Action::DisableUser(departure) => {
            actual.users.get_mut(&departure.user_id).unwrap().details.as_mut().unwrap().is_enabled = Some(false);
        }
        Action::DeleteUser(departure) => {
            actual.users.remove(&departure.user_id);
            for list in actual.group_lists.values_mut() {
                if let Reading::Known(members) = list {
                    members.remove(&departure.user_id);
                }
            }
        }
        Action::RemoveMembership(removal) => {
            if let Some(Reading::Known(members)) = actual.group_lists.get_mut(&removal.group_id) {
                members.remove(&removal.user_id);
            }
        }
        Action::CreateAssignment { group_ref, target, .. } => {
            let group = match group_ref {
                GroupRef::Existing(id) => id.clone(),
                GroupRef::New(okta_id) => made(okta_id),
            };
            if let Some(Reading::Known(targets)) = actual.assignments.get_mut(&group) {
                targets.insert(Target { account: target.account.clone(), permission_set: target.permission_set.clone() });
            }
        }
        Action::DeleteAssignment { group_id, target, .. } => {
            if let Some(Reading::Known(targets)) = actual.assignments.get_mut(group_id) {
                targets.remove(&Target { account: target.account.clone(), permission_set: target.permission_set.clone() });
            }
        }
        Action::ReleaseGroup { edit, unmarked, .. } => {
            actual.groups.get_mut(&edit.group_id).unwrap().description = unmarked.as_str().into();
        }
        Action::DeleteGroup { edit, .. } => {
            actual.groups.remove(&edit.group_id);
            actual.group_lists.remove(&edit.group_id);
        }
    }
}

/// What a record does not say stays as it is: externalIds of others always, one's own and the status where the transport has neither.
fn write_user(actual: &mut ActualState, id: &UserId, record: &UserRecord) {
    let before = actual.users.get(id);
    let mut external_ids = before.map(|user| user.external_ids.clone()).unwrap_or_default();
    external_ids.extend(record.external_id.clone().filter(|own| !external_ids.contains(own)));
    let was_enabled = before.and_then(|user| user.details.as_ref()?.is_enabled);
    let is_enabled = record.is_enabled.or(was_enabled).or(Some(true));
    let details = UserDetails { attributes: record.attributes.clone(), is_enabled, revision: None };
    let user = DirectoryUser { id: id.clone(), user_name: record.user_name.clone(), external_ids, details: Some(Box::new(details)) };
    actual.users.insert(id.clone(), user);
}

pub fn made_user(okta_id: &OktaUserId) -> UserId {
    user_id(&format!("made-{okta_id}"))
}

fn made(okta_id: &OktaGroupId) -> GroupId {
    group_id(&format!("made-{okta_id}"))
}

/// The plan in one line an action: phase, name, group, user.
pub fn lines(plan: &Plan) -> Vec<String> {
    let line = |(phase, action): (Phase, &Action)| {
        let user = action.user().map(|user| format!(" {}", user.name)).unwrap_or_default();
        let group = action.group().map(|group| format!(" {}", group.name)).unwrap_or_default();
        format!("{phase:?} {}{group}{user}: {}", action.name(), action.reason())
    };
    plan.actions().map(line).collect()
}
