//! A trigger: the doorbell that an event rings. It says where to look, and nothing about what to find there.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{OktaGroupId, OktaUserId};

/// The lane of a trigger: each is one message group of the queue and so has one consumer. Order is urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// A user was suspended, deactivated or deleted.
    Leavers,
    /// A membership was removed, or a group deleted.
    Removals,
    /// Everything else. Such a trigger only grants.
    Rest,
}

impl Lane {
    /// The message group of the queue.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leavers => "leavers",
            Self::Removals => "removals",
            Self::Rest => "rest",
        }
    }

    /// Whether a read that a trigger of this lane caused may also remove.
    pub fn may_remove(self) -> bool {
        match self {
            Self::Leavers | Self::Removals => true,
            Self::Rest => false,
        }
    }
}

/// What a trigger names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// An Okta user.
    User(OktaUserId),
    /// An Okta group.
    Group(OktaGroupId),
}

impl Target {
    fn as_key(&self) -> String {
        match self {
            Self::User(id) => format!("user/{id}"),
            Self::Group(id) => format!("group/{id}"),
        }
    }
}

/// A reason to look at one user or one group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trigger {
    /// Its lane.
    pub lane: Lane,
    /// What to look at.
    pub target: Target,
    /// The groups that the events on this user named.
    pub groups: BTreeSet<OktaGroupId>,
    /// The login that the event gave for the user: a hint for a look-up whose answer is then checked by id.
    pub login: Option<String>,
    /// When the latest of its events was published, by Okta's clock.
    pub published: Option<Timestamp>,
}

/// Length of the bucket in which arrivals on one target are one message, in seconds.
const BUCKET_SECONDS: i64 = 2;

/// Reads at once after an event can be stale by up to 2 s (recorded); 3 s after the bucket's end they were not.
const AFTER_BUCKET: SignedDuration = SignedDuration::from_secs(3);

/// The same distance from the event itself, with Okta's own delay allowed for.
const AFTER_PUBLISHED: SignedDuration = SignedDuration::from_secs(5);

/// A clock that is wrong must not put a message off for longer than a worker may sleep.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(10);

/// The form in which a trigger travels through a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerMessage {
    /// Version of this form.
    pub v: u8,
    /// Its lane.
    pub lane: Lane,
    /// What to look at.
    pub target: Target,
    /// The groups that the events on this user named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<OktaGroupId>,
    /// The login that the event gave for the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// When it arrived, by the hook's clock.
    pub arrived: Timestamp,
    /// No read before this moment answers it.
    pub not_before: Timestamp,
    /// How often it was put off already.
    #[serde(default)]
    pub attempt: u32,
}

/// The only version of [`TriggerMessage`] so far.
const MESSAGE_VERSION: u8 = 1;

/// Why a queue message is no trigger.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// It is not JSON of the right shape.
    #[error("the message is no trigger")]
    Shape(#[source] serde_json::Error),
    /// It was written by a newer version.
    #[error("the message has version {0}, and only version 1 is understood")]
    Version(u8),
}

impl Trigger {
    /// The message for this trigger when it arrives at `arrived`.
    pub fn message(&self, arrived: Timestamp) -> TriggerMessage {
        let bucket_end = (bucket(arrived) + 1) * BUCKET_SECONDS;
        let after_bucket = later(Timestamp::from_second(bucket_end).unwrap_or(arrived), AFTER_BUCKET);
        let after_published = self.published.map_or(after_bucket, |at| later(at, AFTER_PUBLISHED));
        TriggerMessage {
            v: MESSAGE_VERSION,
            lane: self.lane,
            target: self.target.clone(),
            groups: self.groups.clone(),
            login: self.login.clone(),
            arrived,
            not_before: after_bucket.max(after_published).min(later(arrived, LONGEST_WAIT)),
            attempt: 0,
        }
    }
}

impl TriggerMessage {
    /// Reads a queue message.
    ///
    /// # Errors
    /// [`TriggerError`] says what is wrong and where; such a message can never become right.
    pub fn parse(body: &str) -> Result<Self, TriggerError> {
        let message: Self = serde_json::from_str(body).map_err(TriggerError::Shape)?;
        if message.v == MESSAGE_VERSION { Ok(message) } else { Err(TriggerError::Version(message.v)) }
    }

    /// The queue's deduplication id: lane, target, the groups named, and the bucket of arrival; a burst of the same is one
    /// message. (The queue deduplicates across message groups, hence the lane; two events that name different groups of
    /// one user are two messages, because a batch may read a group instead of the users that name it.)
    pub fn deduplication_id(&self) -> String {
        let groups: Vec<&str> = self.groups.iter().map(OktaGroupId::as_str).collect();
        let key = format!("{} {} {} {}", self.lane.as_str(), self.target.as_key(), groups.join(","), bucket(self.arrived));
        hex::encode(Sha256::digest(key.as_bytes()))
    }
}

/// A time from outside may stand at the end of all time.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn bucket(at: Timestamp) -> i64 {
    at.as_second().div_euclid(BUCKET_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn trigger(published: Option<&str>) -> Trigger {
        Trigger {
            lane: Lane::Removals,
            target: Target::User(OktaUserId::new("00u1").unwrap()),
            groups: BTreeSet::from([OktaGroupId::new("00g1").unwrap()]),
            login: Some("ada@example.com".to_owned()),
            published: published.map(at),
        }
    }

    #[test]
    fn the_work_starts_after_the_bucket_has_closed() {
        let message = trigger(None).message(at("2026-11-24T10:00:01.3Z"));
        assert_eq!(message.not_before, at("2026-11-24T10:00:05Z"));
    }

    #[test]
    fn a_late_publication_puts_it_off_further_and_a_wrong_clock_does_not() {
        let arrived = at("2026-11-24T10:00:01Z");
        assert_eq!(trigger(Some("2026-11-24T10:00:01Z")).message(arrived).not_before, at("2026-11-24T10:00:06Z"));
        assert_eq!(trigger(Some("2026-11-24T09:00:00Z")).message(arrived).not_before, at("2026-11-24T10:00:05Z"));
        assert_eq!(trigger(Some("2036-11-24T10:00:01Z")).message(arrived).not_before, at("2026-11-24T10:00:11Z"));
        assert_eq!(trigger(Some("9999-12-30T22:00:00Z")).message(arrived).not_before, at("2026-11-24T10:00:11Z"));
    }

    #[test]
    fn s20_a_burst_on_one_target_is_one_message_and_the_next_bucket_another() {
        let id = |time: &str| trigger(None).message(at(time)).deduplication_id();
        assert_eq!(id("2026-11-24T10:00:00Z"), id("2026-11-24T10:00:01.999Z"));
        assert_ne!(id("2026-11-24T10:00:01.999Z"), id("2026-11-24T10:00:02Z"));
        let mut rest = trigger(None);
        rest.lane = Lane::Rest;
        assert_ne!(rest.message(at("2026-11-24T10:00:00Z")).deduplication_id(), id("2026-11-24T10:00:00Z"));
    }

    #[test]
    fn a_message_survives_the_queue_and_a_malformed_one_says_why() {
        let message = trigger(None).message(at("2026-11-24T10:00:00Z"));
        assert_eq!(TriggerMessage::parse(&serde_json::to_string(&message).unwrap()).unwrap(), message);
        for body in ["", "{}", "null", r#"{"v":1,"lane":"odd"}"#, "\u{0}"] {
            assert!(matches!(TriggerMessage::parse(body), Err(TriggerError::Shape(_))), "{body:?}");
        }
    }
}
