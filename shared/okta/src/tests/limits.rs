//! Rate limits and deadlines, in paused time.

use std::collections::BTreeMap;

use engine::ports::ReadSource;
use futures::future::join_all;
use serde_json::json;
use sync_core::error::SourceErrorKind;

use super::*;

/// 2015-10-21 07:28:00 UTC.
const EPOCH: u64 = 1_445_412_480;

/// An org that counts requests in windows of a minute which begin at an odd second, and refuses what is over the limit. Its
/// clock is off from ours by years.
struct Limited {
    limit: u64,
    began: Instant,
    counts: Mutex<BTreeMap<u64, u64>>,
}

impl Limited {
    fn new(limit: u64) -> Arc<Self> {
        Arc::new(Self { limit, began: Instant::now(), counts: Mutex::default() })
    }

    fn answer(&self) -> Result<Answer, NoAnswer> {
        let now = EPOCH + 17 + self.began.elapsed().as_secs();
        let window = now / 60;
        let used = {
            let mut counts = self.counts.lock().unwrap();
            let used = counts.entry(window).or_default();
            *used += 1;
            *used
        };
        let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(now));
        let (limit, remaining) = (self.limit.to_string(), self.limit.saturating_sub(used).to_string());
        let reset = ((window + 1) * 60).to_string();
        let headers = [
            ("date", date.as_str()),
            ("x-rate-limit-limit", &limit),
            ("x-rate-limit-remaining", &remaining),
            ("x-rate-limit-reset", &reset),
        ];
        if used > self.limit { fails_with(429, "E0000047", &headers) } else { ok_with(&json!([]), &headers) }
    }

    fn used(&self) -> Vec<u64> {
        self.counts.lock().unwrap().values().copied().collect()
    }
}

async fn read_many(client: &OktaClient, n_groups: usize) {
    let ids: Vec<OktaGroupId> = (0..n_groups).map(|n| group_id(&format!("00g{n}"))).collect();
    for result in join_all(ids.iter().map(|id| client.members(id))).await {
        assert!(result.unwrap().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn s31_1500_reads_stay_within_eight_tenths_of_600_a_minute_and_are_never_refused() {
    let limited = Limited::new(600);
    let server = Arc::clone(&limited);
    let org = Org::slow(Duration::from_millis(100), move |_| server.answer());
    let (client, began) = (org.client(), Instant::now());
    read_many(&client, 1500).await;
    assert_eq!(client.calls(), 1500, "none was refused and so none repeated");
    assert!(limited.used().iter().all(|used| *used <= 480), "{:?}", limited.used());
    assert_eq!(limited.used()[..3], [480, 480, 480], "and the share is used");
    assert!(began.elapsed() < Duration::from_secs(43 + 120 + 15), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn s31_a_limit_of_ten_leaves_two_to_others() {
    let limited = Limited::new(10);
    let server = Arc::clone(&limited);
    let org = Org::slow(Duration::from_millis(100), move |_| server.answer());
    read_many(&org.client(), 20).await;
    assert_eq!(limited.used(), [8, 8, 4]);
}

#[tokio::test(start_paused = true)]
async fn s31_a_429_storm_by_others_is_waited_out_once_for_all() {
    let limited = Limited::new(600);
    limited.counts.lock().unwrap().insert((EPOCH + 17) / 60, 600);
    let server = Arc::clone(&limited);
    let org = Org::slow(Duration::from_millis(100), move |_| server.answer());
    let (client, began) = (org.client(), Instant::now());
    read_many(&client, 100).await;
    assert_eq!((client.calls(), client.throttled()), (101, 1), "one was refused, and told the others");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn at_most_eight_requests_are_in_flight() {
    let org = Org::slow(Duration::from_millis(100), |_| ok(&json!([])));
    let (client, began) = (org.client(), Instant::now());
    read_many(&client, 81).await;
    assert_eq!(org.most_in_flight.load(Ordering::SeqCst), 8);
    assert_eq!(began.elapsed(), Duration::from_millis(1100), "one that learns about the bucket, and ten times eight");
}

#[tokio::test(start_paused = true)]
async fn too_many_at_one_time_is_a_short_pause() {
    let headers = [
        ("date", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ("x-rate-limit-limit", "0"),
        ("x-rate-limit-remaining", "0"),
        ("x-rate-limit-reset", "1445412540"),
    ];
    let org = Org::giving(vec![fails_with(429, "E0000047", &headers), ok(&json!([]))]);
    let began = Instant::now();
    org.client().list_groups(None).await.unwrap();
    assert!((Duration::from_millis(500)..=Duration::from_millis(1001)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_429_without_headers_is_repeated_with_growing_pauses() {
    let org = Org::giving(vec![fails(429, "E0000047")]);
    let error = org.client().list_groups(None).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Throttled);
    assert!(error.detail.ends_with("(after 4 attempts)"), "{error}");
    let times: Vec<Instant> = org.seen().iter().map(|seen| seen.at).collect();
    let pauses: Vec<u128> = times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    for (pause, least) in pauses.iter().zip([500, 1000, 2000]) {
        assert!((least..=2 * least + 1).contains(pause), "{pauses:?}");
    }
}

fn throttled_for_40_seconds() -> Result<Answer, NoAnswer> {
    let headers = [
        ("date", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ("x-rate-limit-limit", "600"),
        ("x-rate-limit-remaining", "0"),
        ("x-rate-limit-reset", "1445412520"),
    ];
    fails_with(429, "E0000047", &headers)
}

#[tokio::test(start_paused = true)]
async fn s31_a_wait_that_does_not_fit_the_deadline_is_told_at_once() {
    let org = Org::giving(vec![throttled_for_40_seconds(), ok(&json!([]))]);
    let (client, began) = (org.client(), Instant::now());
    let error = client.until(began + Duration::from_secs(30)).list_groups(None).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Throttled);
    assert!(error.detail.contains("in 41 s, and this run has 30 s left"), "{error}");
    assert_eq!(began.elapsed(), Duration::ZERO);
    client.until(began + Duration::from_secs(42)).list_groups(None).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 41);
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_deadline_is_out_of_time() {
    let org = Org::slow(Duration::from_secs(20), |_| ok(&json!([])));
    let (client, began) = (org.client(), Instant::now());
    assert_eq!(kind(client.until(began + Duration::from_secs(5)).list_groups(None).await), SourceErrorKind::OutOfTime);
    assert_eq!(began.elapsed(), Duration::from_secs(5));
    client.list_groups(None).await.expect("another run has its own time, and the slot is free again");
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_nothing_is_sent() {
    let org = Org::giving(vec![ok(&json!([]))]);
    assert_eq!(kind(org.client().until(Instant::now()).list_groups(None).await), SourceErrorKind::OutOfTime);
    assert_eq!(org.seen().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_does_not_fit_gives_the_error_itself() {
    let org = Org::giving(vec![fails(503, "E0000009")]);
    let error = org.client().until(Instant::now() + Duration::from_millis(400)).list_groups(None).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Unavailable);
    assert!(error.detail.ends_with("(and no time is left to try again)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_given_up_does_not_hold_its_slot_or_its_bucket() {
    let org = Org::slow(Duration::from_secs(20), |_| ok(&json!([])));
    let client = org.client();
    for _ in 0..20 {
        let given_up = tokio::time::timeout(Duration::from_secs(1), client.list_groups(None)).await;
        assert!(given_up.is_err());
    }
    client.list_groups(None).await.unwrap();
}
