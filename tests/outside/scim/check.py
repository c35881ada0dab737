"""The simulator's SCIM endpoint, checked by a tester of SCIM servers that knows nothing of this project.

    python check.py target/debug/aws-sim

AWS's endpoint deviates from the standard in places that its developer guide names, and so does the simulator. Each of these differences is
listed here with its reason. A difference that is not listed fails, and so does one that is listed and was not found: then either the
simulator has become kinder than AWS, or the list is out of date.
"""

import contextlib
import json
import random
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

TENANT = "sim-tenant"
TOKEN = "sim-scim-token"

GOOD = (Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE)

NO_PROJECTION = "AWS takes neither attributes nor excludedAttributes (ListUsers, Not supported)"
NO_SEARCH = "AWS has no /.search (Limitations)"
NO_RANDOM_MEMBERS = "the tester makes members up, and AWS takes only users that exist (PatchGroup, 404)"

DIFFERENCES = {
    "User object_query_with_attributes": NO_PROJECTION,
    "User object_list_with_attributes": NO_PROJECTION,
    "User search_with_attributes": NO_SEARCH,
    "User check_remove_attribute active": "AWS does not remove userName or active (PatchUser, Constraints)",
    "Group object_query_with_attributes": NO_RANDOM_MEMBERS,
    "Group object_list_with_attributes": NO_RANDOM_MEMBERS,
    "Group search_with_attributes": NO_RANDOM_MEMBERS,
    "Group object_replacement": "AWS has no PUT for groups (Supported API operations)",
    "Group check_add_attribute members": NO_RANDOM_MEMBERS,
    "Group check_remove_attribute": NO_RANDOM_MEMBERS,
    "Group check_replace_attribute members": "AWS does not replace all members (PatchGroup, Not supported)",
}
"""What differs when errors have the standard's form."""

BY_CHANCE = {
    "User check_add_attribute emails": "AWS keeps one e-mail address, and the tester sends any number",
    "User check_replace_attribute emails": "the same",
    "User check_add_attribute phoneNumbers": "the same, of phone numbers",
    "User check_replace_attribute phoneNumbers": "the same, of phone numbers",
    "User check_add_attribute addresses": "the same, of addresses",
    "User check_replace_attribute addresses": "the same, of addresses",
    "User check_add_attribute roles": "the same, of roles",
    "User check_replace_attribute roles": "the same, of roles",
}
"""What may differ, as chance will have it."""

ONLY_THE_ERROR = {
    f"{check}": "AWS writes schema for schemas into its errors, and members of its own, so the tester sees none"
    for check in ("access_invalid_resource_type", "access_invalid_schema", "random_url", "User object_deletion", "Group object_deletion")
}
"""What differs besides when errors have AWS's form."""


@dataclass(frozen=True)
class Outcome:
    """What a run of the tester came to."""

    passed: int
    found: dict[str, str]
    """Differences, by the check, with the tester's words."""


@contextlib.contextmanager
def simulator(program: Path) -> Iterator[str]:
    """The simulator, running; its address."""
    with subprocess.Popen([program, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("listening on ").strip()
        finally:
            process.terminate()


def configure(url: str, settings: dict[str, object]) -> None:
    """Changes settings of the endpoint."""
    body = json.dumps({"scim": settings}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{url}/_sim/settings", body), timeout=10).close()


def run(url: str) -> Outcome:
    """Runs the tester."""
    random.seed(1)
    with Client(base_url=f"{url}/{TENANT}/scim/v2", headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        results = check_server(SyncSCIMClient(client))
    bad = [(result, str(result.reason)) for result in results if result.status not in GOOD]
    found = {name_of(result.resource_type, result.title, reason): reason for result, reason in bad}
    return Outcome(len(results) - len(bad), found)


def name_of(resource_type: str | None, title: str, reason: str) -> str:
    """A check's name, with the attribute where it is about one."""
    attribute = re.match(r"Failed to \w+ attribute '([\w.:]+)'", reason)
    return " ".join(part for part in (resource_type, title, attribute and attribute[1]) if part)


def problems(outcome: Outcome, expected: dict[str, str]) -> list[str]:
    """What was found and is not listed, and what is listed and was not found."""
    surprises = {name: reason for name, reason in outcome.found.items() if name not in expected and name not in BY_CHANCE}
    missing = [name for name in expected if name not in outcome.found]
    unlisted = [f"not listed: {name}: {reason}" for name, reason in surprises.items()]
    return unlisted + [f"listed, and does not differ: {name}" for name in missing]


def main(program: Path) -> int:
    """Both forms of errors; prints what is wrong, and a line to sum up."""
    with simulator(program) as url:
        as_aws = run(url)
        configure(url, {"errors_are_standard": True})
        standard = run(url)
    wrong = problems(standard, DIFFERENCES) + problems(as_aws, DIFFERENCES | ONLY_THE_ERROR)
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    passed = f"{standard.passed} checks of scim2-tester passed, {len(standard.found)} known differences"
    sys.stdout.write(f"{passed}\n" if not wrong else f"{len(wrong)} surprises\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
