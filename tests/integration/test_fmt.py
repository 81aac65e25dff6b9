"""`readygate fmt`: the same schema, the same comments, one form; whole files or none."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.gate import readygate, repository

EXAMPLES = ["config/schema.example.toml", "examples/rebalancer/schema.toml"]
UGLY = "version=1 # one\nschema='s'\n\n# of the database\ndatabase = 's'\n"


def fmt(*arguments: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(readygate()), "fmt", *map(str, arguments)]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)


def schema_hash(path: Path) -> str:
    command = [str(readygate()), "check", "--schema", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    found = re.search(r"hash (\S+)", done.stdout)
    assert found
    return found[1]


def comments(text: str) -> list[str]:
    return sorted(re.findall(r"#.*", text))


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_keeps_its_hash_and_its_comments(example: str, tmp_path: Path) -> None:
    source = repository() / example
    for other in source.parent.glob("*.json"):
        (tmp_path / other.name).write_text(other.read_text())
    path = tmp_path / "schema.toml"
    text = source.read_text()
    path.write_text(text.replace("\n[[collection]]", "\n\n\n[[ collection ]]"))
    before = schema_hash(path)
    assert fmt(path).returncode == 0
    assert schema_hash(path) == before
    assert comments(path.read_text()) == comments(text)
    once = path.read_text()
    assert fmt("--check", path).returncode == 0
    assert fmt(path).stdout == ""
    assert path.read_text() == once


def test_check_names_the_files_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "ugly.toml").write_text(UGLY)
    assert fmt(tmp_path / "ugly.toml").returncode == 0
    neat = (tmp_path / "ugly.toml").read_text()
    (tmp_path / "neat.toml").write_text(neat)
    (tmp_path / "ugly.toml").write_text(UGLY)
    done = fmt("--check", tmp_path / "ugly.toml", tmp_path / "neat.toml")
    assert (done.returncode, done.stdout) == (1, f"{tmp_path}/ugly.toml\n")
    assert (tmp_path / "ugly.toml").read_text() == UGLY


def test_a_dash_is_standard_input_to_standard_output() -> None:
    done = fmt("-", text="version=1\nschema='s'")
    assert (done.returncode, done.stdout) == (0, 'schema = "s"\nversion = 1\n')
    assert fmt("--check", "-", text=done.stdout).returncode == 0
    assert fmt("--check", "-", text="a=1").returncode == 1


def test_mode_and_link_are_kept(tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.write_text(UGLY)
    real.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(real.name)
    assert fmt(link).stdout == f"{link}\n"
    assert link.is_symlink()
    assert real.stat().st_mode & 0o7777 == 0o640
    assert real.read_text().startswith('schema = "s"\n')
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.toml", "real.toml"]


def test_what_is_no_toml_is_left_alone_and_named_and_the_rest_is_done(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("version = \n")
    (tmp_path / "ugly.toml").write_text("version=1\n")
    done = fmt(tmp_path / "bad.toml", tmp_path / "ugly.toml", tmp_path / "none.toml")
    assert done.returncode == 78
    assert "bad.toml:1:" in done.stderr
    assert "none.toml" in done.stderr
    assert (tmp_path / "bad.toml").read_text() == "version = \n"
    assert (tmp_path / "ugly.toml").read_text() == "version = 1\n"


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """A limit on the size of files is what can be had of a full disk without one."""
    path = tmp_path / "schema.toml"
    text = "".join(f"key_{i}={i}\n" for i in range(2000))
    path.write_text(text)
    limited = f"trap '' XFSZ; ulimit -f 8; exec {readygate()} fmt {path}"
    done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert f"{path} cannot be written: File too large" in done.stderr
    assert path.read_text() == text
    assert os.listdir(tmp_path) == ["schema.toml"]


def test_a_usage_error_is_one() -> None:
    assert fmt().returncode == 64
    assert fmt("--chek", "x").returncode == 64
