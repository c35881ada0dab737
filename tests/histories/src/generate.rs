//! From a seed to a history.

use std::ops::RangeInclusive;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::history::{Disposal, Farewell, Habits, History, Kill, Managed, Op, PolicyChange, Setup, Side, Step, Trouble};

/// How large a world is, and how much happens in it.
struct Extent {
    users: RangeInclusive<u8>,
    groups: RangeInclusive<u8>,
    members: RangeInclusive<u8>,
    steps: RangeInclusive<usize>,
}

/// Most histories: what breaks something can mostly be told of two or three, in four or five steps.
const SMALL: Extent = Extent { users: 2..=4, groups: 2..=3, members: 0..=2, steps: 3..=7 };

/// One history in nine.
const LARGE: Extent = Extent { users: 3..=8, groups: 2..=5, members: 0..=4, steps: 4..=24 };

/// How long things take, in milliseconds: at once, within a call, within a run, within the lease, within the directory's memory.
const PAUSES: [u64; 8] = [0, 0, 7, 90, 1_500, 6_000, 40_000, 400_000];

impl History {
    /// The history of a seed: the same seed gives the same.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice(StdRng::seed_from_u64(seed));
        let extent = if seed.is_multiple_of(9) { LARGE } else { SMALL };
        let setup = Setup { habits: Habits::of(seed), ..dice.setup(&extent) };
        let mut steps = Vec::new();
        // What goes wrong most of the time is nothing.
        let is_troubled = dice.chance(60);
        let length = dice.0.random_range(extent.steps);
        while steps.len() < length {
            match dice.0.random_range(0..100) {
                0..7 => dice.move_while_lists_are_read(&mut steps),
                7..10 if is_troubled => dice.run_on_a_list_that_lies(&mut steps),
                10..13 => dice.many_leave_at_once(&mut steps),
                _ => {
                    let op = dice.op(is_troubled, setup.managed.is_some());
                    steps.push(Step { after_ms: dice.pause(), op });
                }
            }
        }
        Self { seed, setup, steps }
    }
}

struct Dice(StdRng);

impl Dice {
    fn chance(&mut self, percent: u32) -> bool {
        self.0.random_ratio(percent, 100)
    }

    fn number(&mut self) -> u8 {
        self.0.random_range(0..60)
    }

    fn one_of<T: Clone>(&mut self, items: &[T]) -> T {
        items.choose(&mut self.0).expect("no list of these is empty").clone()
    }

    fn pause(&mut self) -> u64 {
        if self.chance(1) { 25 * 3_600_000 } else { self.one_of(&PAUSES) }
    }

    fn setup(&mut self, extent: &Extent) -> Setup {
        let disposals = [Disposal::Empty, Disposal::Delete, Disposal::Release];
        let mut setup = Setup {
            users: self.0.random_range(extent.users.clone()),
            groups: self.0.random_range(extent.groups.clone()),
            members: self.0.random_range(extent.members.clone()),
            external_ids: self.chance(80),
            in_sync: self.chance(85),
            gone: self.one_of(&disposals),
            unmatched: self.one_of(&disposals),
            by_name: self.chance(30),
            tight: self.chance(40),
            rules: self.chance(25),
            page: self.one_of(&[1, 2, 3, 100, 100]),
            scim: false,
            managed: None,
            excludes: false,
            habits: Habits::default(),
        };
        setup.scim = self.chance(35);
        setup.managed = self.chance(40).then(|| self.managed(setup.scim));
        setup
    }

    fn managed(&mut self, over_scim: bool) -> Managed {
        // No Identity Store API disables a user.
        let farewells = [Farewell::Nothing, Farewell::Delete, Farewell::Delete, Farewell::Disable, Farewell::Disable];
        let farewell = if over_scim { self.one_of(&farewells) } else { self.one_of(&[Farewell::Nothing, Farewell::Delete]) };
        Managed { farewell, grace_hours: self.one_of(&[0, 0, 24]), provisioned: self.chance(60) }
    }

