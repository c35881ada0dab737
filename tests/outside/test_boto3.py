"""boto3 gives one script to the simulated Identity Center and to moto. Where they answer differently, a table here says why: a difference
that is in none fails, and so does one that is in a table and there no more."""

from collections.abc import Iterator
from typing import Any

import pytest

from boto_script import ORGANIZATIONS, SCRIPT, SSO, Step
from boto_sides import Outcome, Side
from sandbox.paths import TARGET
from sandbox.processes import LOOPBACK, Child, free_port
from sandbox.simulators import IdentityCenter
from stage import FOLDER, seed_file

LAXER = "AWS refuses it (its service model, or its documentation), and moto does not look"
LACKS = "moto does not have the operation, and AWS has"
AT_ONCE = "with AWS a request is under way first; moto ends it at once"

DIFFERENCES = {
    "an e-mail address twice": LAXER,
    "a userName of 129 characters": LAXER,
    "a userName with a space": LAXER,
    "a reserved userName": LAXER,
    "users by a path in lower case": "AWS filters by UserName alone; moto knows no other path, and then answers everyone",
    "another title": LACKS,
    "a group without a name": LAXER,
    "a reserved group's name": LAXER,
    "rename": LACKS,
    "a membership twice": "AWS answers ConflictException, as three public programs expect; moto makes a second membership of one pair",
    "members of no group": "AWS answers ResourceNotFoundException; moto an empty list",
    "groups of nobody": "AWS answers ResourceNotFoundException; moto an empty list",
    "a page of 101": LAXER,
    "a page of none": LAXER,
    "assign": AT_ONCE,
    "assign twice": AT_ONCE,
    "assignments on an account": "AWS has one assignment, however often it was made; moto has it twice",
    "assign to nobody": LAXER,
    "assign on no account": LAXER,
    "assign no permission set": LAXER,
    "assign elsewhere": AT_ONCE,
    "sets on an account": "AWS provisions a permission set where it is assigned; moto only by ProvisionPermissionSet",
    "accounts with a set": "AWS provisions a permission set where it is assigned; moto only by ProvisionPermissionSet",
    "unassign": AT_ONCE,
    "what was created": LACKS,
    "21 accounts on a page": LAXER,
}
"""Steps of the script that end differently."""

OURS_ALONE = {
    **dict.fromkeys(("UserArn", "GroupArn", "MembershipArn", "Revision"), "AWS has them since 2026"),
    **dict.fromkeys(("CreatedAt", "CreatedBy", "UpdatedAt", "UpdatedBy", "UserStatus"), "AWS tells them; moto does not"),
    **dict.fromkeys(("IdentityStoreArn", "Name", "PrimaryRegion"), "AWS tells them of an instance; moto does not"),
    **dict.fromkeys(("Paths", "Path"), "AWS tells where in the organization something is, since 2026; moto does not"),
}
"""Fields that moto leaves out."""

THEIRS_ALONE = {
    "ExternalIds": "moto tells that a group has none; AWS's own records leave the field out",
    "AvailablePolicyTypes": "AWS has deprecated it",
}
"""Fields that the simulator leaves out."""

AS_MOTO = {"names_ignore_case": False, "forgiving_deletes": True, "cascade": False}
"""Where nobody outside knows what AWS does, the simulator can do either (tests/sim/README.md). Here it does as moto."""

SETS = ["Admin", "ReadOnly"]
UNIT = "Workloads"
ACCOUNTS = ["account-001", "account-002", "account-003"]
NO_SET = "arn:aws:sso:::permissionSet/ssoins-0000000000000000/ps-0000000000000000"


@pytest.fixture
def moto() -> Iterator[str]:
    """A moto of its own."""
    port = free_port()
    child = Child("moto", [TARGET / "venv" / "bin" / "moto_server", "-H", LOOPBACK, "-p", str(port)], FOLDER / "moto.log")
    child.wait_for_port(port)
    yield f"http://{LOOPBACK}:{port}"
    child.stop()


def simulated(simulator: IdentityCenter) -> Side:
    """The simulator, with an organization of three accounts and two permission sets."""
    organization = {"accounts": len(ACCOUNTS), "units": [UNIT], "permission_sets": SETS}
    simulator.start(seed_file(simulator.port, {"world": {"users": 0, "groups": 0, "members": 0, "organization": organization}}))
    simulator.settings(assignments={"delay_ms": 0}, **AS_MOTO)
    return named(Side(simulator.url))


