"""A world for `lockstep doctor`, and the command line in it."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox import Sandbox
from sandbox.cloud import REGION, credentials
from sandbox.functions import HOOK_SECRET, RECONCILE
from sandbox.paths import binary
from sandbox.sandbox import HOOK_PASSWORD
from sandbox.simulators import TOKEN

RULE = """
[[assignment]]
group = '^AWS-00(?<number>\\d)$'
accounts = ["ou:Workloads"]
permission_sets = ["Set${number}"]
"""
"""Every managed group has a permission set of its own on the accounts of one unit."""

ORGANIZATION = {"accounts": 4, "units": ["Workloads/Prod", "Sandbox"], "permission_sets": ["Set0", "Set1", "Set2"]}

PROBE = "lockstep-doctor-probe-"
"""How every name that a probe makes begins."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def findings(self) -> dict[str, dict[str, Any]]:
        """The checks of a doctor's report."""
        return {check["check"]: check for check in json.loads(self.out)["checks"]}

    def troubles(self) -> dict[str, str]:
        """The checks that warn or fail."""
        return {name: check["verdict"] for name, check in self.findings().items() if check["verdict"] in {"warn", "fail"}}


class Patient:
    """A sandbox with a policy that has rules, an app in Okta, and the command line."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.okta, self.aws = sandbox.okta, sandbox.aws
        self.app = self.okta.change({"op": "add_app", "name": "amazon_aws_sso", "label": "AWS IAM Identity Center"})[0]["id"]
        self.okta.deliver(paused=True)
        self.policy = sandbox.folder / "doctor.toml"
        self.write_policy()
        secrets = {**credentials(), "AWS_REGION": REGION, "AWS_ENDPOINT_URL_STS": sandbox.aws.url, "LOCKSTEP_HOOK_SECRET": HOOK_SECRET}
        self.env = {**os.environ, **sandbox.environment(RECONCILE), **secrets, "NO_COLOR": "1"}

    def write_policy(self, rules: str = RULE, change: Callable[[str], str] = lambda text: text) -> None:
        """Writes the policy."""
        text = f'[okta]\norg_url = "{self.okta.url}"\n[groups]\nmatch = ["^AWS-"]\n[limits]\nokta_rate_share = 1.0\n'
        self.policy.write_text(change(text + rules))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts the command line."""
        command = [str(binary("lockstep")), "--policy", str(self.policy), *arguments]
        return subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments: str) -> Ended:
        """Runs the command line to its end; whatever it says holds no secret (S54)."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        assert TOKEN not in out + err and HOOK_PASSWORD not in out + err
        return Ended(process.returncode, out, err)

    def doctor(self, *arguments: str) -> Ended:
        """Runs the checks."""
        return self.run("doctor", "--json", "--hook-url", self.sandbox.hook_url, *arguments)

    def deny(self, operation: str) -> None:
        """AWS denies an operation from now on."""
        self.aws.fault(operation, {"kind": "exception", "name": "AccessDeniedException"}, times=None)

    def refuse(self, on: str, status: int, code: str | None = None) -> None:
        """Okta refuses a call from now on."""
        self.okta.fault(on, {"kind": "status", "status": status, "code": code}, times=None)
