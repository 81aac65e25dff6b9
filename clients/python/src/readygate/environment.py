"""What the environment says: where the gate is, and whether it is to be left out.

READYGATE_GATE_SOCKET is the path of the socket, as it is for the daemon and for `readygate wait`.
READYGATE_DISABLE=1 is the kill switch: nothing waits, and the
gate counts as open. It is for the day on which the gate itself is what is broken.
"""

from __future__ import annotations

import logging
import os
from typing import Optional, Union

DEFAULT_SOCKET = "/run/readygate/gate.sock"
LONGEST_PATH = 107  # bytes, of a Unix socket's address (unix(7))

SocketPath = Union[str, "os.PathLike[str]"]

log = logging.getLogger("readygate")
_said = False


def socket_path(given: Optional[SocketPath] = None) -> str:
    """The argument, else the environment's, else the default. ValueError: it cannot be one."""
    if given is not None:
        path = os.fspath(given)
    else:
        path = os.environ.get("READYGATE_GATE_SOCKET") or DEFAULT_SOCKET
    length = len(os.fsencode(path))
    if not 1 <= length <= LONGEST_PATH:
        raise ValueError(
            f"{path!r} cannot be a socket's path: it has {length} bytes, and 1 to {LONGEST_PATH}"
            " are allowed"
        )
    return path


def disabled() -> bool:
    """Whether the kill switch is set. The first time that it is, a warning says so."""
    global _said
    if os.environ.get("READYGATE_DISABLE") != "1":
        return False
    if not _said:
        _said = True
        log.warning("READYGATE_DISABLE=1 is set: the gate is not waited for")
    return True
