"""Child processes: started with their output in a file, waited for, and stopped together with what they started themselves."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LOOPBACK = "127.0.0.1"

START_SECONDS = 30
"""The longest that a child may take to answer; ministack needs 1 to 3 s, and more on a machine that compiles."""

STOP_SECONDS = 5
"""The longest that a child may take to stop by itself."""


def free_port() -> int:
    """A port that nothing listens on. Another program may take it before it is used, which the child then says in its log."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as caller:
        caller.settimeout(1)
        return caller.connect_ex((LOOPBACK, port)) == 0


def wait_until(holds: Callable[[], bool], what: str, seconds: float, every: float = 0.05) -> None:
    """Waits until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(every)


class Child:
    """A process with its own process group, so that the functions which ministack starts are stopped with it."""

    def __init__(self, name: str, command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                env=dict(env) if env is not None else None,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for_port(self, port: int) -> None:
        """Waits until the child listens, or says with what it ended."""

        def listens() -> bool:
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self._process.returncode}: {self._last_words()}")
            return is_listening(port)

        wait_until(listens, f"{self.name} listens on port {port} (see {self.log})", START_SECONDS)

    def wait(self) -> None:
        """Waits until the child has ended by itself."""
        self._process.wait(START_SECONDS)

    def stop(self) -> None:
        """Ends the child and its children: asks first, and then does not ask."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Ends the child and its children at once, as Lambda does."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-600:].strip() or "it said nothing"
