"""The main job, played on a company: what happens in Okta, what is called, what changes, and how long it takes."""

import argparse
import contextlib
import functools
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox import Sandbox, check, company, deliveries
from sandbox.company import login
from sandbox.functions import RECONCILE
from sandbox.processes import wait_until
from sandbox.sandbox import HOOK_PASSWORD
from sandbox.view import View

Change = dict[str, Any]
Report = dict[str, Any]

BOLD, GREEN, RED, PLAIN = ("\033[1m", "\033[32m", "\033[31m", "\033[0m") if sys.stdout.isatty() else ("", "", "", "")
COLOURS = {"+": GREEN, "-": RED}


@dataclass
class Story:
    """The company, and how the story goes so far."""

    sandbox: Sandbox
    failures: list[str] = field(default_factory=list)
    unmanaged: dict[str, Any] = field(default_factory=dict)

    def chapter(self, title: str, play: Callable[[], object]) -> None:
        """Plays one chapter, and tells what was called, what changed, and how long it took."""
        print(f"\n{BOLD}{title}{PLAIN}", flush=True)
        self.sandbox.forget_calls()
        before = View.of(self.sandbox.aws.state())
        began = time.monotonic()
        play()
        took = time.monotonic() - began
        okta, aws = self.sandbox.okta.calls(), self.sandbox.aws.calls()
        for line in before.changes_to(View.of(self.sandbox.aws.state())):
            print(f"    {COLOURS.get(line[0], '')}{line}{PLAIN}")
        print(f"  {okta.total} calls to Okta, {aws.total} to Identity Center, {aws.writes} of them changed something; {took:.1f} s")

    def memberships(self) -> frozenset[tuple[str, str]]:
        """Who is in which managed group of Identity Center."""
        return self.sandbox.sides().actual

    def okta(self, what: str, *changes: Change) -> None:
        """Something happens in Okta."""
        print(f"  Okta: {what}")
        for result in self.sandbox.okta.change(*changes):
            self.expect(result.get("changed", True), f"{what}: nothing changed in Okta")

    def events(self) -> None:
        """Okta delivers what happened, and it is worked off."""
        self.sandbox.okta.flush()
        self.wait()

    def wait(self) -> None:
        """What was delivered is worked off."""
        print("  waiting: 4 s in the queue and up to 1 s more, so that Okta's answers are not stale any more, and the worker", flush=True)
        self.sandbox.wait_until_idle()

    def expect(self, holds: bool, what: str) -> None:
        """Something must hold at this point of the story."""
        if not holds:
            self.failures.append(what)
            print(f"  {RED}NOT SO:{PLAIN} {what}")

    def tell(self, report: Report) -> Report:
        """A report in three lines at most."""
        outcomes = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in report["outcomes"].items() if count)
        print(f"  reconcile says: {report['status']}; {len(report['plan'])} actions planned; {outcomes or 'nothing done'}")
        for held in report["held"]:
            print(f"  held: {held['rule']}, {held['actual']} where the limit is {held['limit']} ({held['actions']} actions)")
        for failure in report["failures"]:
            print(f"  failed: {failure['action']}: {failure['error']}")
        return report


def backfill(story: Story) -> None:
    """The first run: shown as a plan, then applied."""
    plan = story.tell(story.sandbox.reconcile({"mode": "dry_run", "scope": "all"}))
    kinds: dict[str, int] = {}
    for action in plan["plan"]:
        kinds[action["action"]] = kinds.get(action["action"], 0) + 1
    print("  the plan: " + ", ".join(f"{count} × {kind}" for kind, count in sorted(kinds.items())))
    for action in plan["plan"][:3] + plan["plan"][-2:]:
        whom = action.get("user", {}).get("name") or action.get("permission_set", "")
        where = action.get("account", {}).get("id", "")
        print(f"    {action['action']} {action['group']['name']} {whom} {where} — {action['reason']}")
    story.expect(plan["status"] == "planned" and story.sandbox.aws.calls().writes == 0, "a dry run plans and writes nothing")
    applied = story.tell(story.sandbox.apply())
    story.expect(applied["status"] == "partial", "the backfill is applied, all but one assignment that AWS gave up")
    story.expect(story.sandbox.differences() == [], "everyone is where Okta says")


