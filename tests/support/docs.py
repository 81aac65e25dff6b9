"""Keeps what is written from the code equal to it: the documents' tables, the exchanges of the
protocol, JSON Schemas, and manual pages.

    python3 -m support.docs --write     # puts them in
    python3 -m support.docs             # says which differ; exit status 1 if any does

A document shows a table between the lines `<!-- table: NAME -->` and `<!-- end -->`; the program
doc-tables of the build prints it, and what is a file of its own. Between `<!-- exchange: NAME -->`
and the end it shows one of the exchanges of tests/protocol/*.txt, which the suite `protocol` plays
against the server: its title, then what is on the wire, as the file has it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from support.builds import REPOSITORY
from support.engine_table import engine_table

MARK = re.compile(r"(<!-- (table|exchange): ([a-z0-9-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
TRANSCRIPTS = REPOSITORY / "tests" / "protocol"
ENGINES = "engines"  # the table of what the engines answered; not doc-tables, which knows no engine
EXCHANGE = re.compile(r"=== ([a-z0-9-]+): (.+)")

# JSON Schemas that doc-tables prints under their own names: for editors, and of what programs read.
JSON_SCHEMAS = (
    "config/readygate.schema.json",
    "config/schema.schema.json",
    "docs/plan.schema.json",
)
MAN_PAGES = (
    "packaging/man/readygate.1",
    "packaging/man/readygate-wait.1",
    "packaging/man/readygate.toml.5",
)


def documents() -> list[Path]:
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


@dataclass
class Exchange:
    title: str
    lines: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        return "\n".join([f"*{self.title}*", "", "```text", *self.lines, "```", ""])


def exchanges() -> dict[str, Exchange]:
    """Every exchange of the golden transcripts, by name."""
    found: dict[str, Exchange] = {}
    for path in sorted(TRANSCRIPTS.glob("*.txt")):
        lines = path.read_text().splitlines()
        for line in lines:
            if begins := EXCHANGE.fullmatch(line):
                exchange = found[begins[1]] = Exchange(begins[2])
            elif line and not line.startswith("#"):
                exchange.lines.append(line)
    return found


def shown(kind: str, text: str) -> list[str]:
    """The names of the blocks of a kind that the document has, in its order."""
    return [match[3] for match in MARK.finditer(text) if match[2] == kind]


def filled(text: str, program: Path) -> str:
    """The document's text with every table and every exchange as the code has it."""

    def block(match: re.Match[str]) -> str:
        if match[3] == ENGINES:
            return f"{match[1]}{engine_table()}{match[4]}"
        if match[2] == "exchange":
            return f"{match[1]}{exchanges()[match[3]].markdown()}{match[4]}"
        printed = subprocess.run([program, match[3]], capture_output=True, text=True, check=True)
        return f"{match[1]}{printed.stdout}{match[4]}"

    return MARK.sub(block, text)


def whole_file(path: str, program: Path) -> str:
    """The text of the file as the code has it."""
    printed = subprocess.run([program, Path(path).name], capture_output=True, text=True, check=True)
    if path in MAN_PAGES:
        return printed.stdout
    return json.dumps(json.loads(printed.stdout), indent=2, ensure_ascii=False) + "\n"


def main(write: bool) -> int:
    build = Path(os.environ.get("READYGATE_BUILD_DIR", REPOSITORY / "build"))
    program = build / "tests" / "support" / "doc_tables" / "doc-tables"
    wanted = {path: filled(path.read_text(), program) for path in documents()}
    for name in JSON_SCHEMAS + MAN_PAGES:
        wanted[REPOSITORY / name] = whole_file(name, program)
    stale = 0
    for path, text in wanted.items():
        if path.is_file() and path.read_text() == text:
            continue
        stale += 1
        what = "written" if write else "differs from the code"
        print(f"{path.relative_to(REPOSITORY)}: {what}")
        if write:
            path.write_text(text)
    return 0 if write or not stale else 1


if __name__ == "__main__":
    sys.exit(main("--write" in sys.argv[1:]))
