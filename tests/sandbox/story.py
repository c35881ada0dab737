"""The main job, played on a company: what happens in Okta, what is called, what changes, and how long it takes."""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox import Sandbox, check, company, deliveries
from sandbox.company import login
from sandbox.sandbox import HOOK_PASSWORD

Change = dict[str, Any]
Report = dict[str, Any]

BOLD, GREEN, RED, PLAIN = ("\033[1m", "\033[32m", "\033[31m", "\033[0m") if sys.stdout.isatty() else ("", "", "", "")


@dataclass
class Story:
    """The company, and how the story goes so far."""

    sandbox: Sandbox
    failures: list[str] = field(default_factory=list)
    unmanaged: dict[str, Any] = field(default_factory=dict)

    def chapter(self, title: str, play: Callable[[], object]) -> None:
        """Plays one chapter, and tells what was called, what changed, and how long it took."""
        print(f"\n{BOLD}{title}{PLAIN}", flush=True)
        self.sandbox.okta.forget_calls()
        self.sandbox.aws.forget_calls()
        before = self.memberships()
        began = time.monotonic()
        play()
        okta, aws = self.sandbox.okta.calls(), self.sandbox.aws.calls()
        after = self.memberships()
        for group, user in sorted(after - before):
            print(f"  {GREEN}+{PLAIN} {user} in {group}")
        for group, user in sorted(before - after):
            print(f"  {RED}-{PLAIN} {user} in {group}")
        took = time.monotonic() - began
        print(f"  {okta.total} calls to Okta, {aws.total} to Identity Center, {aws.writes} of them changed something; {took:.1f} s")

    def memberships(self) -> frozenset[tuple[str, str]]:
        """Who is in which managed group of Identity Center."""
        return check.compare(self.sandbox.okta.state(), self.sandbox.aws.state()).actual

    def okta(self, what: str, *changes: Change) -> None:
        """Something happens in Okta."""
        print(f"  Okta: {what}")
        for result in self.sandbox.okta.change(*changes):
            self.expect(result.get("changed", True), f"{what}: nothing changed in Okta")

    def events(self) -> None:
        """Okta delivers what happened, and it is worked off."""
        print("  waiting: a delivery, 5 s so that Okta's reads are not stale any more, and the worker", flush=True)
        self.sandbox.settle()

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
    story.expect(len(story.memberships()) == 27, "everyone is where Okta says")


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
    """The same for a suspension; and back again."""
    story.okta("grace is suspended", {"op": "suspend", "user": login("grace")})
    story.events()
    story.expect(not any(user == login("grace") for _, user in story.memberships()), "grace has nothing while she is suspended")
    story.okta("grace is back", {"op": "reactivate", "user": login("grace")})
    story.events()


def duplicates(story: Story) -> None:
    """The same delivery three times: one write."""
    since = len(deliveries.happened(story.sandbox))
    story.sandbox.okta.deliver(paused=True)
    story.okta(
        "radia joins AWS-Billing, and Okta delivers it three times", {"op": "add_member", "group": "AWS-Billing", "user": login("radia")}
    )
    events = deliveries.happened(story.sandbox, since)
    for _ in range(3):
        answer = deliveries.deliver(story.sandbox, events, event_id="the-same-delivery")
        story.expect(answer.status == 204, f"the hook takes the delivery ({answer.status})")
    story.sandbox.okta.deliver(paused=False)
    story.sandbox.wait_until_idle()
    writes = story.sandbox.aws.calls().writes
    story.expect(writes == 1, f"one write, not {writes}")


def reordered(story: Story) -> None:
    """Removed and added again, delivered the other way round: Okta's present state counts, not the order of the news."""
    since = len(deliveries.happened(story.sandbox))
    story.sandbox.okta.deliver(paused=True)
    member = {"group": "AWS-Data", "user": login("tony")}
    story.okta(
        "tony leaves AWS-Data and is added again; the news come in the wrong order",
        {"op": "remove_member", **member},
        {"op": "add_member", **member},
    )
    for event in reversed(deliveries.happened(story.sandbox, since)):
        deliveries.deliver(story.sandbox, [event])
    story.sandbox.okta.deliver(paused=False)
    story.sandbox.wait_until_idle()
    story.expect(story.sandbox.aws.calls().writes == 0, "nothing changed in between")


