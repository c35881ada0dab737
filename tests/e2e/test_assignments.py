"""What groups give: rules, asynchronous operations, and what is in their way, over the real binaries."""

from collections import Counter
from typing import Any

import pytest

from sandbox import Sandbox, check
from sandbox.functions import RECONCILE
from sandbox.processes import wait_until
from sandbox.runtime_api import Function
from worlds import world

UNITS = ["Workloads/Prod", "Workloads/Dev", "Sandbox"]
"""Accounts go round these units: of six, the first and the fourth are in the first unit."""

FIRST, SECOND, FOURTH = "000000000001", "000000000002", "000000000004"


def rule(group: str = "^AWS-000$", accounts: str = "ou:Workloads/Prod", permission_set: str = "Admin") -> str:
    """A rule's text."""
    return f"\n[[assignment]]\ngroup = '{group}'\naccounts = ['{accounts}']\npermission_sets = ['{permission_set}']\n"


def company(accounts: int = 6, groups: int = 3, **shape: Any) -> dict[str, Any]:
    """A world with accounts, in lockstep but for what the rules give."""
    organization = {"accounts": accounts, "units": UNITS, "permission_sets": ["ReadOnly", "Admin"]}
    return world(12, groups, 2, organization=organization, **shape)


def given(sandbox: Sandbox) -> set[tuple[str, str, str]]:
    """Group, permission set and account of what managed groups have."""
    return check.assignments(sandbox.aws.state())


def admin(*accounts: str, group: str = "AWS-000") -> set[tuple[str, str, str]]:
    """The permission set Admin on some accounts."""
    return {(group, "Admin", account) for account in accounts}


def kinds(report: dict[str, Any]) -> list[str]:
    """The kinds of what is unresolved."""
    return [entry["kind"] for entry in report["unresolved"]]


def creations(sandbox: Sandbox) -> int:
    """How many assignments were begun since the calls were forgotten."""
    return sandbox.aws.calls().of("CreateAccountAssignment")


def test_a_rule_by_unit_gives_a_group_its_access_and_a_second_run_has_nothing_to_do(sandbox: Sandbox) -> None:
    sandbox.reset(company(), rules=rule())
    report = sandbox.apply()
    assert (report["status"], report["outcomes"]["changed"]) == ("applied", 2)
    assert given(sandbox) == admin(FIRST, FOURTH)
    assert sandbox.apply()["status"] == "converged"


def test_names_in_the_form_of_oktas_own_app_give_what_they_say(sandbox: Sandbox) -> None:
    names = [f"aws#prod#Admin#{FIRST}", f"aws_{SECOND}_ReadOnly"]
    rules = rule(r"^aws\#\S+\#(?{{role}}[\w\-]+)\#(?{{accountid}}\d+)$", "${accountid}", "${role}")
    rules += rule(r"^aws_(?{{accountid}}\d+)_(?{{role}}[a-zA-Z0-9+=,.@\-_]+)", "${accountid}", "${role}")
    sandbox.reset(company(groups=0), {"groups": {"match": ["^aws[#_]"]}}, rules)
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change(*({"op": "add_group", "name": name} for name in names))
    assert sandbox.apply()["status"] == "applied"
    assert given(sandbox) == {(names[0], "Admin", FIRST), (names[1], "ReadOnly", SECOND)}


def test_s10_a_renamed_group_gains_before_it_loses(sandbox: Sandbox) -> None:
    sandbox.reset(company(), rules=rule("^AWS-(?<set>[A-Za-z]+)$", FIRST, "${set}"))
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change({"op": "rename_group", "group": "AWS-000", "name": "AWS-ReadOnly"})
    sandbox.apply()
    [before] = [group["id"] for group in sandbox.aws.state()["groups"] if group["display_name"] == "AWS-ReadOnly"]
    sandbox.okta.change({"op": "rename_group", "group": "AWS-ReadOnly", "name": "AWS-Admin"})
    sandbox.forget_calls()
    assert sandbox.apply()["status"] == "applied"
    writes = ("UpdateGroup", "CreateAccountAssignment", "DeleteAccountAssignment")
    assert [call["operation"] for call in sandbox.aws.calls().calls if call["operation"] in writes] == list(writes)
    assert given(sandbox) == admin(FIRST, group="AWS-Admin")
    [after] = [group["id"] for group in sandbox.aws.state()["groups"] if group["display_name"] == "AWS-Admin"]
    assert before == after


