"""The charts' values: each is commented, and checked by a schema made from them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from rendering import CHART, Document, documents, helm
from values_schema import APPLICATION, LIBRARY, text


@pytest.mark.parametrize("chart", [LIBRARY, APPLICATION], ids=lambda chart: chart.name)
def test_the_schema_is_made_from_the_values(chart: Path) -> None:
    assert (chart / "values.schema.json").read_text() == text(chart), (
        "meant so? python tests/charts/values_schema.py"
    )


@pytest.mark.parametrize("chart", [LIBRARY, APPLICATION], ids=lambda chart: chart.name)
def test_every_value_is_explained(chart: Path) -> None:
    """Each has a comment above it, or all that is below it has."""
    assert unexplained((chart / "values.yaml").read_text()) == []


def unexplained(text: str) -> list[str]:
    """Keys that hold a value, and have no comment in the line above."""
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines):
        key = re.match(r"( *)([\w.]+):(.*)", line)
        if not key:
            continue
        above, below = lines[number - 1] if number else "", [*lines, ""][number + 1]
        group = not key[3].strip() and re.match(rf"{key[1]}  +[#\w]", below)
        if not group and not above.lstrip().startswith("#"):
            found.append(key[2])
    return found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# why\na: 1\nb: 2\n", ["b"]),
        ("a:\n  # why\n  b: 1\n  c: {}\n", ["c"]),
        ("# why\na:\n  - { b: 1 }\n", []),
        ("a:\n  - { b: 1 }\n", ["a"]),
    ],
)
def test_the_search_for_the_unexplained_finds_it(text: str, found: list[str]) -> None:
    assert unexplained(text) == found


def notes(folder: Path, values: Document) -> str:
    """NOTES.txt, which Helm renders only when it installs: here as a template among the others."""
    chart = shutil.copytree(CHART, folder / "chart")
    text = (chart / "templates/NOTES.txt").read_text()
    (chart / "templates/notes.yaml").write_text(
        f'{{{{- define "notes" -}}}}{text}{{{{- end -}}}}\n'
        'kind: Notes\nmetadata: { name: notes }\ntext: {{ include "notes" . | quote }}\n'
    )
    found = documents(helm("template", "shop", str(chart), "--kube-version=1.36", values=values))
    return next(one["text"] for one in found if one["kind"] == "Notes")


def test_notes_say_how_to_look_at_the_gate(tmp_path: Path) -> None:
    said = notes(tmp_path, {})
    assert "readygate status" in said
    assert "--timeout 24h" in said
    assert "8088" in said


def test_notes_of_an_injection_name_its_label(tmp_path: Path) -> None:
    """There is no Deployment to look at."""
    injection = {"deployment": {"enabled": False}, "injection": {"enabled": True, "label": "x"}}
    said = notes(tmp_path, injection)
    assert "get pods -l readygate.io/inject=x\n" in said
    assert "logs -l readygate.io/inject=x -c readygate\n" in said
    assert "deployment/" not in said


def test_notes_suggest_a_timeout_for_helm(tmp_path: Path) -> None:
    assert "--timeout 1300s" in notes(tmp_path, {"readygate": {"initTimeoutSeconds": 600}})
