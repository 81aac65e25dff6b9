"""`readygate install FOLDER`: a copy of readygate-wait, whole, that runs and replaces another."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from support.gate import readygate


def install(folder: Path, program: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [program or readygate(), "install", folder]
    return subprocess.run(command, capture_output=True, text=True, timeout=20)


def test_the_copy_is_whole_and_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [readygate(), "install", tmp_path], capture_output=True, text=True, umask=0o077
    )
    copy = tmp_path / "readygate-wait"
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{copy}\n", "")
    assert copy.read_bytes() == readygate().with_name("readygate-wait").read_bytes()
    assert copy.stat().st_mode & 0o7777 == 0o755  # whatever the umask is
    assert subprocess.run([copy, "--version"], capture_output=True).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["readygate-wait"]


def test_it_replaces_one_that_runs(tmp_path: Path) -> None:
    assert install(tmp_path).returncode == 0
    copy = tmp_path / "readygate-wait"
    inode = copy.stat().st_ino
    with subprocess.Popen([copy, "sleep", "60"]) as running:
        try:
            assert install(tmp_path).returncode == 0  # ETXTBSY, were it written in place
            assert copy.stat().st_ino != inode
            assert running.poll() is None
        finally:
            running.kill()


@pytest.mark.parametrize("where", ["missing", "file"])
def test_1_where_nothing_can_be_written(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("")
    done = install(tmp_path / where)
    assert done.returncode == 1
    assert f"{tmp_path}/{where}/readygate-wait cannot be written" in done.stderr
    assert "does the folder exist" in done.stderr


def test_nothing_is_left_behind_where_it_cannot_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "readygate-wait").mkdir()
    assert install(tmp_path).returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["readygate-wait"]


def test_78_where_there_is_nothing_to_copy(tmp_path: Path) -> None:
    """Beside the program, else in ../libexec/readygate: where it looked is told."""
    alone = tmp_path / "bin" / "readygate"
    alone.parent.mkdir()
    shutil.copy(readygate(), alone)
    done = install(tmp_path, alone)
    assert done.returncode == 78
    assert f"{alone.parent}/readygate-wait: No such file" in done.stderr
    assert f"{tmp_path}/libexec/readygate/readygate-wait: No such file" in done.stderr

    hidden = tmp_path / "libexec" / "readygate"
    hidden.mkdir(parents=True)
    shutil.copy(readygate().with_name("readygate-wait"), hidden)
    assert install(tmp_path, alone).returncode == 0


def test_64_without_a_folder() -> None:
    assert subprocess.run([readygate(), "install"], capture_output=True).returncode == 64
