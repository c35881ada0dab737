//! Whole worlds: an Okta org, an identity store that is in lockstep with it already, and a ledger table.

mod organization;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sync_core::ids::{GroupId, OktaGroupId, OktaUserId, UserId};
use sync_core::mark::{Mark, OrgHost};
use sync_core::records::UserStatus;

use crate::identity_center::FakeIdentityCenter;
use crate::kill::KillSwitch;
use crate::okta::FakeOkta;
use crate::table::MemoryTable;
use crate::time::Time;
pub use organization::OrganizationShape;

/// The shape of a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shape {
    /// Users, `user0@example.com` and so on.
    pub users: usize,
    /// Managed groups, `AWS-000` and so on.
    pub groups: usize,
    /// Members of each group. They follow one another over all users, so that groups are disjoint where there are users enough.
    pub members: usize,
    /// Host of the Okta org, with its port if it has one: what the marks name.
    pub org_host: String,
    /// Where the org is reached; by default `https://` and the host.
    pub org_url: Option<String>,
    /// The users of the identity store carry the Okta ids as externalIds.
    pub external_ids: bool,
    /// The identity store is in lockstep already; otherwise it has the users only.
    pub in_sync: bool,
    /// The organization; without one, there is nothing that could be assigned.
    pub organization: Option<OrganizationShape>,
    /// The same seed gives the same ids.
    pub seed: u64,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            users: 12,
            groups: 3,
            members: 4,
            org_host: "acme.okta.com".to_owned(),
            org_url: None,
            external_ids: true,
            in_sync: true,
            organization: None,
            seed: 1,
        }
    }
}

/// A world. Clones share it.
#[derive(Debug, Clone)]
pub struct World {
    /// The Okta org.
    pub okta: FakeOkta,
    /// The identity store.
    pub aws: FakeIdentityCenter,
    /// The ledger's table.
    pub table: MemoryTable,
    /// The clock of all three.
    pub time: Time,
    /// The host of the org, as marks name it.
    pub org: OrgHost,
    /// The users that it was built with, on both sides.
    pub users: Vec<(OktaUserId, UserId)>,
    /// The groups that it was built with; without the second where the store was not in lockstep.
    pub groups: Vec<(OktaGroupId, Option<GroupId>)>,
}

impl World {
    /// So many users, and so many managed groups of so many members, disjoint as long as there are users enough; on a clock that
    /// stands still, and in lockstep.
    pub fn disjoint(users: usize, groups: usize, members: usize) -> Self {
        Self::of(&Shape { users, groups, members, ..Shape::default() }, Time::default())
    }

    /// 2,000 users, 300 groups of 30: 9,000 memberships.
    pub fn large() -> Self {
        Self::disjoint(2000, 300, 30)
    }

    /// A world of this shape. Everything in it is an hour old, and nothing has been called yet.
    pub fn of(shape: &Shape, time: impl Into<Time>) -> Self {
        let time = time.into();
        let mut world = Self {
            okta: FakeOkta::new(time.clone(), shape.seed),
            aws: FakeIdentityCenter::new(time.clone(), shape.seed),
            table: MemoryTable::new(time.clone()),
            time,
            org: OrgHost::named(&shape.org_host),
            users: Vec::new(),
            groups: Vec::new(),
        };
        let url = shape.org_url.clone().unwrap_or_else(|| format!("https://{}", shape.org_host));
        world.okta.configure(|settings| settings.org_url = url);
        (0..shape.users).for_each(|number| world.build_user(shape, number));
        (0..shape.groups).for_each(|number| world.build_group(shape, number));
        if let Some(organization) = &shape.organization {
            world.build_organization(organization);
        }
        world.okta.settle();
        world.aws.settle();
        world
    }

    fn build_user(&mut self, shape: &Shape, number: usize) {
        let login = format!("user{number}@example.com");
        let okta = self.okta.add_user(&login);
        let external_id = shape.external_ids.then_some(okta.as_str());
        let user = self.aws.add_user(&login, external_id).expect("the numbers make the userNames unique");
        self.users.push((okta, user));
    }

