"""Identity Center at one moment, and what is different at another."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class View:
    """Groups by GroupId, and who and what is in them."""

    names: dict[str, str]
    members: frozenset[tuple[str, str]]
    """GroupId and person."""
    assignments: frozenset[tuple[str, str]]
    """GroupId, and permission set and account in words."""

    @classmethod
    def of(cls, aws: dict[str, Any]) -> Self:
        """The view of a state of the simulator."""
        people = {user["id"]: user["user_name"].split("@")[0] for user in aws["users"]}
        return cls(
            names={group["id"]: group["display_name"] for group in aws["groups"]},
            members=frozenset((group["id"], people[member]) for group in aws["groups"] for member in group["members"]),
            assignments=frozenset((given["principal"], f"{given['permission_set']} on {given['account']}") for given in aws["assignments"]),
        )

    def changes_to(self, later: Self) -> list[str]:
        """What is different later, one line for each group and kind of change: `+` for what came, `-` for what went."""
        both = self.names.keys() & later.names.keys()
        renamed = [(self.names[group], later.names[group]) for group in both if self.names[group] != later.names[group]]
        return [
            *(f"+ group {name}" for name in sorted(later.names[group] for group in later.names.keys() - both)),
            *(f"- group {name}" for name in sorted(self.names[group] for group in self.names.keys() - both)),
            *(f"~ group {old} is now called {new}, and is the same group" for old, new in sorted(renamed)),
            *later.by_group("+ {}: {}", later.members - self.members),
            *self.by_group("- {}: {}", self.members - later.members),
            *later.by_group("+ {} has {}", later.assignments - self.assignments),
            *self.by_group("- {} has {}", self.assignments - later.assignments),
        ]

    def by_group(self, line: str, pairs: frozenset[tuple[str, str]]) -> list[str]:
        """A line for each group, with all that goes with it."""
        together: dict[str, list[str]] = defaultdict(list)
        for group, what in pairs:
            together[self.names[group]].append(what)
        return [line.format(name, ", ".join(sorted(whats))) for name, whats in sorted(together.items())]
