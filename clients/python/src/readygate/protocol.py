"""The line dialect, without sockets: what is asked, and what an answer means.

One place for the blocking and the asyncio side, and for the rule that everything depends on: what
is not a whole answer that says `ok` is not open.
"""

from __future__ import annotations

import errno
import json
import os
from typing import Any, NamedTuple, Optional, TypedDict

from .errors import GateDraining, GateFailed, GateForbidden, GateProtocolError

FACTS = ("open", "ready", "initialized", "healthy")
LONGEST_ANSWER = 4096  # bytes: an answer to WAIT has a few hundred
LONGEST_SNAPSHOT = 1024 * 1024  # bytes
TRY_AGAIN = 1.0  # s, after a try that led nowhere
LOOK = 0.05  # s, between looks at the socket's file while nobody serves it


class Phase(TypedDict, total=False):
    """What is being done; `of` 0 means no steps, `percent` is a number or `unknown`."""

    name: str
    step: int
    of: int
    what: str
    percent: Any


class Snapshot(TypedDict, total=False):
    """The gate's own account. A later version may have more members; none are required here."""

    v: int
    seq: int
    instance_id: str
    state: str
    initialized: bool
    reachable: bool
    open: bool
    ready: bool
    healthy: bool
    live: bool
    phase: Phase
    reason: str
    code: str
    retryable: bool
    attempt: int
    next_attempt_at: Optional[str]
    since: str
    started: str
    schema: dict[str, Any]
    lease: dict[str, Any]
    checks: list[dict[str, Any]]
    server: dict[str, Any]
    withheld_steps: int


class Facts(NamedTuple):
    """What is true of the gate now."""

    open: bool
    ready: bool
    initialized: bool
    healthy: bool
    reachable: bool


def wait_request(fact: str, fail_fast: bool) -> bytes:
    """ValueError: no such fact. The time limit is kept here, not there: daemons come and go."""
    if fact not in FACTS:
        raise ValueError(f"there is no fact {fact!r}; there are: {', '.join(FACTS)}")
    return f"WAIT {fact}{' fail-fast' if fail_fast else ''}\n".encode()


def json_object(line: bytes) -> dict[str, Any]:
    """The object on a line. GateProtocolError: there is none."""
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise GateProtocolError("what answers on the socket is not understood: is it a gate?")
    return value


def judge(line: bytes) -> Optional[str]:
    """None: the fact is true. Text: why to try again. Raises what ends the wait."""
    answer = json_object(line)
    if answer.get("ok") is True:
        return None
    why, state, code = (str(answer.get(key, "unknown")) for key in ("why", "state", "code"))
    if why in ("busy", "timeout"):
        return f"the gate answers: {why}"
    if why == "failed":
        raise GateFailed(f"the gate failed ({code})", state=state, code=code)
    if why == "draining":
        raise GateDraining("the gate is draining: it will not open again", state=state, code=code)
    if why == "forbidden":
        raise GateForbidden("the gate does not answer this user", state=state, code=code)
    raise GateProtocolError(
        f"the gate answers: {why}; is it of another version?", state=state, code=code
    )


def news(line: bytes) -> Optional[Snapshot]:
    """The snapshot on a line of WATCH, or None: a heartbeat, or told to come again later."""
    answer = json_object(line)
    if "state" not in answer or "ok" in answer:
        return None
    return answer  # type: ignore[return-value]


def why_not_connected(error: OSError) -> str:
    """What a person reads in place of an error number."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "the socket does not exist (is `readygate run` started, and the folder mounted?)"
    if error.errno == errno.ECONNREFUSED:
        return "nobody listens on the socket"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "this user may not connect (see gate.socket_mode and gate.socket_group)"
    if error.errno == errno.EAGAIN:
        return "too many clients connect at once"
    return error.strerror or str(error)


def describe(snapshot: Snapshot) -> str:
    """The gate's account in a sentence."""
    text = f"the gate is {snapshot.get('state', 'unknown')}"
    if what := snapshot.get("phase", {}).get("what"):
        text += f" ({what})"
    if (code := snapshot.get("code", "none")) != "none":
        text += f", {code}"
    if reason := snapshot.get("reason"):
        text += f": {reason}"
    return text


def look(path: str) -> object:
    """Changes when something about the socket's file does: made, replaced, chmod, removed.

    One stat(2). A folder's events would be cheaper yet, but some sandboxes deliver none.
    """
    try:
        found = os.stat(path)
    except OSError as error:
        return error.errno
    return found.st_dev, found.st_ino, found.st_ctime_ns
