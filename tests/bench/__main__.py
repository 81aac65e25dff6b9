"""Measures everything and prints a table: ./dev bench [NAME…]

NAME is one of open, memory, probes, wake, build, attack, page, schema. A goal that is not met is
said and fails nothing: time on a machine that does something else as well proves little.
"""

from __future__ import annotations

import argparse
import os
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pymongo import MongoClient

from support.engine import Engine, kinds

from . import contest, measure, page_clients


@dataclass(frozen=True)
class Row:
    what: str
    ours: str
    theirs: str
    value: float
    goal: float | None  # none: to know, not to meet
    least: bool = False  # the goal is a least value, not a most
    unit: str = ""

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        met = self.value >= self.goal if self.least else self.value <= self.goal
        return "met" if met else "NOT MET"

    def cells(self) -> list[str]:
        sign = "≥" if self.least else "≤"
        return [
            self.what,
            self.ours,
            self.theirs,
            f"{self.value:.2f}" if not self.unit else f"{self.value:.0f} {self.unit}",
            "" if self.goal is None else f"{sign} {self.goal:g} {self.unit}".rstrip(),
            self.verdict,
        ]


HEAD = ["what", "readygate", "compared with", "ratio", "goal", ""]


def opening(uri: str, database: str) -> Iterator[Row]:
    pair = measure.opening(uri, database)
    yield Row(
        "open on an unchanged schema",
        f"{pair.ours:.1f} ms",
        f"{pair.theirs:.1f} ms, connect and one find with libmongoc",
        pair.ratio,
        1.3,
    )


def memory(uri: str, database: str) -> Iterator[Row]:
    pair = measure.memory(uri, database)
    yield Row(
        "resident memory, idle",
        f"{pair.ours / 1024:.1f} MiB",
        f"{pair.theirs / 1024:.1f} MiB, libmongoc and libcurl, one connection",
        pair.ratio,
        1.2,
    )


def probes(uri: str, database: str) -> Iterator[Row]:
    for load, probed in measure.probes(uri, database).items():
        yield Row(
            f"probes: {load}",
            f"{probed.rate.ours:,.0f}/s",
            f"{probed.rate.theirs:,.0f}/s, nginx `return 200`",
            probed.rate.ratio,
            1.0,
            least=True,
        )
        yield Row(
            "  processor time of one",
            f"{probed.cost.ours:.2f} µs",
            f"{probed.cost.theirs:.2f} µs",
            probed.cost.ratio,
            None,
        )


def wake(_: str, __: str) -> Iterator[Row]:
    one = measure.wake(1, 300)
    yield Row(
        "one waiter is told",
        f"{one['gate']['median']:.0f} µs",
        f"{one['sends']['median']:.0f} µs, a bare send",
        one["gate"]["median"],
        200,
        unit="µs",
    )
    crowd = measure.wake(1000, 25)
    yield Row(
        "1,000 waiters are told, p99",
        f"{crowd['gate']['p99']:.0f} µs",
        f"{crowd['sends']['p99']:.0f} µs, a loop of send",
        crowd["gate"]["p99"] / crowd["sends"]["p99"],
        1.5,
    )
    crowd = measure.wake(10_000, 9)
    yield Row(
        "10,000 waiters are told, p99",
        f"{crowd['gate']['p99'] / 1000:.1f} ms",
        f"{crowd['sends']['p99'] / 1000:.1f} ms, a loop of send",
        crowd["gate"]["p99"] / crowd["sends"]["p99"],
        1.5,
    )
    each, kernel = measure.bytes_per_waiter()
    yield Row("memory of a waiter (of 10,000)", f"{each} B", "", each, 1024, unit="B")
    yield Row("  the kernel's, both ends", f"{kernel} B", "", kernel, None, unit="B")
    yield slowest_of_thousand("probe while 5,000 waiters are told", measure.probes_while_waking())


def slowest_of_thousand(what: str, seen: measure.Probing) -> Row:
    """The 99.9th percentile against 2 ms."""
    return Row(
        f"{what}, p99.9",
        f"{seen.p999:.0f} µs",
        f"{seen.median:.0f} µs, the median of {seen.probes:,}",
        seen.p999,
        2000,
        unit="µs",
    )


