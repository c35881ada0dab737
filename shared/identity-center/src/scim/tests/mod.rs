//! The client against a scripted endpoint: what exactly it sends, and what it makes of answers that AWS never gave.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sync_core::error::{TargetError, TargetErrorKind};
use sync_core::ids::{GroupId, UserId};
use tokio::time::Instant;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::tests::fake::config;
use crate::{Connection, Settings};

const TOKEN: &str = "hunter2-hunter2";

struct Fixed(ScimCredential);

impl CredentialProvider for Fixed {
    fn current(&self) -> BoxFuture<'_, Result<ScimCredential, TargetError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }

    fn other_than<'a>(&'a self, _: &'a ScimCredential) -> BoxFuture<'a, Result<Option<ScimCredential>, TargetError>> {
        Box::pin(async { Ok(None) })
    }
}

/// What was sent: method, path with query, body.
type Seen = Arc<Mutex<Vec<(Method, String, Value)>>>;

#[derive(Clone)]
struct Script {
    answers: Arc<Vec<(u16, String)>>,
    seen: Seen,
}

/// An endpoint that gives these answers in turn, the last one for ever. Status 0 is no answer.
async fn endpoint(answers: &[(u16, &str)]) -> (ScimClient, Seen) {
    let script =
        Script { answers: Arc::new(answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect()), seen: Seen::default() };
    let seen = Arc::clone(&script.seen);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(script);
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let connection = Connection::new(&config(&url), &Settings { scim_tps: 1000.0, ..Settings::default() }).await;
    let credential = ScimCredential { endpoint: Endpoint::parse(&format!("{url}/t/scim/v2")).unwrap(), token: TOKEN.into() };
    (ScimClient::new(&connection, Arc::new(Fixed(credential))).unwrap(), seen)
}

async fn answer(State(script): State<Script>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let number = {
        let mut seen = script.seen.lock().unwrap();
        seen.push((method, uri.to_string(), serde_json::from_slice(&body).unwrap_or_default()));
        seen.len() - 1
    };
    let (status, text) = &script.answers[number.min(script.answers.len() - 1)];
    if *status == 0 {
        std::future::pending::<()>().await;
    }
    let told = headers["authorization"].to_str().unwrap();
    Response::builder().status(*status).body(Body::from(text.replace("{authorization}", told))).unwrap()
}

fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

fn group(id: &str) -> GroupId {
    GroupId::new(id).unwrap()
}

#[tokio::test]
async fn a_group_is_patched_by_what_aws_documents() {
    let (client, seen) = endpoint(&[(204, "")]).await;
    let patch = ScimGroupPatch {
        display_name: Some("new".to_owned()),
        external_id: Some("00g1".to_owned()),
        members: MembershipChanges::new([user("u-1"), user("u-2")], [user("u-3")]).unwrap(),
    };
    client.patch_group(&group("g-1"), &patch).await.unwrap();
    let expected = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            {"op": "replace", "path": "displayName", "value": "new"},
            {"op": "replace", "path": "externalId", "value": "00g1"},
            {"op": "add", "path": "members", "value": [{"value": "u-1"}, {"value": "u-2"}]},
            {"op": "remove", "path": "members", "value": [{"value": "u-3"}]},
        ],
    });
    assert_eq!(*seen.lock().unwrap(), [(Method::PATCH, "/t/scim/v2/Groups/g-1".to_owned(), expected)]);
}

