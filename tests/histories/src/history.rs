//! A history as data: a world, and what happens to it. Everything is named by small numbers, taken modulo what there is, so that a history
//! stays one when steps are taken out of it.

use serde::{Deserialize, Serialize};

pub use crate::habits::Habits;

/// A world and what happens to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// What it was drawn from.
    pub seed: u64,
    /// The world at its beginning.
    pub setup: Setup,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// A world, and the policy under which it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// Users.
    pub users: u8,
    /// Managed groups.
    pub groups: u8,
    /// Members of each.
    pub members: u8,
    /// Whether Identity Center's users carry their Okta ids.
    pub external_ids: bool,
    /// Whether everything is in lockstep at the beginning.
    pub in_sync: bool,
    /// What becomes of a group that is gone from Okta.
    pub gone: Disposal,
    /// What becomes of a group that the policy matches no more.
    pub unmatched: Disposal,
    /// Whether groups may be taken over by their name.
    pub by_name: bool,
    /// Whether the guard's limits are so small that they are met.
    pub tight: bool,
    /// Whether there are assignment rules.
    pub rules: bool,
    /// Elements on a page, on both sides.
    pub page: u8,
    /// Whether users and memberships are written over SCIM.
    #[serde(default)]
    pub scim: bool,
    /// What Lockstep does to users itself; `None` where someone else provisions them.
    #[serde(default)]
    pub managed: Option<Managed>,
    /// Whether the policy excludes one of the names.
    #[serde(default)]
    pub excludes: bool,
    /// How Identity Center behaves where AWS does not say.
    #[serde(default)]
    pub habits: Habits,
}

impl Setup {
    /// Whether every user that the engine or the native provisioning makes carries its Okta id.
    pub(crate) fn is_labelled(&self) -> bool {
        self.external_ids && (self.scim || self.managed.is_none())
    }
}

/// Users that Lockstep makes and changes itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    /// What becomes of a user who is not entitled.
    pub farewell: Farewell,
    /// After so many hours.
    pub grace_hours: u8,
    /// Whether Identity Center has the users already.
    pub provisioned: bool,
}

/// What becomes of a user who is not entitled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Farewell {
    /// Nothing, beside the loss of their memberships.
    Nothing,
    /// They are disabled.
    Disable,
    /// They are deleted once they are deactivated or gone, and disabled before, where the transport can.
    Delete,
}

/// What becomes of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposal {
    /// Its members are removed.
    Empty,
    /// It is deleted.
    Delete,
    /// Its mark is taken away.
    Release,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// How long after the one before, in milliseconds.
    pub after_ms: u64,
    /// What.
    pub op: Op,
}

/// What happens. `group` and `user` are numbers of Okta's, in the order in which they came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are what they are called")]
pub enum Op {
    /// A user joins a group.
    Join { group: u8, user: u8 },
    /// A user leaves a group.
    Leave { group: u8, user: u8 },
    /// A user moves from one group to another at one moment.
    Move { user: u8, from: u8, to: u8 },
    /// A group gets another name.
    RenameGroup { group: u8, name: u8 },
    /// A group is made.
    MakeGroup { name: u8 },
    /// A group is deleted.
    DeleteGroup { group: u8 },
    /// A group is deleted and made again, with the same name and members and another id.
    RecreateGroup { group: u8 },
    /// A user gets another login.
    ChangeLogin { user: u8 },
    /// A user gets another given name.
    ChangeName { user: u8 },
    /// A user is suspended.
    Suspend { user: u8 },
    /// A user is active again.
    Unsuspend { user: u8 },
    /// A user is deactivated.
    Deactivate { user: u8 },
    /// A user is deleted.
    DeleteUser { user: u8 },
    /// A user is deleted and made again, with the same login and groups and another id.
    RecreateUser { user: u8 },
    /// A user is made in Okta only.
    Hire,
    /// Someone else provisions a user: makes them in Identity Center, or gives them their new name.
    Provision { user: u8 },
    /// Somebody adds a member by hand, in Identity Center.
    HandAdd { group: u8, user: u8 },
    /// Somebody removes a member by hand.
    HandRemove { group: u8, user: u8 },
    /// Somebody adds a user by hand whom Okta does not know.
    HandAddStranger { group: u8 },
    /// Somebody deletes a managed group by hand.
    HandDelete { group: u8 },
    /// Somebody renames a managed group by hand.
    HandRename { group: u8 },
    /// Somebody changes the members of a group that is not managed.
    HandChangeUnmanaged { user: u8 },
    /// Somebody makes, in Identity Center, a user with the login of an Okta user who has none there; where `foreign`, one of another provider.
    Namesake { user: u8, foreign: bool },
    /// Somebody disables or enables a user by hand.
    HandEnable { user: u8, enabled: bool },
    /// Somebody deletes a user by hand.
    HandDeleteUser { user: u8 },
    /// Somebody gives a user another given name, and a title, by hand.
    HandChangeUser { user: u8 },
    /// Somebody makes an assignment by hand.
    HandAssign { group: u8, account: u8, set: u8 },
    /// Somebody deletes an assignment by hand.
    HandUnassign { group: u8, account: u8, set: u8 },
    /// An account is suspended, or active again.
    Account { account: u8, active: bool },
    /// The next operations on assignments take long, or fail.
    Assignments { delay_ms: u64, fail: bool, times: u8 },
    /// Something goes wrong with some of the calls that follow.
    Fault { side: Side, on: u8, trouble: Trouble, skip: u8, times: u8 },
    /// Nothing goes wrong any more.
    Calm,
    /// The ledger cannot be reached.
    LedgerDown,
    /// The ledger's rows are lost.
    LedgerLost,
    /// Calls take this long from now on.
    Latency { ms: u64 },
    /// Reads are so late from now on.
    Stale { okta_ms: u64, aws_ms: u64 },
    /// A run of the whole.
    RunAll { dry: bool, cold: bool, kill: Option<Kill> },
    /// A run of what changed since the last.
    RunChanged { kill: Option<Kill> },
    /// A run that an operator starts for one group.
    RunGroup { group: u8, kill: Option<Kill> },
    /// A run that an operator starts for one user.
    RunUser { user: u8, kill: Option<Kill> },
    /// Some of the events that are under way are delivered, and the workers begin; where `keep`, they will come once more.
    Deliver { picks: Vec<u8>, keep: bool, cold: bool, kill: Option<Kill> },
    /// An event is lost.
    Lose { pick: u8 },
    /// All runs come to their end.
    Settle,
    /// The policy is another from now on.
    ChangePolicy { to: PolicyChange },
}

