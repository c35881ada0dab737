"""Bad input of every kind: an error that names the place, nothing written, and a process that lives on."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sandbox import Sandbox, functions, policy
from sandbox.deliveries import envelope
from sandbox.functions import HOOK, RECONCILE, WORKER, InvocationError
from sandbox.runtime_api import Answer, Function
from sandbox.sandbox import HOOK_PASSWORD
from sandbox.simulators import TOKEN
from worlds import add_member, login, world

APPLY = {"mode": "apply", "scope": "all"}
DRY = {"mode": "dry_run", "scope": "all"}


@pytest.fixture
def drifted(sandbox: Sandbox) -> Sandbox:
    """A world in which a good run writes once."""
    sandbox.reset(world(12, 3, 4))
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change(add_member("AWS-000", login(11)))
    return sandbox


def refused(sandbox: Sandbox, payload: Any) -> str:
    """The words in which an invocation is refused."""
    with pytest.raises(InvocationError) as refusal:
        functions.invoke(sandbox.cloud, RECONCILE, payload)
    assert sandbox.okta.calls().total == 0, "nothing is read"
    assert sandbox.aws.calls().writes == 0
    assert sandbox.cloud.rows(functions.TABLE) == []
    return str(refusal.value)


POLICIES = {
    "an unknown key": ("[guard]\nmax_leaver = 3\n", 5, "max_leaver"),
    "an unknown table": ("[gaurd]\nmax_leavers = 3\n", 4, "gaurd"),
    "no TOML": ("[guard\n", 4, ""),
    "a bad regular expression": ("[guard]\nprotected_groups = ['(']\n", 5, "guard.protected_groups"),
    "a number that is none": ("[guard]\nmax_leavers = 'many'\n", 5, "many"),
    "a negative number": ("[guard]\nmax_leavers = -1\n", 5, "-1"),
    "a share above 1": ("[limits]\nokta_rate_share = 7\n", 5, "limits.okta_rate_share"),
    "a status that is none": ("[users]\nentitled = ['HAPPY']\n", 5, "users.entitled"),
}
HEAD = "[okta]\norg_url = {url!r}\n[groups]\nmatch = ['^AWS-']\n"


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_that_is_wrong_is_refused_with_its_line(drifted: Sandbox, name: str) -> None:
    more, line, word = POLICIES[name]
    head = HEAD.format(url=drifted.okta.url)
    drifted.policy_path.write_text(head + more)
    error = refused(drifted, APPLY)
    lines = head.count("\n")
    assert f"policy line {lines + line - 3}:" in error, error
    assert word in error
    drifted.write_policy()
    assert drifted.apply()["status"] == "applied", "the next run with a good policy works"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[groups]\nmatch = ['x']\n", "okta"),
        ("[okta]\norg_url = 'https://acme.okta.com'\n", "groups"),
        (HEAD.format(url="http://acme.okta.com"), "okta.org_url"),
        (HEAD.format(url="acme.okta.com"), "okta.org_url"),
        ("[okta]\norg_url = 'https://acme.okta.com'\n[groups]\nmatch = ['(']\n", "policy line 4: groups.match"),
        ("[okta]\norg_url = 'https://acme.okta.com'\n[groups]\nmatch = []\n", "policy line 4: groups.match"),
    ],
    ids=["no org", "no groups", "http off loopback", "no URL", "bad match", "no match"],
)
def test_a_policy_without_what_it_needs_is_refused(drifted: Sandbox, text: str, words: str) -> None:
    drifted.policy_path.write_text(text)
    assert words in refused(drifted, APPLY)
    drifted.write_policy()
    assert drifted.apply()["status"] == "applied"


def test_a_missing_or_unreadable_policy_is_refused_with_its_path(drifted: Sandbox) -> None:
    drifted.policy_path.unlink()
    assert f"there is no policy file at {drifted.policy_path}" in refused(drifted, APPLY)
    drifted.policy_path.write_bytes(b"\xff\xfe")
    assert "is no UTF-8 text" in refused(drifted, APPLY)
    drifted.write_policy()
    assert drifted.apply()["status"] == "applied"


PAYLOADS = {
    "an unknown field": ({"mod": "apply"}, '"mod" is not known'),
    "a mode that is none": ({"mode": "aply"}, '"mode" is "aply"'),
    "a scope that is none": ({"mode": "apply", "scope": "everything"}, '"scope"'),
    "an unknown scope": ({"mode": "apply", "scope": {"teams": ["x"]}}, '"teams"'),
    "no groups": ({"mode": "apply", "scope": {"groups": []}}, '"scope"."groups"'),
    "a user that is a number": ({"mode": "apply", "scope": {"users": ["a", 7]}}, '"scope"."users"[1] is 7'),
    "no time": ({"mode": "apply", "scope": {"changed_since": "yesterday"}}, '"yesterday"'),
    "a hash that is none": ({"mode": "apply", "approve": "abc"}, "no plan hash"),
    "an approval of a dry run": ({"approve": "ab" * 32}, '"mode"'),
    "a pause with more": ({"pause": True, "mode": "apply"}, '"pause"'),
    "a list": ([APPLY], "no object"),
    "a text": ("apply", "no object"),
    "a number": (7, "no object"),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_that_is_wrong_is_refused_and_says_what_is_accepted(drifted: Sandbox, name: str) -> None:
    payload, words = PAYLOADS[name]
    error = refused(drifted, payload)
    assert words in error and "accepted: " in error, error
    assert drifted.apply()["status"] == "applied"


@contextmanager
def fresh(sandbox: Sandbox, name: str, **variables: str) -> Iterator[Function]:
    """A function in a process of its own."""
    with Function(name, {**sandbox.environment(name), **variables}, sandbox.folder / "single") as function:
        yield function


SECRETS = {
    "not JSON": ("hunter2", "it is not JSON"),
    "no object": ('["hunter2"]', "it is no JSON object"),
    "no known shape": ('{"token":"hunter2"}', "it should be {"),
    "an empty token": ('{"api_token":""}', "its field api_token is empty"),
    "a line break": (json.dumps({"api_token": f"{TOKEN}\n"}), "white space"),
    "half a key": ('{"client_id":"c","key_id":"hunter2"}', "no field private_key"),
}


@pytest.mark.parametrize("name", SECRETS)
def test_an_okta_secret_that_is_wrong_is_refused_by_its_name_and_is_never_shown(drifted: Sandbox, name: str) -> None:
    text, words = SECRETS[name]
    secret = f"odd/{name.replace(' ', '-')}"
    secrets = drifted.cloud.client("secretsmanager")
    secrets.create_secret(Name=secret, SecretString=text)
    with fresh(drifted, RECONCILE, LOCKSTEP_OKTA_SECRET=secret) as function:
        error = function.invoke(APPLY).error
        assert secret in error and words in error, error
        assert "hunter2" not in function.printed() + error
        assert drifted.okta.calls().total == 0 and drifted.aws.calls().writes == 0
        secrets.put_secret_value(SecretId=secret, SecretString=json.dumps({"api_token": TOKEN}))
        assert works_soon(function), "the same process works once the secret is right"
    assert drifted.differences() == []


def test_an_okta_secret_that_is_missing_is_refused_by_its_name(drifted: Sandbox) -> None:
    with fresh(drifted, RECONCILE, LOCKSTEP_OKTA_SECRET="odd/missing") as function:
        error = function.invoke(APPLY).error
        assert "there is no secret odd/missing" in error, error
        assert drifted.aws.calls().writes == 0
        drifted.cloud.make_secret("odd/missing", {"api_token": TOKEN})
        assert works_soon(function)
    assert drifted.differences() == []


def works_soon(function: Function) -> bool:
    """Whether a run is carried out. A secret is read again at most so often, which the second try here gives it the time for."""
    return "applied" in {status(function.invoke(APPLY)), status(function.invoke(APPLY))}


def status(answer: Answer) -> str:
    """A report's status."""
    return str(answer.body["status"]) if answer.kind == "response" else answer.kind


