"""The embedded engines' commands: install, start one in the background, stop it, its URI."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from pathlib import Path
from typing import IO

from . import install, recipe
from .engine import Engine, EngineError
from .kinds import (
    DEFAULT,
    GIVEN,
    KINDS,
    URI_VARIABLE,
    VARIABLE,
    UnknownEngine,
    chosen,
    chosen_kind,
    is_named,
    why_not,
)

# For whoever cannot have the engine that was asked for.
ADVICE = (
    f"{VARIABLE}=secantus needs neither; {VARIABLE}=mongodb://… uses a server of yours, as do"
    f" {URI_VARIABLE} for tests and READYGATE_MONGODB_URI for the demo"
)


def _background() -> Path:
    """The background engine's process id and URI; locked as long as that engine lives."""
    return recipe.engine_dir() / "background"


def _running() -> list[str] | None:
    """Process id and URI of the background engine, or None. The lock says whether it lives."""
    try:
        with _background().open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
    except FileNotFoundError:
        return None
    except BlockingIOError:
        lines = _background().read_text().split()
        return lines if len(lines) == 2 else ["", ""]  # still starting


def _hold(file: IO[str], ready: int) -> None:
    """The background process: an engine until SIGTERM. Reports to `ready` "" or what went wrong."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    try:
        engine = Engine.start()
    except EngineError as error:
        os.write(ready, str(error).encode())
        return
    with engine:
        file.truncate(0)
        file.write(f"{os.getpid()}\n{engine.uri}\n")
        file.flush()
        os.close(ready)
        with open(os.devnull, "r+b") as null:
            for descriptor in (0, 1, 2):
                os.dup2(null.fileno(), descriptor)
        signal.sigwait({signal.SIGTERM})
        file.truncate(0)


def start() -> int:
    chosen_kind().install()
    file = _background().open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("engine: it runs already", file=sys.stderr)
        return 0
    answer, ready = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.close(answer)
        _hold(file, ready)
        os._exit(0)
    os.close(ready)
    file.close()
    with os.fdopen(answer) as pipe:
        if problem := pipe.read():
            print(f"engine: {problem}", file=sys.stderr)
            return 1
    print("engine: running until `./dev engine stop`; its URI: `./dev engine uri`", file=sys.stderr)
    return 0


def stop() -> int:
    running = _running()
    if running is None:
        print("engine: not running", file=sys.stderr)
        return 0
    deadline = time.monotonic() + 15
    while (running := _running()) is not None:
        if running[0]:
            os.kill(int(running[0]), signal.SIGTERM)
        if time.monotonic() > deadline:
            print("engine: it did not stop within 15 s", file=sys.stderr)
            return 1
        time.sleep(0.1)
    print("engine: stopped", file=sys.stderr)
    return 0


def uri() -> int:
    running = _running()
    if running is None or not running[1]:
        print("engine: not running; start it with `./dev engine start`", file=sys.stderr)
        return 1
    print(running[1])
    return 0


def names(older: str, *default: str) -> int:
    """Of the chosen engines that can be had here; of none where the environment names a server, by
    `older` too. What was asked for by name, or is the only one, must be there.
    """
    wanted = [name for name in chosen(older, default or DEFAULT) if name != GIVEN]
    there = []
    for name in wanted:
        # What SecantusDB in Rust is built with may be installed next.
        why = None if name == "secantus-rust" else why_not(name)
        if why and (is_named(name) or len(wanted) == 1):
            print(f"engine: {why}\n  what to do:  {ADVICE}", file=sys.stderr)
            return 1
        if why:
            print(f"engine: {why}; what runs on it is skipped", file=sys.stderr)
        else:
            there.append(name)
    print(*there)
    return 0


def make(wanted: list[str]) -> int:
    for name in wanted:
        KINDS[name].install()
    return 0


def main(arguments: list[str]) -> int:
    commands = {"start": start, "stop": stop, "uri": uri}
    try:
        match arguments:
            case ["install", *wanted] if set(wanted) <= set(KINDS):
                return make(wanted or [chosen_kind().name])
            case ["names", older, *default]:
                return names(older, *default)
            case ["helm"]:
                install.ensure_program(recipe.HELM)
                return 0
            case [command] if command in commands:
                return commands[command]()
    except (install.InstallError, UnknownEngine) as error:
        print(f"engine: {error}", file=sys.stderr)
        return 1
    print(
        "usage: engine start|stop|uri|helm|names VARIABLE [engine…]|install [engine…]",
        file=sys.stderr,
    )
    return 64


sys.exit(main(sys.argv[1:]))
