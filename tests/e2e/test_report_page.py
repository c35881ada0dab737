"""The page of a report, as a browser shows it: headless Chromium reads it, draws it by day and by night, and asks nobody for anything."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from listeners import listening

from sandbox import Sandbox
from sandbox.command_line import lockstep
from worlds import add_member, login, remove_member, world

GROUP = "AWS-<script>document.title='owned'</script>"
"""A group whose name is a script."""

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="module")
def chromium() -> str:
    """A browser; without one the tests say aloud that they were skipped. On Debian: `apt-get install chromium`."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("SKIPPED: no Chromium on this machine, so nobody looked at the page")
    return found


@pytest.fixture
def page(sandbox: Sandbox, tmp_path: Path) -> Path:
    """The page of a plan of which a part would be held."""
    sandbox.reset(world(40, 3, 12), {"guard": {"max_percent_of_group": 30}})
    sandbox.okta.deliver(paused=True)
    sandbox.okta.change(
        *(remove_member("AWS-000", login(number)) for number in range(8)),
        add_member("AWS-001", login(0)),
        {"op": "rename_group", "group": "AWS-002", "name": GROUP},
        add_member(GROUP, login(1)),
    )
    path = tmp_path / "plan.html"
    ended = lockstep(sandbox, "plan", "--html", str(path))
    assert ended.code == 3 and str(path) in ended.err, ended.err
    return path


def browse(chromium: str, page: Path, *flags: str) -> str:
    """Opens the page in a browser with nothing remembered."""
    command = [chromium, *FLAGS, "--disable-sync", f"--user-data-dir={page.parent / 'profile'}", *flags, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def test_the_browser_finds_who_what_why_and_the_command_and_runs_nothing(chromium: str, page: Path) -> None:
    dom = browse(chromium, page, "--dump-dom")
    assert re.search(r"<title>Lockstep: held, run \S+</title>", dom), "no script changed the title"
    assert "<script" not in dom and "AWS-&lt;script&gt;document.title='owned'&lt;/script&gt;" in dom
    for part in ("Who loses what", "Who gains what", "max_percent_of_group", "lockstep approve ", login(0), "rename group"):
        assert part in dom, part
    assert dom.count('class="chart"') == 3, "actions, calls, time"
    assert dom.count("held: max_percent_of_group") == 8
    assert not re.search(r'(src|href)="(?!#)', dom) and not re.search(r"url\(|@import", dom), "nothing is fetched from anywhere"


def asked_for(chromium: str, page: Path) -> set[str]:
    """What a browser asks for because of a page: all of it goes to a proxy, which writes it down. What it asks its maker is left out."""
    with listening() as (proxy, asked):
        browse(chromium, page, f"--proxy-server={proxy}", "--proxy-bypass-list=<-loopback>", "--dump-dom")
    makers = ("google", "gstatic", "gvt1")
    return {address for address in asked if not any(maker in address for maker in makers)}


def test_the_browser_asks_nobody_for_anything(chromium: str, page: Path) -> None:
    assert asked_for(chromium, page) == set(), "the page is whole by itself"
    other = page.with_name("other.html")
    pictures = '<img src="http://127.0.0.1:8123/x.png"><img src="https://pictures.example/x.png"></body>'
    other.write_text(page.read_text().replace("</body>", pictures))
    assert asked_for(chromium, other) == set(), "the page's own policy forbids it"
    other.write_text(other.read_text().replace("Content-Security-Policy", "no-policy"))
    assert asked_for(chromium, other) == {"http://127.0.0.1:8123/x.png", "pictures.example:443"}, "or it would be seen"


def test_the_browser_draws_it_by_day_and_by_night(chromium: str, page: Path) -> None:
    drawn = {}
    for name, scheme in (("day", "1"), ("night", "0")):
        picture = page.with_name(f"{name}.png")
        browse(chromium, page, "--window-size=1000,1600", f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}")
        drawn[name] = picture.read_bytes()
        assert drawn[name].startswith(b"\x89PNG") and len(drawn[name]) > 20_000, "there is something on it"
    assert drawn["day"] != drawn["night"]


def test_it_prints(chromium: str, page: Path) -> None:
    paper = page.with_name("plan.pdf")
    browse(chromium, page, "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    assert paper.read_bytes().startswith(b"%PDF")
