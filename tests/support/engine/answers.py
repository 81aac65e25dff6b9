"""What each engine answered when it was asked: answers.json, from which the table of
docs/mongodb.md (engine_table.py) and the engines of tests (kinds.py) are made.

    python3 -m support.engine.answers [ENGINE…]     # asks each, and writes its answers down

A test asks the running engines again (test_answers.py).
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pymongo import MongoClient

from .asking import ABOUT
from .capabilities import Capabilities
from .engine import Engine
from .kinds import ANSWERS, KINDS, Kind

Answers = dict[str, Any]  # "title", "version" of the server and "differs": by question, how


def known() -> dict[str, Answers]:
    """By engine."""
    return dict(json.loads(ANSWERS.read_text())["answers"])


def version_of(uri: str) -> str:
    """The product's own."""
    with MongoClient[Any](uri) as client:
        info = client.admin.command("buildInfo")
    own = info.get("secantusVersion") or info.get("ferretdb", {}).get("version") or info["version"]
    return str(own).removeprefix("v")


def asked(kind: Kind) -> Answers:
    with Engine.start(kind.name) as engine:
        differs = Capabilities(engine.uri, own=True).differences()
        return {"title": kind.title, "version": version_of(engine.uri), "differs": differs}


def main(names: list[str]) -> int:
    found = known() | {name: asked(KINDS[name]) for name in names or list(KINDS)}
    data = {"asked": ABOUT, "answers": {name: found[name] for name in KINDS if name in found}}
    ANSWERS.write_text(json.dumps(data, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
