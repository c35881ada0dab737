//! The loop against a limit of calls, in paused time.

use std::sync::Mutex;

use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sync_core::error::{TargetError, TargetErrorKind};

use super::*;
use crate::errors::About;

/// A limit as AWS keeps it: a bucket that holds a second's worth, and fills evenly.
struct Bucket {
    per_second: f64,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    fn new(per_second: f64) -> Self {
        Self { per_second, state: Mutex::new((per_second, Instant::now())) }
    }

    fn take(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        let now = Instant::now();
        let filled = state.0 + now.duration_since(state.1).as_secs_f64() * self.per_second;
        let left = filled.min(self.per_second);
        let served = left >= 1.0;
        *state = (if served { left - 1.0 } else { left }, now);
        served
    }
}

fn failure(again: Again) -> Failure {
    Failure { error: TargetError::new(TargetErrorKind::Throttled, "ListGroups", "scripted"), again, about: About::Nothing }
}

fn caller() -> Caller {
    Caller::new(Paces::new(19.0, 19.0, 19.0))
}

/// 200 calls by 16 tasks, the APIs in turn; how many were lost, and how long it took. The times that requests are on their way come from a
/// seed.
async fn run(caller: &Caller, apis: &[Api], buckets: &[&Bucket], seed: u64) -> (usize, Duration) {
    let start = Instant::now();
    let dice = Mutex::new(StdRng::seed_from_u64(seed));
    let task = async |task: usize| {
        let mut lost = 0;
        for n in (task..200).step_by(16) {
            let (api, bucket) = (apis[n % apis.len()], buckets[n % buckets.len()]);
            let attempt = || async {
                let on_its_way = Duration::from_millis(dice.lock().unwrap().random_range(5..60));
                tokio::time::sleep(on_its_way).await;
                if bucket.take() { Ok(()) } else { Err(failure(Again::Throttled(None))) }
            };
            lost += usize::from(caller.call(api, attempt).await.is_err());
        }
        lost
    };
    let lost = join_all((0..16).map(task)).await.into_iter().sum();
    (lost, start.elapsed())
}

const FOUR: [Api; 4] = [Api::ListGroupMemberships, Api::CreateGroupMembership, Api::DeleteGroupMembership, Api::ListUsers];

