"""`lockstep doctor` and `lockstep hook`, the real binary against the simulators: a healthy world passes, and each known trouble is told by
exactly its own checks, with the step that mends it."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from patients import ORGANIZATION, PROBE, RULE, Ended, Patient

from sandbox import Sandbox
from sandbox.processes import wait_until
from sandbox.sandbox import HOOK_PASSWORD
from worlds import world

STANDING = {"kind": "delay", "ms": 60_000}
"""A call in which the probe surely stands when the signal comes."""


def test_a_healthy_world_passes_every_check_and_nothing_is_written(patient: Patient) -> None:
    before = patient.aws.state()
    ended = patient.doctor()
    assert ended.code == 0, ended.out + ended.err
    skipped = [name for name, check in ended.findings().items() if check["verdict"] == "skipped"]
    assert (ended.troubles(), skipped) == ({}, []), ended.out
    assert patient.aws.state() == before
    assert patient.aws.calls().writes == 0
    table = patient.run("doctor", "--hook-url", patient.sandbox.hook_url)
    assert table.code == 0 and "28 passed, 0 with a warning, 0 failed, 0 not looked at" in table.out


def empty_200(patient: Patient) -> None:
    patient.okta.fault("GET /api/v1/users", {"kind": "empty"}, times=None)
    patient.refuse("GET /api/v1/groups", 403)


def edit_app(**record: Any) -> Callable[[Patient], None]:
    return lambda patient: drop(patient.okta.change({"op": "edit_app", "app": patient.app, "record": record}))


def drop(_: object) -> None:
    """Forgets an answer."""


def dead_token(patient: Patient) -> None:
    patient.okta.settings(tokens=["another"])


def other_email(patient: Patient) -> None:
    edit_app(credentials={"userNameTemplate": {"template": "${source.email}"}})(patient)
    patient.okta.change({"op": "set_profile", "user": "user3@example.com", "attribute": "email", "value": "three@example.com"})


def push(patient: Patient) -> None:
    patient.okta.change({"op": "push_group", "app": patient.app, "group": "AWS-001", "status": "ACTIVE"})


def hook_of(patient: Patient) -> dict[str, Any]:
    [hook] = patient.okta.api("GET", "eventHooks")
    known: dict[str, Any] = hook
    return known


def deactivate_hook(patient: Patient) -> None:
    patient.okta.api("POST", f"eventHooks/{hook_of(patient)['id']}/lifecycle/deactivate")


def change_hook(patient: Patient, **changes: Any) -> None:
    hook = hook_of(patient)
    hook["channel"]["config"]["authScheme"]["value"] = HOOK_PASSWORD
    hook["channel"]["config"].update(changes.pop("config", {}))
    patient.okta.api("PUT", f"eventHooks/{hook['id']}", {**hook, **changes})


def unverify_hook(patient: Patient) -> None:
    url = patient.sandbox.hook_url
    change_hook(patient, config={"uri": "http://127.0.0.1:9/"})
    change_hook(patient, config={"uri": url})


def two_event_types(patient: Patient) -> None:
    change_hook(patient, events={"type": "EVENT_TYPE", "items": ["group.user_membership.add", "user.lifecycle.suspend"]})


def delegated(patient: Patient) -> None:
    patient.aws.settings(account="000000000001", assignments={"delegated_admin": True})


def rename_rule(patient: Patient) -> None:
    patient.write_policy(RULE.replace("Set${number}", "Missing${number}"))


def idle_rule(patient: Patient) -> None:
    patient.write_policy(RULE.replace("^AWS-00", "^aws#"))


def wrong_pattern(patient: Patient) -> None:
    patient.write_policy("", lambda text: text.replace("^AWS-", "^aws#"))


def bad_policy(patient: Patient) -> None:
    patient.write_policy("", lambda text: text + "\n[unknown]\n")


def old_certificate(patient: Patient) -> None:
    patient.okta.change({"op": "edit_app", "app": patient.app, "key_expires": "2020-01-01T00:00:00Z"})


def pause(patient: Patient) -> None:
    patient.sandbox.reconcile({"pause": True})


TROUBLES: list[tuple[str, Callable[[Patient], None], dict[str, str], str]] = [
    ("a policy with an unknown key", bad_policy, {"policy.file": "fail"}, "--policy"),
    ("a dead token", dead_token, {"okta.credential": "fail"}, "put-secret-value"),
    ("s05 the empty 200", empty_200, {"okta.users": "fail", "okta.groups": "fail"}, "Read-only Administrator"),
    ("apps that may not be read", lambda p: p.refuse("GET /api/v1/apps", 403), {"okta.apps": "warn"}, "Administrator"),
    ("a feature that is missing", lambda p: p.refuse("GET /api/v1/users", 401, "E0000015"), {"okta.users": "fail"}, "Administrator"),
    ("an app that is inactive", edit_app(status="INACTIVE"), {"app.present": "fail"}, "Activate"),
    ("another sign-on mode", edit_app(signOnMode="AUTO_LOGIN"), {"app.saml": "fail"}, "SAML 2.0"),
    ("a certificate that ended", old_certificate, {"app.certificate": "fail"}, "Generate new certificate"),
    ("a NameID that is another name", other_email, {"app.name_id": "fail"}, "users.user_name_from"),
    ("two writers", push, {"app.two_writers": "fail"}, "Leave the group in the target app"),
    ("an inactive hook", deactivate_hook, {"hook.registered": "fail"}, "Activate"),
    ("a hook that is not verified", unverify_hook, {"hook.verified": "fail"}, "lockstep hook verify"),
    ("a hook without most event types", two_event_types, {"hook.events": "fail"}, "lockstep hook register"),
    ("two instances", lambda p: p.aws.settings(instances=2), {"aws.instance": "fail"}, "instance_arn"),
    ("a read that is denied", lambda p: p.deny("ListGroupMemberships"), {"aws.permissions": "fail"}, "role"),
    ("a write that is denied", lambda p: p.deny("CreateGroupMembership"), {"aws.permissions": "fail"}, "role"),
    ("a delegated administrator", delegated, {"aws.account": "warn"}, "permission sets of its own"),
    ("a permission set that is missing", rename_rule, {"policy.rules": "fail"}, "Permission sets"),
    ("a rule that matches nothing", idle_rule, {"policy.matches": "warn"}, "lockstep policy check"),
    ("a pattern that matches nothing", wrong_pattern, {"policy.matches": "fail"}, "groups.match"),
    ("paused runs", pause, {"ledger.table": "warn"}, "lockstep resume"),
    ("Okta's clock ahead", lambda p: p.okta.settings(skew_ms=400_000), {"clock.okta": "fail"}, "NTP"),
    ("AWS's clock behind", lambda p: p.aws.settings(skew_ms=-120_000), {"clock.aws": "warn"}, "NTP"),
]
"""A trouble, what makes it, exactly the checks that see it, and words of the first one's mending step."""


