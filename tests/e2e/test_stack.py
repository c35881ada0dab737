"""The template itself, deployed: what it makes comes to exist, and does the main job."""

import urllib.request
from collections.abc import Iterator

import pytest

from sandbox import template
from sandbox.functions import InvocationError
from sandbox.paths import SANDBOX
from sandbox.processes import wait_until
from sandbox.stack import CHANGES, Stack, missing
from worlds import add_member, login, remove_member, world

NONE_BY_ITSELF = {"guard": {"max_membership_removals": 0, "max_percent": 0, "max_percent_of_group": 100}}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The stack with everything that is optional, but for the HTTP API. Where something to deploy with is missing, that is said."""
    if what := missing():
        pytest.skip(what)
    parameters = {
        "ApprovalsThroughAlias": "true",
        "ChangeEventBusName": CHANGES,
        "OktaEventBusName": "default",
        "AlarmEmail": "a@example.com",
    }
    with Stack(SANDBOX.with_name("sandbox-stack"), parameters, world(12, 3, 4), NONE_BY_ITSELF) as deployed:
        deployed.connect()
        yield deployed


def test_everything_that_the_template_names_comes_to_exist(stack: Stack) -> None:
    absent = {"HookApi", "HookApiIntegration", "HookApiRoute", "HookApiStage", "HookApiLog", "HookApiPermission", "ScimSecret"}
    made = stack.resources()
    # A layer's logical id carries a hash of its content.
    names = {name for name in template.template()["Resources"] if name != "PolicyLayer"}
    assert names - made.keys() == absent
    assert any(name.startswith("PolicyLayer") for name in made)
    assert {resource["ResourceStatus"] for resource in made.values()} == {"CREATE_COMPLETE"}


def test_the_queues_have_the_numbers_of_the_template(stack: Stack) -> None:
    sqs = stack.cloud.client("sqs")
    for name in ("TriggerQueue", "LaterQueue"):
        attributes = sqs.get_queue_attributes(QueueUrl=stack.physical(name), AttributeNames=["All"])["Attributes"]
        assert attributes["VisibilityTimeout"] == str(template.properties(name)["VisibilityTimeout"])
        assert "deadLetterTargetArn" in attributes["RedrivePolicy"]


def test_the_worker_reads_both_queues_and_the_alias_is_of_the_same_code(stack: Stack) -> None:
    client = stack.cloud.client("lambda")
    mappings = client.list_event_source_mappings(FunctionName="lockstep-event-worker")["EventSourceMappings"]
    assert {mapping["EventSourceArn"].rsplit(":", 1)[1] for mapping in mappings} == {"lockstep-triggers.fifo", "lockstep-later"}
    assert all(mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for mapping in mappings)
    assert client.get_alias(FunctionName="lockstep-reconcile", Name="approve")["FunctionVersion"] == "$LATEST"


def test_the_table_expires_rows_and_can_be_restored(stack: Stack) -> None:
    client, table = stack.cloud.client("dynamodb"), stack.outputs["LedgerTable"]
    keys = client.describe_table(TableName=table)["Table"]["KeySchema"]
    assert [(key["AttributeName"], key["KeyType"]) for key in keys] == [("pk", "HASH"), ("sk", "RANGE")]
    assert client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["AttributeName"] == "expires_at"
    backups = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_alarms_and_dashboard_are_there(stack: Stack) -> None:
    client = stack.cloud.client("cloudwatch")
    alarms = client.describe_alarms(AlarmNamePrefix="lockstep-")["MetricAlarms"]
    assert len(alarms) >= 14
    assert all("docs/operations.md#" in alarm["AlarmDescription"] for alarm in alarms)
    assert client.get_dashboard(DashboardName="lockstep")["DashboardBody"].startswith("{")


def test_both_schedules_are_there_and_wait_to_be_enabled(stack: Stack) -> None:
    schedules = stack.cloud.client("scheduler").list_schedules()["Schedules"]
    assert len(schedules) == 2 and {schedule["State"] for schedule in schedules} == {"DISABLED"}


def test_a_change_in_okta_goes_through_hook_queue_and_worker_to_identity_center(stack: Stack) -> None:
    stack.okta.change(add_member("AWS-000", login(11)))
    stack.settle()
    assert stack.differences() == []
    wait_until(lambda: stack.cloud.messages(stack.changes_url) > 0, "the change is told", 10)
    [event] = stack.changes()
    assert (event["source"], event["detail-type"], event["detail"]["outcome"]) == ("lockstep", "add_membership", "changed")
    assert event["detail"]["function"] == "event-worker" and "@" not in str(event["detail"])


def test_a_full_run_repairs_what_no_event_told(stack: Stack) -> None:
    stack.okta.deliver(paused=True)
    stack.okta.change(add_member("AWS-001", login(10)))
    assert stack.differences() != []
    assert stack.reconcile({"mode": "apply", "scope": "all"})["status"] == "applied"
    assert stack.differences() == []
    assert [event["detail"]["function"] for event in stack.changes()] == ["reconcile"]


def test_what_was_held_is_approved_through_the_alias_alone(stack: Stack) -> None:
    stack.okta.deliver(paused=True)
    stack.okta.change(remove_member("AWS-001", login(10)))
    report = stack.reconcile({"mode": "apply", "scope": "all"})
    assert report["status"] == "held", report
    approval = {"mode": "apply", "scope": "all", "approve": report["plan_hash"]}
    with pytest.raises(InvocationError, match="through the alias approve alone"):
        stack.reconcile(approval)
    with pytest.raises(InvocationError, match="takes approvals and nothing else"):
        stack.reconcile({"mode": "apply", "scope": "all"}, alias="approve")
    assert stack.differences() != []
    assert stack.reconcile(approval, alias="approve")["status"] == "applied"
    assert stack.differences() == []


def test_the_hook_asks_for_the_secret_that_the_stack_made_up(stack: Stack) -> None:
    assert len(stack.hook_secret()) == 64
    request = urllib.request.Request(stack.hook_url(), b"{}", {"authorization": "another"}, method="POST")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request, timeout=10)
