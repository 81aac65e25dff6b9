"""`readygate plan`: what it prints for people and for programs, and against a file."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from support.gate import readygate, repository

BEFORE = """
schema = "s"
database = "s"
version = 1

[[collection]]
name = "orders"
validator = '{ "a": 1 }'

  [[collection.index]]
  name = "seen"
  key = [["seen", 1]]
  expire_after = "1h"

  [[collection.index]]
  name = "gone"
  key = [["gone", 1]]

  [[collection.index]]
  name = "other"
  key = [["x", 1]]
"""

AFTER = """
schema = "s"
database = "s"
version = 2

[[collection]]
name = "orders"
validator = '{ "a": 1 }'

  [[collection.index]]
  name = "seen"
  key = [["seen", 1]]
  expire_after = "30m"

  [[collection.index]]
  name = "other"
  key = [["y", 1]]

  [[collection.index]]
  name = "fresh"
  key = [["fresh", 1]]

[[collection]]
name = "customers"
"""


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """`plan` of the second schema against the first, without a database."""
    (tmp_path / "before.toml").write_text(BEFORE)
    (tmp_path / "after.toml").write_text(AFTER)
    schema = ["--schema", str(tmp_path / "after.toml")]
    return [str(readygate()), "plan", *schema, "--against", str(tmp_path / "before.toml")]


def run(command: list[str], **variables: str) -> tuple[int, str]:
    environment = {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment)
    return done.returncode, done.stdout


def on_terminal(command: list[str], **variables: str) -> str:
    """The output of the command on a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "", **variables}
    with subprocess.Popen(command, stdout=theirs, env=environment) as process:
        os.close(theirs)
        text = b""
        try:
            while chunk := os.read(ours, 65536):
                text += chunk
        except OSError:  # the other side is closed
            pass
        process.wait(30)
    os.close(ours)
    return text.decode().replace("\r\n", "\n")


def test_against_a_file_names_every_difference(files: list[str]) -> None:
    code, text = run(files)
    assert code == 2
    lines = text.splitlines()
    assert any(line.startswith("+ customers") and "create collection" in line for line in lines)
    assert any(line.startswith("+ orders") and "fresh" in line for line in lines)
    assert any(
        line.startswith("~ orders") and "expireAfterSeconds of seen" in line for line in lines
    )
    assert any(line.startswith("? orders") and "gone" in line for line in lines)
    assert any(line.startswith("! orders") and "other" in line for line in lines)
    assert '- key: { "x" : 1 }' in text
    assert '+ key: { "y" : 1 }' in text
    assert all("(" in line for line in lines if line[:1] in "+~")  # what it costs
    assert "changes to" in lines[-1]


def test_against_itself_nothing_changes(files: list[str]) -> None:
    code, text = run([*files[:4], "--against", files[3]])
    assert code == 0
    assert text.startswith("No changes: ")


def test_colour_is_for_terminals_that_want_it(files: list[str]) -> None:
    assert "\x1b[" not in run(files)[1]
    coloured = on_terminal(files)
    assert "\x1b[32m+\x1b[0m customers" in coloured
    assert '\x1b[31m- key: { "x" : 1 }\x1b[0m' in coloured
    assert "\x1b[" not in on_terminal(files, NO_COLOR="1")


def test_json_is_as_its_schema_says(files: list[str]) -> None:
    code, text = run([*files, "--format", "json"])
    assert code == 2
    plan: dict[str, Any] = json.loads(text)
    schema = json.loads((repository() / "docs/plan.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(plan, schema)
    assert plan["v"] == 1
    assert plan["changes"] == len(plan["steps"])
    assert {step["kind"] for step in plan["steps"]} >= {"create_collection", "create_indexes"}
    assert {finding["kind"] for finding in plan["findings"]} == {"extra_index", "conflict"}
    for broken in ({**plan, "v": 2}, {**plan, "more": 1}, {"v": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


def test_a_file_that_is_no_schema_is_named(files: list[str], tmp_path: Path) -> None:
    (tmp_path / "before.toml").write_text("nonsense = 1\n")
    done = subprocess.run(files, capture_output=True, text=True, timeout=30)
    assert done.returncode == 78
    assert "before.toml:1:1: unknown key" in done.stderr
