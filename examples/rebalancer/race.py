"""The same start-up storm twice: the service as such services are, and the same behind readygate.

Run it with `./dev demo race`. Several workers start at once on an empty database that is late, and
are asked from the first moment on. What each side answered, logged and sent is counted, by looking
from outside: answers by the clients, log lines by level, commands on their way to the server.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))  # the helpers that start and observe the daemon

from pymongo import MongoClient  # noqa: E402

from support import example  # noqa: E402
from support.engine import Engine, EngineError, kinds  # noqa: E402
from support.gate import STARTING, Daemon, Exited, Process, Timeout, free_port  # noqa: E402
from support.gate.http import get  # noqa: E402
from support.proxy import TcpProxy  # noqa: E402

LATE = 3.0  # s from the first worker that listens until the database is there, as in the demo
CLIENTS = 2  # for each worker, so that requests meet
PAUSE = 0.1  # s between two requests of a client
EACH = 40  # requests of a client that are answered
PATIENCE = 90.0  # s for one side
REQUESTS = ("/rebalances?portfolio_id=P-000001", "/models?search=bonds")
INDEXES = {
    "models": {"name_version", "search", "desk_location", "attributes"},
    "rebalances": {
        *("portfolio_asof", "external_id", "proposed_by_drift", "approved_by"),
        *("trades_symbol", "model_hashed", "ttl"),
    },
}


@dataclass(frozen=True)
class Answered:
    """One request that was answered, or that waited in vain (None)."""

    ended: float
    code: int | None
    path: str


@dataclass
class Counts:
    """What one side did."""

    answers: int = 0
    ok: int = 0
    come_back: int = 0  # 503 with Retry-After
    errors: int = 0  # every other answer, and none in time
    too_early: int = 0  # 200 before the schema was there
    initializations: int = 0
    create_indexes: int = 0
    warnings_logged: int = 0
    errors_logged: int = 0
    gate_warnings: int = 0


@dataclass
class Storm:
    """Clients that ask every worker; each is content after EACH answers."""

    ports: list[int]
    answers: list[Answered] = field(default_factory=list)
    come_back: int = 0

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(port, number), daemon=True)
            for port in self.ports
            for number in range(CLIENTS)
        ]
        for thread in self._threads:
            thread.start()

    def over(self) -> bool:
        """Whether all have what they wanted."""
        return not any(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Ends it before that."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, port: int, number: int) -> None:
        turn = number
        while turn < number + EACH and not self._over.wait(PAUSE):
            path = REQUESTS[turn % len(REQUESTS)]
            answer = get(port, path, timeout=20)
            if answer.error == "refused":  # the process does not listen yet
                continue
            turn += 1
            if answer.code == 503 and "retry-after" in answer.headers:
                self.come_back += 1
            self.answers.append(Answered(time.monotonic(), answer.code, path))


class Watcher:
    """Asks the server itself, past everything, whether the schema is there."""

    def __init__(self, uri: str, database: str) -> None:
        self._client: MongoClient[dict[str, Any]] = MongoClient(uri)
        self._database = self._client[database]
        self.missing_at = time.monotonic()  # the last moment at which it was certainly not there

    def there(self) -> bool:
        """Looks now."""
        asked = time.monotonic()
        for name, wanted in INDEXES.items():
            if not wanted <= set(self._database[name].index_information()):
                self.missing_at = asked
                return False
        return True

    def close(self) -> None:
        self._client.close()


def worker(app: str, uri: str, database: str, port: int, gate: dict[str, str]) -> Process:
    """One process of the service; it accepts requests as soon as it can."""
    uvicorn = [sys.executable, "-m", "uvicorn", app, "--app-dir", str(HERE)]
    return Process(
        [*uvicorn, "--host", "127.0.0.1", "--port", str(port)],
        environment={
            **gate,
            "PYTHONPATH": str(REPOSITORY / "clients" / "python" / "src"),
            "MONGODB_URI": uri,
            "MONGODB_DATABASE": database,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
        },
    )


def listens(port: int) -> bool:
    """Whether a connection is accepted there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def until(condition: Any, what: str, deadline: float) -> None:
    """Timeout: not in time."""
    while not condition():
        if time.monotonic() > deadline:
            raise Timeout(f"waited {PATIENCE:g} s in vain: {what}")
        time.sleep(0.02)


