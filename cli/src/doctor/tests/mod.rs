//! The judgements, each with what makes it pass, warn and fail.

mod docs;
mod healthy;
mod recorded;
mod troubles;

pub(crate) use healthy::{group, policy};

use super::checks::judge_all;
use super::facts::Facts;
use super::verdict::{Finding, Verdict};

/// The finding of one check.
fn finding(facts: &Facts, check: &str) -> Finding {
    judge_all(facts).into_iter().find(|finding| finding.check == check).unwrap()
}

/// The checks that are neither passed nor skipped, with their verdicts.
fn troubles(facts: &Facts) -> Vec<(&'static str, Verdict)> {
    let findings = judge_all(facts).into_iter().filter(|finding| matches!(finding.verdict, Verdict::Warn | Verdict::Fail));
    findings.map(|finding| (finding.check, finding.verdict)).collect()
}
