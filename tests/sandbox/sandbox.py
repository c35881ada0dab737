"""The sandbox as one thing that starts, is used, and is gone."""

import datetime
import json
import shutil
import signal
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox import check, functions, policy, template
from sandbox.cloud import Cloud
from sandbox.functions import HOOK, RECONCILE, WORKER
from sandbox.paths import SANDBOX
from sandbox.processes import free_port, wait_until
from sandbox.simulators import SCIM_TENANT, SCIM_TOKEN, TOKEN, IdentityCenter, Okta

HOOK_PASSWORD = "sandbox-hook-secret"
"""What the simulated Okta sends, and the function's secret holds."""

SETTLE_SECONDS = 60
"""The longest that events are waited for: 4 s in the queue, 10 s of sleep at most, and the calls."""

World = dict[str, Any]
"""A seed as tests/sim/README.md describes it."""

EMPTY: World = {"world": {"users": 0, "groups": 0, "members": 0}}


class Sandbox:
    """Okta and Identity Center (simulated), AWS (ministack), and the three functions (real) between them."""

    def __init__(self, folder: Path = SANDBOX) -> None:
        self.folder = folder
        self.okta = Okta(free_port(), folder / "okta-sim.log")
        self.aws = IdentityCenter(free_port(), folder / "aws-sim.log")
        self.cloud = Cloud(free_port(), folder)
        self.policy_path = folder / "policy.toml"
        self.queues: functions.Queues
        self.hook_url = ""
        self._resets = 0

    def __enter__(self) -> Self:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._keep_logs()
        self._stop()

    def _start(self) -> None:
        # A plain SIGTERM would leave the children behind.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        self._start_simulators(EMPTY)
        self.cloud.start()
        self.cloud.make_secret(functions.OKTA_SECRET, {"api_token": TOKEN})
        self.cloud.make_secret(functions.HOOK_SECRET, {"current": HOOK_PASSWORD})
        endpoint, ends = f"{self.aws.url}/{SCIM_TENANT}/scim/v2", datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=365)
        self.cloud.make_secret(functions.SCIM_SECRET, {"endpoint": endpoint, "token": SCIM_TOKEN, "expires": ends.date().isoformat()})
        self.cloud.make_table(functions.TABLE)
        self.queues = functions.make_queues(self.cloud)
        self.write_policy()
        for function in (HOOK, WORKER, RECONCILE):
            functions.deploy(self.cloud, function, self.environment(function))
        functions.map_queue(self.cloud, WORKER, "triggers.fifo", "Triggers")
        functions.map_queue(self.cloud, WORKER, "later", "Later")
        functions.map_queue(self.cloud, RECONCILE, "runs", "Runs")
        functions.make_schedule(self.cloud, "Full")
        functions.make_schedule(self.cloud, "Incremental")
        self.hook_url = functions.make_url(self.cloud, HOOK)
        self._connect()

    def _stop(self) -> None:
        for part in (self.cloud, self.okta, self.aws):
            part.stop()
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)

    def _start_simulators(self, world: World) -> None:
        seed = json.loads(json.dumps(world))
        seed["world"]["org_host"] = self.okta.url.removeprefix("http://")
        path = self.folder / "world.json"
        path.write_text(json.dumps(seed))
        self.okta.start(path)
        self.aws.start(path)

    def _connect(self) -> None:
        """Registers the hook; from here on what happens is counted."""
        self.okta.add_hook(self.hook_url, HOOK_PASSWORD, template.event_types())
        self.forget_calls()

    def environment(self, function: str) -> dict[str, str]:
        """A function's variables."""
        return functions.environment(function, self.cloud, self.queues, self.aws.url, self.policy_path)

    def write_policy(self, tables: policy.Tables | None = None, rules: str = "") -> None:
        """Writes the policy file, with what `tables` changes and the text of `rules`. The functions read it at their next run."""
        self.policy_path.write_text(policy.text(self.okta.url, tables, note=f"sandbox {self._resets}") + rules)

    def reset(self, world: World = EMPTY, tables: policy.Tables | None = None, rules: str = "") -> None:
        """Another world, an empty ledger and empty queues. The functions stay warm, and know nothing of what was before: a policy file
        with another text makes them begin anew."""
        self._resets += 1
        self.wait_until_idle()
        wait_until(lambda: self.cloud.messages(self.queues.runs) == 0, "no run goes on with what another began", SETTLE_SECONDS)
        for queue in vars(self.queues).values():
            self.cloud.empty(queue)
        self.cloud.empty_table(functions.TABLE)
        self._start_simulators(world)
        self.write_policy(tables, rules)
        self._connect()

    def wait_until_idle(self) -> None:
        """Waits until no trigger is queued or worked on."""
        wait_until(lambda: self.cloud.messages(self.queues.triggers) == 0, "the triggers are worked off", SETTLE_SECONDS)

    def settle(self) -> None:
        """Lets Okta deliver what has happened, and waits until it is worked off."""
        self.okta.flush()
        self.wait_until_idle()

    def reconcile(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Invokes reconcile, and answers its report."""
        report: dict[str, Any] = functions.invoke(self.cloud, RECONCILE, payload)
        return report

    def apply(self) -> dict[str, Any]:
        """A full run that writes."""
        return self.reconcile({"mode": "apply", "scope": "all"})

    def fire_schedule(self, event: str) -> float:
        """Lets the scheduler start one of the schedules in a moment; answers since when its log lines count."""
        began = time.time()
        moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=1)
        functions.fire(self.cloud, event, moment.strftime("%Y-%m-%dT%H:%M:%S"))
        return began

    def runs(self, function: str, since: float) -> list[dict[str, Any]]:
        """The runs that a function has logged since a moment."""
        return [line for line in self.cloud.log_lines(function, since) if line.get("event") == "run"]

    def forget_calls(self) -> None:
        """Counts calls anew on both sides."""
        self.okta.forget_calls()
        self.aws.forget_calls()

    def sides(self) -> check.Sides:
        """Who is where, on both sides."""
        return check.compare(self.okta.state(), self.aws.state())

    def differences(self) -> list[str]:
        """What does not agree between the two sides."""
        return self.sides().differences()

    def _keep_logs(self) -> None:
        """ministack keeps the functions' logs in memory."""
        for function in (HOOK, WORKER, RECONCILE):
            try:
                lines = self.cloud.raw_log(function)
            except Exception as error:  # noqa: BLE001 (a log that is lost must not hide what went wrong before)
                lines = [f"the log could not be read: {error}"]
            (self.folder / f"{function}.log").write_text("\n".join(lines) + "\n")
