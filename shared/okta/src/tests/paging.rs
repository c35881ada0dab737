//! Lists over several pages: whole, or an error.

use engine::ports::ReadSource;
use serde_json::{Value, json};
use sync_core::error::SourceErrorKind;

use super::*;

const MEMBERS: usize = 1001;
const PAGE: usize = 200;

fn page_start(seen: &Seen) -> usize {
    seen.query("after").map_or(0, |after| after.trim_start_matches("cur").parse().unwrap())
}

fn members_from(start: usize) -> Value {
    (start..MEMBERS.min(start + PAGE)).map(|n| user_json(&format!("00u{n}"))).collect()
}

/// Where the next page is; none on the last. As in a recording, it drops the `limit`.
fn next_url(start: usize) -> Option<String> {
    (start + PAGE < MEMBERS).then(|| format!("{ORG}/api/v1/groups/00g1/users?after=cur{}", start + PAGE))
}

/// A page with its links in one of the forms that Okta uses.
fn page(start: usize) -> Result<Answer, NoAnswer> {
    let own = format!("<{ORG}/api/v1/groups/00g1/users?limit=200>; rel=\"self\"");
    let next = next_url(start).map(|next| format!("<{next}>; rel=\"next\""));
    let headers: Vec<(&str, String)> = match (start / PAGE % 3, next) {
        (_, None) => vec![("link", own)],
        (0, Some(next)) => vec![("Link", own), ("Link", next)],
        (1, Some(next)) => vec![("link", format!("{own}, {next}"))],
        (_, Some(next)) => vec![("LINK", next), ("LINK", own)],
    };
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    ok_with(&members_from(start), &headers)
}

async fn members(org: &Arc<Org>) -> Result<Option<usize>, SourceError> {
    let listing = org.client().members(&group_id("00g1")).await?;
    Ok(listing.map(|listing| listing.items.len()))
}

fn cursors(org: &Org) -> Vec<usize> {
    org.seen().iter().map(page_start).collect()
}

#[tokio::test(start_paused = true)]
async fn s29_a_group_of_1001_members_is_read_to_its_last_page() {
    let org = Org::answering(|seen| page(page_start(seen)));
    let listing = org.client().members(&group_id("00g1")).await.unwrap().unwrap();
    assert_eq!((listing.items.len(), listing.bad.len()), (MEMBERS, 0));
    assert_eq!(listing.items.last().unwrap().id, user_id("00u1000"));
    assert_eq!(cursors(&org), [0, 200, 400, 600, 800, 1000]);
    assert_eq!(org.seen()[1].url.as_str(), format!("{ORG}/api/v1/groups/00g1/users?after=cur200"), "taken as it stands");
}

const DATE: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

/// 40 s after [`DATE`].
const RESET: &str = "1445412520";

fn throttled() -> Result<Answer, NoAnswer> {
    let headers = [("date", DATE), ("x-rate-limit-limit", "600"), ("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", RESET)];
    fails_with(429, "E0000047", &headers)
}

#[tokio::test(start_paused = true)]
async fn s29_page_two_throttled_resumes_at_the_same_cursor() {
    let org = Org::answering(|seen| if seen.number == 1 { throttled() } else { page(page_start(seen)) });
    let began = Instant::now();
    assert_eq!(members(&org).await, Ok(Some(MEMBERS)));
    assert_eq!(cursors(&org), [0, 200, 200, 400, 600, 800, 1000]);
    assert_eq!(began.elapsed().as_secs(), 41, "Reset - Date + 1");
}

