"""How a server is asked what it does: a question is a function that gets an empty database.

It returns where the server has done what a MongoDB does, and raises Lacking, with what it has done
instead, or the server's own refusal. An accepted command proves nothing: servers forget what they
have accepted, so each question looks at what is left of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymongo.database import Database
from pymongo.errors import BulkWriteError, OperationFailure

Ask = Callable[[Database[Any]], object]
# By name, in the order of the documents' table: what is asked, in words, and how.
QUESTIONS: dict[str, Ask] = {}
ABOUT: dict[str, str] = {}


class Lacking(Exception):
    """The server has answered, and not as a MongoDB does."""


def question(name: str, about: str) -> Callable[[Ask], Ask]:
    def keep(ask: Ask) -> Ask:
        QUESTIONS[name], ABOUT[name] = ask, about
        return ask

    return keep


def must(holds: object, words: str) -> None:
    if not holds:
        raise Lacking(words)


def options(database: Database[Any], name: str = "c") -> dict[str, Any]:
    """What is listed of a collection."""
    found = list(database.list_collections(filter={"name": name}))
    return {"type": found[0]["type"], **found[0]["options"]} if found else {}


def index(database: Database[Any], name: str = "i") -> dict[str, Any]:
    """What is listed of an index."""
    return dict(database["c"].index_information().get(name, {}))


def made(database: Database[Any], option: str, value: object) -> None:
    """That a collection made with this option has it."""
    database.create_collection("c", **{option: value})
    must(option in options(database), "forgotten")


def refusal(write: Callable[[], object]) -> dict[str, Any]:
    """The server's words on the write that it must not take: `code` and more."""
    try:
        write()
    except BulkWriteError as error:
        return dict((error.details or {})["writeErrors"][0])
    except OperationFailure as error:
        return dict(error.details or {"code": error.code})
    raise Lacking("it is taken")
