"""A company: its people, its groups in Okta, and what Identity Center has before Lockstep comes."""

from typing import Any

from sandbox.sandbox import World

PEOPLE = [
    "ada", "grace", "alan", "edsger", "barbara", "donald", "john", "margaret", "dennis", "ken", "frances", "tony",
    "leslie", "niklaus", "radia", "vint", "tim", "linus", "guido", "bjarne", "anita", "jean", "katherine", "dorothy",
]  # fmt: skip
"""Everyone who was provisioned in Identity Center by Okta's own app."""

GROUPS = {
    "AWS-Admins": ["ada", "grace", "alan"],
    "AWS-Developers": ["edsger", "barbara", "donald", "john", "margaret", "dennis", "ken", "frances"],
    "AWS-Data": ["tony", "leslie", "niklaus", "radia"],
    "AWS-ReadOnly": ["vint", "tim", "linus", "guido", "bjarne", "anita", "jean", "katherine", "dorothy", "ada"],
    "AWS-Billing": ["grace", "jean"],
    "Marketing": ["anita", "vint", "tim"],
    "Everyone-in-Berlin": ["ada", "linus", "guido"],
}
"""Groups of Okta. The last two are none of ours."""

RULES = """
[[assignment]]
group = '^AWS-(?<set>Admins|ReadOnly)$'
accounts = ["ou:Workloads"]
permission_sets = ["${set}"]
"""
"""What the groups give: on every account of the unit, the permission set of the group's name."""

ACCOUNTS = ["000000000001", "000000000002", "000000000004"]
"""The accounts of that unit: of four accounts, the third is in another."""

QUOTA_ACCOUNT = "000000000002"
"""The account in which AWS gives up once."""


def assignments() -> set[tuple[str, str, str]]:
    """What the rules give, worked out by hand."""
    return {(group, group.removeprefix("AWS-"), account) for group in ("AWS-Admins", "AWS-ReadOnly") for account in ACCOUNTS}


def login(person: str) -> str:
    """A person's login."""
    return f"{person}@acme.example"


def world() -> World:
    """Everyone is provisioned; the groups exist in Okta alone, beside what Control Tower and a person made in Identity Center."""
    okta: list[dict[str, Any]] = []
    aws: list[dict[str, Any]] = []
    for number, person in enumerate(PEOPLE):
        okta.append({"op": "set_login", "user": f"user{number}@example.com", "login": login(person)})
        aws.append({"op": "rename_user", "user": f"user{number}@example.com", "user_name": login(person)})
    for group, members in GROUPS.items():
        okta.append({"op": "add_group", "name": group, "description": f"Who works with {group}"})
        okta.extend({"op": "add_member", "group": group, "user": login(person)} for person in members)
    okta.append({"op": "settle"})
    aws += [
        {"op": "add_group", "display_name": "AWSControlTowerAdmins", "description": "Made by Control Tower"},
        {"op": "add_user", "user_name": "break-glass"},
        {"op": "add_member", "group": "AWSControlTowerAdmins", "user": "break-glass"},
        {"op": "settle"},
    ]
    sets = ["Admins", "ReadOnly", "Other"]
    organization = {"accounts": 4, "units": ["Workloads/Prod", "Workloads/Dev", "Sandbox"], "permission_sets": sets}
    return {"world": {"users": len(PEOPLE), "groups": 0, "members": 0, "organization": organization}, "okta": okta, "aws": aws}
