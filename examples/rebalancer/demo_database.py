"""The database of the demo: an embedded engine, or the server that the environment names.

Each kind can be late, lost and back, which is what the story is about. A server that was named is
not stopped: a small TCP forwarder in front of it refuses connections instead.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from typing import Protocol

from pymongo import MongoClient
from pymongo.errors import WriteError

from support.engine import Engine, kinds
from support.engine.capabilities import Capabilities
from support.proxy import NotProxyable, TcpProxy

# Of what schema.toml asks for, what some engine lacks.
WANTED = ("text", "hashed", "storage_engine")


class Database(Protocol):
    """What the story needs. `uri` may hold a password and is never printed."""

    uri: str
    name: str
    what: str
    can_be_lost: bool
    lacks: dict[str, str]  # of what the schema wants: the kind, and what the server says instead

    def start_late(self, delay: float) -> None: ...
    def lose(self) -> None: ...
    def bring_back(self) -> None: ...
    def close(self) -> None: ...


def refusal(database: Database, collection: str, document: dict[str, object]) -> str:
    """The server's words when it refuses to insert it, past the service; "" when it takes it."""
    with MongoClient[dict[str, object]](database.uri, serverSelectionTimeoutMS=3_000) as client:
        try:
            client[database.name][collection].insert_one(document)
        except WriteError as error:
            return str(error.details["errmsg"] if error.details else error)
    return ""


def lacking(uri: str) -> dict[str, str]:
    """What the schema wants and this server does not do; it is asked."""
    can = Capabilities(uri, own=False)
    answers = {name: can.why_lacking(name) for name in WANTED}
    return {name: why for name, why in answers.items() if why}


class EngineDatabase:
    """An empty engine of our own, on a free port, gone with us."""

    can_be_lost = True
    name = "rebalancer"

    def __init__(self) -> None:
        self._engine = Engine.start(kinds.chosen_kind(kinds.DEMO).name)
        self.what = f"an embedded engine ({self._engine.kind.what})"
        self.lacks = lacking(self._engine.uri)
        self._engine.stop_database()
        self.uri = self._engine.uri
        self._timer: threading.Timer | None = None

    def start_late(self, delay: float) -> None:
        """Starts it after so many seconds; returns at once."""
        self._timer = threading.Timer(delay, self._engine.start_database)
        self._timer.daemon = True
        self._timer.start()

    def lose(self) -> None:
        self._engine.stop_database()

    def bring_back(self) -> None:
        self._engine.start_database()

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._engine.close()


class GivenDatabase:
    """A server that is not ours. Our database there has its own name and is dropped at the end."""

    def __init__(self, uri: str) -> None:
        self._given = uri
        self.lacks = lacking(uri)
        self._proxy: TcpProxy | None = None
        self._timer: threading.Timer | None = None
        self.name = f"readygate_demo_{secrets.token_hex(4)}"
        self.uri = uri
        self.what = "the server that the environment names"
        with contextlib.suppress(NotProxyable):
            self._proxy = TcpProxy.in_front_of(uri, refusing=True)
            self.uri = self._proxy.uri
            self.what += ", through a local forwarder that can be late and lost"
        self.can_be_lost = self._proxy is not None

    def start_late(self, delay: float) -> None:
        if self._proxy:
            self._timer = threading.Timer(delay, self._proxy.accept)
            self._timer.daemon = True
            self._timer.start()

    def lose(self) -> None:
        assert self._proxy
        self._proxy.refuse()

    def bring_back(self) -> None:
        assert self._proxy
        self._proxy.accept()

    def close(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._proxy:
            self._proxy.close()
        client: MongoClient[dict[str, object]] = MongoClient(
            self._given, serverSelectionTimeoutMS=3_000
        )
        with client:
            client.drop_database(self.name)
