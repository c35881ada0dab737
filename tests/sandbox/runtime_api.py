"""One function's binary without ministack: a Lambda Runtime API of its own, for the cases that need a fresh process each."""

import json
import os
import queue
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox.cloud import ACCOUNT, REGION, credentials
from sandbox.paths import binary
from sandbox.processes import LOOPBACK, Child

ANSWER_SECONDS = 60
"""The longest that an answer is waited for: a run of these worlds takes well below a second."""


@dataclass(frozen=True)
class Answer:
    """What a function answered."""

    kind: str
    """`response`, `error`, or `init_error` where it did not even start."""
    body: Any

    @property
    def error(self) -> str:
        """The words of an error."""
        assert self.kind != "response", f"this is no error: {self.body}"
        return str(self.body["errorMessage"])


class _Api(ThreadingHTTPServer):
    """The Runtime API: hands out invocations, and takes answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.invocations: queue.Queue[tuple[str, bytes, int]] = queue.Queue()
        self.answers: queue.Queue[Answer] = queue.Queue()

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: the function's connections break when it is stopped, and an answer that does not come is noticed anyway."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Api

    def do_GET(self) -> None:
        """The next invocation, when there is one."""
        request_id, payload, deadline_ms = self.server.invocations.get()
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline_ms))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sandbox")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def do_POST(self) -> None:
        """An answer: `…/invocation/<id>/response`, `…/invocation/<id>/error` or `…/init/error`."""
        body = json.loads(self._body() or b"null")
        kind = "init_error" if self.path.endswith("/init/error") else self.path.rsplit("/", 1)[1]
        self.server.answers.put(Answer(kind, body))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class calls it so)
        """Nothing: the function's own log is what matters."""


class Function:
    """A function's process. It answers one invocation after the other, as in Lambda."""

    def __init__(self, name: str, env: dict[str, str], folder: Path, timeout_seconds: int = 60) -> None:
        self._api = _Api()
        self._thread = threading.Thread(target=self._api.serve_forever, daemon=True)
        self._timeout_seconds = timeout_seconds
        self._n_invocations = 0
        port = self._api.server_address[1]
        self.log = folder / f"{name}-{port}.log"
        variables = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "AWS_LAMBDA_RUNTIME_API": f"{LOOPBACK}:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_REGION": REGION,
            **credentials(),
            **env,
        }
        self._child = Child(name, [binary(name)], self.log, variables)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._child.kill()
        self._api.shutdown()
        self._api.server_close()

    def invoke(self, payload: object) -> Answer:
        """Invokes the function and waits for its answer."""
        self.begin(payload)
        return self.answer()

    def begin(self, payload: object) -> None:
        """Invokes the function and does not wait."""
        self._n_invocations += 1
        deadline_ms = int((time.time() + self._timeout_seconds) * 1000)
        self._api.invocations.put((f"r-{self._n_invocations}", json.dumps(payload).encode(), deadline_ms))

    def wait_until_ended(self) -> None:
        """Waits until the process has ended by itself."""
        self._child.wait()

    def answer(self) -> Answer:
        """The next answer; one that is given without an invocation says why the function did not start."""
        try:
            return self._api.answers.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            raise TimeoutError(f"no answer within {ANSWER_SECONDS} s; see {self.log}") from None

    def printed(self) -> str:
        """All that it has logged."""
        return self.log.read_text()
