"""Root file systems of Debian's releases, made by mmdebstrap."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .parts import as_root, cache_dir, ensure, key, run, step

ADVICE = "check that packages of Debian can be downloaded, then run the same command again"
# The lists of unstable are good for a week, and a mirror's older snapshot is as good as today's;
# those of an old release are not signed any more.
OPTIONS = dict.fromkeys(("bullseye", "sid"), ('Acquire::Check-Valid-Until "false"',))
# What builds the programs. A name a line, and comments.
LIST = Path(__file__).resolve().parents[2] / "image/packages"
UNREAD = ("man", "doc", "locale", "info")


def build_packages() -> tuple[str, ...]:
    lines = LIST.read_text().splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


@dataclass(frozen=True)
class Root:
    """A release, and the packages that are in it besides the essential ones."""

    suite: str
    packages: tuple[str, ...]
    variant: str = "essential"
    documents: bool = False  # manuals, copyrights, translations

    def path(self, ending: str = "") -> Path:
        """Where made() leaves it."""
        return cache_dir() / "roots" / f"{self.suite}-{key(self._command())}{ending}"

    def made(self, ending: str = "") -> Path:
        """Its folder, or with the ending ".tar" a file; made if it is missing."""
        path = self.path(ending)

        def make(new: Path) -> None:
            what = f"Debian {self.suite}"
            with step(path.parent, what, "1 to 3 min, 600 MB on disk", ADVICE) as log:
                self.unpack(log, new)

        return ensure(path, make)

    def unpack(self, log: Path, target: Path) -> None:
        """Makes it at `target`, which does not exist. Raises CalledProcessError."""
        # What goes into a tar file is laid out in TMPDIR: /tmp may be small.
        environment = {**os.environ, "TMPDIR": str(target.parent)}
        run(log, as_root([*self._command(), str(target)]), env=environment)

    def _command(self) -> list[str]:
        names = f"--include={','.join(self.packages)}"
        options = [f"--aptopt={option}" for option in OPTIONS.get(self.suite, ())]
        if not self.documents:
            options += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in UNREAD]
        return ["mmdebstrap", f"--variant={self.variant}", names, *options, self.suite]
