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
    /// What it asks for cannot be done yet: a member is not provisioned, runs are paused, or something failed that does not pass by itself.
    /// Without a queue for later the schedule catches up.
    NotYet,
    /// Something failed that may pass. Without a queue for later the message is left where it is, and comes again, but not for ever: whoever
    /// comes behind it in its lane waits.
    Failed,
}

/// How often a message is received that is left where it is. What has not passed by then is the schedule's.
const MOST_RECEIPTS: u32 = 3;

impl Fate {
    /// Whether, without a queue for later, a message that was received so often is left to the schedule.
    pub fn is_the_schedules(self, n_received: u32) -> bool {
        match self {
            Self::Answered | Self::NotYet => true,
            Self::Failed => n_received >= MOST_RECEIPTS,
        }
    }
}

/// What the run that answered these messages left open.
#[derive(Debug, Default)]
pub struct Open {
    everything: bool,
    waits_for_the_pause: bool,
    failed: BTreeSet<String>,
    /// Whether something was not read that has an id: it may be a group that a message without groups is about as well.
    is_anything_unread: bool,
    lasting: BTreeSet<String>,
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
            open.note(action, outcome);
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

    fn note(&mut self, action: &Action, outcome: &Outcome) {
        let ids = names(action);
        match outcome {
            Outcome::Done(_) => {}
            Outcome::Failed(error) if !error.kind.is_transient() => self.lasting.extend(ids),
            Outcome::Failed(_) | Outcome::Pending(_) | Outcome::NotAttempted(_) => self.failed.extend(ids),
        }
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
        let names_one_of = |ids: &BTreeSet<String>| ids.contains(id) || message.groups.iter().any(|group| ids.contains(group.as_str()));
        let of_group = matches!(message.target, Target::Group(_)) && !self.not_yet.is_empty();
        if self.everything || names_one_of(&self.failed) || (may_be_of_any && self.is_anything_unread) {
            Fate::Failed
        } else if self.waits_for_the_pause || names_one_of(&self.lasting) || self.not_yet.contains(id) || of_group {
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
    use sync_core::action::{GroupLabel, GroupRef, UserLabel, UserRef};
    use sync_core::error::{TargetError, TargetErrorKind};
    use sync_core::ids::{GroupId, OktaGroupId, OktaUserId, UserId};
    use sync_core::report::{Calls, Circumstances, Findings, Mode, Report};
    use sync_core::trigger::Lane;
    use sync_core::unresolved::Unresolved;

    use super::*;

    fn after(outcome: &Outcome) -> Open {
        let mut open = Open::default();
        let action = Action::AddMembership {
            group: GroupLabel { okta_id: OktaGroupId::new("00g1").unwrap(), name: "AWS-1".to_owned() },
            user: UserLabel { okta_id: OktaUserId::new("00u1").ok(), name: "ada".to_owned() },
            group_ref: GroupRef::Existing(GroupId::new("g1").unwrap()),
            user_ref: UserRef::Existing(UserId::new("u1").unwrap()),
        };
        open.note(&action, outcome);
        open
    }

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
        Open::after(&Completed { report, findings, is_paused: false, cut_off: None, is_whole_shadow: false })
    }

    fn message(user: &str, groups: &[&str]) -> TriggerMessage {
        let now = jiff::Timestamp::UNIX_EPOCH;
        TriggerMessage {
            v: 1,
            lane: Lane::Rest,
            target: Target::User(OktaUserId::new(user).unwrap()),
            groups: groups.iter().map(|id| OktaGroupId::new(id).unwrap()).collect(),
            login: None,
            arrived: now,
            not_before: now,
            attempt: 0,
        }
    }

    #[test]
    fn what_fails_for_good_waits_for_the_schedule_and_what_may_pass_comes_again() {
        let failed = |kind| Outcome::Failed(TargetError::new(kind, "CreateGroupMembership", "no"));
        for (outcome, expected) in [
            (failed(TargetErrorKind::Denied), Fate::NotYet),
            (failed(TargetErrorKind::QuotaExceeded), Fate::NotYet),
            (failed(TargetErrorKind::Unavailable), Fate::Failed),
            (failed(TargetErrorKind::Throttled), Fate::Failed),
        ] {
            let open = after(&outcome);
            assert_eq!(open.fate(&message("00u1", &[])), expected, "{outcome:?}");
            assert_eq!(open.fate(&message("00u2", &["00g1"])), expected, "{outcome:?}");
            assert_eq!(open.fate(&message("00u2", &["00g2"])), Fate::Answered, "{outcome:?}");
        }
    }

    #[test]
    fn without_a_queue_for_later_no_message_blocks_its_lane_for_ever() {
        assert!(Fate::NotYet.is_the_schedules(1));
        assert_eq!([1, 2, 3].map(|n_received| Fate::Failed.is_the_schedules(n_received)), [false, false, true]);
    }

    #[test]
    fn a_group_that_was_not_read_leaves_open_who_names_it_and_who_names_none() {
        let open = after_unreadable("00g1");
        assert_eq!(open.fate(&message("00u1", &["00g1"])), Fate::Failed);
        assert_eq!(open.fate(&message("00u1", &[])), Fate::Failed);
        assert_eq!(open.fate(&message("00u1", &["00g2"])), Fate::Answered);
        assert_eq!(Open::default().fate(&message("00u1", &[])), Fate::Answered);
    }
}
