"""The README's container and the compose file, under podman: what is written is what runs."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import image, walkthrough
from support.builds import REPOSITORY
from support.container import limits
from support.gate import free_port, wait_until
from support.versions import version

COMPOSE = yaml.safe_load((REPOSITORY / "packaging/compose.yaml").read_text())
SCHEMA = """schema = "shop"
database = "{database}"
version = 1
min_open = 1

[[collection]]
name = "orders"
"""
# Every `run` has these besides: the tests' own port, and what not every root may raise.
WRAPPER = """#!/bin/sh
word=$1
shift
if [ "$word" = run ]; then set -- {options} "$@"; fi
exec {podman} "$word" "$@"
"""


@dataclass
class Podman:
    folder: Path  # the reader's
    path: str

    def run(self, *command: str, check: bool = True, **variables: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "PATH": f"{self.path}:{os.environ['PATH']}", **variables},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return f"{done.returncode}: {done.stdout}{done.stderr}"


@pytest.fixture(scope="session")
def archive() -> Path:
    given = os.environ.get("READYGATE_TEST_IMAGE_ARCHIVE")
    return Path(given) if given else image.make()


@pytest.fixture
def podman(archive: Path, tmp_path: Path, database: str) -> Iterator[Podman]:
    """With the image's archive where the README has it, and a schema.toml."""
    (tmp_path / "dist").mkdir()
    (tmp_path / f"dist/readygate-{version()}.oci.tar").symlink_to(archive)
    (tmp_path / "schema.toml").write_text(SCHEMA.format(database=database))
    programs = tmp_path / "bin"
    programs.mkdir()
    with image.podman() as command:
        # By its path: the wrapper has its name.
        command = [shutil.which("podman") or "", *command[1:], "--runtime=runc"]
        listen = f"--env=READYGATE_GATE_LISTEN=127.0.0.1:{free_port()}"
        options = shlex.join([*limits(), listen])
        script = programs / "podman"
        script.write_text(WRAPPER.format(options=options, podman=shlex.join(command)))
        script.chmod(0o755)
        try:
            yield Podman(tmp_path, str(programs))
        finally:
            subprocess.run([*command, "rm", "--all", "--force", "--time=1"], check=False)
            subprocess.run([*command, "volume", "prune", "--force"], check=False)


def test_the_container_of_the_readme_opens(podman: Podman, engine: Any) -> None:
    blocks = [
        block
        for block in walkthrough.blocks(REPOSITORY / "README.md")
        if block.mark == walkthrough.CONTAINER
    ]
    (block,) = blocks
    said = podman.run("sh", "-euc", block.text, READYGATE_MONGODB_URI=engine.uri)
    assert "state      ready" in said


def test_the_compose_file_has_a_health_check_that_passes_with_the_gate(
    podman: Podman, archive: Path, engine: Any
) -> None:
    """Each key becomes the option of `podman run` that it is for."""
    gate, service = COMPOSE["services"]["gate"], COMPOSE["services"]["service"]
    assert service["depends_on"] == {"gate": {"condition": "service_healthy"}}
    volume = COMPOSE["volumes"]["socket"]["driver_opts"]
    options = [f"--opt={key}={value}" for key, value in volume.items()]
    podman.run("podman", "load", "--quiet", "--input", str(archive))
    podman.run("podman", "volume", "create", *options, "socket")
    health = gate["healthcheck"]
    assert health["test"][0] == "CMD"
    started = [
        *("podman", "run", "--detach", "--name=gate", "--network=host"),
        *(f"--volume={each}" for each in gate["volumes"]),
        *(f"--cap-drop={each}" for each in gate["cap_drop"]),
        *(["--read-only"] if gate["read_only"] else []),
        f"--health-cmd={json.dumps(health['test'][1:])}",
        "--health-interval=disable",  # nobody but us asks
        f"--health-timeout={health['timeout']}",
    ]
    assert list(gate["environment"]) == ["READYGATE_MONGODB_URI"]
    nobody = f"mongodb://127.0.0.1:{free_port()}/"
    name = gate["image"].removesuffix("}").split(":-")[1]
    podman.run(*started, f"--env=READYGATE_MONGODB_URI={nobody}", name)
    check = ("podman", "healthcheck", "run", "gate")
    status = ("podman", "exec", "gate", *health["test"][1:])
    wait_until(lambda: "connecting" in podman.run(*status, check=False), 20, "the daemon answers")
    assert podman.run(*check, check=False)[0] != "0"
    podman.run("podman", "rm", "--force", "--time=1", "gate")

    podman.run(*started, f"--env=READYGATE_MONGODB_URI={engine.uri}", name)
    wait_until(lambda: podman.run(*check, check=False)[0] == "0", 30, "the check passes")
    # The service, as another user of the socket's group.
    as_service = [
        *("podman", "run", "--rm", "--user=1000:1000", "--entrypoint=/usr/bin/readygate-wait"),
        *(f"--volume={each}" for each in service["volumes"]),
        *(f"--group-add={each}" for each in service["group_add"]),
    ]
    said = podman.run(*as_service, name, "--timeout=20s", "--", "/usr/bin/readygate", "status")
    assert "state      ready" in said
