"""What the documents show is true: their tables are the code's, and their commands run. So are the
JSON Schemas and the manual pages."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import walkthrough
from support.docs import JSON_SCHEMAS, MAN_PAGES, documents, exchanges, filled, shown, whole_file
from support.gate import Daemon, build_dir, free_port, readygate, repository

MakeDaemon = Callable[..., Daemon]

# These are the whole demo and the whole test: the end-to-end suite and whoever reads this ran them.
LEFT_OUT = {"./dev demo", "./dev test"}

# Run by tests/kube and tests/image.
ELSEWHERE_RUN = (walkthrough.CLUSTER, walkthrough.CONTAINER)
# Needs Helm: tests/charts does what this one says. Commands that need a cluster, tests/kube runs.
ELSEWHERE = "kubernetes.md"


def commands() -> list[tuple[str, list[str]]]:
    """Of each document those of its blocks, in their order: one may write what the next reads."""
    found = []
    for path in documents():
        if path.name == ELSEWHERE:
            continue
        blocks = [
            block.text
            for block in walkthrough.blocks(path)
            if block.language == "sh"
            and block.mark not in ELSEWHERE_RUN
            and not any(line.startswith(tuple(LEFT_OUT)) for line in block.commands)
        ]
        if blocks:
            found.append((path.name, blocks))
    return found


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_tables_are_those_of_the_code(path: Path) -> None:
    text = path.read_text()
    assert filled(text, build_dir() / "tests/support/doc_tables/doc-tables") == text, (
        "./dev docs writes them"
    )


@pytest.mark.parametrize("name", JSON_SCHEMAS + MAN_PAGES)
def test_files_are_those_of_the_code(name: str) -> None:
    text = whole_file(name, build_dir() / "tests/support/doc_tables/doc-tables")
    assert (repository() / name).read_text() == text, "./dev docs writes them"


def test_some_tables_are_shown() -> None:
    names = {name for path in documents() for name in shown("table", path.read_text())}
    assert {"settings", "reasons", "transitions", "facts", "routes", "limits", "metrics"} <= names


def test_every_exchange_of_the_transcripts_is_shown_once() -> None:
    played = exchanges()
    assert len(played) >= 40
    page = (repository() / "docs/protocol.md").read_text()
    assert sorted(shown("exchange", page)) == sorted(played)


def test_the_page_explains_every_line_of_the_transcripts() -> None:
    page = (repository() / "docs/protocol.md").read_text()
    section = page.split("## How to read the examples")[1].split("\n## ")[0]
    rows = [row.split(" | ")[0] for row in section.splitlines() if row.startswith("| `")]
    explained = [line for row in rows for line in re.findall(r"`(-- [^`]+)`", row)]
    assert len(explained) >= 8
    known = "|".join(
        re.escape(line).replace("STATE:\\ FACTS", "[a-z]+(: [a-z, ]+)?").replace("31s", "\\d+s")
        for line in explained
    )
    for name, exchange in exchanges().items():
        for line in exchange.lines:
            if line.startswith("-- "):
                assert re.fullmatch(rf"({known})( (to|on|of) [A-Z])?", line), f"{name}: {line}"
            else:
                assert re.fullmatch(r"[A-Z]?[<>] .+", line), f"{name}: {line}"


def test_links_lead_somewhere() -> None:
    for path in documents():
        for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def shell(block: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{build_dir()}:{os.environ['PATH']}", **variables}
    # The build of this run, whichever it is; and no second build while the tests run.
    block = block.replace("build/readygate", str(readygate())).replace("./dev build\n", "")
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-m", "-c", block],
        cwd=repository(),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(("document", "blocks"), commands())
def test_commands_of_the_documents_run(
    document: str,
    blocks: list[str],
    engine: Any,
    database: str,
    make_daemon: MakeDaemon,
    tmp_path: Path,
) -> None:
    daemon = make_daemon(engine.uri).start()
    daemon.wait_state("ready")
    for block in blocks:
        variables = {
            "READYGATE_GATE_SOCKET": str(daemon.socket),
            "READYGATE_MONGODB_URI": engine.uri,
            "READYGATE_MONGODB_DATABASE": database,
        }
        block = block.replace("127.0.0.1:8088", f"127.0.0.1:{free_port()}")
        block = block.replace("/tmp/", f"{tmp_path}/")  # there it may be somebody else's
        if "readygate run" in block:
            variables.pop("READYGATE_GATE_SOCKET")
        result = shell(block, **variables)
        assert result.returncode == 0, f"{document}:\n{block}\n{result.stdout}\n{result.stderr}"


# In a code span, or on an indented line of its own; what follows `--` is another program's.
NAMED = re.compile(r"(?:`|^    )readygate ([a-z]+)([^`\n]*)", re.MULTILINE)


def named() -> list[tuple[str, str, frozenset[str]]]:
    """The subcommands that documents name outside of their blocks, with their flags."""
    found = set()
    for path in documents():
        for subcommand, rest in NAMED.findall(path.read_text()):
            flags = re.findall(r" (--[a-z][a-z-]+)", re.split(r" -- ", f"{rest} ")[0])
            found.add((path.name, subcommand, frozenset(flags)))
    return sorted(found, key=str)


@pytest.mark.parametrize(("document", "subcommand", "flags"), named())
def test_commands_that_documents_name_exist(
    document: str, subcommand: str, flags: frozenset[str]
) -> None:
    said = subprocess.run(
        [readygate(), subcommand, "--help"], capture_output=True, text=True, timeout=10
    )
    assert said.returncode == 0, f"{document}: readygate {subcommand}"
    assert f"Usage: readygate {subcommand}" in said.stdout
    assert [flag for flag in flags if flag not in said.stdout] == []


def test_every_subcommand_is_named_somewhere() -> None:
    """The search above finds them: a document that it misses would go untested."""
    assert {"apply", "history", "plan", "status", "unlock"} <= {
        subcommand for document, subcommand, _ in named() if document == "operations.md"
    }