def build(uri: str, database: str) -> Iterator[Row]:
    with MongoClient(uri) as client:
        seen = measure.probes_while_building(client, uri, database)
    yield slowest_of_thousand("probe while indexes are built", seen)


def attack(uri: str, database: str) -> Iterator[Row]:
    attacked = measure.under_attack(uri, database)
    seen = attacked.probing
    yield Row(
        "probe under attack, slowest",
        f"{seen.slowest / 1000:.1f} ms",
        f"{seen.median / 1000:.1f} ms, the median of {seen.probes:,}; {seen.lost} lost",
        float("inf") if seen.lost else seen.slowest / 1000,
        50,
        unit="ms",
    )
    yield Row(
        "  memory that it took",
        f"{attacked.grown_kib / 1024:.1f} MiB",
        f"{attacked.done['connections']:,} connections in a loop, and the rest",
        attacked.grown_kib / 1024,
        80,
        unit="MiB",
    )


def page(_: str, __: str) -> Iterator[Row]:
    took = measure.page()
    yield Row(
        "the state page is asked in C, clock included",
        f"{took['client']:.1f} ns",
        f"{took['page']:.1f} ns, the least; {took['clock']:.1f} ns, the coarse clock alone",
        took["client"],
        20,
        unit="ns",
    )
    for language, pair, clock, goal in (
        ("Python", measure.page_in_python(), "the coarse clock alone", 1000),
        ("Node.js", page_clients.in_node(), "its clock alone", None),
        ("Go", page_clients.in_go(), "its clock alone", None),
    ):
        yield Row(
            f"  in {language}",
            f"{pair.ours:.0f} ns",
            f"{pair.theirs:.0f} ns, {clock}",
            pair.ours,
            goal,
            unit="ns",
        )


def schema(uri: str, database: str) -> Iterator[Row]:
    """A ratio is that of the net figures: the rival without its interpreter's start."""
    result = contest.measure(uri, database)
    stages = (("first creation", result.creation), ("unchanged", result.unchanged))
    for stage, name, rival_of in (
        (stage, name, rival)
        for stage in stages
        for name, rival in (("init_beanie", "beanie"), ("migrate-mongo up", "migrate_mongo"))
    ):
        for one in stage[1]:
            rival: contest.Rival = getattr(one, rival_of)
            whole = f"with its start {rival.whole:.0f} ms, {rival.whole / one.ours:.1f} times"
            yield Row(
                f"50 collections, 300 indexes, {stage[0]}, {one.delay} ms",
                f"{one.ours:.0f} ms",
                f"{rival.net:.0f} ms, {name} ({whole})",
                rival.net / one.ours,
                3 if stage[0] == "first creation" and one.delay == 5 else None,
                least=True,
            )


BENCHES: dict[str, Callable[[str, str], Iterator[Row]]] = {
    "open": opening,
    "memory": memory,
    "probes": probes,
    "wake": wake,
    "build": build,
    "attack": attack,
    "page": page,
    "schema": schema,
}


@contextmanager
def database_server() -> Iterator[str]:
    """The URI of the server that the environment names, else of an embedded engine of this run."""
    if given := kinds.given_uri():
        yield given
        return
    with Engine.start() as engine:
        yield engine.uri


@contextmanager
def database_of_its_own(uri: str) -> Iterator[str]:
    """The name of a database that is dropped afterwards."""
    name = f"bench_{uuid.uuid4().hex[:8]}"
    yield name
    with MongoClient(uri) as client:
        client.drop_database(name)


def print_table(rows: list[Row]) -> None:
    table = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEAD))]
    for number, line in enumerate(table):
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )
        if number == 0:
            print("  ".join("-" * width for width in widths))


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    names = parser.parse_args().names or list(BENCHES)
    if unknown := [name for name in names if name not in BENCHES]:
        parser.error(f"no bench is called {unknown[0]}; there are {', '.join(BENCHES)}")
    load = os.getloadavg()[0]
    processors = len(os.sched_getaffinity(0))
    if load > processors / 2:
        busy = f"load {load:.1f} on {processors} processors"
        print(f"bench: the machine is busy ({busy})", file=sys.stderr)
    rows: list[Row] = []
    with database_server() as uri:
        for name in names:
            print(f"bench: {name} ...", file=sys.stderr, flush=True)
            with database_of_its_own(uri) as database:
                rows += BENCHES[name](uri, database)
    print_table(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
