"""The command line in the sandbox: the real binary, with an operator's environment."""

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any

from sandbox.cloud import REGION, credentials
from sandbox.functions import RECONCILE
from sandbox.paths import binary
from sandbox.sandbox import HOOK_PASSWORD, Sandbox
from sandbox.simulators import TOKEN

SECONDS = 120
"""The longest that a command is waited for."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


def environment(sandbox: Sandbox, **more: str) -> dict[str, str]:
    """The environment of an operator: as the reconcile function has it, and nothing that asks for colour."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCKSTEP_")) and name != "NO_COLOR"}
    return {**ours, **sandbox.environment(RECONCILE), **credentials(), "AWS_REGION": REGION, **more}


def lockstep(sandbox: Sandbox, *arguments: str, without: tuple[str, ...] = (), **more: str) -> Ended:
    """Runs the command line to its end. Whatever it says holds no secret (S54)."""
    env = {name: value for name, value in environment(sandbox, **more).items() if name not in without}
    ended = subprocess.run(
        [str(binary("lockstep")), *arguments],
        env=env,
        cwd=sandbox.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert TOKEN not in ended.stdout + ended.stderr and HOOK_PASSWORD not in ended.stdout + ended.stderr
    return Ended(ended.returncode, ended.stdout, ended.stderr)
