"""The whole story of readygate, told with a real service, a real database and an outage.

Run it with `./dev demo`. Every step says in plain words what happens, shows it, and checks that it
did happen: the end is a summary and exit 0, or a sentence about what went differently and exit 1.
`--keep` leaves everything running to play with, until Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))  # the helpers that start and observe the daemon

from demo_board import Board, explain, heading, quote  # noqa: E402
from demo_database import (  # noqa: E402
    Database,
    EngineDatabase,
    GivenDatabase,
    refusal,
)
from pymongo.errors import PyMongoError  # noqa: E402

from support import example  # noqa: E402
from support.engine import EngineError, kinds  # noqa: E402
from support.gate import (  # noqa: E402
    COMPLETED,
    FAILED,
    STARTING,
    Application,
    Daemon,
    Exited,
    Process,
    Timeout,
    free_port,
)

LATE = 3.0  # seconds that the database is late
DRAIN_DELAY = 2.0  # gate.drain_delay of readygate.toml


class NotAsTold(Exception):
    """The story went differently; the text says how."""


class Story:
    """The steps, in order, over what they share."""

    def __init__(self, database: Database, daemon: Daemon, board: Board) -> None:
        self.database, self.daemon, self.board = database, daemon, board
        self.application: Application | None = None
        self.facts: list[str] = []

    def check(self, fact: str, holds: bool) -> None:
        """A sentence of the summary, if it is true; else the end of the story."""
        if not holds:
            raise NotAsTold(f"this should be so and is not: {fact}")
        self.facts.append(fact)

    def open_the_gate(self, application: Application) -> None:
        """From no database to a serving application."""
        board, self.application = self.board, application
        board.application = application
        board.header()
        board.until(
            lambda: board.rows != [] and board.last().application.code == 200,
            "the application serves",
            timeout=60,
        )
        ready_at = board.when("ready")
        before = [row for row in board.rows if row.at < ready_at]
        if self.database.can_be_lost:
            self.check(
                f"the database came {LATE:g} s late, and the gate opened after that",
                ready_at >= LATE,
            )
            self.check(
                "while it was missing /health said 200 and /health/ready 503",
                before != [] and all(r.health.code == 200 and r.ready.code == 503 for r in before),
            )
        self.check(
            "the application answered nothing before the gate opened",
            all(row.application.code is None for row in before),
        )
        first_word = application.process.lines[0][0] - board.start
        self.check(
            "uvicorn was started only then: its first line of log came after that",
            first_word >= ready_at,
        )
        order = ["connecting", "initializing", "verifying", "warming", "ready"]
        self.check(
            f"the gate went through {', '.join(order)}",
            [*self.daemon.states()[:1], *self.daemon.states()[-4:]] == order,
        )
        self.check("once open, both probes said 200", self._codes() == (200, 200))
        said = [m for m in self.daemon.messages() if m.startswith((STARTING, COMPLETED, FAILED))]
        print()
        explain("What an operator finds in the log about it:")
        quote("\n".join(said))
        self.check(
            "the log says that initialization started and completed",
            said == [STARTING, COMPLETED],
        )

    def fill(self) -> None:
        """Documents, and what the application answers about them."""
        assert self.application
        environment = {"MONGODB_URI": self.database.uri, "MONGODB_DATABASE": self.database.name}
        with Process([sys.executable, HERE / "generate.py"], environment=environment) as process:
            code = process.wait(120)
            quote(process.output())
        self.check("the generator filled the database", code == 0)
        path = self.models()
        models = self.application.get(path)
        names = [model["name"] for model in models.json()] if models.code == 200 else []
        quote(f"GET {path} -> {models.code}: {', '.join(names)}")
        by = "found models through the text index" if "search" in path else "lists the models"
        self.check(f"the application {by}", bool(names))
        said = refusal(self.database, "rebalances", {"drift": "much"})
        quote(f"inserting a document that is no rebalance -> {said or 'accepted'}")
        self.check("the validator refused a document that is no rebalance", bool(said))

    def models(self) -> str:
        """What is asked of the application: through its text index, where the server has them."""
        return "/models" if "text" in self.database.lacks else "/models?search=inflation"

    def outage(self) -> None:
        """The database goes and comes back; nobody restarts anything."""
        assert self.application
        board, pid = self.board, self.application.process.pid
        board.header()
        board.row()
        self.database.lose()
        board.until(
            lambda: board.state() == "degraded" and board.last().health.code == 503,
            "degraded, /health 503",
        )
        last = board.last()
        self.check(
            "without its database the gate said degraded, both probes and the application 503",
            (last.health.code, last.ready.code, last.application.code) == (503, 503, 503),
        )
        self.database.bring_back()
        board.until(
            lambda: board.state() == "ready" and board.last().application.code == 200,
            "ready again",
        )
        self.check(
            "with it everything was ready again, and no process was restarted",
            self._codes() == (200, 200) and self.application.process.pid == pid,
        )

    def look(self) -> None:
        """What people ask: status, and whether anything is left to do."""
        quote(f"$ readygate status --socket {self.daemon.socket}")
        code, text = self.daemon.run("status", "--socket", str(self.daemon.socket))
        quote(text)
        self.check("readygate status says ready", code == 0 and "ready" in text)
        print()
        quote("$ readygate plan")
        code, text = self.daemon.plan()
        quote(text)
        quote(f"(exit {code})")
        if "storage_engine" in self.database.lacks:  # step 5
            told = "readygate plan has no change, and exits 2 for what the engine forgets"
            self.check(told, code == 2 and "\n0 changes " in text)
        else:
            self.check("readygate plan has nothing to do and exits 0", code == 0)

    def not_honoured(self) -> None:
        """The engine accepts an option and forgets it; readygate says so."""
        warnings = [e for e in self.daemon.log() if e.get("finding") == "not_honoured"]
        quote("\n".join(f"{entry['level']}: {entry['msg']}" for entry in warnings))
        self.check(
            "the option that the engine accepts and forgets is reported, not hidden",
            [entry["option"] for entry in warnings] == ["storageEngine"],
        )

    def drain(self) -> None:
        """SIGTERM, seen from the outside."""
        board, daemon = self.board, self.daemon
        assert daemon.process
        process = daemon.process
        board.header()
        board.row()
        daemon.send_signal(signal.SIGTERM)
        board.until(lambda: board.state() == "draining", "draining")
        self.check("draining, /health/ready said 503", board.last().ready.code == 503)
        board.until(lambda: not process.running, "the daemon ends", DRAIN_DELAY + 1)
        self.check(
            f"the daemon ended by itself with exit 0, within drain_delay ({DRAIN_DELAY:g} s) + 1 s",
            daemon.wait_exit() == 0,
        )
        self.check("its socket is gone: what starts now would wait", not daemon.socket.exists())

    def _codes(self) -> tuple[int | None, int | None]:
        last = self.board.last()
        return last.health.code, last.ready.code


def probe_port() -> int:
    """8088 when it is free, as in readygate.toml, else another one."""
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", 8088)):
        return 8088
    port = free_port()
    explain(f"(Port 8088 is taken, so the probes are on {port}.)")
    return port


def keep(story: Story) -> None:
    """Leave it running, with what to try, until Ctrl-C."""
    assert story.application
    build = os.environ.get("READYGATE_BUILD_DIR", "build")
    heading(7, "Yours to play with, until Ctrl-C")
    print(
        f"   curl -i 'http://127.0.0.1:{story.daemon.port}/health/ready?verbose'\n"
        f"   curl -s 'http://127.0.0.1:{story.application.port}{story.models()}'\n"
        f"   {build}/readygate status --socket {story.daemon.socket}\n"
        f"   {build}/readygate wait   --socket {story.daemon.socket} -- echo open\n"
        f"   the log: the daemon's process is {story.daemon.process and story.daemon.process.pid},"
        f" the application's {story.application.process.pid}"
    )
    if isinstance(story.database, EngineDatabase):
        print(f"   the database: {story.database.uri}")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    print()


@contextlib.contextmanager
def database_of_the_demo() -> Iterator[Database]:
    """The one that the environment names, or an engine of our own."""
    given = kinds.given_uri("READYGATE_MONGODB_URI")
    database: Database = GivenDatabase(given) if given else EngineDatabase()
    with contextlib.closing(database):
        yield database


def tell(stay: bool) -> list[str]:
    """The story; returns the facts of its summary."""
    explain(
        """readygate stands between a service and its database: it makes the database what the
        service's schema file says, tells everybody when that is so, and goes on telling the truth
        afterwards. Here it does so for a portfolio-rebalancing service (FastAPI and Beanie)."""
    )
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(database_of_the_demo())
        explain(f"The database is {database.what}.")
        if left_out := [kind for kind in example.KINDS if kind in database.lacks]:
            said = "; ".join(database.lacks[kind] for kind in left_out)
            explain(
                f"""It has no {" and no ".join(left_out)} indexes ("{said}"): those of schema.toml
                are left out here. READYGATE_ENGINE=ferretdb has them, and a MongoDB has."""
            )

        heading(1, "A service that starts before its database")
        late = f"is started {LATE:g} seconds late, on purpose" if database.can_be_lost else "is up"
        explain(
            f"""The database {late}. `readygate run` is started now, and the service right behind it
            as `readygate wait -- uvicorn ...`: a process that waits, and becomes uvicorn when the
            gate opens. Meanwhile /health says that nothing is wrong (so nobody restarts the pod)
            and /health/ready says not yet (so nobody sends it requests)."""
        )
        if not database.can_be_lost:
            explain(
                """Left out here, because the URI has several hosts, SRV or TLS, which a forwarder
                in front of it would break: the late start, and the outage of step 3."""
            )
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        daemon = Daemon(
            database.uri,
            example.schema_without(database.lacks, folder),
            config=HERE / "readygate.toml",
            arguments=["--mongodb-database", database.name],
            port=probe_port(),
        )
        stack.callback(daemon.close)
        daemon.start()
        board = Board(daemon)
        database.start_late(LATE)
        application = Application(database.uri, database.name, daemon.socket)
        stack.callback(application.close)
        story = Story(database, daemon, board)
        try:
            story.open_the_gate(application)

            heading(2, "Real documents")
            explain("A seeded generator writes models and rebalances; the application reads them.")
            story.fill()

            heading(3, "The database goes away, and comes back")
            if database.can_be_lost:
                explain(
                    """It is stopped now. For unready_after (3 s here, 30 s by default: longer than
                    an election) nothing changes; then the gate says degraded. After that it is
                    started again. Nobody restarts the service."""
                )
                story.outage()
            else:
                explain("Left out: see step 1.")

            heading(4, "What is going on, and is anything left to do?")
            story.look()

            heading(5, "What the server accepts and does not honour")
            if "storage_engine" in database.lacks:
                explain(
                    """The schema wants rebalances compressed by zstd. This server says yes and does
                    not do it. readygate would refuse to open; the example says
                    policy.not_honoured = "report", so it opens and says so:"""
                )
                story.not_honoured()
            else:
                explain("Nothing here: this server has kept all that the schema asks for.")

            heading(6, "The end: SIGTERM")
            if stay:
                explain("Later, when you have seen enough.")
                keep(story)
            explain(
                f"""The gate closes first and keeps answering for drain_delay ({DRAIN_DELAY:g} s),
                so that load balancers look away; then the daemon ends."""
            )
            story.drain()
        except (Timeout, Exited, NotAsTold):
            print("\nThe last lines of the daemon's log:", file=sys.stderr)
            print("\n".join(daemon.log_text().splitlines()[-15:]), file=sys.stderr)
            print("and of the application's:", file=sys.stderr)
            print("\n".join(application.process.output().splitlines()[-8:]), file=sys.stderr)
            raise
        return story.facts


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="readygate from a missing database to draining")
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    stay = parser.parse_args().keep
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through every `with` above
    try:
        facts = tell(stay)
    except (
        *(Timeout, Exited, NotAsTold),
        *(EngineError, kinds.UnknownEngine, FileNotFoundError, PyMongoError),
    ) as error:
        print(f"\ndemo: the story did not happen as told: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; everything it started has ended", file=sys.stderr)
        return 130
    heading(8 if stay else 7, "Summary")
    for fact in facts:
        print(f"   ok  {fact}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