def test_s35_a_conflicting_operation_is_waited_out(sandbox: Sandbox) -> None:
    sandbox.reset(company(), rules=rule())
    sandbox.aws.fault("CreateAccountAssignment", {"kind": "exception", "name": "ConflictException"}, times=3)
    report = sandbox.apply()
    assert (report["status"], report["outcomes"]["failed"]) == ("applied", 0)
    assert given(sandbox) == admin(FIRST, FOURTH)


def test_s37_never_more_are_in_flight_than_the_limit(sandbox: Sandbox) -> None:
    sandbox.reset(company(accounts=72), rules=rule(accounts="name:account-*"))
    sandbox.aws.settings(assignments={"delay_ms": 300})
    report = sandbox.apply()
    assert (report["status"], report["outcomes"]["changed"], len(given(sandbox))) == ("applied", 72, 72)
    assert 1 < sandbox.aws.state()["most_in_flight"] <= 10


def test_s38_what_aws_gives_up_is_reported_and_not_tried_again_in_the_next_run(sandbox: Sandbox) -> None:
    sandbox.reset(company(accounts=30), rules=rule())
    sandbox.aws.change({"op": "decide", "fate": {"account": FIRST, "failure": "the account has too many roles", "times": 1}})
    report = sandbox.apply()
    assert (report["status"], report["outcomes"]["changed"], report["outcomes"]["failed"]) == ("partial", 9, 1)
    assert "the account has too many roles" in report["failures"][0]["error"]
    sandbox.forget_calls()
    soon = sandbox.apply()
    assert (soon["status"], soon["outcomes"]["not_attempted"], creations(sandbox)) == ("partial", 1, 0)
    assert len(given(sandbox)) == 9


def test_s39_what_is_still_going_on_at_the_deadline_is_found_by_the_next_run_and_not_begun_again(sandbox: Sandbox) -> None:
    sandbox.reset(company(), rules=rule())
    sandbox.aws.settings(assignments={"delay_ms": 25_000})
    with Function(RECONCILE, sandbox.environment(RECONCILE), sandbox.folder / "single", timeout_seconds=20) as function:
        report = function.invoke({"mode": "apply", "scope": "all"}).body
    assert (report["status"], report["outcomes"]["pending"], given(sandbox)) == ("partial", 2, set())
    report = sandbox.apply()
    assert (report["status"], creations(sandbox)) == ("applied", 2)
    assert given(sandbox) == admin(FIRST, FOURTH)


def test_s40_a_suspended_account_is_frozen_and_served_when_it_is_active_again(sandbox: Sandbox) -> None:
    sandbox.reset(company(), rules=rule())
    sandbox.aws.change({"op": "set_account_state", "account": FIRST, "state": "SUSPENDED"})
    report = sandbox.apply()
    assert (kinds(report), given(sandbox)) == (["account_not_active"], admin(FOURTH))
    sandbox.aws.change({"op": "set_account_state", "account": FIRST, "state": "ACTIVE"})
    with Function(RECONCILE, sandbox.environment(RECONCILE), sandbox.folder / "single") as function:
        assert function.invoke({"mode": "apply", "scope": "all"}).body["status"] == "applied"
    assert given(sandbox) == admin(FIRST, FOURTH)


def test_s41_a_delegated_administrator_makes_no_call_that_must_fail(sandbox: Sandbox) -> None:
    sandbox.reset(company(), rules=rule(accounts="all"))
    sandbox.aws.settings(assignments={"delegated_admin": True})
    report = sandbox.apply()
    assert (kinds(report), report["outcomes"]["failed"]) == (["management_account"], 0)
    assert len(given(sandbox)) == creations(sandbox) == 6, "every account but the management account"


@pytest.mark.parametrize("operation", ["ListAccountAssignmentsForPrincipal", "ListPermissionSets", "ListAccounts"])
def test_s42_a_look_up_that_fails_is_no_absence(sandbox: Sandbox, operation: str) -> None:
    sandbox.reset(company(), rules=rule())
    sandbox.apply()
    sandbox.aws.fault(operation, {"kind": "exception", "name": "AccessDeniedException"}, times=None)
    with Function(RECONCILE, sandbox.environment(RECONCILE), sandbox.folder / "single") as function:
        report = function.invoke({"mode": "apply", "scope": "all"}).body
    sandbox.aws.forget_faults()
    assert (report["outcomes"]["changed"], given(sandbox)) == (0, admin(FIRST, FOURTH)), report


def test_s43_a_permission_set_that_is_not_there_holds_the_rules_removals(sandbox: Sandbox) -> None:
    sandbox.reset(company(), rules=rule())
    sandbox.apply()
    sandbox.write_policy(rules=rule(permission_set="Renamed"))
    report = sandbox.apply()
    assert (kinds(report), given(sandbox)) == (["unknown_permission_set"], admin(FIRST, FOURTH))
    assert "Renamed" in report["unresolved"][0]["reason"]


