"""The commands of the documents that are marked as tested (```sh tested) are run, as they stand, against the deployed stack."""

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import template
from sandbox.cloud import REGION, credentials
from sandbox.paths import ROOT, TARGET, binary
from sandbox.simulators import TOKEN
from sandbox.stack import Stack

AWS = TARGET / "venv-aws" / "bin"
BLOCK = re.compile(r"^```sh tested\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of commands."""

    document: str
    line: int
    commands: str


def documents() -> list[Path]:
    """What people read."""
    return [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]


def anchors(document: Path) -> set[str]:
    """The headings of a document, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def blocks() -> list[Block]:
    """All blocks that are marked, in the order of the documents."""
    found = []
    for path in documents():
        text = path.read_text()
        found += [Block(path.name, text[: match.start()].count("\n") + 1, match[1]) for match in BLOCK.finditer(text)]
    return found


def aws_for(stack: Stack, folder: Path) -> Path:
    """A folder with an `aws` that calls the stack's AWS. The CLI from PyPI, which is version 1, would call SQS elsewhere whatever the
    environment says."""
    folder = folder / "bin"
    folder.mkdir()
    program = folder / "aws"
    program.write_text(f'#!/bin/sh\nexec "{AWS}/aws" --endpoint-url "{stack.cloud.url}" "$@"\n')
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize("block", blocks(), ids=lambda block: f"{block.document}:{block.line}")
def test_commands_of_the_documents_do_what_they_say(stack: Stack, block: Block, tmp_path: Path) -> None:
    if not AWS.exists():
        pytest.skip("the AWS CLI is not installed: bin/venv tests/tools/aws.txt venv-aws")
    environment = {
        "PATH": f"{aws_for(stack, tmp_path)}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "AWS_DEFAULT_REGION": REGION,
        "STACK": stack.name,
        "NEW_TOKEN": TOKEN,
        **credentials(),
    }
    command = ["bash", "-euo", "pipefail", "-c", block.commands]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [path.read_text() for path in tmp_path.glob("*.json")]
    assert not any("errorMessage" in answer for answer in answers), answers


def test_the_documents_that_an_operator_needs_have_commands_that_are_tested() -> None:
    assert {"deploying.md", "operations.md"} <= {block.document for block in blocks()}


def mentioned() -> list[list[str]]:
    """The commands of `lockstep` that the documents have, in blocks and in passing, without what the shell does with them."""
    text = "\n".join(path.read_text().replace("\\\n", " ") for path in documents())
    found = re.findall(r"^(?:target/release/)?lockstep .+$", text, re.MULTILINE) + re.findall(r"`lockstep [^`]+`", text)
    return [shlex.split(command.strip("`").split(" > ")[0], comments=True)[1:] for command in found]


def test_every_command_of_the_documents_is_one_that_the_command_line_has() -> None:
    assert len(mentioned()) > 50
    for arguments in mentioned():
        done = subprocess.run([binary("lockstep"), *arguments, "--help"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (arguments, done.stderr)


def test_every_variable_that_the_command_line_reads_is_in_its_table_and_no_other() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "cli" / "src").rglob("*.rs"))
    read = set(re.findall(r"LOCKSTEP_[A-Z_]+", sources)) - {"LOCKSTEP_RECORDINGS"}
    part = (ROOT / "docs" / "cli.md").read_text().split("\n## What it needs\n")[1].split("\n## ")[0]
    assert set(re.findall(r"LOCKSTEP_[A-Z_]+", part)) == read


def test_what_the_documents_name_of_the_stack_is_in_the_template() -> None:
    text = "\n".join(path.read_text() for path in documents())
    outputs = set(re.findall(r"OutputKey=='(\w+)'|\$\(output (\w+)\)|the stack's output `(\w+)`", text))
    named = {name for names in outputs for name in names if name}
    assert {"HookUrl", "OktaSecretId", "LedgerTable"} <= named <= set(template.template()["Outputs"])
    parameters = template.template()["Parameters"]
    table = (ROOT / "docs" / "deploying.md").read_text().split("| parameter | when to set it |")[1].split("\n\n")[0]
    cells = [row.split("|")[1] for row in table.strip().splitlines()[1:]]
    assert {name for cell in cells for name in re.findall(r"`(\w+)", cell)} <= set(parameters)
    given = re.findall(r"\b([A-Z]\w+)=([\w]+)", " ".join(re.findall(r"--parameter-overrides .+|`[A-Z]\w+=\w+`", text)))
    assert len(given) > 5
    for name, value in given:
        assert value in parameters[name].get("AllowedValues", [value]), (name, value)


@pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text())
    for link in [link for link in links if "://" not in link]:
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
