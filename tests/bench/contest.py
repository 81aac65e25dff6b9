"""readygate, Beanie and migrate-mongo make the same schema ready, over a network with a delay.

Each is a process, timed from its start until it has said that it is done: the gate is open and a
waiter has been told; `init_beanie` has returned; `migrate-mongo up` has ended. Two of them are
started by an interpreter that imports libraries first. That is real, and not the work compared
here: so a process that only imports the same is timed too, and subtracted for the net figure.
Nothing is subtracted for readygate. All three reach the database through the same Toxiproxy.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from pymongo import MongoClient

from support.gate.daemon import Daemon
from support.proxy import host_of, through
from support.toxiproxy import Toxiproxy

from . import fifty
from .measure import DEFAULTS, running

DELAYS = (0, 5, 20)  # ms that every answer of the server takes longer
ROUNDS = 5
PACKAGES = "READYGATE_MIGRATE_MONGO"  # the folder of its node_modules; ./dev bench makes it
LIMIT = 120  # s for one process

CONFIGURATION = """module.exports = {{
  mongodb: {{ url: {uri}, databaseName: {database} }},
  migrationsDir: 'migrations', changelogCollectionName: 'changelog',
  lockCollectionName: 'changelog_lock', lockTtl: 0,
  migrationFileExtension: '.js', useFileHash: false, moduleSystem: 'commonjs',
}};
"""


@dataclass(frozen=True)
class Rival:
    whole: float  # ms, with the interpreter's start
    start: float  # ms of a process that only imports

    @property
    def net(self) -> float:
        return self.whole - self.start


@dataclass(frozen=True)
class Result:
    delay: int  # ms
    ours: float  # ms
    beanie: Rival
    migrate_mongo: Rival


@dataclass(frozen=True)
class Contest:
    creation: list[Result]  # an empty database
    unchanged: list[Result]  # everything is there already


def ms_of(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def ours(uri: str, database: str) -> float:
    """Milliseconds until the gate is open."""
    daemon = Daemon(uri, fifty.schema_file(database), settings=DEFAULTS)
    try:
        begin = time.perf_counter()
        with running(daemon):
            return (time.perf_counter() - begin) * 1000
    finally:
        daemon.close()


def program(command: list[str], folder: Path | None = None) -> None:
    """Runs it to its end. Raises RuntimeError with what it said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")


def beanie(*where: str) -> None:
    """`init_beanie` there, or without arguments the imports only."""
    program([sys.executable, "-m", "bench.beanie_start", *where])


class MigrateMongo:
    """A project of migrate-mongo with one migration, in a folder of its own."""

    def __init__(self, folder: Path, uri: str) -> None:
        modules = Path(os.environ.get(PACKAGES, "")) / "node_modules"
        if not (modules / "migrate-mongo").exists():
            raise FileNotFoundError(f"{PACKAGES} names no migrate-mongo: use ./dev bench")
        self._folder, self._uri = folder, uri
        (folder / "node_modules").symlink_to(modules)
        (folder / "migrations").mkdir()
        (folder / "migrations" / "20260101000000-fifty.js").write_text(fifty.migration())

    def use(self, database: str) -> None:
        """The database from now on."""
        text = CONFIGURATION.format(uri=json.dumps(self._uri), database=json.dumps(database))
        (self._folder / "migrate-mongo-config.js").write_text(text)

    def up(self) -> None:
        program(["node", "node_modules/migrate-mongo/bin/migrate-mongo.js", "up"], self._folder)

    def imports(self) -> None:
        """`status`'s and `up`'s imports: the program itself, and the driver."""
        script = "import('migrate-mongo').then(() => import('mongodb'))"
        program(["node", "-e", script], self._folder)


@contextmanager
def project(uri: str) -> Iterator[MigrateMongo]:
    folder = Path(tempfile.mkdtemp(prefix="rg-bench-"))
    try:
        yield MigrateMongo(folder, uri)
    finally:
        shutil.rmtree(folder)


def round_of(uri: str, database: str, migrate: MigrateMongo) -> dict[str, float]:
    """One run of each, on a database of its own each; first on an empty one, then once more."""
    migrate.use(f"{database}_m")
    times = {"beanie start": ms_of(beanie), "migrate start": ms_of(migrate.imports)}
    for stage in ("creation", "unchanged"):
        times[f"{stage} ours"] = ours(uri, f"{database}_r")
        times[f"{stage} beanie"] = ms_of(lambda: beanie(uri, f"{database}_b"))
        times[f"{stage} migrate"] = ms_of(migrate.up)
    return times


def check(client: MongoClient, database: str) -> None:
    """All three have made the same."""
    made = []
    for suffix in "rbm":
        indexes = [
            client[f"{database}_{suffix}"][name].index_information() for name in fifty.names()
        ]
        made.append([{n: (i["key"], i.get("unique")) for n, i in one.items()} for one in indexes])
    if made[0] != made[1] or made[0] != made[2] or len(made[0][0]) != len(fifty.INDEXES) + 1:
        raise RuntimeError("they did not make the same indexes")


def measure(uri: str, database: str) -> Contest:
    """The medians of ROUNDS, at each delay."""
    contest = Contest([], [])
    with Toxiproxy() as network, MongoClient(uri) as client:
        link = network.link(*host_of(uri))
        with project(through(uri, link.port)) as migrate:
            for delay in DELAYS:
                link.heal()
                if delay:
                    link.add("latency", latency=delay)
                rounds = []
                for _ in range(ROUNDS):
                    rounds.append(round_of(through(uri, link.port), database, migrate))
                    check(client, database)
                    for suffix in "rbm":
                        client.drop_database(f"{database}_{suffix}")
                middle = {name: median(one[name] for one in rounds) for name in rounds[0]}
                for stage, results in (
                    ("creation", contest.creation),
                    ("unchanged", contest.unchanged),
                ):
                    results.append(
                        Result(
                            delay,
                            middle[f"{stage} ours"],
                            Rival(middle[f"{stage} beanie"], middle["beanie start"]),
                            Rival(middle[f"{stage} migrate"], middle["migrate start"]),
                        )
                    )
    return contest
