//! The small rows: watermark, policy hash, sizes, pause, pins, what was touched, and when groups were read.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sync_core::ids::{GroupId, OktaGroupId, OktaUserId, UserId};

use super::{ADVICE, Ledger, RowKey, not_understood};
use crate::ports::{Expect, Row, Table, TableError};

const STATE: &str = "state";
const LEASE_WANTED: &str = "lease_wanted";
const FIRST_RUN: &str = "first_run";
const PIN: &str = "pin";
const PINNED: &str = "pinned";
const TOUCHED: &str = "touched";
const READ_AT: &str = "read_at";

/// How the sort keys of touched rows begin.
const GROUP: &str = "group/";
const USER: &str = "user/";

/// What a full run reads again after a worker touched it: no full run lasts longer than a Lambda function may, 15 minutes.
const TOUCHED_LIVES: SignedDuration = SignedDuration::from_mins(20);

/// A run that waits says so twice a second.
const WANTED_LIVES: SignedDuration = SignedDuration::from_millis(1_200);

/// A chain that has not gone on for so long has broken: two runs of Lambda's longest time, and something for the queue.
const CHAIN_LIVES: SignedDuration = SignedDuration::from_mins(40);

/// Ledger writes under way at once.
const CONCURRENCY: usize = 8;

/// How large the managed groups were when they were last read whole: what the guard's percentages are of, where a run reads less.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownSizes {
    /// Managed groups.
    pub groups: u64,
    /// Memberships in them.
    pub memberships: u64,
    /// Assignments of those that rules speak of.
    #[serde(default)]
    pub assignments: u64,
    /// Members by group with what the window had taken of them by then, of the groups that have enough for a limit of their own.
    pub by_group: BTreeMap<GroupId, u64>,
}

/// The stop: every run that would apply is dry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
}

/// What runs wrote to, or decided on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Groups.
    pub groups: BTreeSet<OktaGroupId>,
    /// Users.
    pub users: BTreeSet<OktaUserId>,
}

