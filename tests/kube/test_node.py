"""The tests' node leaves nothing behind, however its run ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from shop import APPLICATION, Shop

from support.engine.install import as_root
from support.gate.process import wait_until
from support.node.leftovers import sweep
from support.node.node import Node
from support.node.record import container

PROGRAM = """
import sys
from support.node.node import Node
node = Node.start(sys.argv[1])
print(node.folder, node.place.number, flush=True)
sys.stdin.read()
"""


def mine(folder: Path) -> list[str]:
    """Processes and mounts of a node."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = (process / "cmdline").read_bytes() + (process / "cgroup").read_bytes()
        except OSError:
            continue
        if folder.name.encode() in said and int(process.name) != os.getpid():
            found.append(str(process))
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if folder.name in line]
    return found


def groups(folder: Path) -> list[Path]:
    """Its cgroups, in either version's tree."""
    tree = Path("/sys/fs/cgroup")
    return [*tree.glob(folder.name), *tree.glob(f"*/{folder.name}")]


def interfaces(number: str) -> list[tuple[int, str]]:
    """Of the node with that number; its index tells it from that of a node which has it later."""
    return [row for row in socket.if_nameindex() if row[1] == f"rgnode{number}"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_leaves_nothing(kubernetes: str, how: signal.Signals) -> None:
    command = [sys.executable, "-c", PROGRAM, kubernetes]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        path, number = process.stdout.readline().split()
        folder = Path(path)
        assert folder.is_dir()
        assert mine(folder), "its programs are found"
        assert groups(folder)
        (interface,) = interfaces(number)
        process.send_signal(how)
    wait_until(lambda: not mine(folder), 30, "its programs end", seen=lambda: mine(folder))
    wait_until(lambda: not folder.exists(), 30, "its folder is removed")
    assert not groups(folder)
    wait_until(lambda: interface not in interfaces(number), 30, "its interface is removed")


def test_what_a_killed_supervisor_left_is_swept(kubernetes: str) -> None:
    """The one process that removes things is itself killed."""
    node = Node.start(kubernetes)
    try:
        subprocess.run(as_root(["kill", "-KILL", str(supervisor(node.folder))]), check=True)
        wait_until(lambda: not mine(node.folder), 30, "its programs end")
        assert node.folder.exists()
        sweep()
        assert not node.folder.exists()
        assert not groups(node.folder)
    finally:
        node.close()


def supervisor(folder: Path) -> int:
    """The process that holds the folder's lock."""
    inode = (folder / "lock").stat().st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if fields[5].endswith(f":{inode}"):
            return int(fields[4])
    raise AssertionError(f"nobody locks {folder}")


def test_pods_are_in_the_nodes_own_cgroup(make_shop: Callable[..., Shop]) -> None:
    """Which is what is removed at the end."""
    shop = make_shop()
    shop.install()
    (pod,) = shop.wait_ready(1)
    identifier = container(pod, APPLICATION)["containerID"].removeprefix("containerd://")
    within = [path for group in groups(shop.node.folder) for path in group.rglob(identifier)]
    assert within


def test_a_sweep_leaves_a_node_in_use_alone(node: Node) -> None:
    sweep()
    assert node.folder.is_dir()
    assert node.api.ask("GET", "/readyz") == "ok"
