//! Recorded exchanges with real orgs, played back.

use std::path::PathBuf;

use engine::ports::ReadSource;
use serde::Deserialize;
use sync_core::error::SourceErrorKind;
use sync_core::records::GroupType;

use super::*;
use crate::link::next_page;

#[derive(Deserialize)]
pub(super) struct Recording {
    request: RecordedRequest,
    response: RecordedResponse,
}

#[derive(Deserialize)]
struct RecordedRequest {
    url: String,
}

#[derive(Deserialize)]
struct RecordedResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Recording {
    pub(super) fn answer(&self) -> Answer {
        let headers: Vec<(&str, &str)> = self.response.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        answer(self.response.status, self.response.body.as_deref().unwrap_or_default(), &headers)
    }

    /// An org that gives this answer to every request.
    fn org(&self) -> Arc<Org> {
        Org::giving(vec![Ok(self.answer())])
    }

    /// The last but `n` segment of its path.
    fn segment(&self, n: usize) -> String {
        Url::parse(&self.request.url).unwrap().path_segments().unwrap().rev().nth(n).unwrap().to_owned()
    }
}

/// The folder of the recordings; `None`, said aloud, where there is none.
#[expect(clippy::disallowed_methods, reason = "the recordings are outside of the project, and only tests read them")]
fn folder() -> Option<PathBuf> {
    let Ok(root) = std::env::var("LOCKSTEP_RECORDINGS") else {
        eprintln!("SKIPPED: LOCKSTEP_RECORDINGS is not set, so no recording was played back");
        return None;
    };
    Some(PathBuf::from(root).join("okta-http"))
}