    fn op(&mut self, is_troubled: bool, is_managed: bool) -> Op {
        match self.0.random_range(0..100) {
            0..30 => self.in_okta(),
            30..33 if is_managed => self.on_users_by_hand(),
            30..38 => self.by_hand(),
            38..54 if is_troubled => self.trouble(),
            38..54 => self.in_okta(),
            54..57 => Op::ChangePolicy { to: self.policy_change() },
            57..59 => Op::Latency { ms: self.one_of(&[0, 3, 40, 700, 5_000]) },
            59..80 => self.delivery(),
            _ => self.run(),
        }
    }

    /// Somebody moves while one list is slower to read than the others: they may be in none of those that were read.
    fn move_while_lists_are_read(&mut self, steps: &mut Vec<Step>) {
        let (user, from, to) = (self.number(), self.number(), self.number());
        let late = Op::Fault {
            side: Side::Okta,
            on: Side::MEMBERS_OF_GROUP,
            trouble: Trouble::Late(500),
            skip: self.one_of(&[0, 0, 1, 2]),
            times: self.one_of(&[1, 1, 2]),
        };
        let run = if self.chance(70) { Op::RunAll { dry: false, cold: true, kill: None } } else { Op::RunChanged { kill: None } };
        let ops = [(0, Op::Join { group: from, user }), (self.pause(), Op::Latency { ms: 40 }), (0, late), (0, run)];
        steps.extend(ops.map(|(after_ms, op)| Step { after_ms, op }));
        steps.push(Step { after_ms: self.0.random_range(80..1_200), op: Op::Move { user, from, to } });
    }

    /// The list of groups of one side is empty, or short, just when a run rests on it.
    fn run_on_a_list_that_lies(&mut self, steps: &mut Vec<Step>) {
        let (group, name) = (self.number(), self.number());
        let (side, on) = self.one_of(&[(Side::Okta, Side::OKTA_GROUPS), (Side::Aws, Side::AWS_GROUPS)]);
        let trouble = self.one_of(&[Trouble::Empty, Trouble::Short, Trouble::NoNextPage]);
        let lie = Op::Fault { side, on, trouble, skip: self.one_of(&[0, 0, 0, 1]), times: self.one_of(&[1, 1, 2, 4]) };
        let change = self.one_of(&[Op::RenameGroup { group, name }, Op::DeleteGroup { group }, Op::MakeGroup { name }, Op::Settle]);
        let run = self.run();
        steps.extend([change, lie, run].map(|op| Step { after_ms: self.one_of(&[0, 0, 6_000]), op }));
    }

    /// More than a small budget has, in one run or in two.
    fn many_leave_at_once(&mut self, steps: &mut Vec<Step>) {
        let group = self.number();
        let first = self.number();
        let leaves = (0..self.0.random_range(2..=4)).map(|next| Op::Leave { group, user: first + next });
        let (leaves, runs): (Vec<Op>, _) = (leaves.collect(), self.0.random_range(1..=2));
        steps.extend(leaves.into_iter().map(|op| Step { after_ms: 0, op }));
        for _ in 0..runs {
            steps.push(Step { after_ms: self.pause(), op: Op::RunAll { dry: false, cold: self.chance(30), kill: None } });
        }
    }

    fn policy_change(&mut self) -> PolicyChange {
        let disposals = [Disposal::Empty, Disposal::Delete, Disposal::Release];
        match self.0.random_range(0..8) {
            0..3 => PolicyChange::Excludes(self.chance(70)),
            3..5 => PolicyChange::Rules(self.chance(50)),
            5 => PolicyChange::Gone(self.one_of(&disposals)),
            6 => PolicyChange::Unmatched(self.one_of(&disposals)),
            _ => PolicyChange::Farewell(self.one_of(&[Farewell::Nothing, Farewell::Disable, Farewell::Delete])),
        }
    }