#[tokio::test(start_paused = true)]
async fn s36_twenty_a_second_for_one_api_loses_no_call_and_is_used_well() {
    for seed in 0..20 {
        let (caller, bucket) = (caller(), Bucket::new(20.0));
        let (lost, took) = run(&caller, &FOUR[..1], &[&bucket], seed).await;
        assert_eq!(lost, 0);
        assert_eq!(caller.calls().identity_store, 200, "at 19 a second nothing is throttled");
        assert!(took < Duration::from_secs_f64(1.15 * 10.0), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn s36_twenty_a_second_for_each_api_lets_apis_run_side_by_side() {
    let (caller, buckets) = (caller(), [(); 4].map(|()| Bucket::new(20.0)));
    let (lost, took) = run(&caller, &FOUR, &buckets.each_ref(), 0).await;
    assert_eq!(lost, 0);
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn s36_twenty_a_second_for_all_apis_together_loses_no_call() {
    for seed in 0..20 {
        let (caller, bucket) = (caller(), Bucket::new(20.0));
        let (lost, took) = run(&caller, &FOUR, &[&bucket], seed).await;
        assert_eq!(lost, 0);
        assert!(took < Duration::from_secs(15), "{took:?} for what a perfect client does in 9 s");
    }
}

#[tokio::test(start_paused = true)]
async fn s36_twenty_a_second_for_all_of_sso_admin_loses_no_call_and_is_used_well() {
    let apis = [Api::ListAccountAssignmentsForPrincipal, Api::CreateAccountAssignment, Api::ListAccountAssignmentCreationStatus];
    for seed in 0..20 {
        let (caller, bucket) = (caller(), Bucket::new(20.0));
        let (lost, took) = run(&caller, &apis, &[&bucket], seed).await;
        assert_eq!(lost, 0);
        assert_eq!(caller.calls().sso_admin, 200, "at 19 a second nothing is throttled");
        assert!(took < Duration::from_secs_f64(1.15 * 10.0), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn organizations_that_allows_less_than_was_assumed_loses_no_call() {
    let (caller, bucket) = (caller(), Bucket::new(5.0));
    let (lost, took) = run(&caller, &[Api::ListAccounts, Api::ListTagsForResource], &[&bucket], 0).await;
    assert_eq!(lost, 0);
    assert!(took < Duration::from_secs(60), "{took:?} for what a perfect client does in 39 s");
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_aws_asks_for_holds_for_the_api_too() {
    let caller = caller();
    let (first, start) = (Mutex::new(true), Instant::now());
    let attempt = || async {
        match std::mem::take(&mut *first.lock().unwrap()) {
            true => Err(failure(Again::Throttled(Some(Duration::from_secs(7))))),
            false => Ok(()),
        }
    };
    caller.call(Api::ListGroups, attempt).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(7), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_every_call_ends() {
    for (again, sent) in [(Again::Throttled(None), 10), (Again::Unavailable(None), 4), (Again::Never, 1)] {
        let (caller, start) = (caller(), Instant::now());
        caller.call(Api::ListGroups, || async { Err::<(), _>(failure(again)) }).await.unwrap_err();
        assert_eq!(caller.calls().identity_store, sent, "{again:?}");
        assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_begins_work_is_throttled_soon_and_given_as_many_chances_against_lost_answers() {
    for api in [Api::CreateAccountAssignment, Api::DeleteAccountAssignment] {
        for again in [Again::Throttled(None), Again::Unavailable(None)] {
            let (caller, start) = (caller(), Instant::now());
            caller.call(api, || async { Err::<(), _>(failure(again)) }).await.unwrap_err();
            assert_eq!(caller.calls().sso_admin, 4, "{api:?} {again:?}");
            assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_pacing_sending_and_waiting() {
    let start = Instant::now();
    let deadline = start + Duration::from_secs(2);
    let caller = caller().until(deadline);
    let kind = |answer: Result<(), Failure>| answer.unwrap_err().error.kind;

    let hangs = caller.call(Api::ListUsers, std::future::pending).await;
    assert_eq!((kind(hangs), start.elapsed().as_secs()), (TargetErrorKind::OutOfTime, 2));

    let late = caller.call(Api::ListUsers, || async { Ok(()) }).await;
    assert_eq!(kind(late), TargetErrorKind::OutOfTime);
    assert_eq!(caller.calls().identity_store, 1, "nothing is sent after the deadline");

    let caller = caller.until(start + Duration::from_secs(4));
    let throttled = caller.call(Api::ListGroups, || async { Err::<(), _>(failure(Again::Throttled(None))) }).await.unwrap_err();
    assert_eq!((throttled.error.kind, start.elapsed().as_secs()), (TargetErrorKind::OutOfTime, 4));
    assert!(throttled.error.detail.contains("scripted"), "{}", throttled.error.detail);
}

#[tokio::test(start_paused = true)]
async fn clones_share_counts_and_families_are_counted_apart() {
    let caller = caller();
    let clone = caller.until(Instant::now() + Duration::from_secs(60));
    clone.call(Api::ListInstances, || async { Ok(()) }).await.unwrap();
    clone.call(Api::ListUsers, || async { Ok(()) }).await.unwrap();
    clone.call(Api::ListGroups, || async { Ok(()) }).await.unwrap();
    for api in [Api::ListAccounts, Api::ListRoots, Api::DescribeOrganization] {
        clone.call(api, || async { Ok(()) }).await.unwrap();
    }
    for api in [Api::ScimCreateUser, Api::ScimPatchGroup, Api::ScimPatchGroup, Api::ScimDeleteUser] {
        clone.call(api, || async { Ok(()) }).await.unwrap();
    }
    let expected = TargetCalls { identity_store: 2, sso_admin: 1, organizations: 3, scim: 4, throttled: 0 };
    assert_eq!(caller.calls(), expected);
}
