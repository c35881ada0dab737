//! Clocks: signatures and access tokens hold for some minutes around now.

use crate::doctor::facts::{Facts, Read, Unread};
use crate::doctor::verdict::Judgement;

/// From so many seconds on it is worth a word. `Date` tells whole seconds, and an answer takes up to some seconds.
const NOTABLE_S: u64 = 30;

/// From so many seconds on it fails: AWS refuses a signature that is five minutes off, and Okta an assertion.
const TOO_FAR_S: u64 = 240;

const MEND: &str = "Set this machine's clock by NTP: timedatectl set-ntp true. (The deployed functions run by Lambda's clock)";

/// Okta's.
pub(crate) fn okta(facts: &Facts) -> Read<Judgement> {
    let ahead = facts.okta()?.clock_ahead_s.ok_or_else(|| Unread::because("no answer of Okta told the time"))?;
    Ok(judge("Okta", ahead))
}

/// AWS's.
pub(crate) fn aws(facts: &Facts) -> Read<Judgement> {
    let ahead = facts.aws.clock_ahead_s.ok_or_else(|| Unread::because("no answer of AWS told the time"))?;
    Ok(judge("AWS", ahead))
}

fn judge(who: &str, ahead_s: i64) -> Judgement {
    let off = ahead_s.unsigned_abs();
    let direction = if ahead_s < 0 { "behind" } else { "ahead of" };
    let seen = match off {
        0 => format!("{who}'s clock agrees with this machine's, to the second"),
        _ => format!("{who}'s clock is {off} s {direction} this machine's"),
    };
    match off {
        TOO_FAR_S.. => Judgement::fail(seen, MEND),
        NOTABLE_S.. => Judgement::warn(seen, MEND),
        _ => Judgement::pass(seen),
    }
}
