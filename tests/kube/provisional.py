"""Images of what is in a build folder, with the libraries of this machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from support.node import images


def closure(program: Path) -> dict[str, Path]:
    said = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    return {path: Path(path) for path in re.findall(r"(/\S+) \(0x", said)}


def readygate(build: Path, target: Path) -> Path:
    program = build / "readygate"
    files = {**closure(program), "/usr/bin/readygate": program}
    return images.archive("localhost/readygate:dev", files, ["/usr/bin/readygate"], target)


def application(build: Path, source: Path, target: Path) -> Path:
    program = images.compile_static(source, target.with_suffix(".bin"))
    gate = build / "readygate"
    files = {**closure(gate), "/usr/bin/readygate": gate, "/application": program}
    return images.archive("localhost/application:dev", files, ["/application"], target)
