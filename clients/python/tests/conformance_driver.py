"""The Python client's driver of tests/protocol/clients: questions on standard input, answers on
standard output, a line each. With --asyncio, the asyncio half of the library answers.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import readygate

UNITS = {"ms": 0.001, "s": 1.0}
WORDS = {
    readygate.GateTimeout: "timeout",
    readygate.GateFailed: "failed",
    readygate.GateDraining: "draining",
    readygate.GateForbidden: "forbidden",
}


def seconds(limit: str) -> float | None:
    found = re.fullmatch(r"(\d+)(ms|s)", limit)
    return int(found[1]) * UNITS[found[2]] if found else None


def wait(wait_for: Callable[..., None], fact: str, limit: str, *flags: str) -> str:
    try:
        wait_for(fact, timeout=seconds(limit), fail_fast="fail-fast" in flags)
    except ValueError:
        return "usage"
    except readygate.GateProtocolError:
        return "protocol"
    except readygate.GateError as error:
        return f"{WORDS[type(error)]} {error.state} {error.code}"
    return "ok"


def account(snapshot: readygate.Snapshot | None) -> str:
    return f"{snapshot['state']} {snapshot['seq']}" if snapshot else "none"


def wait_with_asyncio(fact: str, **options: object) -> None:
    asyncio.run(readygate.wait_async(fact, **options))  # type: ignore[arg-type]


def watch_with_asyncio() -> Iterator[readygate.Snapshot]:
    """The asynchronous iterator, one step at a time."""
    loop = asyncio.new_event_loop()
    snapshots = readygate.watch_async()
    while True:
        yield loop.run_until_complete(snapshots.__anext__())


def answers(line: str, with_asyncio: bool) -> Iterable[str]:
    question, *words = line.split()
    if question == "wait":
        yield wait(wait_with_asyncio if with_asyncio else readygate.wait, *words)
    elif question == "watch":
        snapshots = watch_with_asyncio() if with_asyncio else readygate.watch()
        yield from map(account, islice(snapshots, int(words[0])))
    elif question == "is_open":
        yield "true" if readygate.is_open() else "false"
    elif question == "snapshot":
        yield account(readygate.snapshot())
    else:
        yield f"no such question: {question}"


def main() -> None:
    for line in sys.stdin:
        for answer in answers(line, "--asyncio" in sys.argv):
            print(answer, flush=True)


if __name__ == "__main__":
    main()
