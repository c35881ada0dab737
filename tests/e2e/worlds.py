"""Worlds, and what happens in them."""

from typing import Any

from sandbox import Sandbox
from sandbox.sandbox import World


def world(users: int, groups: int, members: int, okta: list[dict[str, Any]] | None = None, **shape: Any) -> World:
    """So many users, and so many managed groups (`AWS-000` …) of so many members, in lockstep; and changes on top of that in Okta."""
    return {"world": {"users": users, "groups": groups, "members": members, **shape}, "okta": okta or []}


def login(number: int) -> str:
    """The login of the user with this number."""
    return f"user{number}@example.com"


def members(sandbox: Sandbox, group: str) -> set[str]:
    """Who is in a group of Identity Center, by userName."""
    state = sandbox.aws.state()
    names = {user["id"]: user["user_name"] for user in state["users"]}
    [found] = [known for known in state["groups"] if known["display_name"] == group]
    return {names[member] for member in found["members"]}


def add_member(group: str, user: str) -> dict[str, Any]:
    """Someone is added to a group."""
    return {"op": "add_member", "group": group, "user": user}


def remove_member(group: str, user: str) -> dict[str, Any]:
    """Someone is taken out of a group."""
    return {"op": "remove_member", "group": group, "user": user}
