"""The engines that there are, and which are used: READYGATE_ENGINE.

    READYGATE_ENGINE=secantus            one, for everything
    READYGATE_ENGINE=secantus,ferretdb   tests marked `engines` run on each, others on the first
                                         that has what they need
    READYGATE_ENGINE=mongodb://…         that server; none is made or started

Older variables name a server too: READYGATE_TEST_MONGODB_URI for tests, READYGATE_MONGODB_URI for
the demo.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from . import install, recipe

VARIABLE = "READYGATE_ENGINE"
URI_VARIABLE = "READYGATE_TEST_MONGODB_URI"
GIVEN = "given"  # how the results of tests are named that run on a server that was named
TESTS = Path(__file__).resolve().parents[2]
ANSWERS = Path(__file__).with_name("answers.json")


@dataclass(frozen=True)
class Kind:
    """One engine. `command` makes it where it is missing, and is what runs its supervisor.

    `lacks` has names of capabilities.py. A test finds its engine by them before any server runs;
    answers.json has them, and test_answers.py compares it with what the servers say.
    """

    name: str
    what: str
    title: str  # of its column in the documents
    command: Callable[[bool], list[str]]  # whether it asks for passwords
    install: Callable[[], object]
    options: str  # of its URI
    lacks: frozenset[str]


def _ferretdb(auth: bool) -> list[str]:
    root, ferretdb = install.ensure()
    folders = [str(root), str(ferretdb), str(recipe.engine_dir() / "instances")]
    supervisor = [*install.PYTHON, str(install.SUPERVISOR), "serve", *folders]
    return install.as_root([*install.NAMESPACES, *supervisor, *["--auth"] * auth])


def _secantus(program: Callable[[], list[str]]) -> Callable[[bool], list[str]]:
    def command(auth: bool) -> list[str]:
        wanted = program()
        login = ["--auth", recipe.USER, recipe.PASSWORD] if auth else []
        # Not the folder of FerretDB's, which belongs to root.
        folder = str(recipe.engine_dir() / "instances-secantus")
        return [sys.executable, "-m", "support.engine.secantus", folder, *login, "--", *wanted]

    return command


def _lacks(name: str) -> frozenset[str]:
    """What the engine answered otherwise than a MongoDB does, when it was asked: answers.py."""
    return frozenset(json.loads(ANSWERS.read_text())["answers"][name]["differs"])


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "ferretdb",
            "FerretDB on PostgreSQL with DocumentDB",
            "FerretDB",
            _ferretdb,
            install.ensure,
            "retryWrites=false",
            _lacks("ferretdb"),
        ),
        Kind(
            "secantus",
            "SecantusDB, in Python",
            "SecantusDB in Python",
            _secantus(install.ensure_secantus),
            install.ensure_secantus,
            "directConnection=true",
            _lacks("secantus"),
        ),
        Kind(
            "secantus-rust",
            "SecantusDB, in Rust",
            "SecantusDB in Rust",
            _secantus(install.ensure_secantus_rust),
            install.ensure_secantus_rust,
            "directConnection=true",
            _lacks("secantus-rust"),
        ),
    )
}
# Of tests. SecantusDB in Rust is nearer to a MongoDB, and takes nine minutes of a processor.
DEFAULT = ("secantus", "ferretdb")
DEMO = ("secantus",)  # it is made in seconds and needs no root


class UnknownEngine(Exception):
    """READYGATE_ENGINE names none that there is; the text says which there are."""


def _is_uri(text: str) -> bool:
    return text.startswith(("mongodb://", "mongodb+srv://"))


def given_uri(older: str = URI_VARIABLE) -> str | None:
    """The server that the environment names; it is not ours to stop."""
    if uri := os.environ.get(older):
        return uri
    named = os.environ.get(VARIABLE, "")
    return named if _is_uri(named) else None


def chosen(older: str = URI_VARIABLE, default: tuple[str, ...] = DEFAULT) -> list[str]:
    """Names of engines, the one for everything first. Raises UnknownEngine."""
    if given_uri(older):
        return [GIVEN]
    names = [name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]
    if unknown := [name for name in names if name not in KINDS]:
        there = ", ".join(KINDS)
        raise UnknownEngine(
            f"{VARIABLE}: no such engine: {', '.join(unknown)}; there are {there}, and URIs"
        )
    return names or list(default)


def is_named(name: str) -> bool:
    """Whether the environment asks for this engine by its name."""
    return bool(os.environ.get(VARIABLE)) and name in chosen()


def chosen_kind(default: tuple[str, ...] = DEFAULT) -> Kind:
    """The engine for everything. Raises UnknownEngine."""
    first = chosen(older="", default=default)[0]
    if first == GIVEN:
        raise UnknownEngine(f"{VARIABLE} names a server: there is no engine to start")
    return KINDS[first]


def for_needs(names: list[str], needs: Iterable[str]) -> str:
    """The first of these engines that is to be had here and has all of that; else the first."""
    able = (
        name
        for name in names
        if name != GIVEN and not KINDS[name].lacks.intersection(needs) and not why_not(name)
    )
    return next(able, names[0])


def why_not(name: str) -> str | None:
    """Why an engine cannot be had by this user on this machine, as far as that is known at once."""
    if name == "ferretdb" and not install.namespaces_work():
        return (
            "ferretdb needs root (or sudo without a password), mounts, chroot and namespaces: in a"
            " container, a privileged one"
        )
    if name == "secantus-rust" and not install.can_make_secantus_rust():
        return "secantus-rust needs cargo and cmake, which are not here"
    return None
