"""The stack of infra/template.yaml, deployed to ministack's CloudFormation from what bin/package builds, with the simulators around it."""

import io
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import WaiterError

from sandbox import check, policy, template
from sandbox.cloud import REGION, Cloud
from sandbox.functions import InvocationError
from sandbox.paths import ROOT, TARGET
from sandbox.processes import free_port, wait_until
from sandbox.sandbox import SETTLE_SECONDS, World
from sandbox.simulators import TOKEN, IdentityCenter, Okta

BUCKET = "lockstep-artifacts"
CHANGES = "lockstep-changes"
"""The bus for changes, and the queue that keeps what is on it."""

TRANSFORMER = TARGET / "venv-sam" / "bin" / "python"
"""aws-sam-cli's own environment: what it needs does not go together with what the other tools need."""

FUNCTIONS = ("event-hook", "event-worker", "reconcile")


def packages() -> dict[str, Path]:
    """The zips that the template names, by the path that it names them by."""
    paths = [template.properties(name)["CodeUri"] for name in ("EventHook", "EventWorker", "Reconcile")]
    return {path: TARGET / Path(path).relative_to("../target") for path in paths}


def missing() -> str | None:
    """What is not there to deploy with."""
    if not TRANSFORMER.exists():
        return "aws-sam-cli is not installed: bin/venv tests/tools/sam.txt venv-sam"
    absent = [str(path) for path in packages().values() if not path.exists()]
    return f"not packed: {absent}: bin/package --profile release" if absent else None


