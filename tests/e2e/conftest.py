"""One sandbox for all tests; each test makes a world of its own in it."""

from collections.abc import Iterator

import pytest

from sandbox import Sandbox
from sandbox.sandbox import HOOK_PASSWORD
from sandbox.simulators import TOKEN


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    """The sandbox, once for all tests. When they are done, no function may have logged a secret (S54)."""
    with Sandbox() as sandbox:
        yield sandbox
    logs = {path: path.read_text(errors="replace") for path in sandbox.folder.rglob("*.log")}
    ours = {path: text for path, text in logs.items() if path.name.startswith(("event-", "reconcile"))}
    assert ours, "no function has logged anything"
    leaks = [(path.name, secret) for path, text in ours.items() for secret in (TOKEN, HOOK_PASSWORD) if secret in text]
    assert leaks == []


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """The sandbox for one test, which must meet every fault that it has asked for."""
    running.reset()
    yield running
    assert running.okta.faults() == [] and running.aws.faults() == [], "a fault was not met"
