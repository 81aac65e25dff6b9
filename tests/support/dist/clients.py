"""The client libraries as their languages' tools take them: a wheel and sources for Python, what
`npm pack` makes for Node.js, and the sources of Go's module.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from ..builds import REPOSITORY
from ..parts import InstallError
from ..versions import version
from .archives import Content, epoch, tarball, tracked

CLIENTS = REPOSITORY / "clients"


def python(target: Path) -> list[Path]:
    """By its own build back end, which takes its dates from SOURCE_DATE_EPOCH."""
    before = set(target.iterdir())
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--directory", str(target)],
        cwd=CLIENTS / "python",
        env={**os.environ, "SOURCE_DATE_EPOCH": str(epoch())},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise InstallError(f"the client for Python cannot be packaged: {done.stderr.strip()}")
    return sorted(set(target.iterdir()) - before)


def node(target: Path) -> Path:
    """What package.json says belongs to it, under `package/`."""
    folder = CLIENTS / "node"
    wanted = json.loads((folder / "package.json").read_text())["files"]
    files: dict[str, Content] = {"package/LICENSE": REPOSITORY / "LICENSE"}
    for name, content in tracked(folder).items():
        if name in ("package.json", "README.md") or name.split("/")[0] in wanted:
            files[f"package/{name}"] = content
    return tarball(target / f"readygate-node-{version()}.tgz", files)


def go(target: Path) -> Path:
    """The module's sources, for `replace readygate => …`: its path has no host to be fetched from."""
    name = f"readygate-go-{version()}"
    files = {**tracked(CLIENTS / "go", f"{name}/"), f"{name}/LICENSE": REPOSITORY / "LICENSE"}
    return tarball(target / f"{name}.tar.gz", files)


def make(target: Path) -> list[Path]:
    """Raises InstallError."""
    return [*python(target), node(target), go(target)]