class Stack:
    """A deployed stack between a simulated Okta and a simulated Identity Center."""

    def __init__(self, folder: Path, parameters: dict[str, str], world: World, tables: policy.Tables | None = None) -> None:
        self.name = "lockstep"
        self.folder = folder
        self.okta = Okta(free_port(), folder / "okta-sim.log")
        self.aws = IdentityCenter(free_port(), folder / "aws-sim.log")
        self.cloud = Cloud(free_port(), folder)
        self.outputs: dict[str, str] = {}
        self._parameters = {"Architecture": "x86_64", "SchedulesState": "DISABLED", **parameters}
        self._world = world
        self._tables = tables

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
        for function in FUNCTIONS:
            (self.folder / f"{function}.log").write_text("\n".join(self.cloud.raw_log(f"{self.name}-{function}")) + "\n")
        self._stop()

    def _start(self) -> None:
        self._start_simulators()
        self.cloud.start()
        (self.folder / "policy.toml").write_text(policy.text(self.okta.url, self._tables))
        self._make_bus()
        self._deploy()
        self.cloud.client("secretsmanager").put_secret_value(
            SecretId=self.outputs["OktaSecretId"], SecretString=json.dumps({"api_token": TOKEN})
        )

    def _stop(self) -> None:
        for part in (self.cloud, self.okta, self.aws):
            part.stop()

    def _start_simulators(self) -> None:
        seed = json.loads(json.dumps(self._world))
        seed["world"]["org_host"] = self.okta.url.removeprefix("http://")
        path = self.folder / "world.json"
        path.write_text(json.dumps(seed))
        self.okta.start(path)
        self.aws.start(path)

    def _make_bus(self) -> None:
        """A bus for changes, and someone who listens."""
        queue = self.cloud.make_queue(CHANGES, {})
        events = self.cloud.client("events")
        events.create_event_bus(Name=CHANGES)
        events.put_rule(Name=CHANGES, EventBusName=CHANGES, EventPattern=json.dumps({"source": ["lockstep"]}))
        events.put_targets(Rule=CHANGES, EventBusName=CHANGES, Targets=[{"Id": "queue", "Arn": self.cloud.queue_arn(CHANGES)}])
        self.changes_url = queue

    def _deploy(self) -> None:
        s3 = self.cloud.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        code = {}
        for named, path in packages().items():
            s3.upload_file(str(path), BUCKET, path.name)
            code[named] = f"s3://{BUCKET}/{path.name}"
        s3.put_object(Bucket=BUCKET, Key="policy-layer.zip", Body=self._layer())
        code["policy-layer/"] = f"s3://{BUCKET}/policy-layer.zip"
        s3.put_object(Bucket=BUCKET, Key="monitoring.json", Body=json.dumps(self._monitoring()))
        s3.put_object(Bucket=BUCKET, Key="template.json", Body=json.dumps(self._transformed("template.yaml", code)))
        self._create()

    def _monitoring(self) -> Any:
        """Alarms and dashboard, without the alarms over an expression: ministack's CloudFormation refuses those (`Metrics`). It is the
        only thing of the templates that it does not take."""
        monitoring = self._transformed("monitoring.yaml")
        resources = monitoring["Resources"]
        monitoring["Resources"] = {name: it for name, it in resources.items() if "Metrics" not in it.get("Properties", {})}
        return monitoring

    def _layer(self) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write(self.folder / "policy.toml", "lockstep/policy.toml")
        return packed.getvalue()

    def _transformed(self, name: str, code: dict[str, str] | None = None) -> Any:
        """The template as CloudFormation takes it; the functions are told where their AWS is."""
        order = {
            "template": str(ROOT / "infra" / name),
            "code": code or {},
            "urls": {"monitoring.yaml": f"{self.cloud.url}/{BUCKET}/monitoring.json"},
            "variables": {
                "AWS_ENDPOINT_URL": self.cloud.url,
                "AWS_ENDPOINT_URL_IDENTITYSTORE": self.aws.url,
                "AWS_ENDPOINT_URL_SSO_ADMIN": self.aws.url,
                "AWS_ENDPOINT_URL_ORGANIZATIONS": self.aws.url,
                # ministack runs functions without a container, so a layer is not under /opt.
                "LOCKSTEP_POLICY": str(self.folder / "policy.toml"),
            },
        }
        env = {**os.environ, "AWS_DEFAULT_REGION": REGION, "SAM_CLI_TELEMETRY": "0"}
        program = [str(TRANSFORMER), str(Path(__file__).with_name("transform.py"))]
        done = subprocess.run(program, input=json.dumps(order), capture_output=True, text=True, env=env, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{name} was not transformed: {done.stderr[-2000:]}")
        return json.loads(done.stdout)

    def _create(self) -> None:
        client = self.cloud.client("cloudformation")
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in self._parameters.items()]
        client.create_stack(
            StackName=self.name,
            TemplateURL=f"{self.cloud.url}/{BUCKET}/template.json",
            Parameters=parameters,
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        try:
            client.get_waiter("stack_create_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
        except WaiterError as error:
            failed = [event for event in self.events() if "FAILED" in event["ResourceStatus"]]
            raise RuntimeError(f"the stack was not created: {failed}") from error
        [stack] = client.describe_stacks(StackName=self.name)["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def events(self) -> list[dict[str, Any]]:
        """What CloudFormation did."""
        events: list[dict[str, Any]] = self.cloud.client("cloudformation").describe_stack_events(StackName=self.name)["StackEvents"]
        return events

    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources that exist, by logical id."""
        found = self.cloud.client("cloudformation").describe_stack_resources(StackName=self.name)["StackResources"]
        return {resource["LogicalResourceId"]: resource for resource in found}

    def physical(self, logical_id: str) -> str:
        """A resource's own id."""
        name: str = self.resources()[logical_id]["PhysicalResourceId"]
        return name

    def hook_secret(self) -> str:
        """The secret that CloudFormation made up."""
        secret = self.cloud.client("secretsmanager").get_secret_value(SecretId=self.outputs["HookSecretId"])["SecretString"]
        current: str = json.loads(secret)["current"]
        return current

    def hook_url(self) -> str:
        """Where the hook can be called from here: ministack serves it under a path, as no name server knows its name."""
        url_id, kind = self.outputs["HookUrl"].removeprefix("https://").split(".", 2)[:2]
        return (
            f"{self.cloud.url}/_aws/execute-api/{url_id}/$default/"
            if kind == "execute-api"
            else f"{self.cloud.url}/_aws/lambda-url/{url_id}/"
        )

    def connect(self) -> None:
        """Registers the hook in Okta, with the secret that the stack made up."""
        self.okta.add_hook(self.hook_url(), self.hook_secret(), template.event_types())

    def settle(self) -> None:
        """Lets Okta deliver what has happened, and waits until it is worked off."""
        self.okta.flush()
        url = self.outputs["TriggerQueueUrl"]
        wait_until(lambda: self.cloud.messages(url) == 0, "the triggers are worked off", SETTLE_SECONDS)

    def reconcile(self, payload: dict[str, Any], alias: str | None = None) -> dict[str, Any]:
        """Invokes reconcile, through an alias if one is named."""
        qualifier = {"Qualifier": alias} if alias else {}
        answer = self.cloud.client("lambda").invoke(
            FunctionName=self.outputs["ReconcileFunction"], Payload=json.dumps(payload).encode(), **qualifier
        )
        body: dict[str, Any] = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise InvocationError(body.get("errorMessage", body))
        return body

    def differences(self) -> list[str]:
        """What does not agree between Okta and Identity Center."""
        return check.compare(self.okta.state(), self.aws.state()).differences()

    def changes(self) -> list[dict[str, Any]]:
        """Takes the changes that were told on the bus."""
        return [json.loads(body) for body in self.cloud.bodies(self.changes_url)]
