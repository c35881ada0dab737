"""What the tests against others' software are given."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.processes import free_port
from sandbox.simulators import IdentityCenter, Okta
from stage import FOLDER, installed


@pytest.fixture(scope="session")
def okta_sdk() -> Path:
    """The Python that has Okta's SDK."""
    return installed("okta-sdk")


@pytest.fixture
def okta() -> Iterator[Okta]:
    """The simulated Okta, not started yet."""
    simulator = Okta(free_port(), FOLDER / "okta-sim.log")
    yield simulator
    simulator.stop()


@pytest.fixture
def identity_center() -> Iterator[IdentityCenter]:
    """The simulated Identity Center, not started yet."""
    simulator = IdentityCenter(free_port(), FOLDER / "aws-sim.log")
    yield simulator
    simulator.stop()
