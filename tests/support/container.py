"""The image's programs under podman, as a build folder: the tests' `readygate` is a container.

    with build_dir(archive) as folder:     # READYGATE_BUILD_DIR for the end-to-end tests

Under the settings of the chart: read-only root, user 65532, no capabilities, no new privileges. The
network and the processes are the machine's, so that tests can ask it and signal it; their folders
are mounted, and given to its user. `readygate wait` becomes a command of the application's
container, which is not this image: that one runs outside.
"""

from __future__ import annotations

import resource
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from .builds import REPOSITORY
from .gate.binary import readygate
from .gate.folder import PREFIX
from .image import NAME, podman

USER = 65532
OPTIONS = (
    "--rm",
    "--interactive",
    "--read-only",
    f"--user={USER}:{USER}",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--network=host",
    "--pid=host",
    "--env=READYGATE_*",
    "--volume=/tmp:/tmp",
    f"--volume={REPOSITORY}:{REPOSITORY}:ro",
)
SCRIPT = """#!/bin/sh
if [ "$1" = wait ]; then exec {outside} "$@"; fi
for word in "$@"; do
  word=${{word#--*=}}
  case $word in /tmp/{prefix}*/*) chown -R {user}:{user} "${{word%/*}}" ;; esac
done
exec {run} "$@"
"""


def limits() -> list[str]:
    """Options of `run`: podman would raise them, which not every root may."""
    files, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return [f"--ulimit=nofile={files}:{hard}", "--ulimit=nproc=4096:4096"]


@contextmanager
def build_dir(archive: Path) -> Iterator[Path]:
    """A folder with `readygate` and `readygate-wait`. Nothing that was started outlives it."""
    with podman() as command, TemporaryDirectory(prefix="rg-image-") as folder:
        # runc: crun refuses a machine that has both versions of control groups.
        command = [*command, "--runtime=runc"]
        subprocess.run([*command, "load", "--quiet", "--input", str(archive)], check=True)
        run = shlex.join([*command, "run", *OPTIONS, *limits(), NAME])
        script = Path(folder) / "readygate"
        script.write_text(SCRIPT.format(outside=readygate(), run=run, user=USER, prefix=PREFIX))
        script.chmod(0o755)
        (Path(folder) / "readygate-wait").symlink_to(readygate().with_name("readygate-wait"))
        try:
            yield Path(folder)
        finally:
            subprocess.run([*command, "rm", "--all", "--force", "--time=1"], check=False)