pub(super) fn recording(name: &str) -> Option<Recording> {
    let text = std::fs::read_to_string(folder()?.join(format!("{name}.json"))).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

#[tokio::test(start_paused = true)]
async fn recorded_members_and_users_are_records() {
    let Some(one_member) = recording("18-group-users-one-member") else { return };
    let members = one_member.org().client().members(&group_id("00gsf7bj3rH2d9PvL4x6")).await.unwrap().unwrap();
    assert_eq!((members.items.len(), members.bad.len()), (1, 0));
    assert_eq!(members.items[0].status.as_str(), "STAGED");
    for name in ["55-stale-read-3-get-empty", "56-stale-read-4-get-empty", "45-users-with-dpop-200"] {
        let members = recording(name).unwrap().org().client().members(&group_id("00g1")).await.unwrap().unwrap();
        assert_eq!((members.items.len(), members.bad.len()), (0, 0), "{name}");
    }
    let mixed = recording("09-users-list-mixed-statuses").unwrap().org().client().members(&group_id("00g1")).await.unwrap().unwrap();
    assert_eq!(mixed.bad.len(), 0);
    let statuses: std::collections::BTreeSet<&str> = mixed.items.iter().map(|user| user.status.as_str()).collect();
    assert!(statuses.contains("ACTIVE") && statuses.contains("RECOVERY"), "{statuses:?}");
    assert!(mixed.items.iter().all(|user| user.user_name.as_deref() == Some(user.login.as_str()) && user.login.contains('@')));
    for (name, status) in [("10-users-filter-suspended", "SUSPENDED"), ("11-users-filter-active", "ACTIVE")] {
        let users = recording(name).unwrap().org().client().members(&group_id("00g1")).await.unwrap().unwrap();
        assert!(!users.items.is_empty() && users.items.iter().all(|user| user.status.as_str() == status), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn recorded_single_users_are_found_by_id_and_by_login() {
    for name in ["04-user-get-by-id", "05-user-get-by-login"] {
        let Some(recording) = recording(name) else { return };
        let user = recording.org().client().user(&recording.segment(0)).await.unwrap().unwrap();
        assert_eq!(user.id, user_id("00usfhrjbkppPBkoY4x6"), "{name}");
        assert_eq!(user.status.as_str(), "STAGED", "{name}");
    }
    let gone = recording("06-user-get-404").unwrap();
    assert_eq!(gone.org().client().user(&gone.segment(0)).await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn recorded_groups_are_records() {
    let Some(single) = recording("17-group-get-by-id") else { return };
    let group = single.org().client().group(&group_id(&single.segment(0))).await.unwrap().unwrap();
    assert_eq!((group.kind, group.users_count), (GroupType::OktaGroup, None));
    assert!(group.last_updated.is_some() && group.last_membership_updated.is_some());
    for name in ["13-groups-list-default-limit", "15-groups-filter-built-in"] {
        let groups = recording(name).unwrap().org().client().list_groups(None).await.unwrap();
        assert!(!groups.items.is_empty() && groups.bad.is_empty(), "{name}: {:?}", groups.bad);
    }
    let of_user = recording("12-user-groups").unwrap();
    let groups = of_user.org().client().groups_of_user(&user_id(&of_user.segment(1))).await.unwrap().unwrap();
    assert!(groups.items.iter().any(|group| group.kind == GroupType::BuiltIn) && groups.bad.is_empty());
    let of_app = recording("23-app-groups").unwrap();
    let ids = of_app.org().client().app_groups(&of_app.segment(1)).await.unwrap();
    assert!(ids.contains(&group_id("00gsfd0d1jP3JpPr74x6")));
}

#[test]
fn recorded_links_lead_to_the_next_page() {
    for (name, org, after) in [
        ("01-users-list-page1-next-only", "https://test.okta.com", Some("000usfdsyqnIjEmHNm4x6")),
        ("02-users-list-page2", "https://test.okta.com", Some("000usfgmn9xhwtA6f74x6")),
        ("25-apps-list-next", "https://dev-20982288.okta.com", Some("0oanwlw0so3WcfOQi5d7")),
        ("28-app-users-pagination-page1", "https://okta-test.okta.com", Some("0uabjltuhb3i1DFvQ0x7")),
        ("31-users-pagination-9-pages-p1", "https://okta-test.okta.com", Some("200u3c0kdjah7fmnvO0x7")),
        ("10-users-filter-suspended", "https://test.okta.com", None),
        ("12-user-groups", "https://test.okta.com", None),
        ("23-app-groups", "https://test.okta.com", None),
    ] {
        let Some(recording) = recording(name) else { return };
        let next = next_page(&recording.answer().headers, &Url::parse(org).unwrap()).unwrap();
        let cursor = next.and_then(|url| url.query_pairs().find(|(key, _)| key == "after").map(|(_, value)| value.into_owned()));
        assert_eq!(cursor.as_deref(), after, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn recorded_links_to_another_host_than_the_org_are_refused() {
    let Some(recording) = recording("25-apps-list-next") else { return };
    let error = recording.org().client().app_groups("0oa1").await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Malformed);
    assert!(error.detail.contains("https://dev-20982288.okta.com"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn recorded_errors_are_of_the_right_kind() {
    for (name, expected, calls) in [
        ("26-apps-bad-cursor-400", SourceErrorKind::LostCursor, 2),
        ("27-apps-bad-expand-400", SourceErrorKind::Rejected, 1),
        ("33-429-agentpools", SourceErrorKind::Throttled, 4),
        ("35-429-apps-features-again", SourceErrorKind::Throttled, 4),
        ("36-401-invalid-token", SourceErrorKind::Unauthorized, 2),
        ("37-401-authentication-failed", SourceErrorKind::Unauthorized, 2),
        ("39-403-not-allowed-in-status", SourceErrorKind::Forbidden, 1),
        ("40-423-locked", SourceErrorKind::Rejected, 1),
        ("42-token-dpop-proof-missing-400", SourceErrorKind::Rejected, 1),
        ("43-token-use-dpop-nonce-400", SourceErrorKind::Rejected, 1),
        ("52-saml-metadata", SourceErrorKind::Malformed, 3),
        ("21-group-delete-204", SourceErrorKind::Malformed, 1),
    ] {
        let Some(recording) = recording(name) else { return };
        let org = recording.org();
        let error = org.client().list_groups(None).await.unwrap_err();
        assert_eq!((error.kind, org.seen().len()), (expected, calls), "{name}: {error}");
        let code =
            serde_json::from_slice::<Value>(&recording.answer().body).ok().and_then(|body| body["errorCode"].as_str().map(str::to_owned));
        assert!(error.detail.contains(code.as_deref().unwrap_or_default()), "{name}: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn s31_a_recorded_429_is_waited_out_by_its_own_headers() {
    for (name, seconds) in [("33-429-agentpools", 49), ("35-429-apps-features-again", 9)] {
        let Some(recording) = recording(name) else { return };
        let org = Org::giving(vec![Ok(recording.answer()), ok(&json!([]))]);
        let began = Instant::now();
        org.client().list_groups(None).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), seconds, "{name}: Reset - Date + 1");
    }
}
