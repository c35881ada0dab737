"""Event hook deliveries, from Okta to Identity Center."""

import itertools
import json
import time

import pytest

from sandbox import Sandbox, deliveries, functions
from sandbox.deliveries import Event
from sandbox.functions import HOOK, WORKER
from sandbox.processes import wait_until
from worlds import add_member, login, members, remove_member, world


def test_a_member_added_in_okta_is_added_within_seconds(sandbox: Sandbox) -> None:
    sandbox.reset(world(12, 3, 4))
    sandbox.okta.change(add_member("AWS-000", login(11)))
    # `bin/bench` says within how many; here it is the event that does it, and no schedule, of which the sandbox starts none by itself.
    wait_until(lambda: login(11) in members(sandbox, "AWS-000"), "the member is there", 30)
    assert sandbox.differences() == []


def test_s17_a_suspension_takes_memberships_and_its_end_restores_them(sandbox: Sandbox) -> None:
    sandbox.reset(world(12, 3, 4))
    sandbox.okta.change({"op": "suspend", "user": login(0)})
    sandbox.settle()
    assert login(0) not in members(sandbox, "AWS-000")
    assert len(sandbox.aws.state()["users"]) == 12, "a suspended user is not deleted"
    sandbox.okta.change({"op": "reactivate", "user": login(0)})
    sandbox.settle()
    assert login(0) in members(sandbox, "AWS-000")
    assert sandbox.differences() == []


@pytest.mark.parametrize("is_reordered", [False, True])
def test_s17_suspended_and_unsuspended_within_seconds_ends_as_okta_says(sandbox: Sandbox, is_reordered: bool) -> None:
    sandbox.reset(world(12, 3, 4))
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change({"op": "suspend", "user": login(0)}, {"op": "reactivate", "user": login(0)})
    events = deliveries.happened(sandbox)
    assert [event["eventType"] for event in events] == ["user.lifecycle.suspend", "user.lifecycle.unsuspend"]
    for event in reversed(events) if is_reordered else events:
        assert deliveries.deliver(sandbox, [event]).status == 204
    sandbox.wait_until_idle()
    assert sandbox.aws.calls().writes == 0
    assert sandbox.differences() == []


def test_s20_the_same_delivery_five_times_is_one_write(sandbox: Sandbox) -> None:
    sandbox.reset(world(12, 3, 4))
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change(add_member("AWS-000", login(11)))
    events = deliveries.happened(sandbox)
    for _ in range(3):
        assert deliveries.deliver(sandbox, events, "the-same-id").status == 204
    sandbox.wait_until_idle()
    for _ in range(2):
        assert deliveries.deliver(sandbox, events, "the-same-id").status == 204
    sandbox.wait_until_idle()
    assert sandbox.aws.calls().writes == 1
    assert sandbox.differences() == []


def test_an_event_off_the_partner_bus_is_worked_off_as_one_of_the_hook(sandbox: Sandbox) -> None:
    sandbox.reset(world(12, 3, 4))
    [event] = deliveries.taken(sandbox, add_member("AWS-000", login(11)))
    source = "aws.partner/okta.com/acme/lockstep"
    functions.invoke(sandbox.cloud, HOOK, {"version": "0", "source": source, "detail-type": "SystemLog", "detail": event})
    sandbox.wait_until_idle()
    assert sandbox.aws.calls().writes == 1
    assert sandbox.differences() == []


def groupings(events: list[Event]) -> list[list[list[Event]]]:
    """All ways in which these events, in this order, can be spread over deliveries."""
    cuts = range(1, len(events))
    ways = itertools.chain.from_iterable(itertools.combinations(cuts, count) for count in range(len(events)))
    return [[events[start:end] for start, end in itertools.pairwise([0, *way, len(events)])] for way in ways]