    fn in_okta(&mut self) -> Op {
        let (user, group, name) = (self.number(), self.number(), self.number());
        match self.0.random_range(0..36) {
            0..6 => Op::Join { group, user },
            6..10 => Op::Leave { group, user },
            10..15 => Op::Move { user, from: group, to: self.number() },
            15..18 => Op::RenameGroup { group, name },
            18 => Op::MakeGroup { name },
            19..21 => Op::DeleteGroup { group },
            21 => Op::RecreateGroup { group },
            22 => Op::ChangeLogin { user },
            23..26 => Op::Suspend { user },
            26 => Op::Deactivate { user },
            27..29 => Op::Unsuspend { user },
            29 => Op::DeleteUser { user },
            30 => Op::RecreateUser { user },
            31 => Op::Hire,
            32..34 => Op::ChangeName { user },
            _ => Op::Provision { user },
        }
    }

    fn on_users_by_hand(&mut self) -> Op {
        let user = self.number();
        match self.0.random_range(0..8) {
            0..2 => Op::Namesake { user, foreign: false },
            2..4 => Op::Namesake { user, foreign: true },
            4..6 => Op::HandEnable { user, enabled: self.chance(30) },
            6 => Op::HandDeleteUser { user },
            _ => Op::HandChangeUser { user },
        }
    }

    fn by_hand(&mut self) -> Op {
        let (user, group, account, set) = (self.number(), self.number(), self.number(), self.number());
        match self.0.random_range(0..12) {
            0..2 => Op::HandAdd { group, user },
            2..4 => Op::HandRemove { group, user },
            4 => Op::HandAddStranger { group },
            5 => Op::HandDelete { group },
            6 => Op::HandRename { group },
            7 => Op::HandChangeUnmanaged { user },
            8 => Op::HandAssign { group, account, set },
            9 => Op::HandUnassign { group, account, set },
            10 => Op::Account { account, active: self.chance(50) },
            _ => Op::Assignments {
                delay_ms: self.one_of(&[0, 3_000, 60_000, 2_000_000]),
                fail: self.chance(50),
                times: self.0.random_range(1..4),
            },
        }
    }

    fn trouble(&mut self) -> Op {
        match self.0.random_range(0..20) {
            0..3 => Op::Calm,
            3 => Op::LedgerDown,
            4 => Op::LedgerLost,
            5 => Op::Stale { okta_ms: self.one_of(&[0, 2_000]), aws_ms: self.one_of(&[0, 1_000]) },
            _ => {
                let side = self.one_of(&[Side::Okta, Side::Aws, Side::Aws, Side::Ledger]);
                Op::Fault {
                    side,
                    on: self.number(),
                    trouble: self.kind(),
                    skip: self.one_of(&[0, 0, 1, 2, 5]),
                    times: self.0.random_range(1..5),
                }
            }
        }
    }

    fn kind(&mut self) -> Trouble {
        let late = Trouble::Late(self.one_of(&[50, 4_000, 20_000, 45_000]));
        self.one_of(&[
            Trouble::Throttled,
            Trouble::Down,
            Trouble::Down,
            Trouble::Forbidden,
            Trouble::Html,
            Trouble::CallLost,
            Trouble::AnswerLost,
            Trouble::AnswerLost,
            Trouble::Cut,
            Trouble::Empty,
            Trouble::Short,
            Trouble::NoNextPage,
            Trouble::SamePage,
            late,
            Trouble::Conflict,
            Trouble::Corrupt,
        ])
    }

    fn kill(&mut self) -> Option<Kill> {
        self.chance(15).then(|| Kill { after: self.0.random_range(0..45), loses_answer: self.chance(50) })
    }

    fn delivery(&mut self) -> Op {
        if self.chance(15) {
            return Op::Lose { pick: self.number() };
        }
        let count = self.0.random_range(1..=5);
        let picks = (0..count).map(|_| self.number()).collect();
        Op::Deliver { picks, keep: self.chance(30), cold: self.chance(25), kill: self.kill() }
    }

    fn run(&mut self) -> Op {
        let kill = self.kill();
        match self.0.random_range(0..12) {
            0..5 => Op::RunAll { dry: self.chance(10), cold: self.chance(30), kill },
            5..7 => Op::RunChanged { kill },
            7..9 => Op::RunGroup { group: self.number(), kill },
            9..11 => Op::RunUser { user: self.number(), kill },
            _ => Op::Settle,
        }
    }
}