def lost(story: Story) -> None:
    """An event that never came is found by the schedule."""
    story.sandbox.okta.deliver(lose=1.0)
    story.okta("leslie moves from AWS-Data to AWS-Developers, and Okta loses the news",
               {"op": "remove_member", "group": "AWS-Data", "user": login("leslie")},
               {"op": "add_member", "group": "AWS-Developers", "user": login("leslie")})  # fmt: skip
    story.sandbox.okta.flush()
    story.sandbox.okta.deliver(lose=0.0)
    print("  waiting for the scheduler to start a full run", flush=True)
    since = story.sandbox.fire_schedule("Full")
    for _ in range(90):
        if story.sandbox.runs("reconcile", since):
            break
        time.sleep(1)
    runs = story.sandbox.runs("reconcile", since)
    story.expect(bool(runs), "the scheduled run came")
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
    story.expect(story.sandbox.aws.calls().writes == 0, "nothing was written")


def agreement(story: Story) -> None:
    """Both sides agree, by what the simulators hold and by nothing that Lockstep says; and what is not ours is as it was."""
    differences = check.compare(story.sandbox.okta.state(), story.sandbox.aws.state()).differences()
    for difference in differences:
        story.expect(False, difference)
    after = check.unmanaged(story.sandbox.aws.state())["groups"]
    story.expect(after == story.unmanaged["groups"], "the groups that are not ours are as they were")
    if not story.failures:
        print(f"  {GREEN}Okta and Identity Center agree, and what is not ours is untouched.{PLAIN}")


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

  curl -X POST {sandbox.okta.url}/_sim/changes -d '[{{"op":"add_member","group":"AWS-Admins","user":"{login("tim")}"}}]'
  curl -X POST {sandbox.okta.url}/_sim/hooks/flush
  curl {sandbox.aws.url}/_sim/state
  curl -X POST {sandbox.cloud.url}/2015-03-31/functions/reconcile/invocations -d '{{"mode":"dry_run","scope":"all"}}'
""",
        flush=True,
    )
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


CHAPTERS: list[tuple[str, Callable[[Story], None]]] = [
    ("1. A first backfill: the plan, then the same applied", backfill),
    ("2. A joiner", joiner),
    ("3. A leaver", leaver),
    ("4. A suspension, and back", suspension),
    ("5. One delivery, three times", duplicates),
    ("6. Two events in the wrong order", reordered),
    ("7. A lost event, and the schedule", lost),
    ("8. A group is renamed", rename),
    ("9. Okta answers with an empty list", empty_answer),
]


def main() -> int:
    """Plays the story; 1 if anything is not as it should be at the end."""
    parser = argparse.ArgumentParser(description="Plays the main job on a simulated company.")
    parser.add_argument("--stay", action="store_true", help="keep it up afterwards, with addresses and sample calls")
    arguments = parser.parse_args()
    began = time.monotonic()
    print("starting Okta and Identity Center (simulated), AWS (ministack), and the three functions (real)", flush=True)
    with Sandbox() as sandbox:
        sandbox.reset(company.world())
        with sandbox.policy_path.open("a") as policy:
            policy.write(company.RULES)
        fate = {"account": "000000000002", "failure": "the account has reached its quota of roles", "times": 1}
        sandbox.aws.change({"op": "decide", "fate": fate})
        story = Story(sandbox, unmanaged=check.unmanaged(sandbox.aws.state()))
        for title, play in CHAPTERS:
            story.chapter(title, lambda play=play: play(story))  # type: ignore[misc]
        story.chapter("10. Do both sides agree?", lambda: agreement(story))
        print(f"\n{len(CHAPTERS)} chapters in {time.monotonic() - began:.0f} s; {len(story.failures)} things are not as they should be")
        if arguments.stay:
            stay(sandbox)
    return 1 if story.failures else 0


if __name__ == "__main__":
    sys.exit(main())