/// What becomes of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyChange {
    /// One of the names is excluded, or not.
    Excludes(bool),
    /// There are assignment rules, or none.
    Rules(bool),
    /// What becomes of a group that is gone.
    Gone(Disposal),
    /// What becomes of a group that is matched no more.
    Unmatched(Disposal),
    /// What becomes of a user who is not entitled.
    Farewell(Farewell),
}

/// The end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// After so many calls.
    pub after: u8,
    /// Whether the next call takes effect, and only its answer is lost.
    pub loses_answer: bool,
}

/// Whose calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Okta's.
    Okta,
    /// Identity Center's and the organization's.
    Aws,
    /// The ledger table's.
    Ledger,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Throttled for good.
    Throttled,
    /// 500.
    Down,
    /// 403.
    Forbidden,
    /// A page of HTML.
    Html,
    /// The call never arrives.
    CallLost,
    /// The call takes effect, and its answer is lost.
    AnswerLost,
    /// The body ends in the middle.
    Cut,
    /// 200 and an empty list.
    Empty,
    /// 200 and the first element only.
    Short,
    /// A page that should name the next one does not.
    NoNextPage,
    /// The next page is this page again.
    SamePage,
    /// The answer comes so many milliseconds late.
    Late(u64),
    /// Someone else has written in between.
    Conflict,
    /// Ledger only: rows are not what was written.
    Corrupt,
}

impl Side {
    /// The number of Okta's list of groups.
    pub(crate) const OKTA_GROUPS: u8 = 0;

    /// The number of Okta's list of a group's members.
    pub(crate) const MEMBERS_OF_GROUP: u8 = 1;

    /// The number of Identity Center's list of groups.
    pub(crate) const AWS_GROUPS: u8 = 1;

    /// Its operations.
    pub fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Okta => &[
                "GET /api/v1/groups",
                "GET /api/v1/groups/{id}/users",
                "GET /api/v1/groups/{id}",
                "GET /api/v1/users/{id}",
                "GET /api/v1/users/{id}/groups",
                "**",
            ],
            Self::Aws => &[
                "ListUsers",
                "ListGroups",
                "ListGroupMemberships",
                "ListGroupMembershipsForMember",
                "DescribeUser",
                "DescribeGroup",
                "CreateGroup",
                "UpdateGroup",
                "DeleteGroup",
                "CreateGroupMembership",
                "DeleteGroupMembership",
                "ListAccountAssignmentsForPrincipal",
                "CreateAccountAssignment",
                "DeleteAccountAssignment",
                "ListAccounts",
                "ScimPatchGroup",
                "CreateUser",
                "UpdateUser",
                "DeleteUser",
                "ScimCreateUser",
                "ScimPutUser",
                "ScimPatchUser",
                "ScimDeleteUser",
                "ScimListUsers",
                "**",
            ],
            Self::Ledger => &["GetItem", "PutItem", "Query", "DeleteItem", "**"],
        }
    }

    /// The operation of this number.
    pub fn operation(self, number: u8) -> &'static str {
        let operations = self.operations();
        operations.get(usize::from(number) % operations.len()).copied().unwrap_or("**")
    }
}