def test_s48_what_was_changed_by_hand_is_repaired_and_other_groups_are_left_alone(sandbox: Sandbox) -> None:
    sandbox.reset(company(), rules=rule())
    sandbox.apply()
    by_hand = {"group": "AWS-001", "account": SECOND, "permission_set": "ReadOnly"}
    sandbox.aws.change(
        {"op": "unassign", "group": "AWS-000", "account": FIRST, "permission_set": "Admin"},
        {"op": "assign", "group": "AWS-000", "account": SECOND, "permission_set": "Admin"},
        {"op": "assign", **by_hand},
    )
    report = sandbox.apply()
    assert Counter(line["action"] for line in report["plan"]) == {"create_assignment": 1, "delete_assignment": 1}
    assert given(sandbox) == admin(FIRST, FOURTH) | {("AWS-001", "ReadOnly", SECOND)}


def test_s48_a_group_that_was_deleted_by_hand_comes_back_with_its_members_and_its_access(sandbox: Sandbox) -> None:
    sandbox.reset(company(), rules=rule())
    sandbox.apply()
    sandbox.aws.change({"op": "remove_group", "group": "AWS-000"})
    assert sandbox.apply()["status"] == "applied"
    assert given(sandbox) == admin(FIRST, FOURTH)
    assert sandbox.differences() == []


def test_s51_what_moves_is_kept_where_the_new_access_cannot_be_granted(sandbox: Sandbox) -> None:
    sandbox.reset(company(), rules=rule())
    sandbox.apply()
    sandbox.aws.change({"op": "decide", "fate": {"permission_set": "ReadOnly", "failure": "no"}})
    sandbox.write_policy(rules=rule(permission_set="ReadOnly"))
    outcomes = sandbox.apply()["outcomes"]
    assert (outcomes["failed"], outcomes["not_attempted"], given(sandbox)) == (2, 2, admin(FIRST, FOURTH))


def test_s52_a_changed_rule_touches_its_own_assignments_only(sandbox: Sandbox) -> None:
    other = rule("^AWS-001$", SECOND)
    sandbox.reset(company(), rules=rule() + other)
    sandbox.apply()
    sandbox.write_policy(rules=rule(permission_set="ReadOnly") + other)
    sandbox.forget_calls()
    assert sandbox.apply()["status"] == "applied"
    assert given(sandbox) == {("AWS-000", "ReadOnly", FIRST), ("AWS-000", "ReadOnly", FOURTH)} | admin(SECOND, group="AWS-001")
    assert sandbox.aws.calls().of("CreateAccountAssignment", "DeleteAccountAssignment") == 4


def test_a_new_group_gets_its_access_by_the_event_alone(sandbox: Sandbox) -> None:
    sandbox.reset(company(), rules=rule("^AWS-new$"))
    sandbox.apply()
    sandbox.okta.change({"op": "add_group", "name": "AWS-new"})
    sandbox.settle()
    wait_until(lambda: given(sandbox) == admin(FIRST, FOURTH, group="AWS-new"), "the new group has its access", 30)


def test_a_group_too_many_is_marked_in_the_plan_and_never_tried(sandbox: Sandbox) -> None:
    sandbox.reset(company(), rules=rule("^AWS-", FIRST))
    others = [f"Other-{number}" for number in range(99)]
    sandbox.aws.change(
        *({"op": "add_group", "display_name": name} for name in others),
        *({"op": "assign", "group": name, "account": FIRST, "permission_set": "Admin"} for name in others),
    )
    report = sandbox.apply()
    outcomes = report["outcomes"]
    assert (outcomes["changed"], outcomes["not_attempted"], outcomes["failed"], creations(sandbox)) == (1, 2, 0, 1)
    assert sum("AWS allows 100 groups" in line["reason"] for line in report["plan"]) == 2


def test_reads_cost_one_call_a_group_whatever_the_number_of_accounts(sandbox: Sandbox) -> None:
    sandbox.reset(company(accounts=40, groups=30), rules=rule("^AWS-", "name:account-*", "ReadOnly"))
    sandbox.aws.change(
        *(
            {"op": "assign", "group": f"AWS-{group:03}", "account": f"{account:012}", "permission_set": "ReadOnly"}
            for group in range(30)
            for account in range(1, 41)
        )
    )
    assert sandbox.apply()["status"] == "converged"
    calls = sandbox.aws.calls()
    assert calls.of("ListAccountAssignmentsForPrincipal") == 30
    assert calls.of("ListAccountAssignments") == 0
