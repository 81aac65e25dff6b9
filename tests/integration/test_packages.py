"""What ./dev dist makes without compiling: twice the same, and what languages' tools take."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from support.dist import archives, clients, sums
from support.versions import version


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = clients.make(tmp_path_factory.mktemp("packages"))
    return {path.name: path for path in made}


def test_the_same_files_give_the_same_archive(tmp_path: Path) -> None:
    """Whatever their dates, their owners, the umask and the order in which they were written."""
    made = []
    for order in (("a", "b/c"), ("b/c", "a")):
        folder = tmp_path / order[0][0]
        for name in order:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(name)
            os.utime(folder / name, (len(made), len(made)))
        (folder / "a").chmod(0o700 if made else 0o755)
        (folder / "b/c").chmod(0o600 if made else 0o644)
        (folder / "b/link").symlink_to("c")
        made.append(archives.tarball(tmp_path / f"{len(made)}.tar.gz", archives.below(folder)))
    first, second = (path.read_bytes() for path in made)
    assert first == second
    with tarfile.open(made[0]) as archive:
        modes = {member.name: member.mode for member in archive if member.isfile()}
        assert modes == {"a": 0o755, "b/c": 0o644}
        assert archive.getmember("b/link").linkname == "c"


def test_clients_are_packaged_twice_the_same(packages: dict[str, Path], tmp_path: Path) -> None:
    again = {path.name: path.read_bytes() for path in clients.make(tmp_path)}
    assert again == {name: path.read_bytes() for name, path in packages.items()}
    assert all(version() in name for name in again)


def test_python_installs_the_wheel(packages: dict[str, Path], tmp_path: Path) -> None:
    wheel = packages[f"readygate-{version()}-py3-none-any.whl"]
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--quiet"]
    subprocess.run([*pip, f"--target={tmp_path}", str(wheel)], check=True)
    program = "import readygate, importlib.metadata as m; print(m.version('readygate'))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == version(), done.stderr


def test_node_imports_the_package(packages: dict[str, Path], tmp_path: Path) -> None:
    modules = tmp_path / "node_modules"
    with tarfile.open(packages[f"readygate-node-{version()}.tgz"]) as archive:
        archive.extractall(modules)
    (modules / "package").rename(modules / "readygate")
    assert json.loads((modules / "readygate/package.json").read_text())["version"] == version()
    assert not (modules / "readygate/test").exists()
    if shutil.which("node") is None:
        pytest.skip("no Node.js to import it")
    program = "import('readygate').then((m) => console.log(Object.keys(m).length > 0))"
    done = subprocess.run(["node", "-e", program], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "true\n", done.stderr


def test_go_builds_with_the_sources(packages: dict[str, Path], tmp_path: Path) -> None:
    with tarfile.open(packages[f"readygate-go-{version()}.tar.gz"]) as archive:
        archive.extractall(tmp_path)
    if shutil.which("go") is None:
        pytest.skip("no Go to build it")
    (tmp_path / "main.go").write_text(
        'package main\n\nimport "readygate"\n\nfunc main() { _ = readygate.IsOpen }\n'
    )
    (tmp_path / "go.mod").write_text(
        "module shop\n\ngo 1.19\n\nrequire readygate v0.0.0\n\n"
        f"replace readygate => ./readygate-go-{version()}\n"
    )
    environment = {**os.environ, "GOFLAGS": "-mod=mod", "GOPROXY": "off"}
    done = subprocess.run(
        ["go", "vet", "."], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_sums_and_the_sbom_name_every_file(packages: dict[str, Path], tmp_path: Path) -> None:
    files = [tmp_path / name for name in packages]
    for path in files:
        path.write_bytes(packages[path.name].read_bytes())
    bill, listed = sums.make(tmp_path, files, None)
    check = ["sha256sum", "--check", "--strict", "--quiet", listed.name]
    assert subprocess.run(check, cwd=tmp_path).returncode == 0
    assert len(listed.read_text().splitlines()) == len(files) + 1
    named = json.loads(bill.read_text())["packages"]
    assert {one["name"]: one["checksums"][0]["checksumValue"] for one in named} == {
        path.name: sums.digest(path) for path in files
    }
