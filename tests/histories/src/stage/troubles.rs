//! What goes wrong.

use std::time::Duration;

use sim::identity_center::Fate;
use sim::okta::Staleness;
use sim::{Fault, What};

use super::Stage;
use crate::history::{Op, Side, Trouble};

/// A call may take so much longer without a consequence.
const SOMEWHAT_LONGER_MS: u64 = 4_000;

impl Stage {
    /// Lets something go wrong, or right again.
    pub(super) fn perform_trouble(&mut self, op: &Op) {
        match op {
            Op::Fault { side, on, trouble, skip, times } => self.inject(*side, side.operation(*on), *trouble, *skip, *times),
            Op::Calm => self.calm(),
            Op::LedgerDown => {
                self.troubles.ledger_down_since.get_or_insert(self.began.elapsed().as_millis().try_into().unwrap_or(u64::MAX));
                self.trouble();
                self.world.table.inject(Fault::on("**", What::DropBefore).always());
            }
            // Without externalIds the ledger alone knows who is who, and what is lost then is lost.
            Op::LedgerLost if self.setup.is_labelled() => {
                self.troubles.ledger_lost_at = Some(self.now());
                self.world.table.wipe();
            }
            Op::Latency { ms } => {
                let latency = Duration::from_millis(*ms);
                self.world.okta.set_latency(latency);
                self.world.aws.set_latency(latency);
            }
            Op::Stale { okta_ms, aws_ms } => self.be_late(*okta_ms, *aws_ms),
            Op::Assignments { delay_ms, fail, times } if self.has_organization => {
                let failure = fail.then(|| "the role could not be made".to_owned());
                self.world.aws.decide(Fate { delay_ms: Some(*delay_ms), failure, times: Some(u64::from(*times)), ..Fate::default() });
            }
            _ => {}
        }
    }

    fn trouble(&mut self) {
        self.troubles.calm_since = None;
    }

    fn inject(&mut self, side: Side, on: &str, trouble: Trouble, skip: u8, times: u8) {
        let Some(what) = what_of(side, on, trouble) else { return };
        // A list of Identity Center's that lies is looked at twice before anything rests on it, and not a third time.
        let lies_of_aws = side == Side::Aws && makes_a_list_lie(&what);
        if lies_of_aws && self.world.aws.faults().iter().any(|fault| makes_a_list_lie(&fault.what)) {
            return;
        }
        let times = if lies_of_aws { 1 } else { times };
        let fault = Fault::on(on, what).skip(u64::from(skip)).times(u64::from(times));
        // A call that takes somewhat longer is nothing that goes wrong.
        if !matches!(fault.what, What::Delay { ms } if ms <= SOMEWHAT_LONGER_MS) {
            self.trouble();
        }
        match side {
            Side::Okta => self.world.okta.inject(fault),
            Side::Aws => self.world.aws.inject(fault),
            Side::Ledger => self.world.table.inject(fault),
        }
    }

    fn be_late(&mut self, okta_ms: u64, aws_ms: u64) {
        self.troubles.staleness = self.troubles.staleness.max(okta_ms).max(aws_ms);
        self.world.okta.configure(|settings| {
            settings.staleness = Staleness { added_ms: okta_ms, removed_ms: okta_ms, user_groups: true, listed_ms: 0 }
        });
        self.world.aws.configure(|settings| settings.stale_ms = aws_ms);
    }

    /// Nothing goes wrong any more.
    pub(crate) fn calm(&mut self) {
        self.world.okta.clear_faults();
        self.world.aws.clear_faults();
        self.world.table.clear_faults();
        self.troubles.ledger_down_since = None;
        self.troubles.calm_since.get_or_insert(self.began.elapsed().as_millis().try_into().unwrap_or(u64::MAX));
    }
}

fn makes_a_list_lie(what: &What) -> bool {
    matches!(what, What::Empty | What::Shortened { .. } | What::NoNextPage)
}

/// The fault, where it can happen: a list can be short, a row can be corrupt, and the list of a user's groups has one page only, so that
/// nobody could ever tell that it is short.
fn what_of(side: Side, on: &str, trouble: Trouble) -> Option<What> {
    let is_list = on.starts_with("List") || matches!(on, "GET /api/v1/groups" | "GET /api/v1/groups/{id}/users");
    Some(match trouble {
        Trouble::Throttled => What::Throttle { seconds: 1 },
        Trouble::Down => What::Status { status: 500, code: None },
        Trouble::Forbidden if side == Side::Aws => What::Exception { name: "AccessDeniedException".to_owned(), reason: None },
        Trouble::Forbidden => What::Status { status: 403, code: None },
        Trouble::Html => What::Html { status: 502 },
        Trouble::CallLost => What::DropBefore,
        Trouble::AnswerLost => What::DropAfter,
        Trouble::Cut => What::CutOff,
        Trouble::Empty if is_list => What::Empty,
        Trouble::Short if is_list => What::Shortened { keep: 1 },
        Trouble::NoNextPage if is_list => What::NoNextPage,
        Trouble::SamePage if is_list => What::SameCursor,
        Trouble::Late(ms) => What::Delay { ms },
        Trouble::Conflict if side != Side::Okta => What::Conflict,
        Trouble::Corrupt if side == Side::Ledger => What::Corrupt,
        Trouble::Empty | Trouble::Short | Trouble::NoNextPage | Trouble::SamePage | Trouble::Conflict | Trouble::Corrupt => return None,
    })
}
