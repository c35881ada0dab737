"""The template itself, deployed: what it makes comes to exist, and does the main job."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from sandbox import template
from sandbox.functions import InvocationError
from sandbox.processes import wait_until
from sandbox.stack import Stack, missing
from worlds import add_member, login, remove_member, world

PLAIN_ALARMS = ("events-wait", "hook-failed", "hook-unauthorized", "run-stopped", "scim-token-expires")
"""The alarms over one metric, without an expression."""


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


def test_the_table_has_the_ledgers_keys_and_outlives_the_stack(stack: Stack) -> None:
    description = stack.cloud.client("dynamodb").describe_table(TableName=stack.outputs["LedgerTable"])["Table"]
    assert [(key["AttributeName"], key["KeyType"]) for key in description["KeySchema"]] == [("pk", "HASH"), ("sk", "RANGE")]
    assert description["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    # ministack's CloudFormation drops these two properties, so they are looked at where they are said.
    wanted = template.properties("Ledger")
    assert wanted["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert wanted["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert template.template()["Resources"]["Ledger"]["DeletionPolicy"] == "Retain"


def test_alarms_and_dashboard_are_there(stack: Stack) -> None:
    client = stack.cloud.client("cloudwatch")
    alarms = client.describe_alarms(AlarmNamePrefix="lockstep-")["MetricAlarms"]
    # Those over one metric: ministack takes no expressions.
    assert {alarm["AlarmName"] for alarm in alarms} == {f"lockstep-{name}" for name in PLAIN_ALARMS}
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
    wait_until(lambda: stack.cloud.messages(stack.changes_url) > 0, "the change is told", 10)
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


def test_an_http_api_is_the_other_way_in(folder: Path) -> None:
    if what := missing():
        pytest.skip(what)
    parameters = {"HookEndpoint": "HTTP_API"}
    with Stack(folder.with_name(f"{folder.name}-api"), parameters, world(4, 1, 2)) as deployed:
        assert "EventHookUrl" not in deployed.resources()
        deployed.connect()
        deployed.okta.change(add_member("AWS-000", login(3)))
        deployed.settle()
        assert deployed.differences() == []


def test_the_hook_asks_for_the_secret_that_the_stack_made_up(stack: Stack) -> None:
    assert len(stack.hook_secret()) == 64
    request = urllib.request.Request(stack.hook_url(), b"{}", {"authorization": "another"}, method="POST")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request, timeout=10)
