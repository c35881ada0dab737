//! Reading: the only thing that this part does. Identity Center is read before Okta, so that a change in between ends as
//! "already in effect" and not as a removal.

mod again;
mod app;
mod assignments;
mod by_account;
mod changes;
mod departing;
mod everything;
mod groups;
mod identify;
mod look;
mod members;
mod organization;
mod remembered;
mod spare;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sync_core::action::Action;
use sync_core::actual::ActualState;
use sync_core::error::{SourceError, TargetError};
use sync_core::ids::{GroupId, OktaGroupId, UserId};
use sync_core::records::BadRecord;
use sync_core::snapshot::{OktaSnapshot, UserSighting};
use sync_core::unresolved::{Unresolved, UnresolvedKind};

pub(crate) use assignments::target;
pub(crate) use changes::Changes;
pub use look::{Evidence, LookFailed};
pub use organization::organization;
use remembered::Recalled;
pub(crate) use users::Targets;
pub use users::UserQuery;

/// Groups read side by side. Identity Store is paced to 19 calls a second, which at 200 ms a call is four under way; the rest is
/// for Okta, whose client keeps to eight.
const CONCURRENCY: usize = 16;

/// What was read in one run.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    pub(crate) okta: OktaSnapshot,
    pub(crate) actual: ActualState,
    /// Members of groups who do not exist any more.
    pub(crate) gone: BTreeSet<UserId>,
    /// Records that were no records.
    pub(crate) unresolved: Vec<Unresolved>,
    /// When the reading began: what changed later may not be in it.
    pub(crate) began: Timestamp,
    /// When Okta was last asked which groups had changed meanwhile; `began` where it was not yet.
    pub(crate) looked: Option<Timestamp>,
    /// When it was last tried to read groups again.
    pub(crate) tried_at: BTreeMap<OktaGroupId, Timestamp>,
    /// When groups were really read again, whatever there was to read of them.
    pub(crate) again_at: BTreeMap<OktaGroupId, Timestamp>,
    /// When the members of each group were read.
    pub(crate) read_at: BTreeMap<OktaGroupId, Timestamp>,
    /// Whether something was not read for want of time, its own or a rate limit's.
    pub(crate) is_cut_off: bool,
    /// What was remembered of the members, and not read.
    pub(crate) recalled: Recalled,
    /// What a reader of the report should know of the reading.
    pub(crate) notes: Vec<String>,
    /// Whether single users or groups were read, of which there are many: then what the process remembers of the organization will do.
    pub(crate) is_of_events: bool,
}

impl Reads {
    /// Whether a group carried a mark when it was read.
    pub(crate) fn is_ours(&self, group: &GroupId) -> bool {
        self.actual.mark(group).is_some()
    }

    /// As of when the evidence is on which an action rests: the oldest reading of its groups.
    pub(crate) fn evidence_at(&self, action: &Action) -> Timestamp {
        action.groups().into_iter().map(|group| self.evidence_of(group)).min().unwrap_or(self.began)
    }

    /// As of when a group was read.
    pub(crate) fn evidence_of(&self, group: &OktaGroupId) -> Timestamp {
        self.read_at.get(group).max(self.again_at.get(group)).copied().unwrap_or(self.began)
    }

    /// The groups of Identity Center that carry the mark of an Okta group.
    pub(crate) fn marked(&self, group: &OktaGroupId) -> impl Iterator<Item = &GroupId> {
        let groups = self.actual.groups.values();
        groups.filter(move |record| record.description.mark().is_some_and(|mark| mark.group == *group)).map(|record| &record.id)
    }

    /// Adds what was read of one user.
    fn absorb(&mut self, part: Self) {
        self.actual.users.extend(part.actual.users);
        self.actual.pins.extend(part.actual.pins);
        self.actual.pins_unread |= part.actual.pins_unread;
        self.actual.sought.extend(part.actual.sought);
        self.actual.user_lists.extend(part.actual.user_lists);
        self.okta.groups.extend(part.okta.groups);
        self.okta.user_groups.extend(part.okta.user_groups);
        for (id, sighting) in part.okta.users {
            let weaker = sighting == UserSighting::StatusUnread && self.okta.users.contains_key(&id);
            if !weaker {
                self.okta.users.insert(id, sighting);
            }
        }
        self.unresolved.extend(part.unresolved);
    }
}

/// A read without which there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadFailed {
    #[error("Okta could not be read: {0}")]
    Source(SourceError),
    #[error("Identity Center could not be read: {0}")]
    Target(TargetError),
}

impl From<SourceError> for ReadFailed {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<TargetError> for ReadFailed {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

/// Records that were set aside, as a report names them.
fn bad_records(side: &str, bad: Vec<BadRecord>) -> impl Iterator<Item = Unresolved> {
    let side = side.to_owned();
    bad.into_iter().map(move |record| Unresolved {
        kind: UnresolvedKind::BadRecord,
        okta_id: record.id,
        name: String::new(),
        reason: format!("{side}: {}", record.problem),
    })
}
