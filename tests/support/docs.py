"""Keeps the tables of the documents equal to those of the code.

    python3 -m support.docs --write     # puts them in
    python3 -m support.docs             # says which differ; exit status 1 if any does

A document shows a table between the lines `<!-- table: NAME -->` and `<!-- end -->`; the program
doc-tables of the build prints it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from support.builds import REPOSITORY

MARK = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def documents() -> list[Path]:
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def filled(text: str, program: Path) -> str:
    """The document's text with every table as the code has it."""

    def table(match: re.Match[str]) -> str:
        printed = subprocess.run([program, match[2]], capture_output=True, text=True, check=True)
        return f"{match[1]}{printed.stdout}{match[3]}"

    return MARK.sub(table, text)


def main(write: bool) -> int:
    build = Path(os.environ.get("READYGATE_BUILD_DIR", REPOSITORY / "build"))
    program = build / "tests" / "support" / "doc_tables" / "doc-tables"
    stale = 0
    for path in documents():
        old = path.read_text()
        new = filled(old, program)
        if new == old:
            continue
        stale += 1
        what = "written" if write else "a table differs from the code"
        print(f"{path.relative_to(REPOSITORY)}: {what}")
        if write:
            path.write_text(new)
    return 0 if write or not stale else 1


if __name__ == "__main__":
    sys.exit(main("--write" in sys.argv[1:]))
