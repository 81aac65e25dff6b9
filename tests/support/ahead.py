"""Builds that are made while suites run, with what these leave of the processors."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence

from .builds import REPOSITORY
from .children import die_with_parent
from .parts import cache_dir


class Ahead:
    """Makes the builds one after the other, in a process of the lowest priority.

    What fails there is told when the build is made again for the suite that needs it.
    """

    def __init__(self, command: Sequence[str] = (sys.executable, "-m", "support.builds")) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, folders: list[str]) -> None:
        """Of support.builds.BUILDS; none: nothing is to be made."""
        if not folders:
            return
        log = cache_dir() / "logs" / "ahead.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [*self._command, *folders],
                cwd=REPOSITORY,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=_idle(die_with_parent()),
            )

    def stop(self) -> None:
        """Until nothing of it runs; what was half made is made again by the next start."""
        if self._process:
            while self._process.poll() is None:
                self._process.terminate()  # again: it may just have started what is to end
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(1)
            self._process = None


def _idle(first: Callable[[], None]) -> Callable[[], None]:
    def prepare() -> None:
        first()
        try:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        except OSError:  # some containers do not let one
            os.nice(19)

    return prepare