/// When other runs wrote to something, or decided on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Touches {
    /// Groups.
    pub(crate) groups: BTreeMap<OktaGroupId, Timestamp>,
    /// Users.
    pub(crate) users: BTreeMap<OktaUserId, Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Touch {
    at: Timestamp,
    run: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Moment {
    at: Timestamp,
}

/// A run that waits for the lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Which.
    pub run: String,
    /// How urgent it is; 0 is the most.
    pub urgency: u8,
    /// Until when its word counts.
    pub until: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chain {
    chain: String,
}

/// One chain for each scope.
fn chain_key(scope: &str) -> String {
    format!("chain/{:08x}", sync_core::remembered::spread(scope))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyHash {
    hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pin {
    user: UserId,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pinned {
    okta_user: OktaUserId,
}

impl<T: Table> Ledger<T> {
    /// When the last run that looked at everything that had changed began; what changed after it is still to be looked at.
    pub async fn watermark(&self, now: Timestamp) -> Result<Option<Timestamp>, TableError> {
        Ok(self.recall::<Moment>(STATE, "watermark", now).await?.map(|body| body.at))
    }

    /// Moves the watermark.
    pub async fn set_watermark(&self, at: Timestamp, now: Timestamp) -> Result<(), TableError> {
        self.write(RowKey::lasting(STATE, "watermark"), &Moment { at }, Expect::Anything, now).await.map(drop)
    }

    /// When the last complete full run ended.
    pub async fn last_complete(&self, now: Timestamp) -> Result<Option<Timestamp>, TableError> {
        Ok(self.recall::<Moment>(STATE, "last_complete", now).await?.map(|body| body.at))
    }

    /// Records a complete full run.
    pub async fn set_last_complete(&self, at: Timestamp, now: Timestamp) -> Result<(), TableError> {
        self.write(RowKey::lasting(STATE, "last_complete"), &Moment { at }, Expect::Anything, now).await.map(drop)
    }

    /// How long ago the last complete full run ended; where none ever did, how long ago the first run that wrote ended. Nothing is written
    /// here: an invocation that is refused asks this as well.
    pub async fn since_complete(&self, now: Timestamp) -> Result<Option<SignedDuration>, TableError> {
        let last = match self.last_complete(now).await? {
            Some(at) => Some(at),
            None => self.recall::<Moment>(STATE, FIRST_RUN, now).await?.map(|moment| moment.at),
        };
        Ok(last.map(|at| now.duration_since(at)))
    }

    /// Remembers the first run that wrote.
    pub async fn set_first_run(&self, now: Timestamp) -> Result<(), TableError> {
        match self.write(RowKey::lasting(STATE, FIRST_RUN), &Moment { at: now }, Expect::Absent, now).await {
            Ok(_) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The hash of the policy of the last full apply.
    pub async fn policy_hash(&self, now: Timestamp) -> Result<Option<String>, TableError> {
        Ok(self.recall::<PolicyHash>(STATE, "policy", now).await?.map(|body| body.hash))
    }

    /// Records the policy of a full apply.
    pub async fn set_policy_hash(&self, hash: &str, now: Timestamp) -> Result<(), TableError> {
        self.write(RowKey::lasting(STATE, "policy"), &PolicyHash { hash: hash.to_owned() }, Expect::Anything, now).await.map(drop)
    }

    /// How large the managed groups were when they were last read whole.
    pub async fn sizes(&self, now: Timestamp) -> Result<Option<KnownSizes>, TableError> {
        self.recall(STATE, "sizes", now).await
    }

    /// Records how large the managed groups are.
    pub async fn set_sizes(&self, sizes: &KnownSizes, now: Timestamp) -> Result<(), TableError> {
        self.write(RowKey::lasting(STATE, "sizes"), sizes, Expect::Anything, now).await.map(drop)
    }

    /// Since when runs are paused, if they are. A pause that is not understood is one.
    pub async fn pause(&self, now: Timestamp) -> Result<Option<Pause>, TableError> {
        Ok(self.read::<Pause>(STATE, "pause", now).await?.map(|read| read.body.unwrap_or(Pause { since: now })))
    }

    /// Pauses runs, or lets them go on. A pause that is set again keeps its beginning.
    pub async fn set_pause(&self, paused: bool, now: Timestamp) -> Result<(), TableError> {
        if !paused {
            return self.table.delete(STATE, "pause", Expect::Anything).await;
        }
        match self.write(RowKey::lasting(STATE, "pause"), &Pause { since: now }, Expect::Absent, now).await {
            Ok(_) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Every pin. Where one is not understood, there are none to rely on: whoever it is of would be taken for a stranger.
    pub async fn pins(&self, now: Timestamp) -> Result<BTreeMap<OktaUserId, UserId>, TableError> {
        let pin = |row: Row| match (OktaUserId::new(&row.sk), serde_json::from_str::<Pin>(&row.body)) {
            (Ok(id), Ok(pin)) => Ok((id, pin.user)),
            (Err(_), _) | (_, Err(_)) => {
                tracing::error!(event = "ledger_row_unreadable", pk = PIN, sk = row.sk, advice = ADVICE);
                Err(not_understood())
            }
        };
        self.table.query(PIN, now).await?.into_iter().map(pin).collect()
    }

    /// The pin of one user.
    pub async fn pin(&self, id: &OktaUserId, now: Timestamp) -> Result<Option<UserId>, TableError> {
        let row = self.read::<Pin>(PIN, id.as_str(), now).await?;
        row.map(|read| read.body.map(|body| body.user).ok_or_else(not_understood)).transpose()
    }

    /// The Okta user that an Identity Center user was found to be.
    pub async fn pinned_to(&self, user: &UserId, now: Timestamp) -> Result<Option<OktaUserId>, TableError> {
        let row = self.read::<Pinned>(PINNED, user.as_str(), now).await?;
        row.map(|read| read.body.map(|body| body.okta_user).ok_or_else(not_understood)).transpose()
    }

    /// Pins an Identity Center user to this Okta user, unless another has it: a pin is never handed on.
    async fn is_free_for(&self, user: &UserId, id: &OktaUserId, now: Timestamp) -> Result<bool, TableError> {
        let row = RowKey::lasting(PINNED, user.as_str());
        match self.write(row, &Pinned { okta_user: id.clone() }, Expect::Absent, now).await {
            Ok(_) => Ok(true),
            Err(TableError::Conflict { .. }) => Ok(self.pinned_to(user, now).await?.as_ref() == Some(id)),
            Err(error) => Err(error),
        }
    }

    /// Pins Okta users to the Identity Center users that they were found to be.
    pub async fn set_pins(&self, pins: &BTreeMap<OktaUserId, UserId>, now: Timestamp) -> Result<(), TableError> {
        let write = |(id, user): (&OktaUserId, &UserId)| {
            let (id, user) = (id.clone(), user.clone());
            async move {
                if self.is_free_for(&user, &id, now).await? {
                    self.write(RowKey::lasting(PIN, id.as_str()), &Pin { user }, Expect::Anything, now).await?;
                }
                Ok::<(), TableError>(())
            }
        };
        stream::iter(pins).map(write).buffer_unordered(CONCURRENCY).try_for_each(|_| async { Ok(()) }).await
    }

    /// Says that these were written to or decided on, so that a longer run under way reads them again.
    pub async fn touch(&self, run: &str, touched: &Touched, now: Timestamp) -> Result<(), TableError> {
        let users = touched.users.iter().map(|id| format!("{USER}{id}"));
        let keys: Vec<String> = touched.groups.iter().map(|id| format!("{GROUP}{id}")).chain(users).collect();
        let write = |key: String| async move {
            let row = RowKey::until(TOUCHED, &key, now + TOUCHED_LIVES);
            self.write(row, &Touch { at: now, run: run.to_owned() }, Expect::Anything, now).await
        };
        stream::iter(keys).map(write).buffer_unordered(CONCURRENCY).try_for_each(|_| async { Ok(()) }).await
    }

    /// What other runs wrote to or decided on since this moment, and when.
    pub(crate) async fn touched_since(&self, since: Timestamp, own_run: &str, now: Timestamp) -> Result<Touches, TableError> {
        let mut touched = Touches::default();
        for row in self.table.query(TOUCHED, now).await? {
            let touch = serde_json::from_str::<Touch>(&row.body).unwrap_or(Touch { at: now, run: String::new() });
            if touch.at < since || touch.run == own_run {
                continue;
            }
            touched.groups.extend(row.sk.strip_prefix(GROUP).and_then(|id| OktaGroupId::new(id).ok()).map(|id| (id, touch.at)));
            touched.users.extend(row.sk.strip_prefix(USER).and_then(|id| OktaUserId::new(id).ok()).map(|id| (id, touch.at)));
        }
        Ok(touched)
    }

    /// Says that a run of this urgency (0 is the most) waits for the lease. One that is more urgent keeps its word.
    pub async fn want_lease(&self, run: &str, urgency: u8, now: Timestamp) -> Result<(), TableError> {
        if self.lease_wanted(now).await?.is_some_and(|wanted| wanted.urgency < urgency) {
            return Ok(());
        }
        let wanted = Wanted { run: run.to_owned(), urgency, until: now + WANTED_LIVES };
        self.write(RowKey::until(STATE, LEASE_WANTED, wanted.until), &wanted, Expect::Anything, now).await.map(drop)
    }

    /// The most urgent run that waits for the lease.
    pub async fn lease_wanted(&self, now: Timestamp) -> Result<Option<Wanted>, TableError> {
        Ok(self.recall::<Wanted>(STATE, LEASE_WANTED, now).await?.filter(|wanted| now < wanted.until))
    }

    /// Whether this chain of runs is the one that goes on with this scope: each takes as long as it takes, and two would only wait for one
    /// another. Without the ledger the schedule goes on.
    pub async fn lead_chain(&self, scope: &str, chain: &str, now: Timestamp) -> bool {
        let key = chain_key(scope);
        match self.recall::<Chain>(STATE, &key, now).await {
            Ok(Some(other)) if other.chain != chain => false,
            Ok(_) => {
                let row = RowKey::until(STATE, &key, now + CHAIN_LIVES);
                self.write(row, &Chain { chain: chain.to_owned() }, Expect::Anything, now).await.is_ok()
            }
            Err(_) => false,
        }
    }

    /// A chain of runs is at its end; another may begin.
    pub async fn end_chain(&self, scope: &str, chain: &str, now: Timestamp) {
        let key = chain_key(scope);
        let is_own = matches!(self.recall::<Chain>(STATE, &key, now).await, Ok(Some(row)) if row.chain == chain);
        if is_own && let Err(error) = self.table.delete(STATE, &key, Expect::Anything).await {
            tracing::warn!(event = "chain_not_ended", error = %error, "it ends by itself");
        }
    }

    /// When a group's members were last read whole and applied.
    pub async fn read_at(&self, group: &OktaGroupId, now: Timestamp) -> Result<Option<Timestamp>, TableError> {
        Ok(self.recall::<Moment>(READ_AT, group.as_str(), now).await?.map(|body| body.at))
    }

    /// Records that a group's members were read whole at this moment, and applied.
    pub async fn set_read_at(&self, group: &OktaGroupId, at: Timestamp, now: Timestamp) -> Result<(), TableError> {
        let row = RowKey::until(READ_AT, group.as_str(), now + TOUCHED_LIVES);
        self.write(row, &Moment { at }, Expect::Anything, now).await.map(drop)
    }
}