@pytest.mark.parametrize(("make", "expected", "mend"), [trouble[1:] for trouble in TROUBLES], ids=[trouble[0] for trouble in TROUBLES])
def test_a_trouble_is_told_by_its_own_check_with_the_step_that_mends_it(
    patient: Patient, make: Callable[[Patient], None], expected: dict[str, str], mend: str
) -> None:
    make(patient)
    ended = patient.doctor()
    assert ended.troubles() == expected, ended.out + ended.err
    assert ended.code == (1 if "fail" in expected.values() else 0)
    for name in list(expected)[:1]:
        assert mend in ended.findings()[name]["mend"]


def test_a_denied_operation_is_named_with_its_iam_action(patient: Patient) -> None:
    patient.deny("DeleteGroupMembership")
    assert "identitystore:DeleteGroupMembership" in patient.doctor().findings()["aws.permissions"]["seen"]


def test_okta_that_is_away_is_told_once_and_hides_nothing_of_aws(patient: Patient) -> None:
    patient.write_policy(change=lambda text: text.replace(patient.okta.url, "http://127.0.0.1:9"))
    ended = patient.doctor()
    assert ended.troubles() == {"okta.reachable": "fail"}
    assert ended.findings()["aws.permissions"]["verdict"] == "pass"


def test_a_missing_app_is_told(sandbox: Sandbox) -> None:
    sandbox.reset(world(12, 3, 4, organization=ORGANIZATION))
    patient = Patient(sandbox)
    patient.okta.fault("GET /api/v1/apps", {"kind": "empty"}, times=None)
    ended = patient.doctor()
    patient.okta.forget_faults()
    assert ended.troubles() == {"app.present": "fail"}
    assert "Browse App Catalog" in ended.findings()["app.present"]["mend"]


def test_the_metadata_is_saved_on_request(patient: Patient, tmp_path: Path) -> None:
    saved = tmp_path / "metadata.xml"
    assert patient.doctor("--save-metadata", str(saved)).code == 0
    text = saved.read_text()
    assert text.startswith("<?xml") and "X509Certificate" in text and patient.app in text


