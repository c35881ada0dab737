"""`lockstep`, the real binary against the simulators and ministack: the same engine, the same ledger, the same answers."""

import contextlib
import fcntl
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import termios
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.command_line import environment, lockstep
from sandbox.paths import ROOT, binary
from sandbox.processes import wait_until
from worlds import add_member, login, remove_member, world

FINE, ERROR, DRIFT, HELD, PARTIAL, DECLINED, USAGE = 0, 1, 2, 3, 4, 5, 64
"""The exit codes."""

RULE = """
[[assignment]]
group = '^AWS-000$'
accounts = ["ou:Workloads"]
permission_sets = ["ReadOnly"]
"""

ORGANIZATION = {"accounts": 4, "units": ["Workloads/Prod", "Workloads/Dev", "Sandbox"], "permission_sets": ["ReadOnly", "Admin"]}

SAME = ("mode", "scope", "status", "plan_hash", "plan", "outcomes", "held", "unresolved", "failures")
"""What two reports of one world have in common: not their ids, their times, and what a warm function need not ask again."""


def common(report: dict[str, Any]) -> dict[str, Any]:
    """What two reports of one world have in common."""
    return {name: report[name] for name in SAME}


@pytest.fixture
def drifted(sandbox: Sandbox) -> Sandbox:
    """A world in which Okta has moved on: two changes, one of each kind."""
    sandbox.reset(world(12, 3, 4))
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change(add_member("AWS-000", login(11)), remove_member("AWS-001", login(4)))
    return sandbox


def test_plan_json_is_the_reconcile_functions_dry_run(drifted: Sandbox) -> None:
    ended = lockstep(drifted, "plan", "--json")
    assert ended.code == DRIFT, ended.err
    assert len(ended.json["plan"]) == 2
    assert common(ended.json) == common(drifted.reconcile({"mode": "dry_run", "scope": "all"}))
    assert ended.json.keys() == drifted.reconcile({"mode": "dry_run", "scope": "all"}).keys()
    assert drifted.aws.calls().writes == 0


def test_plan_json_is_the_reconcile_functions_dry_run_for_every_scope(drifted: Sandbox) -> None:
    for options, scope in (
        (["--group", "AWS-000"], {"groups": ["AWS-000"]}),
        (["--user", login(4)], {"users": [login(4)]}),
        (["--changed-since", "2026-01-01T00:00:00Z"], {"changed_since": "2026-01-01T00:00:00Z"}),
    ):
        ended = lockstep(drifted, "plan", "--json", *options)
        assert common(ended.json) == common(drifted.reconcile({"mode": "dry_run", "scope": scope})), options


def test_without_a_table_a_plan_says_what_it_cannot_know(drifted: Sandbox) -> None:
    ended = lockstep(drifted, "plan", "--json", without=("LOCKSTEP_TABLE",))
    assert (ended.code, len(ended.json["plan"])) == (DRIFT, 2)
    assert any("no table is given" in note for note in ended.json["notes"])
    refused = lockstep(drifted, "apply", without=("LOCKSTEP_TABLE",))
    assert (refused.code, drifted.aws.calls().writes) == (USAGE, 0)
    assert "--table (LOCKSTEP_TABLE) is not given" in refused.err


def test_apply_does_what_plan_showed_and_then_both_sides_agree(drifted: Sandbox) -> None:
    planned = lockstep(drifted, "plan", "--json").json
    applied = lockstep(drifted, "apply", "--json")
    assert (applied.code, applied.json["status"], applied.json["plan"]) == (FINE, "applied", planned["plan"])
    assert drifted.differences() == []
    again = lockstep(drifted, "plan")
    assert again.code == FINE and again.out.startswith("converged: 0 to gain, 0 to lose")


def test_text_markdown_and_help_go_to_standard_output_and_carry_no_colour(drifted: Sandbox) -> None:
    text = lockstep(drifted, "plan")
    assert f"+ {login(11)}" in text.out and f"- {login(4)}" in text.out and "\x1b" not in text.out and text.err == ""
    markdown = lockstep(drifted, "plan", "--markdown")
    assert "### Gains (1)" in markdown.out and "### Losses (1)" in markdown.out
    assert "\x1b[32m+" in lockstep(drifted, "plan", "--color", "always").out
    assert "\x1b" not in lockstep(drifted, "plan", "--color", "always", NO_COLOR="1").out
    usage = lockstep(drifted, "--help")
    assert usage.code == FINE and "Exit codes:" in usage.out


