"""AWS without Identity Center, by ministack: queues, table, secrets, functions, schedules; no Docker."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from sandbox.processes import LOOPBACK, START_SECONDS, Child, wait_until

REGION = "eu-west-1"
ACCOUNT = "111122223333"


def credentials() -> dict[str, str]:
    """Credentials that everyone here accepts. They are words, so that nobody takes them for real ones."""
    return {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"}


class Cloud:
    """A running ministack."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"
        self._folder = folder
        self._child: Child | None = None
        self._clients: dict[str, Any] = {}

    def start(self) -> None:
        """Starts it. It hands its own environment on to the functions, and unpacks their code into TMPDIR, so both are ours."""
        scratch = self._folder / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            # By default it listens on all interfaces.
            "BIND_HOST": LOOPBACK,
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_HOST": LOOPBACK,
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "SFTP_ENABLED": "0",
            # Functions stay warm for longer than any of our waits.
            "LAMBDA_WARM_TTL_SECONDS": "900",
            **credentials(),
        }
        self._child = Child("ministack", [sys.executable, "-m", "ministack"], self._folder / "ministack.log", env)
        self._child.wait_for_port(self.port)
        wait_until(self._is_ready, "ministack is ready", START_SECONDS)

    def stop(self) -> None:
        """Ends it, and the functions with it."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def _is_ready(self) -> bool:
        try:
            self.client("sqs").list_queues()
        except Exception:  # noqa: BLE001 (whatever it is, it is asked again until the time is up)
            return False
        return True

    def client(self, service: str) -> Any:
        """A client of one of its services."""
        if service not in self._clients:
            secrets = credentials()
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id=secrets["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=secrets["AWS_SECRET_ACCESS_KEY"],
                # A full run may take minutes, and one that timed out here must not be started a second time.
                config=Config(read_timeout=600, retries={"total_max_attempts": 1}),
            )
        return self._clients[service]

    def make_secret(self, name: str, value: object) -> None:
        """A secret that holds JSON."""
        self.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(value))

    def make_queue(self, name: str, attributes: dict[str, str]) -> str:
        """A queue; answers its URL."""
        url: str = self.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url

    def queue_arn(self, name: str) -> str:
        """A queue's ARN."""
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def make_table(self, name: str) -> None:
        """A table with the ledger's keys."""
        self.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        )

    def messages(self, url: str) -> int:
        """How many messages a queue holds: those that wait, those that are being worked on, and those whose time has not come."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        counts = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)

    def bodies(self, url: str) -> list[str]:
        """Takes all messages out of a queue that nobody else reads."""
        found: list[str] = []
        while messages := self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(message["Body"])
                self.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def empty(self, url: str) -> None:
        """Throws a queue's messages away."""
        self.client("sqs").purge_queue(QueueUrl=url)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table."""
        rows: list[dict[str, Any]] = []
        for page in self.client("dynamodb").get_paginator("scan").paginate(TableName=table):
            rows.extend(page["Items"])
        return rows

    def empty_table(self, table: str) -> None:
        """Throws a table's rows away."""
        for row in self.rows(table):
            self.client("dynamodb").delete_item(TableName=table, Key={"pk": row["pk"], "sk": row["sk"]})

    def log_lines(self, function: str, since: float = 0.0) -> list[dict[str, Any]]:
        """What a function wrote, as far as it is JSON, since a moment in seconds."""
        return [json.loads(line) for line in self.raw_log(function, since) if line.startswith("{")]

    def raw_log(self, function: str, since: float = 0.0) -> list[str]:
        """What a function wrote, line by line."""
        group, lines, token = f"/aws/lambda/{function}", [], None
        logs = self.client("logs")
        while True:
            more: dict[str, Any] = {"nextToken": token} if token else {}
            try:
                page = logs.filter_log_events(logGroupName=group, startTime=int(since * 1000), limit=10_000, **more)
            except logs.exceptions.ResourceNotFoundException:
                return []
            lines += [line for event in page["events"] for line in event["message"].splitlines()]
            token = page.get("nextToken")
            if not token:
                return lines


def now() -> float:
    """The time, in seconds, as log lines have it."""
    return time.time()
