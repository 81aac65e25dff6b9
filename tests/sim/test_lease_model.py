"""The model of the lease, src/core/lease.pml: Spin looks at every schedule of three replicas.

Each mistake that the model knows, made on purpose, must be found: what holds whatever is done wrong
proves nothing.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support.gate.binary import repository

MODEL = repository() / "src" / "core" / "lease.pml"
MISTAKES = sorted(set(re.findall(r"MISTAKE_[A-Z_]+[A-Z]", MODEL.read_text())))

# The longest history without a state twice has 3.2 million steps; what is cut off is not proven.
DEPTH = 5_000_000
MEGABYTES = 2_000


def checked(folder: Path, *defines: str) -> str:
    """What the checker that Spin makes of the model says."""
    for command in (
        ["spin", "-a", *defines, MODEL],
        ["cc", "-O2", "-w", "-DSAFETY", f"-DMEMLIM={MEGABYTES}", "-o", "pan", "pan.c"],
    ):
        subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=True)
    done = subprocess.run(
        ["./pan", f"-m{DEPTH}"], cwd=folder, capture_output=True, text=True, timeout=280, check=True
    )
    return done.stdout


def test_no_schedule_lets_two_replicas_send(tmp_path: Path) -> None:
    said = checked(tmp_path)
    assert re.search(r"^State-vector .*, errors: 0$", said, re.M), said
    assert "max search depth too small" not in said
    assert "Search not completed" not in said
    unreached = re.findall(r"lease\.pml:\d+, state \d+, (.*)", said)
    assert unreached == ['"-end-"'], f"what is modelled and never happens: {unreached}"


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(mistake: str, tmp_path: Path) -> None:
    said = checked(tmp_path, f"-D{mistake}")
    assert "assertion violated" in said, said
    assert re.search(r"^State-vector .*, errors: 1$", said, re.M), said


def test_the_model_knows_mistakes() -> None:
    assert len(MISTAKES) == 8
