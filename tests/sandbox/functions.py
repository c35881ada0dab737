"""The three functions, deployed from their release binaries, and what surrounds them, wired as infra/template.yaml has it."""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import template
from sandbox.cloud import ACCOUNT, REGION, Cloud
from sandbox.paths import binary
from sandbox.processes import wait_until

HOOK, WORKER, RECONCILE = "event-hook", "event-worker", "reconcile"
RESOURCES = {HOOK: "EventHook", WORKER: "EventWorker", RECONCILE: "Reconcile"}
"""The template's names of the functions."""

OKTA_SECRET, HOOK_SECRET, SCIM_SECRET = "lockstep/okta", "lockstep/hook", "lockstep/scim"
TABLE = "lockstep"


class InvocationError(Exception):
    """A function answered with an error."""


@dataclass(frozen=True)
class Queues:
    """The URLs of the queues."""

    triggers: str
    triggers_dead: str
    later: str
    later_dead: str
    runs: str
    malformed: str


def make_queues(cloud: Cloud) -> Queues:
    """The queues of the template."""
    dead = _make_queue(cloud, "TriggerDeadLetters", "triggers-dead.fifo")
    later_dead = _make_queue(cloud, "LaterDeadLetters", "later-dead")
    return Queues(
        triggers=_make_queue(cloud, "TriggerQueue", "triggers.fifo", "triggers-dead.fifo"),
        triggers_dead=dead,
        later=_make_queue(cloud, "LaterQueue", "later", "later-dead"),
        later_dead=later_dead,
        runs=_make_queue(cloud, "RunQueue", "runs", "later-dead"),
        malformed=_make_queue(cloud, "MalformedMessages", "malformed"),
    )


def _make_queue(cloud: Cloud, resource: str, name: str, dead_letters: str | None = None) -> str:
    wanted = template.properties(resource)
    kept = ["FifoQueue", "ContentBasedDeduplication", "DelaySeconds", "VisibilityTimeout", "MessageRetentionPeriod"]
    attributes = {key: str(wanted[key]).lower() for key in kept if key in wanted}
    if dead_letters is not None:
        redrive = {"deadLetterTargetArn": cloud.queue_arn(dead_letters), "maxReceiveCount": wanted["RedrivePolicy"]["maxReceiveCount"]}
        attributes["RedrivePolicy"] = json.dumps(redrive)
    return cloud.make_queue(name, attributes)


def environment(function: str, cloud: Cloud, queues: Queues, identity_center: str, policy: Path) -> dict[str, str]:
    """A function's variables: those of the contract, and where its AWS is."""
    ours = {
        "LOCKSTEP_POLICY": str(policy),
        "LOCKSTEP_QUEUE_URL": queues.triggers,
        "LOCKSTEP_LATER_QUEUE_URL": queues.runs if function == RECONCILE else queues.later,
        "LOCKSTEP_DEAD_LETTER_URL": queues.malformed,
        "LOCKSTEP_TABLE": TABLE,
        "LOCKSTEP_OKTA_SECRET": OKTA_SECRET,
        "LOCKSTEP_HOOK_SECRET": HOOK_SECRET,
        "LOCKSTEP_SCIM_SECRET": SCIM_SECRET,
        "LOCKSTEP_EVENT_BUS": "",
        "LOCKSTEP_APPROVE_ALIAS": "",
        "LOCKSTEP_LOG": "info",
    }
    wanted = template.variables(RESOURCES[function])
    return {
        **{name: value for name, value in ours.items() if name in wanted},
        "AWS_ENDPOINT_URL": cloud.url,
        # ministack has neither of the first two, and knows nothing of the simulator's accounts.
        "AWS_ENDPOINT_URL_IDENTITYSTORE": identity_center,
        "AWS_ENDPOINT_URL_SSO_ADMIN": identity_center,
        "AWS_ENDPOINT_URL_ORGANIZATIONS": identity_center,
    }


def deploy(cloud: Cloud, function: str, env: dict[str, str]) -> None:
    """A function from its release binary."""
    properties = template.properties(RESOURCES[function])
    cloud.client("lambda").create_function(
        FunctionName=function,
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{function}",
        Code={"ZipFile": _package(binary(function))},
        Timeout=properties["Timeout"],
        MemorySize=properties["MemorySize"],
        Environment={"Variables": env},
    )
    wait_until(lambda: _is_active(cloud, function), f"{function} is deployed", 30)


def _is_active(cloud: Cloud, function: str) -> bool:
    configuration = cloud.client("lambda").get_function_configuration(FunctionName=function)
    return bool(configuration.get("State", "Active") == "Active")


def _package(path: Path) -> bytes:
    """The zip that Lambda takes: the binary as `bootstrap`, to be executed."""
    file = zipfile.ZipInfo("bootstrap")
    file.external_attr = 0o755 << 16
    file.compress_type = zipfile.ZIP_DEFLATED
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compresslevel=1) as archive:
        archive.writestr(file, path.read_bytes())
    return packed.getvalue()


def map_queue(cloud: Cloud, function: str, queue: str, event: str) -> None:
    """Lets a function read a queue, as the template's `event` does.

    ministack gives a FIFO queue's mapping one batch at a time over all message groups, where Lambda runs the three lanes next to each
    other. So a lane waits for the others here, and never overtakes.
    """
    wanted = template.properties(RESOURCES[function])["Events"][event]["Properties"]
    more: dict[str, Any] = {} if queue.endswith(".fifo") else {"ScalingConfig": wanted["ScalingConfig"]}
    cloud.client("lambda").create_event_source_mapping(
        EventSourceArn=cloud.queue_arn(queue),
        FunctionName=function,
        BatchSize=wanted["BatchSize"],
        FunctionResponseTypes=wanted.get("FunctionResponseTypes", []),
        **more,
    )


def make_url(cloud: Cloud, function: str) -> str:
    """A function URL that can be called from here.

    The URL itself is `https://<id>.lambda-url.<region>.on.aws/`, which no name server knows; ministack serves it under a path as well.
    """
    url = cloud.client("lambda").create_function_url_config(FunctionName=function, AuthType="NONE")["FunctionUrl"]
    url_id = url.removeprefix("https://").split(".", 1)[0]
    return f"{cloud.url}/_aws/lambda-url/{url_id}/"


def make_schedule(cloud: Cloud, event: str) -> None:
    """One of the template's schedules, disabled: a test or a story enables it at the moment that it is about."""
    wanted = template.properties("Reconcile")["Events"][event]["Properties"]
    expression = wanted["ScheduleExpression"]
    cloud.client("scheduler").create_schedule(
        Name=event.lower(),
        State="DISABLED",
        ScheduleExpression=expression if "(" in expression else template.template()["Parameters"][expression]["Default"],
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{RECONCILE}",
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/scheduler",
            "Input": wanted["Input"],
        },
    )


def fire(cloud: Cloud, event: str, at: str) -> None:
    """Lets the scheduler itself start a schedule once, at a time like `2026-11-24T10:00:00`, with the target that it has."""
    schedule = cloud.client("scheduler").get_schedule(Name=event.lower())
    cloud.client("scheduler").update_schedule(
        Name=event.lower(),
        State="ENABLED",
        ScheduleExpression=f"at({at})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=schedule["Target"],
    )


def invoke(cloud: Cloud, function: str, payload: object) -> Any:
    """Invokes a function and waits for its answer."""
    answer = cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(payload).encode())
    body = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise InvocationError(body.get("errorMessage", body))
    return body
