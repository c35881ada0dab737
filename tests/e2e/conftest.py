"""One sandbox for all tests, or for each process where several run them; each test makes a world of its own in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from patients import ORGANIZATION, Patient

from sandbox import Sandbox
from sandbox.paths import SANDBOX
from sandbox.sandbox import HOOK_PASSWORD
from sandbox.simulators import SCIM_TOKEN, TOKEN
from sandbox.stack import CHANGES, Stack, missing
from worlds import world

SECRETS = (TOKEN, HOOK_PASSWORD, SCIM_TOKEN)
"""What the functions' secrets hold, and no log may (S54)."""


@pytest.fixture(scope="session")
def folder(worker_id: str) -> Path:
    """Where this process keeps its sandbox."""
    return SANDBOX if worker_id == "master" else SANDBOX.with_name(f"{SANDBOX.name}-{worker_id}")


@pytest.fixture(scope="session")
def running(folder: Path) -> Iterator[Sandbox]:
    """The sandbox, once for all tests. When they are done, no function may have logged a secret (S54)."""
    with Sandbox(folder) as sandbox:
        yield sandbox
    logs = {path: path.read_text(errors="replace") for path in sandbox.folder.rglob("*.log")}
    ours = {path: text for path, text in logs.items() if path.name.startswith(("event-", "reconcile"))}
    assert ours, "no function has logged anything"
    leaks = [(path.name, secret) for path, text in ours.items() for secret in SECRETS if secret in text]
    assert leaks == []


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """The sandbox for one test, which must meet every fault that it has asked for."""
    running.reset()
    yield running
    assert running.okta.faults() == [] and running.aws.faults() == [], "a fault was not met"


NONE_BY_ITSELF = {"guard": {"max_membership_removals": 0, "max_percent": 0, "max_percent_of_group": 100}}
"""A guard that holds every removal of a membership."""


@pytest.fixture(scope="session")
def stack(folder: Path) -> Iterator[Stack]:
    """The template as it is deployed, with everything that is optional but for the HTTP API. Where something to deploy it with is missing,
    that is said."""
    if what := missing():
        pytest.skip(what)
    parameters = {
        "ApprovalsThroughAlias": "true",
        "ChangeEventBusName": CHANGES,
        "OktaEventBusName": "default",
        "AlarmEmail": "a@example.com",
    }
    with Stack(folder.with_name(f"{folder.name}-stack"), parameters, world(12, 3, 4), NONE_BY_ITSELF) as stack:
        stack.connect()
        yield stack
    logs = [path.read_text() for path in stack.folder.glob("*.log") if path.name.startswith(("event-", "reconcile"))]
    assert any(logs), "the functions have logged what they did"
    assert not any(secret in text for text in logs for secret in SECRETS), "a secret is in a log (S54)"


@pytest.fixture
def patient(sandbox: Sandbox) -> Iterator[Patient]:
    """A healthy world, and no fault left in it afterwards."""
    sandbox.reset(world(12, 3, 4, organization=ORGANIZATION))
    yield Patient(sandbox)
    sandbox.okta.forget_faults()
    sandbox.aws.forget_faults()
