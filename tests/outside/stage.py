"""What is installed, and the worlds that simulators are given."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sandbox.paths import ROOT, TARGET

FOLDER = TARGET / "outside" / "run"
"""Logs and seeds."""


def installed(what: str) -> Path:
    """What `bin/outside` installs. A test that cannot have it is skipped, and the reason is told."""
    command = subprocess.run([ROOT / "bin" / "outside", what], capture_output=True, text=True, check=False)
    if command.returncode != 0:
        reason = (command.stderr.strip().splitlines() or ["no reason was given"])[-1]
        pytest.skip(f"bin/outside {what}: {reason}")
    return Path(command.stdout.strip())


def seed_file(port: int, world: dict[str, Any]) -> Path:
    """A world for a simulator at this port."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"world-{port}.json"
    path.write_text(json.dumps({**world, "world": {**world["world"], "org_host": f"127.0.0.1:{port}"}}))
    return path
