//! What each read asks for, and what it makes of the answer.

use engine::ports::ReadSource;
use serde_json::{Value, json};
use sync_core::error::SourceErrorKind;
use sync_core::records::UserStatus;

use super::*;

#[tokio::test(start_paused = true)]
async fn the_list_of_groups_asks_for_pages_of_200_with_counts() {
    let mut record = group_json("00g1");
    record["_embedded"] = json!({ "stats": { "usersCount": 4 } });
    let org = Org::giving(vec![ok(&json!([record, group_json("00g2")]))]);
    let groups = org.client().list_groups(None).await.unwrap();
    assert_eq!(groups.items.iter().map(|group| group.users_count).collect::<Vec<_>>(), [Some(4), None]);
    let seen = &org.seen()[0];
    assert_eq!(seen.url.as_str(), "https://acme.okta.com/api/v1/groups?limit=200&expand=stats");
    assert_eq!(seen.header("authorization").unwrap(), format!("SSWS {TOKEN}0"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert!(seen.headers["authorization"].is_sensitive());
    assert_eq!((seen.header("x-okta-retry-for"), seen.header("x-okta-retry-count")), (None, None));
}

fn changed_group(id: &str, last_updated: Value, last_membership_updated: Value) -> Value {
    let mut group = group_json(id);
    group["lastUpdated"] = last_updated;
    group["lastMembershipUpdated"] = last_membership_updated;
    group
}

#[tokio::test(start_paused = true)]
async fn groups_since_a_moment_are_filtered_by_okta_and_again_here() {
    let (before, after) = (json!("2026-01-01T00:00:00.500Z"), json!("2026-01-01T00:00:00.501Z"));
    let org = Org::giving(vec![ok(&json!([
        changed_group("00gOld", before.clone(), before.clone()),
        changed_group("00gRenamed", after.clone(), before.clone()),
        changed_group("00gMembers", before.clone(), after),
        changed_group("00gUntold", before, Value::Null),
        { "id": "00gBad" },
    ]))]);
    let since = "2026-01-01T00:00:00.5Z".parse().unwrap();
    let groups = org.client().list_groups(Some(since)).await.unwrap();
    let ids: Vec<&str> = groups.items.iter().map(|group| group.id.as_str()).collect();
    assert_eq!(ids, ["00gRenamed", "00gMembers", "00gUntold"]);
    assert_eq!(groups.bad[0].id.as_deref(), Some("00gBad"));
    let expected = r#"lastMembershipUpdated gt "2026-01-01T00:00:00.500Z" or lastUpdated gt "2026-01-01T00:00:00.500Z""#;
    assert_eq!(org.seen()[0].query("filter").unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn where_the_filter_is_refused_the_whole_list_is_read_and_filtered_here() {
    let (before, after) = (json!("2026-01-01T00:00:00Z"), json!("2026-01-01T00:00:02Z"));
    let groups = json!([changed_group("00gOld", before.clone(), before.clone()), changed_group("00gNew", before, after)]);
    let org = Org::answering(move |seen| if seen.query("filter").is_some() { fails(400, "E0000031") } else { ok(&groups) });
    let groups = org.client().list_groups(Some("2026-01-01T00:00:01Z".parse().unwrap())).await.unwrap();
    assert_eq!(groups.items.iter().map(|group| group.id.as_str()).collect::<Vec<_>>(), ["00gNew"]);
    assert_eq!(org.seen().len(), 2, "an answer that would be the same is asked for once");
}

#[tokio::test(start_paused = true)]
async fn users_that_changed_are_filtered_by_okta_whatever_their_status() {
    let org = Org::giving(vec![ok(&json!([
        { "id": "00u1", "status": "DEPROVISIONED", "statusChanged": "2026-01-01T00:00:01.000Z", "profile": { "login": "ada@example.com" } },
        { "id": "00u2", "profile": { "login": "bob@example.com" } },
        { "id": "00u3", "status": "ACTIVE", "statusChanged": null, "profile": { "login": "cleo@example.com" } },
    ]))]);
    let users = org.client().changed_users("2026-01-01T00:00:00.5Z".parse().unwrap()).await.unwrap();
    let changed = |index: usize| (users.items[index].user.id.as_str(), &users.items[index].user.status, users.items[index].status_changed);
    assert_eq!(changed(0), ("00u1", &UserStatus::Deprovisioned, Some("2026-01-01T00:00:01Z".parse().unwrap())));
    assert_eq!(changed(1), ("00u3", &UserStatus::Active, None));
    assert_eq!(users.bad[0].id.as_deref(), Some("00u2"), "a record that is none is said to be one");
    let seen = &org.seen()[0];
    assert_eq!((seen.url.path(), seen.query("limit").unwrap().as_str()), ("/api/v1/users", "200"));
    assert_eq!(seen.query("filter").unwrap(), r#"lastUpdated gt "2026-01-01T00:00:00.500Z""#);
}

#[tokio::test(start_paused = true)]
async fn a_group_is_read_by_id_with_its_count() {
    let org = Org::giving(vec![ok(&group_json("00g1"))]);
    let group = org.client().group(&group_id("00g1")).await.unwrap().unwrap();
    assert_eq!((group.name.as_str(), group.users_count), ("AWS-00g1", None));
    assert_eq!(org.seen()[0].url.as_str(), "https://acme.okta.com/api/v1/groups/00g1?expand=stats");
}

#[tokio::test(start_paused = true)]
async fn s30_only_oktas_own_word_makes_an_object_not_exist() {
    let org = Org::giving(vec![fails(404, "E0000007")]);
    let client = org.client();
    assert_eq!(client.group(&group_id("00g1")).await, Ok(None));
    assert_eq!(client.members(&group_id("00g1")).await, Ok(None));
    assert_eq!(client.user("00u1").await, Ok(None));
    assert_eq!(client.user("ada@example.com").await, Ok(None));
    assert_eq!(client.groups_of_user(&user_id("00u1")).await, Ok(None));
    for other in [fails(404, "E0000008"), fails(404, ""), Ok(answer(404, "<html>no such host</html>", &[])), Ok(answer(404, "", &[]))] {
        let client = Org::giving(vec![other]).client();
        assert_eq!(kind(client.group(&group_id("00g1")).await), SourceErrorKind::NotFound);
        assert_eq!(kind(client.members(&group_id("00g1")).await), SourceErrorKind::NotFound);
        assert_eq!(kind(client.user("00u1").await), SourceErrorKind::NotFound);
        assert_eq!(kind(client.groups_of_user(&user_id("00u1")).await), SourceErrorKind::NotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn a_404_for_a_list_is_a_wrong_setting_and_names_it() {
    let client = Org::giving(vec![fails(404, "E0000007")]).client();
    let error = client.list_groups(None).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::NotFound);
    assert!(error.detail.ends_with("there is nothing at this address: correct okta.org_url"), "{error}");
    let error = client.app_groups("0oa1").await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::NotFound);
    assert!(error.detail.ends_with("correct groups.app_id and okta.org_url"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn members_are_of_every_status() {
    let mut suspended = user_json("00u2");
    suspended["status"] = json!("SUSPENDED");
    let org = Org::giving(vec![ok(&json!([user_json("00u1"), suspended]))]);
    let members = org.client().members(&group_id("00g1")).await.unwrap().unwrap();
    let statuses: Vec<UserStatus> = members.items.into_iter().map(|user| user.status).collect();
    assert_eq!(statuses, [UserStatus::Active, UserStatus::Suspended]);
    assert_eq!(org.seen()[0].url.as_str(), "https://acme.okta.com/api/v1/groups/00g1/users?limit=200");
}

#[tokio::test(start_paused = true)]
async fn s16_a_broken_record_is_set_aside_and_the_other_eleven_are_there() {
    let mut records: Vec<Value> = (0..11).map(|n| user_json(&format!("00u{n}"))).collect();
    records.insert(5, json!({ "id": "00uBad", "status": "ACTIVE", "profile": null }));
    let members = Org::giving(vec![ok(&json!(records))]).client().members(&group_id("00g1")).await.unwrap().unwrap();
    assert_eq!(members.items.len(), 11);
    assert_eq!(members.bad.len(), 1);
    assert_eq!(members.bad[0].id.as_deref(), Some("00uBad"));
    assert_eq!(members.bad[0].problem, "profile is missing or null, not a record");
}

#[tokio::test(start_paused = true)]
async fn a_user_is_read_by_id_or_login_and_must_be_the_one_asked_for() {
    let org = Org::giving(vec![ok(&user_json("00u1"))]);
    let client = org.client();
    for name in ["00u1", "00u1@example.com", "00U1@EXAMPLE.COM"] {
        assert_eq!(client.user(name).await.unwrap().unwrap().id, user_id("00u1"), "{name}");
    }
    assert_eq!(kind(client.user("me").await), SourceErrorKind::Malformed);
    assert_eq!(kind(client.user("00u2").await), SourceErrorKind::Malformed);
    assert_eq!(org.seen()[1].url.path(), "/api/v1/users/00u1@example.com");
    assert_eq!(kind(client.user("").await), SourceErrorKind::Rejected);
    assert_eq!(client.calls(), 5, "nothing is sent for what is no name");
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_another_group_is_not_believed() {
    let client = Org::giving(vec![ok(&group_json("00g2"))]).client();
    assert_eq!(kind(client.group(&group_id("00g1")).await), SourceErrorKind::Malformed);
}

#[tokio::test(start_paused = true)]
async fn a_single_object_that_is_no_record_is_an_error_and_not_an_absence() {
    for body in [json!(null), json!([]), json!({}), json!({ "id": "00g1" })] {
        let client = Org::giving(vec![ok(&body)]).client();
        assert_eq!(kind(client.group(&group_id("00g1")).await), SourceErrorKind::Malformed, "{body}");
        assert_eq!(kind(client.user("00u1").await), SourceErrorKind::Malformed, "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_groups_of_a_user_are_of_every_type() {
    let mut everyone = group_json("00gE");
    everyone["type"] = json!("BUILT_IN");
    let org = Org::giving(vec![ok(&json!([everyone, group_json("00g1")]))]);
    let groups = org.client().groups_of_user(&user_id("00u1")).await.unwrap().unwrap();
    assert_eq!(groups.items.len(), 2);
    assert_eq!(org.seen()[0].url.as_str(), "https://acme.okta.com/api/v1/users/00u1/groups");
}

#[tokio::test(start_paused = true)]
async fn the_groups_of_an_app_are_ids_and_one_without_an_id_fails_the_list() {
    let org = Org::giving(vec![ok(&json!([{ "id": "00g2", "profile": {} }, { "id": "00g1" }]))]);
    let groups = org.client().app_groups("0oa1").await.unwrap();
    assert_eq!(groups.into_iter().collect::<Vec<_>>(), [group_id("00g1"), group_id("00g2")]);
    assert_eq!(org.seen()[0].url.as_str(), "https://acme.okta.com/api/v1/apps/0oa1/groups?limit=200");
    let client = Org::giving(vec![ok(&json!([{ "id": "00g1" }, { "id": null }]))]).client();
    assert_eq!(kind(client.app_groups("0oa1").await), SourceErrorKind::Malformed);
}

#[tokio::test(start_paused = true)]
async fn s05_a_missing_role_is_an_error_that_names_it_and_never_an_empty_list() {
    for refusal in [fails(403, "E0000006"), fails(403, "E0000005"), fails(401, "E0000015"), Ok(answer(403, "<html>", &[]))] {
        let org = Org::giving(vec![refusal]);
        let client = org.client();
        let detail = |error: SourceError| {
            assert_eq!(error.kind, SourceErrorKind::Forbidden);
            assert!(error.detail.contains("Read-only Administrator"), "{error}");
            error.detail
        };
        assert!(detail(client.list_groups(None).await.unwrap_err()).contains("the scope okta.groups.read"));
        assert!(detail(client.members(&group_id("00g1")).await.unwrap_err()).contains("the scope okta.groups.read"));
        assert!(detail(client.user("00u1").await.unwrap_err()).contains("the scope okta.users.read"));
        assert!(detail(client.groups_of_user(&user_id("00u1")).await.unwrap_err()).contains("the scope okta.users.read"));
        assert!(detail(client.app_groups("0oa1").await.unwrap_err()).contains("the scope okta.apps.read"));
        assert_eq!(org.seen().len(), 5, "none of them is repeated");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_no_list_is_malformed() {
    for body in [json!({}), json!(null), json!("x"), json!({ "errorCode": "E0000006" })] {
        let org = Org::giving(vec![ok(&body)]);
        assert_eq!(kind(org.client().list_groups(None).await), SourceErrorKind::Malformed, "{body}");
        assert_eq!(org.seen().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_counts_and_clones_count_together() {
    let org = Org::giving(vec![fails(500, "E0000009"), ok(&json!([]))]);
    let client = org.client();
    client.until(Instant::now() + Duration::from_secs(60)).list_groups(None).await.unwrap();
    assert_eq!(client.calls(), 2, "the one that was repeated too");
}