def joiner(story: Story) -> None:
    """Someone new, provisioned by Okta's own app and put into a group."""
    added = story.sandbox.okta.change({"op": "add_user", "login": login("joan")})
    story.sandbox.aws.change({"op": "add_user", "user_name": login("joan"), "external_id": added[0]["id"]})
    story.okta("joan joins AWS-Developers", {"op": "add_member", "group": "AWS-Developers", "user": login("joan")})
    story.events()
    story.expect(("AWS-Developers", login("joan")) in story.memberships(), "joan is in AWS-Developers")


def leaver(story: Story) -> None:
    """A deactivated user keeps every group in Okta, and no event says otherwise."""
    story.okta("ken is deactivated (and stays in his groups, in Okta)", {"op": "deactivate", "user": login("ken")})
    story.events()
    story.expect(not any(user == login("ken") for _, user in story.memberships()), "ken has nothing any more")


def suspension(story: Story) -> None:
    """The same for a suspension."""
    story.okta("grace is suspended", {"op": "suspend", "user": login("grace")})
    story.events()
    story.expect(not any(user == login("grace") for _, user in story.memberships()), "grace has nothing while she is suspended")


def back(story: Story) -> None:
    """And back again, into all of her groups."""
    story.okta("grace is back", {"op": "reactivate", "user": login("grace")})
    story.events()
    story.expect(len([user for _, user in story.memberships() if user == login("grace")]) == 2, "grace has her two groups again")


def duplicates(story: Story) -> None:
    """The same delivery three times: one write."""
    print("  Okta: radia joins AWS-Billing, and Okta delivers it three times")
    events = deliveries.taken(story.sandbox, {"op": "add_member", "group": "AWS-Billing", "user": login("radia")})
    for _ in range(3):
        answer = deliveries.deliver(story.sandbox, events, event_id="the-same-delivery")
        story.expect(answer.status == 204, f"the hook takes the delivery ({answer.status})")
    story.wait()
    writes = story.sandbox.aws.calls().writes
    story.expect(writes == 1, f"one write, not {writes}")


def reordered(story: Story) -> None:
    """Removed and added again, delivered the other way round: Okta's present state counts, not the order of the news."""
    print("  Okta: tony leaves AWS-Data and is added again; the news come in the wrong order")
    tony = {"group": "AWS-Data", "user": login("tony")}
    for event in reversed(deliveries.taken(story.sandbox, {"op": "remove_member", **tony}, {"op": "add_member", **tony})):
        deliveries.deliver(story.sandbox, [event])
    story.wait()
    story.expect(story.sandbox.aws.calls().writes == 0, "tony never was without his membership")


def lost(story: Story) -> None:
    """Events that never came are found by the schedule."""
    print("  Okta: leslie moves from AWS-Data to AWS-Developers, and the news are lost")
    deliveries.taken(
        story.sandbox,
        {"op": "remove_member", "group": "AWS-Data", "user": login("leslie")},
        {"op": "add_member", "group": "AWS-Developers", "user": login("leslie")},
    )
    print("  waiting for the scheduler to start a full run", flush=True)
    since = story.sandbox.fire_schedule("Full")
    wait_until(lambda: bool(story.sandbox.runs(RECONCILE, since)), "the scheduled run is done", 60)
    story.expect(("AWS-Developers", login("leslie")) in story.memberships(), "leslie is where Okta says")


def rename(story: Story) -> None:
    """A renamed group stays the same group: its assignments hang on it."""
    before = {group["id"] for group in story.sandbox.aws.state()["groups"]}
    story.okta("AWS-Data is renamed to AWS-Analytics", {"op": "rename_group", "group": "AWS-Data", "name": "AWS-Analytics"})
    story.events()
    groups = story.sandbox.aws.state()["groups"]
    story.expect({group["id"] for group in groups} == before, "no group was made or deleted")
    story.expect(any(group["display_name"] == "AWS-Analytics" for group in groups), "it has its new name")


def empty_answer(story: Story) -> None:
    """Okta answers 200 with an empty list of groups. Other tools delete everything."""
    print("  Okta answers 200 and an empty list of groups")
    story.sandbox.okta.fault("GET /api/v1/groups", {"kind": "empty"}, times=None)
    report = story.tell(story.sandbox.apply())
    story.sandbox.okta.forget_faults()
    story.expect(report["status"] == "held" and report["held"][0]["rule"] == "source_empty", "it is held")
    print("  Okta is well again")
    story.tell(story.sandbox.apply())
    story.expect(story.sandbox.aws.calls().writes == 0, "nothing was written")