def test_a_token_that_okta_refuses_ends_the_run_without_a_write(drifted: Sandbox) -> None:
    drifted.cloud.make_secret("odd/refused", {"api_token": "hunter2"})
    with fresh(drifted, RECONCILE, LOCKSTEP_OKTA_SECRET="odd/refused") as function:
        answer = function.invoke(APPLY)
        assert status(answer) in {"failed", "error"}, answer
        assert "hunter2" not in function.printed() + json.dumps(answer.body)
        assert status(function.invoke(DRY)) == status(answer), "the process lives"
    assert drifted.aws.calls().writes == 0


@pytest.mark.parametrize("name", [HOOK, WORKER, RECONCILE])
def test_an_environment_without_what_is_needed_is_said_whole_at_the_start(sandbox: Sandbox, name: str) -> None:
    names = [variable for variable in sandbox.environment(name) if variable.startswith("LOCKSTEP_")]
    with Function(name, {"LOCKSTEP_QUEUE_URL": "hunter2"}, sandbox.folder / "single") as function:
        function.wait_until_ended()
        printed = function.printed()
    needed = {"LOCKSTEP_HOOK_SECRET"} if name == HOOK else {"LOCKSTEP_TABLE", "LOCKSTEP_OKTA_SECRET"}
    assert needed <= set(names)
    assert all(f"{variable} is not set" in printed for variable in needed), printed
    assert "LOCKSTEP_QUEUE_URL is no URL of a FIFO queue" in printed
    assert "hunter2" not in printed


