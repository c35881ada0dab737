//! What a check comes to.

use serde::Serialize;

/// The verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// It works, and there is something to know or to do.
    Warn,
    /// Something that Lockstep needs is not so.
    Fail,
    /// It could not be looked at, or does not apply; no pass.
    Skipped,
}

/// A verdict, with what it rests on and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// What was seen; why, where the check could not be made.
    pub seen: String,
    /// The mending step: where to click, or which command. Every warning and every failure has one.
    pub mend: Option<String>,
}

impl Judgement {
    /// As it should be.
    pub fn pass(seen: impl Into<String>) -> Self {
        Self { verdict: Verdict::Pass, seen: seen.into(), mend: None }
    }

    /// It works, and there is something to do.
    pub fn warn(seen: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, seen: seen.into(), mend: Some(mend.into()) }
    }

    /// It is not as it must be.
    pub fn fail(seen: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, seen: seen.into(), mend: Some(mend.into()) }
    }

    /// It could not be looked at, or does not apply.
    pub fn skipped(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, seen: why.into(), mend: None }
    }
}

/// A check with what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's id, which is also the heading of its section in docs/doctor.md.
    pub check: &'static str,
    /// What is checked.
    pub title: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}
