"""The two commands of the README, where nobody has run them before.

    ./dev test first-run

On an empty Debian 12 as root; there as a plain user, who has the packages installed that `./dev`
names; and as root of a container that has the usual capabilities and no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from world import CONTAINER, ROOT, SOMEBODY, Who, World

DEMO = "./dev demo"
# Quick suites, and of the integration tests a few: on an engine, on a scripted server, on none.
TEST = (
    "./dev test lint unit protocol integration -- -k 'bad_input or capabilities or test_overload'"
)
BY_HAND = re.compile(r"as root: apt-get install ([a-z0-9.+ -]+)$", re.MULTILINE)
ROUNDS = 6  # `./dev` names the packages of each step when it comes to it
LIMIT = 60 * 60  # s, for one command on a busy machine

pytestmark = pytest.mark.timeout(3 * LIMIT)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An empty Debian; later tests find the packages that earlier ones have installed."""
    yield World(tmp_path_factory.mktemp("first-run"))


def carried_out(world: World, who: Who, command: str) -> str:
    """What it said. Who may not install packages is told what root has to do: it is done."""
    said = ""
    for _ in range(ROUNDS):
        done = world.run(who, command, LIMIT)
        said += done.stdout
        named = BY_HAND.search(done.stdout) if who == SOMEBODY else None
        if named is None:
            assert done.returncode == 0
            return said
        assert done.returncode == 1
        world.install(named[1].split())
    raise AssertionError(f"{command} named packages {ROUNDS} times")


def demo_and_test(world: World, who: Who) -> str:
    """Both commands do what the README says; what they said."""
    world.check_out(who)
    demo = carried_out(world, who, DEMO)
    assert "The database is an embedded engine (SecantusDB, in Python)" in demo
    assert "Summary" in demo
    test = carried_out(world, who, TEST)
    passed, failed = re.findall(r"^(\d+) passed, (\d+) failed", test, re.MULTILINE)[-1]
    assert int(passed) > 400
    assert failed == "0"
    return demo + test


def test_on_an_empty_debian_12_as_root(tmp_path: Path) -> None:
    said = demo_and_test(World(tmp_path), ROOT)
    assert "installing " in said
    assert "ferretdb needs" not in said


def test_as_a_plain_user_where_root_has_installed_the_packages(world: World) -> None:
    without_privileges(demo_and_test(world, SOMEBODY))


def test_as_root_of_a_container_with_the_usual_capabilities(world: World) -> None:
    without_privileges(demo_and_test(world, CONTAINER))


def without_privileges(said: str) -> None:
    """What needs more is left out, and why is said."""
    assert "ferretdb needs root" in said
    assert "what runs on it is skipped" in said