#[tokio::test(start_paused = true)]
async fn s29_a_third_page_that_fails_fails_the_list_whole() {
    let cut = || Err(NoAnswer::CutShort("end of file".to_owned()));
    let half = || Ok(answer(200, "[{\"id\":\"00u400\",\"stat", &[]));
    for (failure, expected, calls) in [
        (fails(500, "E0000009"), SourceErrorKind::Unavailable, 6),
        (half(), SourceErrorKind::Malformed, 5),
        (cut(), SourceErrorKind::Malformed, 5),
        (Err(NoAnswer::Broken("reset".to_owned())), SourceErrorKind::Unavailable, 6),
        (fails(403, "E0000006"), SourceErrorKind::Forbidden, 3),
        (ok(&json!({})), SourceErrorKind::Malformed, 3),
        (Ok(answer(404, "", &[])), SourceErrorKind::NotFound, 3),
    ] {
        let org = Org::answering(move |seen| if page_start(seen) == 400 { failure.clone() } else { page(page_start(seen)) });
        assert_eq!(kind(members(&org).await), expected);
        assert_eq!(org.seen().len(), calls, "{expected:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn s29_a_page_that_was_cut_once_is_read_again() {
    let org = Org::answering(|seen| if seen.number == 2 { Ok(answer(200, "[{", &[])) } else { page(page_start(seen)) });
    assert_eq!(members(&org).await, Ok(Some(MEMBERS)));
    assert_eq!(cursors(&org), [0, 200, 400, 400, 600, 800, 1000]);
}

#[tokio::test(start_paused = true)]
async fn s30_a_group_that_is_deleted_while_it_is_read_does_not_exist() {
    let org = Org::answering(|seen| if page_start(seen) == 400 { fails(404, "E0000007") } else { page(page_start(seen)) });
    assert_eq!(members(&org).await, Ok(None));
}

fn linked(target: &str) -> Result<Answer, NoAnswer> {
    ok_with(&json!([user_json("00u1")]), &[("link", &format!("<{target}>; rel=\"next\""))])
}

#[tokio::test(start_paused = true)]
async fn a_list_that_goes_round_in_circles_is_malformed() {
    let own = Org::answering(|seen| linked(seen.url.as_str()));
    assert_eq!(kind(members(&own).await), SourceErrorKind::Malformed);
    assert_eq!(own.seen().len(), 1);
    let circle = Org::answering(|seen| linked(&format!("{ORG}/api/v1/groups/00g1/users?after=cur{}", (page_start(seen) + 1) % 3)));
    assert_eq!(kind(members(&circle).await), SourceErrorKind::Malformed);
    assert_eq!(circle.seen().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_list_without_end_comes_to_an_end() {
    let endless = Org::answering(|seen| linked(&format!("{ORG}/api/v1/groups/00g1/users?after=cur{}", seen.number + 1)));
    let error = members(&endless).await.unwrap_err();
    assert_eq!((error.kind, error.detail.as_str()), (SourceErrorKind::Malformed, "the list has more than 10000 pages"));
    assert_eq!(endless.seen().len(), 10_000);
}

#[tokio::test(start_paused = true)]
async fn the_credential_is_not_sent_to_another_host() {
    let org = Org::answering(|_| linked("https://evil.example.com/api/v1/groups"));
    let error = members(&org).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Malformed);
    assert!(error.detail.contains("https://evil.example.com"), "{error}");
    assert_eq!(org.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_cursor_begins_the_list_anew_once() {
    let once = Org::answering(|seen| if seen.number == 2 { fails(400, "E0000029") } else { page(page_start(seen)) });
    assert_eq!(members(&once).await, Ok(Some(MEMBERS)));
    assert_eq!(cursors(&once), [0, 200, 400, 0, 200, 400, 600, 800, 1000]);
    let always = Org::answering(|seen| if page_start(seen) == 400 { fails(400, "E0000029") } else { page(page_start(seen)) });
    assert_eq!(kind(members(&always).await), SourceErrorKind::LostCursor);
    assert_eq!(cursors(&always), [0, 200, 400, 0, 200, 400]);
}

#[tokio::test(start_paused = true)]
async fn s33_a_record_on_two_pages_is_one_and_the_later_counts() {
    let mut later = user_json("00u1");
    later["status"] = json!("SUSPENDED");
    let org = Org::giving(vec![
        ok_with(&json!([user_json("00u1"), user_json("00u2")]), &[("link", &format!("<{ORG}/next>; rel=\"next\""))]),
        ok(&json!([later, user_json("00u3")])),
    ]);
    let listing = org.client().members(&group_id("00g1")).await.unwrap().unwrap();
    let got: Vec<(&str, &str)> = listing.items.iter().map(|user| (user.id.as_str(), user.status.as_str())).collect();
    assert_eq!(got, [("00u1", "SUSPENDED"), ("00u2", "ACTIVE"), ("00u3", "ACTIVE")]);
}
