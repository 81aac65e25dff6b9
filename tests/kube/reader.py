"""Who reads the documents and the chart's notes, and types their commands."""

from __future__ import annotations

import os
from pathlib import Path

from shop import START_TIMEOUT

from support.engine import install, recipe
from support.gate.process import Process
from support.node.node import Node


def typed(node: Node, command: str, folder: Path, **environment: str) -> str:
    """One command as it is written, in that folder: what it said. It has to succeed."""
    helm = install.ensure_program(recipe.HELM)
    environment |= {
        "PATH": f"{helm}:{node.kubectl.parent}:{os.environ['PATH']}",
        "KUBECONFIG": str(node.kubeconfig),
        "HOME": str(folder.parent),
    }
    with Process(["sh", "-euc", command], environment=environment, cwd=folder) as process:
        assert process.wait(START_TIMEOUT * 2) == 0, f"{command}\n{process.output()}"
        return process.output()


def commands(notes: str) -> list[str]:
    """Those that Helm's notes show: the lines that stand in by two spaces."""
    return [line.strip() for line in notes.splitlines() if line.startswith("  ")]
