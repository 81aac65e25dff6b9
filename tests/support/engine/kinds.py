"""The engines that there are, and which are used: READYGATE_ENGINE.

    READYGATE_ENGINE=secantus            one, for everything
    READYGATE_ENGINE=secantus,ferretdb   tests marked `engines` run on each, others on the first
    READYGATE_ENGINE=mongodb://…         that server; none is made or started

Older variables name a server too: READYGATE_TEST_MONGODB_URI for tests, READYGATE_MONGODB_URI for
the demo.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import install, recipe

VARIABLE = "READYGATE_ENGINE"
URI_VARIABLE = "READYGATE_TEST_MONGODB_URI"
GIVEN = "given"  # how the results of tests are named that run on a server that was named
TESTS = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Kind:
    """One engine. `command` makes it where it is missing, and is what runs its supervisor."""

    name: str
    what: str
    command: Callable[[bool], list[str]]  # whether it asks for passwords
    install: Callable[[], object]
    options: str  # of its URI


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


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "ferretdb",
            "FerretDB on PostgreSQL with DocumentDB",
            _ferretdb,
            install.ensure,
            "retryWrites=false",
        ),
        Kind(
            "secantus",
            "SecantusDB, in Python",
            _secantus(install.ensure_secantus),
            install.ensure_secantus,
            "directConnection=true",
        ),
        Kind(
            "secantus-rust",
            "SecantusDB, in Rust",
            _secantus(install.ensure_secantus_rust),
            install.ensure_secantus_rust,
            "directConnection=true",
        ),
    )
}
DEFAULT = ("ferretdb", "secantus")  # of tests
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


def chosen_kind(default: tuple[str, ...] = DEFAULT) -> Kind:
    """The engine for everything. Raises UnknownEngine."""
    first = chosen(older="", default=default)[0]
    if first == GIVEN:
        raise UnknownEngine(f"{VARIABLE} names a server: there is no engine to start")
    return KINDS[first]


def why_not(name: str) -> str | None:
    """Why an engine cannot be had by this user on this machine, as far as that is known at once."""
    if name == "ferretdb" and not install.namespaces_work():
        return "ferretdb needs root (or sudo without a password), chroot and namespaces"
    if name == "secantus-rust" and not install.can_make_secantus_rust():
        return "secantus-rust needs cargo and cmake, which are not here"
    return None