def post(body: bytes, secret: str = HOOK_PASSWORD) -> dict[str, Any]:
    """A POST as a function URL hands it on, its body in Base64."""
    return {
        "version": "2.0",
        "requestContext": {"http": {"method": "POST", "path": "/"}},
        "headers": {"authorization": secret, "content-type": "application/json"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


BODIES = {
    # ministack makes text of a body before a function sees it; AWS hands bytes on.
    "not UTF-8": (b'{"data":{"events":["\xff\xfe"]}}', "is not UTF-8 at byte 20"),
    "zeros": (b"\x00" * 100, "is not JSON"),
    "a million brackets": (b"[" * 1_000_000, "nested deeper than 64"),
    "a number": (b"1e999", "a number"),
}


@pytest.mark.parametrize("name", BODIES)
def test_s25_bytes_that_are_no_delivery_are_400_and_the_process_lives(sandbox: Sandbox, name: str) -> None:
    body, words = BODIES[name]
    with fresh(sandbox, HOOK) as function:
        answer = function.invoke(post(body)).body
        assert answer["statusCode"] == 400 and words in answer["body"], answer
        assert function.invoke(post(json.dumps(envelope([])).encode())).body["statusCode"] == 200
    assert sandbox.cloud.messages(sandbox.queues.triggers) == 0


@pytest.mark.parametrize("text", [None, "hunter2", '{"secret":"hunter2"}', '{"current":""}'])
def test_a_hook_secret_that_is_missing_or_wrong_is_a_503_that_okta_tries_again(sandbox: Sandbox, text: str | None) -> None:
    secrets = sandbox.cloud.client("secretsmanager")
    secret = f"odd/hook-{abs(hash(text))}"
    if text is not None:
        secrets.create_secret(Name=secret, SecretString=text)
    with fresh(sandbox, HOOK, LOCKSTEP_HOOK_SECRET=secret) as function:
        answer = function.invoke(post(b"{}"))
        assert answer.body["statusCode"] == 503, answer
        assert secret in function.printed() and "hunter2" not in function.printed() + json.dumps(answer.body)
        assert function.invoke(post(b"{}")).body["statusCode"] == 503, "the process lives"


HTML = {"kind": "html", "status": 200}


@pytest.mark.parametrize("what", [HTML, {"kind": "html", "status": 503}, {"kind": "truncated"}, {"kind": "cut_off"}], ids=str)
def test_a_page_in_between_is_never_taken_for_an_answer_of_okta(drifted: Sandbox, what: dict[str, Any]) -> None:
    drifted.okta.fault("GET /api/v1/groups", what, times=None)
    report = drifted.reconcile(APPLY)
    drifted.okta.forget_faults()
    assert report["status"] == "failed", report
    assert drifted.aws.calls().writes == 0
    assert drifted.apply()["status"] == "applied"
    assert drifted.differences() == []


def test_a_members_list_that_is_a_page_in_between_costs_only_its_own_group(drifted: Sandbox) -> None:
    [group] = [group["id"] for group in drifted.okta.state()["groups"] if group["name"] == "AWS-001"]
    drifted.okta.fault("GET /api/v1/groups/{id}/users", HTML, containing=group, times=None)
    report = drifted.reconcile(APPLY)
    drifted.okta.forget_faults()
    assert (report["status"], report["outcomes"]["changed"]) == ("partial", 1), report
    assert [entry["kind"] for entry in report["unresolved"]] == ["unreadable"]
    assert drifted.differences() == []


@pytest.mark.parametrize("body", [" ", "null", "[]", '"x"', "{}", '{"v":1}', '{"v":2}', "x" * 100_000], ids=lambda body: body[:9])
def test_a_message_that_is_no_trigger_is_acknowledged_and_kept(sandbox: Sandbox, body: str) -> None:
    record = {"messageId": "m-1", "body": body, "eventSource": "aws:sqs", "attributes": {}, "messageAttributes": {}}
    with fresh(sandbox, WORKER) as function:
        assert function.invoke({"Records": [record]}).body == {"batchItemFailures": []}
        assert function.invoke({"Records": []}).body == {"batchItemFailures": []}, "the process lives"
    assert sandbox.cloud.bodies(sandbox.queues.malformed) == [body]
    assert sandbox.okta.calls().total == 0


def test_a_worker_whose_policy_is_wrong_puts_its_messages_off_and_loses_none(drifted: Sandbox) -> None:
    drifted.policy_path.write_text("[okta]\n")
    drifted.okta.deliver(paused=False)
    drifted.okta.change(add_member("AWS-001", login(0)))
    drifted.settle()
    assert drifted.cloud.messages(drifted.queues.later) >= 1
    assert drifted.aws.calls().writes == 0
    drifted.policy_path.write_text(policy.text(drifted.okta.url))
    assert drifted.apply()["status"] == "applied"
    assert drifted.differences() == []
