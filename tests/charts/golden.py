"""The golden files: every value set of cases.py, rendered for every version.

PYTHONPATH=tests python tests/charts/golden.py     # writes them again; look at the difference
"""

from __future__ import annotations

import shutil
from pathlib import Path

from cases import CASES, ONLY
from rendering import VERSIONS, rendered

FOLDER = Path(__file__).with_name("golden")
EVERY = [(case, version) for case in CASES for version in ONLY.get(case, VERSIONS)]


def path(case: str, version: str) -> Path:
    return FOLDER / version / f"{case}.yaml"


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    for version in VERSIONS:
        (FOLDER / version).mkdir(parents=True)
    for case, version in EVERY:
        path(case, version).write_text(rendered(case, version))


if __name__ == "__main__":
    main()
