//! The ledger.

use crate::doctor::facts::{Facts, Read};
use crate::doctor::verdict::Judgement;

/// A full run should have completed within so many hours: as the template's alarm, half as long again as its schedule of a day.
const COMPLETE_WITHIN_H: i64 = 36;

/// The table can be read, nothing is paused, and full runs complete.
pub(crate) fn table(facts: &Facts) -> Read<Judgement> {
    let ledger = facts.ledger.as_ref().map_err(Clone::clone)?;
    if let Some(since) = ledger.paused {
        return Ok(Judgement::warn(format!("runs are paused since {since}: nothing is written"), "lockstep resume"));
    }
    let Some(last) = ledger.last_complete else {
        return Ok(Judgement::pass("the table can be read; no full run has completed yet"));
    };
    let hours = (facts.now.as_second() - last.as_second()).div_euclid(3600);
    Ok(if hours > COMPLETE_WITHIN_H {
        let mend = "Look at the schedule of full runs (SchedulesState) and at the log of reconcile: docs/operations.md";
        Judgement::warn(format!("the last full run completed {hours} h ago, at {last}"), mend)
    } else {
        Judgement::pass(format!("the table can be read; the last full run completed at {last}"))
    })
}
