"""Node.js and Go: the machine's own, if new enough. What the clients in these languages are run by.

`python -m protocol.clients.toolchains` says what is wrong, and fails then; with `missing`, which
packages to install. `./dev` asks both.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CLIENTS = Path(__file__).resolve().parents[3] / "clients"


@dataclass(frozen=True)
class Toolchain:
    program: str
    question: tuple[str, ...]  # what makes it say its version
    least: tuple[int, int]
    package: str  # Debian's

    def find(self) -> str:
        """Its path. RuntimeError: it is missing or too old, and what to do."""
        needed = ".".join(map(str, self.least))
        path = shutil.which(self.program)
        if path is None:
            raise RuntimeError(
                f"{self.program} is not there: install {self.program} {needed} or newer"
                f" (in Debian: {self.package}); `./dev test clients` does"
            )
        said = subprocess.run(
            [path, *self.question], env=environment(), capture_output=True, text=True, cwd="/"
        ).stdout
        found = re.search(r"(\d+)\.(\d+)", said)
        if found is None or tuple(map(int, found.groups())) < self.least:
            raise RuntimeError(
                f"{path} is {said.strip() or 'of no version'}, and {needed} or newer is needed:"
                f" replace it, or take it out of PATH and install {self.package}"
            )
        return path


TOOLCHAINS = (
    Toolchain("node", ("--version",), (18, 0), "nodejs"),
    Toolchain("go", ("env", "GOVERSION"), (1, 19), "golang-go"),
)


def environment() -> dict[str, str]:
    """Go as it is here: no other version is fetched, no workspace of the machine's is looked at."""
    cache = Path(os.environ.get("READYGATE_CACHE") or Path.home() / ".cache/readygate")
    settings = {"GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": "", "GOPROXY": "off"}
    return {**os.environ, **settings, "GOCACHE": str(cache / "go-build")}


@functools.cache
def node() -> str:
    return TOOLCHAINS[0].find()


@functools.cache
def go() -> str:
    return TOOLCHAINS[1].find()


@functools.cache
def go_driver() -> str:
    """The Go client's driver, built once, where every user may start it."""
    folder = Path(tempfile.mkdtemp(prefix="rg-go-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    program = folder / "driver"
    command = [go(), "build", "-o", str(program), "./internal/driver"]
    subprocess.run(command, cwd=CLIENTS / "go", env=environment(), check=True)
    return str(program)


def missing() -> list[Toolchain]:
    """Those that are not there at all: what a package can mend."""
    return [toolchain for toolchain in TOOLCHAINS if shutil.which(toolchain.program) is None]


def main() -> int:
    if sys.argv[1:] == ["missing"]:
        print(*(toolchain.package for toolchain in missing()))
        return 0
    wrong = 0
    for toolchain in TOOLCHAINS:
        try:
            toolchain.find()
        except RuntimeError as error:
            print(error, file=sys.stderr)
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
