"""The documents' table of what each engine answers otherwise than a MongoDB, from
engine/answers.json alone: who writes documents needs no driver."""

from __future__ import annotations

import json
from pathlib import Path

ANSWERS = Path(__file__).parent / "engine" / "answers.json"


def engine_table() -> str:
    """As Markdown: a line for each question, a column for each engine."""
    data = json.loads(ANSWERS.read_text())
    engines = data["answers"].values()
    heads = [f"{engine['title']} {engine['version']}" for engine in engines]
    lines = [f"| asked for | {' | '.join(heads)} |", "| --- " * (len(heads) + 1) + "|"]
    for name, about in data["asked"].items():
        cells = [engine["differs"].get(name, "yes") for engine in engines]
        lines.append(f"| {about} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
