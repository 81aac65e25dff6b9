"""`readygate install FOLDER`: a copy of readygate-wait, whole, that runs and replaces another.

And `meson install`: what is where.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.gate import build_dir, readygate, repository
from support.versions import version

PREFIX = "usr/local"  # Meson's own
PAGES = ("man1/readygate.1", "man1/readygate-wait.1", "man5/readygate.toml.5", "man3/readygate.3")


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


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prefix below a DESTDIR."""
    target = tmp_path_factory.mktemp("destdir")
    command = ["meson", "install", "--no-rebuild", "--quiet", "-C", str(build_dir())]
    environment = {**os.environ, "DESTDIR": str(target)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in target.iterdir()] == ["usr"], "nothing outside of the prefix"
    return target / PREFIX


def test_meson_installs_programs_that_run(installed: Path) -> None:
    for name in ("readygate", "readygate-wait"):
        said = subprocess.run([installed / "bin" / name, "--version"], capture_output=True)
        assert said.stdout.decode() == f"{name} {version()}\n"


@pytest.mark.parametrize("page", PAGES)
def test_manual_pages_are_installed_and_without_mistakes(installed: Path, page: str) -> None:
    path = installed / "share/man" / page
    if shutil.which("man") is None or shutil.which("groff") is None:
        assert path.read_text().count(".SH NAME") == 1
        pytest.skip("no man(1) to render it")
    command = ["man", "--warnings", "--local-file", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "NAME" in done.stdout and path.stem in done.stdout


def test_manual_pages_name_what_the_programs_know(installed: Path) -> None:
    """They are written from the program's own tables; here that nothing of these is left out."""
    for name in ("readygate", "readygate-wait"):
        page = (installed / f"share/man/man1/{name}.1").read_text().replace("\\-", "-")
        said = subprocess.run([installed / "bin" / name, "--help"], capture_output=True, text=True)
        words = [line.split()[0] for line in said.stdout.splitlines() if line.startswith("  ")]
        missing = [
            word
            for word in words
            if word[0].isalpha() or word.startswith("--")
            if word not in ("readygate-wait", "readygate") and word.split(",")[0] not in page
        ]
        assert words and missing == []
    keys = (installed / "share/man/man5/readygate.toml.5").read_text().replace("\\-", "-")
    schema = json.loads((installed / "share/readygate/readygate.schema.json").read_text())
    for section, table in schema["properties"].items():
        for key in table.get("properties", table.get("items", {}).get("properties", {section: 0})):
            assert f"\\fB{key}" in keys, f"{section}.{key}"


@pytest.mark.parametrize(
    ("shell", "file"),
    [
        ("bash", "bash-completion/completions/readygate"),
        ("zsh", "zsh/site-functions/_readygate"),
        ("fish", "fish/vendor_completions.d/readygate.fish"),
    ],
)
def test_completions_are_those_of_the_program(installed: Path, shell: str, file: str) -> None:
    said = subprocess.run([readygate(), "completion", shell], capture_output=True, check=True)
    assert (installed / "share" / file).read_bytes() == said.stdout


def test_schemas_examples_and_documents_are_installed(installed: Path, tmp_path: Path) -> None:
    for name in ("readygate.schema.json", "schema.schema.json", "plan.schema.json"):
        assert json.loads((installed / "share/readygate" / name).read_text())["$schema"]
    documents = installed / "share/doc/readygate"
    assert {path.name for path in documents.iterdir()} == {
        *("CHANGELOG.md", "LICENSE", "README.md", "docs", "examples")
    }
    ours = {path.name for path in (repository() / "docs").glob("*.md")}
    assert {path.name for path in (documents / "docs").iterdir()} == ours
    example = documents / "examples/readygate.example.toml"
    schema = documents / "examples/schema.example.toml"
    command = [readygate(), "check", "--config", example, "--schema", schema]
    (tmp_path / "uri").write_text("mongodb://127.0.0.1/")
    command += ["--mongodb-uri-file", tmp_path / "uri"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_is_valid_and_waits_for_the_gate(installed: Path) -> None:
    unit = installed / "lib/systemd/system/readygate.service"
    lines = unit.read_text().splitlines()
    program = f"/{PREFIX}/bin/readygate"
    assert "Type=notify" in lines
    assert f"ExecStart={program} run --config /etc/readygate/readygate.toml" in lines
    assert (
        (installed / "lib/sysusers.d/readygate.conf")
        .read_text()
        .splitlines()[1]
        .startswith("u readygate ")
    )
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze to check it")
    # It looks for the program and the manual page on this machine.
    here = installed.parent / "readygate.service"
    here.write_text(
        unit.read_text()
        .replace(program, str(installed / "bin/readygate"))
        .replace("Documentation=", "#")
    )
    done = subprocess.run(["systemd-analyze", "verify", here], capture_output=True, text=True)
    about_it = [line for line in done.stderr.splitlines() if "readygate" in line]
    assert (done.returncode, about_it) == (0, [])
