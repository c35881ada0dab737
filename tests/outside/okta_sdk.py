"""Reads a whole org with Okta's own SDK, page by page, and prints what it was given. Run with the Python of `bin/outside okta-sdk`.

python okta_sdk.py '{"orgUrl": …}' <records on a page>
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from okta.client import Client
from okta.pagination import PaginationHelper


class RefusedError(Exception):
    """The SDK gave an error in place of records."""


def checked(answer: tuple[Any, ...]) -> tuple[Any, Any]:
    """What an operation gave, and its response. The SDK answers with two or three values, of which the last is the error."""
    if answer[-1] is not None:
        raise RefusedError(str(answer[-1]))
    return answer[0], answer[1]


async def pages(operation: Callable[..., Awaitable[tuple[Any, ...]]], *arguments: str, **options: Any) -> tuple[list[Any], int]:
    """The records of a list, and how many pages it took."""
    records: list[Any] = []
    cursor, count = None, 0
    while True:
        found, response = checked(await operation(*arguments, after=cursor, **options))
        records += found or []
        cursor, count = PaginationHelper.extract_next_cursor(response.headers), count + 1
        if cursor is None:
            return records, count


def user_facts(user: Any) -> dict[str, Any]:
    """What is compared of a user."""
    return {"login": user.profile.login, "email": user.profile.email, "status": user.status.value}


def group_facts(group: Any) -> dict[str, Any]:
    """What is compared of a group. Its profile is one of two models, of which one is wrapped in the other."""
    profile = getattr(group.profile, "actual_instance", None) or group.profile
    return {"name": profile.name, "description": profile.description, "type": group.type.value}


async def read(config: dict[str, Any], limit: int) -> dict[str, Any]:
    """The org."""
    async with Client(config) as okta:
        groups, group_pages = await pages(okta.list_groups, limit=limit)
        users, user_pages = await pages(okta.list_users, limit=limit, search="status pr")
        listed, _ = await pages(okta.list_users, limit=limit)
        members, member_pages = {}, {}
        for group in groups:
            found, member_pages[group.id] = await pages(okta.list_group_users, group.id, limit=limit)
            members[group.id] = [user.id for user in found]
        groups_of = {}
        for user in users[:5]:
            found, _ = checked(await okta.list_user_groups(user.id))
            groups_of[user.id] = [group.id for group in found]
        one, _ = checked(await okta.get_user(users[0].id))
        by_login, _ = checked(await okta.get_user(users[0].profile.login))
        one_group, _ = checked(await okta.get_group(groups[0].id))
        return {
            "groups": {group.id: group_facts(group) for group in groups},
            "users": {user.id: user_facts(user) for user in users},
            "listed_users": [user.id for user in listed],
            "members": members,
            "groups_of": groups_of,
            "one_user": [user_facts(one), user_facts(by_login)],
            "one_group": group_facts(one_group),
            "pages": {"groups": group_pages, "users": user_pages, "members": member_pages},
        }


def main() -> None:
    """The command."""
    try:
        print(json.dumps(asyncio.run(read(json.loads(sys.argv[1]), int(sys.argv[2])))))
    except RefusedError as error:
        print(json.dumps({"refused": str(error)}))


if __name__ == "__main__":
    main()