def test_what_is_held_exits_so_and_is_approved_by_the_command_that_the_report_gives(sandbox: Sandbox) -> None:
    sandbox.reset(world(40, 2, 20), {"guard": {"max_membership_removals": 2, "max_percent": 0, "max_percent_of_group": 100}})
    sandbox.apply()
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change(*(remove_member("AWS-000", login(number)) for number in range(5)))
    held = lockstep(sandbox, "apply")
    assert (held.code, sandbox.aws.calls().writes) == (HELD, 0), held.err
    [command] = [line.strip() for line in held.out.splitlines() if line.strip().startswith("lockstep approve ")]
    wrong = lockstep(sandbox, "approve", "0" * 64)
    assert (wrong.code, sandbox.aws.calls().writes) == (ERROR, 0), wrong.err
    right = lockstep(sandbox, *command.split()[1:])
    assert right.code == FINE, right.out + right.err
    assert sandbox.differences() == []


def test_what_fails_is_partial(drifted: Sandbox) -> None:
    drifted.aws.fault("CreateGroupMembership", {"kind": "exception", "name": "AccessDeniedException"}, times=None)
    ended = lockstep(drifted, "apply")
    drifted.aws.forget_faults()
    assert ended.code == PARTIAL and "Failures (1)" in ended.out, ended.out


def test_what_cannot_be_done_is_an_error_with_its_reason(drifted: Sandbox) -> None:
    nowhere = lockstep(drifted, "plan", "--policy", "nowhere.toml")
    assert nowhere.code == ERROR and nowhere.out == "" and "there is no policy file at nowhere.toml" in nowhere.err
    secret = lockstep(drifted, "plan", "--okta-secret", "none/such")
    assert secret.code == ERROR and "none/such" in secret.err
    for arguments in (["plan", "--no-such-option"], ["approve", "beef"], ["plan", "--changed-since", "yesterday"], ["plan", "--group", ""]):
        assert lockstep(drifted, *arguments).code == USAGE, arguments


def test_paused_runs_are_dry_by_hand_as_well(drifted: Sandbox) -> None:
    paused = lockstep(drifted, "pause")
    assert paused.code == FINE and paused.out.startswith("paused since ")
    dry = lockstep(drifted, "apply")
    assert (dry.code, drifted.aws.calls().writes) == (DRIFT, 0) and "paused since" in dry.out
    assert drifted.apply()["status"] == "planned", "and so are the functions'"
    assert lockstep(drifted, "resume").code == FINE
    assert lockstep(drifted, "apply").code == FINE
    assert drifted.differences() == []


def test_runs_are_listed_shown_and_undone(drifted: Sandbox) -> None:
    applied = lockstep(drifted, "apply", "--json").json
    listed = lockstep(drifted, "runs", "--json").json
    assert [(run["run_id"], run["status"], run["actions"]) for run in listed][:1] == [(applied["run_id"], "applied", 2)]
    assert applied["run_id"] in lockstep(drifted, "runs").out
    shown = lockstep(drifted, "runs", applied["run_id"], "--json").json
    assert [{**entry, "fate": None} for entry in shown["plan"]] == [{**entry, "fate": None} for entry in applied["plan"]]
    assert {entry["fate"] for entry in shown["plan"]} == {"changed"}
    kept = [row for row in drifted.cloud.rows("lockstep") if row["pk"]["S"].startswith(("report/", "plan/"))]
    assert len(kept) == 2 and login(11) not in json.dumps(kept) and login(4) not in json.dumps(kept), "it keeps nobody's name"
    assert lockstep(drifted, "runs", "20200101T000000Z-00000000").code == ERROR

    shown_undo = lockstep(drifted, "undo", applied["run_id"])
    assert shown_undo.code == DRIFT and "lockstep pause" in shown_undo.err
    lockstep(drifted, "pause")
    undone = lockstep(drifted, "undo", applied["run_id"], "--apply")
    assert undone.code == FINE, undone.out + undone.err
    assert len(drifted.differences()) == 2
    lockstep(drifted, "resume")


def test_the_runs_of_the_functions_are_in_the_same_history(drifted: Sandbox) -> None:
    report = drifted.apply()
    assert [run["run_id"] for run in lockstep(drifted, "runs", "--json").json][:1] == [report["run_id"]]


