"""The version stands in one place, and its copies say the same."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from . import versions
from .builds import REPOSITORY
from .gate import build_dir, readygate

FILES = sorted({versions.SOURCE[0], *(name for name, _ in versions.COPIES)})


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files that have the version."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    return tmp_path


def test_all_copies_say_what_the_programs_say() -> None:
    assert versions.problems() == []
    for program in (readygate(), build_dir() / "readygate-wait"):
        said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
        assert said == f"{program.name} {versions.version()}\n"


@pytest.mark.parametrize("name", [name for name in FILES if name != versions.SOURCE[0]])
def test_a_copy_that_says_something_else_is_named(tree: Path, name: str) -> None:
    now = versions.version()
    (tree / name).write_text((tree / name).read_text().replace(now, "98.7.6"))
    problems = versions.problems(tree)
    assert problems and all(text.startswith(f"{name}: says 98.7.6") for text in problems)


def test_a_copy_that_is_gone_is_named(tree: Path) -> None:
    (tree / "clients/node/package.json").write_text("{}\n")
    (problem,) = versions.problems(tree)
    assert problem.startswith("clients/node/package.json: the version is not where it was")


def test_a_new_version_is_set_everywhere_but_above_the_changes(tree: Path) -> None:
    versions.set_version("98.7.6", tree)
    assert versions.version(tree) == "98.7.6"
    (problem,) = versions.problems(tree)
    assert problem.startswith("CHANGELOG.md: says ")
    with pytest.raises(ValueError, match="not a version"):
        versions.set_version("next", tree)
