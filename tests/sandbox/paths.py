"""Where things are."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""

TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
"""Where cargo builds."""

BINARIES = TARGET / "release"
"""The functions and the simulators, as `cargo build --release` makes them."""

SANDBOX = TARGET / "sandbox"
"""Logs, the policy file, and what ministack unpacks."""


def binary(name: str) -> Path:
    """A binary that was built."""
    path = BINARIES / name
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run `cargo build --release` first")
    return path
