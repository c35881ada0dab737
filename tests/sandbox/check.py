"""Whether both sides agree, computed from what the simulators hold, and from nothing that Lockstep reports."""

import re
from dataclasses import dataclass
from typing import Any

ENTITLED = {"ACTIVE", "PASSWORD_EXPIRED", "LOCKED_OUT", "RECOVERY", "PROVISIONED"}
"""The statuses in which a user keeps their memberships, by the policy's default."""

MARK = re.compile(r"\[okta:(?P<host>[^/\]]+)/(?P<group>[^\]]+)\]$")
"""How a managed group's description ends."""

Pair = tuple[str, str]
"""A group's name and a user's login."""


@dataclass(frozen=True)
class Sides:
    """Who is in which managed group, as Okta means it and as Identity Center has it."""

    wanted: frozenset[Pair]
    actual: frozenset[Pair]
    names: tuple[str, ...]
    """Managed groups of Identity Center whose name is not that of their Okta group."""

    def differences(self) -> list[str]:
        """What does not agree, in words."""
        missing = [f"{user} should be in {group}, and is not" for group, user in sorted(self.wanted - self.actual)]
        surplus = [f"{user} is in {group}, and should not be" for group, user in sorted(self.actual - self.wanted)]
        return missing + surplus + list(self.names)


def compare(okta: dict[str, Any], aws: dict[str, Any], match: str = "^AWS-") -> Sides:
    """Compares the two states. Members whom nobody has provisioned in Identity Center are left out: no one can add them yet."""
    groups = {group["id"]: group for group in okta["groups"]}
    logins = {user["id"]: user["login"] for user in okta["users"]}
    entitled = {user["id"] for user in okta["users"] if user["status"] in ENTITLED}
    provisioned = {user["id"]: _okta_id(user, okta) for user in aws["users"]}
    known = set(provisioned.values()) & entitled
    wanted = {
        (group["name"], logins[member])
        for group in groups.values()
        if re.search(match, group["name"]) and group["type"] == "OKTA_GROUP"
        for member in group["members"]
        if member in known
    }
    actual, names = set(), []
    for group in aws["groups"]:
        mark = MARK.search(group["description"] or "")
        if mark is None:
            continue
        source = groups.get(mark["group"])
        name = source["name"] if source else f"{group['display_name']} (gone from Okta)"
        if source and source["name"] != group["display_name"]:
            names.append(f"the group is {source['name']} in Okta and {group['display_name']} in Identity Center")
        for member in group["members"]:
            actual.add((name, logins.get(provisioned.get(member) or "", member)))
    return Sides(frozenset(wanted), frozenset(actual), tuple(names))


def assignments(aws: dict[str, Any]) -> set[tuple[str, str, str]]:
    """What managed groups have: group, permission set, account."""
    ours = {group["id"]: group["display_name"] for group in aws["groups"] if MARK.search(group["description"] or "")}
    given = ((ours.get(made["principal"]), made["permission_set"], made["account"]) for made in aws["assignments"])
    return {(group, permission_set, account) for group, permission_set, account in given if group is not None}


def unmanaged(aws: dict[str, Any]) -> dict[str, Any]:
    """Everything in Identity Center that is not ours: the groups without a mark, whole, and all users."""
    others = {group["id"]: group for group in aws["groups"] if not MARK.search(group["description"] or "")}
    return {"groups": others, "users": {user["id"]: user for user in aws["users"]}}


def _okta_id(user: dict[str, Any], okta: dict[str, Any]) -> str | None:
    """Who this user is in Okta: by externalId, or without one by name."""
    if user["external_ids"]:
        external: str = user["external_ids"][0]["id"]
        return external
    named = [known["id"] for known in okta["users"] if known["login"].lower() == user["user_name"].lower()]
    return named[0] if named else None
