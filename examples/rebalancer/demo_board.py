"""What the demo shows: headings, explanations, and probes side by side once a second.

Colour is a help and never the only sign: every cell has a word, NO_COLOR and pipes get plain text.
"""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass

from support.gate import FAILED, Answer, Application, Daemon, Timeout

GREEN, RED, DIM, BOLD = "32", "31", "2", "1"
COLUMNS = (9, 24, 24, 30)  # widths: time, /health, /health/ready, application


def colourful() -> bool:
    """Only on a terminal that wants it."""
    return (
        sys.stdout.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM", "dumb") != "dumb"
    )


def paint(text: str, colour: str) -> str:
    """The text in a colour, where there are colours."""
    return f"\x1b[{colour}m{text}\x1b[0m" if colourful() else text


def heading(number: int, text: str) -> None:
    """The title of a step of the story."""
    print(f"\n{paint(f'{number}. {text}', BOLD)}")


def explain(text: str) -> None:
    """A paragraph in plain words."""
    print(textwrap.fill(" ".join(text.split()), 96, initial_indent="   ", subsequent_indent="   "))


def quote(output: str) -> None:
    """What a program printed."""
    for line in output.splitlines():
        print(f"   | {line}")


class GateFailed(Timeout):
    """The gate has given up: whatever is waited for, it will not come. The text is its reason."""


@dataclass(frozen=True)
class Row:
    """What was answered at one moment, in seconds since the start of the story."""

    at: float
    health: Answer
    ready: Answer
    application: Answer


class Board:
    """Polls the probes and the application once a second, prints a row each, and keeps them all.

    Between the rows it prints what the gate says about itself, as it says it: some states last
    only a few milliseconds.
    """

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.application: Application | None = None
        self.start = time.monotonic()
        self.rows: list[Row] = []
        self._shown = 0  # how many lines of the gate's log were looked at
        self._row_before = 0  # the same at the last row
        self._last_said = ""
        self._next_row = 0.0
        self._served = False

    def header(self) -> None:
        """The names of the columns, again after each piece of text."""
        names = ("time", "/health", "/health/ready", "application")
        line = "  ".join(n.ljust(w) for n, w in zip(names, COLUMNS, strict=True)).rstrip()
        print(f"\n   {paint(line, BOLD)}\n   {paint('  '.join('-' * w for w in COLUMNS), DIM)}")

    def until(self, condition: Callable[[], bool], what: str, timeout: float = 20) -> None:
        """Show the board until the condition is true, and what is then; Timeout if it never is."""
        deadline = time.monotonic() + timeout
        while not condition():
            if self.state() == "failed":
                raise GateFailed(f"the gate has failed: {self._reason()}")
            if time.monotonic() > deadline:
                raise Timeout(f"waited {timeout:g} s in vain: {what}")
            self._turn()
        if not self.rows or self._row_before < len(self.daemon.said()):
            self.row()  # something was said since the last one

    def last(self) -> Row:
        """The newest row."""
        return self.rows[-1]

    def state(self) -> str:
        """What the gate said last that it is."""
        return (self.daemon.states() or ["starting"])[-1]

    def _reason(self) -> str:
        """The last words of the gate about a failure."""
        said = (e["msg"] for _, e in self.daemon.said() if e["msg"].startswith(FAILED))
        return [message.removeprefix(FAILED) for message in said][-1]

    def when(self, state: str) -> float:
        """Seconds from the start of the story until the gate first said this state."""
        for at, entry in self.daemon.said():
            if entry["msg"] == f"State: {state}":
                return at - self.start
        raise Timeout(f"the gate never said {state}: {self.daemon.states()}")

    def row(self) -> Row:
        """Poll now and print it."""
        self._events()
        row = Row(
            time.monotonic() - self.start,
            self.daemon.probe("/health"),
            self.daemon.probe("/health/ready"),
            self.application.get("/health/ready") if self.application else Answer(None),
        )
        self.rows.append(row)
        self._row_before = self._shown
        self._served = self._served or row.application.code == 200
        cells = (
            (f"{row.at:5.1f} s", DIM),
            self._cell(row.health, good="healthy"),
            self._cell(row.ready, good="ready"),
            self._application_cell(row),
        )
        padded = (paint(t.ljust(w), c) for (t, c), w in zip(cells, COLUMNS, strict=True))
        print("   " + "  ".join(padded).rstrip(), flush=True)
        self._next_row = time.monotonic() + 1
        return row

    def _turn(self) -> None:
        self._events()
        if time.monotonic() >= self._next_row:
            self.row()
        time.sleep(0.01)

    def _events(self) -> None:
        entries = self.daemon.said()
        for at, entry in entries[self._shown :]:
            state, code = entry["state"], entry.get("code")
            said = f"{state} ({code})" if code else state
            about_it = code or entry["msg"].startswith("State: ")
            if about_it and said != self._last_said:
                self._last_said = said
                print(f"   {max(0.0, at - self.start):5.1f} s    > gate: {said}")
        self._shown = len(entries)

    @staticmethod
    def _cell(answer: Answer, good: str) -> tuple[str, str]:
        if answer.code is None:
            return f"-   {answer.error}", RED
        if answer.code == 200:
            return f"200 {good}", GREEN
        lines = answer.body.strip().splitlines()
        return f"{answer.code} {lines[0] if lines else 'not ' + good}", RED

    def _application_cell(self, row: Row) -> tuple[str, str]:
        answer = row.application
        if answer.code == 200:
            return "200 serving", GREEN
        if answer.code is not None:
            return f"{answer.code} {answer.json().get('detail', 'error')}", RED
        if not self._served and answer.error in ("refused", ""):
            starts = row.ready.code == 200
            return "-   starts now" if starts else "-   waits for the gate", DIM
        return f"-   {answer.error}", RED
