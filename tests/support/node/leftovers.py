"""Where nodes live on this machine, and removing those whose supervisor was killed."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from ..engine import install

SUPERVISOR = Path(__file__).with_name("supervisor.py")
# Short: the names of Unix sockets below it have 107 bytes.
BASE = Path(tempfile.gettempdir()) / "readygate-nodes"


def sweep() -> None:
    """Removes what killed runs left. A node that is in use is left alone."""
    command = [*install.PYTHON, str(SUPERVISOR), "sweep", str(BASE)]
    subprocess.run(install.as_root(command), check=True)
