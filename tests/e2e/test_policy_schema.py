"""The JSON schema of a policy agrees with the parser on what a policy is."""

import tomllib
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sandbox import Sandbox
from sandbox.command_line import lockstep
from sandbox.paths import ROOT

EXAMPLE = (ROOT / "infra" / "policy.example.toml").read_text()

LEAST = "[okta]\norg_url = 'https://acme.okta.com'\n[groups]\nmatch = ['^AWS-']\n"

RULE = "[[assignment]]\ngroup = 'x'\naccounts = ['all']\npermission_sets = ['A']\n"

RIGHT = {
    "the example": EXAMPLE,
    "the least": LEAST,
    "a rule": LEAST + RULE,
    "percentages with a fraction": LEAST + "[guard]\nmax_percent = 0.5\n",
    "nothing may be removed": LEAST + "[guard]\nmax_membership_removals = 0\nmax_leavers = 0\n",
    "an attribute of the profile": LEAST + "[users]\nuser_name_from = 'profile.employeeNumber'\n",
}

WRONG = {
    "no org": "[groups]\nmatch = ['^AWS-']\n",
    "no pattern": "[okta]\norg_url = 'https://acme.okta.com'\n[groups]\nmatch = []\n",
    "a table that does not exist": LEAST + "[nonsense]\n",
    "a key that does not exist": LEAST + "[guard]\nmax_leaver = 3\n",
    "a key of another table": LEAST + "[limits]\nmax_leavers = 3\n",
    "a number as text": LEAST + "[guard]\nmax_leavers = '3'\n",
    "a negative number": LEAST + "[guard]\nmax_leavers = -1\n",
    "a percentage above 100": LEAST + "[guard]\nmax_percent = 101\n",
    "a window of no time": LEAST + "[guard]\nwindow_hours = 0\n",
    "a disposal that is none": LEAST.replace("match", "on_unmatched = 'destroy'\nmatch"),
    "a type that is never managed": LEAST.replace("match", "types = ['BUILT_IN']\nmatch"),
    "a mode that is none": LEAST + "[writes]\nmode = 'dry'\n",
    "a rate of nothing": LEAST + "[limits]\nidentity_store_tps = 0\n",
    "more than the whole of Okta's limit": LEAST + "[limits]\nokta_rate_share = 1.5\n",
    "a rule without accounts": LEAST + "[[assignment]]\ngroup = 'x'\npermission_sets = ['A']\n",
    "a rule with no accounts": LEAST + RULE.replace("'all'", ""),
    "an org with a path": LEAST.replace(".com", ".com/app"),
    "a userName from nowhere": LEAST + "[users]\nuser_name_from = 'name'\n",
}


@pytest.fixture(scope="module")
def validator(running: Sandbox) -> Draft202012Validator:
    """The schema, which is itself a schema."""
    schema: dict[str, Any] = lockstep(running, "policy", "schema").json
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def is_taken(sandbox: Sandbox, text: str) -> bool:
    """Whether the parser takes a policy."""
    path = sandbox.folder / "schema.toml"
    path.write_text(text)
    return lockstep(sandbox, "policy", "check", "--offline", "--policy", str(path)).code == 0


@pytest.mark.parametrize("name", RIGHT)
def test_what_the_parser_takes_the_schema_takes(running: Sandbox, validator: Draft202012Validator, name: str) -> None:
    assert is_taken(running, RIGHT[name])
    assert [error.message for error in validator.iter_errors(tomllib.loads(RIGHT[name]))] == []


@pytest.mark.parametrize("name", WRONG)
def test_what_the_parser_refuses_the_schema_refuses(running: Sandbox, validator: Draft202012Validator, name: str) -> None:
    assert not is_taken(running, WRONG[name])
    assert not validator.is_valid(tomllib.loads(WRONG[name]))