    fn build_group(&mut self, shape: &Shape, number: usize) {
        let name = format!("AWS-{number:03}");
        let okta = self.okta.add_group(&name);
        let group = shape.in_sync.then(|| {
            let description = self.mark(&okta).to_string();
            self.aws.add_group(&name, &description).expect("the numbers make the names unique")
        });
        let members = (0..shape.members.min(self.users.len())).map(|member| (number * shape.members + member) % self.users.len());
        for (okta_user, user) in members.filter_map(|member| self.users.get(member)) {
            self.okta.add_member(&okta, okta_user);
            group.as_ref().and_then(|group| self.aws.add_member(group, user));
        }
        self.groups.push((okta, group));
    }

    /// The same world as another process sees it that this switch ends: its calls to all three count together.
    pub fn with_kill(&self, kill: &KillSwitch) -> Self {
        Self { okta: self.okta.with_kill(kill), aws: self.aws.with_kill(kill), table: self.table.with_kill(kill), ..self.clone() }
    }

    /// The mark of a group of this org.
    pub fn mark(&self, group: &OktaGroupId) -> Mark {
        Mark { host: self.org.clone(), group: group.clone() }
    }

    /// The Okta id of the group with this number, as it was built.
    pub fn okta_group(&self, number: usize) -> OktaGroupId {
        self.groups.get(number).map(|(okta, _)| okta.clone()).expect("the world was built with so many groups")
    }

    /// The GroupId of the group with this number, as it was built.
    pub fn group(&self, number: usize) -> GroupId {
        self.groups.get(number).and_then(|(_, group)| group.clone()).expect("the world was built with so many groups in lockstep")
    }

    /// The Okta id of the user with this number, as they were built.
    pub fn okta_user(&self, number: usize) -> OktaUserId {
        self.users.get(number).map(|(okta, _)| okta.clone()).expect("the world was built with so many users")
    }

    /// The UserId of the user with this number, as they were built.
    pub fn user(&self, number: usize) -> UserId {
        self.users.get(number).map(|(_, user)| user.clone()).expect("the world was built with so many users")
    }

    /// Who should be in what: the memberships of Okta's groups with this prefix that an entitled user has.
    pub fn wanted(&self, prefix: &str) -> BTreeSet<(OktaGroupId, OktaUserId)> {
        let named = |id: &OktaGroupId| self.okta.peek_group(id).is_some_and(|group| group.name.starts_with(prefix));
        let groups = self.okta.all_members().into_iter().filter(|(id, _)| named(id));
        let pairs = groups.flat_map(|(group, users)| users.into_iter().map(move |user| (group.clone(), user)));
        pairs.filter(|(_, user)| self.okta.peek_user(user).is_some_and(|user| entitled(&user.status))).collect()
    }

    /// Who is in what: the memberships of groups that carry a mark of this org, of users that carry an Okta id or, without one, have
    /// the userName of an Okta user.
    pub fn actual(&self) -> BTreeSet<(OktaGroupId, OktaUserId)> {
        let memberships = self.aws.all_memberships().into_iter();
        memberships.filter_map(|membership| Some((self.okta_group_of(&membership.group)?, self.okta_user_of(&membership.user)?))).collect()
    }

    fn okta_group_of(&self, group: &GroupId) -> Option<OktaGroupId> {
        let mark = Mark::read(&self.aws.peek_group(group)?.description?)?;
        (mark.host == self.org).then_some(mark.group)
    }

    fn okta_user_of(&self, user: &UserId) -> Option<OktaUserId> {
        let user = self.aws.peek_user(user)?;
        match user.external_ids.first() {
            Some(external) => OktaUserId::new(&external.id).ok(),
            None => self.okta.lock().user(&user.user_name).map(|user| user.id.clone()),
        }
    }
}

/// The statuses that count as entitled by default.
fn entitled(status: &UserStatus) -> bool {
    match status {
        UserStatus::Active | UserStatus::PasswordExpired | UserStatus::LockedOut | UserStatus::Recovery | UserStatus::Provisioned => true,
        UserStatus::Staged | UserStatus::Suspended | UserStatus::Deprovisioned | UserStatus::Other(_) => false,
    }
}
