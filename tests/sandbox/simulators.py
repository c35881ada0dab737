"""The two simulators, and their control plane (tests/sim/README.md says what it takes)."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.paths import binary
from sandbox.processes import LOOPBACK, Child

TOKEN = "sim-token"
"""The API token that the simulated Okta accepts."""

SCIM_TENANT = "sim-tenant"
SCIM_TOKEN = "sim-scim-token"
"""Where the simulated Identity Center has its SCIM endpoint, and what it lets in."""


class SimulatorError(Exception):
    """The simulator refused what it was asked."""


@dataclass(frozen=True)
class Calls:
    """What was called since the log was last forgotten."""

    total: int
    writes: int
    """Calls that changed something."""
    counts: dict[str, int]
    """By operation."""
    calls: list[dict[str, Any]]
    """One by one, oldest first."""

    def of(self, *operations: str) -> int:
        """How many calls there were of these operations."""
        return sum(self.counts.get(operation, 0) for operation in operations)


def request(method: str, url: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
    """A call with JSON in and out."""
    data = None if body is None else json.dumps(body).encode()
    call = urllib.request.Request(url, data, {"content-type": "application/json", **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(call, timeout=60) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise SimulatorError(f"{method} {url}: {error.code} {error.read().decode(errors='replace')}") from error
    return json.loads(text) if text else None


class Simulator:
    """One of the two programs. It can be started again with another world, on the same port."""

    program: str

    def __init__(self, port: int, log: Path) -> None:
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"
        self._log = log
        self._child: Child | None = None

    def start(self, seed_file: Path) -> None:
        """Starts with this world; whatever was before is gone."""
        self.stop()
        command: list[str | Path] = [binary(self.program), "--listen", f"{LOOPBACK}:{self.port}", "--seed-file", seed_file]
        self._child = Child(self.program, command, self._log)
        self._child.wait_for_port(self.port)

    def stop(self) -> None:
        """Ends the program."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def state(self) -> dict[str, Any]:
        """The whole world."""
        state: dict[str, Any] = self.control("GET", "state")
        return state

    def change(self, *changes: dict[str, Any]) -> list[dict[str, Any]]:
        """Changes the world as people and other systems do; answers what came of each."""
        results: list[dict[str, Any]] = self.control("POST", "changes", list(changes))["results"]
        return results

    def fault(self, on: str, what: dict[str, Any], **more: Any) -> None:
        """Lets a call fail: once, unless `times` says otherwise."""
        self.control("POST", "faults", {"on": on, "what": what, **more})

    def faults(self) -> list[dict[str, Any]]:
        """The faults that were not met yet."""
        left: list[dict[str, Any]] = self.control("GET", "faults")
        return left

    def forget_faults(self) -> None:
        """Takes all faults away."""
        self.control("DELETE", "faults")

    def calls(self) -> Calls:
        """What was called."""
        log = self.control("GET", "calls")
        return Calls(log["total"], log["writes"], log["counts"], log["calls"])

    def forget_calls(self) -> None:
        """Begins to count anew."""
        self.control("DELETE", "calls")

    def settings(self, **settings: Any) -> None:
        """Changes settings."""
        self.control("POST", "settings", settings)

    def control(self, method: str, order: str, body: object = None) -> Any:
        """An order to the control plane."""
        return request(method, f"{self.url}/_sim/{order}", body)


class Okta(Simulator):
    """The simulated Okta org."""

    program = "okta-sim"

    def add_hook(self, uri: str, secret: str, event_types: list[str]) -> str:
        """Registers an event hook and has it verified, by Okta's own API as an administrator does."""
        hook = {
            "name": "Lockstep",
            "events": {"type": "EVENT_TYPE", "items": event_types},
            "channel": {
                "type": "HTTP",
                "version": "1.0.0",
                "config": {"uri": uri, "authScheme": {"type": "HEADER", "key": "Authorization", "value": secret}},
            },
        }
        made = self.api("POST", "eventHooks", hook)
        hook_id: str = made["id"]
        verified = self.api("POST", f"eventHooks/{hook_id}/lifecycle/verify")
        if verified["verificationStatus"] != "VERIFIED":
            raise SimulatorError(f"the hook at {uri} is {verified['verificationStatus']}")
        return hook_id

    def api(self, method: str, path: str, body: object = None) -> Any:
        """A call to Okta's API."""
        return request(method, f"{self.url}/api/v1/{path}", body, {"authorization": f"SSWS {TOKEN}"})

    def deliver(self, **settings: Any) -> None:
        """Changes how hooks are delivered."""
        self.control("POST", "hooks/settings", settings)

    def flush(self) -> int:
        """Delivers what has happened, now, and waits for the answers; how many deliveries there were."""
        deliveries: int = self.control("POST", "hooks/flush")["deliveries"]
        return deliveries

    def deliveries(self) -> list[dict[str, Any]]:
        """The deliveries so far, and how they were answered."""
        made: list[dict[str, Any]] = self.control("GET", "hooks/deliveries")
        return made


class IdentityCenter(Simulator):
    """The simulated Identity Store and sso-admin."""

    program = "aws-sim"
