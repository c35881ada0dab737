"""`lockstep doctor` on the SCIM endpoint and its token, in health and in trouble."""

import datetime
import time
from collections.abc import Iterator

import pytest
from listeners import listening
from patients import RULE, Patient

from sandbox.simulators import SCIM_TENANT, SCIM_TOKEN


def scim(patient: Patient, days: int | None = 365, **changes: str) -> str:
    """Lets the policy write over SCIM with a secret of its own, which says that the token has so many days left."""
    patient.write_policy(RULE + '\n[writes]\ntransport = "scim"\n')
    today = datetime.datetime.now(datetime.UTC).date()
    expires = {} if days is None else {"expires": (today + datetime.timedelta(days=days)).isoformat()}
    name = f"doctor/scim-{time.monotonic_ns()}"
    endpoint = f"{patient.aws.url}/{SCIM_TENANT}/scim/v2"
    patient.sandbox.cloud.make_secret(name, {"endpoint": endpoint, "token": SCIM_TOKEN, **expires, **changes})
    patient.env["LOCKSTEP_SCIM_SECRET"] = name
    return name


def test_a_scim_token_that_is_taken_and_lasts_passes(patient: Patient) -> None:
    scim(patient)
    ended = patient.doctor()
    assert ended.troubles() == {}, ended.out
    assert "over SCIM" in ended.findings()["quota.first_load"]["seen"], "the estimate is that of the transport"


def test_a_first_load_is_estimated_by_who_and_what_is_missing(patient: Patient) -> None:
    scim(patient)
    patient.policy.write_text(patient.policy.read_text() + '\n[users]\nmode = "managed"\n')

    def to_make() -> str:
        found: str = patient.doctor().findings()["quota.first_load"]["seen"]
        return found.partition("to make: ")[2].rstrip(")")

    assert to_make() == "0 users, 0 groups, 0 memberships by 0 requests over SCIM, 6 assignments", "the world is in sync but for its rules"
    patient.okta.change(
        {"op": "add_user", "login": "new@example.com"},
        {"op": "add_group", "name": "AWS-new"},
        {"op": "add_member", "group": "AWS-new", "user": "new@example.com"},
        {"op": "add_member", "group": "AWS-new", "user": "user0@example.com"},
        {"op": "add_member", "group": "AWS-000", "user": "new@example.com"},
    )
    assert to_make() == "1 user, 1 group, 3 memberships by 2 requests over SCIM, 6 assignments", "who is in two groups is made once"


SCIM_TROUBLES: list[tuple[str, int | None, dict[str, str], str, str, str]] = [
    ("a token that is not taken", 365, {"token": "another-token"}, "fail", "is not accepted", "Generate token"),
    ("a token that has ended, by the secret", -1, {}, "fail", "ended on", "Generate token"),
    ("a token that ends soon", 12, {}, "warn", "the token ends on", "Generate token"),
    ("a secret that does not say when it ends", None, {}, "warn", "does not say when", '"expires"'),
    ("another tenant's endpoint", 365, {"endpoint": "{aws}/another-tenant/scim/v2"}, "fail", "is not accepted", "Generate token"),
    ("an endpoint that is none", 365, {"endpoint": "{aws}/nothing"}, "fail", "HTTP 4", "SCIM endpoint shown there"),
    ("an endpoint where nobody is", 365, {"endpoint": "http://127.0.0.1:9/x/scim/v2"}, "fail", "could not be reached", "DNS"),
    ("an endpoint that is no address", 365, {"endpoint": "https://scim.example/"}, "fail", "has no tenant", "Let the secret hold"),
    ("a site that is none of AWS", 365, {"endpoint": "{site}/x/scim/v2"}, "fail", "HTTP 404", "SCIM endpoint shown there"),
]
"""A trouble, the days that the token has left, what is wrong in the secret, the verdict, words of what is seen and of what to do."""


@pytest.fixture
def site() -> Iterator[str]:
    """The address of a web server that has no page."""
    with listening() as (address, _):
        yield address


@pytest.mark.parametrize(
    ("days", "changes", "verdict", "said"), [(*t[1:4], t[4:]) for t in SCIM_TROUBLES], ids=[t[0] for t in SCIM_TROUBLES]
)
def test_a_scim_token_that_is_not_well_is_told_with_what_to_do(
    patient: Patient, site: str, days: int | None, changes: dict[str, str], verdict: str, said: tuple[str, str]
) -> None:
    scim(patient, days, **{name: value.replace("{aws}", patient.aws.url).replace("{site}", site) for name, value in changes.items()})
    ended = patient.doctor()
    assert ended.troubles() == {"scim.token": verdict}, ended.out
    found = ended.findings()["scim.token"]
    assert said[0] in found["seen"] and said[1] in found["mend"], found
    assert SCIM_TOKEN not in ended.out + ended.err and "another-token" not in ended.out + ended.err


def test_a_policy_over_scim_without_a_secret_is_told(patient: Patient) -> None:
    scim(patient)
    patient.env["LOCKSTEP_SCIM_SECRET"] = ""
    ended = patient.doctor()
    assert ended.troubles()["scim.token"] == "fail" and "--scim-secret" in ended.findings()["scim.token"]["mend"]
