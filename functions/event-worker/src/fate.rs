//! What becomes of a message after the run that answered it. Pure.

use std::collections::BTreeSet;

use engine::Completed;
use sync_core::action::Action;
use sync_core::outcome::Outcome;
use sync_core::trigger::{Target, TriggerMessage};
use sync_core::unresolved::UnresolvedKind;

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is answered.
    Answered,
    /// What it asks for cannot be done yet: a member is not provisioned, or runs are paused. Without a queue for later the schedule catches up.
    NotYet,
    /// Something failed that may pass. Without a queue for later the message is left where it is, and comes again.
    Failed,
}

/// What the run that answered these messages left open.
#[derive(Debug, Default)]
pub struct Open {
    everything: bool,
    waits_for_the_pause: bool,
    failed: BTreeSet<String>,
    not_yet: BTreeSet<String>,
}

impl Open {
    /// What a run left open.
    pub fn after(completed: &Completed) -> Self {
        let mut open = Self {
            everything: !completed.findings.failed_reads.is_empty(),
            waits_for_the_pause: completed.is_paused && !completed.findings.plan.is_empty(),
            ..Self::default()
        };
        for (action, outcome) in &completed.findings.outcomes {
            if !matches!(outcome, Outcome::Done(_)) {
                open.failed.extend(names(action));
            }
        }
        for held in completed.findings.held.entries.iter().filter(|held| held.rule.passes_by_itself()) {
            held.actions.actions().for_each(|(_, action)| open.failed.extend(names(action)));
        }
        for entry in &completed.findings.unresolved {
            match (entry.kind, &entry.okta_id) {
                (UnresolvedKind::Unreadable, Some(id)) => drop(open.failed.insert(id.clone())),
                (UnresolvedKind::Unreadable, None) => open.everything = true,
                (UnresolvedKind::UserNotProvisioned, Some(id)) => drop(open.not_yet.insert(id.clone())),
                _ => {}
            }
        }
        open
    }

    /// Where there was no run at all.
    pub fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// What becomes of a message.
    pub fn fate(&self, message: &TriggerMessage) -> Fate {
        let id = match &message.target {
            Target::User(id) => id.as_str(),
            Target::Group(id) => id.as_str(),
        };
        let names_failed = message.groups.iter().any(|group| self.failed.contains(group.as_str()));
        let of_group = matches!(message.target, Target::Group(_)) && !self.not_yet.is_empty();
        if self.everything || names_failed || self.failed.contains(id) {
            Fate::Failed
        } else if self.waits_for_the_pause || self.not_yet.contains(id) || of_group {
            Fate::NotYet
        } else {
            Fate::Answered
        }
    }
}

/// The ids by which a message may have asked for an action.
fn names(action: &Action) -> Vec<String> {
    let groups = action.groups().into_iter().map(ToString::to_string);
    let user = action.user().and_then(|user| user.okta_id.as_ref()).map(ToString::to_string);
    user.into_iter().chain(groups).collect()
}
