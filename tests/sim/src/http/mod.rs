//! The simulators over HTTP.

mod control;
mod wire;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use futures::{StreamExt, future, stream};
use jiff::Timestamp;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::identity_center::FakeIdentityCenter;
use crate::okta::FakeOkta;
pub(crate) use control::{Controlled, changes, replace};
use wire::{CuttableListener, Wire};

/// Largest body taken, in bytes.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// A simulator that listens. It stops when this is dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// `http://127.0.0.1:…`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Stops, and waits until calls under way are answered.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Err(error) = (&mut self.task).await {
            tracing::debug!(%error, "the server's task ended otherwise");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Serves an org. Links in its answers, and the sources of its events, name the address from then on.
///
/// # Errors
/// If the address cannot be listened on.
pub async fn serve_okta(okta: FakeOkta, addr: SocketAddr) -> io::Result<Server> {
    let listener = TcpListener::bind(addr).await?;
    let url = format!("http://{}", listener.local_addr()?);
    okta.configure(|settings| settings.org_url = url);
    let server = serve(listener, okta.clone())?;
    okta.deliver_until(server.stop.subscribe());
    Ok(server)
}

/// Serves Identity Center: `identitystore`, `sso-admin` and `organizations` on one address.
///
/// # Errors
/// If the address cannot be listened on.
pub async fn serve_aws(aws: FakeIdentityCenter, addr: SocketAddr) -> io::Result<Server> {
    serve(TcpListener::bind(addr).await?, aws)
}

/// Answers a call of AWS's JSON protocol without a connection in between, as for a client that runs on tokio's paused clock: status, headers
/// and body. `None` where the connection would break.
pub async fn call_aws(aws: &FakeIdentityCenter, headers: HeaderMap, body: Bytes) -> Option<Response<Vec<u8>>> {
    let call = HttpCall { method: Method::POST, path: "/".to_owned(), query: String::new(), headers, body };
    let answer = aws.answer(call).await.filter(|answer| !answer.is_cut_off)?;
    let mut response = Response::new(answer.body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        response.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?);
    }
    Some(response)
}

/// A simulator as HTTP sees it.
pub(crate) trait Face: Controlled {
    /// Answers a call; `None` where the connection breaks instead.
    fn answer(&self, call: HttpCall) -> impl Future<Output = Option<Answer>> + Send;
}

/// A request, read whole.
#[derive(Debug)]
pub(crate) struct HttpCall {
    pub(crate) method: Method,
    /// As it was sent, percent-encoded.
    pub(crate) path: String,
    /// As it was sent, percent-encoded.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl HttpCall {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The path's parts, decoded.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.path.split('/').filter(|part| !part.is_empty()).map(decoded).collect()
    }

    /// A query parameter, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn parameters(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    /// The body as JSON; an empty one is null.
    pub(crate) fn json(&self) -> Result<Value, serde_json::Error> {
        if self.body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&self.body) }
    }
}

/// What is percent-encoded in it, decoded.
pub(crate) fn decoded(part: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), part);
    while let Some((plain, after)) = rest.split_once('%') {
        bytes.extend(plain.as_bytes());
        match after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// The connection breaks where the body ends.
    is_cut_off: bool,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::typed(status, "application/json", body.to_string().into_bytes())
    }

    pub(crate) fn html(status: u16) -> Self {
        let page = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>edge</body></html>");
        Self::typed(status, "text/html", page.into_bytes())
    }

    pub(crate) fn typed(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self { body, ..Self::empty(status) }.with("content-type", content_type)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), is_cut_off: false }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// With the second half of its body missing, if that is what becomes of it.
    pub(crate) fn with_body(mut self, body: crate::call::Body) -> Self {
        let length = self.body.len();
        match body {
            crate::call::Body::Whole => return self,
            crate::call::Body::Truncated => {}
            crate::call::Body::CutOff => {
                self.is_cut_off = true;
                self = self.with("content-length", &length);
            }
        }
        self.body.truncate(length / 2);
        self
    }

    fn into_response(self) -> Response {
        let mut response = Response::new(if self.is_cut_off { cut_off(self.body) } else { Body::from(self.body) });
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// A moment as the `Date` header writes it.
pub(crate) fn http_date(at: Timestamp) -> String {
    let since_epoch = Duration::from_secs(u64::try_from(at.as_second()).unwrap_or_default());
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since_epoch)
}

/// How long after the half of a body the connection breaks: long enough for it to have gone out.
const CUT_OFF_AFTER: Duration = Duration::from_millis(50);

/// A body after which the connection breaks.
fn cut_off(body: Vec<u8>) -> Body {
    let half = stream::once(future::ready(Ok(Bytes::from(body))));
    let end = stream::once(async {
        tokio::time::sleep(CUT_OFF_AFTER).await;
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    });
    Body::from_stream(half.chain(end))
}

fn serve<F: Face>(listener: TcpListener, face: F) -> io::Result<Server> {
    let addr = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let handler = move |wire: ConnectInfo<Wire>, request: Request| handle(face.clone(), wire, request);
    let service = Router::new().fallback(handler).into_make_service_with_connect_info::<Wire>();
    let task = tokio::spawn(async move {
        let server = axum::serve(CuttableListener(listener), service).with_graceful_shutdown(until(stopped));
        if let Err(error) = server.await {
            tracing::error!(%error, "the server ended");
        }
    });
    Ok(Server { addr, stop, task })
}

/// Waits until it is told to stop, or until there is no one left to tell.
pub(crate) async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is the same.
    let _gone = stopped.wait_for(|stopped| *stopped).await;
}

async fn handle<F: Face>(face: F, ConnectInfo(wire): ConnectInfo<Wire>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else { return Answer::empty(413).into_response() };
    let call = HttpCall {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    };
    let answer = match call.path.strip_prefix("/_sim/") {
        Some(order) => Some(control::control(&face, order, &call).await),
        // A client that goes away does not stop what it has asked for.
        None => tokio::spawn(async move { face.answer(call).await }).await.unwrap_or(None),
    };
    match answer {
        Some(answer) => answer.into_response(),
        None => {
            wire.cut();
            Answer::empty(500).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_part_by_part() {
        assert_eq!(decoded("ada+test%40example.com"), "ada+test@example.com");
        assert_eq!(decoded("a%20b"), "a b");
        assert_eq!(decoded("a=b"), "a=b");
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%C3%BC%zz"), "ü%zz");
    }
}
