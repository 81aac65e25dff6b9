"""Child processes that do not outlive their parent.

The parent is the thread that starts the child: the kernel kills the child when that thread ends, so
start children from the main thread or from one that lives as long as they should.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading
from collections.abc import Callable, Iterator

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> Callable[[], None]:
    """For subprocess's `preexec_fn`: what the child does between fork and exec."""
    parent = os.getpid()

    def prepare() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return prepare


@contextlib.contextmanager
def signals_later() -> Iterator[None]:
    """Around the start of a child with a `preexec_fn`: signals are handled when it is over.

    A handler that raises, as Ctrl-C's does, may be run by one of Python's hooks after fork(), such
    as logging's. What is raised there is printed and forgotten, and the program goes on.
    """
    came: list[int] = []
    handlers = {}
    if threading.current_thread() is threading.main_thread():
        found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        handlers = {number: handler for number, handler in found.items() if callable(handler)}
    try:
        for number in handlers:
            signal.signal(number, lambda each, _: came.append(each))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)
