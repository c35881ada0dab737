"""Random histories over the real binaries: what happens in Okta and by hand, events that are lost, doubled and shuffled, faults, a full run
in between, and at the end both sides must agree.

Each history has two groups and four users of its own, so that many of them go on side by side in one world: a batch. How many there are
is told by the environment: LOCKSTEP_HISTORIES (by default 60), the first seed by LOCKSTEP_HISTORY_SEED. A seed gives the same changes,
deliveries and faults again; which call meets a fault, and how runs and events interleave, is the machine's, and differs each time.
`tests/histories` tells its histories again exactly.
"""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox import Sandbox, check, deliveries
from worlds import add_member, login, remove_member, world

Change = dict[str, Any]

COUNT = int(os.environ.get("LOCKSTEP_HISTORIES", "60"))
FIRST_SEED = int(os.environ.get("LOCKSTEP_HISTORY_SEED", "1"))
IN_A_BATCH = 30
PHASES = 2
ROOMY = {
    "guard": {
        "max_membership_removals": 10_000,
        "max_leavers": 10_000,
        "max_percent_of_group": 100,
        "max_group_deletions": 1_000,
    }
}
"""The budget is not what these histories are about, and a day does not pass in them."""

FAULTS: list[tuple[str, str, Change]] = [
    ("okta", "GET /api/v1/groups/{id}/users", {"kind": "status", "status": 500}),
    ("okta", "GET /api/v1/groups/{id}/users", {"kind": "cut_off"}),
    ("okta", "GET /api/v1/groups/{id}/users", {"kind": "empty"}),
    ("okta", "GET /api/v1/users/{id}/groups", {"kind": "drop_before"}),
    ("okta", "GET /api/v1/groups", {"kind": "throttle", "seconds": 1}),
    ("aws", "CreateGroupMembership", {"kind": "drop_after"}),
    ("aws", "CreateGroupMembership", {"kind": "throttle", "seconds": 1}),
    ("aws", "DeleteGroupMembership", {"kind": "drop_after"}),
    ("aws", "DeleteGroupMembership", {"kind": "status", "status": 500}),
    ("aws", "ListGroupMemberships", {"kind": "status", "status": 500}),
    ("aws", "UpdateGroup", {"kind": "conflict"}),
]
"""What goes wrong, once each: on which side, with which call, and what."""


class History:
    """What happens to two groups and four users."""

    def __init__(self, seed: int, number: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 (a history that can be told again)
        self._users = [login(4 * number + offset) for offset in range(4)]
        self._groups = [f"AWS-{2 * number + offset:03}" for offset in range(2)]
        self._gone: set[str] = set()
        self._n_names = 0

    def in_okta(self) -> list[Change]:  # noqa: PLR0911 (one for each kind)
        """One thing that happens in Okta."""
        user, group = self._chance.choice(self._users), self._chance.choice(self._groups)
        other = self._groups[1 - self._groups.index(group)]
        if user in self._gone:
            return []
        kind = self._chance.choice(["join", "leave", "move", "move", "suspend", "reactivate", "delete", "rename"])
        match kind:
            case "join":
                return [add_member(group, user)]
            case "leave":
                return [remove_member(group, user)]
            case "move":
                return [add_member(other, user), remove_member(group, user)]
            case "delete":
                self._gone.add(user)
                return [{"op": "delete_user", "user": user}]
            case "rename":
                self._n_names += 1
                name = f"{group.split('.')[0]}.{self._n_names}"
                self._groups[self._groups.index(group)] = name
                return [{"op": "rename_group", "group": group, "name": name}]
            case _:
                return [{"op": kind, "user": user}]


def by_hand(sandbox: Sandbox, chance: random.Random) -> None:
    """Somebody changes some members in Identity Center."""
    state = sandbox.aws.state()
    groups = [group for group in state["groups"] if check.MARK.search(group["description"] or "") and group["members"]]
    for group in chance.sample(groups, min(3, len(groups))):
        sandbox.aws.change({"op": "remove_member", "group": group["id"], "user": chance.choice(group["members"])})


def pass_on(sandbox: Sandbox, events: list[deliveries.Event], chance: random.Random) -> None:
    """Delivers events as Okta may: some never, some twice, in another order, in bodies of any size."""
    kept = [event for event in events if chance.random() > 0.1]
    kept += [event for event in kept if chance.random() < 0.2]
    chance.shuffle(kept)
    while kept:
        size = chance.randint(1, 20)
        body, kept = kept[:size], kept[size:]
        assert deliveries.deliver(sandbox, body).status in {200, 204}


def go_wrong(sandbox: Sandbox, chance: random.Random) -> None:
    """Lets some calls go wrong, after some that do not."""
    for side, operation, what in chance.sample(FAULTS, 4):
        simulator = sandbox.okta if side == "okta" else sandbox.aws
        simulator.fault(operation, what, skip=chance.randint(0, 5))


def phase(sandbox: Sandbox, histories: list[History], chance: random.Random) -> None:
    """Things happen; the events come as they come, while a full run is under way."""
    since = len(deliveries.happened(sandbox))
    for history in histories:
        for _ in range(chance.randint(1, 3)):
            for change in history.in_okta():
                sandbox.okta.change(change)
    by_hand(sandbox, chance)
    go_wrong(sandbox, chance)
    with ThreadPoolExecutor() as executor:
        run = executor.submit(sandbox.apply)
        pass_on(sandbox, deliveries.happened(sandbox, since), chance)
        run.result()
    sandbox.wait_until_idle()
    sandbox.okta.forget_faults()
    sandbox.aws.forget_faults()


@pytest.mark.parametrize("batch", range(-(-COUNT // IN_A_BATCH)))
def test_histories_end_as_okta_says(sandbox: Sandbox, batch: int) -> None:
    seed = FIRST_SEED + batch * IN_A_BATCH
    count = min(IN_A_BATCH, COUNT - batch * IN_A_BATCH)
    print(f"the same changes and faults: LOCKSTEP_HISTORIES={count} LOCKSTEP_HISTORY_SEED={seed}; how they interleave is not told again")
    sandbox.reset(world(4 * count, 2 * count, 2), ROOMY)
    sandbox.okta.deliver(paused=True, lose=1.0)
    sandbox.aws.change({"op": "add_group", "display_name": "AWS-ControlTower", "description": "kept by hand"})
    sandbox.aws.change({"op": "add_member", "group": "AWS-ControlTower", "user": login(0)})
    before = check.unmanaged(sandbox.aws.state())
    chance = random.Random(seed)  # noqa: S311 (a history that can be told again)
    histories = [History(seed + number, number) for number in range(count)]
    for _ in range(PHASES):
        phase(sandbox, histories, chance)
    statuses = [sandbox.apply()["status"] for _ in range(3)]
    assert statuses[-1] == "converged", statuses
    assert sandbox.differences() == []
    assert check.unmanaged(sandbox.aws.state()) == before
    sandbox.forget_calls()
    assert sandbox.apply()["status"] == "converged"
    assert sandbox.aws.calls().writes == 0
