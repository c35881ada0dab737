"""The event hook's address, as anyone on the internet reaches it."""

import json
import time
import uuid
from typing import Any

import pytest

from sandbox import Sandbox, deliveries
from sandbox.functions import HOOK
from sandbox.runtime_api import Function
from sandbox.sandbox import HOOK_PASSWORD
from worlds import add_member, login, world


def about(user: str, **more: Any) -> deliveries.Event:
    """An event that adds this user to a group. What was about the same user within 2 s is queued once, so tests take another one each."""
    target = [{"id": user, "type": "User", "alternateId": "a@example.com"}, {"id": "00g1", "type": "UserGroup"}]
    outcome = {"result": "SUCCESS"}
    event = {"uuid": "1", "published": "2026-11-24T10:00:00.000Z", "eventType": "group.user_membership.add"}
    return {**event, "outcome": outcome, "target": target, **more}


BURST = 1000
"""Deliveries of one event each. `bin/bench` measures ten thousand, within a minute."""


def request(delivery: dict[str, Any]) -> dict[str, Any]:
    """A delivery as a function URL gives it to the function."""
    http = {"requestContext": {"http": {"method": "POST"}}, "headers": {"authorization": HOOK_PASSWORD}}
    return {"version": "2.0", **http, "body": json.dumps(delivery), "isBase64Encoded": False}


def test_s25_the_challenge_is_answered_without_a_secret(sandbox: Sandbox) -> None:
    answer = deliveries.call(sandbox.hook_url, "GET", headers={"X-Okta-Verification-Challenge": "a challenge"})
    assert (answer.status, json.loads(answer.body)) == (200, {"verification": "a challenge"})
    assert deliveries.call(sandbox.hook_url, "GET").status == 400


@pytest.mark.parametrize("secret", [None, "", "wrong", HOOK_PASSWORD[:-1], f"{HOOK_PASSWORD}x"], ids=repr)
def test_s25_without_the_secret_nothing_is_looked_at_or_queued(sandbox: Sandbox, secret: str | None) -> None:
    body = json.dumps(deliveries.envelope([about("00u1")])).encode()
    answer = deliveries.post(sandbox, body, secret)
    assert answer.status == 401, answer.body
    assert deliveries.post(sandbox, b"{", secret).status == 401, "the body is not even looked at"
    assert sandbox.cloud.messages(sandbox.queues.triggers) == 0


BAD_BODIES = {
    "empty": (b"", "is not JSON"),
    "not JSON": (b"{", "is not JSON"),
    "a list": (b"[]", "the body is a list"),
    "no data": (b"{}", "`data`"),
    "data is a text": (b'{"data":"x"}', "`data` is a text"),
    "events is an object": (b'{"data":{"events":{}}}', "`data.events` is an object"),
    "deep": (b'{"data":{"events":' + b"[" * 100 + b"]" * 100 + b"}}", "nested deeper than 64"),
    "huge": (b'{"data":{"events":["' + b"x" * (5 * 1024 * 1024) + b'"]}}', "and at most 5242880 are taken"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_s25_a_body_that_is_no_delivery_is_refused_with_its_place_and_the_next_good_one_is_queued(sandbox: Sandbox, name: str) -> None:
    body, words = BAD_BODIES[name]
    answer = deliveries.post(sandbox, body)
    assert answer.status == 400, answer.body
    assert words in json.loads(answer.body)["error"]
    assert sandbox.cloud.messages(sandbox.queues.triggers) == 0
    assert deliveries.deliver(sandbox, [about(f"00u{uuid.uuid4().hex[:17]}")]).status == 204
    assert sandbox.cloud.messages(sandbox.queues.triggers) == 1
    # Its user and group are made up: nothing is to be worked off.
    sandbox.cloud.empty(sandbox.queues.triggers)


def test_s25_a_delivery_of_nothing_of_interest_is_taken_and_queues_nothing(sandbox: Sandbox) -> None:
    odd = [{}, {"eventType": "user.session.clear"}, {"eventType": 7}, about("00u1", target=None), about("00u1", target=[])]
    for events in [[], odd]:
        assert deliveries.post(sandbox, json.dumps({"data": {"events": events}}).encode()).status == 200
    assert sandbox.cloud.messages(sandbox.queues.triggers) == 0


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
def test_s25_other_methods_are_refused(sandbox: Sandbox, method: str) -> None:
    assert deliveries.call(sandbox.hook_url, method, headers={"authorization": HOOK_PASSWORD}).status == 405


def test_s24_a_burst_of_deliveries_is_acknowledged_within_three_seconds_each_and_all_of_it_is_queued(sandbox: Sandbox) -> None:
    """A process as Lambda starts it, without the worker: what it queues stays there to be counted."""
    queue = sandbox.cloud.make_queue(f"burst-{uuid.uuid4().hex}.fifo", {"FifoQueue": "true"})
    env = {**sandbox.environment(HOOK), "LOCKSTEP_QUEUE_URL": queue}
    waits, users = [], [f"00u{number:017}" for number in range(BURST)]
    with Function(HOOK, env, sandbox.folder / "single") as hook:
        for user in users:
            began = time.monotonic()
            answer = hook.invoke(request(deliveries.envelope([about(user)])))
            waits.append(time.monotonic() - began)
            assert answer.body["statusCode"] == 204, answer
    # The 99th percentile: a machine that stands still once is none of the hook's doing.
    assert sorted(waits)[BURST * 99 // 100] < 3
    assert sandbox.cloud.messages(queue) == BURST


def test_a_good_event_among_odd_ones_is_worked_off(sandbox: Sandbox) -> None:
    sandbox.reset(world(12, 3, 4))
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change(add_member("AWS-000", login(11)))
    good = deliveries.happened(sandbox)
    assert deliveries.deliver(sandbox, [{"eventType": 7, "published": ""}, *good, about("00u1", target="x")]).status == 204
    sandbox.wait_until_idle()
    assert sandbox.differences() == []
