//! What a check comes to.

use serde::Serialize;

/// The verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
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
pub(crate) struct Judgement {
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// What was seen; why, where the check could not be made.
    pub(crate) seen: String,
    /// The mending step: where to click, or which command. Every warning and every failure has one.
    pub(crate) mend: Option<String>,
}

impl Judgement {
    /// As it should be.
    pub(crate) fn pass(seen: impl Into<String>) -> Self {
        Self { verdict: Verdict::Pass, seen: seen.into(), mend: None }
    }

    /// It works, and there is something to do.
    pub(crate) fn warn(seen: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, seen: seen.into(), mend: Some(mend.into()) }
    }

    /// It is not as it must be.
    pub(crate) fn fail(seen: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, seen: seen.into(), mend: Some(mend.into()) }
    }

    /// It could not be looked at, or does not apply.
    pub(crate) fn skipped(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, seen: why.into(), mend: None }
    }
}

/// A check with what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The check's id, which is also the heading of its section in docs/doctor.md.
    pub(crate) check: &'static str,
    /// What is checked.
    pub(crate) title: &'static str,
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// What was seen.
    pub(crate) seen: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mend: Option<String>,
}