def oauth(patient: Patient, scopes: list[str]) -> None:
    """Lets the credential be the key of an app with these scopes."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    client = {"client_id": "0oadoctor", "key_id": "k1", "public_key": public, "dpop_required": True, "scopes": scopes}
    patient.okta.change({"op": "add_oauth_client", **client})
    name = f"doctor/oauth-{time.monotonic_ns()}"
    patient.sandbox.cloud.make_secret(name, {"client_id": "0oadoctor", "private_key": private, "key_id": "k1"})
    patient.env["LOCKSTEP_OKTA_SECRET"] = name


READS = [f"okta.{what}.read" for what in ("groups", "users", "apps", "eventHooks")]


def test_an_app_with_every_scope_passes_as_a_token_does(patient: Patient) -> None:
    oauth(patient, READS)
    assert patient.doctor().troubles() == {}


def test_a_scope_that_was_not_granted_is_named_alone(patient: Patient) -> None:
    oauth(patient, [scope for scope in READS if scope != "okta.users.read"])
    ended = patient.doctor()
    assert ended.troubles() == {"okta.users": "fail"}
    assert "okta.users.read" in ended.findings()["okta.users"]["mend"]


def test_a_hook_is_registered_verified_and_registered_again_without_a_change(patient: Patient) -> None:
    patient.okta.api("DELETE", f"eventHooks/{hook_of(patient)['id']}")
    url = patient.sandbox.hook_url
    assert patient.run("hook", "show").code == 1
    made = patient.run("hook", "register", "--url", url)
    assert made.code == 0, made.err
    hook = hook_of(patient)
    assert (hook["status"], hook["verificationStatus"], hook["channel"]["config"]["uri"]) == ("ACTIVE", "VERIFIED", url)
    patient.okta.forget_calls()
    assert patient.run("hook", "register", "--url", url).code == 0
    assert patient.okta.calls().writes == 0
    assert hook_of(patient) == hook
    shown = patient.run("hook", "show", "--json")
    assert shown.code == 0 and json.loads(shown.out)["as_needed"] is True
    # What it delivers is taken: the secret is the function's.
    patient.okta.change({"op": "remove_member", "group": "AWS-000", "user": "user0@example.com"})
    patient.sandbox.settle()
    assert [delivery["status"] for delivery in patient.okta.deliveries()] == [204]


def test_a_hook_that_lacks_event_types_gets_them_and_keeps_what_it_has(patient: Patient) -> None:
    change_hook(patient, events={"type": "EVENT_TYPE", "items": ["user.session.start", "user.lifecycle.suspend"]})
    assert patient.run("hook", "show").code == 2
    assert patient.run("hook", "register", "--url", patient.sandbox.hook_url + "/").code == 0
    assert "user.session.start" in hook_of(patient)["events"]["items"]
    assert patient.run("hook", "show").code == 0


def test_an_inactive_hook_that_is_not_verified_is_brought_back(patient: Patient) -> None:
    unverify_hook(patient)
    deactivate_hook(patient)
    assert patient.run("hook", "register", "--url", patient.sandbox.hook_url).code == 0
    hook = hook_of(patient)
    assert (hook["status"], hook["verificationStatus"]) == ("ACTIVE", "VERIFIED")


def test_an_endpoint_that_does_not_answer_is_said_with_what_to_look_at(patient: Patient) -> None:
    ended = patient.run("hook", "register", "--url", "http://127.0.0.1:9/")
    assert ended.code == 1 and "lambda:InvokeFunctionUrl" in ended.err


def test_who_may_not_manage_hooks_is_told_what_gives_the_right(patient: Patient) -> None:
    patient.refuse("GET /api/v1/eventHooks", 403)
    ended = patient.run("hook", "register", "--url", patient.sandbox.hook_url)
    assert ended.code == 1 and "okta.eventHooks.manage" in ended.err


def names(patient: Patient) -> set[str]:
    """Every name in the identity store."""
    state = patient.aws.state()
    return {group["display_name"] for group in state["groups"]} | {user["user_name"] for user in state["users"]}


def left(patient: Patient) -> set[str]:
    """What probes left."""
    return {name for name in names(patient) if name.lower().startswith(PROBE)}


def facts(ended: Ended) -> dict[str, str]:
    """What the probe found of each assumption."""
    return {fact["fact"].removeprefix("probe."): fact["holds"] for fact in json.loads(ended.out)["facts"]}


def test_a_probe_sees_every_fact_and_leaves_the_store_as_it_was(patient: Patient) -> None:
    before = patient.aws.state()
    ended = patient.run("doctor", "--probe", "--yes", "--json")
    assert ended.code == 0, ended.out + ended.err
    assert patient.aws.state() == before
    holds = facts(ended)
    assert len(holds) == 17 and set(holds.values()) == {"as_assumed", "either_way"}, holds
    assert patient.run("doctor", "--clean-up", "--yes").code == 0


@pytest.mark.parametrize(
    ("settings", "fact", "seen"),
    [
        ({"names_ignore_case": False}, "group_name_case", "case-sensitive"),
        ({"names_ignore_case": True}, "group_name_case", "ignores case"),
        ({"names_ignore_case": False}, "user_name_case", "case-sensitive"),
        ({"cascade": False}, "cascade_user", "they stay"),
        ({"cascade": True}, "cascade_group", "they go with it"),
        ({"forgiving_deletes": True}, "delete_twice", "a success"),
        ({"conflict_status": 409}, "group_name", "HTTP 409, reason UNIQUENESS_CONSTRAINT_VIOLATION"),
        ({"conflict_status": 400}, "stale_revision", "HTTP 400, reason CONCURRENT_MODIFICATION"),
        ({"assignments": {"delegated_admin": True}}, "by_principal", "AccessDeniedException"),
        ({"stale_ms": 60_000}, "membership_listed", "not yet"),
    ],
)
def test_a_probe_tells_what_aws_does(patient: Patient, settings: dict[str, Any], fact: str, seen: str) -> None:
    patient.aws.settings(**settings)
    before = names(patient)
    ended = patient.run("doctor", "--probe", "--yes", "--json")
    [found] = [known for known in json.loads(ended.out)["facts"] if known["fact"] == f"probe.{fact}"]
    assert seen in found["seen"] and found["assumed"]
    assert ended.code == 0 and names(patient) == before


def test_a_probe_that_is_denied_or_meets_an_error_still_removes_what_it_made(patient: Patient) -> None:
    patient.deny("CreateUser")
    before = names(patient)
    ended = patient.run("doctor", "--probe", "--yes", "--json")
    assert facts(ended)["user_name"] == "not_seen" and facts(ended)["group_name"] == "as_assumed"
    assert names(patient) == before


@pytest.mark.parametrize("operation", ["CreateGroupMembership", "UpdateGroup", "ListGroupMemberships", "DeleteGroupMembership"])
def test_a_probe_whose_calls_fail_midway_removes_what_it_made(patient: Patient, operation: str) -> None:
    patient.aws.fault(operation, {"kind": "status", "status": 500}, times=None)
    before = names(patient)
    patient.run("doctor", "--probe", "--yes", "--json")
    assert names(patient) == before


def test_what_a_probe_may_not_remove_is_named_with_the_command_that_does(patient: Patient) -> None:
    before = names(patient)
    patient.deny("DeleteUser")
    ended = patient.run("doctor", "--probe", "--yes")
    assert ended.code == 1 and "could not be deleted" in ended.err and "lockstep doctor --clean-up" in ended.err
    assert all(name in ended.err for name in left(patient)) and left(patient)
    patient.aws.forget_faults()
    assert patient.run("doctor", "--clean-up", "--yes").code == 0 and names(patient) == before


def test_a_probe_asks_before_it_writes(patient: Patient) -> None:
    ended = patient.run("doctor", "--probe")
    assert ended.code == 64 and "--yes" in ended.err
    assert patient.aws.calls().writes == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_probe_removes_what_it_made(patient: Patient, number: signal.Signals) -> None:
    before = names(patient)
    patient.aws.fault("CreateGroupMembership", STANDING, times=None)
    process = patient.start("doctor", "--probe", "--yes")
    wait_until(lambda: len(left(patient)) >= 2, "the probe has made something", 60)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert names(patient) == before


def test_what_a_killed_probe_left_is_found_by_name_and_removed_on_request(patient: Patient) -> None:
    before = names(patient)
    patient.aws.change({"op": "add_group", "display_name": f"{PROBE}by-hand"})
    patient.aws.fault("CreateGroupMembership", STANDING, times=None)
    process = patient.start("doctor", "--probe", "--yes")
    wait_until(lambda: len(left(patient)) >= 3, "the probe has made something", 60)
    process.kill()
    process.communicate()
    patient.aws.forget_faults()
    asked = patient.run("doctor", "--clean-up")
    assert asked.code == 64 and len(left(patient)) >= 3, "it asks first"
    assert patient.run("doctor", "--clean-up", "--yes").code == 0
    assert names(patient) == before | {f"{PROBE}by-hand"}, "what only looks like it stays"
