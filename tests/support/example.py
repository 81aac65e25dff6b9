"""The example's schema as a server can have it: whole, or without the kinds of index that it lacks.

`examples/rebalancer/schema.toml` is what a MongoDB gets. Engines lack text or hashed indexes; what
is left out is said by whoever asks for the schema.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from .gate import repository

EXAMPLE = repository() / "examples" / "rebalancer"
KINDS = ("text", "hashed")  # of index in it, which some engine lacks; see engine/capabilities.py


def schema_without(lacking: Collection[str], folder: Path) -> Path:
    """The schema file; where an index is left out, a copy in this folder."""
    whole = EXAMPLE / "schema.toml"
    left_out = [kind for kind in KINDS if kind in lacking]
    if not left_out:
        return whole
    # Each index, with the comment above it, is a paragraph.
    kept = [
        paragraph
        for paragraph in whole.read_text().split("\n\n")
        if not any(f'"{kind}"]' in paragraph for kind in left_out)
    ]
    shutil.copy(EXAMPLE / "rebalance.schema.json", folder)
    copy = folder / "schema.toml"
    copy.write_text("\n\n".join(kept))
    return copy