def race(engine: Engine, database: str, workers: int, gated: bool) -> Counts:
    """One side, from nothing to the last answer."""
    with contextlib.ExitStack() as stack:
        proxy = stack.enter_context(TcpProxy.in_front_of(engine.uri, refusing=True))
        sent = proxy.count(b"createIndexes\0")
        watcher = stack.enter_context(contextlib.closing(Watcher(engine.uri, database)))
        deadline = time.monotonic() + PATIENCE
        ports = [free_port() for _ in range(workers)]
        gates = [gate(stack, proxy.uri, database) for _ in ports] if gated else []
        sockets = [{"READYGATE_GATE_SOCKET": str(one.socket)} for one in gates]
        app = "rebalancer.app:app" if gated else "before.app:app"
        processes = [
            stack.enter_context(contextlib.closing(worker(app, proxy.uri, database, port, where)))
            for port, where in zip(ports, sockets or [{}] * workers, strict=True)
        ]
        storm = Storm(ports)
        stack.callback(storm.stop)
        until(lambda: any(map(listens, ports)), "a worker listens", deadline)
        time.sleep(LATE)
        proxy.accept()
        until(watcher.there, "the schema is there", deadline)
        until(storm.over, "every request is answered", deadline)
        return count(storm, watcher, processes, gates, sent.total)


def gate(stack: contextlib.ExitStack, uri: str, database: str) -> Daemon:
    """A sidecar, as each replica has one."""
    daemon = Daemon(
        uri,
        HERE / "schema.toml",
        config=HERE / "readygate.toml",
        arguments=["--mongodb-database", database],
    )
    stack.callback(daemon.close)
    return daemon.start()


def count(
    storm: Storm, watcher: Watcher, processes: list[Process], gates: list[Daemon], sent: int
) -> Counts:
    """The numbers of one side."""
    answers = storm.answers
    ok = [one for one in answers if one.code == 200]
    lines = list(log_lines(processes))
    levels = Counter(line["level"] for line in lines)
    return Counts(
        answers=len(answers),
        ok=len(ok),
        come_back=storm.come_back,
        errors=len(answers) - len(ok) - storm.come_back,
        too_early=sum(one.ended < watcher.missing_at for one in ok),
        initializations=sum(line["msg"] == STARTING for line in lines),
        create_indexes=sent,
        warnings_logged=levels["warning"],
        errors_logged=levels["error"] + levels["critical"],
        gate_warnings=sum(
            entry["level"] in ("warn", "error") for one in gates for entry in one.log()
        ),
    )


def log_lines(processes: list[Process]) -> Iterator[dict[str, Any]]:
    """What the workers logged."""
    for process in processes:
        for line in process.output().splitlines():
            if line.startswith("{"):
                yield json.loads(line)


ROWS = {
    "answers": "requests answered",
    "ok": "  with 200",
    "come_back": "  with 503 and Retry-After",
    "errors": "  with anything else (500, no answer in 20 s)",
    "too_early": "served (200) before the schema was there",
    "initializations": "initializations that the workers began",
    "create_indexes": "createIndexes that were sent to the server",
    "warnings_logged": "warnings in the workers' logs",
    "errors_logged": "errors in the workers' logs",
    "gate_warnings": "warnings in the gates' logs",
}


def table(before: Counts, behind: Counts) -> str:
    """Side by side."""
    lines = [f"{'':46}{'before':>8}{'behind readygate':>19}"]
    for name, what in ROWS.items():
        first = "-" if name == "gate_warnings" else getattr(before, name)
        lines.append(f"{what:46}{first:>8}{getattr(behind, name):>19}")
    return "\n".join(lines)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="the same start-up storm, without and with gates")
    parser.add_argument("--workers", type=int, default=6, help="that start at once (default 6)")
    parser.add_argument("--json", action="store_true", help="the numbers, for programs")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through every `with` above
    try:
        kind = kinds.chosen_kind(("ferretdb",))
        if lacking := [name for name in example.KINDS if name in kind.lacks]:
            print(
                f"race: {kind.what} has no {' and no '.join(lacking)} indexes, which the service"
                f" asked for before it had a gate; {kinds.VARIABLE}=ferretdb has them",
                file=sys.stderr,
            )
            return 1
        with Engine.start(kind.name) as engine:
            sides = [race(engine, f"race_{g:d}", arguments.workers, g) for g in (False, True)]
    except (Timeout, Exited, EngineError, kinds.UnknownEngine, FileNotFoundError) as error:
        print(f"race: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if arguments.json:
        print(json.dumps([vars(side) for side in sides]))
    else:
        print(
            f"{arguments.workers} workers start at once on an empty database. It comes {LATE:g} s"
            f" after the first of them listens.\n{CLIENTS} clients ask each of them {EACH} times,"
            " from the first moment on.\n"
        )
        print(table(*sides))
    return 0


if __name__ == "__main__":
    sys.exit(main())
