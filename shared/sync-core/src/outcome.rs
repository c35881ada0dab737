//! What became of an action.

use std::fmt;

use crate::error::TargetError;
use crate::ids::RequestId;

/// Whether a write changed anything. What was so already is a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It changed.
    Changed,
    /// It was so already.
    AlreadyInEffect,
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in effect.
    Done(Effect),
    /// AWS has begun it, and is not at its end.
    Pending(RequestId),
    /// It was tried, and failed.
    Failed(TargetError),
    /// It was not tried.
    NotAttempted(NotAttempted),
}

/// Why an action was not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotAttempted {
    /// The run's time was up. The next run goes on from what it then finds.
    OutOfTime,
    /// What the user should have gained could not be granted: they keep what they have.
    GrantFailed,
    /// What the group should gain is held: it keeps what it has until that is approved.
    GrantHeld,
    /// The group could not be made.
    GroupNotMade,
    /// The user could not be made.
    UserNotMade,
    /// What decided is not so any more.
    ChangedMeanwhile,
    /// The evidence was too old by the time the action's turn came, and could not be renewed.
    EvidenceTooOld,
    /// Another run holds the lease.
    LeaseTaken,
    /// The ledger cannot be reached, or the lease was lost: nothing is taken away without it.
    LedgerUnavailable,
    /// Runs were paused in the meantime.
    Paused,
    /// It failed before, and its time to be tried again has not come.
    BackingOff,
    /// Something that has to come first is not at its end, or failed.
    WaitsForAnother,
    /// As many groups as AWS allows have the permission set on the account.
    Full,
}

impl fmt::Display for NotAttempted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfTime => "the run's time was up; the next run goes on",
            Self::GrantFailed => "what the user should have gained could not be granted, so they keep what they have",
            Self::GrantHeld => "what the group should have gained is held, so it keeps what it has until that is approved",
            Self::GroupNotMade => "the group could not be made",
            Self::UserNotMade => "the user could not be made",
            Self::ChangedMeanwhile => "what decided changed in the meantime; the next run decides again",
            Self::EvidenceTooOld => "the members were read too long ago, and have changed since or could not be looked at again",
            Self::LeaseTaken => "another run was writing until this one's time was up",
            Self::LedgerUnavailable => "the ledger could not be reached, and nothing is taken away without it",
            Self::Paused => "runs were paused in the meantime",
            Self::BackingOff => "it failed before, and is tried again later, at first after 15 minutes and at last once a day",
            Self::WaitsForAnother => "something that has to come first is not at its end, or failed",
            Self::Full => {
                "as many groups as AWS allows have the permission set on the account: merge groups, or use a second permission set"
            }
        })
    }
}