def agreement(story: Story) -> None:
    """Both sides agree, by what the simulators hold and by nothing that Lockstep says; and what is not ours is as it was."""
    aws = story.sandbox.aws.state()
    sides = story.sandbox.sides()
    for difference in sides.differences():
        story.expect(False, difference)
    missing, surplus = company.assignments() - check.assignments(aws), check.assignments(aws) - company.assignments()
    story.expect(surplus == set(), f"no group has more than its rules give: {surplus}")
    story.expect(len(missing) == 1 and {account for _, _, account in missing} == {company.QUOTA_ACCOUNT}, f"one is missing: {missing}")
    story.expect(check.unmanaged(aws)["groups"] == story.unmanaged["groups"], "the groups that are not ours are as they were")
    if not story.failures:
        counts = f"{len(sides.wanted)} memberships and {len(check.assignments(aws))} assignments"
        print(f"  {GREEN}They do{PLAIN}, by the simulators' own state: {counts}.")
        print("  The assignment that AWS gave up is tried again after 15 minutes. What is not ours is as it was.")


def stay(sandbox: Sandbox) -> None:
    """Keeps everything up for playing by hand."""
    print(
        f"""
{BOLD}It stays up until Ctrl-C.{PLAIN}
  Okta (simulated)             {sandbox.okta.url}
  Identity Center (simulated)  {sandbox.aws.url}
  AWS (ministack)              {sandbox.cloud.url}
  event hook                   {sandbox.hook_url}   (Authorization: {HOOK_PASSWORD})
  policy, logs                 {sandbox.folder}

  Add someone to a group in Okta; its event is delivered at once, and Identity Center follows within seconds:
    curl {sandbox.okta.url}/_sim/changes -d '{{"op":"add_member","group":"AWS-Admins","user":"{login("tim")}"}}'
    curl {sandbox.aws.url}/_sim/state
  What a full run would do, and do it:
    curl {sandbox.cloud.url}/2015-03-31/functions/reconcile/invocations -d '{{"mode":"dry_run","scope":"all"}}'
    curl {sandbox.cloud.url}/2015-03-31/functions/reconcile/invocations -d '{{"mode":"apply","scope":"all"}}'
  Okta's verification of the hook, and a delivery without the secret:
    curl -i {sandbox.hook_url} -H 'x-okta-verification-challenge: hello'
    curl -i {sandbox.hook_url} -d '{{}}'
""",
        flush=True,
    )
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


CHAPTERS: list[tuple[str, Callable[[Story], None]]] = [
    ("A first backfill: the plan, then the same applied", backfill),
    ("A joiner", joiner),
    ("A leaver", leaver),
    ("A suspension", suspension),
    ("The end of the suspension", back),
    ("One delivery, three times", duplicates),
    ("Two events in the wrong order", reordered),
    ("Lost events, and the schedule", lost),
    ("A group is renamed", rename),
    ("Okta answers with an empty list", empty_answer),
    ("Do both sides agree?", agreement),
]


def main() -> int:
    """Plays the story; 1 if anything is not as it should be at the end."""
    parser = argparse.ArgumentParser(description="Plays the main job on a simulated company.")
    parser.add_argument("--stay", action="store_true", help="keep it up afterwards, with addresses and sample calls")
    transports = ["identity_store", "scim"]
    parser.add_argument("--transport", choices=transports, default=transports[0], help="what memberships are written over")
    arguments = parser.parse_args()
    began = time.monotonic()
    print("starting Okta and Identity Center (simulated), AWS (ministack), and the three functions (real)", flush=True)
    with Sandbox() as sandbox:
        sandbox.reset(company.world(), {"writes": {"transport": arguments.transport}}, company.RULES)
        fate = {"account": company.QUOTA_ACCOUNT, "failure": "the account has reached its quota of roles", "times": 1}
        sandbox.aws.change({"op": "decide", "fate": fate})
        story = Story(sandbox, unmanaged=check.unmanaged(sandbox.aws.state()))
        for number, (title, play) in enumerate(CHAPTERS, 1):
            story.chapter(f"{number}. {title}", functools.partial(play, story))
        print(f"\n{len(CHAPTERS)} chapters in {time.monotonic() - began:.0f} s; {len(story.failures)} things are not as they should be")
        if arguments.stay:
            stay(sandbox)
    return 1 if story.failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
