"""The state page under load. What it says when is in the cases that all clients share."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import readygate
from readygate import page
from readygate.testing import FakeGate

WRITER = """
import sys
from readygate.page_writer import PageWriter
writer = PageWriter(sys.argv[1], "0" * 32)
texts = [b'{"seq":%d,"pad":"%s"}' % (n, b"%d" % n * 3500) for n in range(1, 10)]
writer.publish((True,) * 5, texts[0])
print("written", flush=True)
while True:
    for text in texts:
        writer.publish((True,) * 5, text)
"""


def test_nothing_is_torn(tmp_path: Path) -> None:
    """A writer at full speed, eight readers: each snapshot is one that was written, and the word
    never says anything but open."""
    socket = str(tmp_path / "gate.sock")
    source = {"PYTHONPATH": str(Path(page.__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, socket], env=source, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout
        writer.stdout.readline()
        wrong: list[object] = []
        read: list[object] = []

        def reader() -> None:
            own = page.StatePage(socket)
            for _ in range(500):
                if found := own.snapshot():
                    read.append(found)
                    if set(found["pad"]) != {str(found["seq"])}:  # type: ignore[typeddict-item]
                        wrong.append(found)
                if not own.is_open():
                    wrong.append("closed")

        readers = [threading.Thread(target=reader) for _ in range(8)]
        for one in readers:
            one.start()
        for one in readers:
            one.join()
        writer.kill()
    assert not wrong
    assert read


def test_many_threads_that_ask_first_all_see_it_open(fake_gate: FakeGate) -> None:
    fake_gate.open()
    answers: list[bool] = []
    start = threading.Barrier(16)

    def ask() -> None:
        start.wait()
        answers.append(readygate.is_open())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 16


def test_a_page_is_opened_at_most_every_100_ms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    times = iter((5_000, 5_001, 5_099, 5_100, 5_150, 5_200))
    monkeypatch.setattr(page, "_open", lambda socket: opened.append(socket))
    monkeypatch.setattr(page.time, "clock_gettime_ns", lambda _: next(times) * 1_000_000)
    own = page.StatePage(tmp_path / "gate.sock")
    for _ in range(6):
        assert not own.is_open()
    assert len(opened) == 3


def test_a_forked_process_sees_the_same_page(fake_gate: FakeGate) -> None:
    fake_gate.open()
    assert readygate.is_open()
    child = os.fork()
    if child == 0:
        os._exit(0 if readygate.is_open() else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_facts(fake_gate: FakeGate) -> None:
    fake_gate.lose()
    assert readygate.facts() == readygate.Facts(False, False, True, False, False)
    fake_gate.stop()
    assert readygate.facts() is None
