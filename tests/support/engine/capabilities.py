"""What a server can do, asked of the server itself, once: what `needs` of a test is judged by.

    @needs("text", "transactions")
    def test_...

A test that needs what the server lacks is skipped, and the result says why. Each question makes,
and drops, a database of its own. features.py has those about what a server has, changes.py about
what it changes later, collisions.py about what it refuses. What the engines answered is written
down in answers.json (answers.py).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from . import features, changes, collisions  # isort: skip  # in the order of the table
from .asking import QUESTIONS, Ask, Lacking

__all__ = ["QUESTIONS", "Capabilities", "changes", "collisions", "features", "needs"]

needs = pytest.mark.needs
STOP = "stop"  # that it is ours: it may be stopped, paused and killed


@dataclass(frozen=True)
class Answer:
    short: (
        str  # the same each time: "" where the server does as a MongoDB does, else how it differs
    )
    words: str  # its own


class Capabilities:
    """Of one server. `own`: whether it is an embedded engine."""

    def __init__(self, uri: str, own: bool) -> None:
        self._uri, self._own = uri, own
        self._known: dict[str, Answer] = {}

    def why_lacking(self, name: str) -> str:
        """What the server says instead of doing that; "" if it can."""
        if name == STOP:
            return "" if self._own else "the server is not ours"
        return self.answer(name).words

    def answer(self, name: str) -> Answer:
        if name not in self._known:
            self._known[name] = self._asked(QUESTIONS[name])
        return self._known[name]

    def differences(self) -> dict[str, str]:
        """How it differs from a MongoDB, by question."""
        answers = {name: self.answer(name).short for name in QUESTIONS}
        return {name: short for name, short in answers.items() if short}

    def lacking(self) -> list[str]:
        """All that it cannot do."""
        return [name for name in (STOP, *QUESTIONS) if self.why_lacking(name)]

    def _asked(self, ask: Ask) -> Answer:
        with MongoClient[Any](self._uri, serverSelectionTimeoutMS=20_000) as client:
            database = client[f"rg_test_ask_{uuid.uuid4().hex[:12]}"]
            try:
                ask(database)
            except Lacking as error:
                return Answer(str(error), str(error))
            except OperationFailure as error:
                words = (error.details or {}).get("errmsg") or str(error)
                return Answer(f"refused ({error.code})", words.splitlines()[0][:160])
            except PyMongoError as error:
                return Answer(f"failed ({type(error).__name__})", str(error)[:160])
            finally:
                client.drop_database(database.name)
        return Answer("", "")
