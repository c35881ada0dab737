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
    /// Whether something was not read that has an id: it may be a group that a message without groups is about as well.
    is_anything_unread: bool,
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
                (UnresolvedKind::Unreadable, Some(id)) => {
                    open.is_anything_unread = true;
                    open.failed.insert(id.clone());
                }
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
        let may_be_of_any = matches!(message.target, Target::User(_)) && message.groups.is_empty();
        let names_failed =
            message.groups.iter().any(|group| self.failed.contains(group.as_str())) || (may_be_of_any && self.is_anything_unread);
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

#[cfg(test)]
mod tests {
    use engine::Scope;
    use sync_core::ids::{OktaGroupId, OktaUserId};
    use sync_core::report::{Calls, Circumstances, Findings, Mode, Report};
    use sync_core::trigger::{Lane, Trigger};
    use sync_core::unresolved::Unresolved;

    use super::*;

    fn after_unreadable(id: &str) -> Open {
        let (kind, okta_id) = (UnresolvedKind::Unreadable, Some(id.to_owned()));
        let unresolved = vec![Unresolved { kind, okta_id, name: String::new(), reason: "429".to_owned() }];
        let findings = Findings { unresolved, ..Findings::default() };
        let circumstances = Circumstances {
            run_id: "r1".to_owned(),
            mode: Mode::Apply,
            scope: Scope::All.to_json(),
            calls: Calls::default(),
            duration_ms: 0,
        };
        let report = Report::of(&findings, circumstances);
        Open::after(&Completed { report, findings, is_paused: false, cut_off: None })
    }

    fn message(groups: &[&str]) -> TriggerMessage {
        let target = Target::User(OktaUserId::new("00u1").expect("an id"));
        let groups = groups.iter().map(|id| OktaGroupId::new(id).expect("an id")).collect();
        Trigger { lane: Lane::Removals, target, groups, login: None, published: None }.message(jiff::Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_group_that_was_not_read_leaves_open_who_names_it_and_who_names_none() {
        let open = after_unreadable("00g1");
        assert_eq!(open.fate(&message(&["00g1"])), Fate::Failed);
        assert_eq!(open.fate(&message(&[])), Fate::Failed);
        assert_eq!(open.fate(&message(&["00g2"])), Fate::Answered);
        assert_eq!(Open::default().fate(&message(&[])), Fate::Answered);
    }
}
