//! What is sent again, how often, and with what.

use engine::ports::ReadSource;
use futures::future::join_all;
use serde_json::json;
use sync_core::error::SourceErrorKind;

use super::*;

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_sent_four_times_at_most() {
    let broken = || Err(NoAnswer::Broken("connection reset".to_owned()));
    for failure in [fails(500, "E0000009"), fails(502, ""), fails(503, ""), fails(504, ""), broken(), Err(NoAnswer::TimedOut)] {
        let org = Org::giving(vec![failure.clone()]);
        let error = org.client().list_groups(None).await.unwrap_err();
        assert_eq!((error.kind, org.seen().len()), (SourceErrorKind::Unavailable, 4), "{failure:?}");
        assert!(error.detail.ends_with("(after 4 attempts)"), "{error}");
        let org = Org::giving(vec![failure.clone(), failure.clone(), failure, ok(&json!([]))]);
        assert_eq!(org.client().list_groups(None).await.unwrap().items.len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_that_cannot_be_read_is_sent_three_times() {
    for body in ["", "[", "[{}", "<html>sign in</html>", "[] []", "\u{0}"] {
        let org = Org::giving(vec![Ok(answer(200, body, &[]))]);
        let error = org.client().list_groups(None).await.unwrap_err();
        assert_eq!((error.kind, org.seen().len()), (SourceErrorKind::Malformed, 3), "{body:?}");
        let org = Org::giving(vec![Ok(answer(200, body, &[])), Ok(answer(200, body, &[])), ok(&json!([]))]);
        assert!(org.client().list_groups(None).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn what_will_not_pass_is_sent_once() {
    for (failure, expected) in [
        (fails(400, "E0000001"), SourceErrorKind::Rejected),
        (fails(400, "E0000031"), SourceErrorKind::Rejected),
        (fails(403, "E0000006"), SourceErrorKind::Forbidden),
        (fails(404, "E0000008"), SourceErrorKind::NotFound),
        (fails(405, "E0000022"), SourceErrorKind::Rejected),
        (fails(423, "E0000239"), SourceErrorKind::Rejected),
        (fails(501, "E0000060"), SourceErrorKind::Unavailable),
        (Ok(answer(302, "", &[("location", "https://other.okta.com/")])), SourceErrorKind::Rejected),
        (Ok(answer(204, "", &[])), SourceErrorKind::Malformed),
        (Err(NoAnswer::TooLarge), SourceErrorKind::Malformed),
    ] {
        let org = Org::giving(vec![failure.clone()]);
        assert_eq!(kind(org.client().list_groups(None).await), expected, "{failure:?}");
        assert_eq!(org.seen().len(), 1, "{failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeat_says_what_it_repeats() {
    let with_id = |id: &str| fails_with(503, "E0000009", &[("x-okta-request-id", id)]);
    let org = Org::giving(vec![with_id("first"), with_id("second"), Err(NoAnswer::TimedOut), ok(&json!([]))]);
    org.client().list_groups(None).await.unwrap();
    let told: Vec<_> = org
        .seen()
        .iter()
        .map(|seen| (seen.header("x-okta-retry-for").map(str::to_owned), seen.header("x-okta-retry-count").map(str::to_owned)))
        .collect();
    let first = || Some("first".to_owned());
    let count = |n: u32| Some(n.to_string());
    assert_eq!(told, [(None, None), (first(), count(1)), (first(), count(2)), (first(), count(3))]);
}

#[tokio::test(start_paused = true)]
async fn s32_an_expired_token_is_renewed_once_and_the_read_goes_on() {
    for code in ["E0000011", "E0000004"] {
        let org = Org::answering(move |seen| {
            if seen.header("authorization").unwrap().ends_with('0') { fails(401, code) } else { ok(&json!([group_json("00g1")])) }
        });
        let token = Arc::new(Token::default());
        let client = org.client_with(&config(), Arc::clone(&token) as Arc<dyn CredentialProvider>);
        assert_eq!(client.list_groups(None).await.unwrap().items.len(), 1);
        assert_eq!((org.seen().len(), token.n_refreshed.load(Ordering::SeqCst)), (2, 1));
        assert_eq!(org.seen()[1].header("authorization").unwrap(), format!("SSWS {TOKEN}1"));
    }
}

#[tokio::test(start_paused = true)]
async fn s32_reads_that_are_refused_together_renew_once() {
    let org = Org::slow(Duration::from_millis(100), |seen| {
        if seen.header("authorization").unwrap().ends_with('0') { fails(401, "E0000011") } else { ok(&json!([])) }
    });
    let token = Arc::new(Token::default());
    let client = org.client_with(&config(), Arc::clone(&token) as Arc<dyn CredentialProvider>);
    let ids: Vec<OktaGroupId> = (0..30).map(|n| group_id(&format!("00g{n}"))).collect();
    for result in join_all(ids.iter().map(|id| client.members(id))).await {
        assert!(result.unwrap().is_some());
    }
    assert_eq!((client.calls(), token.n_refreshed.load(Ordering::SeqCst)), (31, 1), "and what was waiting is sent with the new one");
}

#[tokio::test(start_paused = true)]
async fn s32_a_token_that_stays_refused_stops_the_read() {
    for refusal in [fails(401, "E0000011"), fails(401, "E0000004"), fails(401, "E9999999"), Ok(answer(401, "<html>", &[]))] {
        let org = Org::giving(vec![refusal]);
        let token = Arc::new(Token::default());
        let client = org.client_with(&config(), Arc::clone(&token) as Arc<dyn CredentialProvider>);
        let error = client.list_groups(None).await.unwrap_err();
        assert_eq!((error.kind, org.seen().len()), (SourceErrorKind::Unauthorized, 2));
        assert_eq!(token.n_refreshed.load(Ordering::SeqCst), 1);
        assert!(error.detail.contains("put a new one into the Okta secret"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn s32_a_token_that_stays_refused_is_not_sent_for_every_read_and_its_successor_is_found() {
    let revoked = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_revoked = Arc::clone(&revoked);
    let org = Org::answering(move |_| if is_revoked.load(Ordering::SeqCst) { fails(401, "E0000011") } else { ok(&json!([])) });
    let token = Arc::new(Token::default());
    let client = org.client_with(&config(), Arc::clone(&token) as Arc<dyn CredentialProvider>);
    for n in 0..300 {
        let error = client.members(&group_id(&format!("00g{n}"))).await.unwrap_err();
        assert_eq!(error.kind, SourceErrorKind::Unauthorized);
    }
    assert_eq!((org.seen().len(), token.n_refreshed.load(Ordering::SeqCst)), (2, 1), "and then nobody asks");
    revoked.store(false, Ordering::SeqCst);
    let client = client.until(Instant::now() + Duration::from_secs(60));
    assert!(client.members(&group_id("00g1")).await.is_ok(), "the secret was mended, and the next run asks");
    revoked.store(true, Ordering::SeqCst);
    client.members(&group_id("00g1")).await.unwrap_err();
    assert_eq!(token.n_refreshed.load(Ordering::SeqCst), 2, "what was accepted and is refused later is renewed as ever");
}

#[tokio::test(start_paused = true)]
async fn s32_a_token_that_stays_refused_is_renewed_again_when_the_refusal_has_held() {
    let org = Org::giving(vec![fails(401, "E0000011")]);
    let token = Arc::new(Token::default());
    let client = org.client_with(&config(), Arc::clone(&token) as Arc<dyn CredentialProvider>);
    for n_renewed in 1..=3 {
        for _ in 0..5 {
            client.list_groups(None).await.unwrap_err();
        }
        assert_eq!((org.seen().len(), token.n_refreshed.load(Ordering::SeqCst)), (2 * n_renewed, n_renewed));
        tokio::time::advance(Duration::from_secs(10)).await;
    }
}

/// A credential that cannot be read.
struct Broken;

impl CredentialProvider for Broken {
    fn authorize<'a>(&'a self, _: &'a str, _: &'a Url) -> BoxFuture<'a, Result<Authorization, SourceError>> {
        Box::pin(async { Err(SourceError::new(SourceErrorKind::Unavailable, "GetSecretValue", "the secret could not be read")) })
    }

    fn refresh(&self) -> BoxFuture<'_, Result<(), SourceError>> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_credential_nothing_is_sent() {
    let org = Org::giving(vec![ok(&json!([]))]);
    let client = org.client_with(&config(), Arc::new(Broken));
    let error = client.list_groups(None).await.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (SourceErrorKind::Unavailable, "GetSecretValue"));
    assert_eq!((org.seen().len(), client.calls()), (0, 0));
}