def motos(url: str) -> Side:
    """moto, with the same."""
    side = Side(url)
    organizations, sso = side.clients[ORGANIZATIONS], side.clients[SSO]
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name=UNIT)["OrganizationalUnit"]["Id"]
    for name in ACCOUNTS:
        made = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]["AccountId"]
        organizations.move_account(AccountId=made, SourceParentId=root, DestinationParentId=unit)
        organizations.tag_resource(ResourceId=made, Tags=[{"Key": "env", "Value": UNIT.lower()}])
    for permission_set in SETS:
        sso.create_permission_set(InstanceArn=side.names["$instance"], Name=permission_set, SessionDuration="PT1H")
    return named(side)


def named(side: Side) -> Side:
    """Names what the script speaks of, and what each side has called as it likes."""
    organizations, sso, instance = side.clients[ORGANIZATIONS], side.clients[SSO], side.names["$instance"]
    organization = organizations.describe_organization()["Organization"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"][0]["Id"]
    side.names |= {"$no_set": NO_SET, "$unit": unit, "$organization": organization["Id"], "$owner": organization["MasterAccountId"]}
    side.names["$owner's address"] = organization["MasterAccountEmail"]
    for account in organizations.list_accounts()["Accounts"]:
        known = {ACCOUNTS[0]: "$account", ACCOUNTS[1]: "$other_account", ACCOUNTS[2]: "$third_account"}
        name = known.get(account["Name"], "$owner")
        side.names |= {name: account["Id"], f"{name}'s name": account["Name"], f"{name}'s address": account["Email"]}
    for arn in sso.list_permission_sets(InstanceArn=instance)["PermissionSets"]:
        described = sso.describe_permission_set(InstanceArn=instance, PermissionSetArn=arn)["PermissionSet"]
        side.names["$set" if described["Name"] == SETS[0] else "$other_set"] = arn
    return side


def without(ours: Any, theirs: Any, left_out: set[str]) -> tuple[Any, Any]:
    """Both answers without the fields that the tables name and that one side alone tells; `left_out` learns which those were."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        alone = {key for key in ours.keys() - theirs.keys() if key in OURS_ALONE}
        alone |= {key for key in theirs.keys() - ours.keys() if key in THEIRS_ALONE}
        left_out |= alone
        pairs = {key: without(ours.get(key), theirs.get(key), left_out) for key in (ours.keys() | theirs.keys()) - alone}
        # A field that one side alone has is not the same as one that is null.
        one = {key: pair[0] for key, pair in pairs.items() if key in ours}
        return one, {key: pair[1] for key, pair in pairs.items() if key in theirs}
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        both = [without(one, other, left_out) for one, other in zip(ours, theirs, strict=True)]
        return [one for one, _ in both], [other for _, other in both]
    return ours, theirs


def check(step: Step, ours: Outcome, theirs: Outcome, left_out: set[str]) -> list[str]:
    """What is wrong with the outcomes of a step, in words."""
    ours, theirs = without(list(ours), list(theirs), left_out)
    listed = DIFFERENCES.get(step.name)
    if ours == theirs:
        return [f"{step.name}: listed as a difference, and both answer {ours}"] if listed else []
    if listed is None:
        return [f"{step.name}: the simulator answers {ours}, and moto {theirs}"]
    if (listed == LACKS) != (theirs[0] == "error" and theirs[1].startswith("500")):
        return [f"{step.name}: moto answers {theirs}, which is not what is listed: {listed}"]
    if listed == LAXER and (ours[0], theirs[0]) != ("error", "ok"):
        return [f"{step.name}: it is not moto that is laxer: {ours}, {theirs}"]
    return []


def test_boto3_is_answered_by_the_simulator_as_by_moto(identity_center: IdentityCenter, moto: str) -> None:
    ours, theirs = simulated(identity_center), motos(moto)
    wrong: list[str] = []
    left_out: set[str] = set()
    for step in SCRIPT:
        one, other = ours.run(step), theirs.run(step)
        wrong += check(step, one, other, left_out)
        if (one[0], other[0]) == ("error", "ok") and step.operation.startswith("create_"):
            # So that the rest of the script finds the same on both sides.
            theirs.withdraw(step, other[1])
    never = (OURS_ALONE.keys() | THEIRS_ALONE.keys()) - left_out
    wrong += [f"the field {field} is listed as one side's alone, and is not" for field in sorted(never)]
    unknown = DIFFERENCES.keys() - {step.name for step in SCRIPT}
    assert not unknown, f"no step has this name: {unknown}"
    assert not wrong, "\n".join(wrong)
