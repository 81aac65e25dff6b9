"""The commands and files that a document shows, so that tests do what it says.

A fenced block may have a mark in the line above it:

    <!-- cluster -->            its commands need a cluster: tests/kube runs them
    <!-- container -->          they need podman and the image: tests/image runs them
    <!-- file: NAME -->         it is a file of that name in the reader's folder
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^(?:<!-- (.+?) -->\n)?```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
CLUSTER, CONTAINER, FILE = "cluster", "container", "file: "


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    mark: str  # "" without one
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """One for each line; none of these documents breaks a command that needs a cluster."""
        return self.text.splitlines()


def sections(document: Path) -> dict[str, list[Block]]:
    """The blocks by the heading above them; "" is what comes before the first."""
    parts = re.split(r"^## (.+)\n", document.read_text(), flags=re.MULTILINE)
    titles, texts = ["", *parts[1::2]], parts[::2]
    return {
        title: [Block(*found) for found in BLOCK.findall(text)]
        for title, text in zip(titles, texts, strict=True)
    }


def blocks(document: Path) -> list[Block]:
    return [block for section in sections(document).values() for block in section]


def write_files(section: list[Block], folder: Path) -> None:
    """Makes the files that a section shows."""
    for block in section:
        if block.mark.startswith(FILE):
            path = folder / block.mark.removeprefix(FILE)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
