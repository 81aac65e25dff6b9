"""The embedded engine, of one of the kinds of kinds.py, for tests, the demo and the bench.

    with Engine.start() as engine:         # empty, on a free port; several at once are fine
        MongoClient(engine.uri)
        engine.stop_database()             # connections are reset, then refused
        engine.start_database()            # same port, same data

    Engine.start("secantus")               # of this kind; without it the one of READYGATE_ENGINE
    Engine.start(auth=True)                # .uri has the right password; see .uri_with()
    Engine.start(delay=3)                  # returns at once; the database starts 3 s later
    Engine.start(database=False)           # returns at once; then start_database()

Everything is reached through `.uri` (127.0.0.1, a port that stays the same, retryWrites=false
where the engine lacks them). The engine ends, and its data is removed, with close(), with the
`with` block, or with the process that started it, also when that is killed: see supervisor.py and
secantus.py. The first start makes the engine in the cache folder (install.py). Methods raise
EngineError; one Engine may be used from several threads.

As a command:  PYTHONPATH=tests python3 -m support.engine install|start|stop|uri
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote_plus

from . import install, recipe
from .kinds import KINDS, TESTS, Kind, UnknownEngine, chosen_kind


class EngineError(Exception):
    """The engine could not do what was asked; the text has the end of its log."""


class Engine:
    """One running engine. Make it with Engine.start()."""

    def __init__(self, process: subprocess.Popen[str], kind: Kind, auth: bool) -> None:
        self.kind = kind
        self._process, self._auth = process, auth
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None
        self._started = threading.Event()
        self._failure: EngineError | None = None
        setup = self._answer()
        self.port: int = setup["port"]
        self.folder = Path(setup["folder"])  # its data and logs; FerretDB's belongs to root

    @classmethod
    def start(
        cls,
        kind: str | None = None,
        *,
        auth: bool = False,
        delay: float = 0,
        database: bool = True,
    ) -> Engine:
        """Starts an engine and waits until it answers; not with `delay` (s) or database=False."""
        try:
            wanted = KINDS[kind] if kind else chosen_kind()
            command = wanted.command(auth)
        except (install.InstallError, UnknownEngine) as error:
            raise EngineError(str(error)) from error
        process = subprocess.Popen(
            command,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
        )
        engine = cls(process, wanted, auth)
        try:
            if delay > 0:
                engine._timer = threading.Timer(delay, engine._start_late)
                engine._timer.daemon = True
                engine._timer.start()
            elif database:
                engine.start_database()
        except BaseException:
            engine.close()
            raise
        return engine

    @property
    def uri(self) -> str:
        """The connection string; with auth=True the one of a user who may do everything."""
        return self.uri_with(recipe.USER, recipe.PASSWORD) if self._auth else self.uri_with(None)

    def uri_with(self, user: str | None, password: str = "") -> str:
        """A connection string with these credentials (for wrong ones), or with none."""
        login = f"{quote_plus(user)}:{quote_plus(password)}@" if user is not None else ""
        return f"mongodb://{login}127.0.0.1:{self.port}/?{self.kind.options}"

    def stop_database(self) -> None:
        """The server is gone: connections are reset, new ones refused. The data is kept."""
        self._ask("stop")

    def start_database(self) -> None:
        """Starts the server again, on the same port; returns when it answers (about 0.5 s)."""
        self._ask("start")
        self._started.set()

    def stop_postgres(self) -> None:
        """FerretDB's harder loss: the server accepts and answers hello; what needs data fails."""
        self._ask("stop_postgres")

    def start_postgres(self) -> None:
        """Each connection that FerretDB had open fails one more command after this."""
        self._ask("start_postgres")

    def pause(self) -> None:
        """The server hangs: the kernel still accepts, nothing answers until resume()."""
        self._ask("pause")

    def resume(self) -> None:
        self._ask("resume")

    def log(self) -> str:
        """The last lines of the server's logs."""
        return str(self._ask("log"))

    def wait_started(self, timeout: float = 60) -> None:
        """Waits, in seconds, for a start with `delay` to be over."""
        if not self._started.wait(timeout):
            raise EngineError(f"the database did not start within {timeout} s")
        if self._failure:
            raise self._failure

    def close(self) -> None:
        """Ends everything and removes the data. May be called again."""
        if self._timer:
            self._timer.cancel()
        with self._lock:
            if self._process.stdin and not self._process.stdin.closed:
                self._process.stdin.close()  # what the supervisor ends on
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    kill = close  # data is thrown away in any case, so there is no gentler and no harder end

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def _start_late(self) -> None:
        try:
            self.start_database()
        except EngineError as error:
            self._failure = error
            self._started.set()

    def _ask(self, command: str) -> Any:
        with self._lock:
            if not self._process.stdin or self._process.stdin.closed:
                raise EngineError("the engine is closed")
            try:
                self._process.stdin.write(command + "\n")
                self._process.stdin.flush()
            except BrokenPipeError as error:
                raise EngineError("the engine has ended by itself") from error
            return self._answer().get("result")

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise EngineError(f"the engine ({self.kind.what}) has ended by itself")
        answer: dict[str, Any] = json.loads(line)
        if not answer["ok"]:
            raise EngineError(answer["error"])
        return answer