def test_s21_three_events_on_one_pair_in_every_order_and_grouping_end_as_okta_says(sandbox: Sandbox) -> None:
    """Users 0 to 23 are members and end outside; users 24 to 47 are not and end inside. Each stands for one order and grouping."""
    sandbox.reset(world(48, 1, 24), {"guard": {"max_percent_of_group": 100}})
    sandbox.okta.deliver(paused=True)
    into, out = add_member, remove_member
    for number in range(48):
        steps = (out, into, out) if number < 24 else (into, out, into)
        sandbox.okta.change(*(step("AWS-000", login(number)) for step in steps))
    events = deliveries.happened(sandbox)
    bodies = [body for start in (0, 72) for body in one_way_for_each_user(events[start : start + 72])]
    assert len(bodies) == 2 * 6 * (1 + 2 + 2 + 3)
    for body in bodies:
        assert deliveries.deliver(sandbox, body).status == 204
    sandbox.wait_until_idle()
    assert sandbox.sides().wanted == {("AWS-000", login(number)) for number in range(24, 48)}
    assert sandbox.differences() == []
    assert sandbox.aws.calls().writes == 48


def one_way_for_each_user(events: list[Event]) -> list[list[Event]]:
    """The deliveries of 24 users with three events each: of each user in another one of the 6 orders and 4 groupings."""
    users = [list(events[at : at + 3]) for at in range(0, len(events), 3)]
    ways = [(order, grouping) for order in itertools.permutations(range(3)) for grouping in range(4)]
    bodies = []
    for user, (order, grouping) in zip(users, ways, strict=True):
        bodies += groupings([user[at] for at in order])[grouping]
    return bodies


def test_s23_a_removal_that_arrives_after_the_user_was_added_again_removes_nothing(sandbox: Sandbox) -> None:
    sandbox.reset(world(12, 3, 4))
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change(remove_member("AWS-000", login(0)))
    [removal] = deliveries.happened(sandbox)
    sandbox.okta.change(add_member("AWS-000", login(0)))
    assert sandbox.apply()["status"] == "converged"
    assert deliveries.deliver(sandbox, [removal]).status == 204
    sandbox.wait_until_idle()
    assert sandbox.aws.calls().writes == 0
    assert login(0) in members(sandbox, "AWS-000")