#[tokio::test]
async fn a_user_is_sent_with_all_that_is_set_and_without_the_rest() {
    let (client, seen) = endpoint(&[(201, r#"{"id":"u-1"}"#)]).await;
    let some = |text: &str| Some(text.to_owned());
    let whole = ScimUser {
        external_id: some("00u1"),
        email: Some(Contact { value: "a@x".to_owned(), kind: some("work") }),
        phone_number: Some(Contact { value: String::new(), kind: some("work") }),
        address: Some(Address { country: some("GB"), region: some(""), ..Address::default() }),
        nick_name: some(""),
        enterprise: Enterprise { manager: some("m-1"), division: some(""), ..Enterprise::default() },
        active: false,
        ..ScimUser::new("a", "A B", "A", "B")
    };
    assert_eq!(client.create_user(&whole).await.unwrap(), Creation::Created(user("u-1")));
    client.put_user(&user("u-1"), &ScimUser::new("a", "A B", "A", "B")).await.unwrap();
    let core = "urn:ietf:params:scim:schemas:core:2.0:User";
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let expected = [
        json!({
            "schemas": [core, enterprise], "userName": "a", "externalId": "00u1", "displayName": "A B",
            "name": {"givenName": "A", "familyName": "B"}, "active": false,
            "emails": [{"value": "a@x", "type": "work", "primary": true}], "addresses": [{"country": "GB", "primary": true}],
            enterprise: {"manager": {"value": "m-1"}},
        }),
        json!({"schemas": [core], "userName": "a", "displayName": "A B", "name": {"givenName": "A", "familyName": "B"}, "active": true}),
    ];
    assert_eq!(seen.lock().unwrap().iter().map(|(_, _, body)| body.clone()).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn records_of_any_completeness_are_read_and_lists_ask_for_pages() {
    let records = r#"{"Resources":[
        {"id":"u-1","userName":"A","active":false,"emails":[{"value":"b@x"},{"value":"a@x","primary":true}],"name":null,"more":7},
        {"id":"u-2","userName":"a","emails":[],"title":null}]}"#;
    let (client, seen) = endpoint(&[(200, records)]).await;
    let found = client.find_users(UserFilter::UserName("a")).await.unwrap();
    let of = |n: usize| (found[n].id.as_str(), found[n].user.active, found[n].user.email.as_ref().map(|email| email.value.as_str()));
    assert_eq!((of(0), of(1)), (("u-1", false, Some("a@x")), ("u-2", true, None)));
    assert_eq!(seen.lock().unwrap()[0].1, "/t/scim/v2/Users?count=100&cursor=&filter=userName%20eq%20%22a%22");
}

#[tokio::test]
async fn what_is_no_answer_to_the_question_is_an_error_and_never_an_absence() {
    let gone = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"404"}"#;
    for (answer, expected) in [
        ((404, gone), Ok(None)),
        ((404, "<html>"), Err(TargetErrorKind::NotFound)),
        ((200, r#"{"id":"u-2","userName":"x"}"#), Err(TargetErrorKind::Malformed)),
        ((200, r#"{"userName":"x"}"#), Err(TargetErrorKind::Malformed)),
        ((200, "<html>"), Err(TargetErrorKind::Malformed)),
        ((200, ""), Err(TargetErrorKind::Malformed)),
    ] {
        let (client, _) = endpoint(&[answer]).await;
        assert_eq!(client.user(&user("u-1")).await.map_err(|error| error.kind), expected, "{answer:?}");
    }
    for (answer, expected) in [
        ((200, r#"{"totalResults":0}"#), Ok(0)),
        ((200, r#"{"Resources":[]}"#), Ok(0)),
        ((200, "{}"), Err(TargetErrorKind::Malformed)),
        ((200, r#"{"Resources":[{"userName":"a"}]}"#), Err(TargetErrorKind::Malformed)),
        ((404, gone), Err(TargetErrorKind::NotFound)),
    ] {
        let (client, _) = endpoint(&[answer]).await;
        let found = client.find_users(UserFilter::UserName("a")).await;
        assert_eq!(found.map(|found| found.len()).map_err(|error| error.kind), expected, "{answer:?}");
    }
}

/// A log that is kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn s54_the_token_is_in_no_error_and_no_log_not_even_where_the_endpoint_repeats_it() {
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt().with_writer(kept.clone()).with_max_level(tracing::Level::TRACE).finish();
    // With one subscriber alone, tracing asks the thread that comes first to an event whether anyone wants it, and another test's wants none.
    let _another = tracing::Dispatch::new(tracing_subscriber::registry());
    let _guard = tracing::subscriber::set_default(subscriber);
    for status in [400, 401, 403, 409, 500] {
        let (client, seen) = endpoint(&[(status, r#"{"detail":"you sent {authorization}"}"#)]).await;
        let patch = ScimGroupPatch { external_id: Some("x".to_owned()), ..ScimGroupPatch::default() };
        let error = client.patch_group(&group("g-1"), &patch).await.unwrap_err();
        assert!(error.detail.contains("you sent Bearer [the token]"), "{error}");
        assert!(!format!("{error} {error:?} {client:?}").contains(TOKEN), "{error:?}");
        assert!(!seen.lock().unwrap().is_empty());
    }
    let log = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("sending again") && !log.contains(TOKEN), "{log}");
}

#[tokio::test]
async fn a_run_ends_with_its_deadline_and_a_token_that_no_header_carries_is_told() {
    let (client, _) = endpoint(&[(0, "")]).await;
    let start = Instant::now();
    let error = client.until(start + Duration::from_millis(200)).set_active(&user("u-1"), false).await.unwrap_err();
    assert_eq!(error.kind, TargetErrorKind::OutOfTime);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());

    let connection = Connection::new(&config("http://127.0.0.1:1"), &Settings::default()).await;
    let endpoint = Endpoint::parse("http://127.0.0.1:1/t/scim/v2").unwrap();
    let broken = ScimCredential { endpoint, token: "hunter2\n".into() };
    let error = ScimClient::new(&connection, Arc::new(Fixed(broken))).unwrap().check().await.unwrap_err();
    assert!(matches!(&error, CheckError::Token(error) if error.detail.contains("correct the SCIM secret")), "{error}");
}

#[tokio::test]
async fn a_check_tells_the_token_from_the_address_and_both_from_an_endpoint_that_is_not_there() {
    const CONFIG: &str = r#"{"patch":{"supported":true}}"#;
    let check = |status, body| async move { endpoint(&[(status, body); 9]).await.0.check().await };
    assert_eq!(check(200, CONFIG).await, Ok(()));
    assert!(matches!(check(401, "").await, Err(CheckError::Token(_))));
    assert!(matches!(check(403, "").await, Err(CheckError::NotAllowed(_))));
    for (status, body) in [(404, "<html>"), (404, "{}"), (302, ""), (200, "{}"), (400, "{}")] {
        assert!(matches!(check(status, body).await, Err(CheckError::Address(_))), "{status} {body}");
    }
    assert!(matches!(check(503, "").await, Err(CheckError::NoAnswer(_))));
}
