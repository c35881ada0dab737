//! How a token is asked for, how long it is used, and when it is asked for anew.

use std::collections::BTreeSet;

use engine::ports::ReadSource;
use futures::future::join_all;
use serde_json::json;
use sync_core::error::SourceErrorKind;

use super::*;

async fn read(client: &OktaClient) -> Result<(), SourceError> {
    client.list_groups(None).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn an_assertion_signed_by_the_app_asks_for_a_token_and_the_token_is_sent() {
    for (key, public, algorithm) in [(rsa_pem(), rsa_public(), "RS256"), (p256_pem(), p256_public(), "ES256")] {
        let org = org_with_tokens(vec![token("Bearer")]);
        read(&org.client_with(&config(), tokens_of(&org, &app(&key)))).await.unwrap();
        let asked = &token_calls(&org)[0];
        assert_eq!((asked.method, asked.url.as_str()), ("POST", "https://acme.okta.com/oauth2/v1/token"));
        assert_eq!(asked.field("grant_type"), "client_credentials");
        assert_eq!(asked.field("client_assertion_type"), "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
        let (header, claims) = verified(&asked.field("client_assertion"), &public);
        assert_eq!(header, json!({ "typ": "JWT", "alg": algorithm, "kid": KEY_ID }));
        assert_eq!((&claims["iss"], &claims["sub"]), (&json!(CLIENT_ID), &json!(CLIENT_ID)));
        assert_eq!((&claims["aud"], &claims["exp"]), (&json!(asked.url.as_str()), &json!(TestClock::START + 300)));
        assert_eq!((asked.header("authorization"), asked.header("dpop")), (None, None));
        assert_eq!(reads(&org)[0].header("authorization").unwrap(), format!("Bearer {ACCESS_TOKEN}"));
        assert_eq!(reads(&org)[0].header("dpop"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn the_scope_for_apps_is_asked_for_where_apps_are_read() {
    for (reads_apps, scope) in [(false, "okta.groups.read okta.users.read"), (true, "okta.groups.read okta.users.read okta.apps.read")] {
        let org = org_with_tokens(vec![ok(&json!({ "token_type": "Bearer", "access_token": ACCESS_TOKEN }))]);
        let app = ServiceApp { reads_apps, ..app(&p256_pem()) };
        read(&org.client_with(&config(), tokens_of(&org, &app))).await.unwrap();
        assert_eq!(token_calls(&org)[0].field("scope"), scope);
    }
}

#[tokio::test(start_paused = true)]
async fn s32_a_token_is_renewed_before_it_ends_and_not_much_sooner() {
    let org = org_with_tokens(vec![token("Bearer")]);
    let client = client_of(&org);
    for (advance, asked) in [(0, 1), (3_539, 1), (1, 2), (3_539, 2), (10, 3)] {
        tokio::time::advance(Duration::from_secs(advance)).await;
        read(&client).await.unwrap();
        assert_eq!(token_calls(&org).len(), asked, "{advance}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_token_is_what_its_answer_says() {
    for (expires_in, good_for) in [(json!(100), 80), (json!(10), 8), (json!(null), 3_540), (json!(1_000_000), 86_340)] {
        let mut body = json!({ "token_type": "bearer", "access_token": ACCESS_TOKEN });
        if !expires_in.is_null() {
            body["expires_in"] = expires_in.clone();
        }
        let org = org_with_tokens(vec![ok(&body)]);
        let client = client_of(&org);
        for (advance, asked) in [(0, 1), (good_for - 1, 1), (1, 2)] {
            tokio::time::advance(Duration::from_secs(advance)).await;
            read(&client).await.unwrap();
            assert_eq!(token_calls(&org).len(), asked, "{expires_in} after {advance}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn thirty_reads_at_one_time_ask_for_one_token() {
    let org = Org::slow(Duration::from_millis(100), |seen| if is_token_call(seen) { token("Bearer") } else { ok(&json!([])) });
    let client = client_of(&org);
    let ids: Vec<OktaGroupId> = (0..30).map(|n| group_id(&format!("00g{n}"))).collect();
    for result in join_all(ids.iter().map(|id| client.members(id))).await {
        assert!(result.unwrap().is_some());
    }
    assert_eq!((token_calls(&org).len(), reads(&org).len()), (1, 30));
}

#[tokio::test(start_paused = true)]
async fn reads_that_wait_for_a_token_share_its_refusal() {
    for (answer, kind, asked) in
        [(refused(401, "invalid_client"), SourceErrorKind::Unauthorized, 1), (fails(503, "E0000009"), SourceErrorKind::Unavailable, 4)]
    {
        let org = Org::slow(Duration::from_millis(100), move |_| answer.clone());
        let tokens = tokens_of(&org, &app(&p256_pem()));
        let url = Url::parse(ORG).unwrap();
        for result in join_all((0..30).map(|_| tokens.authorize("GET", &url))).await {
            assert_eq!(result.unwrap_err().kind, kind);
        }
        assert_eq!(token_calls(&org).len(), asked, "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_asked_for_again_for_ten_seconds() {
    let org = org_with_tokens(vec![refused(401, "invalid_client"), refused(401, "invalid_client"), token("Bearer")]);
    let client = client_of(&org);
    for (advance, asked, good) in [(0, 1, false), (9, 1, false), (1, 2, false), (10, 3, true)] {
        tokio::time::advance(Duration::from_secs(advance)).await;
        assert_eq!(read(&client).await.is_ok(), good);
        assert_eq!(token_calls(&org).len(), asked, "{advance}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_forgets_a_refusal() {
    let org = org_with_tokens(vec![refused(401, "invalid_client"), token("Bearer")]);
    let tokens = tokens_of(&org, &app(&p256_pem()));
    let url = Url::parse(ORG).unwrap();
    assert!(tokens.authorize("GET", &url).await.is_err());
    tokens.refresh().await.unwrap();
    assert!(tokens.authorize("GET", &url).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn s32_a_token_that_is_refused_midway_is_asked_for_once_more() {
    let n_given = AtomicUsize::new(0);
    let org = Org::answering(move |seen| {
        if is_token_call(seen) {
            let number = n_given.fetch_add(1, Ordering::SeqCst);
            return ok(&json!({ "token_type": "Bearer", "expires_in": 3600, "access_token": format!("token-{number}") }));
        }
        if seen.header("authorization") == Some("Bearer token-0") { fails(401, "E0000011") } else { ok(&json!([])) }
    });
    let client = client_of(&org);
    let ids: Vec<OktaGroupId> = (0..30).map(|n| group_id(&format!("00g{n}"))).collect();
    for result in join_all(ids.iter().map(|id| client.members(id))).await {
        assert!(result.unwrap().is_some());
    }
    assert_eq!(token_calls(&org).len(), 2);
    read(&client).await.unwrap();
    assert_eq!(token_calls(&org).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn s32_a_token_that_stays_refused_stops_the_read() {
    let org = Org::answering(|seen| if is_token_call(seen) { token("Bearer") } else { fails(401, "E0000011") });
    let error = read(&client_of(&org)).await.unwrap_err();
    assert_eq!((error.kind, token_calls(&org).len(), reads(&org).len()), (SourceErrorKind::Unauthorized, 2, 2));
    assert!(error.detail.contains("E0000011") && error.detail.contains("an OAuth app's access token with the app"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_asked_for_four_times_each_with_an_assertion_of_its_own() {
    let broken = || Err(NoAnswer::Broken("connection reset".to_owned()));
    let busy = || refused(400, "temporarily_unavailable");
    for failure in [fails(500, "E0000009"), fails(502, ""), fails(503, ""), fails(504, ""), broken(), Err(NoAnswer::TimedOut), busy()] {
        let org = org_with_tokens(vec![failure.clone()]);
        let error = read(&client_of(&org)).await.unwrap_err();
        assert_eq!((error.kind, error.operation.as_str()), (SourceErrorKind::Unavailable, "POST /oauth2/v1/token"), "{failure:?}");
        assert!(error.detail.ends_with("(after 4 attempts)"), "{error}");
        let ids: BTreeSet<String> =
            token_calls(&org).iter().map(|seen| parts(&seen.field("client_assertion")).1["jti"].to_string()).collect();
        assert_eq!((ids.len(), reads(&org).len()), (4, 0));
        let org = org_with_tokens(vec![failure.clone(), failure.clone(), failure, token("Bearer")]);
        read(&client_of(&org)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn s31_a_rate_limit_of_the_token_endpoint_is_waited_out() {
    let headers = [
        ("date", "Thu, 12 Mar 2026 04:57:45 GMT"),
        ("x-rate-limit-limit", "150"),
        ("x-rate-limit-remaining", "0"),
        ("x-rate-limit-reset", "1773291473"),
    ];
    let org = org_with_tokens(vec![fails_with(429, "E0000047", &headers), token("Bearer")]);
    let began = Instant::now();
    read(&client_of(&org)).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 9, "Reset - Date + 1");
    let org = org_with_tokens(vec![fails(429, "E0000047")]);
    assert_eq!(kind(read(&client_of(&org)).await), SourceErrorKind::Throttled);
    assert_eq!(token_calls(&org).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_holds_no_token_is_malformed() {
    for body in [
        "",
        "<html>sign in</html>",
        "[]",
        r#"{"token_type":"Bearer","expires_in":3600}"#,
        r#"{"access_token":"","token_type":"Bearer"}"#,
        r#"{"access_token":"a b","token_type":"Bearer"}"#,
        r#"{"access_token":"a\nb","token_type":"Bearer"}"#,
        r#"{"access_token":"a"}"#,
        r#"{"access_token":"a","token_type":"mac"}"#,
        r#"{"access_token":"a","token_type":"DPoP"}"#,
        r#"{"access_token":"a","token_type":"Bearer","expires_in":0}"#,
        r#"{"access_token":"a","token_type":"Bearer","expires_in":-1}"#,
        r#"{"access_token":"a","token_type":"Bearer","expires_in":"soon"}"#,
    ] {
        let org = org_with_tokens(vec![Ok(answer(200, body, &[]))]);
        let error = read(&client_of(&org)).await.unwrap_err();
        assert_eq!((error.kind, token_calls(&org).len()), (SourceErrorKind::Malformed, 3), "{body}: {error}");
        let org = org_with_tokens(vec![Ok(answer(200, body, &[])), token("Bearer")]);
        read(&client_of(&org)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_was_cut_is_asked_for_again() {
    let cut = Ok(answer(400, r#"{"error":"invalid_dp"#, &[]));
    let org = org_with_tokens(vec![cut.clone(), refused(400, "invalid_dpop_proof"), token("DPoP")]);
    read(&client_of(&org)).await.unwrap();
    let org = org_with_tokens(vec![cut]);
    assert_eq!((kind(read(&client_of(&org)).await), token_calls(&org).len()), (SourceErrorKind::Malformed, 3));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_wait_for_a_token() {
    let org = Org::slow(Duration::from_secs(20), |_| token("Bearer"));
    let client = client_of(&org).until(Instant::now() + Duration::from_secs(5));
    assert_eq!(kind(client.list_groups(None).await), SourceErrorKind::OutOfTime);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_given_up_leaves_the_token_to_the_next() {
    let org = Org::slow(Duration::from_secs(20), |seen| if is_token_call(seen) { token("Bearer") } else { ok(&json!([])) });
    let client = client_of(&org);
    assert!(client.until(Instant::now() + Duration::from_secs(5)).list_groups(None).await.is_err());
    read(&client).await.unwrap();
    assert_eq!((token_calls(&org).len(), client.calls()), (2, 1), "requests for tokens are not counted as reads");
}
