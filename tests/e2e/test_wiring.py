"""The sandbox is wired as the template deploys: otherwise these tests would prove something else."""

import pytest

from sandbox import Sandbox, template
from sandbox.functions import RESOURCES


@pytest.mark.parametrize("function", RESOURCES)
def test_a_function_has_the_variables_of_the_template_and_no_other(sandbox: Sandbox, function: str) -> None:
    ours = {name for name in sandbox.environment(function) if name.startswith("LOCKSTEP_")}
    assert ours == template.variables(RESOURCES[function])


def test_the_queue_waits_and_gives_up_as_the_template_says(sandbox: Sandbox) -> None:
    wanted = template.properties("TriggerQueue")
    sqs = sandbox.cloud.client("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=sandbox.queues.triggers, AttributeNames=["All"])["Attributes"]
    for name in ("DelaySeconds", "VisibilityTimeout", "MessageRetentionPeriod"):
        assert attributes[name] == str(wanted[name])


def test_everything_listens_on_the_loopback_address_alone(sandbox: Sandbox) -> None:
    for url in (sandbox.okta.url, sandbox.aws.url, sandbox.cloud.url, sandbox.hook_url):
        assert url.startswith("http://127.0.0.1:")


def test_every_parameter_has_a_default_and_says_what_it_is_for() -> None:
    parameters = template.template()["Parameters"]
    assert len(parameters) > 15
    lacking = [name for name, parameter in parameters.items() if "Default" not in parameter or len(parameter.get("Description", "")) < 20]
    assert lacking == []
    groups = template.template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(parameters), "the console shows each once"
