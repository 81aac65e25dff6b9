"""./dev dist [PART…]: what is installed, into dist/.

Without a name every part is made; one that this machine cannot make is skipped, with the reason.
What was asked for by name fails then.
"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .. import image
from ..builds import REPOSITORY
from ..parts import InstallError
from ..versions import version
from . import charts, clients, deb, portable, sums
from .programs import Installed


@dataclass
class Dist:
    """One run: where it goes, and which builds (the tests make everything a second time)."""

    folder: Path = REPOSITORY / "dist"
    again: str = ""
    files: list[Path] = field(default_factory=list)
    portable: Installed | None = None

    def make_deb(self) -> list[Path]:
        own = platform.freedesktop_os_release().get("VERSION_CODENAME")
        suites = [suite for suite in deb.SUITES if suite == own]
        if not suites:
            raise InstallError(f"this machine is none of {', '.join(deb.SUITES)}")
        return self.debs(suites)

    def make_others(self) -> list[Path]:
        """Those of the other releases, each in a root file system."""
        own = platform.freedesktop_os_release().get("VERSION_CODENAME")
        return self.debs([suite for suite in deb.SUITES if suite != own])

    def debs(self, suites: list[str]) -> list[Path]:
        return [path for suite in suites for path in deb.make(suite, self.folder, self.again)]

    def make_portable(self) -> list[Path]:
        made, self.portable = portable.make(self.folder, self.again)
        return [made]

    def make_image(self) -> list[Path]:
        if shutil.which("podman") is None:
            raise InstallError("podman is not installed")
        target = self.folder / f"readygate-{version()}.oci.tar"
        shutil.copyfile(image.make(), target)
        return [target]

    def make_charts(self) -> list[Path]:
        return charts.make(self.folder)

    def make_clients(self) -> list[Path]:
        return clients.make(self.folder)

    def run(self, names: list[str]) -> bool:
        """Makes these parts, or all; says what was skipped. False: one that was named failed."""
        parts: dict[str, Callable[[], list[Path]]] = {
            "charts": self.make_charts,
            "clients": self.make_clients,
            "deb": self.make_deb,
            "portable": self.make_portable,
            "other-debs": self.make_others,
            "image": self.make_image,
        }
        if unknown := [name for name in names if name not in parts]:
            raise InstallError(f"no such part: {' '.join(unknown)}; there are: {' '.join(parts)}")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        failed = False
        for name in names or parts:
            try:
                self.files += parts[name]()
            except InstallError as error:
                failed = failed or name in names
                word = "failed" if name in names else "skipped"
                print(f"dist: {name}: {word}: {error}", file=sys.stderr)
        assert len({path.name for path in self.files}) == len(self.files), "two of one name"
        self.files += sums.make(self.folder, self.files, self.portable)
        return not failed


def made(again: str = "") -> Dist:
    """All parts but those that this machine cannot make; `again` names folders of their own."""
    folder = Dist().folder
    run = Dist(folder.with_name(folder.name + again), again)
    run.run([])
    return run


def main(arguments: list[str]) -> int:
    run = Dist()
    try:
        made = run.run(arguments)
    except InstallError as error:
        print(f"dist: {error}", file=sys.stderr)
        return 64
    for path in run.files:
        print(f"{path.stat().st_size / 1e6:8.2f} MB  {path.relative_to(REPOSITORY)}")
    return 0 if made and len(run.files) > 2 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
