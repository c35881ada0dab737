"""bin/package: what it builds, and what it says is missing. cargo, rustup and uname are stand-ins that say what they were asked."""

import hashlib
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from sandbox.paths import ROOT

X86, ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"


class Machine:
    """A machine of one kind with some Rust targets, whose cargo builds nothing but notes how it was called."""

    def __init__(self, folder: Path, kind: str, *targets: str) -> None:
        self.folder, self.target = folder, folder / "target"
        self._stand_in("uname", f"echo {kind}")
        self._stand_in("rustup", f"printf '%s\\n' {' '.join(targets)}")
        self._stand_in("cargo", f'echo "$@" >>{folder}/asked')
        for name in ("event-hook", "event-worker", "reconcile"):
            for profile in ("dist", "release"):
                binary = self.target / profile / name
                binary.parent.mkdir(parents=True, exist_ok=True)
                binary.write_bytes(b"a binary of " + name.encode() + b" GLIBC_2.34\0")

    def with_glibc(self, version: str) -> "Machine":
        """The same with this glibc, and with the tools of bin/package.txt, which build what Lambda can start."""
        self._stand_in("getconf", f"echo glibc {version}")
        requirements = [ROOT / "tests/sandbox/requirements.txt", ROOT / "bin/package.txt"]
        sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}\n" for path in requirements)
        tools = self.target / "venv-package"
        tools.mkdir(parents=True)
        (tools / f"{hashlib.sha256(sums.encode()).hexdigest()[:16]}.installed").touch()
        for name in ("event-hook", "event-worker", "reconcile"):
            binary = self.target / "lambda" / name / "bootstrap"
            binary.parent.mkdir(parents=True)
            binary.write_bytes(b"a binary of " + name.encode() + b" GLIBC_2.30\0")
        return self

    def _stand_in(self, name: str, script: str) -> None:
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def package(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs bin/package to its end."""
        env = {**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "CARGO_TARGET_DIR": str(self.target)}
        return subprocess.run([ROOT / "bin/package", *arguments], env=env, capture_output=True, text=True, check=False)

    def asked(self) -> str:
        """How cargo was called."""
        path = self.folder / "asked"
        return path.read_text() if path.exists() else ""


def test_without_the_target_of_arm64_it_is_said_and_nothing_is_built(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "x86_64", X86)
    ended = machine.package("--arch", "arm64")
    assert ended.returncode == 1 and f"rustup target add {ARM}" in ended.stderr
    assert machine.asked() == "" and not (machine.target / "lambda").exists()


def test_without_the_target_of_arm64_and_without_a_wish_it_is_said_and_x86_64_is_built(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "x86_64", X86)
    ended = machine.package()
    assert ended.returncode == 0 and f"rustup target add {ARM}" in ended.stderr and "x86_64 instead" in ended.stderr
    assert "Architecture=x86_64" in ended.stdout
    assert machine.asked() == "build --profile dist --package event-hook --package event-worker --package reconcile\n"


def test_a_machine_of_arm64_builds_for_itself(tmp_path: Path) -> None:
    ended = Machine(tmp_path, "aarch64", ARM).package()
    assert ended.returncode == 0 and "Architecture=arm64" in ended.stdout and ended.stderr == ""
    ended = Machine(tmp_path, "aarch64", ARM).package("--arch", "x86_64")
    assert ended.returncode == 1 and "this machine is arm64" in ended.stderr


def test_a_zip_holds_an_executable_bootstrap_and_is_the_same_bytes_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "x86_64", X86)
    archive = machine.target / "lambda" / "event-hook.zip"
    assert machine.package("--profile", "release", "--built").returncode == 0
    first = archive.read_bytes()
    assert machine.asked() == "", "what is built is not built again"
    with zipfile.ZipFile(archive) as packed:
        [file] = packed.infolist()
        assert (file.filename, file.external_attr >> 16) == ("bootstrap", 0o755)
    assert machine.package("--profile", "release", "--built").returncode == 0
    assert archive.read_bytes() == first


@pytest.mark.parametrize(("version", "code"), [(b"2.34", 0), (b"2.35", 1), (b"2.9", 0)])
def test_a_binary_that_lambda_could_not_start_is_not_packed(tmp_path: Path, version: bytes, code: int) -> None:
    machine = Machine(tmp_path, "x86_64", X86)
    (machine.target / "dist" / "event-hook").write_bytes(b"GLIBC_2.2.5\0GLIBC_" + version + b"\0")
    ended = machine.package("--arch", "x86_64")
    assert ended.returncode == code and ("build on an older system" in ended.stderr) == bool(code)


@pytest.mark.parametrize(("glibc", "is_native"), [("2.36", True), ("2.37", True), ("2.38", False), ("2.41", False)])
def test_where_glibc_is_too_new_for_lambda_another_linker_builds(tmp_path: Path, glibc: str, is_native: bool) -> None:
    machine = Machine(tmp_path, "x86_64", X86).with_glibc(glibc)
    ended = machine.package("--arch", "x86_64")
    assert ended.returncode == 0 and "Architecture=x86_64" in ended.stdout, ended.stderr
    assert machine.asked().startswith("build --profile dist" if is_native else "lambda build --x86-64 --profile dist")
    with zipfile.ZipFile(machine.target / "lambda" / "reconcile.zip") as packed:
        assert (b"GLIBC_2.34" in packed.read("bootstrap")) == is_native


def test_what_the_sandbox_runs_on_this_machine_is_packed_and_it_is_said_that_lambda_cannot(tmp_path: Path) -> None:
    machine = Machine(tmp_path, "x86_64", X86).with_glibc("2.39")
    (machine.target / "release" / "event-hook").write_bytes(b"GLIBC_2.38\0")
    ended = machine.package("--profile", "release", "--built")
    assert ended.returncode == 0 and "needs glibc 2.38" in ended.stderr and "sandbox on this machine" in ended.stderr
    assert machine.asked() == ""


@pytest.mark.parametrize("arguments", [("--arch", "riscv"), ("--what",)])
def test_an_option_that_is_none_is_said(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert Machine(tmp_path, "x86_64", X86).package(*arguments).returncode == 2
