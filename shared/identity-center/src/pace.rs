//! Pacing in time: [`sync_core::pacing::Pacer`] says when a call may go, and this waits for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sync_core::pacing::Pacer;
use tokio::time::Instant;

use crate::api::{Api, Family};

/// Calls a second for all of Organizations. Its own limits are not known for certain; what is reported is some eight a second for
/// lists, shared by all who ask in the organization. Nothing of this is urgent: accounts are read rarely, and kept.
const ORGANIZATIONS_TPS: f64 = 8.0;

/// One limit of AWS, as it is kept on this side.
#[derive(Debug)]
pub(crate) struct Pace {
    pacer: Mutex<Pacer>,
    /// Held while waiting, so that only the next call in line has a place. A change of the rate then holds for all behind it.
    turn: tokio::sync::Mutex<()>,
    zero: Instant,
}

impl Pace {
    pub(crate) fn new(calls_per_second: f64) -> Self {
        Self { pacer: Mutex::new(Pacer::new(calls_per_second)), turn: tokio::sync::Mutex::new(()), zero: Instant::now() }
    }

    /// Waits, in order of arrival, until one more call may go. A wait that is given up loses its place and nothing else.
    pub(crate) async fn wait(&self) {
        let _turn = self.turn.lock().await;
        let wait = self.pacer().take(self.zero.elapsed());
        tokio::time::sleep(wait).await;
    }

    /// A call was throttled: slower from here on, and nothing for `pause`.
    pub(crate) fn throttled(&self, pause: Duration) {
        self.pacer().throttled(self.zero.elapsed(), pause);
    }

    /// A call was not throttled.
    pub(crate) fn succeeded(&self) {
        self.pacer().succeeded();
    }

    /// A pacer is valid after every step, so a panic elsewhere does not spoil it.
    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The limits: one for each API of the identity store and of the SCIM endpoint, one for all of sso-admin, one for all of Organizations.
#[derive(Debug)]
pub(crate) struct Paces(BTreeMap<Api, Arc<Pace>>);

impl Paces {
    pub(crate) fn new(identity_store_tps: f64, sso_admin_tps: f64, scim_tps: f64) -> Self {
        let sso_admin = Arc::new(Pace::new(sso_admin_tps));
        let organizations = Arc::new(Pace::new(ORGANIZATIONS_TPS));
        let pace = |api: Api| match api.family() {
            Family::IdentityStore => Arc::new(Pace::new(identity_store_tps)),
            Family::SsoAdmin => Arc::clone(&sso_admin),
            Family::Organizations => Arc::clone(&organizations),
            Family::Scim => Arc::new(Pace::new(scim_tps)),
        };
        Self(Api::ALL.iter().map(|api| (*api, pace(*api))).collect())
    }

    /// The limit that this operation counts against.
    pub(crate) fn of(&self, api: Api) -> &Pace {
        self.0.get(&api).expect("Api::ALL names every Api, so each has its Pace")
    }

    /// A call was throttled. All of its family slow down: AWS's quota page has counted each API alone and, before that, all of an
    /// identity store's APIs together, and the answer does not say which it was. Only the API itself pauses. SCIM's have always been
    /// counted each alone, and what throttles a PatchGroup may be its memberships, which is no business of the others.
    pub(crate) fn throttled(&self, api: Api, pause: Duration) {
        if api.family() == Family::Scim {
            return self.of(api).throttled(pause);
        }
        for (other, pace) in self.0.iter().filter(|(other, _)| other.family() == api.family()) {
            pace.throttled(if *other == api { pause } else { Duration::ZERO });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_a_pace() {
        let paces = Paces::new(19.0, 18.0, 17.0);
        for api in Api::ALL {
            let rate = match api.family() {
                Family::IdentityStore => 19.0,
                Family::SsoAdmin => 18.0,
                Family::Organizations => ORGANIZATIONS_TPS,
                Family::Scim => 17.0,
            };
            assert!((paces.of(*api).pacer().rate() - rate).abs() < 1e-9, "{api:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_call_slows_its_family_and_pauses_itself() {
        let paces = Paces::new(20.0, 20.0, 20.0);
        paces.throttled(Api::ListGroups, Duration::from_secs(3));
        assert!((paces.of(Api::CreateGroup).pacer().rate() - 14.0).abs() < 1e-9);
        assert!((paces.of(Api::ListInstances).pacer().rate() - 20.0).abs() < 1e-9);
        let start = Instant::now();
        paces.of(Api::CreateGroup).wait().await;
        assert!(start.elapsed() < Duration::from_millis(5), "{:?}", start.elapsed());
        paces.of(Api::ListGroups).wait().await;
        assert!(start.elapsed() >= Duration::from_secs(3), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_was_given_up_does_not_block_those_behind_it() {
        let pace = Pace::new(1.0);
        pace.wait().await;
        assert!(tokio::time::timeout(Duration::from_millis(10), pace.wait()).await.is_err());
        tokio::time::timeout(Duration::from_secs(3), pace.wait()).await.unwrap();
    }
}