def test_a_backfill_shows_how_far_it_has_got(sandbox: Sandbox) -> None:
    sandbox.reset(world(60, 12, 30, in_sync=False))
    sandbox.aws.settings(latency_ms=100)
    ended = lockstep(sandbox, "backfill", "--watch", "--json")
    assert (ended.code, ended.json["status"]) == (FINE, "applied"), ended.err
    assert "Identity Store" in ended.err and " of 19 calls/s" in ended.err, ended.err
    assert any(line.startswith("applying: ") and "/s, " in line and " left; " in line for line in ended.err.splitlines()), ended.err
    assert sandbox.differences() == []


def on_a_terminal(sandbox: Sandbox, *arguments: str, data: bool = False) -> tuple[int, str]:
    """How a command ends whose standard error (and output, where data is looked at) is a terminal, and what that shows, as it came."""
    ours, theirs = pty.openpty()
    # Wide enough for a line that is not cut.
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
    command = [str(binary("lockstep")), *arguments]
    with subprocess.Popen(
        command,
        env=environment(sandbox, TERM="xterm"),
        cwd=sandbox.folder,
        stdin=subprocess.DEVNULL,
        stdout=theirs if data else subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        # The last reader of a terminal is told of its end by an error.
        with contextlib.suppress(OSError):
            while part := os.read(ours, 65536):
                shown += part
        code = process.wait(timeout=120)
    os.close(ours)
    return code, shown.decode(errors="replace")


def test_on_a_terminal_a_backfill_is_one_line_that_moves(sandbox: Sandbox) -> None:
    sandbox.reset(world(60, 12, 30, in_sync=False))
    sandbox.aws.settings(latency_ms=100)
    code, shown = on_a_terminal(sandbox, "backfill", "--watch")
    assert code == FINE and sandbox.differences() == []
    # Bar, done, rate, time left, and the use of both quotas.
    part = (
        r"\[[=> ]{24}\] applying: (\d+) of 372 \(\d+ %\), \d+\.\d/s, [^;]+ left; "
        r"Identity Store \d+\.\d of 19 calls/s, sso-admin \d+\.\d of 19"
    )
    done = [int(number) for number in re.findall(part, shown)]
    assert len(set(done)) > 2 and done == sorted(done), shown
    assert "\r" in shown or "\x1b[" in shown, "the line is drawn over"
    assert "372 of 372" not in shown.splitlines()[-1:], "nothing is left of the bar where it ended"


def test_colour_is_for_a_terminal_alone(drifted: Sandbox) -> None:
    code, shown = on_a_terminal(drifted, "plan", data=True)
    assert code == DRIFT and "\x1b[32m+" in shown and "\x1b[31m-" in shown, shown
    assert "\x1b[32m" not in on_a_terminal(drifted, "plan", "--color", "never", data=True)[1]
    assert "\x1b" not in lockstep(drifted, "plan").out, "what goes into a file or another program has none"


def test_what_the_command_line_changes_is_on_the_bus_as_well(drifted: Sandbox) -> None:
    cloud, bus = drifted.cloud, "by-hand"
    url, events = cloud.make_queue(bus, {}), cloud.client("events")
    events.create_event_bus(Name=bus)
    events.put_rule(Name=bus, EventBusName=bus, EventPattern=json.dumps({"source": ["lockstep"]}))
    events.put_targets(Rule=bus, EventBusName=bus, Targets=[{"Id": "queue", "Arn": cloud.queue_arn(bus)}])
    assert lockstep(drifted, "plan", LOCKSTEP_EVENT_BUS=bus).code == DRIFT
    assert cloud.bodies(url) == [], "a plan changes nothing"
    applied = lockstep(drifted, "apply", "--json", LOCKSTEP_EVENT_BUS=bus).json
    wait_until(lambda: cloud.messages(url) == 2, "both changes were told", 30)
    details = [json.loads(body)["detail"] for body in cloud.bodies(url)]
    assert {(each["run_id"], each["function"], each["outcome"]) for each in details} == {(applied["run_id"], "lockstep", "changed")}
    assert sorted(each["action"] for each in details) == ["add_membership", "remove_membership"]
    assert "@" not in json.dumps(details), "nobody is named"
    lockstep(drifted, "pause")
    undone = lockstep(drifted, "undo", applied["run_id"], "--apply", "--json", LOCKSTEP_EVENT_BUS=bus).json
    lockstep(drifted, "resume")
    wait_until(lambda: cloud.messages(url) == 2, "what was undone was told", 30)
    assert {json.loads(body)["detail"]["run_id"] for body in cloud.bodies(url)} == {undone["run_id"]}


def test_a_bus_that_is_not_there_is_said_and_fails_nothing(drifted: Sandbox) -> None:
    ended = lockstep(drifted, "apply", LOCKSTEP_EVENT_BUS="arn:aws:events:us-east-1:000000000000:event-bus/none")
    assert ended.code == FINE and drifted.differences() == []
    assert "2 change events are not on the bus" in ended.out, ended.out + ended.err


@pytest.fixture
def giving(sandbox: Sandbox) -> Sandbox:
    """A world in which one group gives something on three accounts."""
    sandbox.reset(world(12, 3, 4, organization=ORGANIZATION))
    sandbox.okta.deliver(paused=True)
    with sandbox.policy_path.open("a") as file:
        file.write(RULE)
    return sandbox


def test_explain_says_by_which_group_and_rule_somebody_has_an_account(giving: Sandbox) -> None:
    assert lockstep(giving, "apply").code == FINE
    account = "000000000001"
    has = lockstep(giving, "explain", "user", login(0), "--account", account)
    assert has.code == FINE, has.err
    for part in (
        f"{login(0)} has access to account {account}",
        "ReadOnly by AWS-000 (rule 1)",
        "Okta: ACTIVE, entitled",
        "AWS-000: in Okta yes, in Identity Center yes",
        "gives ReadOnly on 000000000001",
        "by rule 1, in effect",
        "Those last up to 1h with ReadOnly",
        "Last full run: ",
        ": applied",
    ):
        assert part in has.out, (part, has.out)
    has_not = lockstep(giving, "explain", "user", login(11), "--account", account)
    assert f"{login(11)} has no access to account {account}" in has_not.out
    assert "ReadOnly by AWS-000 (rule 1)" in has_not.out, "and what would give it"


def test_explain_says_what_the_last_runs_did_about_somebody(giving: Sandbox) -> None:
    lockstep(giving, "apply")
    giving.okta.change(add_member("AWS-002", login(0)))
    pending = lockstep(giving, "explain", "user", login(0), "--json").json
    assert [(each["action"], each["about"]) for each in pending["pending"]] == [("add_membership", "AWS-002")]
    run = lockstep(giving, "apply", "--json").json
    done = lockstep(giving, "explain", "user", login(0), "--json").json
    assert done["pending"] == []
    [episode] = done["history"]["episodes"]
    assert (episode["run_id"], episode["action"], episode["about"], episode["fate"]) == (
        run["run_id"],
        "add_membership",
        "AWS-002",
        "changed",
    )
    giving.okta.change({"op": "suspend", "user": login(0)})
    suspended = lockstep(giving, "explain", "user", login(0))
    assert "SUSPENDED, not entitled" in suspended.out
    nobody = lockstep(giving, "explain", "user", "nobody@example.com")
    assert nobody.code == ERROR and "Okta has no user nobody@example.com" in nobody.err


def test_explain_a_group_names_whom_its_history_has_by_id(giving: Sandbox) -> None:
    lockstep(giving, "apply")
    giving.okta.change(add_member("AWS-002", login(0)), add_member("AWS-002", login(1)), remove_member("AWS-002", login(8)))
    lockstep(giving, "apply")
    shown = lockstep(giving, "explain", "group", "AWS-002")
    for name in (login(0), login(1), login(8)):
        assert re.search(rf"membership 00u\w+ \({re.escape(name)}\): changed", shown.out), shown.out
    [group] = lockstep(giving, "explain", "group", "AWS-002", "--json").json
    assert {past["name"] for past in group["history"]["episodes"]} >= {login(0), login(1), login(8)}


def test_explain_a_group_and_an_account(giving: Sandbox) -> None:
    before = lockstep(giving, "explain", "group", "AWS-000")
    assert "ReadOnly on 000000000001" in before.out and "by rule 1, not in effect yet" in before.out
    assert "The next run would" in before.out and "create assignment" in before.out
    lockstep(giving, "apply")
    group = lockstep(giving, "explain", "group", "AWS-000")
    assert "Members: 4 in Okta, of whom 4 should be in Identity Center; 4 are there" in group.out
    assert 'managed: groups.match has "^AWS-"' in group.out
    account = lockstep(giving, "explain", "account", "000000000001")
    assert "AWS-000" in account.out and "by rule 1, in effect" in account.out
    assert "Those last up to 1h with ReadOnly" in account.out and "Those last up to 1h with ReadOnly" in group.out
    assert re.search(r"create assignment ReadOnly on 000000000001.* AWS-000: changed", account.out), account.out
    assert "Last full run: " in account.out and ": applied" in account.out
    [made] = lockstep(giving, "explain", "account", "000000000001", "--json").json["history"]["episodes"]
    assert (made["about"], made["fate"]) == ("AWS-000", "changed")
    other = lockstep(giving, "explain", "account", "000000000003")
    assert "No managed group gives anything on it" in other.out
    assert lockstep(giving, "explain", "group", "AWS-none").code == ERROR
    assert lockstep(giving, "explain", "account", "12").code == USAGE
    assert giving.aws.calls().of("CreateAccountAssignment") == 3


def test_policy_check_says_what_each_rule_matches(giving: Sandbox) -> None:
    giving.okta.change({"op": "add_group", "name": "Marketing"})
    checked = lockstep(giving, "policy", "check", "--json")
    assert checked.code == FINE, checked.err
    [pattern] = checked.json["patterns"]
    assert (pattern["pattern"], pattern["groups"]) == ("^AWS-", ["AWS-000", "AWS-001", "AWS-002"])
    accounts = ["000000000001", "000000000002", "000000000004"]
    assert checked.json["rules"][0]["gives"] == [{"group": "AWS-000", "accounts": accounts, "permission_sets": ["ReadOnly"]}]
    text = giving.policy_path.read_text()
    giving.policy_path.write_text(text.replace('"ReadOnly"', '"Nobody"').replace('["^AWS-"]', '["^AWS-"]\nexclude = ["2$"]'))
    wrong = lockstep(giving, "policy", "check")
    assert wrong.code == PARTIAL and 'there is no permission set "Nobody"' in wrong.out and 'AWS-002: groups.exclude has "2$"' in wrong.out
    giving.policy_path.write_text(text + "[nonsense]\n")
    offline = lockstep(giving, "policy", "check", "--offline", without=("LOCKSTEP_OKTA_SECRET", "AWS_ENDPOINT_URL"))
    assert offline.code == ERROR and "nonsense" in offline.err and "line" in offline.err


def test_a_reader_that_goes_away_is_no_error_and_no_panic(drifted: Sandbox) -> None:
    lockstep(drifted, "apply")
    command = f"set -o pipefail; {binary('lockstep')} completions bash | head -1"
    ended = subprocess.run(["/bin/bash", "-c", command], env=environment(drifted), capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (FINE, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "elvish", "powershell"])
def test_completions_exist_for_every_shell(sandbox: Sandbox, shell: str) -> None:
    ended = lockstep(sandbox, "completions", shell)
    assert ended.code == FINE and "backfill" in ended.out


def test_the_example_policy_is_found_right_by_the_parser(sandbox: Sandbox) -> None:
    example = ROOT / "infra" / "policy.example.toml"
    assert lockstep(sandbox, "policy", "check", "--offline", "--policy", str(example)).code == FINE


def documented() -> list[list[str]]:
    """The commands of docs/cli.md, in the blocks that are for a shell."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs" / "cli.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("lockstep ")]
    return [shlex.split(line)[1:] for line in lines]


def test_the_documented_exit_codes_are_those_of_the_help(sandbox: Sandbox) -> None:
    help_says = re.findall(r"^ +(\d+)  (.+)$", lockstep(sandbox, "--help").out.split("Exit codes:\n")[1], re.MULTILINE)
    part = (ROOT / "docs" / "cli.md").read_text().split("\n## Exit codes\n")[1].split("\n## ")[0]
    document_says = dict(re.findall(r"^\| (\d+) \| (.+) \|$", part, re.MULTILINE))
    assert [int(code) for code, _ in help_says] == [FINE, ERROR, DRIFT, HELD, PARTIAL, DECLINED, USAGE]
    assert list(document_says) == [code for code, _ in help_says]
    for code, meaning in help_says:
        assert document_says[code].startswith(meaning.split(":")[0]), (code, meaning, document_says[code])


def test_every_documented_command_is_understood(drifted: Sandbox) -> None:
    assert len(documented()) > 20
    for arguments in documented():
        ended = lockstep(drifted, *arguments)
        assert ended.code != USAGE, (arguments, ended.err)


def test_every_command_is_documented(sandbox: Sandbox) -> None:
    commands = lockstep(sandbox, "--help").out.split("Commands:\n")[1].split("\n\n")[0]
    names = {line.split()[0] for line in commands.splitlines() if line.startswith("  ") and line[2] != " "}
    assert {"plan", "apply", "explain", "runs"} <= names
    text = (ROOT / "docs" / "cli.md").read_text()
    assert [name for name in sorted(names - {"help"}) if not re.search(rf"^### .*\b{name}\b", text, re.MULTILINE)] == []
