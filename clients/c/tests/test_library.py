"""The C library as it is installed and as a process has it. What it answers is held against every
other client's answers in tests/protocol/clients."""

from __future__ import annotations

import mmap
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from protocol.clients.scripted_gate import ScriptedGate
from protocol.clients.state_page import SIZE, write_page

from support.gate import build_dir, repository

SOURCE = repository() / "clients" / "c"
HEADER = (SOURCE / "include" / "readygate.h").read_text()
FUNCTIONS = set(re.findall(r"^[a-z].*?(readygate_\w+)\(", HEADER, re.MULTILINE))


@pytest.fixture
def socket() -> Iterator[Path]:
    """A short path: a socket's has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="rg-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "gate.sock"


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build, installed into a folder as a package would be."""
    folder = tmp_path_factory.mktemp("installed")
    command = ["meson", "install", "-C", str(build_dir()), "--no-rebuild", "--quiet"]
    subprocess.run([*command, "--destdir", str(folder)], check=True)
    return folder


def symbols(library: Path, *options: str) -> set[str]:
    listing = subprocess.run(
        ["nm", "--defined-only", "--format=posix", *options, str(library)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {line.split()[0].split("@")[0] for line in listing.splitlines() if " " in line}


def test_it_exports_the_header_and_nothing_else() -> None:
    assert len(FUNCTIONS) > 10
    exported = symbols(build_dir() / "clients/c/libreadygate.so", "--dynamic")
    assert exported - {"READYGATE_0"} == FUNCTIONS


def test_everything_is_in_the_manual() -> None:
    text = (SOURCE / "man" / "readygate.3").read_text().replace("\\", "")
    assert {name for name in FUNCTIONS if f"{name}(" not in text} == set()
    results = set(re.findall(r"^  (READYGATE_[A-Z_]+) = \d+", HEADER, re.MULTILINE))
    assert {name for name in results if name not in text and "FACT" not in name} == set()


def test_the_manual_is_without_mistakes() -> None:
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    command = ["groff", "-man", "-Tutf8", "-ww", str(SOURCE / "man" / "readygate.3")]
    assert subprocess.run(command, capture_output=True, text=True).stderr == ""


def pkg_config(installed: Path, *arguments: str) -> list[str]:
    """As for a program that is built against what stands in that folder."""
    file = next(installed.rglob("readygate.pc"))
    environment = {
        **os.environ,
        "PKG_CONFIG_PATH": str(file.parent),
        "PKG_CONFIG_SYSROOT_DIR": str(installed),
    }
    command = ["pkg-config", *arguments, "readygate"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def examples() -> dict[str, str]:
    """Those of README.md: language to text."""
    return dict(
        re.findall(r"^```(c|cpp)\n(.*?)^```", (SOURCE / "README.md").read_text(), re.S | re.M)
    )


@pytest.mark.parametrize("language", ["c", "cpp"])
@pytest.mark.parametrize("linked", ["shared", "static"])
def test_the_examples_of_the_readme(
    installed: Path, tmp_path: Path, socket: Path, language: str, linked: str
) -> None:
    """Compiled with what pkg-config says of an installed library, and run against a gate."""
    source = tmp_path / f"example.{language}"
    source.write_text(examples()[language])
    program = tmp_path / "example"
    compiler = ["cc", "-std=c11"] if language == "c" else ["c++", "-std=c++17"]
    strict = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    flags = pkg_config(installed, "--cflags", "--libs")
    if linked == "static":
        flags = [*pkg_config(installed, "--static", "--cflags", "--libs"), "-static"]
    subprocess.run([*compiler, *strict, str(source), "-o", str(program), *flags], check=True)

    library = next(installed.rglob("libreadygate.so")).parent
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": str(library),
        "READYGATE_GATE_SOCKET": str(socket),
    }
    gate = ScriptedGate(socket)
    gate.state("ready", "none")
    gate.serve()
    write_page(socket.with_name("gate.sock.page"), "open,live", state="ready")
    try:
        done = subprocess.run(
            [program], env=environment, capture_output=True, text=True, timeout=20
        )
        assert (done.returncode, done.stderr) == (0, "")
        gate.state("draining", "draining")
        done = subprocess.run(
            [program], env=environment, capture_output=True, text=True, timeout=20
        )
        assert done.returncode == 1
        assert "the gate is draining" in done.stderr
    finally:
        gate.stop()


def exercise(socket: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [build_dir() / "clients/c/exercise", *arguments],
        env={**os.environ, "READYGATE_GATE_SOCKET": str(socket)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("open_now", [True, False])
def test_asking_the_page_allocates_nothing(socket: Path, open_now: bool) -> None:
    """Nor does looking for one that is not there."""
    if open_now:
        write_page(socket.with_name("gate.sock.page"), "open,live", state="ready")
    with exercise(socket, "allocations") as process:
        said, _ = process.communicate(timeout=20)
    assert said == ("0 1000\n" if open_now else "0 0\n")


def test_a_child_of_fork_asks_the_same_page(socket: Path) -> None:
    write_page(socket.with_name("gate.sock.page"), "open,live", state="ready")
    with exercise(socket, "fork") as process:
        assert process.communicate(timeout=20)[0] == "1 1\n"


def test_eight_threads_while_the_page_is_written_and_replaced(socket: Path) -> None:
    """No snapshot is torn, and nobody meets the hole of a page that has gone."""
    page = socket.with_name("gate.sock.page")
    with exercise(socket, "threads", "8") as process:
        for _ in range(5):  # who has mapped one that expires looks for the next
            write_page(page, "open,live", state="ready", expires="300")
            rewrite(page, until=time.monotonic() + 0.4)
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    snapshots, torn, open_times = map(int, said.split())
    assert snapshots > 0
    assert open_times > 0
    assert torn == 0


def rewrite(path: Path, until: float) -> None:
    """Writes snapshots under the sequence lock, as fast as this language can."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), SIZE) as page:
        numbers = memoryview(page).cast("I")
        sequence = 2
        while time.monotonic() < until:
            letter = b"ab"[sequence // 2 % 2 :][:1]
            text = b'{"state":"ready","fill":"' + letter * (1000 + sequence % 2000) + b'"}'
            numbers[128 // 4] = sequence + 1
            numbers[132 // 4] = len(text)
            page[136 : 136 + len(text)] = text
            sequence += 2
            numbers[128 // 4] = sequence
        numbers.release()
        struct.pack_into("=I", page, 128, sequence)
