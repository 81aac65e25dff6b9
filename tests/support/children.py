"""Child processes that do not outlive their parent.

The parent is the thread that starts the child: the kernel kills the child when that thread ends, so
start children from the main thread or from one that lives as long as they should.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

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
