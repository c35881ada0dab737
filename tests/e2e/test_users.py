"""Managed users, and writes over SCIM, over the real binaries."""

from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.processes import wait_until
from worlds import add_member, login, remove_member, world

SCIM: dict[str, Any] = {"users": {"mode": "managed", "on_not_entitled": "disable"}, "writes": {"transport": "scim"}}
STORE: dict[str, Any] = {"users": {"mode": "managed"}}
TRANSPORTS = pytest.mark.parametrize("tables", [SCIM, STORE], ids=["scim", "identity_store"])


def unprovisioned(sandbox: Sandbox, users: int, groups: int, members: int, tables: dict[str, Any]) -> None:
    """A world that Identity Center knows nothing of."""
    sandbox.reset(world(users, groups, members, in_sync=False), tables)
    sandbox.aws.change(*({"op": "remove_user", "user": login(number)} for number in range(users)))
    sandbox.forget_calls()


def loaded(sandbox: Sandbox, tables: dict[str, Any]) -> None:
    """Twelve users in three groups of four, whom a first load has brought there."""
    unprovisioned(sandbox, 12, 3, 4, tables)
    report = sandbox.apply()
    assert report["status"] == "applied", report
    sandbox.forget_calls()


def user(sandbox: Sandbox, name: str) -> dict[str, Any]:
    """A user of Identity Center."""
    [found] = [user for user in sandbox.aws.state()["users"] if user["user_name"] == name]
    return dict(found)


def actions(report: dict[str, Any]) -> list[str]:
    """What a report's plan has."""
    return [line["action"] for line in report["plan"]]


@TRANSPORTS
def test_a_first_load_makes_users_groups_and_memberships_and_a_second_run_writes_nothing(sandbox: Sandbox, tables: dict[str, Any]) -> None:
    unprovisioned(sandbox, 12, 3, 4, tables)
    report = sandbox.apply()
    assert report["status"] == "applied", report
    assert len(sandbox.sides().actual) == 12
    assert sandbox.differences() == []
    writes = sandbox.aws.calls().writes
    sandbox.forget_calls()
    again = sandbox.apply()
    assert (again["status"], sandbox.aws.calls().writes) == ("converged", 0), again
    if tables is SCIM:
        assert writes == 12 + 2 * 3, "users, groups, and one request for the members of each"
        assert report["calls"]["scim"] >= 12 + 3
        assert all(group["external_ids"] for group in sandbox.aws.state()["groups"])


@TRANSPORTS
def test_a_joiner_is_made_and_added_by_the_event_alone(sandbox: Sandbox, tables: dict[str, Any]) -> None:
    loaded(sandbox, tables)
    profile = {"firstName": "New", "lastName": "Comer", "displayName": "New Comer", "email": "joiner@example.com"}
    sandbox.okta.change({"op": "add_user", "login": "joiner@example.com", "profile": profile}, add_member("AWS-000", "joiner@example.com"))
    sandbox.settle()
    wait_until(lambda: ("AWS-000", "joiner@example.com") in sandbox.sides().actual, "the joiner is a member", 40)
    assert sandbox.differences() == []


def test_s17_a_leaver_is_disabled_and_comes_back_as_the_same_user(sandbox: Sandbox) -> None:
    loaded(sandbox, SCIM)
    before = user(sandbox, login(0))
    sandbox.okta.change({"op": "suspend", "user": login(0)})
    sandbox.settle()
    assert sandbox.differences() == []
    assert not user(sandbox, login(0))["enabled"]
    sandbox.okta.change({"op": "reactivate", "user": login(0)})
    sandbox.settle()
    wait_until(lambda: user(sandbox, login(0))["enabled"], "the user is enabled again", 40)
    wait_until(lambda: sandbox.differences() == [], "and is back in the groups", 40)
    assert user(sandbox, login(0))["id"] == before["id"]


def test_s11_a_changed_login_is_an_update_of_the_same_user_without_a_gap(sandbox: Sandbox) -> None:
    loaded(sandbox, SCIM)
    before = user(sandbox, login(0))
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change({"op": "set_login", "user": login(0), "login": "ada.married@example.com"})
    report = sandbox.apply()
    assert (actions(report), report["status"]) == (["update_user"], "applied")
    assert user(sandbox, "ada.married@example.com")["id"] == before["id"]
    assert sandbox.aws.calls().writes == 1


def test_s12_a_recycled_login_is_not_handed_over(sandbox: Sandbox) -> None:
    loaded(sandbox, SCIM)
    old = user(sandbox, login(0))
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change(
        {"op": "set_login", "user": login(0), "login": "left@example.com"},
        {"op": "delete_user", "user": "left@example.com"},
        {"op": "add_user", "login": login(0)},
        add_member("AWS-001", login(0)),
    )
    report = sandbox.apply()
    assert "identity_conflict" in [entry["kind"] for entry in report["unresolved"]], report
    [group] = [group for group in sandbox.aws.state()["groups"] if group["display_name"] == "AWS-001"]
    assert old["id"] not in group["members"]


def test_s16_a_broken_record_is_quarantined_and_the_others_are_made(sandbox: Sandbox) -> None:
    unprovisioned(sandbox, 12, 3, 4, SCIM)
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change(
        {"op": "add_user", "login": "odd@example.com", "profile": {"email": "not an address", "lastName": "x" * 2000}},
        add_member("AWS-000", "odd@example.com"),
    )
    report = sandbox.apply()
    assert [entry["kind"] for entry in report["unresolved"]] == ["bad_record"], report["unresolved"]
    assert (report["outcomes"]["failed"], len(sandbox.sides().actual)) == (0, 12)


def test_s36_throttled_scim_calls_are_made_again_and_none_is_lost(sandbox: Sandbox) -> None:
    unprovisioned(sandbox, 12, 3, 4, SCIM)
    sandbox.aws.fault("ScimCreateUser", {"kind": "throttle", "seconds": 1}, times=3)
    sandbox.aws.fault("ScimPatchGroup", {"kind": "throttle", "seconds": 1}, times=2)
    report = sandbox.apply()
    assert (report["status"], report["outcomes"]["failed"]) == ("applied", 0), report
    assert sandbox.differences() == []


def test_members_change_in_one_request_a_group_over_scim(sandbox: Sandbox) -> None:
    loaded(sandbox, SCIM)
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change(*(add_member("AWS-000", login(number)) for number in (8, 9, 10)), remove_member("AWS-001", login(4)))
    report = sandbox.apply()
    assert report["status"] == "applied", report
    assert sandbox.aws.calls().of("ScimPatchGroup") == 2
    assert sandbox.differences() == []


def test_the_scim_transport_alone_changes_memberships_of_users_that_others_provision(sandbox: Sandbox) -> None:
    sandbox.reset(world(12, 3, 4, in_sync=False), {"writes": {"transport": "scim"}})
    report = sandbox.apply()
    assert report["status"] == "applied", report
    assert "create_user" not in actions(report)
    assert sandbox.differences() == []
    assert sandbox.aws.calls().of("CreateGroupMembership") == 0