def test_s26_a_queue_that_is_down_once_is_a_503_and_oktas_second_try_is_worked_off_once(sandbox: Sandbox) -> None:
    sandbox.reset(world(12, 3, 4))
    sandbox.okta.deliver(retry_after_ms=10_000, paused=True)
    sandbox.okta.change(add_member("AWS-000", login(11)))
    sqs = sandbox.cloud.client("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=sandbox.queues.triggers, AttributeNames=["All"])["Attributes"]
    kept = {"FifoQueue", "ContentBasedDeduplication", "DelaySeconds", "VisibilityTimeout", "MessageRetentionPeriod", "RedrivePolicy"}
    sqs.delete_queue(QueueUrl=sandbox.queues.triggers)
    sandbox.okta.deliver(paused=False)
    wait_until(lambda: len(sandbox.okta.deliveries()) == 1, "the first try is answered", 10)
    sandbox.cloud.make_queue("triggers.fifo", {name: value for name, value in attributes.items() if name in kept})
    wait_until(lambda: len(sandbox.okta.deliveries()) == 2, "Okta has tried again", 20)
    assert [(made["attempt"], made["status"]) for made in sandbox.okta.deliveries()] == [(1, 503), (2, 204)]
    sandbox.wait_until_idle()
    assert sandbox.aws.calls().writes == 1
    assert sandbox.differences() == []


def test_s28_a_group_that_is_not_managed_costs_two_okta_calls_at_most_and_no_write(sandbox: Sandbox) -> None:
    sandbox.reset(world(12, 3, 4, okta=[{"op": "add_group", "name": "Marketing"}]))
    for change in (
        add_member("Marketing", login(1)),
        remove_member("Marketing", login(1)),
        {"op": "rename_group", "group": "Marketing", "name": "Sales"},
    ):
        sandbox.forget_calls()
        sandbox.okta.change(change)
        sandbox.settle()
        assert 1 <= sandbox.okta.calls().total <= 2, change
        assert sandbox.aws.calls().writes == 0, change
    assert sandbox.differences() == []


def test_s50_one_membership_costs_a_warm_worker_two_okta_and_three_identity_center_calls(sandbox: Sandbox) -> None:
    sandbox.reset(world(200, 30, 10))
    sandbox.okta.change(add_member("AWS-000", login(100)))
    sandbox.settle()
    for change in (add_member("AWS-001", login(101)), remove_member("AWS-002", login(20))):
        sandbox.forget_calls()
        sandbox.okta.change(change)
        sandbox.settle()
        assert sandbox.okta.calls().total <= 2, sandbox.okta.calls().counts
        assert sandbox.aws.calls().total <= 3, sandbox.aws.calls().counts
        assert sandbox.aws.calls().writes == 1
    assert sandbox.differences() == []


def test_s50_a_suspended_user_with_k_memberships_costs_four_calls_and_k(sandbox: Sandbox) -> None:
    sandbox.reset(world(200, 30, 10))
    groups = [f"AWS-{number:03}" for number in range(10, 15)]
    sandbox.okta.change(*(add_member(group, login(0)) for group in groups))
    sandbox.settle()
    k = sum(1 for _, user in sandbox.sides().actual if user == login(0))
    assert k > len(groups)
    sandbox.forget_calls()
    sandbox.okta.change({"op": "suspend", "user": login(0)})
    sandbox.settle()
    assert sandbox.aws.calls().writes == k
    assert sandbox.okta.calls().total <= 2, sandbox.okta.calls().counts
    assert sandbox.aws.calls().total <= 2 + k, sandbox.aws.calls().counts
    assert sandbox.differences() == []


def test_s15_a_member_who_is_provisioned_later_gets_the_membership_through_the_later_queue(sandbox: Sandbox) -> None:
    sandbox.reset(world(12, 3, 4))
    [joiner] = sandbox.okta.change({"op": "add_user", "login": "joiner@example.com"})
    sandbox.okta.change(add_member("AWS-000", "joiner@example.com"), add_member("AWS-000", login(11)))
    sandbox.settle()
    assert members(sandbox, "AWS-000") == {login(number) for number in (0, 1, 2, 3, 11)}, "others do not wait for the joiner"
    assert sandbox.cloud.messages(sandbox.queues.later) >= 1
    sandbox.aws.change({"op": "add_user", "user_name": "joiner@example.com", "external_id": joiner["id"]})
    wait_until(lambda: "joiner@example.com" in members(sandbox, "AWS-000"), "the joiner is a member", 40)
    wait_until(lambda: sandbox.cloud.messages(sandbox.queues.later) == 0, "nothing is put off any more", 40)
    assert sandbox.differences() == []


def test_what_came_while_paused_is_put_off_and_done_after_the_pause_without_a_schedule(sandbox: Sandbox) -> None:
    sandbox.reset(world(12, 3, 4))
    sandbox.reconcile({"pause": True})
    sandbox.okta.change({"op": "suspend", "user": login(0)})
    sandbox.settle()
    assert (sandbox.aws.calls().writes, sandbox.cloud.messages(sandbox.queues.later)) == (0, 1)
    sandbox.reconcile({"pause": False})
    wait_until(lambda: sandbox.differences() == [], "the leaver has lost everything", 60)
    wait_until(lambda: sandbox.cloud.messages(sandbox.queues.later) == 0, "nothing is put off any more", 60)


def test_a_malformed_message_goes_to_the_dead_letters_and_holds_nothing_up(sandbox: Sandbox) -> None:
    sandbox.reset(world(12, 3, 4))
    began = time.time()
    odd = ["no json", json.dumps({"v": 1, "lane": "odd"}), json.dumps({"v": 9, "lane": "rest", "target": {"user": "00u1"}})]
    for number, body in enumerate(odd):
        send = {"QueueUrl": sandbox.queues.triggers, "MessageBody": body, "MessageGroupId": "rest"}
        sandbox.cloud.client("sqs").send_message(**send, MessageDeduplicationId=f"{began}-{number}")
    sandbox.okta.change(add_member("AWS-000", login(11)))
    sandbox.settle()
    assert sandbox.differences() == [], "the good message behind them is worked off"
    assert sorted(sandbox.cloud.bodies(sandbox.queues.malformed)) == sorted(odd)
    assert sandbox.cloud.messages(sandbox.queues.triggers_dead) == 0, "they were acknowledged"
    errors = [line for line in sandbox.cloud.log_lines(WORKER, began) if line.get("level") == "ERROR"]
    assert len(errors) >= len(odd), "each of them is an error in the log"
