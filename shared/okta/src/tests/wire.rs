//! Over a socket: what reqwest makes of servers good and bad.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{Request as HttpRequest, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::get;
use engine::ports::ReadSource;
use serde_json::json;
use sync_core::error::SourceErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::auth::SswsToken;
use crate::transport::{Http, MAX_ANSWER_BYTES};

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A server that answers every connection with these bytes and closes it.
async fn serve_bytes(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(bytes).await;
        }
    });
    address
}

fn config_for(address: SocketAddr) -> OktaConfig {
    let url = Url::parse(&format!("http://{address}")).unwrap();
    OktaConfig::new(&url, UserNameFrom::Login).unwrap()
}

fn client_for(address: SocketAddr) -> OktaClient {
    OktaClient::new(&config_for(address), Arc::new(SswsToken::new(&TOKEN.into()))).unwrap()
}

/// One exchange without repeats.
async fn exchange(config: &OktaConfig, path: &str) -> Result<Answer, NoAnswer> {
    let url = config.org_url.join(path).unwrap();
    Http::new(config).unwrap().get(url, HeaderMap::new()).await
}

async fn two_pages(State(address): State<Arc<Mutex<Option<SocketAddr>>>>, RawQuery(query): RawQuery) -> Response {
    let base = format!("http://{}/api/v1/groups", address.lock().unwrap().unwrap());
    if query.unwrap_or_default().contains("after=2") {
        return axum::Json(json!([group_json("00g2")])).into_response();
    }
    let links = AppendHeaders([("LINK", format!("<{base}>; rel=\"self\"")), ("Link", format!("<{base}?after=2&x=a%2Cb>; rel=\"next\""))]);
    (links, axum::Json(json!([group_json("00g1")]))).into_response()
}

#[tokio::test]
async fn s29_pages_are_followed_over_the_wire() {
    let own_address = Arc::new(Mutex::new(None));
    let router = Router::new().route("/api/v1/groups", get(two_pages)).with_state(Arc::clone(&own_address));
    let address = serve(router).await;
    *own_address.lock().unwrap() = Some(address);
    let client = client_for(address);
    let groups = client.list_groups(None).await.unwrap();
    let ids: Vec<&str> = groups.items.iter().map(|group| group.id.as_str()).collect();
    assert_eq!((ids, client.calls()), (vec!["00g1", "00g2"], 2));
}

#[tokio::test]
async fn s29_an_answer_without_a_date_is_dated_by_its_receipt() {
    for undated in [
        b"HTTP/1.1 429 Too Many Requests\r\nx-rate-limit-reset: 5\r\ncontent-length: 0\r\n\r\n".as_slice(),
        b"HTTP/1.1 429 Too Many Requests\r\ndate: today\r\nx-rate-limit-reset: 5\r\ncontent-length: 0\r\n\r\n",
    ] {
        let undated = exchange(&config_for(serve_bytes(undated).await), "/").await.unwrap();
        let dates: Vec<_> = undated.headers.get_all("date").iter().collect();
        assert!(matches!(dates[..], [date] if httpdate::parse_http_date(date.to_str().unwrap()).is_ok()), "{dates:?}");
    }
    let dated = b"HTTP/1.1 200 OK\r\ndate: Wed, 21 Oct 2015 07:28:00 GMT\r\ncontent-length: 2\r\n\r\n[]";
    let dated = exchange(&config_for(serve_bytes(dated).await), "/").await.unwrap();
    assert_eq!(dated.headers["date"], "Wed, 21 Oct 2015 07:28:00 GMT", "Okta's own clock goes before ours");
}

#[tokio::test]
async fn a_login_and_the_headers_arrive_as_they_were_meant() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let router = Router::new().fallback(move |request: HttpRequest<Body>| async move {
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        sink.lock().unwrap().extend([request.uri().to_string(), header("authorization"), header("user-agent"), header("accept")]);
        (StatusCode::NOT_FOUND, axum::Json(json!({ "errorCode": "E0000007" })))
    });
    let client = client_for(serve(router).await);
    assert_eq!(client.user("a/b#c+d@example.com").await, Ok(None));
    let agent = concat!("lockstep/", env!("CARGO_PKG_VERSION"));
    let expected =
        ["/api/v1/users/a%2Fb%23c%2Bd@example.com".to_owned(), format!("SSWS {TOKEN}"), agent.to_owned(), "application/json".to_owned()];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let router = Router::new()
        .route("/api/v1/groups", get(|| async { (StatusCode::FOUND, [("location", "/elsewhere")]) }))
        .route("/elsewhere", get(|| async { axum::Json(json!([])) }));
    let client = client_for(serve(router).await);
    let error = client.list_groups(None).await.unwrap_err();
    assert_eq!((error.kind, client.calls()), (SourceErrorKind::Rejected, 1));
    assert!(error.detail.ends_with("it redirects, which is not followed: correct okta.org_url"), "{error}");
}

#[tokio::test]
async fn s29_a_body_that_is_cut_is_not_taken_for_a_whole_one() {
    let cut = serve_bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[]").await;
    assert!(matches!(exchange(&config_for(cut), "/x").await, Err(NoAnswer::CutShort(_))));
    let chunked = serve_bytes(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[]\r\n").await;
    assert!(matches!(exchange(&config_for(chunked), "/x").await, Err(NoAnswer::CutShort(_))));
}

#[tokio::test]
async fn an_error_whose_body_is_cut_keeps_its_status() {
    let cut = serve_bytes(b"HTTP/1.1 404 Not Found\r\ncontent-length: 100\r\n\r\n{\"errorCode\":\"E0000007\"}").await;
    let client = client_for(cut);
    assert_eq!(kind(client.group(&group_id("00g1")).await), SourceErrorKind::NotFound, "half an answer does not prove an absence");
}

#[tokio::test]
async fn a_connection_that_breaks_or_cannot_be_made_is_broken() {
    let silent = serve_bytes(b"").await;
    assert!(matches!(exchange(&config_for(silent), "/x").await, Err(NoAnswer::Broken(_))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let Err(NoAnswer::Broken(words)) = exchange(&config_for(closed), "/api/v1/users/ada%40example.com?q=1").await else { panic!() };
    assert!(words.contains("refused") && !words.contains("ada") && !words.contains("q=1"), "{words}");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_time_out() {
    let router = Router::new().fallback(|| async { std::future::pending::<()>().await });
    let config = config_for(serve(router).await).with_timeouts(Duration::from_secs(5), Duration::from_millis(50));
    assert!(matches!(exchange(&config, "/x").await, Err(NoAnswer::TimedOut)));
}

#[tokio::test]
async fn a_body_that_dribbles_is_a_time_out_and_not_a_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = config_for(listener.local_addr().unwrap()).with_timeouts(Duration::from_secs(5), Duration::from_millis(50));
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = socket.read(&mut request).await;
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[").await.unwrap();
        std::future::pending::<()>().await;
    });
    assert_eq!(exchange(&config, "/x").await.unwrap_err(), NoAnswer::TimedOut);
}

#[tokio::test]
async fn a_body_has_an_end() {
    for (bytes, fits) in [(MAX_ANSWER_BYTES, true), (MAX_ANSWER_BYTES + 1, false)] {
        let router = Router::new().fallback(move || async move { vec![b' '; bytes] });
        let result = exchange(&config_for(serve(router).await), "/x").await;
        assert_eq!(matches!(result, Ok(answer) if answer.body.len() == bytes), fits);
    }
}
