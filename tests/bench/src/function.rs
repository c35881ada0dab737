//! A function as a process of its own, with a Runtime API of Lambda around it.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use std::time::Duration;

/// The longest that a process is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the Runtime API is asked, and what it gives.
struct Api {
    asked: UnboundedSender<Instant>,
    invocations: Mutex<UnboundedReceiver<String>>,
    answers: UnboundedSender<(Instant, String)>,
}

/// A function's process. It is stopped when it is dropped.
pub(crate) struct Function {
    child: Child,
    serving: JoinHandle<()>,
    asked: UnboundedReceiver<Instant>,
    invocations: UnboundedSender<String>,
    answers: UnboundedReceiver<(Instant, String)>,
    /// When it was executed.
    pub(crate) began: Instant,
}

/// A release binary: it is where this program is.
pub(crate) fn binary(name: &str) -> io::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(io::Error::other(format!("{} is missing: cargo build --release --workspace", path.display())))
    }
}

impl Function {
    /// Executes the function with these variables beside Lambda's own.
    pub(crate) async fn start(name: &str, variables: &[(&str, String)]) -> io::Result<Self> {
        let ((asking, asked), (invocations, invoked), (answering, answers)) =
            (unbounded_channel(), unbounded_channel(), unbounded_channel());
        let api = Arc::new(Api { asked: asking, invocations: Mutex::new(invoked), answers: answering });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let router = Router::new().route("/{*path}", get(next).post(answer)).with_state(api);
        let serving = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        let mut command = Command::new(binary(name)?);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("AWS_LAMBDA_RUNTIME_API", address).env("AWS_LAMBDA_FUNCTION_NAME", name).env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
        command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256").env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "AKIABENCH").env("AWS_SECRET_ACCESS_KEY", "bench");
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let began = Instant::now();
        Ok(Self { child: command.spawn()?, serving, asked, invocations, answers, began })
    }

    /// When it asks for its next invocation.
    pub(crate) async fn ready(&mut self) -> io::Result<Instant> {
        timeout(PATIENCE, self.asked.recv()).await?.ok_or_else(|| io::Error::other("the Runtime API has ended"))
    }

    /// Invokes it, and says when it answered, and what.
    pub(crate) async fn invoke(&mut self, payload: String) -> io::Result<(Instant, String)> {
        self.invocations.send(payload).map_err(io::Error::other)?;
        timeout(PATIENCE, self.answers.recv()).await?.ok_or_else(|| io::Error::other("the Runtime API has ended"))
    }

    /// The most memory that it has had resident so far, in bytes.
    pub(crate) fn peak_bytes(&self) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kibibytes.map(|n| n * 1024).ok_or_else(|| io::Error::other("the system does not say how much memory a process had"))
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.serving.abort();
        // One that has ended by itself is none the worse for it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let _ = api.asked.send(Instant::now());
    let payload = api.invocations.lock().await.recv().await;
    let headers = [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", "4102444800000"),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:bench"),
    ];
    match payload {
        Some(payload) => (headers, payload).into_response(),
        None => StatusCode::GONE.into_response(),
    }
}

async fn answer(State(api): State<Arc<Api>>, body: String) -> StatusCode {
    let _ = api.answers.send((Instant::now(), body));
    StatusCode::ACCEPTED
}
