"""What only the static program has to do: run in a container built from nothing, as process 1, from
a volume. What it has in common with `readygate wait` is in test_wait.py.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from protocol.clients.scripted_gate import ScriptedGate

from support.gate import WAITERS, Daemon, Process, repository, wait_until, waiter
from support.privileges import can

MakeDaemon = Callable[..., Daemon]
PROGRAM = "readygate-wait"
MOST_BYTES = 100_000
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3


def program() -> Path:
    return Path(waiter(PROGRAM)[0])


def run(*arguments: str | Path, **environment: str) -> tuple[int, str]:
    """Its exit code, and output and error together."""
    with Process([program(), *arguments], environment=environment, name=PROGRAM) as process:
        return process.wait(20), process.output()


def test_it_is_static_and_small(tmp_path: Path) -> None:
    """Read from the ELF header (elf(5)): nothing asks for an interpreter or a library."""
    image = program().read_bytes()
    assert image[:6] == b"\x7fELF\x02\x01"
    (offset,) = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    kinds = {struct.unpack_from("<I", image, offset + size * i)[0] for i in range(count)}
    assert PT_LOAD in kinds
    assert not kinds & {PT_INTERP, PT_DYNAMIC}
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-o", stripped, program()], check=True)
    assert stripped.stat().st_size < MOST_BYTES


def words_of(name: str) -> tuple[list[str], str]:
    """The options with their explanations, and the exit codes, as `--help` has them."""
    said = subprocess.run([*waiter(name), "--help"], capture_output=True, text=True, check=True)
    options = [line for line in said.stdout.splitlines() if line.startswith("  -")]
    codes = re.search(r"^Without a command.*command's own\.", said.stdout, re.DOTALL | re.MULTILINE)
    assert codes
    return [line for line in options if "--version" not in line], codes[0]


def test_both_programs_explain_the_same() -> None:
    ours, theirs = (words_of(name) for name in WAITERS)
    assert ours == theirs


BAD_ANSWERS = {
    "forbidden": b'{"ok":false,"why":"forbidden","state":"ready","code":"forbidden"}\n',
    "later version": b'{"ok":false,"why":"hibernating","state":"ready","code":"none"}\n',
    "no gate": b"HTTP/1.1 400 Bad Request\n",
    "half": b'{"ok":true',
    "busy": b'{"ok":false,"why":"busy","state":"initializing","code":"busy"}\n',
}


@pytest.mark.parametrize(
    ("situation", "arguments", "code"),
    [
        ("no socket", ["--timeout", "100ms"], 124),
        ("nobody listens", ["--timeout", "100ms"], 124),
        ("initializing", ["--timeout", "1200ms", "--for", "ready"], 124),
        ("draining", [], 75),
        ("failed", ["--fail-fast"], 69),
        ("ready", ["--", "no-such-program"], 127),
        ("ready", ["--", "/proc/self/status"], 126),
        ("ready", ["--", "/"], 126),
        ("forbidden", [], 77),
        ("later version", [], 70),
        ("no gate", [], 70),
        ("half", ["--timeout", "300ms"], 124),
        ("busy", ["--timeout", "300ms"], 124),
    ],
)
def test_both_programs_say_the_same(
    tmp_path: Path, situation: str, arguments: list[str], code: int
) -> None:
    """Whatever the gate answers: letter for letter, with the same exit code."""
    gate = ScriptedGate(tmp_path / "gate.sock")
    if situation == "nobody listens":
        gate.bind_only()
    elif situation in BAD_ANSWERS:
        gate.answer(BAD_ANSWERS[situation])
        gate.serve()
    elif situation != "no socket":
        gate.state(situation, "schema_conflict" if situation == "failed" else "none")
        gate.serve()
    said = []
    for name in WAITERS:
        command = [*waiter(name), "--socket", str(gate.path), *arguments]
        with Process(command, name=name) as process:
            assert process.wait(20) == code
            said.append(process.output())
    gate.kill()
    assert said[0] == said[1]
    assert said[0].startswith("readygate: ")


def test_a_line_every_ten_seconds_where_there_is_no_terminal(tmp_path: Path) -> None:
    """Both programs, side by side."""
    socket = str(tmp_path / "no.sock")
    waiting = [Process([*waiter(name), "--socket", socket], name=name) for name in WAITERS]
    try:
        for process in waiting:
            process.wait_line("readygate: waiting for open (10s): no answer from the gate", 20)
            assert len(process.lines) == 1
    finally:
        for process in waiting:
            process.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--for", "lunch"], '--for: "lunch" is not one of'),
        (["--for"], "--for: a value is missing"),
        (["--timeout", "60"], '--timeout: "60" is not a duration like 60s'),
        (["--timeout=soon"], '--timeout: "soon" is not'),
        (["--fail"], "--fail: there is no such option"),
        (["--socket", "x" * 108], "it has 108 bytes, and 1 to 107 are allowed"),
        (["sleep"], "sleep takes one duration"),
        (["sleep", "long"], 'sleep: "long" is not a duration'),
    ],
)
def test_64_usage(arguments: list[str], said: str) -> None:
    code, output = run(*arguments)
    assert code == 64
    assert said in output
    assert "--help" in output


def test_version() -> None:
    code, output = run("--version")
    assert code == 0
    assert re.fullmatch(r"readygate-wait \d+\.\d+\.\d+", output)


def test_options_end_where_the_command_begins() -> None:
    """Its own options are its own, with and without `--`."""
    for words in (["--"], []):
        code, output = run(*words, "echo", "--for", "lunch", READYGATE_DISABLE="1")
        assert (code, output.splitlines()[-1]) == (0, "--for lunch")


def test_the_socket_of_the_environment(tmp_path: Path) -> None:
    code, output = run("--timeout", "50ms", READYGATE_GATE_SOCKET=str(tmp_path / "named.sock"))
    assert code == 124
    assert f"{tmp_path}/named.sock: the socket does not exist" in output


def test_the_command_is_found_as_execvp_does(tmp_path: Path) -> None:
    empty, forbidden, found = (tmp_path / name for name in ("empty", "forbidden", "found"))
    for folder in (empty, forbidden, found):
        folder.mkdir()
    (forbidden / "tool").write_text("echo forbidden\n")
    path = f"{empty}:{tmp_path}/missing:{forbidden}:{forbidden}/tool:{found}"
    disabled = {"READYGATE_DISABLE": "1", "PATH": path}
    assert run("--", "tool", **disabled)[0] == 126  # there, and not for us: that is what is told
    (found / "tool").write_text('echo "$0 $1"\n')  # no first line: /bin/sh runs it
    (found / "tool").chmod(0o755)
    code, output = run("--", "tool", "with it", **disabled)
    assert (code, output.splitlines()[-1]) == (0, f"{found}/tool with it")
    assert run("--", "nothing", **disabled)[0] == 127
    assert run("--", "", **disabled)[0] == 127
    # An empty place in PATH is the current folder.
    command = [program(), "--", "tool", "here"]
    environment = {"READYGATE_DISABLE": "1", "PATH": ":/nowhere"}
    done = subprocess.run(command, cwd=found, env=environment, capture_output=True, text=True)
    assert done.stdout == "tool here\n"


def test_ignored_signals_stay_ignored(tmp_path: Path) -> None:
    """As under nohup: HUP neither ends the wait nor reaches the command."""

    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        os.kill(os.getpid(), signal.SIGHUP)

    command = [program(), "--socket", tmp_path / "no.sock", "--timeout", "100ms"]
    assert subprocess.run(command, preexec_fn=ignore, stderr=subprocess.DEVNULL).returncode == 124


def test_sleep() -> None:
    """A preStop hook where the image has no shell."""
    assert run("sleep", "0") == (0, "")
    assert run("sleep", "20ms") == (0, "")
    with Process([program(), "sleep", "60"], name=PROGRAM) as sleeping:
        wait_until(lambda: caught(sleeping.pid), 10, "it sleeps")
        assert sleeping.stop(signal.SIGTERM) == 128 + signal.SIGTERM


def status_of(pid: int) -> dict[str, str]:
    text = Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def caught(pid: int) -> bool:
    """Whether it has blocked TERM, to read it."""
    return bool(int(status_of(pid)["SigBlk"], 16) >> (signal.SIGTERM - 1) & 1)


def test_progress_is_a_line_that_replaces_itself_on_a_terminal(tmp_path: Path) -> None:
    ours, its = os.openpty()
    command = [program(), "--socket", tmp_path / "no.sock", "--timeout", "1500ms"]
    with subprocess.Popen(command, stderr=its) as process:
        os.close(its)
        said = b""
        try:
            while piece := os.read(ours, 4096):
                said += piece
        except OSError:  # EIO: the other end is closed
            pass
        assert process.wait() == 124
    os.close(ours)
    lines = said.decode().split("\r\x1b[K")
    assert lines[0] == ""
    assert lines[1].startswith("readygate: waiting for open (1s): no answer from the gate at ")
    assert "\n" not in lines[1]
    assert lines[-1].startswith("readygate: not open after 1500ms: no answer from the gate at ")


# In a container built from nothing.


@pytest.fixture
def nothing() -> Iterator[Path]:
    """A folder with this one program in it, and a place for the gate's socket. The program is also
    what is waited for: it is static, and the build has no other.
    """
    if not can("unshare", "--pid", "--fork", "chroot", "/", "true"):
        pytest.skip("needs chroot and PID namespaces: root, and in a container a privileged one")
    with tempfile.TemporaryDirectory(prefix="rg-") as folder:
        root = Path(folder)
        (root / "run").mkdir()
        shutil.copy(program(), root / PROGRAM)
        yield root


def contained(root: Path, *arguments: str, **environment: str) -> Process:
    """The program as process 1 of a PID namespace, with `root` as its whole file system."""
    chroot = ["chroot", str(root), f"/{PROGRAM}", *arguments]
    command = ["unshare", "--pid", "--fork", "--kill-child", *chroot]
    return Process(command, environment=environment, name=f"{PROGRAM} in a container")


def first_process(container: Process) -> int:
    """Process 1 of the namespace, as it is called outside, once it is our program."""

    def find() -> int | None:
        children = Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()
        if not children or Path(f"/proc/{children[0]}/comm").read_text() != f"{PROGRAM}\n":
            return None
        return int(children[0])

    return wait_until(find, 10, "process 1 runs", seen=container.output)


def test_in_a_container_built_from_nothing(
    nothing: Path, engine: Any, make_daemon: MakeDaemon
) -> None:
    daemon = make_daemon(engine.uri).start()
    daemon.wait_state("ready")
    target = ("--", f"/{PROGRAM}", "--version")
    with contained(nothing, "--socket", "/run/gate.sock", *target) as container:
        pid = first_process(container)
        wait_until(lambda: caught(pid), 10, "it waits")
        assert not container.output()
        # As the shared volume of a pod has it.
        os.link(daemon.socket, nothing / "run" / "gate.sock")
        assert container.wait() == 0
        assert container.output().startswith("readygate-wait ")


def test_as_process_1_term_ends_it_while_it_waits(nothing: Path) -> None:
    """The default action of a signal is nothing there; it ends all the same."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        with contained(nothing, "--socket", "/run/gate.sock") as container:
            pid = first_process(container)
            wait_until(lambda pid=pid: caught(pid), 10, "it waits")
            os.kill(pid, number)
            assert container.wait() == 128 + number


def test_as_process_1_its_command_gets_default_signals(nothing: Path) -> None:
    """The command is the program again, which ignores and blocks nothing before it waits. Seen
    from outside: with the gate disabled for the first alone, it is the second that waits."""
    with contained(nothing, "--", f"/{PROGRAM}", "sleep", "60", READYGATE_DISABLE="1") as container:
        pid = first_process(container)
        wait_until(lambda: caught(pid), 10, "the command sleeps")
        status = status_of(pid)
        assert int(status["NSpid"].split()[-1]) == 1
        assert int(status["SigIgn"], 16) == 0
        assert int(status["SigCgt"], 16) == 0
        only = sum(1 << (n - 1) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
        assert int(status["SigBlk"], 16) == only  # its own: nothing was blocked before
        open_files = sorted(int(fd.name) for fd in Path(f"/proc/{pid}/fd").iterdir())
        assert open_files == [0, 1, 2, 3]  # 3: the sleep's own signalfd
        os.kill(pid, signal.SIGTERM)
        assert container.wait() == 128 + signal.SIGTERM


def test_it_is_compiled_for_arm64(tmp_path: Path) -> None:
    """With nothing but the kernel's headers of numbers, which both machines share."""
    if not shutil.which("clang"):
        pytest.skip("a compiler for another machine is needed: clang")
    clients = repository() / "clients"
    shared = [clients / "c/src" / f"{name}.c" for name in ("json", "protocol", "text", "waiting")]
    flags = "--target=aarch64-linux-gnu -std=gnu11 -ffreestanding -Wall -Wextra -Wconversion"
    folders = [f"-I{clients / folder}" for folder in ("c/include", "c/src", "wait")]
    for source in [*shared, *sorted((clients / "wait").glob("*.c"))]:
        target = tmp_path / f"{source.stem}.o"
        command = ["clang", *flags.split(), "-Werror", "-nostdlibinc", "-idirafter", "/usr/include"]
        command += ['-DREADYGATE_VERSION="0"', *folders, "-c", str(source), "-o", str(target)]
        subprocess.run(command, check=True)
        (machine,) = struct.unpack_from("<H", target.read_bytes(), 18)
        assert machine == 183  # EM_AARCH64
